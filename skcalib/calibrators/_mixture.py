"""The mixture with the uniform distribution, which keeps probabilities away from zero."""

import numpy as np

from skcalib.calibrators._device_maps import mix_logits_block
from skcalib.calibrators._masks import uniform_over_open
from skcalib.inputs import DeviceRows, row_blocks, softmax

SMOOTHINGS = ("mix", "none")


def uniform_share(weight, smoothing="mix"):
    """Return the share of the uniform distribution: 1 / (n + 1), n being the total weight."""
    return float(1 / (weight.sum() + 1)) if smoothing == "mix" else 0.0


def mix(proba, share, logits):
    """Mix rows of probabilities with the uniform distribution, in place.

    Classes that are masked in the logits keep probability 0.
    """
    proba *= proba.dtype.type(1 - share)
    proba += uniform_over_open(share, logits, proba.dtype)
    return proba


def mix_logits(logits, beta, share):
    """Return ``log((1 - share) * softmax(beta * logits) + share / K)``; masked stays -inf.

    Its type is that of the logits; but float64 if all rows fit into one block.
    """
    if isinstance(logits, DeviceRows):
        return logits.mapped(lambda xp, part: mix_logits_block(xp, part, beta, share))
    single_block = len(row_blocks(*logits.shape)) == 1
    out = np.empty(logits.shape, np.float64 if single_block else logits.dtype)
    for block in row_blocks(*logits.shape):
        rows = logits[block].astype(np.float64, copy=False)
        proba = mix(softmax(rows, beta), share, rows)
        with np.errstate(divide="ignore"):
            np.log(proba, out=proba)
        out[block] = proba
    return out
