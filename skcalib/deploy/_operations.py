"""Operations on logits and on probabilities, a column for each class."""

import numpy as np

from skcalib.deploy._fields import (
    number,
    program,
    read_branches,
    read_flag,
    read_matrix,
    read_priors,
    read_shares,
    vector,
)
from skcalib.deploy._registry import LOGITS, PROBA, operation

LOWEST = 1e-300  # below it a number is zero where only its logarithm's size counts
NEAR = 0.1  # log-probabilities by which a logit may lie above that of the floor
SMALLEST = -700.0  # its exponential is not zero


def softmax_of(ns, x):
    """Return the softmax of each row."""
    mass = ns.exp(x - ns.max(x))
    return mass / ns.sum(mass)


def _keep_masks(machine, x):
    if machine.masked is None:
        return x
    ns = machine.namespace
    return ns.where(machine.masked, ns.constant(-np.inf), x)


def _without_masks(machine, x):
    if machine.masked is None:
        return x
    return machine.namespace.where(machine.masked, machine.namespace.constant(0.0), x)


def uniform_of(machine, width):
    """Return one over the number of classes that a row can be; 0 for the others."""
    if machine.masked is None:
        return 1 / width
    ns = machine.namespace
    left = ns.where(machine.masked, ns.constant(0.0), ns.constant(1.0))
    return left / ns.sum(left)


@operation(LOGITS, LOGITS, factor=number(0.0))
def scale(machine, x, factor):
    """Subtract the largest of each row, and multiply."""
    x = x - machine.namespace.max(x)
    return _keep_masks(machine, _without_masks(machine, x) * factor)


@operation(LOGITS, LOGITS, of_mean=read_flag)
def log_softmax(machine, x, of_mean):
    """Take the logarithm of the softmax; of the mean of exponentials in place of the sum."""
    ns = machine.namespace
    x = x - ns.max(x)
    if not of_mean:
        return x - ns.log(ns.sum(ns.exp(x)))
    rise = exp_minus_one(ns, ns.maximum(x, ns.constant(SMALLEST)))
    return x - log_one_plus(ns, ns.sum(rise) / int(x.shape[-1]))


@operation(LOGITS, LOGITS, lowest=number(), highest=number(), factor=number())
def clip(machine, x, lowest, highest, factor):
    """Bring logits between two numbers after multiplying them."""
    ns = machine.namespace
    x = ns.maximum(_without_masks(machine, x) * factor, ns.constant(lowest))
    return _keep_masks(machine, ns.minimum(x, ns.constant(highest)))


@operation(LOGITS, LOGITS, factors=vector(), shifts=vector())
def add_columns(machine, x, factors, shifts):
    """Add to each column its multiple by a factor, and a number."""
    ns = machine.namespace
    x = _without_masks(machine, x)
    return _keep_masks(machine, x + (x * ns.constant(factors) + ns.constant(shifts)))


@operation(LOGITS, LOGITS, matrix=read_matrix, shifts=vector())
def add_product(machine, x, matrix, shifts):
    """Add the product with a matrix, a row for each column that comes out, and numbers."""
    ns = machine.namespace
    x = _without_masks(machine, x)
    change = ns.matmul(x, ns.constant(matrix.T)) + ns.constant(shifts)
    return _keep_masks(machine, x + change)


@operation(LOGITS, PROBA)
def softmax(machine, x):
    """Take the softmax of each row."""
    return softmax_of(machine.namespace, x)


@operation(PROBA, LOGITS)
def log(machine, x):
    """Take logarithms."""
    return machine.namespace.log(x)


@operation(PROBA, LOGITS, floor=number(0.0, 1.0, positive=True))
def log_of_floored(machine, x, floor):
    """Raise smaller probabilities to a floor, and take logarithms."""
    ns = machine.namespace
    return ns.log(ns.maximum(x, ns.constant(floor)))


@operation(PROBA, PROBA, share=number(0.0, 1.0))
def mix(machine, x, share):
    """Mix with the uniform distribution."""
    return x * (1 - share) + uniform_of(machine, int(x.shape[-1])) * share


@operation(PROBA, PROBA, floor=number(0.0, 1.0), least=number(0.0, 1.0))
def lift(machine, x, floor, least):
    """Raise what is below a floor to at least a number, and divide rows by their sum."""
    ns = machine.namespace
    x = ns.where(x < floor, ns.maximum(x, ns.constant(least)), x)
    return x / ns.sum(x)


@operation(PROBA, PROBA, factors=vector(0.0))
def multiply_classes(machine, x, factors):
    """Multiply classes by their factors, and divide rows by their sum."""
    ns = machine.namespace
    x = x * ns.constant(factors)
    return x / ns.sum(x)


@operation(PROBA, PROBA, ratio=vector(0.0), priors=read_priors)
def shift_priors(machine, x, ratio, priors):
    """Multiply classes by a ratio, and divide rows by their sum; zeros become the priors."""
    ns = machine.namespace
    x = x * ns.constant(ratio)
    total = ns.sum(x)
    nothing = total <= 0
    return ns.where(
        nothing, ns.constant(priors), x / ns.where(nothing, ns.constant(1.0), total)
    )


