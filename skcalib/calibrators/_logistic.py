"""Logistic regression on a few features of the log-odds, to the last digit."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators._bulk import bulk_of
from skcalib.inputs import sigmoid
from skcalib.messages import warn

MAX_ITER = 200
HALVINGS = 60
ENOUGH = 0.1  # of the gain that a step promises
TOLERANCE = 1e-22  # on Newton's decrement: twice what is left of the mean loss
NOISE = 1e-12  # below this decrement, a loss that stands still is rounding
RIDGE = 1e-8  # on standardised coefficients, where without it there is no end
NOTHING = 1e-10  # a decrement not worth a warning, where the optimum is at infinity
PERFECT = 1e-12  # mean loss below which separable data are fitted well enough
LIGHTEST = 1e-18  # share of the mean weight that a row must have to make these stricter
PLAIN = 1e-3  # share of the mean weight that no row of a plain problem falls short of
PARALLEL = 1e-28  # of a feature's square that others do not explain, if that is rounding
OUTLYING = 1e3  # spreads beyond which a row would rule the first steps
FARTHEST = 1e60  # spreads; squares of squares are finite


class LogisticFit(NamedTuple):
    """A coefficient for each feature, the intercept, the mean log loss."""

    coefficients: np.ndarray
    intercept: float
    loss: float


def fit_logistic(features, target, weight, *, intercept=True, near=None):
    """Minimise the mean log loss of sigma(coefficients @ features + intercept).

    Targets lie in [0, 1]. Nothing is penalised: where the data are separable, a loss of
    1e-12 ends it. Only if Newton's iteration finds no end even so, as between features that
    differ by next to nothing, a trace of a ridge gives it one. With an intercept, `near` may be
    coefficients, and the intercept, that are close to the answer.
    """
    standardised = [standardisation(f, target, centred=intercept) for f in features]
    rows = [(f - c) * s for f, (c, s) in zip(features, standardised, strict=True)]
    start = np.zeros(len(rows) + intercept)
    if intercept:
        n = weight.sum()
        hits = weight @ target
        start[-1] = np.log((hits + 1) / (n - hits + 1))
        rows.append(np.ones_like(target))
    problem = np.stack(rows), target, weight / weight.sum()
    ridge = np.diag([RIDGE] * len(features) + [0.0] * intercept)
    outlying = (np.abs(problem[0]) > OUTLYING).any()
    if near is not None and not outlying and all(scale for _, scale in standardised):
        centre, scale = np.transpose(standardised)
        start = np.append(near[:-1] / scale, near[-1] + near[:-1] @ centre)
    if outlying:
        start = _good_start(*problem, start, 0 * ridge)
    parameters, loss, excess = newton(*problem, start, 0 * ridge)
    if excess > 0 and not outlying:  # else an outlier forbids what the other rows would gain
        parameters, loss, excess = newton(*problem, start, ridge)
        warn_if_short(excess)
    centre, scale = np.transpose(standardised) if standardised else np.zeros((2, 0))
    coefficients = parameters[: len(features)] * scale
    offset = parameters[-1] if intercept else 0.0
    return LogisticFit(coefficients, float(offset - coefficients @ centre), loss)


def standardisation(z, target, *, centred=True):
    """Return centre and inverse spread of the bulk, so that an outlier sets neither.

    Constant scores carry no information: their inverse spread is 0.
    """
    bulk = bulk_of(z, target > 0.5, centred=centred)
    if not bulk.spread:
        return bulk.centre, 0.0
    return bulk.centre, 1 / max(bulk.spread, np.abs(z - bulk.centre).max() / FARTHEST)


def _good_start(features, target, weight, start, penalty):
    """Return where Newton's iteration should begin.

    An outlier on its class's side has no say at the optimum, but rules the first steps
    from zero, which may then never see the other rows. So the fit with outliers brought in
    is tried, and that with one of several features; the best by the loss of the problem
    itself is taken, which is zero again if an outlier is on the other side.
    """
    inner = np.clip(features, -OUTLYING, OUTLYING)
    starts = [start, newton(inner, target, weight, start, penalty)[0]]
    n_features = len(features) - (features[-1] == 1).all()
    for j in range(n_features if n_features > 1 else 0):
        used = np.append(np.arange(len(features)) == j, True)[: len(features)]
        used[n_features:] = True
        alone = np.zeros(len(features))
        part = penalty[np.ix_(used, used)]
        begin = _good_start(features[used], target, weight, start[used], part)
        alone[used] = newton(features[used], target, weight, begin, part)[0]
        starts.append(alone)
    losses = [_loss(trial, features, target, weight, penalty)[0] for trial in starts]
    return starts[int(np.nanargmin(losses))]


def newton(features, target, weight, parameters, penalty):
    """Minimise mean(log(1 + exp(s)) - target * s) + parameters @ penalty @ parameters / 2.

    Here s = parameters @ features, and weights sum to one. Returns the parameters, what was
    minimised, and by how much it may still be too large. Products go by einsum, as BLAS
    starts threads for them that cost more than they bring.
    """
    # The lightest row, too, is fitted well. Usual weights end where repeated rows do.
    lightest = weight.min() * len(weight)
    strictness = 1.0 if lightest > PLAIN else max(lightest, LIGHTEST)
    plain = lightest > PLAIN and np.abs(features).max() <= OUTLYING
    loss, s = _loss(parameters, features, target, weight, penalty)
    before = np.inf
    for _ in range(MAX_ITER):
        problem = features, s, target, weight, parameters, penalty
        step, decrement, rounding, flat = _step(*problem, plain=plain)
        if flat:
            step, decrement, rounding, _ = _step(*problem, majorant=True)
        if decrement <= max(TOLERANCE * strictness, rounding):
            return parameters - step, loss, 0.0
        if loss <= PERFECT * strictness or before / 2 < decrement <= NOISE * strictness:
            return parameters, loss, 0.0
        before = decrement
        found = _lower(problem, loss, step, decrement)
        if found is None and not flat:
            found = _lower(problem, loss, *_step(*problem, majorant=True)[:2])
        if found is None:
            break
        if found[1] >= loss and decrement <= NOISE * strictness:
            return *found[:2], 0.0
        parameters, loss, s = found
    return parameters, loss, decrement / 2 if decrement > NOTHING else 0.0


def _lower(problem, loss, step, decrement):
    """Return parameters along a step with enough less loss, that loss, and s; or None."""
    features, _, target, weight, parameters, penalty = problem
    for halving in range(HALVINGS):
        share = 0.5**halving
        trial = parameters - step * share
        new_loss, new_s = _loss(trial, features, target, weight, penalty)
        if new_loss <= loss * (1 + 1e-14) - ENOUGH * share * decrement:  # but for rounding
            return trial, new_loss, new_s
    return None


def warn_if_short(excess):
    """Warn if Newton's iteration stopped short of the optimum."""
    if excess > 0:
        warn(
            f"Logistic regression on the log-odds did not converge in {MAX_ITER} iterations; "
            f"about {excess:.1e} of the mean log loss is left. If log-odds are as extreme as "
            "these, check that they are log-odds, or clip them.",
            ConvergenceWarning,
        )


