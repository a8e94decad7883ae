"""Tempered logits, on which vector, matrix and Dirichlet calibration start."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib._blocks import row_blocks
from skcalib._warnings import warn
from skcalib.calibrators._affine import affine_proba
from skcalib.calibrators._temperature import CHANCE, SCALE, best_beta

LOWEST = -1e4


def scale_free_beta(logits, codes, weight):
    """Return the inverse of the best temperature, whatever the scale, and what is wrong."""
    beta, flaw = best_beta(logits, codes, weight)
    if flaw and SCALE in flaw:
        largest = max(-float(logits.min()), float(logits.max()))
        scale = logits.dtype.type(2.0 ** np.floor(np.log2(largest)))
        beta, flaw = best_beta(logits / scale, codes, weight)
        beta /= float(scale)
    return beta, flaw


def starting_beta(logits, codes, weight):
    """Return the inverse of the temperature from which penalties measure.

    Only logits that do not rank classes are worth a warning: penalties see to the rest.
    """
    beta, flaw = scale_free_beta(logits, codes, weight)
    if flaw and CHANCE in flaw:
        warn(flaw, ConvergenceWarning)
    return beta


def tempered_logits(logits, beta, factor=1.0):
    """Return ``factor * log(softmax(beta * logits))``, the logarithm cut off at -1e4.

    Squares are safe then. The type is that of the logits; but float64 if all rows fit into
    one block.
    """
    blocks = row_blocks(*logits.shape)
    out = np.empty(logits.shape, np.float64 if len(blocks) == 1 else logits.dtype)
    for block in blocks:
        rows = logits[block].astype(np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        rows *= beta
        rows -= np.log(np.exp(rows).sum(axis=1, keepdims=True))
        np.maximum(rows, LOWEST, out=rows)
        rows *= factor
        out[block] = rows
    return out


def tempered_proba(logits, theta, beta, factor=1.0):
    """Return the probabilities of an affine map of tempered logits, in their type."""
    out = np.empty(logits.shape, logits.dtype)
    for block in row_blocks(*logits.shape):
        out[block] = affine_proba(tempered_logits(logits[block], beta, factor), theta)
    return out
