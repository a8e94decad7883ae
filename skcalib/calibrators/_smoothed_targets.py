"""Targets smoothed by a tenth of one row, and what that adds to the slope of the log loss.

With targets (1 - e) one-hot + e / K the log loss of a row, as a function of beta, gains
``e * beta * (mean of the row - its true logit)``: a straight line. So all that smoothing does
to the mean log loss is one number, the slope of that line.
"""

from typing import NamedTuple

import numpy as np

from skcalib.inputs import find_masked_entries

AMOUNT = 0.1  # rows, of all together, that are spread over the classes
FAR = 30  # typical gaps: a logit farther behind than that is a mask or an outlier
LEAST = 1e-290  # below, numbers have lost their digits
WIDEST = 1e40  # a gap as many times the typical one leaves that one no digits


class Slope(NamedTuple):
    """What smoothed targets add to the derivative by beta of the mean log loss.

    `typical` and `largest` are gaps between logits of one row; both are zero if all rows are
    constant.
    """

    value: float
    typical: float
    largest: float


def slope_of_smoothing(parts, n):
    """Return the slope, given what yields blocks (logits, codes, weight), and the total weight.

    The class k of row i is behind by d_ik, the difference to the row's largest logit. The
    smoothed part of a target would count all of that; of a mask, or in an outlier, it counts
    30 typical gaps at most, so that their size decides nothing.
    """
    typical_gaps, weights, largest = [np.empty(0)], [np.empty(0)], 0.0
    for rows, _, weight in parts():
        gaps = _gaps(rows)
        typical_gaps.append(_typical_gaps(gaps, rows))
        weights.append(weight)
        largest = max(largest, float(gaps.max(initial=0)))
    if largest == 0:
        return Slope(0.0, 0.0, 0.0)
    median = _median_of_positive(np.concatenate(typical_gaps), np.concatenate(weights))
    typical = max(median, largest / WIDEST, LEAST)
    total = 0.0
    for rows, codes, weight in parts():
        total += sum_spread(rows, codes, weight / n, typical)
    return Slope(slope_of_spread(total, n), typical, largest)


def slope_of_spread(mean, n):
    """Return the slope, given the mean over all rows of what `sum_spread` sums."""
    return AMOUNT / (n + 1) * mean


def sum_spread(rows, codes, weight, typical):
    """Return the sum of how far the classes of a row are behind, in the mean, less its own."""
    gaps = _gaps(rows)
    behind = gaps[np.arange(len(gaps)), codes].astype(np.float64)
    np.minimum(gaps, FAR * typical, out=gaps)
    masked = find_masked_entries(rows)
    n_open = gaps.shape[1] if masked is None else (~masked).sum(axis=1)
    spread = np.einsum("ij->i", gaps, dtype=np.float64, casting="same_kind") / n_open
    return np.einsum("i,i->", weight, spread - behind)


def _gaps(rows):
    """Return how far each logit is behind the largest of its row; 0 for a masked class."""
    if rows.shape[1] == 2:  # NumPy is slow at reducing many short rows
        return np.maximum(rows[:, 0], rows[:, 1])[:, None] - rows
    gaps = rows.max(axis=1, keepdims=True) - rows
    if (masked := find_masked_entries(rows)) is not None:
        gaps[masked] = 0
    return gaps


def _typical_gaps(gaps, rows):
    """Return for each row how far the class on the first quarter of places is behind.

    Masks seldom leave fewer. Where that class ties with the first, it is the last one.
    """
    if gaps.shape[1] == 2:
        return np.maximum(gaps[:, 0], gaps[:, 1]).astype(np.float64)
    place = -(-(gaps.shape[1] - 1) // 4)
    at_place = np.partition(gaps, place, axis=1)[:, place]
    rounding = 8 * np.finfo(rows.dtype).eps * np.abs(rows.max(axis=1))
    return np.where(at_place > rounding, at_place, gaps.max(axis=1)).astype(np.float64)


def _median_of_positive(values, weight):
    used = values > 0
    if not used.any():
        return 0.0
    order = np.argsort(values[used])
    share = np.cumsum(weight[used][order])
    return float(values[used][order][np.searchsorted(share, share[-1] / 2 * (1 - 1e-12))])