def curvature(features, s, weight):
    """Return the Hessian of the mean loss."""
    scaled = features * (weight * sigmoid(s) * sigmoid(-s))
    return np.einsum("ji,ki->jk", scaled, features)


def _step(features, s, target, weight, parameters, penalty, *, plain=False, majorant=False):
    """Return Newton's step, its decrement, how much of that is rounding, and if it is flat.

    It is flat if there is a direction in which rows are so far off that the loss has a slope
    but no curve. With `majorant`, the curve is that of the parabola above the loss that
    touches it here (Jaakkola and Jordan): it has one everywhere, and its step always gains.
    """
    hit, miss = sigmoid(s), sigmoid(-s)
    if plain:  # neither weights nor features need care, which costs time
        gradient = (
            np.einsum("ji,i->j", features, weight * (hit - target)) + penalty @ parameters
        )
        scaled = features * (weight * hit * miss)
        step = solve_scaled(np.einsum("ji,ki->jk", scaled, features) + penalty, gradient)
        return step, gradient @ step, 0.0, False
    # As a difference of two small numbers if target is 0 or 1 and s agrees.
    too_high, too_low = hit * (1 - target), miss * target
    error = weight * (too_high - too_low)
    curved = weight * hit
    curved *= miss
    if majorant:
        size = np.maximum(np.abs(s), 1e-3)
        curved = weight * np.tanh(size / 2) / (2 * size)
    if not penalty.any():
        return _orthogonal_step(features, error, curved, weight, too_high + too_low)
    gradient = np.einsum("ji,i->j", features, error) + penalty @ parameters
    hessian = np.einsum("ji,ki->jk", features * curved, features) + penalty
    step = solve_scaled(hessian, gradient)
    return step, gradient @ step, 0.0, False


def _orthogonal_step(features, error, curved, weight, size):
    """Return Newton's step along features made orthogonal, the intercept first.

    What little rows of small weight say of a slope is not lost in what heavy ones say of
    the intercept, as it would be in a Hessian.
    """
    n = len(features)
    basis, to_basis = [], np.eye(n)  # rows: what of the features each basis vector is
    step, decrement, rounding, flat = np.zeros(n), 0.0, 0.0, False
    for j in reversed(range(n)):
        vector = features[j].copy()
        coordinates = to_basis[j]
        total = np.einsum("i,i->", curved * vector, vector)
        for other, length, place in basis:
            share = np.einsum("i,i->", curved * vector, other) / length
            vector -= share * other
            coordinates = coordinates - share * place
        length = np.einsum("i,i->", curved * vector, vector) if basis else total
        if not length > PARALLEL * total:
            far = np.abs(vector).max() > np.sqrt(PARALLEL) * np.abs(features[j]).max()
            flat = flat or bool(far)
            continue
        basis.append((vector, length, coordinates))
        slope = np.einsum("i,i->", error, vector)
        step += slope / length * coordinates
        decrement += slope * (slope / length)
    if decrement <= NOISE:  # else there is no need to know
        for vector, length, _ in basis:
            blur = np.finfo(float).eps * np.einsum("i,i,i->", weight, size, np.abs(vector))
            rounding += blur * (blur / length)
    return step, decrement, rounding, flat


def solve_scaled(hessian, gradient):
    """Solve with all parameters brought to the same scale, and a trace of damping."""
    scale = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    scaled = hessian / np.outer(scale, scale) + 1e-12 * np.eye(len(scale))
    return np.linalg.solve(scaled, gradient / scale) / scale


def _loss(parameters, features, target, weight, penalty):
    s = np.einsum("j,ji->i", parameters, features)
    softplus = np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))  # logaddexp(0, s), vectorised
    loss = np.einsum("i,i->", weight, softplus - target * s)
    return loss + parameters @ penalty @ parameters / 2, s
