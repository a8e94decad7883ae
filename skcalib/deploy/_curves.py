"""Maps of log-odds, a column for each map."""

import numpy as np

from skcalib.deploy._fields import read_pieces, vector
from skcalib.deploy._operations import exp_minus_one, log_one_plus
from skcalib.deploy._registry import ODDS, operation

LOG_2 = float(np.log(2))
DECIMALS = 1e10


@operation(ODDS, ODDS, factors=vector(), shifts=vector())
def line(machine, z, factors, shifts):
    """Multiply each column by its factor, and add."""
    ns = machine.namespace
    return z * ns.constant(factors) + ns.constant(shifts)


@operation(ODDS, ODDS, centres=vector(), factors=vector())
def standardise(machine, z, centres, factors):
    """Subtract from each column its centre, and multiply."""
    ns = machine.namespace
    return (z - ns.constant(centres)) * ns.constant(factors)


@operation(ODDS, ODDS, lowest=vector(), highest=vector())
def bound(machine, z, lowest, highest):
    """Bring each column between two numbers."""
    ns = machine.namespace
    return ns.minimum(ns.maximum(z, ns.constant(lowest)), ns.constant(highest))


@operation(ODDS, ODDS, centres=vector(), reaches=vector(0.0))
def compress(machine, z, centres, reaches):
    """Bring in what is farther from the centre than the reach, to less than twice as far."""
    ns = machine.namespace
    centre, reach = ns.constant(centres), ns.constant(reaches)
    offset = z - centre
    size = ns.absolute(offset)
    bent = reach * (2.0 - reach / ns.maximum(ns.maximum(size, reach), ns.constant(1e-300)))
    outside = centre + ns.where(offset < 0, -bent, bent)
    return ns.where(size > reach, outside, z)


@operation(
    ODDS,
    ODDS,
    quadratic=vector(),
    slope=vector(),
    intercept=vector(),
    lowest=vector(),
    highest=vector(),
)
def parabola(machine, x, quadratic, slope, intercept, lowest, highest):
    """Apply parabolas, and beyond two numbers their tangents."""
    ns = machine.namespace
    inside = ns.minimum(ns.maximum(x, ns.constant(lowest)), ns.constant(highest))
    bend, rise = ns.constant(quadratic), ns.constant(slope)
    curve = ns.constant(intercept) + inside * (rise + bend * inside)
    return curve + (rise + 2.0 * bend * inside) * (x - inside)


@operation(ODDS, ODDS, a=vector(), b=vector(), c=vector())
def beta(machine, z, a, b, c):
    """Take a log p - b log(1 - p) + c of log-odds; near 0 without cancellation."""
    ns = machine.namespace
    odd, even = (a + b) / 2, (b - a) / 2
    size = ns.absolute(z)
    rise = exp_minus_one(ns, ns.minimum(size, ns.constant(1.0)) / 4)
    sinh = (rise + rise / (rise + 1.0)) / 2
    log_cosh = 2.0 * log_one_plus(ns, 2.0 * sinh * sinh)
    near = ns.constant(odd) * z + ns.constant(even) * log_cosh
    near = near + ns.constant(c + 2 * LOG_2 * even)
    tail = ns.log(1.0 + ns.exp(-size))
    zero = ns.constant(0.0)
    log_p, log_q = ns.minimum(z, zero) - tail, ns.minimum(-z, zero) - tail
    far = ns.constant(a) * log_p - ns.constant(b) * log_q + ns.constant(c)
    return ns.where(size < 1.0, near, far)


@operation(ODDS, ODDS)
def arsinh(machine, z):
    """Take the inverse hyperbolic sine."""
    ns = machine.namespace
    size = ns.absolute(z)
    # size * sqrt(1 + 1 / size^2), as the square of a large number is none.
    inverse = 1.0 / ns.maximum(size, ns.constant(1.0))
    root = ns.where(
        size > 1.0,
        size * ns.sqrt(1.0 + inverse * inverse),
        ns.sqrt(1.0 + ns.minimum(size, ns.constant(1.0)) * ns.minimum(size, ns.constant(1.0))),
    )
    found = ns.log(size + root)
    return ns.where(z < 0, -found, found)


@operation(ODDS, ODDS)
def round_decimals(machine, p):
    """Round to ten decimals, and bring between 0 and 1."""
    ns = machine.namespace
    p = ns.round(p * DECIMALS) / DECIMALS
    return ns.minimum(ns.maximum(p, ns.constant(0.0)), ns.constant(1.0))


@operation(ODDS, ODDS)
def logit(machine, p):
    """Turn probabilities into log-odds."""
    ns = machine.namespace
    return ns.log(p) - ns.log(1.0 - p)


@operation(ODDS, ODDS, curves=read_pieces)
def curves(machine, z, curves):
    """Apply piecewise polynomials of the distance from the knot on the left."""
    return apply_curves(machine.namespace, z, curves)


def apply_curves(ns, z, curves):
    """Apply piecewise polynomials of the distance from the knot on the left.

    The piece is the number of knots below z, found by bisection. To the left of the first
    knot the distance is that from the first.
    """
    longest = int(curves.counts.max())
    step = 1
    while step <= longest:
        step *= 2
    place = None
    table, counts = ns.constant(curves.knots), ns.index_constant(curves.counts)
    while (step := step // 2) >= 1:
        if place is None:
            first = np.where(
                curves.counts >= step, curves.knots[curves.starts + step - 1], np.inf
            )
            place = ns.as_index(ns.constant(first) < z) * step
            continue
        ahead = place + step
        knot = ns.lookup(table, ahead + ns.index_constant(curves.starts - 1))
        place = place + ns.as_index(knot < z) * ns.as_index(ahead <= counts) * step
    if place is None:
        place = ns.as_index(z < z)  # 0: there is one piece
    index = place + ns.index_constant(curves.starts + np.arange(len(curves.starts)))
    found = ns.lookup(ns.constant(curves.coefficients[-1]), index)
    if len(curves.coefficients) > 1:
        offset = z - ns.lookup(ns.constant(curves.anchors), index)
        for coefficients in curves.coefficients[-2::-1]:
            found = found * offset + ns.lookup(ns.constant(coefficients), index)
    return found
