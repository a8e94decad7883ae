"""Platt scaling against independent references."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import _SigmoidCalibration
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skcalib.calibrators import PlattScaling, _logistic


def scores(n_samples, seed=0, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n_samples) * 2
    y = (rng.uniform(size=n_samples) < expit(1.5 * z - 0.5)).astype(int)
    return z * scale + shift, y


def loss_gradient(model, z, y, weight):
    """Evaluate the gradient by slope and intercept of Platt's mean loss."""
    positive, negative = weight @ y, weight @ (1 - y)
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    error = weight * (expit(model.slope_[0] * z + model.intercept_[0]) - target)
    return np.array([error @ z, error.sum()]) / weight.sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e-4, 5), (1e5, -1e5), (30, 1e3)])
def test_reaches_the_optimum(scale, shift, weighted):
    z, y = scores(400, scale=scale, shift=shift)
    weight = np.random.default_rng(1).uniform(size=400) if weighted else np.ones(400)
    model = PlattScaling().fit(z[:, None], y, weight)
    gradient = loss_gradient(model, z, y, weight)
    assert_allclose(gradient / [scale + abs(shift), 1], 0, atol=1e-10)


def test_agrees_with_scipy():
    z, y = scores(300)
    target = np.where(y == 1, (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2))

    def loss(parameters):
        s = parameters[0] * z + parameters[1]
        return np.mean(np.logaddexp(0, s) - target * s)

    found = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-10})
    model = PlattScaling().fit(z[:, None], y)
    assert_allclose([model.slope_[0], model.intercept_[0]], found.x, rtol=1e-4)


def test_agrees_with_scikit_learn_and_is_closer_to_the_optimum():
    z, y = scores(300)
    theirs = _SigmoidCalibration().fit(z, y)
    ours = PlattScaling().fit(z[:, None], y)
    assert_allclose(ours.predict_proba(z[:, None])[:, 1], theirs.predict(z), atol=1e-5)
    their_model = PlattScaling().fit(z[:, None], y)
    their_model.maps_ = [(-theirs.a_, -theirs.b_)]
    ones = np.ones(300)
    assert (
        np.abs(loss_gradient(ours, z, y, ones)).max()
        < np.abs(loss_gradient(their_model, z, y, ones)).max()
    )


def test_libsvm_example():
    # Values of LibSVM's own C++ code, as quoted in scikit-learn's tests.
    model = PlattScaling().fit([[5.0], [-4.0], [1.0]], [1, -1, -1])
    assert_allclose(model.slope_, 0.20261354391187855, atol=1e-3)
    assert_allclose(model.intercept_, -0.65236314980010512, atol=1e-3)


def test_separable_data_have_a_finite_optimum():
    model = PlattScaling().fit([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    # The targets are 3/4 and 1/4, and the scores are symmetric.
    assert np.isfinite(model.slope_).all()
    assert_allclose(model.intercept_, 0, atol=1e-12)
    assert_allclose(model.predict_proba([[1.5]])[0, 1], 0.75, atol=0.05)


def test_an_outlier_does_no_harm():
    z, y = scores(300)
    clean = PlattScaling().fit(z[:, None], y).predict_proba(z[:, None])
    far = PlattScaling().fit(np.append(z, 1e6)[:, None], np.append(y, 1))
    proba = far.predict_proba(np.append(z, 1e6)[:, None])
    assert np.isfinite(proba).all()
    assert proba[-1, 1] > 0.99
    assert clean.shape == (300, 2)


def test_one_map_for_each_of_many_classes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 400)
    logits = rng.normal(size=(400, 4)) + 2 * np.eye(4)[y]
    model = PlattScaling().fit(logits, y)
    assert model.slope_.shape == model.intercept_.shape == (4,)
    # Each map is the binary one on the log-odds of its class, before normalisation.
    columns = []
    for k in range(4):
        odds = logits[:, k] - np.logaddexp.reduce(np.delete(logits, k, axis=1), axis=1)
        columns.append(PlattScaling().fit(odds[:, None], y == k).predict_proba(odds[:, None]))
    proba = np.stack([column[:, 1] for column in columns], axis=1)
    expected = proba / proba.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-7)


def test_failure_to_converge_is_said(monkeypatch):
    monkeypatch.setattr(_logistic, "MAX_ITER", 1)
    z, y = scores(300)
    with pytest.warns(ConvergenceWarning, match="mean log loss is left"):
        PlattScaling().fit(z[:, None], y)


