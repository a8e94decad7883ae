"""How many of the surest rows may be decided, by exact tests in a fixed sequence."""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy
from scipy.stats import beta, binom

MANY = 50  # times 1 / max_error: rows from which on several starting points pay
SHARES = (0.5, 0.25, 0.2)  # of the level, for starting points, each with four times the rows
SHARE_OF_ALL = 0.05  # and for all rows at once


class Certificate(NamedTuple):
    """What may be decided."""

    threshold: float  # the lowest score of what is decided; infinite if nothing is
    coverage: float  # its share of the rows
    risk: float  # of these rows; NaN if there are none
    bound: float  # above their true risk, at the level of the test that let them pass


NOTHING = Certificate(np.inf, 0.0, np.nan, np.nan)


def fewest_rows(max_error, confidence):
    """Return how many rows without an error are needed before anything can be certified."""
    return int(np.ceil(np.log(1 - confidence) / np.log1p(-max_error)))


def certify(score, loss, weight, max_error, level, *, binary):
    """Return the certificate of the largest set of surest rows whose risk may be decided.

    Rows of one score stay together. Sets are tested, one larger than the other, until one
    fails, from several starting points on; each has a share of the level, and what passes
    hands its share on (the fallback procedure). The losses of the rows above a score are
    independent, so that each test is exact (0/1 losses: the binomial tail) or holds at any
    number of rows (losses in [0, 1]).
    """
    scores, size, losses = _cumulate(score, loss, weight)
    if not len(scores):
        return NOTHING
    pvalues = _tail(losses, size, max_error, binary)
    several = size[-1] * max_error >= MANY
    shares = (*SHARES, SHARE_OF_ALL) if several else (1.0,)
    fewest = fewest_rows(max_error, 1 - level * shares[0])
    begins = [int(np.searchsorted(size, fewest * 4**k)) for k in range(len(SHARES))]
    begins = [*begins, len(size) - 1] if several else begins[:1]
    best, best_level, alive, share = -1, level, False, 0.0
    for begin, end, own in zip(begins, [*begins[1:], len(size)], shares, strict=True):
        share = share + own if alive else own
        passed = pvalues[begin:end] <= level * share
        length = len(passed) if passed.all() else int(passed.argmin())
        alive = length == len(passed)
        if length:
            best, best_level = begin + length - 1, level * share
    if best < 0:
        return NOTHING
    risk = losses[best] / size[best]
    bound = _upper_bound(losses[best], size[best], best_level, binary)
    return Certificate(float(scores[best]), float(size[best] / size[-1]), float(risk), bound)


def take_share(score, loss, weight, share):
    """Return what is decided if it is a share of the rows; ties are decided together."""
    used = weight > 0
    if not used.any():
        return NOTHING
    if share == 1:
        return Certificate(-np.inf, 1.0, float(np.average(loss, weights=weight)), np.nan)
    order = np.argsort(-score[used], kind="stable")
    score, loss, weight = score[used][order], loss[used][order], weight[used][order]
    place = np.searchsorted(np.cumsum(weight), share * weight.sum() * (1 - 1e-12))
    kept = score >= score[place]
    size = weight[kept].sum()
    risk = weight[kept] @ loss[kept] / size
    return Certificate(float(score[place]), float(size / weight.sum()), float(risk), np.nan)


def _cumulate(score, loss, weight):
    """Return distinct scores from high to low, and the weights and losses from there up."""
    used = weight > 0
    score, loss, weight = score[used], loss[used], weight[used]
    order = np.argsort(-score, kind="stable")
    score = score[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else []
    size, losses = np.cumsum(weight[order]), np.cumsum((weight * loss)[order])
    return score[last], size[last], losses[last]


def _tail(losses, size, limit, binary):
    """Return p-values of the hypotheses that the risk is above the limit."""
    if binary:
        return binom.cdf(np.rint(losses), np.rint(size), limit)
    risk = np.clip(losses / size, 0, 1)
    return _hoeffding_bentkus(risk, size, limit)


def _hoeffding_bentkus(risk, size, limit):
    """Return the smaller of Hoeffding's bound, by relative entropy, and Bentkus's."""
    below = np.minimum(risk, limit)
    entropy = xlogy(below, below / limit) + xlogy(1 - below, (1 - below) / (1 - limit))
    bentkus = np.e * binom.cdf(np.ceil(size * risk - 1e-9), np.rint(size), limit)
    return np.minimum(np.minimum(np.exp(-size * entropy), bentkus), 1.0)


def _upper_bound(losses, size, level, binary):
    """Return the largest limit that would not pass."""
    if binary:
        errors, n = np.rint(losses), np.rint(size)
        return float(beta.ppf(1 - level, errors + 1, n - errors)) if errors < n else 1.0
    low, high = losses / size, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if middle < 1 and _tail(losses, size, middle, binary) > level:
            low = middle
        else:
            high = middle
    return float(high)
