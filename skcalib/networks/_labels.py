"""Several labels for each sample: a network with a sigmoid for each."""

import numpy as np
from scipy.sparse import issparse

from skcalib.backends import to_numpy
from skcalib.inputs import check_finite, log_of_floored, sigmoid

SEVERAL_LABELS = (
    "If a sample may have several labels, use FrozenNetwork(model, multilabel=True) and y as "
    "a matrix of zeros and ones, a column for each label"
)


def refuse_several_sigmoids(n_outputs, owner):
    """Raise for a network of which only its user knows what its outputs mean."""
    raise ValueError(
        f"{owner} ends in {n_outputs} sigmoids (or was compiled with a binary loss), which "
        f"can mean two things. {SEVERAL_LABELS}. If each sample has one class only, "
        "FrozenNetwork(model, multilabel=False) reads them as one against the rest and "
        "normalises."
    )


def check_multi_hot(y, n_labels):
    """Return y as integers 0 and 1, a column for each label, or raise."""
    y = y.toarray() if issparse(y) else np.asarray(to_numpy(y, "y"))
    if y.ndim != 2:
        raise ValueError(
            f"y has shape {y.shape}, but with multilabel=True it is a matrix of zeros and ones "
            f"of shape (n_samples, {n_labels}), a column for each label. If each sample has "
            "one class only, give multilabel=False."
        )
    if y.shape[1] != n_labels:
        raise ValueError(
            f"y has {y.shape[1]} columns, but the network has {n_labels} outputs; there is a "
            "column for each label, in the order of the outputs."
        )
    if y.dtype == object:
        y = np.asarray(y.tolist())
    if y.dtype.kind not in "biuf" or not ((y == 0) | (y == 1)).all():
        raise ValueError(
            "y holds other values than 0 and 1 (or False and True). With multilabel=True it "
            "has a column for each label, which says whether the sample has it."
        )
    return y.astype(np.intp)


def make_binary_classes(n_labels):
    """Return the classes of each label, as MultiOutputClassifier has them."""
    return [np.arange(2) for _ in range(n_labels)]


def check_labels_answer(values, is_proba, name):
    """Raise unless there are log-odds, or probabilities, of each label."""
    check_finite(values, name)
    if is_proba and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"{name} has values outside [0, 1]; if they are logits, say so: "
            "FrozenNetwork(model, from_logits=True, multilabel=True)."
        )


def proba_of_labels(values, is_proba):
    """Return a matrix (n_samples, 2) for each column of log-odds, or of probabilities."""
    columns = [column if is_proba else sigmoid(column) for column in values.T]
    if is_proba:
        return [np.stack([1 - p, p], axis=1) for p in columns]
    return [np.stack([sigmoid(-z), p], axis=1) for z, p in zip(values.T, columns, strict=True)]


def log_odds_of_labels(proba):
    """Return log-odds of probabilities, which the caller has said to be a makeshift."""
    return log_of_floored(proba, 0.0) - log_of_floored(1 - proba, 0.0)
