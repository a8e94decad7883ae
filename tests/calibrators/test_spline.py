"""Spline calibration: optimality, the guard, and the outlier that bends others."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.special import expit
from sklearn.metrics import log_loss

from skcalib.calibrators import PlattScaling, SplineCalibration, _spline


def scores(n_samples, seed=0, truth=lambda z: 3 * np.tanh(z) + z / 5):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n_samples) * 2
    return z, rng.uniform(size=n_samples) < expit(truth(z))


def test_follows_a_smooth_distortion():
    z, y = scores(3000)
    new, new_y = scores(3000, 1)
    model = SplineCalibration().fit(z[:, None], y)
    loss = log_loss(new_y, model.predict_proba(new[:, None]))
    assert loss < log_loss(new_y, expit(3 * np.tanh(new) + new / 5)) + 0.005
    assert loss < log_loss(new_y, PlattScaling().fit(z[:, None], y).predict_proba(new[:, None]))


def test_waves_make_the_penalty_a_sum_of_squares():
    units = np.array([0.0, 0.1, 0.4, 0.45, 0.8, 1.0])
    waves = _spline._waves(units)
    assert waves.shape == (6, 4)
    for j in range(4):
        for k in range(4):
            one, two = (CubicSpline(units, waves[:, i], bc_type="natural") for i in (j, k))
            pieces = [
                quad(lambda x, a, b: a(x, 2) * b(x, 2), low, high, args=(one, two))[0]
                for low, high in pairwise(units)
            ]
            assert_allclose(sum(pieces), float(j == k), atol=1e-8)


@pytest.mark.parametrize("strength", [1e-1, 1e-4])
def test_each_curve_is_the_penalised_optimum(strength, monkeypatch):
    monkeypatch.setattr(_spline, "PENALTIES", [strength])
    z, y = scores(300)
    z = np.sort(z)
    knots = _spline._knots(z, np.ones(300), 8)
    x = _spline._positions(z, knots)
    line = _spline._fit_line(x, y.astype(float), np.ones(300))
    [(curve, _)] = _spline._path(x, y.astype(float), np.ones(300), knots, line)

    def objective(values):
        spline = CubicSpline(curve.x, values, bc_type="natural")
        s = _spline._add_tails(spline, x)
        second = spline(curve.x, 2)
        squares = second[:-1] ** 2 + second[:-1] * second[1:] + second[1:] ** 2
        roughness = np.sum(np.diff(curve.x) * squares) / 3
        return np.mean(np.logaddexp(0, s) - y * s) + strength / 2 * roughness

    found = curve(curve.x)
    for j in range(len(found)):
        step = 1e-5 * np.eye(len(found))[j]
        assert abs(objective(found + step) - objective(found - step)) / 2e-5 < 1e-7


@pytest.mark.parametrize("seed", range(8))
def test_never_falls(seed):
    z, y = scores(150, seed, lambda z: 2 * np.sin(2 * z) + z / 2)
    model = SplineCalibration().fit(z[:, None], y)
    grid = np.linspace(-20, 20, 2000)[:, None]
    assert (np.diff(model.predict_proba(grid)[:, 1]) >= -1e-12).all()


def test_without_the_guard_it_may_fall():
    z, y = scores(2000, 0, lambda z: 2 * np.sin(2 * z) + z / 2)
    model = SplineCalibration(monotone=False).fit(z[:, None], y)
    grid = np.linspace(-3, 3, 200)[:, None]
    assert np.diff(model.predict_proba(grid)[:, 1]).min() < 0


@pytest.mark.parametrize("label", [False, True])
@pytest.mark.parametrize("extreme", [34.5, 87.0, 1e6])
def test_one_row_of_probability_one_bends_nothing(extreme, label):
    # probcal gives p = 1 the probability .19 after such a row.
    z, y = scores(1000, 0, lambda z: z)
    grid = np.linspace(-4, 4, 81)[:, None]
    clean = SplineCalibration().fit(z[:, None], y).predict_proba(grid)[:, 1]
    model = SplineCalibration().fit(np.append(z, extreme)[:, None], np.append(y, label))
    assert_allclose(model.predict_proba(grid)[:, 1], clean, atol=0.005 if label else 0.03)
    assert model.predict_proba([[extreme]])[0, 1] > (0.97 if label else 0.95)


def test_few_distinct_scores_and_unusable_parameters():
    # splinecalib refuses fewer than three.
    y = np.array([0, 1, 1, 0, 1, 1] * 20)
    z = np.array([-1.0, -1, 1, -1, 1, 1] * 20)
    model = SplineCalibration(smoothing="none").fit(z[:, None], y)
    assert_allclose(model.predict_proba([[-1.0], [1.0]])[:, 1], [1 / 3, 1], atol=1e-6)
    with pytest.raises(ValueError, match="n_knots must be an integer of at least 2"):
        SplineCalibration(n_knots=1).fit(z[:, None], y)
    with pytest.raises(ValueError, match="monotone must be True or False"):
        SplineCalibration(monotone=None).fit(z[:, None], y)


def test_nothing_is_random():
    np.random.seed(3)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    z, y = scores(300)
    first = SplineCalibration().fit(z[:, None], y).predict_proba(z[:, None])
    assert_allclose(
        SplineCalibration().fit(z[:, None], y).predict_proba(z[:, None]), first, rtol=0
    )
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_knots_that_would_fill_the_memory_are_refused():
    y = np.arange(60) % 2
    decision = np.linspace(-1, 1, 60)[:, None]
    with pytest.raises(ValueError, match="n_knots must be at most 200, got 1000000000"):
        SplineCalibration(n_knots=10**9).fit(decision, y)
    SplineCalibration(n_knots=200).fit(decision, y)
