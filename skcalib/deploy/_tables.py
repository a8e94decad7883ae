"""Curves as tables of knots and coefficients."""

import numpy as np
from scipy.special import expit, logit

LARGEST = np.finfo(np.float64).max
NO_CURVE = {"knots": [], "coefficients": [[0.0]]}


def as_list(values):
    """Return an array as plain lists of floats."""
    return np.asarray(values, dtype=np.float64).tolist()


def finite(values):
    """Return infinite numbers as the largest ones."""
    return np.clip(values, -LARGEST, LARGEST)


def linear_curve(fitted, tol=0.0):
    """Return what is linear between knots and constant outside."""
    if fitted is None:
        return NO_CURVE
    kept = _kept_knots(fitted.knots, fitted.levels, tol)
    knots, levels = fitted.knots[kept], fitted.levels[kept]
    slopes = np.append(np.append(0.0, np.diff(levels) / np.diff(knots)), 0.0)
    values = np.append(levels[0], levels)
    return {"knots": as_list(knots), "coefficients": [as_list(values), as_list(finite(slopes))]}


def _kept_knots(knots, levels, tol):
    """Return the knots of a chain of chords that pass all others within `tol`."""
    if tol == 0 or len(knots) < 3:
        return np.arange(len(knots))
    kept, start, low, high = [0], 0, -np.inf, np.inf
    for i in range(1, len(knots)):
        run = knots[i] - knots[start]
        slope = (levels[i] - levels[start]) / run
        if not low <= slope <= high:
            start, low, high = i - 1, -np.inf, np.inf
            kept.append(start)
            run = knots[i] - knots[start]
        low = max(low, (levels[i] - levels[start] - tol) / run)
        high = min(high, (levels[i] - levels[start] + tol) / run)
    return np.array([*kept, len(knots) - 1])


def cubic_curve(cubic):
    """Return a piecewise cubic, which is not asked outside its breaks."""
    pieces = cubic.c[::-1]
    return curve_of(cubic.x[:-1], np.hstack([pieces[:, :1], pieces]))


def curve_of(knots, coefficients):
    """Return knots and coefficients, from the lowest power, as plain lists."""
    return {"knots": as_list(knots), "coefficients": [as_list(each) for each in coefficients]}


def step_curve(fitted, tol=0.0):
    """Return steps, whose value on an edge is the mean of both sides."""
    if fitted is None:
        return NO_CURVE
    edges, levels = fitted
    inside = np.isfinite(edges)
    first = int((edges == -np.inf).sum())
    edges, levels = edges[inside], levels[first : first + inside.sum() + 1]
    # Up to just below an edge the level before; on it the mean; beyond it the next.
    knots, number = np.unique(edges, return_index=True)
    number_after = np.append(number, len(edges))[1:]
    before, after = levels[number], levels[number_after]
    values = np.append(levels[0], np.stack([(before + after) / 2, after], axis=1).ravel())
    knots = np.stack([np.nextafter(knots, -np.inf), knots], axis=1).ravel()
    return thin(knots, values, tol, identity)


def identity(levels):
    """Return levels that are probabilities."""
    return levels


def venn_abers_curve(fitted, point, tol=0.0):
    """Return the log-odds of a pair of steps, of which one jumps before its knots."""
    if fitted is None:
        return NO_CURVE
    lower = np.nextafter(fitted.lower_knots, -np.inf)
    knots = np.unique(np.concatenate([lower, fitted.upper_knots]))
    p0 = fitted.lower_levels[np.searchsorted(lower, np.append(knots, np.inf), side="left")]
    p1 = fitted.upper_levels[
        np.searchsorted(fitted.upper_knots, np.append(knots, np.inf), side="left")
    ]
    if point == "log_loss":
        odds = np.log(p1) - np.log1p(-p0)
    elif point == "base_rate":
        odds = logit(p0 + fitted.share * (p1 - p0))
    else:
        odds = logit(p1 + (p0**2 - p1**2) / 2)
    return thin(knots, odds, tol, expit)


def widen_ties(fitted, share):
    """Return Venn-Abers steps for which scores that differ by a share of their size are tied.

    The levels at a score hold within a hair of it; what comes from an engine in single
    precision may lie beyond. Half the way to the next score is the most.
    """
    lower, upper = fitted.lower_knots, fitted.upper_knots
    knots = np.sort(np.concatenate([lower, upper]))
    padded = np.concatenate([[-np.inf], knots, [np.inf]])
    before = padded[np.searchsorted(knots, lower, side="left")]
    after = padded[np.searchsorted(knots, upper, side="right") + 1]
    left = np.minimum(share * np.maximum(1, np.abs(lower)), (lower - before) / 2)
    right = np.minimum(share * np.maximum(1, np.abs(upper)), (after - upper) / 2)
    return fitted._replace(lower_knots=lower - left, upper_knots=upper + right)


def thin(knots, values, tol, probability_of):
    """Return steps; neighbours whose probabilities lie within 2 `tol` become one."""
    if tol > 0 and len(knots):
        groups = _group(probability_of(values), 2 * tol)
        first = np.array([start for start, _ in groups])
        middle = np.array([middle for _, middle in groups])
        alone = np.diff(np.append(first, len(values))) == 1
        back = middle if probability_of is identity else logit(middle)
        values = np.where(alone, values[first], back)
        knots = knots[first[1:] - 1]
    return curve_of(knots, [values])


def _group(proba, width):
    """Return the start and the middle of each run of levels that differ by `width` at most."""
    groups, start, low, high = [], 0, proba[0], proba[0]
    for i, p in enumerate(proba.tolist()):
        if max(high, p) - min(low, p) > width:
            groups.append((start, (low + high) / 2))
            start, low, high = i, p, p
        low, high = min(low, p), max(high, p)
    return [*groups, (start, (low + high) / 2)]
