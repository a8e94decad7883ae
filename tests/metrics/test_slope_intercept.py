"""Calibration slope and intercept against scikit-learn, a plain optimiser, and separation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression

from skcalib.metrics import calibration_slope_intercept


def problem(n=300, seed=0):
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.3, 1.2, n)
    return (rng.uniform(size=n) < expit(0.5 + 0.6 * odds)).astype(int), expit(odds)


def loss(coefficients, y, z, weight):
    eta = coefficients[0] + coefficients[1] * z
    return weight @ (np.logaddexp(0, eta) - y * eta)


def test_estimates_are_those_of_logistic_regression():
    y, p = problem()
    weight = np.random.default_rng(1).integers(1, 4, len(y)).astype(float)
    found = calibration_slope_intercept(y, p, sample_weight=weight)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(logit(p)[:, None], y, sample_weight=weight)
    assert found.slope == pytest.approx(model.coef_[0, 0], rel=1e-5)
    assert found.intercept == pytest.approx(model.intercept_[0], rel=1e-5)
    large = brentq(lambda a: weight @ (expit(a + logit(p)) - y), -5, 5)
    assert found.in_the_large == pytest.approx(large, abs=1e-9)


def test_intervals_are_where_the_profile_of_the_likelihood_falls():
    y, p = problem(80)
    z, weight, limit = logit(p), np.ones(80), chi2.ppf(0.9, 1) / 2
    found = calibration_slope_intercept(y, p, confidence_level=0.9)
    least = loss([found.intercept, found.slope], y, z, weight)
    for end in (found.slope_low, found.slope_high):
        profile = minimize(lambda a, b=end: loss([a[0], b], y, z, weight), [0.0]).fun
        assert profile - least == pytest.approx(limit, rel=1e-5)
    for end in (found.intercept_low, found.intercept_high):
        profile = minimize(lambda b, a=end: loss([a, b[0]], y, z, weight), [1.0]).fun
        assert profile - least == pytest.approx(limit, rel=1e-5)
    least = loss([found.in_the_large, 1], y, z, weight)
    for end in (found.in_the_large_low, found.in_the_large_high):
        assert loss([end, 1], y, z, weight) - least == pytest.approx(limit, rel=1e-7)


def test_intervals_hold_the_truth_as_often_as_they_say():
    found = [calibration_slope_intercept(*problem(150, seed)) for seed in range(80)]
    slopes = [f.slope_low <= 0.6 and f.slope_high >= 0.6 for f in found]
    intercepts = [f.intercept_low <= 0.5 and f.intercept_high >= 0.5 for f in found]
    assert min(sum(slopes), sum(intercepts)) >= 69  # 1e-3 of Binomial(80, 0.95)


def test_other_class_turns_the_signs():
    y, p = problem()
    found, turned = (calibration_slope_intercept(a, b) for a, b in ((y, p), (1 - y, 1 - p)))
    assert_allclose(turned[:3], found[:3], rtol=1e-7)
    assert_allclose(turned[3:], -np.array(found)[[3, 5, 4, 6, 8, 7]], rtol=1e-6, atol=1e-9)


def test_separated_outcomes_and_such_that_tell_nothing():
    whole = (-np.inf, np.inf)
    found = calibration_slope_intercept([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8])
    assert found.slope == found.slope_high == np.inf
    assert 0 < found.slope_low < 1
    assert found[3:6] == (0, *whole)
    turned = calibration_slope_intercept([1, 1, 0, 0], [0.1, 0.2, 0.7, 0.8])
    assert turned.slope == turned.slope_low == -np.inf
    constant = calibration_slope_intercept([0, 1, 1, 1], [0.1] * 4)
    assert constant[:3] == (1, *whole)
    assert constant.intercept == constant.in_the_large
    assert constant.in_the_large == pytest.approx(logit(0.75) - logit(0.1))
    single = calibration_slope_intercept([1, 1, 1], [0.2, 0.5, 0.7], labels=[0, 1])
    assert single[:3] == (1, *whole)
    assert single.in_the_large == single.in_the_large_high == np.inf
    assert np.isfinite(single.in_the_large_low)
    assert calibration_slope_intercept([0, 1], [0.0, 1.0]) == (1, *whole, 0, *whole, 0, *whole)


def test_certain_rows_that_were_kept_do_not_count_and_broken_ones_are_moved_inside():
    y, p = problem()
    kept = calibration_slope_intercept(np.r_[y, 0, 1], np.r_[p, 0, 1])
    assert kept == calibration_slope_intercept(y, p)
    inside = np.minimum(p, 1 - p).min() / 2
    broken = calibration_slope_intercept(np.r_[y, 1, 1], np.r_[p, 0, 1])
    moved = calibration_slope_intercept(np.r_[y, 1, 1], np.r_[p, inside, 1 - inside])
    assert_allclose(broken, moved, rtol=1e-6)


def test_bad_input():
    with pytest.raises(ValueError, match="confidence_level"):
        calibration_slope_intercept([0, 1], [0.2, 0.7], confidence_level=95)
    with pytest.raises(ValueError, match="'class-wise' is several regressions"):
        calibration_slope_intercept([0, 1], [0.2, 0.7], notion="class-wise")
    with pytest.raises(ValueError, match="notion must be one of"):
        calibration_slope_intercept([0, 1], [0.2, 0.7], notion="rows")
