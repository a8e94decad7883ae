"""The posterior mean of maps: a spline through it, and far out the mean itself."""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from skcalib.deploy._curves import LOG_2, apply_curves, arsinh
from skcalib.deploy._fields import build_pieces, number, read_numbers, vector
from skcalib.deploy._registry import ODDS, operation
from skcalib.messages import quote

LARGEST = 700.0  # log-odds
FEWEST_VALUES = 4
MOST_POINTS = 4096
OF_SPLINE = {"first", "last", "values"}
OF_POINTS = {"rates", "shifts", "bends", "rises", "shares"}


class Points(NamedTuple):
    """Maps t + shift + bend f(t) + rise (2 g(t) + bend g(t)^2) of t = rate z; their shares."""

    rates: np.ndarray
    shifts: np.ndarray
    bends: np.ndarray
    rises: np.ndarray
    shares: np.ndarray


def read_splines(values, where, shape, depth=0):
    """Return a cubic spline through evenly spaced values for each column, as pieces."""
    if not isinstance(values, list) or len(values) != shape.width:
        raise ValueError(f"{where} must be a list of {shape.width} splines.")
    return build_pieces([_read_spline(each, f"{where}[{i}]") for i, each in enumerate(values)])


def _read_spline(value, where):
    if not isinstance(value, dict) or set(value) != OF_SPLINE:
        raise ValueError(f"{where} must have the fields {sorted(OF_SPLINE)}.")
    first = number(-1e30, 1e30)(value["first"], f"{where}.first")
    last = number(-1e30, 1e30)(value["last"], f"{where}.last")
    values = read_numbers(value["values"], f"{where}.values")
    if len(values) < FEWEST_VALUES:
        raise ValueError(f"{where}.values must have at least {FEWEST_VALUES} numbers.")
    knots = np.linspace(first, last, len(values))
    if not (np.diff(knots) > 0).all():
        raise ValueError(f"{where}.last must lie beyond its first, far enough for its values.")
    with np.errstate(all="ignore"):
        pieces = CubicSpline(knots, np.clip(values, -1e100, 1e100)).c[::-1]
    if not np.isfinite(pieces).all():
        raise ValueError(f"{where}.values are too far apart.")
    return knots[:-1], list(np.hstack([pieces[:, :1], pieces]))


def read_points(values, where, shape, depth=0):
    """Return for each column the points of a posterior, or None."""
    if not isinstance(values, list) or len(values) != shape.width:
        raise ValueError(f"{where} must be a list of {shape.width} posteriors.")
    return [_read_points(each, f"{where}[{i}]") for i, each in enumerate(values)]


def _read_points(value, where):
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != OF_POINTS:
        raise ValueError(
            f"{where} must have the fields {sorted(OF_POINTS)}, got {quote(value)}."
        )
    shares = read_numbers(value["shares"], f"{where}.shares")
    if not 1 <= len(shares) <= MOST_POINTS or (shares < 0).any() or not 0.5 < shares.sum() < 2:
        raise ValueError(
            f"{where}.shares must be at most {MOST_POINTS} numbers, which sum to one."
        )
    others = {
        name: read_numbers(value[name], f"{where}.{name}", len(shares))
        for name in OF_POINTS - {"shares"}
    }
    return Points(**others, shares=shares)


@operation(
    ODDS,
    ODDS,
    slopes=vector(),
    limits=vector(0.0),
    splines=read_splines,
    points=read_points,
)
def posterior_mean(machine, z, slopes, limits, splines, points):
    """Apply a spline of the inverse hyperbolic sine; beyond its limit, the mean of maps."""
    ns = machine.namespace
    place = arsinh(machine, z * ns.constant(slopes))
    limit = ns.constant(limits)
    inside = apply_curves(ns, ns.minimum(ns.maximum(place, -limit), limit), splines)
    if all(each is None for each in points):
        return inside
    columns = []
    for number_, each in enumerate(points):
        column = ns.columns(z, [number_])
        columns.append(
            ns.columns(inside, [number_]) if each is None else _mean(ns, column, each)
        )
    return ns.where(ns.absolute(place) <= limit, inside, ns.concat(columns))


def _mean(ns, z, points):
    """Return the log-odds of the mean probability."""
    bends, rises, shares = (ns.constant(each) for each in points[2:])
    t = z * ns.constant(points.rates)
    size = ns.absolute(t)
    mass = ns.exp(-size)
    bent = size + 2.0 * ns.log(1.0 + mass) - 2 * LOG_2
    tanh = (1.0 - mass) / (1.0 + mass)
    tanh = ns.where(t < 0, -tanh, tanh)
    s = t + ns.constant(points.shifts) + bends * bent
    s = s + rises * (2.0 * tanh + bends * tanh * tanh)
    s = ns.minimum(ns.maximum(s, ns.constant(-LARGEST)), ns.constant(LARGEST))
    rest = ns.exp(-ns.absolute(s))
    smaller = rest / (1.0 + rest)
    larger = 1.0 - smaller
    hit = ns.sum(shares * ns.where(s < 0, smaller, larger))
    miss = ns.sum(shares * ns.where(s < 0, larger, smaller))
    return ns.log(hit) - ns.log(miss)
