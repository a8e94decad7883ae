"""Rows and names of columns of whatever an estimator takes as X; streams, which are not X."""

from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import validate_data

WAY_OUT = """\
Run the network batch by batch, and calibrate on arrays of logits and labels:

    network = FrozenNetwork(model)
    batches = [(network.decision_function(x), labels) for x, labels in data]
    logits, y = (np.concatenate(parts) for parts in zip(*batches))
    scaling = TemperatureScaling().fit(logits.reshape(len(y), -1), y)
    scaling.predict_proba(network.decision_function(x_new).reshape(len(x_new), -1))"""


BOOSTED = {"catboost": "Pool", "lightgbm": "Dataset", "xgboost": "DMatrix"}


def refuse_streams(X):
    """Raise, and show the way, if X gives batches or pairs instead of samples."""
    packages = {cls.__module__.split(".")[0] for cls in type(X).__mro__}
    library = next((name for name in BOOSTED if name in packages), None)
    if library is not None:
        raise ValueError(
            f"X is a {library}.{type(X).__name__}, which cannot be split into rows. Pass the "
            "array or the frame that it was made from, and y; the classifier makes its own "
            f"{BOOSTED[library]}."
        )
    is_stream = packages & {"tensorflow", "keras", "torch"} and not hasattr(X, "shape")
    if is_stream or isinstance(X, Iterator):
        raise ValueError(
            f"X is a {type(X).__name__}, which yields batches; it cannot be split or read "
            f"twice like an array of samples. {WAY_OUT}"
        )


def is_dict_of_arrays(X):
    """Tell a dictionary of inputs from a sparse matrix that is a dictionary inside."""
    return isinstance(X, Mapping) and not hasattr(X, "shape")


def take_rows(X, rows):
    """Index whatever an estimator takes as X."""
    if is_dict_of_arrays(X):
        return {name: _take(part, rows) for name, part in X.items()}
    return _take(X, rows)


def _take(X, rows):
    if type(X).__module__.startswith("pyarrow"):  # not all of them are known to scikit-learn
        return X.take(np.arange(len(X))[rows])
    return _safe_indexing(X, rows)


def count_rows(X):
    """Count the samples of whatever a classifier takes as X."""
    if is_dict_of_arrays(X):
        X = next(iter(X.values()))
    if not hasattr(X, "shape") and not hasattr(X, "__len__"):
        X = np.asarray(X)
    return X.shape[0] if hasattr(X, "shape") else len(X)


def learn_feature_names(estimator, X):
    """Have ``feature_names_in_`` of a frame, as scikit-learn does; X is left as it is."""
    validate_data(estimator, X, skip_check_array=True, ensure_2d=False)
    estimator._names_learned = True


def check_feature_names(estimator, X):
    """Raise or warn as scikit-learn does, if names were learned and those of X are others."""
    if vars(estimator).get("_names_learned"):
        validate_data(estimator, X, reset=False, skip_check_array=True, ensure_2d=False)


def refuse_masked_array(values, source):
    """Raise if entries of a masked array are masked: arithmetic here would use them.

    Also in a list of masked rows.
    """
    rows = values if isinstance(values, list | tuple) else [values]
    n_masked = sum(
        int(np.ma.count_masked(row)) for row in rows if isinstance(row, np.ma.MaskedArray)
    )
    if n_masked:
        raise ValueError(
            f"{source} is a masked array with {n_masked} masked values, which would be used as "
            "if they were not masked. Leave these samples out, or give the values they stand "
            f"for ({source}.filled(...))."
        )
