"""Answers that are rounded, or of few levels."""

import numpy as np

from skcalib.report._finding import NOTE, Cure, Finding, Interval

MOST_DECIMALS = 4
FEWEST_VALUES = 30  # probabilities that all have few decimals are hardly so by chance
FEWEST_ROWS, MOST_LEVELS = 50, 20


def find_rounded(evidence):
    """Find that all probabilities are whole multiples of .1, .01, .001 or .0001."""
    value = evidence.given_values
    inside = value[(value > 0) & (value < 1)]
    if len(np.unique(inside[:100_000])) < 3 or len(inside) < FEWEST_VALUES:
        return None
    precision = 1e-6 if evidence.precision in ("float32", "float16") else 1e-9
    for decimals in range(1, MOST_DECIMALS + 1):
        scaled = inside * 10**decimals
        if (np.abs(scaled - np.rint(scaled)) <= precision * 10**decimals).all():
            measure = Interval(*(float(decimals),) * 3)
            cure = Cure("keep_digits", {}, None)
            return Finding("rounded", NOTE, measure, {"decimals": decimals}, cure)
    return None


def find_few_levels(evidence):
    """Find that many rows share a few answers."""
    if len(evidence.proba) < FEWEST_ROWS:
        return None
    if len(np.unique(np.round(evidence.confidence, 9))) > MOST_LEVELS:
        return None
    digits = np.round(evidence.proba, 9)
    levels, count = np.unique(digits, axis=0, return_counts=True)
    if len(levels) > MOST_LEVELS:
        return None
    measure = Interval(*(float(len(levels)),) * 3)
    details = {"n_levels": len(levels), "largest_share": float(count.max() / len(digits))}
    return Finding("few_levels", NOTE, measure, details, None)
