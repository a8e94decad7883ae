"""Isotonic calibration against independent references."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import lsq_linear
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss, roc_auc_score

from skcalib.calibrators import IsotonicCalibration, logits_from_proba


def scores(n_samples, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n_samples) * 2
    return z, (rng.uniform(size=n_samples) < expit(z)).astype(int)


def test_plain_is_scikit_learns():
    z, y = scores(500)
    model = IsotonicCalibration(smoothing="none").fit(z[:, None], y)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(z, y)
    grid = np.linspace(-9, 9, 1001)
    proba = model.predict_proba(grid[:, None])[:, 1]
    assert_allclose(proba, theirs.predict(grid), rtol=0, atol=1e-10)
    assert_array_equal(proba == 0, theirs.predict(grid) == 0)
    assert_array_equal(proba == 1, theirs.predict(grid) == 1)


def test_plain_is_the_quadratic_programme():
    # Increasing values = a start plus non-negative steps, fitted by least squares.
    z, y = scores(40)
    order = np.argsort(z)
    steps = np.tri(40)
    lower = np.r_[-np.inf, np.zeros(39)]
    found = lsq_linear(steps, y[order].astype(float), (lower, np.inf), tol=1e-14)
    model = IsotonicCalibration(smoothing="none").fit(z[:, None], y)
    assert_allclose(model.predict_proba(z[order, None])[:, 1], steps @ found.x, atol=1e-6)


def test_default_mixes_with_the_uniform_distribution():
    z, y = scores(100)
    plain = IsotonicCalibration(smoothing="none").fit(z[:, None], y).predict_proba(z[:, None])
    mixed = IsotonicCalibration().fit(z[:, None], y).predict_proba(z[:, None])
    assert_allclose(mixed, plain * 100 / 101 + 1 / 101 / 2, atol=1e-15)


@pytest.mark.parametrize("n_classes", [2, 3, 100])
def test_default_is_never_exactly_zero_or_one(n_classes):
    rng = np.random.default_rng(0)
    y = np.arange(600) % n_classes
    logits = rng.normal(size=(600, n_classes)) + 3 * np.eye(n_classes)[y]
    model = IsotonicCalibration().fit(logits, y)
    far = np.vstack([logits, 50 * np.eye(n_classes)])
    assert model.predict_proba(far).min() > 0
    assert model.predict_proba(far).max() < 1


@pytest.mark.parametrize("smoothing", ["mix", "none"])
def test_all_maps_zero_becomes_uniform(smoothing):
    # The log-odds of each class are .5 where it is right, -.5 and less where it is wrong,
    # and -.69 on a flat row: every map says 0 there.
    logits = np.array([[0, 0.5, -9], [-9, 0, 0.5], [0.5, -9, 0]])
    model = IsotonicCalibration(smoothing=smoothing).fit(logits, [1, 2, 0])
    for curve in model.maps_:
        assert curve(-np.log(2)) == 0
    assert_allclose(model.predict_proba(np.zeros((2, 3))), 1 / 3)


def test_ties_that_differ_by_rounding_only_stay_ties():
    # The same probability of a class, beside others that sum up in another order.
    rng = np.random.default_rng(0)
    others = rng.dirichlet([1, 1, 1], 400) * 0.7
    proba = np.column_stack([np.full(400, 0.3), others])
    y = np.where(rng.uniform(size=400) < 0.3, 0, rng.integers(1, 4, 400))
    model = IsotonicCalibration(smoothing="none").fit(logits_from_proba(proba), y)
    curve = model.maps_[0]
    assert len(curve.knots) == 1
    assert_allclose(curve.levels, np.mean(y == 0))


def test_monotone_and_honest_on_new_rows():
    z, y = scores(4000)
    model = IsotonicCalibration().fit(z[:, None], y)
    grid = model.predict_proba(np.linspace(-9, 9, 999)[:, None])[:, 1]
    assert (np.diff(grid) >= 0).all()
    new_z, new_y = scores(4000, seed=1)
    proba = model.predict_proba(new_z[:, None])[:, 1]
    # Half-sized logits are the miscalibration to be mended; the truth is expit(z).
    assert log_loss(new_y, proba) < log_loss(new_y, expit(new_z / 2)) - 0.02
    assert roc_auc_score(new_y, proba) > roc_auc_score(new_y, new_z) - 0.01


def test_centred_steps_are_at_the_mean_score_of_their_rows():
    # Steps: 0 at -3, -2; 1/2 at -1, 1 (weights 3, 1); 3/4 at 2, 4 (two rows each); 1 at 5, 9.
    z = np.array([-3.0, -2, -1, 1, 2, 4, 2, 4, 5, 9])
    y = np.array([0, 0, 1, 0, 1, 1, 1, 0, 1, 1])
    weight = np.array([1, 1, 2, 2, 1, 1, 1, 1, 1, 1.0])
    model = IsotonicCalibration(curve="centered", smoothing="none").fit(z[:, None], y, weight)
    curve = model.maps_[0]
    assert_allclose(curve.knots, [-3, -2, 0, 3, 5, 9])
    assert_allclose(curve.levels, [0, 0, 0.5, 0.75, 1, 1])
    proba = model.predict_proba([[-2.0], [-1.0], [0.0], [1.5], [7.0], [99.0]])[:, 1]
    assert_allclose(proba, [0, 0.25, 0.5, 0.625, 1, 1], atol=1e-10)


def test_centred_keeps_the_order_that_steps_lose_and_both_ends():
    z, y = scores(300)
    y[np.argmin(z)], y[np.argmax(z)] = 1, 0
    model = IsotonicCalibration(curve="centered", smoothing="none").fit(z[:, None], y)
    steps = IsotonicCalibration(smoothing="none").fit(z[:, None], y)
    ends = np.array([z.min(), z.max()])[:, None] + [[-1], [1]]
    assert_allclose(model.predict_proba(ends), steps.predict_proba(ends), atol=1e-10)
    curve = model.maps_[0]
    inside = np.linspace(curve.knots[1], curve.knots[-2], 500)[:, None]
    assert (np.diff(model.predict_proba(inside)[:, 1]) > 0).all()
    assert (np.diff(steps.predict_proba(inside)[:, 1]) == 0).mean() > 0.5


def test_smooth_runs_through_the_centred_points_without_corners():
    z, y = scores(300)
    centred = IsotonicCalibration(curve="centered", smoothing="none").fit(z[:, None], y)
    smooth = IsotonicCalibration(curve="smooth", smoothing="none").fit(z[:, None], y)
    knots = centred.maps_[0].knots
    assert_allclose(
        smooth.predict_proba(knots[:, None]), centred.predict_proba(knots[:, None]), atol=1e-9
    )
    grid = np.linspace(-9, 9, 20_001)
    proba = smooth.predict_proba(grid[:, None])[:, 1]
    assert (np.diff(proba) >= -1e-10).all()
    slopes = np.diff(proba) / np.diff(grid)
    bend = np.abs(np.diff(slopes)).max()
    corners = np.diff(centred.predict_proba(grid[:, None])[:, 1]) / np.diff(grid)
    assert bend < 0.3 * np.abs(np.diff(corners)).max()


@pytest.mark.parametrize("curve", ["centered", "smooth"])
def test_out_of_range_and_single_precision(curve):
    # The cir-model package divides by zero in float32 and gives NaN out of range.
    z, y = scores(100)
    model = IsotonicCalibration(curve=curve).fit(z[:, None].astype(np.float32), y)
    proba = model.predict_proba(np.array([[-1e9], [0], [1e9]], dtype=np.float32))
    assert np.isfinite(proba).all()
    assert (np.diff(proba[:, 1]) > 0).all()


@pytest.mark.parametrize("curve", ["steps", "centered", "smooth"])
@pytest.mark.parametrize("size", [1e12, 1e18, 1e29])
def test_a_huge_score_does_not_flatten_the_others(curve, size):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    z = rng.normal(size=400) + 3 * y - 1.5
    expected = (
        IsotonicCalibration(curve=curve).fit(z[1:, None], y[1:]).predict_proba(z[1:, None])
    )
    z[0] = size if y[0] else -size
    model = IsotonicCalibration(curve=curve).fit(z[:, None], y)
    proba = model.predict_proba(z[1:, None])
    assert_allclose(proba, expected, atol=0.1)
    assert np.abs(proba - expected).mean() < 0.005


def test_the_mean_score_of_a_step_is_not_that_of_its_outlier():
    # The last step, of level 4/5, holds the outlier.
    z = np.array([-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 1e15])
    y = np.array([0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1])
    near = IsotonicCalibration(curve="centered").fit(np.minimum(z, 100)[:, None], y)
    far = IsotonicCalibration(curve="centered").fit(z[:, None], y)
    assert_allclose(far.predict_proba(z[:, None]), near.predict_proba(z[:, None]), atol=0.1)


def test_unknown_smoothing():
    with pytest.raises(ValueError, match=r"'mix', 'none', got 'laplace'"):
        IsotonicCalibration(smoothing="laplace").fit([[1.0], [2.0]], [0, 1])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_of_one_decimal_stay_tied_when_rows_are_shifted(n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 400)
    logits = np.round(rng.normal(size=(400, n_classes)) + np.eye(n_classes)[y], 1)
    proba = IsotonicCalibration().fit(logits, y).predict_proba(logits)
    for shift in (7.3, np.arange(400)[:, None] / 7):
        again = IsotonicCalibration().fit(logits + shift, y).predict_proba(logits + shift)
        assert_allclose(again, proba, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-10, 1e-6, 1e6])
def test_the_scale_of_two_classes_does_not_matter(scale):
    z, y = scores(300)
    proba = IsotonicCalibration().fit(z[:, None], y).predict_proba(z[:, None])
    scaled = IsotonicCalibration().fit(z[:, None] * scale, y)
    assert_allclose(scaled.predict_proba(z[:, None] * scale), proba, atol=1e-9)
