"""Members of an ensemble: what one of them answers, and blocks of what all answer."""

import numpy as np
from scipy.sparse import issparse

from skcalib.inputs import columns_among, count_rows, is_dict_of_arrays, take_rows
from skcalib.networks import find_final_network

HELD = 2**22  # probabilities of one block
FEWEST_ROWS = 64


def ask_proba(member, X, classes):
    """Return a member's probabilities, with a column for each of `classes`.

    A network at its end is asked itself. A member without `predict_proba` votes: 1 for the
    class that it predicts. What a member does not know has the probability 0.
    """
    found = find_final_network(member, X)
    if found is not None:
        network, inputs, columns, labels = found
        answer = network.answer(inputs)
        proba, own = answer.proba(), answer.classes
        if columns is not None:
            proba, own = proba[:, columns], labels
            proba = proba / proba.sum(axis=1, keepdims=True)
    elif hasattr(member, "predict_proba"):
        proba = _matrix(member.predict_proba(X), count_rows(X))
        own = find_classes_of(member, len(classes))
    else:
        labels = np.asarray(member.predict(X))
        own = find_classes_of(member, len(classes))
        proba = (labels[:, np.newaxis] == own).astype(np.float64)
    return _widen(proba, own, classes)


def find_classes_of(member, n_classes):
    """Return the labels of a member's columns, 0..K-1 if it does not say."""
    own = getattr(member, "classes_", None)
    return np.arange(n_classes) if own is None else np.asarray(own)


def blocks_of_members(members, X, classes):
    """Yield slices of rows and what each member says of them, (1, n_members, n_rows, K)."""
    n_rows = count_rows(X)
    size = max(FEWEST_ROWS, HELD // (len(members) * len(classes)))
    if n_rows > size and issparse(X):
        X = X.tocsr()
    for start in range(0, n_rows, size):
        rows = slice(start, min(start + size, n_rows))
        part = X if n_rows <= size else take_rows(X, rows)
        draws = [ask_proba(member, part, classes) for member in members]
        yield rows, np.stack(draws)[np.newaxis]


def take_few(X, n_rows):
    """Return the first rows of whatever X is."""
    if issparse(X):
        X = X.tocsr()
    elif not (isinstance(X, list) or is_dict_of_arrays(X) or hasattr(X, "shape")):
        X = np.asarray(X)
    return take_rows(X, slice(0, min(n_rows, count_rows(X))))


def _matrix(proba, n_rows):
    """Return probabilities as a matrix, of two classes if there is one column."""
    proba = np.asarray(proba)
    if proba.ndim == 1:  # scikeras squeezes a single row
        proba = proba.reshape(n_rows, -1)
    return np.hstack([1 - proba, proba]) if proba.shape[1] == 1 else proba


def _widen(proba, own, classes):
    if len(own) != proba.shape[1]:
        raise ValueError(
            f"A member answered with {proba.shape[1]} columns, but it has {len(own)} classes."
        )
    if np.array_equal(own, classes):
        return proba
    wide = np.zeros((len(proba), len(classes)), proba.dtype)
    wide[:, columns_among(classes, own)] = proba
    return wide
