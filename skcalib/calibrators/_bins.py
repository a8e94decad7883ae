"""Bins of calibration scores that never part equal scores."""

from typing import NamedTuple

import numpy as np
from scipy.special import logit

from skcalib.estimators import short_repr

MOST = 2**20  # bins, as for metrics; beyond that they are no summary, but take memory
ON_CUT = 1e-9  # distance of log-odds from a given cut that is rounding


def check_memory(n_bins):
    """Raise ValueError if there are more bins than metrics take."""
    if n_bins > MOST:
        raise ValueError(
            f"n_bins must be at most {MOST}, got {n_bins!r}: with more bins than rows, most "
            "would be empty."
        )


class Bins(NamedTuple):
    """Cuts between bins; a score that lies right on a cut belongs to both bins by half.

    Without that rule its side would depend on which of two classes comes first. Scores
    before ``left`` lie below a cut, those from ``right`` on above it, those in between, if
    any, on it. `edges` holds two numbers for each cut, between which z is as good as on it.
    """

    left: np.ndarray
    right: np.ndarray
    edges: np.ndarray

    __repr__ = short_repr

    def totals(self, amounts):
        """Return the sum over each bin of an amount at each score.

        Sums of differences would lose what lies beside a score of much more weight.
        """
        bounds = np.concatenate([[0], np.stack([self.left, self.right], axis=1).ravel()])
        pieces = np.add.reduceat(np.append(amounts, 0.0), bounds)
        pieces[:-1][bounds[1:] <= bounds[:-1]] = 0
        whole, on_cut = pieces[::2].copy(), pieces[1::2] / 2
        whole[:-1] += on_cut
        whole[1:] += on_cut
        return whole

    def steps(self, values):
        """Return the step function that has a value in each bin."""
        return make_steps(self.edges, values)


class Steps(NamedTuple):
    """A step function: one more level than edges; on an edge, the mean of both sides."""

    edges: np.ndarray
    levels: np.ndarray

    __repr__ = short_repr

    def __call__(self, z):
        left = self.levels[np.searchsorted(self.edges, z, side="left")]
        return (left + self.levels[np.searchsorted(self.edges, z, side="right")]) / 2


def make_steps(edges, values):
    """Return the step function that has a value in each bin, two edges between two bins."""
    levels = np.empty(2 * len(values) - 1)
    levels[::2] = values
    levels[1::2] = (values[1:] + values[:-1]) / 2
    return Steps(edges, levels)


def find_cuts(middle, targets):
    """Return how many of ascending numbers are less than each target, and at most so much."""
    left = np.searchsorted(middle, targets, side="left")
    right = left.copy()
    hit = np.flatnonzero(middle[np.minimum(left, len(middle) - 1)] == targets)
    right[hit] = np.searchsorted(middle, targets[hit], side="right")
    return left, right


def equal_mass_bins(scores, weight, n_bins):
    """Cut distinct, ascending scores into at most `n_bins` of about equal weight.

    Where ties leave a bin without scores there is no such bin.
    """
    middle = np.cumsum(weight) - weight / 2
    targets = np.arange(1, n_bins) * (weight.sum() / n_bins)
    left, right = find_cuts(middle, targets)
    new = (np.diff(left, prepend=0) + np.diff(right, prepend=0) > 0) & (left < len(scores))
    left, right = left[new], right[new]
    padded = np.concatenate([[-np.inf], scores, [np.inf]])
    between = (padded[1:] + padded[:-1]) / 2
    return Bins(left, right, np.stack([between[left], between[right]], axis=1).ravel())


def equal_width_bins(scores, n_bins):
    """Cut the probabilities of ascending log-odds at multiples of 1 / n_bins.

    Rounding must not tell on which side of a cut a score lies, as 0 on that at 1/2.
    """
    cuts = logit(np.arange(1, n_bins) / n_bins)
    below, above = cuts - ON_CUT, cuts + ON_CUT
    left = np.searchsorted(scores, below, side="left")
    right = np.searchsorted(scores, above, side="right")
    return Bins(left, right, np.stack([below, above], axis=1).ravel())
