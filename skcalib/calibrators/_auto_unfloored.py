"""Probabilities that were raised to a floor before their logarithm was taken, as they were.

`logits_from_proba` raises exact zeros, and what is smaller than anything seen in calibration,
to a floor. A calibrator is the better for it, but whoever returns its input unchanged would
return something else: the softmax of a row with raised entries is not what it was.
"""

import numpy as np

from skcalib._blocks import row_blocks
from skcalib._logits import softmax

ALMOST_ZERO = 1e-12  # in place of zeros, so that no mistake costs an infinite log loss


def are_log_proba(logits):
    """Tell whether these are logarithms of probabilities, zeros perhaps raised to a floor.

    That is so if every row sums to one, be it without its smallest, if that is the smallest
    of all rows and as low as a floor is.
    """
    slack = _slack(logits.dtype)
    lowest = logits.min()
    floored = lowest <= np.log(0.5 / logits.shape[1]) + slack
    for block in row_blocks(*logits.shape):
        with np.errstate(over="ignore"):
            smallest, total, rest = _sums(logits[block])
        at_floor = floored & (smallest & (logits[block] == lowest)).any(axis=1)
        if not ((np.abs(total - 1) <= slack) | (at_floor & (np.abs(rest - 1) <= slack))).all():
            return False
    return True


def input_proba(logits, log_proba):
    """Return the softmax; or, if rows are `log_proba`, the probabilities before the floor.

    The entries of a row that were raised are its smallest, all equal; what the others leave
    of one was theirs.
    """
    proba = softmax(logits)
    if not log_proba:
        return proba
    slack = _slack(logits.dtype)
    for block in row_blocks(*logits.shape):
        with np.errstate(over="ignore"):
            smallest, total, rest = _sums(logits[block])
        rows = np.flatnonzero((total > 1 + slack) & (rest <= 1 + slack))
        raised = smallest[rows]
        left = np.maximum(1 - rest[rows], ALMOST_ZERO) / raised.sum(axis=1)
        part = np.where(raised, left[:, None], np.exp(logits[block][rows], dtype=np.float64))
        proba[block][rows] = part / part.sum(axis=1, keepdims=True)
    return proba


def _slack(dtype):
    """Return by how much sums of probabilities may be off."""
    return 1e-9 if dtype == np.float64 else 1e-5


def _sums(logits):
    """Return which entries are the smallest of their rows; row sums with and without them."""
    smallest = logits == logits.min(axis=1, keepdims=True)
    proba = np.exp(logits, dtype=np.float64)
    return smallest, proba.sum(axis=1), np.where(smallest, 0, proba).sum(axis=1)
