"""What the last layer of a fitted classifier takes and gives, for some rows after the other."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.neural_network import MLPClassifier
from sklearn.utils import indexable
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import validate_data

from skcalib.backends import read_perceptron
from skcalib.inputs import count_rows, is_dict_of_arrays, softmax, take_rows
from skcalib.networks import (
    find_final_estimator,
    find_final_step,
    find_network,
    wraps_network,
)
from skcalib.sampling import reduce_logits

LINEAR = ("coef_", "intercept_", "decision_function", "predict_proba")
HELD = 2**22  # features of one block
FEWEST_ROWS, MOST_ROWS = 64, 8192
FEW, SAME = 64, 1e-4  # rows, and difference of probabilities
LINEAR_TO = 1e-3  # of the spread of the logits, what a linear map may leave
MOST_CHECKED = 512  # features, up to which it is checked


class Rows(NamedTuple):
    """What is known of some rows: of the last layer, without its activation."""

    features: np.ndarray  # (n, n_features), float64, the last column 1
    logits: np.ndarray  # (n, n_logits), float64; of two classes, the log-odds


class LastLayer:
    """The last layer of a fitted classifier that is linear in what it takes.

    Parameters
    ----------
    estimator : classifier
        A network (FrozenNetwork, a fitted wrapper), a perceptron or a linear model, also at
        the end of a Pipeline, a search or in FrozenEstimator.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        last = find_final_estimator(estimator)
        self._ask = _find_reader(last)
        if self._ask is None:
            raise InvalidParameterError(
                "The 'estimator' parameter of LaplaceClassifier must end in a linear layer: a "
                "network, an MLPClassifier, or a linear model with coef_, intercept_, "
                f"decision_function and predict_proba. Got {type(last).__name__}."
            )
        self._step = 4 * FEWEST_ROWS

    def blocks(self, X):
        """Yield slices of X, and Rows."""
        X = make_indexable(X)
        n_rows, start = count_rows(X), 0
        while start < n_rows:
            stop = min(n_rows, start + self._step)
            yield slice(start, stop), self.read(take_rows(X, np.arange(start, stop)))
            start = stop

    def read(self, X):
        """Return Rows for all of X."""
        last, inputs = find_final_step(self.estimator, X)
        features, logits, self.classes_ = self._ask(last, inputs)
        features = np.asarray(features, dtype=np.float64).reshape(len(logits), -1)
        self._step = int(np.clip(HELD // features.shape[1], FEWEST_ROWS, MOST_ROWS))
        ones = np.ones((len(features), 1))
        return Rows(np.hstack([features, ones]), reduce_logits(logits))


def make_indexable(X):
    """Return X so that rows can be taken: sparse matrices as csr, what is no array as one."""
    return X if is_dict_of_arrays(X) else indexable(X)[0]


def check_linear(rows, name):
    """Raise if the logits are no linear map of the features, as far as rows can tell."""
    n_rows, n_features = rows.features.shape
    if n_features > MOST_CHECKED or n_rows < 2 * n_features:
        return
    rows = Rows(rows.features[: 4 * n_features], rows.logits[: 4 * n_features])
    left = rows.features @ solve_weights(rows) - rows.logits
    if np.abs(left).max() > LINEAR_TO * max(1.0, np.ptp(rows.logits)):
        raise InvalidParameterError(
            f"The logits of {name} are no linear map of what its last layer with weights takes "
            f"(off by up to {np.abs(left).max():.2g}), so that a last-layer Laplace "
            "approximation is not possible. Use MCDropoutClassifier, or end the network in a "
            "dense layer."
        )


def solve_weights(rows):
    """Return the smallest weights (n_features, n_logits) that give the logits."""
    return np.linalg.lstsq(rows.features, rows.logits, rcond=None)[0]


def _find_reader(last):
    if wraps_network(last):
        return _read_network
    if isinstance(last, MLPClassifier):
        return _read_perceptron
    if all(hasattr(last, name) for name in LINEAR):
        return _read_linear
    return None


def _read_network(last, inputs):
    found = find_network(last, inputs)
    if found is None:
        raise InvalidParameterError(
            f"{type(last).__name__} is customised, so that its network is not known. Pass the "
            "trained network itself, or FrozenNetwork(model)."
        )
    network, inputs, columns, labels = found
    answer, features = network.answer_with_features(inputs)
    if answer.is_proba:
        raise InvalidParameterError(
            f"The logits of {type(network.model).__name__} are lost: what it ends in is not "
            "known. Give a network that ends before its last activation."
        )
    values, classes = answer.values, answer.classes
    if columns is not None:
        values, classes = values[:, columns], labels
    return features, values, np.asarray(classes)


def _read_perceptron(mlp, X):
    features = read_perceptron(mlp, X)
    logits = features @ mlp.coefs_[-1] + mlp.intercepts_[-1]
    return features, _two_columns(logits), mlp.classes_


def _read_linear(model, X):
    values = np.asarray(model.decision_function(X))
    X = validate_data(model, X, accept_sparse=["csr", "csc"], reset=False)
    features = X.toarray() if issparse(X) else X
    if values.ndim == 2 and values.shape[1] != len(model.classes_):
        raise InvalidParameterError(
            f"{type(model).__name__}.decision_function has {values.shape[1]} columns for "
            f"{len(model.classes_)} classes; a column for each is needed."
        )
    logits = _two_columns(values)
    _check_softmax(model, X, logits)
    return features, logits, model.classes_


def _check_softmax(model, X, logits):
    """Raise unless a model's own probabilities are the softmax of its decision values."""
    few = slice(0, FEW)
    if np.abs(softmax(logits[few].astype(float)) - model.predict_proba(X[few])).max() > SAME:
        raise InvalidParameterError(
            f"The probabilities of {type(model).__name__} are not the softmax of its decision "
            "values (it was not trained by one log loss for all classes), which a Laplace "
            "approximation needs. Use LogisticRegression, or one such model for two classes."
        )


def _two_columns(logits):
    """Return a column for each class; log-odds f become (0, f)."""
    logits = logits.reshape(len(logits), -1)
    if logits.shape[1] > 1:
        return logits
    return np.hstack([np.zeros_like(logits), logits])


def cut_blocks(blocks, size):
    """Yield smaller slices, and their Rows."""
    for block, rows in blocks:
        for start in range(0, len(rows.logits), size):
            part = Rows(*(array[start : start + size] for array in rows))
            yield slice(block.start + start, block.start + start + len(part.logits)), part
