"""Bounds on p-values that hold for any number of rows, and intervals from sums.

If probabilities are true, the sum S of independent terms of the rows has
``P(S >= s) <= exp(K(t) - t * s)`` for every t > 0, where K is the logarithm of the mean of
``exp(t * S)``, a sum over rows (Chernoff). The best t is where outcomes are likeliest under
probabilities that are tilted by t: shifted in log-odds, or of another temperature. So the bound
is one over how many times likelier the outcomes are under the best tilted probabilities.
Nothing is simulated, and rare outcomes do no harm.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

FARTHEST_SHIFT = 60.0  # log-odds
FARTHEST_BETA = 1e4  # 1 / temperature
HALF_95 = 1.920729410347062  # how far a log-likelihood falls at the ends of a 95 % interval


def bound_pvalue(evidence):
    """Turn the gain of the log-likelihood in either direction into a two-sided p-value."""
    return float(min(1.0, 2 * np.exp(-max(evidence, 0.0))))


def assess_rate(proba, hit, weight):
    """Bound the p-value of how often events came true, given each one's probability."""
    return bound_pvalue(_gain_of_shift(proba, hit, weight))


def _gain_of_shift(proba, hit, weight):
    """Return what the log-likelihood gains by the best shift of all log-odds."""
    total, target = weight.sum(), weight @ hit
    if total == 0:
        return 0.0
    # Zeros and ones together count as half a row: what is certain and wrong is another finding.
    least = 0.5 / (total + 1)
    proba = np.where((proba <= 0) | (proba >= 1), np.clip(proba, least, 1 - least), proba)
    if target <= 0:
        return float(-(weight @ np.log1p(-proba)))
    if target >= total * (1 - 1e-12):
        return float(-(weight @ np.log(proba)))
    low, high, shift = -FARTHEST_SHIFT, FARTHEST_SHIFT, 0.0
    for _ in range(60):
        raised = proba * np.exp(shift)
        tilted = raised / (1 - proba + raised)
        excess = weight @ tilted - target
        low, high = (low, shift) if excess > 0 else (shift, high)
        if abs(excess) <= 1e-9 * total:
            break
        slope = weight @ (tilted * (1 - tilted))
        following = shift - excess / max(slope, 1e-300)
        shift = following if low < following < high else (low + high) / 2
    return float(shift * target - weight @ np.log1p(proba * np.expm1(shift)))


def fit_beta(logits, codes, weight):
    """Return the best factor of the logits, its 95 % interval, and the likelihood's gain.

    The factor is one over the temperature; the interval is where the log-likelihood is within
    1.92 of its largest value.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    shifted = np.maximum(shifted, -1e5)
    true = np.take_along_axis(shifted, codes[:, np.newaxis], axis=1)[:, 0]

    def likelihood(beta):
        return float(weight @ (beta * true - np.log(np.exp(beta * shifted).sum(axis=1))))

    def slope(log_beta):
        mass = np.exp(np.exp(log_beta) * shifted)
        mean = np.einsum("ij,ij->i", mass, shifted) / mass.sum(axis=1)
        return float(weight @ (true - mean))

    far = np.log(FARTHEST_BETA)
    if slope(far) >= 0:
        best = FARTHEST_BETA
    elif slope(-far) <= 0:
        best = 1 / FARTHEST_BETA
    else:
        best = float(np.exp(brentq(slope, -far, far, xtol=1e-5)))
    top = likelihood(best)

    def fall(log_beta):
        return top - likelihood(np.exp(log_beta)) - HALF_95

    ends = []
    for end in (-far, far):
        at = np.log(best)
        inside = fall(end) <= 0 or at == end
        ends.append(np.exp(end if inside else brentq(fall, at, end, xtol=1e-4)))
    return best, float(ends[0]), float(ends[1]), top - likelihood(1.0)


def share_interval(share, count, level=0.05):
    """Return the ends of Wilson's interval for a share of `count` rows."""
    count = np.maximum(count, 1e-12)
    z = -ndtri(level / 2)
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) * z
    reach = reach / (1 + z**2 / count)
    return np.clip(centre - reach, 0, share), np.clip(centre + reach, share, 1)


def gap_interval(proba, hit, weight, level=0.05):
    """Return what was said minus what was true, in the mean, and its interval.

    The spread is the larger one of what was observed and of what the probabilities say, so that
    rows that are all right by chance do not make it vanish.
    """
    total = weight.sum()
    gap = float(weight @ (proba - hit) / total) if total else np.nan
    expected = weight @ (proba * (1 - proba))
    observed = weight @ (proba - hit - gap) ** 2
    reach = float(-ndtri(level / 2) * np.sqrt(max(expected, observed, 0.5)) / max(total, 1e-12))
    return gap, gap - reach, gap + reach


def mean_interval(values, weight, level=0.05):
    """Return a weighted mean, and it minus and plus a multiple of its standard error."""
    total = weight.sum()
    mean = float(weight @ values / total)
    if not np.isfinite(mean) or total <= 1:
        return mean, np.nan, np.nan
    spread = weight @ (values - mean) ** 2 / (total - 1)
    reach = float(-ndtri(level / 2) * np.sqrt(spread / total))
    return mean, mean - reach, mean + reach
