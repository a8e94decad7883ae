"""One pass of a perceptron: what its last layer takes, and the probabilities from there."""

from copy import copy

import numpy as np
from scipy.special import expit
from sklearn.neural_network import MLPClassifier
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import validate_data

_ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": lambda x: expit(x, out=x),
    "tanh": lambda x: np.tanh(x, out=x),
    "relu": lambda x: np.maximum(x, 0, out=x),
}


def has_own_pass(estimator):
    """Tell whether this is a perceptron that predicts as scikit-learn wrote it."""
    return getattr(type(estimator), "predict_proba", None) is MLPClassifier.predict_proba


def read_perceptron(mlp, X):
    """Return what goes into the last layer; X itself if there is no other."""
    rows = validate_data(mlp, X, accept_sparse=["csr", "csc"], reset=False)
    for kernel, bias in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        rows = safe_sparse_dot(rows, kernel)
        rows += bias
        rows = _ACTIVATIONS[mlp.activation](rows)
    return rows.toarray() if hasattr(rows, "toarray") else rows


def proba_of_perceptron(mlp, features):
    """Return the probabilities of rows by what goes into the last layer.

    scikit-learn computes them, for a perceptron of this one layer: to the last bit they are
    those of the whole.
    """
    last = copy(mlp)
    last.coefs_, last.intercepts_ = mlp.coefs_[-1:], mlp.intercepts_[-1:]
    last.n_layers_ = 2
    last.n_features_in_ = features.shape[1]
    if hasattr(last, "feature_names_in_"):
        del last.feature_names_in_
    return last.predict_proba(features)
