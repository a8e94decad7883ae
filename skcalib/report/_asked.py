"""What a fitted classifier answers, asked for as often as the report needs it."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.folds import find_classes, refuse_boosters, response_of
from skcalib.inputs import (
    check_labels,
    count_rows,
    float_array,
    refuse_streams,
    softmax,
    take_rows,
    to_numpy,
)
from skcalib.messages import quote, quote_labels
from skcalib.networks import (
    FrozenNetwork,
    encode_labels,
    find_final_network,
    is_multilabel,
    list_inputs,
    wrap_network,
)
from skcalib.report._find_unrepeatable import Again
from skcalib.report._given import floored

ASKED_AGAIN = 100  # rows
MOST_PREDICTED = 2000  # rows whose labels are asked for
NO_PROBA = (
    "{name} has no predict_proba: there are no probabilities to report on. Wrap it in "
    "skcalib.CalibratedClassifierCV, which makes some of its decision values, or pass the "
    "logits of a network to confidence_report_from_logits."
)


class Asked(NamedTuple):
    """One answer: probabilities as they came, true logits if they are known, labels."""

    proba: np.ndarray
    logits: np.ndarray | None
    classes: np.ndarray


def prepare_estimator(estimator, X, y):
    """Return a classifier that can be asked, X as it takes it, and the labels of y."""
    if isinstance(estimator, type):
        raise InvalidParameterError(
            f"estimator is the class {estimator.__name__}; pass a fitted classifier."
        )
    if X is None:
        raise ValueError("X is None; pass the rows that the classifier is asked about.")
    refuse_streams(X)
    refuse_boosters(estimator)
    estimator = wrap_network(estimator)
    if isinstance(estimator, FrozenNetwork):
        X = list_inputs(estimator, X)
        if not hasattr(estimator, "has_logits_"):
            estimator = FrozenNetwork(**estimator.get_params(deep=False)).fit(X, y)
    if hasattr(estimator, "fit") and hasattr(estimator, "get_params"):
        check_is_fitted(estimator)
    if not hasattr(estimator, "predict_proba"):
        raise InvalidParameterError(NO_PROBA.format(name=type(estimator).__name__))
    if is_multilabel(estimator):
        raise InvalidParameterError(
            f"{type(estimator).__name__} answers several labels for each sample; a report is "
            "of one. Pass the probabilities of each to confidence_report_from_predictions."
        )
    return estimator, X, read_labels(y, estimator)


def read_labels(y, estimator):
    """Return a vector of labels; one-hot ones of a network are decoded."""
    _, _, vector = encode_labels(y, estimator)
    vector = np.asarray(to_numpy(vector, "y"))
    if vector.ndim == 2 and vector.shape[1] > 1:
        vector = find_classes(estimator)[vector.argmax(axis=1)]
    return check_labels(vector)[0]


def ask(estimator, X):
    """Return probabilities, of a network those of its logits."""
    classes = find_classes(estimator)
    if find_final_network(estimator, X) is not None:
        response = response_of(estimator, X)
        if response.is_proba:
            return Asked(response.values, None, response.classes)
        logits = floored(response.values)
        proba = softmax(response.values)  # in the network's own precision
        return Asked(proba, logits, response.classes)
    proba = _as_matrix(estimator, X, classes)
    return Asked(proba, _find_logits(estimator, X, proba), classes)


def clean_proba(proba):
    """Return float64 rows that sum to one, whatever small error they had."""
    proba = np.clip(np.asarray(proba, dtype=np.float64), 0, 1)
    total = proba.sum(axis=1, keepdims=True)
    uniform = np.full(proba.shape, 1 / proba.shape[1])
    return np.divide(proba, total, out=uniform, where=total > 0)


def ask_again(estimator, X, classes, seed):
    """Ask twice more for some rows, columns in the order of these classes."""
    n_rows = count_rows(X)
    rows = np.random.default_rng(seed).permutation(n_rows)[: min(ASKED_AGAIN, n_rows)]
    rows.sort()
    some = take_rows(X, rows)
    answers = [ask(estimator, some) for _ in range(2)]
    order = codes_of(classes, answers[0].classes)
    return Again(rows, *(clean_proba(asked.proba[:, order]) for asked in answers))


def ask_labels(estimator, X, classes):
    """Return the column of what `predict` says of the first rows, -1 for no class; or None."""
    if not hasattr(estimator, "predict"):
        return None
    n_rows = min(MOST_PREDICTED, count_rows(X))
    said = np.asarray(to_numpy(estimator.predict(take_rows(X, np.arange(n_rows))), "predict"))
    said = said.reshape(n_rows, -1)
    if said.shape[1] != 1:
        return None
    return codes_of(said[:, 0], classes)


def codes_of(labels, classes):
    """Return the place of each label among the classes, -1 for none of them."""
    place = {label: k for k, label in enumerate(classes.tolist())}
    return np.array([place.get(label, -1) for label in np.asarray(labels).tolist()], dtype=int)


def check_training_labels(y_train, X_train, classes, estimator):
    """Return the codes of training labels."""
    labels = read_labels(y_train, estimator)
    if count_rows(X_train) != len(labels):
        raise ValueError(
            f"X_train has {count_rows(X_train)} rows, but y_train {len(labels)} labels."
        )
    codes = codes_of(labels, classes)
    if (codes < 0).any():
        strange = np.unique(labels[codes < 0])
        raise ValueError(
            f"y_train has labels that the classifier does not know: {quote_labels(strange)}; "
            f"it knows {quote_labels(classes)}."
        )
    return codes


def _as_matrix(estimator, X, classes):
    """Return a column for each class, whatever the shape of the answer."""
    source = f"{type(estimator).__name__}.predict_proba"
    answer = estimator.predict_proba(X)
    if isinstance(answer, list):
        raise ValueError(f"{source} returned a list, as of several labels; a report is of one.")
    values = float_array(answer, source)
    n_rows, n_classes = count_rows(X), len(classes)
    if n_classes < 2:
        raise ValueError(
            f"{type(estimator).__name__} knows one class only ({quote(classes.tolist()[0])}): "
            "there is nothing to be sure of."
        )
    if values.ndim == 1:
        squeezed = n_rows == 1 and len(values) == n_classes
        values = values.reshape((1, -1) if squeezed else (-1, 1))
    if values.shape == (n_rows, 1) and n_classes == 2:
        values = np.hstack([1 - values, values])
    if values.shape != (n_rows, n_classes):
        raise ValueError(
            f"{source} returned shape {values.shape} for {n_rows} samples and {n_classes} "
            f"classes ({quote(classes.tolist())})."
        )
    return values


def _find_logits(estimator, X, proba):
    """Return decision values where they are the logits of these probabilities.

    They are asked for only if probabilities are saturated, and taken only if their softmax
    returns the probabilities: some classifiers make these of something else.
    """
    if not hasattr(estimator, "decision_function") or (proba.min() > 0 and proba.max() < 1):
        return None
    values = np.asarray(estimator.decision_function(X), dtype=np.float64)
    if values.ndim == 1 and proba.shape[1] == 2:
        values = np.stack([-values / 2, values / 2], axis=1)
    if values.shape != proba.shape or not np.isfinite(values).all():
        return None
    same = np.abs(softmax(values) - proba).max() < 1e-5
    return floored(values) if same else None


def check_rows(X, y):
    """Raise unless there is a label for each row."""
    if count_rows(X) != len(y):
        check_consistent_length(np.zeros(count_rows(X)), y)
