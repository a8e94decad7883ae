"""Many classes by binary maps: each class against the rest, or each pair of classes."""

from itertools import combinations

import numpy as np
from scipy.special import log_expit

from skcalib.calibrators._log_odds import (
    UNDERFLOW,
    log_odds,
    log_odds_columns,
    merge_near_ties,
    rounding_of,
)
from skcalib.inputs import sigmoid, softmax
from skcalib.messages import warn

LIFTINGS = ("ovr", "ovo")
SLOW, MOST = 100, 300  # classes whose pairs take half a minute, and minutes


def _check_pairs(n_classes):
    """Raise ValueError if there are too many pairs of classes, warn if there are many."""
    n_pairs = n_classes * (n_classes - 1) // 2
    reason = f"multiclass='ovo' means {n_pairs:,} maps for the pairs of {n_classes} classes"
    if n_classes > MOST:
        raise ValueError(
            f"{reason}; more than {MOST} classes are refused. Use multiclass='ovr', or "
            "StructuredVectorScaling, which is made for many classes."
        )
    if n_classes > SLOW:
        warn(
            f"{reason}, which are slow to fit and to apply; multiclass='ovr' has {n_classes}.",
            UserWarning,
        )


TINY, NEARLY_TINY = -700, -600  # exponents


def binary_problems(logits, codes, weight, multiclass):
    """Yield (z, target, weight) of each map, in the order of `binary_columns`.

    Log-odds that differ by rounding only have been made equal. A pair of classes of which
    neither has a row is an empty problem. A row takes no part for a class that it masks.
    """
    for z, target, of_rows, precision in blurred_problems(logits, codes, weight, multiclass):
        yield merge_near_ties(z, precision) if len(z) else z, target, of_rows


def blurred_problems(logits, codes, weight, multiclass):
    """Yield the same, with log-odds as they are, and by how much they may be off."""
    precision = rounding_of(logits)
    n_classes = logits.shape[1]
    if multiclass == "ovr" or n_classes == 2:
        for k, z in log_odds_columns(logits):
            masked = np.isneginf(logits[:, k])  # column by column, as all would be a copy
            rows = np.flatnonzero(~masked) if masked.any() else slice(None)
            yield z[rows], codes[rows] == k, weight[rows], precision[rows]
        return
    _check_pairs(n_classes)
    rows_of = [np.flatnonzero(codes == k) for k in range(n_classes)]
    for j, k in combinations(range(n_classes), 2):
        rows = np.sort(np.concatenate([rows_of[j], rows_of[k]]))
        rows = rows[~np.isneginf(np.minimum(logits[rows, j], logits[rows, k]))]
        z = logits[rows, k].astype(np.float64) - logits[rows, j]
        yield z, codes[rows] == k, weight[rows], precision[rows]


def binary_columns(logits, multiclass):
    """Yield the log-odds that each map is applied to; infinite where a class is masked."""
    n_classes = logits.shape[1]
    if multiclass == "ovr" or n_classes == 2:
        yield from log_odds(logits)
        return
    for j, k in combinations(range(n_classes), 2):
        with np.errstate(invalid="ignore"):
            z = logits[:, k].astype(np.float64) - logits[:, j]
        yield np.where(np.isnan(z), -np.inf, z)  # both are masked, and others tell them 0


def calibrate_odds(apply_map, maps, logits, multiclass, masked):
    """Yield the calibrated log-odds of each map: what was fitted, a share, its log-odds.

    Infinite log-odds, of masked classes, stay as they are.
    """
    n_outcomes = np.full(len(logits), logits.shape[1])
    if multiclass == "ovo":
        n_outcomes[:] = 2
    elif masked is not None:
        n_outcomes -= masked.sum(axis=1)
    for fitted, share, z in maps:
        rows = slice(None) if masked is None else np.isfinite(z)
        odds = z[rows] if fitted is None else apply_map(fitted, z[rows])
        odds = mix_with_uniform(odds, share, n_outcomes[rows])
        if masked is not None:
            z = z.copy()
            z[rows] = odds
            odds = z
        yield odds


def exponent_of(z):
    """Return the power of two by which log-odds are multiplied, 0 unless all are tiny.

    Slopes, and differences of subnormal numbers, would leave the range otherwise. The largest
    log-odds stay so small that every function of them is as good as linear.
    """
    largest = np.abs(z).max(initial=0.0)
    if largest == 0 or largest >= 2.0**TINY:
        return 0
    return NEARLY_TINY - int(np.frexp(largest)[1])


def magnify(z, exponent):
    """Multiply log-odds by a power of two, exactly."""
    return np.ldexp(z, exponent) if exponent else z


def join_odds(odds, n_classes, multiclass, masked=None):
    """Return the probabilities of the classes, given the calibrated log-odds of each map."""
    if n_classes == 2:
        z = next(odds)
        return np.stack([sigmoid(-z), sigmoid(z)], axis=1)
    if multiclass == "ovr":
        return _normalise(np.stack(list(odds)), masked)
    return _softmax_or_uniform(_couple_pairs(odds, n_classes), masked)


def _normalise(odds, masked):
    """Divide the probabilities of classes against the rest by their sum."""
    proba = sigmoid(odds)
    total = proba.sum(axis=0)
    few = total < UNDERFLOW
    if few.any():
        of_few = None if masked is None else masked[few]
        proba[:, few] = _softmax_or_uniform(log_expit(odds[:, few]).T, of_few).T
        total[few] = 1
    proba /= total
    return proba.T


def _softmax_or_uniform(log_proba, masked):
    log_proba[(log_proba == -np.inf).all(axis=1)] = 0  # nothing is known
    if masked is not None:
        log_proba[masked] = -np.inf
    return softmax(log_proba)


def _couple_pairs(odds, n_classes):
    """Couple pairs: p_k is proportional to 1 / (sum_j 1 / r_kj - (K - 2)).

    As 1 / r_kj is one plus the odds of j against k, that is 1 / (1 + sum of these odds).
    """
    log_total = None
    for (j, k), column in zip(combinations(range(n_classes), 2), odds, strict=True):
        if log_total is None:
            log_total = np.zeros((len(column), n_classes))
        log_total[:, k] = np.logaddexp(log_total[:, k], -column)
        log_total[:, j] = np.logaddexp(log_total[:, j], column)
    return -log_total


def mix_with_uniform(odds, share, n_outcomes):
    """Return log-odds of (1 - share) p + share / n_outcomes, exact in both tails."""
    if share == 0:
        return odds
    inside = (1 - share) * sigmoid(odds) + share / n_outcomes
    outside = (1 - share) * sigmoid(-odds) + share * (1 - 1 / n_outcomes)
    return np.log(inside) - np.log(outside)