def test_an_outlier_with_large_weights_leaves_the_others_alone():
    rng = np.random.default_rng(0)
    y = np.arange(5) % 2
    z = rng.normal(size=5) + 3 * (y - 0.5)
    weight = np.full(5, 1e9)
    others = np.array([0, 2, 3, 4])
    answers = []
    for size in (1e6, 1e9, 1e20):
        z[1] = size
        model = PlattScaling().fit(z[:, None], y, weight)
        answers.append(model.predict_proba(z[:, None])[others, 1])
    assert_allclose(answers, answers[:1] * 3, atol=1e-9)
    # The optimum of Platt's loss itself, which scikit-learn finds, suits the outlier alone.
    theirs = _SigmoidCalibration().fit(z, y, weight).predict(z[others])
    loss, their_loss = (log_loss(y[others], p) for p in (answers[-1], theirs))
    assert loss < 1e-6
    assert their_loss > 0.3


def platt_loss(parameters, z, target, weight):
    s = parameters[0] * z + parameters[1]
    return weight @ (np.logaddexp(0, s) - target * s) / weight.sum()


def platt_optimum(z, target, weight):
    """Minimise by a trust region, with exact derivatives, from several starts."""
    weight = weight / weight.sum()
    features = np.stack([z, np.ones_like(z)])

    def derivative(parameters):
        p = expit(parameters @ features)
        return features @ (weight * (p - target))

    def hessian(parameters):
        p = expit(parameters @ features)
        return (features * (weight * p * (1 - p))) @ features.T

    rate = weight @ target
    starts = [[0, 0], [1, 0], [0, np.log(rate) - np.log1p(-rate)]]
    return min(
        minimize(
            platt_loss,
            start,
            (z, target, weight),
            method="trust-exact",
            jac=lambda parameters, *_: derivative(parameters),
            hess=lambda parameters, *_: hessian(parameters),
            options={"gtol": 1e-13, "maxiter": 500},
        ).fun
        for start in starts
    )


def extreme_weights(seed):
    """Draw a problem whose weights differ by a factor of 1e2 to 1e16."""
    rng = np.random.default_rng(seed)
    n_samples, ratio = int(rng.integers(2, 60)), rng.uniform(2, 16)
    y = rng.integers(0, 2, n_samples)
    y[:2] = 0, 1
    z = np.round(rng.normal(size=n_samples) + rng.choice([0, 1, 3]) * (2 * y - 1), 2)
    weight = 10 ** rng.uniform(-ratio / 2, ratio / 2, n_samples)
    if rng.random() < 0.3:
        weight = np.ones(n_samples)
        weight[0] = 10 ** rng.choice([-ratio, ratio])
    return z, y, weight * max(1, n_samples / weight.sum())


def check_platt_optimum(z, y, weight):
    model = PlattScaling().fit(z[:, None], y, weight)
    positive, negative = weight @ y, weight @ (1 - y)
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    ours = platt_loss((model.slope_[0], model.intercept_[0]), z, target, weight)
    assert ours <= platt_optimum(z, target, weight) + 1e-9


def test_one_weight_far_above_all_others():
    z, weight = [-1.19, -1.19, 1.0, -1.73], [157126.4, 0.000694, 0.0945, 0.00401]
    check_platt_optimum(np.array(z), np.array([0, 1, 0, 1]), np.array(weight))


@pytest.mark.parametrize("seed", range(100))
def test_weights_of_extreme_ratio_reach_the_optimum(seed):
    check_platt_optimum(*extreme_weights(seed))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_that_underflow_are_still_divided_by_their_sum(dtype):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    logits = rng.normal(size=(300, 3)) + 3 * np.eye(3)[y]
    logits[:, 0] -= 6 * (y == 0)  # class 0 is ranked the wrong way round
    model = PlattScaling().fit(logits.astype(dtype), y)
    far = model.predict_proba(np.array([[200, 0, 0], [2000, 0, 0], [20000, 0, 0]], dtype=dtype))
    assert_allclose(far.sum(axis=1), 1, rtol=1e-6)
    assert_array_equal(far.argmax(axis=1), far[:1].argmax())
    assert_allclose(far.max(axis=1), 1, rtol=1e-6)


def test_both_tails_are_exact():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    f = rng.normal(size=100) + 8 * (y - 0.5)
    log_proba = PlattScaling().fit(f[:, None], y).predict_log_proba([[60.0], [-60.0]])
    assert np.isfinite(log_proba).all()
    assert log_proba[0, 0] < -50
    assert log_proba[1, 1] < -50


@pytest.mark.parametrize(
    "z", [[0, -1e-287, -1, 0, 0], [0, -2e-313, 0, -2e-313, 0], [1e-300, 0, -1e-295, 1e20, 0]]
)
def test_denormal_and_underflowing_scores(z):
    y = np.array([0, 1, 1, 0, 1])
    model = PlattScaling().fit(np.array(z)[:, None], y)
    proba = model.predict_proba(np.array(z)[:, None])
    assert np.isfinite(proba).all()
    # The derivative by the intercept; the slope may be beyond all numbers.
    target = np.where(y == 1, 4 / 5, 1 / 4)
    assert_allclose(proba[:, 1].mean(), target.mean(), atol=1e-9)
