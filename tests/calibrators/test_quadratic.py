"""Quadratic scaling against independent optimisers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import LinearConstraint, minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from skcalib.calibrators import QuadraticScaling


def scores(n_samples, bend, seed=0, slope=1.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n_samples) * 2
    return z, rng.uniform(size=n_samples) < expit(0.3 + slope * z + bend * z**2)


def loss(parameters, z, y, weight):
    s = np.polyval(parameters, z)
    return np.average(np.logaddexp(0, s) - y * s, weights=weight)


def parameters(model):
    return np.array([model.quadratic_[0], model.slope_[0], model.intercept_[0]])


def test_free_parabola_is_logistic_regression():
    z, y = scores(500, -0.3)
    model = QuadraticScaling(monotone=False, smoothing="none").fit(z[:, None], y)
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    theirs.fit(np.stack([z**2, z], axis=1), y)
    assert_allclose(parameters(model), [*theirs.coef_[0], *theirs.intercept_], atol=1e-5)
    grid = np.linspace(-9, 9, 50)
    expected = theirs.predict_proba(np.stack([grid**2, grid], axis=1))
    assert_allclose(model.predict_proba(grid[:, None]), expected, atol=1e-6)


@pytest.mark.parametrize("bend", [-0.5, -0.1, 0, 0.1, 0.5])
@pytest.mark.parametrize("slope", [1.0, -0.5])
def test_monotone_is_the_constrained_optimum(bend, slope):
    z, y = scores(400, bend, 1, slope)
    weight = np.random.default_rng(2).uniform(size=400)
    model = QuadraticScaling().fit(z[:, None], y, weight)
    rises = LinearConstraint([[2 * z.min(), 1, 0], [2 * z.max(), 1, 0]], lb=0)
    found = minimize(
        loss,
        [0.0, 0.5, 0.0],
        (z, y, weight),
        method="SLSQP",
        constraints=rises,
        options={"ftol": 1e-15, "maxiter": 500},
    )
    assert loss(parameters(model), z, y, weight) <= found.fun + 1e-9
    assert_allclose(parameters(model), found.x, atol=1e-3)
    grid = model.predict_proba(np.linspace(-90, 90, 999)[:, None])[:, 1]
    assert (np.diff(grid) >= -1e-15).all()


@pytest.mark.parametrize("monotone", [False, True])
@pytest.mark.parametrize("bend", [-0.3, 0.04])
def test_gradient_by_finite_differences(monotone, bend):
    z, y = scores(400, bend)
    model = QuadraticScaling(monotone=monotone).fit(z[:, None], y)
    found = parameters(model)
    directions = np.eye(3)
    level = [end for end in (z.min(), z.max()) if abs(found[1] + 2 * found[0] * end) < 1e-9]
    assert len(level) == (monotone and bend < 0)
    if level:  # along the bound only
        directions = np.array([[1, -2 * level[0], 0], [0, 0, 1]])
    for direction in directions:
        step = 1e-5 * direction / np.abs(direction).max()
        change = loss(found + step, z, y, None) - loss(found - step, z, y, None)
        assert abs(change) / 2e-5 < 1e-9


def test_surest_rows_keep_their_side():
    # A free parabola gives p = 1 the probability .995 of being wrong where z reaches 87.
    z, y = scores(500, -0.12)
    z[:2], y[:2] = [87, -87], [True, False]
    model = QuadraticScaling().fit(z[:, None], y)
    far = model.predict_proba([[-87.0], [-1.0], [1.0], [87.0]])[:, 1]
    assert (np.diff(far) > 0).all()
    free = QuadraticScaling(monotone=False).fit(z[2:, None], y[2:])
    assert free.predict_proba([[87.0]])[0, 1] < 0.01


def test_monotone_is_a_flag():
    with pytest.raises(ValueError, match="monotone must be True or False, got 'yes'"):
        QuadraticScaling(monotone="yes").fit([[1.0], [2.0]], [0, 1])
