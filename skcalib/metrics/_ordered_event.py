"""An event whose rows are sorted by their probability: what cumulative sums go along."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class OrderedEvent:
    """Rows of an event in the order of their probabilities.

    Attributes
    ----------
    value : ndarray of shape (n_rows,)
        Probabilities, ascending, float64.

    residual : ndarray of shape (n_rows,)
        The weight times the outcome (0 or 1) minus the probability.

    variance : ndarray of shape (n_rows,)
        Of `residual`, if the probabilities are true and the outcomes independent: a weight of
        2.3 is two rows, and one that counts 0.3.

    weight : ndarray of shape (n_rows,)
        What the rows count.

    rows : ndarray of shape (n_rows,)
        Which rows of the predictions these are.
    """

    value: np.ndarray
    residual: np.ndarray
    variance: np.ndarray
    weight: np.ndarray
    rows: np.ndarray

    @cached_property
    def size(self):
        """The sum of the weights."""
        return self.weight.sum()

    @cached_property
    def ends(self):
        """Where each run of equal probabilities ends: there cumulative sums mean something."""
        return np.flatnonzero(np.r_[self.value[1:] != self.value[:-1], True])

    def merged(self, n_cells):
        """Return at most so many cells of neighbouring rows, in place of the rows.

        Cells are of about equal variance, so that sums along them move in even steps.
        """
        total = np.cumsum(self.variance)
        if len(total) <= n_cells or total[-1] == 0:
            return self
        cell = np.minimum(total / total[-1] * n_cells, n_cells - 1e-9).astype(np.intp)
        starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
        value, residual, variance, weight = (
            np.add.reduceat(part, starts)
            for part in (self.value * self.weight, self.residual, self.variance, self.weight)
        )
        value = np.maximum.accumulate(value / weight)
        return OrderedEvent(value, residual, variance, weight, self.rows[starts])


def order_event(event):
    """Return the event with its rows sorted by probability, ties by weight and outcome."""
    value, hit = event.value.astype(np.float64), event.hit
    order = np.lexsort((hit, event.weight, value))
    value, weight = value[order], np.asarray(event.weight)[order]
    rows = order if event.rows is None else event.rows[order]
    residual = weight * (hit[order] - value)
    whole = np.floor(weight + 1e-9)  # so many rows, and one that counts the rest
    squares = whole + np.maximum(weight - whole, 0) ** 2
    return OrderedEvent(value, residual, squares * value * (1 - value), weight, rows)