@operation(
    LOGITS,
    PROBA,
    operations=program(PROBA),
    temperature=number(positive=True),
    log_prior=vector(),
    start=number(),
    spread=number(positive=True),
    exponent=number(0.0),
)
def temper_by_distance(machine, x, operations, temperature, log_prior, start, spread, exponent):
    """Temper rows whose scores fall short of a start, towards the prior."""
    ns = machine.namespace
    if machine.scores is None:
        raise ValueError("This description needs scores: how usual each row is.")
    near = machine.run(operations, x)
    shortfall = ns.maximum((start - machine.scores) / spread, ns.constant(0.0))
    factor = ns.exp(ns.log(1.0 + shortfall) * exponent)
    rest = 1.0 / factor
    tempered = (x - ns.max(x)) * (rest / temperature)
    far = softmax_of(ns, tempered + (1.0 - rest) * ns.constant(log_prior))
    return ns.where(factor > 1.0, far, near)


@operation(PROBA, PROBA, shift=number())
def shift_odds(machine, x, shift):
    """Add to the log-odds of the second of two classes."""
    ns = machine.namespace
    logs = ns.log(x)
    return pair_of(ns, ns.columns(logs, [1]) - ns.columns(logs, [0]) + shift)


@operation(LOGITS, PROBA, floor=number(0.0, 1.0, positive=True), lifted=number(0.0, 1.0))
def softmax_from_floor(machine, x, floor, lifted):
    """Take the softmax, and give what stands at the floor another probability."""
    ns = machine.namespace
    proba = softmax_of(ns, x)
    if x.shape[-1] == 2:
        odds = ns.columns(x, [1]) - ns.columns(x, [0])
        far = -float(np.log(floor)) - NEAR
        first, second = odds >= far, -odds >= far
        low = [ns.columns(proba, [k]) * (lifted / floor) for k in (0, 1)]
        x = ns.concat(
            [
                ns.where(first, low[0], ns.columns(proba, [0])),
                ns.where(second, low[1], ns.columns(proba, [1])),
            ]
        )
    else:
        x = ns.where(x <= float(np.log(floor)) + NEAR, proba * (lifted / floor), proba)
    return x / ns.sum(x)


@operation(LOGITS, PROBA, weights=read_shares, branches=read_branches)
def combine(machine, x, weights, branches):
    """Take the weighted mean of what branches give."""
    ns = machine.namespace
    total = None
    for weight, branch in zip(weights.tolist(), branches, strict=True):
        part = machine.run(branch, x) * weight
        total = part if total is None else total + part
    return total / ns.sum(total)


@operation(LOGITS, PROBA, operations=program(PROBA), tempered=program(PROBA))
def keep_argmax(machine, x, operations, tempered):
    """Mix with tempered probabilities as far as the largest logit needs to stay first."""
    ns = machine.namespace
    proba, tempered = machine.run(operations, x), machine.run(tempered, x)
    is_top = first_largest(ns, x)
    zero = ns.constant(0.0)
    behind = proba - ns.sum(ns.where(is_top, proba, zero))
    ahead = ns.sum(ns.where(is_top, tempered, zero)) - tempered
    wanted = ns.where(behind > 0, behind / (behind + ahead), zero)
    share = ns.max(wanted)
    mixed = proba * (1.0 - share) + tempered * share
    best = ns.max(mixed) * (1.0 + machine.namespace.eps)
    mixed = ns.where(is_top, best, mixed)
    return ns.where(share > 0, mixed, proba)


def first_largest(ns, x):
    """Tell of each entry whether it is the largest of its row, the first one of equals.

    The arguments of maxima do not exist in all runtimes.
    """
    width = int(x.shape[-1])
    place = ns.constant(np.arange(width, dtype=np.float64))
    last = ns.constant(-float(width))
    return place == -ns.max(ns.where(x == ns.max(x), -place, last))


def sigmoid_of(ns, z):
    """Return the sigmoid; its exponential never exceeds one."""
    small = ns.exp(-ns.absolute(z))
    return ns.where(z < 0, small, ns.constant(1.0)) / (1.0 + small)


def pair_of(ns, z):
    """Return the probabilities of two classes from the log-odds of the second."""
    return ns.concat([sigmoid_of(ns, -z), sigmoid_of(ns, z)])


def exp_minus_one(ns, x):
    """Return exp(x) - 1, exact near zero (Kahan), from exponential and logarithm alone."""
    u = ns.exp(x)
    whole = u == 1.0
    rise = u - 1.0
    near = rise * x / ns.where(whole, ns.constant(1.0), ns.log(u))
    return ns.where(whole, x, ns.where(ns.absolute(x) < 1.0, near, rise))


def log_one_plus(ns, x):
    """Return log(1 + x), exact near zero (Kahan)."""
    u = 1.0 + x
    whole = u == 1.0
    bend = ns.log(u) / ns.where(whole, ns.constant(1.0), u - 1.0)
    return ns.where(whole, x, ns.where(ns.absolute(x) < 1.0, x * bend, ns.log(u)))
