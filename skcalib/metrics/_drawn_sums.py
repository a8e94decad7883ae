"""Resamples of very many rows: the sums in bins are drawn, not the rows."""

import numpy as np

from skcalib.metrics._binned_error import norm_of
from skcalib.metrics._binning import BLOCK, uniform_bins

MANY_ROWS = 100_000  # sums of so many are normal, as far as a standard error is concerned


def draw_squared_errors(event, n_bins, n_resamples, rng):
    """Return debiased squares of resamples, as drawing all rows would give them.

    Rows are drawn with replacement, in proportion to their weights, as many as those sum to.
    For very many rows the sums in the bins are then normal with the covariance of such draws.

    Parameters
    ----------
    event : Event
        All of its weights are positive.

    n_bins : int
        The number of bins of equal width.

    n_resamples : int
        How many resamples.

    rng : numpy.random.Generator
        Where they are drawn from.

    Returns
    -------
    estimate : float
        The debiased square of the rows themselves.

    errors : ndarray of shape (n_resamples,)
        Those of resamples.
    """
    sums, second = _moments(event, n_bins)
    values, vectors = np.linalg.eigh(second)
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, np.newaxis]
    drawn = np.einsum("bij,rbj->rbi", roots, rng.standard_normal((n_resamples, *sums.shape)))
    excess = drawn[:, :, 0].sum(axis=1) / sums[:, 0].sum()  # the number of rows is fixed
    drawn += sums - excess[:, np.newaxis, np.newaxis] * sums
    count = np.maximum(drawn[:, :, 0], 0.5)
    hits = np.clip(drawn[:, :, 2], 0, count)
    frequency = hits / count
    squared = ((hits - drawn[:, :, 1]) / count) ** 2
    squared -= np.where(
        count > 1, frequency * (1 - frequency) / np.maximum(count - 1, 1), squared
    )
    errors = (count * squared).sum(axis=1) / count.sum(axis=1)
    return float(norm_of(sums.T, "l2_squared", debias=True)), errors


def _moments(event, n_bins):
    """Return for each bin the sums of (1, value, hit), and of their products."""
    totals = np.zeros((3, 2 * n_bins))  # of weights, times values, times squares
    for start in range(0, len(event.value), BLOCK):
        rows = slice(start, start + BLOCK)
        target = event.target if np.ndim(event.target) == 0 else event.target[rows]
        weight, value = event.weight[rows], event.value[rows].astype(np.float64)
        cell = 2 * np.minimum(uniform_bins(event.value[rows], n_bins), n_bins - 1)
        cell += event.codes[rows] == target
        for total in totals:
            total += np.bincount(cell, weight, minlength=2 * n_bins)
            weight = weight * value
    totals = totals.reshape(3, n_bins, 2)[:, totals[0].reshape(n_bins, 2).sum(axis=1) > 0]
    count, expected, squares = totals.sum(axis=2)
    hits, expected_hits, _ = totals[:, :, 1]
    second = np.array(
        [
            [count, expected, hits],
            [expected, squares, expected_hits],
            [hits, expected_hits, hits],
        ]
    )
    return np.stack([count, expected, hits], axis=1), second.transpose(2, 0, 1)
