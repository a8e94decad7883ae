"""Binary maps of log-odds, one for each class or pair, and the way to probabilities."""

from itertools import combinations

import numpy as np

from skcalib.deploy._fields import read_whole, vector
from skcalib.deploy._operations import first_largest, pair_of, sigmoid_of, softmax_of
from skcalib.deploy._registry import LOGITS, ODDS, PROBA, Shape, operation, read_operations
from skcalib.messages import quote

MOST_CLASSES = 300  # one-vs-one


def count_maps(multiclass, n_classes):
    """Return the number of binary maps."""
    if n_classes == 2:
        return 1
    return n_classes if multiclass == "ovr" else n_classes * (n_classes - 1) // 2


def _maps(multiclass):
    def read(values, where, shape, depth):
        if multiclass == "ovo" and shape.width > MOST_CLASSES:
            raise ValueError(f"{where}: one-vs-one is for at most {MOST_CLASSES} classes.")
        width = count_maps(multiclass, shape.width)
        steps, found = read_operations(values, where, Shape(ODDS, width), depth + 1)
        if found.kind != ODDS:
            raise ValueError(f"{where} must end with {ODDS}, not {found.kind}.")
        return steps

    return read


def _shares(multiclass):
    def read(values, where, shape, depth=0):
        width = count_maps(multiclass, shape.width)
        return vector(0.0, 1.0)(values, where, Shape(ODDS, width))

    return read


def _unchanged(multiclass):
    def read(values, where, shape, depth=0):
        width = count_maps(multiclass, shape.width)
        if not isinstance(values, list) or len(values) > width:
            raise ValueError(f"{where} must be a list of maps, got {quote(values)}.")
        numbers = [read_whole(v, f"{where}[{i}]", 0, width - 1) for i, v in enumerate(values)]
        found = np.zeros(width)
        found[numbers] = 1
        return found

    return read


def _fields(multiclass):
    return {
        "operations": _maps(multiclass),
        "unchanged": _unchanged(multiclass),
        "shares": _shares(multiclass),
    }


@operation(LOGITS, PROBA, **_fields("ovr"))
def one_vs_rest(machine, x, operations, unchanged, shares):
    """Map the log-odds of each class against the rest; divide probabilities by their sum."""
    ns, masked = machine.namespace, machine.masked
    if x.shape[-1] == 2:
        return _pair(machine, x, operations, unchanged, shares)
    outcomes = float(x.shape[-1])
    if masked is not None:
        outcomes = ns.sum(ns.where(masked, ns.constant(0.0), ns.constant(1.0)))
    z = rest_odds(ns, x)
    odds = _apply(machine, operations, unchanged, shares, z, outcomes)
    logs = ns.minimum(odds, ns.constant(0.0))
    logs = logs - ns.log(1.0 + ns.exp(-ns.absolute(odds)))
    return _softmax_or_uniform(machine, logs)


@operation(LOGITS, PROBA, **_fields("ovo"))
def one_vs_one(machine, x, operations, unchanged, shares):
    """Map log-odds of pairs; p_k is proportional to 1 / (1 + sum of odds against k)."""
    ns = machine.namespace
    width = int(x.shape[-1])
    if width == 2:
        return _pair(machine, x, operations, unchanged, shares)
    pairs = list(combinations(range(width), 2))
    z = ns.columns(x, [k for _, k in pairs]) - ns.columns(x, [j for j, _ in pairs])
    if machine.masked is not None:
        z = ns.where(z == z, z, ns.constant(-np.inf))  # of two that are masked
    odds = _apply(machine, operations, unchanged, shares, z, 2.0)
    both = ns.concat([odds, -odds])
    against = [[] for _ in range(width)]
    for number_, (j, k) in enumerate(pairs):
        against[j].append(number_)
        against[k].append(len(pairs) + number_)
    return _softmax_or_uniform(
        machine, ns.concat([-_log_one_plus_sum(ns, ns.columns(both, own)) for own in against])
    )


def _pair(machine, x, operations, unchanged, shares):
    ns = machine.namespace
    z = ns.columns(x, [1]) - ns.columns(x, [0])
    outcomes = 2.0
    return pair_of(ns, _apply(machine, operations, unchanged, shares, z, outcomes))


def _apply(machine, operations, unchanged, shares, z, outcomes):
    """Apply maps; those of masked classes stay as they are."""
    ns = machine.namespace
    known = None
    if machine.masked is not None:
        known = ns.absolute(z) < np.inf
        given, z = z, ns.where(known, z, ns.constant(0.0))
    odds = machine.run(operations, z)
    if unchanged.any():
        odds = ns.where(ns.constant(unchanged) > 0, z, odds)
    odds = mix_odds(ns, odds, shares, outcomes)
    return odds if known is None else ns.where(known, odds, given)


def mix_odds(ns, odds, shares, outcomes):
    """Return log-odds of (1 - share) p + share / n_outcomes, exact in both tails."""
    if not shares.any():
        return odds
    of_uniform = ns.constant(shares)
    rest = 1.0 - of_uniform
    inside = rest * sigmoid_of(ns, odds) + of_uniform / outcomes
    outside = rest * sigmoid_of(ns, -odds) + of_uniform * (1.0 - 1.0 / outcomes)
    mixed = ns.log(inside) - ns.log(outside)
    return mixed if shares.all() else ns.where(of_uniform > 0, mixed, odds)


def rest_odds(ns, x):
    """Return the log-odds of each class against all others.

    For all but the largest the others hold the largest's own exp(0) = 1.
    """
    x = x - ns.max(x)
    is_top = first_largest(ns, x)
    zero, lowest = ns.constant(0.0), ns.constant(-np.finfo(np.float32).max / 4)
    mass = ns.where(is_top, zero, ns.exp(x))
    others = ns.sum(mass)
    # Where the others' exponentials underflow, by the largest of them.
    below = ns.where(is_top, lowest, x)
    second = ns.maximum(ns.max(below), lowest)
    far = second + ns.log(ns.sum(ns.exp(below - second)))
    log_others = ns.where(others < machine_zero(ns), far, ns.log(others))
    left = ns.maximum(1.0 + others - mass, ns.constant(1.0))
    return ns.where(is_top, -log_others, x - ns.log(left))


def machine_zero(ns):
    """Return a number below which a sum of exponentials may have lost digits."""
    return ns.tiny / ns.eps


def _log_one_plus_sum(ns, logs):
    peak = ns.maximum(ns.max(logs), ns.constant(0.0))
    peak = ns.where(peak < np.inf, peak, ns.constant(0.0))
    return peak + ns.log(ns.exp(-peak) + ns.sum(ns.exp(logs - peak)))


def _softmax_or_uniform(machine, logs):
    ns = machine.namespace
    nothing = ns.max(logs) == -np.inf  # is known
    logs = ns.where(nothing, ns.constant(0.0), logs)
    if machine.masked is not None:
        logs = ns.where(machine.masked, ns.constant(-np.inf), logs)
    return softmax_of(ns, logs)
