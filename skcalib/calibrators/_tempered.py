"""Tempered logits, on which vector, matrix and Dirichlet calibration start."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators._affine import affine_proba
from skcalib.calibrators._temperature_search import (
    Flaw,
    best_beta,
    best_smoothed_beta,
    typical_gap,
    warn_of_flaw,
)
from skcalib.inputs import find_masked_entries, row_blocks
from skcalib.messages import warn

AT_BOUND = (Flaw.SCALE, Flaw.SEPARABLE, Flaw.CHANCE)
ORDINARY = 1e3  # a typical gap of logits, or its inverse, where bounds do no harm
LOWEST = -1e4
LARGE = 1e8  # a factor: differences of a hundred-millionth then matter
FARTHEST = 1e18  # products of what is multiplied by such a factor stay finite
SEPARATED = (
    "Every sample is classified correctly by the fitted map, so that only a small "
    "penalty keeps probabilities from 0 and 1. Are these the training rows? Calibrate on rows "
    "that the classifier was not trained on; if these are not, on more of them, or use "
    "StructuredVectorScaling, whose penalty suits few rows."
)


def scale_free_beta(logits, codes, weight):
    """Return the inverse of the best temperature, whatever the scale, and what is wrong."""
    beta, flaw = best_beta(logits, codes, weight)
    if flaw not in AT_BOUND:
        return beta, flaw
    typical = typical_gap(logits, codes, weight)  # whatever outliers there are
    if needs_scale(flaw, typical):
        scale = logits.dtype.type(2.0 ** np.floor(np.log2(typical)))
        beta, flaw = best_beta(logits / scale, codes, weight)
        beta /= float(scale)
    return beta, flaw


def needs_scale(flaw, typical):
    """Tell whether logits of a typical gap are to be divided first: bounds have a scale."""
    return flaw is Flaw.SCALE or not 1 / ORDINARY <= typical <= ORDINARY


def starting_beta(logits, codes, weight):
    """Return the inverse of the temperature from which penalties measure.

    Where all rows are right the best is 0, from which no penalty leads back: targets are
    smoothed then. Only logits that do not rank classes are worth a warning.
    """
    beta, flaw = scale_free_beta(logits, codes, weight)
    if flaw is Flaw.SEPARABLE:
        beta, flaw = best_smoothed_beta(logits, codes, weight)
    if flaw is Flaw.CHANCE:
        warn_of_flaw(flaw, beta)
    return beta


def warn_if_separated(z, theta, codes):
    """Warn if the map parts all classes: without a penalty there would be no optimum."""
    blocks = row_blocks(*z.shape)
    if all((affine_proba(z[b], theta).argmax(axis=1) == codes[b]).all() for b in blocks):
        warn_of_separation()


def warn_of_separation():
    """Say that without a penalty there would be no optimum."""
    warn(SEPARATED, ConvergenceWarning)


def temper_logits(logits, beta, factor=1.0):
    """Return ``factor * log(softmax(beta * logits))``, the logarithm cut off at -1e4.

    Squares are safe then. What is masked stays -inf. The type is that of the logits; but
    float64 if all rows fit into one block. If logits are so small that `factor` is huge, all
    logarithms are nearly those of 1 / K, beside which their differences would be lost: they
    are taken of K times the softmax there.
    """
    blocks = row_blocks(*logits.shape)
    out = np.empty(logits.shape, np.float64 if len(blocks) == 1 else logits.dtype)
    for block in blocks:
        rows = logits[block].astype(np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        rows *= beta
        if factor <= LARGE:
            rows -= np.log(np.exp(rows).sum(axis=1, keepdims=True))
        else:
            rows -= np.log1p(np.expm1(rows).mean(axis=1, keepdims=True))
        np.maximum(rows, LOWEST, out=rows)
        rows *= factor
        out[block] = np.clip(rows, -FARTHEST, FARTHEST, out=rows) if factor > LARGE else rows
        if (masked := find_masked_entries(logits[block])) is not None:
            out[block][masked] = -np.inf
    return out


def tempered_proba(logits, theta, beta, factor=1.0):
    """Return the probabilities of an affine map of tempered logits, in their type."""
    out = np.empty(logits.shape, logits.dtype)
    for block in row_blocks(*logits.shape):
        out[block] = affine_proba(temper_logits(logits[block], beta, factor), theta)
    return out
