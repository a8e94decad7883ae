"""Splines and posterior means as operations."""

import numpy as np

from skcalib import calibrators as c
from skcalib.deploy._calibrators import binary, compress, op, operations_of
from skcalib.deploy._tables import NO_CURVE, as_list, curve_of


@operations_of.register
def _(spline: c.SplineCalibration, tol=0.0):
    knots = [np.array([0.0, 1.0]) if m is None else m.knots for m in spline.maps_]
    reaches = np.array([k[-1] - k[0] for k in knots])
    ends = np.array([max(-k[0], k[-1]) for k in knots])
    wide = reaches > 1e-12 * ends  # else all scores are one
    factors = np.where(wide, 1 / np.where(wide, reaches, 1), 0.0)
    return binary(
        spline,
        op("standardise", centres=as_list([k[0] for k in knots]), factors=as_list(factors)),
        op("bound", lowest=[-0.5] * len(knots), highest=[1.5] * len(knots)),
        op("curves", curves=[_with_tails(m) for m in spline.maps_]),
    )


def _with_tails(fitted):
    """Return a cubic from 0 to 1, and the tangents at its ends."""
    if fitted is None:
        return NO_CURVE
    curve = fitted.curve
    pieces = curve.c[::-1]
    tails = [[*curve([x]), *curve([x], 1), 0.0, 0.0] for x in (0.0, 1.0)]
    coefficients = np.column_stack([tails[0], pieces, tails[1]])
    return curve_of(curve.x, coefficients)


@operations_of.register
def _(hierarchical: c.HierarchicalCalibration, tol=0.0):
    maps = hierarchical.maps_
    bulks = [(0.0, np.inf) if m is None else (m.bulk.centre, m.bulk.reach) for m in maps]
    units = [1.0 if m is None else m.unit for m in maps]
    return binary(
        hierarchical,
        compress(bulks),
        op("line", factors=as_list(1 / np.array(units)), shifts=[0.0] * len(maps)),
        op(
            "posterior_mean",
            slopes=[1.0 if m is None else float(m.slope) for m in maps],
            limits=[1.0 if m is None else float(m.curve.x[-1]) for m in maps],
            splines=[_spline(m) for m in maps],
            points=[_points(m) for m in maps],
        ),
    )


def _spline(fitted):
    if fitted is None:
        return {"first": -1.0, "last": 1.0, "values": [0.0] * 4}
    knots, last = fitted.curve.x, fitted.curve.c[:, -1]
    end = np.polyval(last, knots[-1] - knots[-2])
    values = np.append(fitted.curve.c[-1], end)
    return {"first": float(knots[0]), "last": float(knots[-1]), "values": as_list(values)}


def _points(fitted):
    """Return the posterior where log-odds may lie beyond the spline, as they are brought in."""
    if fitted is None:
        return None
    farthest = abs(fitted.bulk.centre) + 2 * fitted.bulk.reach
    if fitted.slope * farthest / fitted.unit < np.sinh(fitted.curve.x[-1]):
        return None
    u, shifts, e, g = fitted.posterior.theta.T
    found = {"rates": np.exp(u), "shifts": shifts, "bends": np.tanh(e), "rises": np.expm1(g)}
    found["shares"] = fitted.posterior.shares
    return {name: as_list(values) for name, values in found.items()}
