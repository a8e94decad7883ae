"""Intervals of a frequency in closed form: where it may be, and where chance would put it."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom

from skcalib.messages import check_choice

BANDS = ("consistency", "confidence")
UNSEEN = 0.15  # of a row of the largest value is reckoned with, chosen by simulation


def check_band(band):
    """Raise ValueError unless it is the name of a band."""
    check_choice("band", band, BANDS)


def score_interval(frequency, count, confidence_level):
    """Return the ends of Wilson's interval; it holds the frequency, rounding or not."""
    z = -ndtri((1 - confidence_level) / 2)
    centre = frequency * count + z**2 / 2
    reach = z * np.sqrt(frequency * (1 - frequency) * count + z**2 / 4)
    low, high = (centre - reach) / (count + z**2), (centre + reach) / (count + z**2)
    return np.clip(low, 0, frequency), np.clip(high, frequency, 1)


def chance_interval(proba, count, confidence_level):
    """Return between which frequencies events of these probabilities come true.

    Quantiles of the binomial distribution; weights are rounded to whole rows.
    """
    tail = (1 - confidence_level) / 2
    rows = np.maximum(np.rint(count + 1e-9), 1)
    low, high = (binom.ppf(level, rows, proba) / rows for level in (tail, 1 - tail))
    return np.clip(low, 0, proba), np.clip(high, proba, 1)


def interval_of_mean(frequency, value, stratum, total, confidence_level):
    """Return estimate, low and high of a mean of few values, by Wilson's intervals combined.

    The mean is ``sum(value * frequency)`` over the cells of one multinomial distribution, or
    of one for each stratum. In each the values of one sign count as one event, whose unit and
    frequency have the same mean and variance; the distances from these two frequencies to
    the ends of their intervals are added in squares, with the correlation of the two (the
    method of variance estimates recovery, Zou and Donner 2008). What was never seen is not
    taken for impossible.

    Parameters
    ----------
    frequency, value : ndarray of shape (n_cells, n_points)
        Shares of the cells' stratum, and what they count.

    stratum : ndarray of shape (n_cells,)
        Integers.

    total : ndarray of shape (n_cells,)
        Rows of the cells' stratum.

    confidence_level : float
        Of each point by itself.

    Returns
    -------
    estimate, low, high : ndarray of shape (n_points,)
        Float64.
    """
    estimate = (value * frequency).sum(axis=0)
    below, above = np.zeros_like(estimate), np.zeros_like(estimate)
    for own in np.unique(stratum):
        rows = stratum == own
        count = total[rows][0]
        gain = _reaches(frequency[rows], value[rows], count, confidence_level)
        loss = _reaches(frequency[rows], -value[rows], count, confidence_level)
        apart = (1 - gain[0]) * (1 - loss[0])
        related = np.sqrt(gain[0] * loss[0] / np.maximum(apart, np.finfo(float).tiny))
        related = np.minimum(related, 1)
        below += gain[1] ** 2 + loss[2] ** 2 + 2 * related * gain[1] * loss[2]
        above += gain[2] ** 2 + loss[1] ** 2 + 2 * related * gain[2] * loss[1]
    return estimate, estimate - np.sqrt(below), estimate + np.sqrt(above)


def _reaches(frequency, value, count, confidence_level):
    """Return the frequency of all positive values as one, and how far its mean may be off."""
    value = np.maximum(value, 0)
    mean, square = (value * frequency).sum(axis=0), (value**2 * frequency).sum(axis=0)
    largest = value.max(axis=0)
    unit, share = _as_one_event(mean, square, largest)
    low, _ = score_interval(share, count, confidence_level)
    rare = UNSEEN * np.maximum(largest**2 - unit**2, 0) / max(count, 1)
    wide, less = _as_one_event(mean, square + rare, largest)
    _, high = score_interval(less, count, confidence_level)
    return share, unit * (share - low), wide * (high - less)


def _as_one_event(mean, square, largest):
    """Return value and frequency of the event that has this mean and mean square."""
    seen = mean > 0
    unit = np.where(seen, square / np.where(seen, mean, 1), largest)
    return unit, np.where(seen, mean**2 / np.where(seen, square, 1), 0).clip(0, 1)
