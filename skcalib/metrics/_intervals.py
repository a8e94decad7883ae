"""Intervals of a frequency in closed form: where it may be, and where chance would put it."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom

from skcalib.messages import check_choice

BANDS = ("consistency", "confidence")


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
