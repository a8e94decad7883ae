"""Whether the columns are those of the classes that they are said to be."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

LEAST = 1e-12  # of a probability whose logarithm is taken
GOOD = 0.7  # an area under the ROC curve


class Order(NamedTuple):
    """The order that fits best.

    ``column_of`` is the column of each class, ``gain`` what the log-likelihood gains by it, in
    nats of all rows, ``is_better`` whether each class that moves is well ranked by its new
    column, and by no other surely better.
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
    return Order(
        column_of, gain, len(moved) > 0 and _ranks_best(proba, codes, column_of, moved)
    )


def _ranks_best(proba, codes, column_of, moved):
    """Tell whether each class that moves is well ranked by its new column, and by none better.

    A model that has learned nothing has some best order, too, but not such a one.
    """
    area = rank_areas(proba, codes)[moved]
    known = ~np.isnan(area[:, 0])
    own = np.take_along_axis(area, column_of[moved][:, np.newaxis], axis=1)
    count = np.bincount(codes, minlength=len(column_of))[moved][:, np.newaxis]
    slack = 0.3 / np.sqrt(np.maximum(count, 1))  # a standard error
    return bool((own >= np.maximum(area - slack, GOOD))[known].all())


def rank_areas(proba, codes):
    """Return the area under the ROC curve of each class (rows) by each column.

    NaN for classes that no row, or every row, is of. All rows count alike.
    """
    n_rows, n_classes = proba.shape
    count = np.bincount(codes, minlength=n_classes).astype(np.float64)
    sums = np.zeros((n_classes, n_classes))
    np.add.at(sums, codes, rankdata(proba, axis=0))
    pairs = count * (n_rows - count)
    pairs[pairs == 0] = np.nan
    return ((sums.T - count * (count + 1) / 2) / pairs).T
