"""Curves that displays draw: by brute force, by scikit-learn, and coverage of their bands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom, norm
from sklearn.metrics import precision_recall_curve

from skcalib.metrics import (
    histogram_curve,
    reliability_curve,
    smooth_calibration_error,
    smooth_curve,
    threshold_curve,
)

SEEDS = st.integers(0, 2**32 - 1)


def rows(seed, n=400, power=1.0):
    rng = np.random.default_rng(seed)
    proba = rng.beta(0.7, 0.7, n)
    return (rng.uniform(size=n) < proba**power).astype(int), proba


@given(seed=SEEDS, width=st.sampled_from([0.03, 0.2, 1.0]))
def test_smooth_curve_is_the_mean_residual_under_the_kernel(seed, width):
    y, proba = rows(seed, 40)
    proba = np.round(proba * 2**14) / 2**14  # on the grid
    weight = np.random.default_rng(seed).integers(1, 4, 40)
    curve = smooth_curve(y, proba, width=width, labels=[0, 1], sample_weight=weight)
    at = np.linspace(proba.min(), proba.max(), 201)
    images = [proba + 2 * k for k in range(-9, 10)] + [2 * k - proba for k in range(-9, 10)]
    kernel = sum(norm.pdf(at[:, None], image, width) for image in images) * weight
    mass = kernel.sum(axis=1)
    near = mass > 0.01 / (width * np.sqrt(2 * np.pi))
    assert_allclose(curve.proba, (kernel @ proba / mass)[near], atol=1e-9)
    assert_allclose(curve.frequency, (kernel @ y / mass)[near], atol=1e-9)
    assert_allclose(curve.density, mass[near] / weight.sum(), rtol=1e-9)
    assert (np.diff(curve.proba) >= -1e-12).all()


def test_distance_from_the_diagonal_is_the_smooth_error():
    y, proba = rows(0, 3000, power=2)
    proba[:2] = [0, 1]  # the curve runs from end to end
    curve = smooth_curve(y, proba)
    gap = np.abs(curve.frequency - curve.proba) * curve.density
    assert np.trapezoid(gap, np.linspace(0, 1, len(gap))) == pytest.approx(
        smooth_calibration_error(y, proba), abs=2e-4
    )


def test_smooth_curve_leaves_out_where_nobody_is():
    y, proba = np.arange(200) % 2, np.repeat([0.1, 0.9], 100)
    curve = smooth_curve(y, proba, width=0.02)
    assert_allclose(np.unique(curve.proba.round(3)), [0.1, 0.9])


@pytest.mark.parametrize("draw", [smooth_curve, reliability_curve])
@pytest.mark.parametrize("power", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_bands_hold_what_they_shall(draw, power):
    inside = {"confidence": [], "consistency": []}
    keywords = {"width": 0.05} if draw is smooth_curve else {}
    for seed in range(40):
        y, proba = rows(seed, 1000, power)
        for band, found in inside.items():
            curve = draw(y, proba, band=band, **keywords)
            x = getattr(curve, "proba", None) if draw is smooth_curve else curve.mean_proba
            truth = x**power if band == "confidence" else curve.frequency
            found.append((curve.low <= truth) & (truth <= curve.high))
    held = {band: np.concatenate(found).mean() for band, found in inside.items()}
    assert 0.92 < held["confidence"] < 0.98
    if power == 1:
        assert 0.93 < held["consistency"] < 0.99
    else:
        assert held["consistency"] < 0.6


def test_consistency_interval_of_a_bin_is_binomial():
    curve = reliability_curve(
        [0] * 30 + [1] * 10, np.repeat([0.0, 0.25, 0.95], [5, 15, 20]), band="consistency"
    )
    assert_array_equal(curve.low[1:], binom.ppf(0.025, [15, 20], [0.25, 0.95]) / [15, 20])
    assert_array_equal(curve.high[1:], binom.ppf(0.975, [15, 20], [0.25, 0.95]) / [15, 20])
    assert (curve.low[0], curve.high[0]) == (0, 0)


@given(seed=SEEDS)
def test_histogram_counts_right_and_wrong(seed):
    y, proba = rows(seed, 50)
    weight = np.random.default_rng(seed).integers(0, 3, 50)
    weight[0] = 1
    curve = histogram_curve(y, proba, n_bins=8, labels=[0, 1], sample_weight=weight)
    edges = np.r_[curve.lower, curve.upper[-1]]
    for found, hit in ((curve.hits, 1), (curve.misses, 0)):
        part = y == hit
        assert_array_equal(found, np.histogram(proba[part], edges, weights=weight[part])[0])
    assert_array_equal(edges, np.linspace(0, 1, 9))


@given(seed=SEEDS)
def test_thresholds_agree_with_scikit_learn(seed):
    y, proba = rows(seed, 50)
    y[0], proba = 1, np.round(proba, 1)
    curve = threshold_curve(y, proba, labels=[0, 1])
    precision, recall, threshold = precision_recall_curve(y, proba)
    assert_allclose(curve.threshold, threshold[::-1])
    assert_allclose(curve.precision, precision[-2::-1])
    assert_allclose(curve.recall, recall[-2::-1])
    assert_allclose(curve.share, [(proba >= t).mean() for t in curve.threshold])


def test_nothing_true_to_recall():
    assert_array_equal(threshold_curve([0, 0], [0.2, 0.7], labels=[0, 1]).recall, [1, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smooth_curve([0, 1], [0.2, 0.7], width=0), "width must be 'auto' or a number"),
        (lambda: smooth_curve([0, 1], [0.2, 0.7], band="wide"), "band must be one of"),
        (lambda: reliability_curve([0, 1], [0.2, 0.7], band=None), "band must be one of"),
        (lambda: histogram_curve([0, 1], [0.2, 0.7], n_bins="sweep"), "n_bins must be an int"),
        (lambda: histogram_curve([0, 1], [0.2, 0.7], notion="class-wise"), "notion must be"),
    ],
)
def test_unusable_parameters(call, message):
    with pytest.raises(ValueError, match=message):
        call()
