"""Whether the columns are those of the classes that they are said to be."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

LEAST = 1e-12  # of a probability whose logarithm is taken


class Order(NamedTuple):
    """The order that fits best.

    ``column_of`` is the column of each class, ``gain`` what the log-likelihood gains by it, in
    nats of all rows, ``is_better`` whether each class that moves is better ranked, and better
    than by chance, by its new column.
    """

    column_of: np.ndarray
    gain: float
    is_better: bool


def find_order(proba, codes, weight):
    """Find the order of columns under which the outcomes are likeliest."""
    n_classes = proba.shape[1]
    logs = np.log(np.maximum(proba, LEAST)) * weight[:, np.newaxis]
    table = np.zeros((n_classes, n_classes))
    np.add.at(table, codes, logs)
    favour = 1e-9 * (1 + np.abs(table).max()) * np.eye(n_classes)  # classes without rows stay
    _, column_of = linear_sum_assignment(-(table + favour))
    gain = float(table[np.arange(n_classes), column_of].sum() - np.trace(table))
    moved = np.flatnonzero(column_of != np.arange(n_classes))
    ranked = [
        (rank_area(proba[:, k], codes == k), rank_area(proba[:, column_of[k]], codes == k))
        for k in moved
    ]
    better = bool(ranked) and all(new > max(0.5, old) for old, new in ranked if old == old)
    return Order(column_of, gain, better)


def rank_area(score, is_true):
    """Return the area under the ROC curve of rows that count alike; NaN for one outcome."""
    n_true = int(is_true.sum())
    n_false = len(is_true) - n_true
    if not n_true or not n_false:
        return np.nan
    ranks = rankdata(score)
    return (ranks[is_true].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false)
