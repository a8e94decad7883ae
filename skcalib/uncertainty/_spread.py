"""Spread of draws along their first axis, without a second array of all of them."""

import numpy as np


def standard_deviation(draws, mean):
    """Return it with ddof 1; NaN for one draw."""
    squares = np.zeros_like(mean) if len(draws) > 1 else np.full_like(mean, np.nan)
    for draw in draws:  # no second array of all draws
        squares += (draw - mean) ** 2
    return np.sqrt(squares / max(1, len(draws) - 1))


def quantiles(draws, *shares):
    """Yield what np.quantile(draws, shares, axis=0) returns; one sort of contiguous rows."""
    ordered = np.ascontiguousarray(np.moveaxis(draws, 0, -1))
    ordered.sort(axis=-1)
    last = len(draws) - 1
    for share in shares:
        below = int(share * last)
        low, high = (ordered[..., min(place, last)] for place in (below, below + 1))
        yield low.astype(np.float64) + (share * last - below) * (high - low)
