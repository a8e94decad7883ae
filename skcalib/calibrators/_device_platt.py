"""Platt's logistic regression over rows that stay where they are."""

from typing import NamedTuple

import numpy as np

from skcalib.calibrators._bulk import FAR, FAR_OF_FEW, FEWEST, SHARE, UNDERFLOW
from skcalib.calibrators._device_maps import (
    compare_with_top,
    log_odds_block,
    sigmoid_block,
    softmax_block,
)
from skcalib.inputs import to_host, to_numpy

MAX_ITER, HALVINGS = 100, 40
TOLERANCE, NOISE = 1e-22, 1e-12  # on Newton's decrement, as of the fit on the host
LARGEST = 1e200


class Problem(NamedTuple):
    """Log-odds of one class, whether it is the label, and weights; on the device."""

    xp: object
    z: object
    target: object
    weight: object

    def on_host(self):
        """Return log-odds, labels and weights of the rows that count as arrays of NumPy."""
        z, target, weight = (np.asarray(to_numpy(values)) for values in self[1:])
        used = weight > 0
        return z[used].astype(np.float64), target[used], weight[used].astype(np.float64)


def device_problems(rows, n_maps):
    """Yield the problem of each class against the rest; of two classes, of the second.

    What is as long as the rows is made for one class after the other, but for what each row's
    largest logit tells.
    """
    xp, known = rows.xp, []
    for part, codes, w in rows.blocks():
        wide = xp.astype(part, rows.wide_type)
        found = (wide[:, 1] - wide[:, 0],) if n_maps == 1 else compare_with_top(xp, wide)
        known.append((codes, w, *found))
    codes, weight, *found = (xp.concat(list(each)) for each in zip(*known, strict=True))
    if n_maps == 1:
        yield Problem(xp, found[0], codes == 1, weight)
        return
    for k in range(n_maps):
        yield Problem(xp, _log_odds_of(rows, k, *found), codes == k, weight)


def _log_odds_of(rows, k, top, peak, total, of_top):
    """Return the log-odds of a class, given `compare_with_top`."""
    xp = rows.xp
    rest = xp.concat(list(rows.column(k))) - peak
    z = rest - xp.log(xp.clip(total - xp.exp(rest), 1, None))
    return xp.where(top == k, of_top, z)


def fit_on_device(problem):
    """Return slope and intercept for Platt's targets, or None where outliers need more care."""
    xp, z, target, weight = problem
    hits = float(xp.sum(xp.where(target, weight, xp.zeros_like(weight))))
    misses = float(xp.sum(weight)) - hits
    high, low = (hits + 1) / (hits + 2), 1 / (misses + 2)  # Platt's targets
    found = _centre_and_spread(problem)
    if found is None:
        return None
    centre, spread = found
    features = (z - centre) / spread
    wanted = xp.where(target, xp.full_like(z, high), xp.full_like(z, low))
    fitted = _newton(xp, features, wanted, weight / xp.sum(weight))
    if fitted is None:
        return None
    intercept, slope = fitted
    return slope / spread, float(intercept - slope / spread * centre)


def _centre_and_spread(problem):
    """Return median and spread of distinct scores, or None if some may be outliers."""
    xp, z, target, weight = problem
    used, inf = weight > 0, xp.inf
    seen = xp.where(used, z, xp.take(z, xp.reshape(xp.argmax(xp.astype(used, xp.int64)), (1,))))
    lowest_hit = float(xp.min(xp.where(used & target, z, xp.full_like(z, inf))))
    highest_miss = float(xp.max(xp.where(used & ~target, z, xp.full_like(z, -inf))))
    scores = xp.sort(xp.unique_values(seen))
    n = scores.shape[0]
    first, last = float(scores[0]), float(scores[-1])
    width = abs(highest_miss - lowest_hit)
    one_class = not np.isfinite(width)
    if n < FEWEST or not max(-first, last) < LARGEST:
        return None
    if not one_class and last - first > FAR * width:
        return None
    centre = float(scores[(n - 1) // 2]) / 2 + float(scores[n // 2]) / 2
    distance = xp.sort(xp.abs(scores - centre))
    below = xp.sum(xp.astype(distance <= max(1e-12 * abs(centre), UNDERFLOW), xp.int64))
    below = int(below)
    if below == n:
        return None
    spread = float(distance[below + int(SHARE * (n - below - 1))])
    if spread < 1e-200 or float(distance[-1]) > (FAR + FAR_OF_FEW / n) * spread:
        return None
    return centre, spread


def _newton(xp, z, target, weight):
    """Return intercept and slope of the smallest mean log loss, or None if none is found."""
    parameters = np.zeros(2)
    loss, gradient, hessian = _look(xp, z, target, weight, parameters)
    before = np.inf
    for _ in range(MAX_ITER):
        try:
            step = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return None
        decrement = gradient @ step
        if not decrement >= 0:
            return None
        if decrement <= TOLERANCE or before / 2 < decrement <= NOISE:
            return parameters - step
        before = decrement
        for halving in range(HALVINGS):
            trial = parameters - step * 0.5**halving
            new, *derivatives = _look(xp, z, target, weight, trial)
            if new <= loss * (1 + 1e-14) - 0.1 * 0.5**halving * decrement or new == loss:
                break
        else:
            return None
        parameters, loss, (gradient, hessian) = trial, new, derivatives
    return None


def _look(xp, z, target, weight, parameters):
    """Return the mean log loss, its gradient and its Hessian, by intercept and slope."""
    intercept, slope = map(float, parameters)
    s = z * slope + intercept
    hit = sigmoid_block(xp, s)
    rest = xp.log1p(xp.exp(-xp.abs(s)))
    losses = xp.clip(s, 0, None) + rest - target * s
    error, curve = weight * (hit - target), weight * hit * sigmoid_block(xp, -s)
    sums = (weight * losses, error, error * z, curve, curve * z, curve * z * z)
    loss, by_b, by_a, bb, ab, aa = to_host(xp.stack([xp.sum(each) for each in sums]))
    return loss, np.array([by_b, by_a]), np.array([[bb, ab], [ab, aa]])


def platt_block(xp, part, maps, exponents):
    """Return the probabilities of logistic maps of log-odds, each class against the rest."""
    n_classes = part.shape[1]
    columns = log_odds_block(xp, part)
    columns = columns[:, 1:] if n_classes == 2 else columns
    odds = []
    for k, (fitted, exponent) in enumerate(zip(maps, exponents, strict=True)):
        slope, intercept = (1.0, 0.0) if fitted is None else map(float, fitted)
        z = columns[:, k] * 2.0 ** (exponent // 2) * 2.0 ** (exponent - exponent // 2)
        odds.append(z * slope + intercept)
    if n_classes == 2:
        return xp.stack([sigmoid_block(xp, -odds[0]), sigmoid_block(xp, odds[0])], axis=1)
    odds = xp.stack(odds, axis=1)
    # The logarithm of the sigmoid; its softmax is the sigmoids divided by their sum.
    return softmax_block(xp, xp.clip(odds, None, 0) - xp.log1p(xp.exp(-xp.abs(odds))))
