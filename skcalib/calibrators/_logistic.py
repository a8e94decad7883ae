"""Logistic regression on a few features of the log-odds, to the last digit."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib._logits import sigmoid
from skcalib._warnings import warn

MAX_ITER = 200
TOLERANCE = 1e-22  # on Newton's decrement: twice what is left of the mean loss
NOISE = 1e-12  # below this decrement, a loss that stands still is rounding
RIDGE = 1e-8  # on standardised coefficients, where without it there is no end
NOTHING = 1e-10  # a decrement not worth a warning, where the optimum is at infinity
PERFECT = 1e-12  # mean loss below which separable data are fitted well enough


class LogisticFit(NamedTuple):
    """A coefficient for each feature, the intercept, the mean log loss."""

    coefficients: np.ndarray
    intercept: float
    loss: float


def fit_logistic(features, target, weight, *, intercept=True):
    """Minimise the mean log loss of sigma(coefficients @ features + intercept).

    Targets lie in [0, 1]. Nothing is penalised: where the data are separable, a loss of
    1e-12 ends it. Only if Newton's iteration finds no end even so, as between features that
    differ by next to nothing, a trace of a ridge gives it one.
    """
    standardised = [standardisation(f, centred=intercept) for f in features]
    rows = [(f - c) * s for f, (c, s) in zip(features, standardised, strict=True)]
    start = np.zeros(len(rows) + intercept)
    if intercept:
        n = weight.sum()
        hits = weight @ target
        start[-1] = np.log((hits + 1) / (n - hits + 1))
        rows.append(np.ones_like(target))
    problem = np.stack(rows), target, weight / weight.sum()
    ridge = np.diag([RIDGE] * len(features) + [0.0] * intercept)
    parameters, loss, excess = newton(*problem, start, 0 * ridge)
    if excess > 0:
        parameters, loss, excess = newton(*problem, start, ridge)
        warn_if_short(excess)
    centre, scale = np.transpose(standardised) if standardised else np.zeros((2, 0))
    coefficients = parameters[: len(features)] * scale
    offset = parameters[-1] if intercept else 0.0
    return LogisticFit(coefficients, float(offset - coefficients @ centre), loss)


def standardisation(z, *, centred=True):
    """Return centre and inverse spread by medians, so that an outlier sets neither.

    Nor do ties at the centre, where saturated scores often are, count for the spread.
    """
    centre = np.median(z) if centred else 0.0
    distance = np.abs(z - centre)
    farthest = distance.max()
    # Constant scores carry no information; what rounding or underflow parts is constant.
    if farthest <= max(1e-12 * abs(centre), 1e-290):
        return centre, 0.0
    # Nor do ties at the centre, as of a saturated classifier most scores may be.
    return centre, 1 / np.median(distance[distance >= 1e-10 * farthest])


def newton(features, target, weight, parameters, penalty):
    """Minimise mean(log(1 + exp(s)) - target * s) + parameters @ penalty @ parameters / 2.

    Here s = parameters @ features, and weights sum to one. Returns the parameters, what was
    minimised, and by how much it may still be too large. Products go by einsum, as BLAS
    starts threads for them that cost more than they bring.
    """
    loss, s = _loss(parameters, features, target, weight, penalty)
    before = np.inf
    for _ in range(MAX_ITER):
        error = weight * (sigmoid(s) - target)
        gradient = np.einsum("ji,i->j", features, error) + penalty @ parameters
        step = _solve(curvature(features, s, weight) + penalty, gradient)
        decrement = gradient @ step
        if decrement <= TOLERANCE or loss <= PERFECT:
            return (parameters - step if decrement <= TOLERANCE else parameters), loss, 0.0
        if before / 2 < decrement <= NOISE:
            return parameters, loss, 0.0
        before = decrement
        for halving in range(40):
            trial = parameters - step * 0.5**halving
            new_loss, new_s = _loss(trial, features, target, weight, penalty)
            if new_loss <= loss * (1 + 1e-14):  # less is rounding
                break
        if new_loss >= loss and decrement <= NOISE:
            return trial, new_loss, 0.0
        parameters, loss, s = trial, new_loss, new_s
    return parameters, loss, decrement / 2 if decrement > NOTHING else 0.0


def warn_if_short(excess):
    """Warn if Newton's iteration stopped short of the optimum."""
    if excess > 0:
        warn(
            f"Logistic regression on the log-odds did not converge in {MAX_ITER} iterations; "
            f"about {excess:.1e} of the mean log loss is left. Log-odds of such extremes may "
            "be no log-odds at all, or want clipping.",
            ConvergenceWarning,
        )


def curvature(features, s, weight):
    """Return the Hessian of the mean loss."""
    scaled = features * (weight * sigmoid(s) * sigmoid(-s))
    return np.einsum("ji,ki->jk", scaled, features)


def _solve(hessian, gradient):
    """Solve with all parameters brought to the same scale, and a trace of damping."""
    scale = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    scaled = hessian / np.outer(scale, scale) + 1e-12 * np.eye(len(scale))
    return np.linalg.solve(scaled, gradient / scale) / scale


def _loss(parameters, features, target, weight, penalty):
    s = np.einsum("j,ji->i", parameters, features)
    softplus = np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))  # logaddexp(0, s), vectorised
    loss = np.einsum("i,i->", weight, softplus - target * s)
    return loss + parameters @ penalty @ parameters / 2, s
