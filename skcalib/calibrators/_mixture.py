"""The mixture with the uniform distribution, which keeps probabilities away from zero."""

import numpy as np

from skcalib._blocks import row_blocks
from skcalib._logits import softmax

SMOOTHINGS = ("mix", "none")


def uniform_share(weight, smoothing="mix"):
    """Return the share of the uniform distribution: 1 / (n + 1), n being the total weight."""
    return 1 / (weight.sum() + 1) if smoothing == "mix" else 0.0


def mix(proba, share):
    """Mix rows of probabilities with the uniform distribution, in place."""
    proba *= proba.dtype.type(1 - share)
    proba += proba.dtype.type(share / proba.shape[1])
    return proba


def mixed_logits(logits, beta, share):
    """Return ``log((1 - share) * softmax(beta * logits) + share / K)``.

    Its type is that of the logits; but float64 if all rows fit into one block.
    """
    single_block = len(row_blocks(*logits.shape)) == 1
    out = np.empty(logits.shape, np.float64 if single_block else logits.dtype)
    for block in row_blocks(*logits.shape):
        proba = mix(softmax(logits[block].astype(np.float64, copy=False), beta), share)
        np.log(proba, out=proba)
        out[block] = proba
    return out
