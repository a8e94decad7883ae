"""Beta calibration against independent optimisers and the authors' definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from skcalib.calibrators import BetaCalibration


def scores(n_samples, seed=0, a=0.4, b=1.5, c=0.5):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n_samples) * 2
    odds = a * log_expit(z) - b * log_expit(-z) + c
    return z, rng.uniform(size=n_samples) < expit(odds)


def loss(parameters, z, y, weight):
    a, b, c = parameters
    s = a * log_expit(z) - b * log_expit(-z) + c
    return np.average(np.logaddexp(0, s) - y * s, weights=weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "truth", [(0.4, 1.5, 0.5), (0, 1.5, 0), (1.5, -0.4, 0), (-0.5, -0.5, 1)]
)
def test_agrees_with_a_bounded_optimiser(truth, weighted):
    z, y = scores(400, 1, *truth)
    weight = np.random.default_rng(2).uniform(size=400) if weighted else np.ones(400)
    found = minimize(
        loss,
        [1.0, 1.0, 0.0],
        (z, y, weight),
        method="L-BFGS-B",
        bounds=[(0, None), (0, None), (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000},
    )
    model = BetaCalibration().fit(z[:, None], y, weight)
    ours = model.a_[0], model.b_[0], model.c_[0]
    assert min(ours[:2]) >= 0
    assert loss(ours, z, y, weight) <= found.fun + 1e-12
    assert_allclose(ours, found.x, atol=2e-3)


@pytest.mark.parametrize("variant", ["abm", "ab", "am"])
def test_gradient_vanishes_inside_the_bounds(variant):
    z, y = scores(400, 0, 0.8, 1.5, -0.4)
    model = BetaCalibration(variant=variant).fit(z[:, None], y)
    abc = np.array([model.a_[0], model.b_[0], model.c_[0]])
    free = {
        "abm": np.eye(3),
        "ab": [[1, 0, np.log(2)], [0, 1, -np.log(2)]],
        "am": [[1, 1, 0], [0, 0, 1]],
    }[variant]
    for direction in np.asarray(free, dtype=float):
        step = 1e-5 * direction
        difference = loss(abc + step, z, y, None) - loss(abc - step, z, y, None)
        assert abs(difference) / 2e-5 < 1e-9
    assert (abc[0] == abc[1]) == (variant == "am")
    assert (abs(model.m_[0] - 0.5) < 1e-12) == (variant == "ab")


def test_m_is_what_goes_to_one_half():
    z, y = scores(400)
    model = BetaCalibration(smoothing="none").fit(z[:, None], y)
    assert_allclose(model.predict_proba([[logit(model.m_[0])]])[0, 1], 0.5, atol=1e-12)
    a, b, c, m = model.a_[0], model.b_[0], model.c_[0], model.m_[0]
    assert_allclose(c, b * np.log(1 - m) - a * np.log(m), atol=1e-12)
    assert_allclose(BetaCalibration(variant="ab").fit(z[:, None], y).m_, 0.5, atol=1e-12)
    assert np.isnan(BetaCalibration().fit(-z[:, None], y).m_[0])  # constant


def test_never_falls_where_scores_are_the_wrong_way_round():
    # betacal answers with b = -.64 and a falling map.
    for seed in range(10):
        z, y = scores(100, seed)
        model = BetaCalibration().fit(-z[:, None], y)
        assert model.a_[0] >= 0
        assert model.b_[0] >= 0
        grid = model.predict_proba(np.linspace(-50, 50, 300)[:, None])[:, 1]
        assert (np.diff(grid) >= -1e-15).all()


def test_extreme_and_tiny_scores_in_both_precisions():
    # betacal clips at the precision of the type: p = 0 gives .0026 or 1.8e-6.
    z, y = scores(300)
    z[:2], y[:2] = [-80, 80], [False, True]
    answers = [
        BetaCalibration().fit(z[:, None].astype(kind), y).predict_proba([[-80.0], [80.0]])
        for kind in (np.float32, np.float64)
    ]
    assert_allclose(answers[0], answers[1], atol=1e-6)
    small = BetaCalibration().fit(1e-6 * z[2:, None], y[2:])
    am = BetaCalibration(variant="am").fit(1e-6 * z[2:, None], y[2:])
    grid = np.linspace(-3e-6, 3e-6, 9)[:, None]
    assert_allclose(small.predict_proba(grid), am.predict_proba(grid), atol=0.1)


def test_unknown_variant():
    with pytest.raises(ValueError, match=r"'abm', 'am', 'ab', got 'b'"):
        BetaCalibration(variant="b").fit([[1.0], [2.0]], [0, 1])


def test_a_pair_without_rows_stays_as_it_is():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    logits = rng.normal(size=(60, 4)) + np.eye(4)[y]
    with pytest.warns(UserWarning, match=r"no sample of the classes \[2, 3\]"):
        model = BetaCalibration(multiclass="ovo").fit(logits, y)
    assert model.maps_[-1] is None
    assert_array_equal([model.a_[-1], model.b_[-1], model.c_[-1]], [1, 1, 0])
    assert_allclose(model.predict_proba(logits).sum(axis=1), 1)


def test_an_optimum_at_infinity_is_brought_near():
    # Certain misses on one side; on the other, scores so large that both features are one.
    z = np.append(np.linspace(-40, -1, 30), np.linspace(20, 50, 30))
    y = np.append(np.zeros(30), np.arange(30) % 3 > 0).astype(int)
    proba = BetaCalibration(smoothing="none").fit(z[:, None], y).predict_proba(z[:, None])
    assert_allclose(proba[30:, 1].mean(), 2 / 3, atol=1e-3)
    assert proba[:30, 1].max() < 0.05
