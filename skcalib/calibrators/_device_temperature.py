"""Sums for a temperature over rows that stay where they are."""

from math import comb

import numpy as np

from skcalib.inputs import entry_of_each, to_host


def sum_derivatives_there(rows, beta, order):
    """Return the first derivatives by beta of the sum of log losses."""
    xp, total = rows.xp, 0
    for part, codes, w in rows.blocks():
        scaled = (part - xp.max(part, axis=1, keepdims=True)) * float(beta)
        mass = xp.exp(scaled)
        chosen = entry_of_each(xp, scaled, codes)
        if rows.may_overflow(beta):  # 0 times -inf
            scaled = xp.where(mass == 0, xp.zeros_like(scaled), scaled)
            chosen = xp.where(w > 0, chosen, xp.zeros_like(chosen))
        cumulants = _cumulants(rows, scaled, mass, order)
        cumulants[0] = cumulants[0] - xp.astype(chosen, rows.wide_type)
        total = total + xp.stack([xp.sum(w * values) for values in cumulants])
    return to_host(total) / beta ** np.arange(1, order + 1)


def _cumulants(rows, scaled, mass, order):
    """Return the cumulants of each row's scaled logits under their softmax."""
    xp, wide = rows.xp, rows.wide_type
    total = xp.sum(mass, axis=1, dtype=wide)
    moments, cumulants = [], []
    for _ in range(order):
        mass = mass * scaled
        moments.append(xp.sum(mass, axis=1, dtype=wide) / total)
    for n, moment in enumerate(moments):
        lower = 0
        for j in range(n):
            lower = lower + comb(n, j) * cumulants[j] * moments[n - 1 - j]
        cumulants.append(moment - lower)
    return cumulants


def derivative_at_ends(rows):
    """Return the derivative of the sum of log losses by beta, at zero and in the limit."""
    xp, total = rows.xp, 0
    for part, codes, w in rows.blocks():
        shifted = part - xp.max(part, axis=1, keepdims=True)
        chosen = xp.astype(entry_of_each(xp, shifted, codes), rows.wide_type)
        n_open = part.shape[1]
        if rows.masked:
            masked = part == -xp.inf
            shifted = xp.where(masked, xp.zeros_like(shifted), shifted)
            chosen = xp.where(w > 0, chosen, xp.zeros_like(chosen))
            n_open = n_open - xp.sum(xp.astype(masked, rows.wide_type), axis=1)
        mean = xp.sum(shifted, axis=1, dtype=rows.wide_type) / n_open
        total = total + xp.stack([xp.sum(w * (mean - chosen)), -xp.sum(w * chosen)])
    return to_host(total)


def sum_smoothing(rows, far, rounding):
    """Return what targets spread over the classes add to the sum of log losses.

    Also the typical and the largest gap between logits of a row; see ``_smoothed_targets``.
    What is as long as the rows, one gap for each, stays on the device.
    """
    xp, wide = rows.xp, rows.wide_type
    gaps_of_rows, weights, largest = [], [], 0.0
    for part, _, w in rows.blocks():
        gaps = _gaps(rows, part)
        gaps_of_rows.append(xp.astype(_typical_gaps(rows, gaps, part), wide))
        weights.append(w)
        counted = xp.where(w > 0, xp.astype(xp.max(gaps, axis=1), wide), xp.zeros_like(w))
        largest = max(largest, float(xp.max(counted)))
    if largest == 0:
        return 0.0, 0.0, 0.0
    median = _median_of_positive(xp, xp.concat(gaps_of_rows), xp.concat(weights))
    typical = rounding(median, largest)
    total = 0
    for part, codes, w in rows.blocks():
        gaps = _gaps(rows, part)
        behind = xp.astype(entry_of_each(xp, gaps, codes), wide)
        n_open = part.shape[1]
        if rows.masked:
            n_open = xp.sum(xp.astype(part > -xp.inf, wide), axis=1)
        spread = xp.sum(xp.clip(gaps, None, far * typical), axis=1, dtype=wide) / n_open
        total = total + xp.sum(w * (spread - behind))
    return float(total), typical, largest


def _gaps(rows, part):
    xp = rows.xp
    gaps = xp.max(part, axis=1, keepdims=True) - part
    return xp.where(part == -xp.inf, xp.zeros_like(gaps), gaps) if rows.masked else gaps


def _typical_gaps(rows, gaps, part):
    """Return for each row how far the class on the first quarter of places is behind."""
    xp, n_classes = rows.xp, gaps.shape[1]
    widest = xp.max(gaps, axis=1)
    if n_classes == 2:
        return widest
    place = -(-(n_classes - 1) // 4)
    at_place = xp.sort(gaps, axis=1)[:, place]
    rounding = 8 * float(xp.finfo(rows.type).eps) * xp.abs(xp.max(part, axis=1))
    return xp.where(at_place > rounding, at_place, widest)


def _median_of_positive(xp, values, w):
    w = xp.where(values > 0, w, xp.zeros_like(w))
    order = xp.argsort(values)
    share = xp.cumulative_sum(xp.take(w, order))
    if float(share[-1]) == 0:
        return 0.0
    below = share < float(share[-1]) / 2 * (1 - 1e-12)
    place = xp.sum(xp.astype(below, xp.int64))
    return float(xp.take(xp.take(values, order), xp.reshape(place, (1,)))[0])
