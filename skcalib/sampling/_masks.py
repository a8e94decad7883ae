"""Masks of dropout layers, drawn in NumPy: the same for every framework.

A mask is the random coefficients that a layer multiplies its values by, zero or not.

Each number belongs to a seed, a layer's place in the network, a draw (and, if rows do not
share masks, a row) and to nothing else: neither batches nor the order of calls matter.
The same uniform numbers serve every rate, so that masks of rising rates are nested.
"""

from math import prod, sqrt

import numpy as np
from scipy.special import ndtri

_ALPHA = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
_LANE = 8  # float32 numbers in a step of the generator's counter


def masks_of(site, place, rate, seed, draws, rows=None):
    """Return (scale,) or (scale, shift) of shape (n_draws, 1 or n_rows, *site.shape).

    Parameters
    ----------
    site : Site
        With its kind and shape.

    place : int
        Its number in the network.

    rate : float
        In [0, 1).

    seed : int
        Of the fitted estimator.

    draws : range
        Numbers of the draws.

    rows : range or None
        Numbers of the rows, if each has masks of its own.
    """
    uniform = _uniform(site.shape, place, seed, draws, rows)
    if site.kind == "gaussian":
        spread = np.float32(sqrt(rate / (1 - rate)))
        uniform = np.clip(uniform, 2.0**-25, 1 - 2.0**-24)  # finite normal numbers
        return (1 + spread * ndtri(uniform).astype(np.float32),)
    kept = (uniform >= np.float32(rate)).astype(np.float32)
    if site.kind == "dropout":
        kept /= np.float32(1 - rate)
        return (kept,)
    a = ((1 - rate) * (1 + rate * _ALPHA**2)) ** -0.5
    shift = np.float32(a * _ALPHA) * (1 - kept) - np.float32(a * _ALPHA * rate)
    return np.float32(a) * kept, shift


def _uniform(shape, place, seed, draws, rows):
    n_values = prod(shape)
    first, n_rows = (0, 1) if rows is None else (rows.start, len(rows))
    steps = -(-n_values // _LANE)  # of the counter, for each row
    out = np.empty((len(draws), n_rows, n_values), np.float32)
    for row, draw in zip(out, draws, strict=True):
        key = np.array([(place << 32) ^ seed, draw], np.uint64)
        bits = np.random.Philox(key=key)
        bits.advance(first * steps)
        padded = np.random.Generator(bits).random((n_rows, steps * _LANE), np.float32)
        row[:] = padded[:, :n_values]
    return out.reshape(len(draws), n_rows, *shape)
