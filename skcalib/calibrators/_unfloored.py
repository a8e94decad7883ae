"""Probabilities that were raised to a floor before their logarithm was taken, as they were.

`logits_from_proba` raises exact zeros to a floor. A calibrator is the better for it, but
whoever returns its input unchanged would return something else: the softmax of a row with
raised zeros is not what it was.
"""

import numpy as np

from skcalib._logits import row_blocks, softmax

ALMOST_ZERO = 1e-12  # in place of zeros, so that no mistake costs an infinite log loss
CLOSE = 1e-6  # to the floor, of a logarithm


def log_floor_of(logits):
    """Return the logarithm of the floor if these are logarithms of floored probabilities.

    That is so if every row sums to one, once the smallest logits of all are taken for zeros.
    None if not, or if the floor is too low to matter.
    """
    lowest = float(logits.min())
    floor = np.exp(lowest)
    tolerance = max(0.05 * floor, 64 * np.finfo(logits.dtype).eps)
    if not 1.0 > floor > 4 * tolerance:
        return None
    for block in row_blocks(*logits.shape):
        raised = np.abs(logits[block] - lowest) <= CLOSE
        with np.errstate(over="ignore"):
            rest = np.where(raised, 0, np.exp(logits[block])).sum(axis=1, dtype=np.float64)
        if not (np.abs(rest - 1) <= tolerance).all():
            return None
    return lowest


def input_proba(logits, log_floor):
    """Return the softmax, or, where logits are at the floor, the probabilities before it."""
    proba = softmax(logits)
    if log_floor is None:
        return proba
    raised = np.abs(logits - log_floor) <= CLOSE
    rows = np.flatnonzero(raised.any(axis=1))
    part = np.where(raised[rows], ALMOST_ZERO, proba[rows] / (1 - _mass(proba, raised, rows)))
    proba[rows] = part / part.sum(axis=1, keepdims=True)
    return proba


def _mass(proba, raised, rows):
    """Return the probability that the raised entries of rows take up."""
    return np.where(raised[rows], proba[rows], 0).sum(axis=1, keepdims=True).clip(max=0.999)
