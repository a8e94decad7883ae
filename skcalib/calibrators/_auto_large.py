"""Calibration in the large: an answer is brought to say each class as often as it occurs."""

import numpy as np

from skcalib.inputs import row_blocks, sigmoid

STANDARD_ERRORS = 2.0  # by how many a class of several may be said too often or too rarely
MARGIN = 0.95  # of these, where a class is brought to
MAX_ITER = 100
# By how many rows in all two classes may be off, and by what share of the rarer one.
ALLOWED, ALLOWED_SHARE = 1.0, 0.05
ENOUGH = 1e-9  # rows


def find_shift(proba, codes, weight):
    """Return what to add to two classes' log-odds so that their sums are what happens.

    To within a row, and a twentieth of the rarer class: what few rows say of the base rate is
    not all that the pool knows.
    """
    odds = _log_odds(proba)
    hits = _total(weight, codes)
    said = _total(weight, sigmoid(odds))
    allowed = MARGIN * min(ALLOWED, ALLOWED_SHARE * min(hits, weight.sum() - hits))
    hits = np.clip(said, hits - allowed, hits + allowed)
    low, high, shift = -np.inf, np.inf, 0.0
    for _ in range(MAX_ITER):
        p = sigmoid(odds + shift)
        excess = _total(weight, p) - hits
        if abs(excess) < ENOUGH:
            break
        low, high = (low, shift) if excess > 0 else (shift, high)
        step = shift - excess / max(_total(weight, p * (1 - p)), 1e-300)
        if not low < step < high:
            widened = shift - np.sign(excess) * (1 + abs(shift))
            step = (low + high) / 2 if np.isfinite(low + high) else widened
        shift = step
    return float(shift)


def shift_odds(proba, shift):
    """Add to the log-odds of the second of two classes."""
    if shift == 0:
        return proba
    out = np.empty_like(proba)
    for block in row_blocks(*proba.shape):
        moved = _log_odds(proba[block]) + shift
        out[block] = np.stack([sigmoid(-moved), sigmoid(moved)], axis=1)
    return out


def find_factors(proba, codes, weight):
    """Return factors of the classes that bring sums to within two standard errors.

    Of a class that is outside, the factor is such that it lies just inside; and again, as
    rows are divided by their sum.
    """
    n_classes = proba.shape[1]
    counts = np.bincount(codes, weight, n_classes)
    factors = np.ones(n_classes)
    for _ in range(MAX_ITER):
        p = multiply_classes(proba, factors)
        said = _total(weight, p)
        error = np.sqrt(
            np.minimum(_total(weight, p * (1 - p)), counts * (1 - counts / counts.sum()))
        )
        allowed = STANDARD_ERRORS * error
        outside = (np.abs(said - counts) > allowed) & (counts > 0)
        if not outside.any():
            break
        target = counts + np.sign(said - counts) * MARGIN * allowed
        factors[outside] *= (target / np.maximum(said, 1e-300))[outside]
    return factors


def multiply_classes(proba, factors):
    """Multiply the columns, and divide rows by their sum; in the type of the probabilities."""
    if (factors == 1).all():
        return proba
    out = proba * factors
    out /= out.sum(axis=1, keepdims=True)
    return out.astype(proba.dtype, copy=False)


def _total(weight, values):
    """Sum over rows; by einsum, as BLAS may round otherwise each time."""
    return np.einsum("i,i...->...", weight, values)


def _log_odds(proba):
    with np.errstate(divide="ignore"):
        logs = np.log(proba.astype(np.float64, copy=False))
    return logs[:, 1] - logs[:, 0]
