"""What a fitted classifier answers, asked once and turned into logits where it is known
which of its methods was asked; values are never inspected to guess what they are.
"""

from typing import NamedTuple

import numpy as np

from skcalib.inputs import (
    check_logits,
    check_proba,
    count_rows,
    find_wrong_sums,
    float_array,
    log_of_floored,
    refuse_masked_array,
    softmax,
)
from skcalib.networks import find_final_estimator, find_final_network


class Response(NamedTuple):
    """What a fitted classifier answered: two-dimensional, finite, not yet logits."""

    values: np.ndarray  # (n_samples, n_classes), decision values (-inf: masked), probabilities
    is_proba: bool
    classes: np.ndarray  # (n_classes,), the classifier's own
    network: str | None = None  # the type of the network that answered, if one did


def logits_from_response(response, floor=None):
    """Turn a validated response into logits; ``floor`` serves probabilities only."""
    if response.is_proba:
        return log_of_floored(response.values, floor)
    return response.values


def response_of(estimator, X, *, trusted=False):
    """Ask a fitted classifier: a network's logits, ``decision_function``, ``predict_proba``.

    Whether the answer is decision values or probabilities follows from the method, and
    the positive class from ``classes_``, never from the values or from the estimator's
    tags (some wrappers lack them). A ``decision_function`` without a column for each class
    (one-vs-one, say) is passed over if there is a ``predict_proba``.

    An estimator that was asked before, when it was calibrated, is `trusted` with
    probabilities in single precision that do not sum to one.
    """
    found = find_final_network(estimator, X)
    if found is not None:
        return _network_response(*found)
    classes = find_classes(estimator)
    can_proba = hasattr(estimator, "predict_proba")
    if hasattr(estimator, "decision_function"):
        values = _answer(estimator, "decision_function", X, classes, strict=not can_proba)
        if values is not None:
            return Response(values, False, classes)
    values = _answer(estimator, "predict_proba", X, classes)
    source = f"{type(estimator).__name__}.predict_proba"
    return Response(_check_proba(values, source, trusted), True, classes)


def response_with_features(estimator, X, layer=None):
    """Ask the network at the end of a classifier; return its response, and its features.

    The features are what the last layer with weights takes, or the `layer` of this name. None
    if there is no network, or one that only its own wrapper can ask.
    """
    found = find_final_network(estimator, X)
    if found is None:
        return None
    network, inputs, columns, labels = found
    answer, features = network.answer_with_features(inputs, layer)
    return _make_response(network, answer, columns, labels), features


def proba_of(estimator, X):
    """Ask a fitted classifier for probabilities: a network's, else ``predict_proba``.

    A row of zeros says nothing: it becomes uniform.
    """
    found = find_final_network(estimator, X)
    if found is not None:
        response = _network_response(*found)
        return response.values if response.is_proba else softmax(response.values)
    proba = _answer(estimator, "predict_proba", X, find_classes(estimator))
    proba = _check_proba(proba, f"{type(estimator).__name__}.predict_proba", trusted=False)
    silent = ~proba.any(axis=1)
    return np.where(silent[:, np.newaxis], 1 / proba.shape[1], proba).astype(proba.dtype)


def find_classes(estimator):
    """Return the labels of the columns of a fitted classifier."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise AttributeError(
            f"{type(estimator).__name__} has no attribute classes_ after fit, so the classes "
            "of its columns are unknown. Set classes_ in its fit."
        )
    return np.asarray(classes)


def _network_response(network, inputs, columns, labels):
    return _make_response(network, network.answer(inputs), columns, labels)


def _make_response(network, answer, columns, labels):
    values, is_proba, classes, _ = answer
    if columns is not None:
        values, classes = values[:, columns], labels
    return Response(values, is_proba, classes, type(network.model).__name__)


def _answer(estimator, method, X, classes, *, strict=True):
    """Return a matrix with a column for each class, or raise (or None)."""
    source = f"{type(estimator).__name__}.{method}"
    is_proba = method == "predict_proba"
    refuse_masked_array(X, "X")
    values = float_array(getattr(estimator, method)(X), source)
    n_samples, n_classes = count_rows(X), len(classes)
    shape = values.shape
    values = _expand_columns(values, n_samples, n_classes, is_proba)
    pairs = not is_proba and n_classes > 2 and _is_one_vs_one(estimator)
    if values.shape != (n_samples, n_classes) or pairs:
        if not strict:
            return None
        if pairs:
            raise ValueError(
                f"{source} returned a column for each pair of classes, but a calibrator "
                "needs a column for each class; use decision_function_shape='ovr', not 'ovo'."
            )
        raise ValueError(
            f"{source} returned shape {shape} for {n_samples} samples and {n_classes} "
            "classes, but a calibrator needs a column for each class."
        )
    return values if is_proba else check_logits(values, source)


def _check_proba(proba, source, trusted):
    """Return probabilities, or raise if that is not what they are.

    Naive Bayes in single precision loses the digits of large likelihoods, so that several
    classes of one row may get 1. Such rows are divided by their sum; but if half of the rows
    are like that, these are no probabilities. Rows of zeros stay: the floor makes them uniform.
    """
    off = (
        find_wrong_sums(proba)
        if proba.dtype == np.float32
        else np.zeros(len(proba), dtype=bool)
    )
    if off.any() and (trusted or off.mean() < 0.5):
        proba = proba.copy()
        proba[off] /= proba[off].sum(axis=1, keepdims=True)
    check_proba(proba, source, allow_zero_rows=True)
    return proba


def _expand_columns(values, n_samples, n_classes, is_proba):
    """Undo squeezed rows and give binary answers their second column."""
    if values.ndim == 1:
        squeezed = n_samples == 1 and len(values) == n_classes > 1
        values = values.reshape((1, -1) if squeezed else (-1, 1))
    if values.shape == (n_samples, 1) and n_classes == 2:
        second = values if is_proba else values / 2
        values = np.hstack([1 - second if is_proba else -second, second])
    return values


def _is_one_vs_one(estimator):
    return getattr(find_final_estimator(estimator), "decision_function_shape", None) == "ovo"
