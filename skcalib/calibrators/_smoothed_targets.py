"""Targets smoothed by a tenth of one row, and what that adds to the slope of the log loss.

With targets (1 - e) one-hot + e / K the log loss of a row, as a function of beta, gains
``e * beta * (mean of the row - its true logit)``: a straight line. So all that smoothing does
to the mean log loss is one number, the slope of that line.
"""

from typing import NamedTuple

import numpy as np

from skcalib._logits import row_blocks

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


def slope_of_smoothing(logits, codes, weight):
    """Return the slope, the weights being frequencies.

    The class k of row i is behind by d_ik, the difference to the row's largest logit. The
    smoothed part of a target would count all of that; of a mask, or in an outlier, it counts
    30 typical gaps at most, so that their size decides nothing.
    """
    n = weight.sum()
    gap_of_row = np.empty(len(codes))
    largest = 0.0
    for block in row_blocks(*logits.shape):
        gaps = _gaps(logits[block])
        gap_of_row[block] = _typical_gaps(gaps, logits[block])
        used = weight[block, None] > 0
        largest = max(largest, float(gaps.max(where=used, initial=0)))
    if largest == 0:
        return Slope(0.0, 0.0, 0.0)
    typical = max(_median_of_positive(gap_of_row, weight), largest / WIDEST, LEAST)
    total = 0.0
    for block in row_blocks(*logits.shape):
        gaps = _gaps(logits[block])
        behind = gaps[np.arange(len(gaps)), codes[block]]
        spread = np.minimum(gaps, FAR * typical).mean(axis=1)
        total += np.einsum("i,i->", weight[block] / n, spread - behind)
    return Slope(AMOUNT / (n + 1) * total, typical, largest)


def _gaps(rows):
    rows = rows.astype(np.float64, copy=False)
    return rows.max(axis=1, keepdims=True) - rows


def _typical_gaps(gaps, rows):
    """Return for each row how far the class on the first quarter of places is behind.

    Masks seldom leave fewer. Where that class ties with the first, it is the last one.
    """
    place = -(-(gaps.shape[1] - 1) // 4)
    at_place = np.partition(gaps, place, axis=1)[:, place]
    rounding = 8 * np.finfo(rows.dtype).eps * np.abs(rows.max(axis=1))
    return np.where(at_place > rounding, at_place, gaps.max(axis=1))


def _median_of_positive(values, weight):
    used = (weight > 0) & (values > 0)
    if not used.any():
        return 0.0
    order = np.argsort(values[used])
    share = np.cumsum(weight[used][order])
    return float(values[used][order][np.searchsorted(share, share[-1] / 2 * (1 - 1e-12))])
