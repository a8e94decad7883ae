"""The smooth calibration error: a dense numerical reference, closed forms, continuity."""

from math import ceil

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson
from scipy.optimize import brentq
from scipy.stats import norm
from support.predictions import SEEDS, events, problems

from skcalib.metrics import calibration_error, smooth_calibration_error

NOTIONS = ["positive", "confidence", "top-label", "class-wise"]


def smoothed_error(p, hit, weight, width):
    """Integrate the absolute sum of Gaussians and of their images in mirrors at 0 and 1."""
    n_images = 1 + ceil(3 * width)
    at = np.linspace(0, 1, 2 * ceil(20 / width) + 401)
    residual = weight * (hit - p) / weight.sum()
    total = np.zeros_like(at)
    for image in range(-n_images, n_images + 1):
        for centre in (p + 2 * image, -p + 2 * image):
            total += norm.pdf(at[:, None], centre, width) @ residual
    return simpson(np.abs(total), x=at)


def slow_error(p, hit, weight):
    """Return the width that is the error at that width."""
    p, hit, weight = (np.asarray(part, dtype=float) for part in (p, hit, weight))
    low = 1.0
    while smoothed_error(p, hit, weight, low) <= low:
        low /= 2
        if low < 1 / 4096:
            return smoothed_error(p, hit, weight, 1 / 4096)
    if low == 1:
        return 1.0
    return brentq(lambda s: smoothed_error(p, hit, weight, s) - s, low, 2 * low, xtol=1e-7)


@settings(max_examples=settings.default.max_examples // 2)
@given(
    problem=problems(max_samples=12, max_classes=3, ties=False),
    notion=st.sampled_from(NOTIONS),
)
def test_agrees_with_a_dense_reference(problem, notion):
    codes, proba, weight = problem
    if notion == "positive" and proba.shape[1] > 2:
        notion = "confidence"
    found = [
        (float(sum(w for _, _, w in event)), slow_error(*zip(*event, strict=True)))
        for event in events(codes, proba, weight, notion)
    ]
    sizes, errors = np.transpose(found)
    keywords = {"labels": range(proba.shape[1]), "sample_weight": weight, "notion": notion}
    error = smooth_calibration_error(codes, proba, **keywords)
    assert error == pytest.approx(sizes @ errors / sizes.sum(), rel=1e-4, abs=5e-5)


@pytest.mark.parametrize("n", [100, 300])
@pytest.mark.parametrize("power", [1, 2])
def test_agrees_with_a_dense_reference_on_more_rows(n, power):
    rng = np.random.default_rng(n)
    p, u = rng.uniform(size=(2, n))
    expected = slow_error(p, u < p**power, np.ones(n))
    found = smooth_calibration_error(u < p**power, p)
    assert found == pytest.approx(expected, rel=1e-4, abs=5e-5)


@given(p=st.floats(0, 1), n_hits=st.integers(0, 7))
def test_one_prediction_is_off_by_its_residual(p, n_hits):
    y = np.arange(7) < n_hits
    error = smooth_calibration_error(y, np.full(7, p), labels=[False, True])
    assert error == pytest.approx(abs(n_hits / 7 - p), abs=1e-7)


@given(seed=SEEDS, n=st.integers(1, 50), power=st.sampled_from([0.02, 1, 50]))
def test_residuals_of_one_sign_are_averaged(seed, n, power):
    p = np.random.default_rng(seed).uniform(size=n) ** power
    ones, zeros = np.ones(n, dtype=int), np.zeros(n, dtype=int)
    over = smooth_calibration_error(zeros, p, labels=[0, 1])
    under = smooth_calibration_error(ones, p, labels=[0, 1])
    assert over == pytest.approx(p.mean(), abs=1e-7)
    assert under == pytest.approx(1 - p.mean(), abs=1e-7)


def test_constant_miscalibration():
    # Frequencies of 0.1, 0.2, ..., 0.9; each is said to be 0.05 more.
    frequency = np.arange(1, 10) / 10
    y = (np.arange(10) < 10 * frequency[:, None] - 0.5).ravel()
    p = frequency.repeat(10) + 0.05
    assert smooth_calibration_error(y, p) == pytest.approx(0.05, abs=1e-7)
    assert smooth_calibration_error(y, p - 0.05) == pytest.approx(0, abs=1e-12)


def test_residuals_of_opposite_sign_cancel_if_close_only():
    y = [0] * 4 + [1] + [1] * 4 + [0]  # 0.2 and 0.8
    for distance, expected in ((0.8, 0.1), (0.0, None)):
        p = np.repeat([0.5 - distance / 2, 0.5 + distance / 2], 5)
        error = smooth_calibration_error(y, p)
        # Eight widths apart; without a distance the residuals are +0.3 and -0.3.
        assert error == pytest.approx(0 if expected is None else expected, abs=1e-5)
    assert smooth_calibration_error([0, 1], [0.0, 1.0]) == 0
    assert smooth_calibration_error([1, 0], [0.0, 1.0]) == pytest.approx(
        slow_error([0, 1], [1, 0], [1, 1]), abs=5e-5
    )


@given(problem=problems(max_classes=2, ties=False))
def test_bounds(problem):
    codes, proba, weight = problem
    p = proba[:, 1]
    keywords = {"labels": [0, 1], "sample_weight": weight}
    error = smooth_calibration_error(codes, p, **keywords)
    bias = abs(np.average(codes - p, weights=weight))
    # Equal probabilities have one residual, all others cancel at most.
    alone = [abs(weight[p == value] @ (codes - p)[p == value]) for value in np.unique(p)]
    assert bias - 1e-9 <= error <= sum(alone) / weight.sum() + 1e-9


@given(seed=SEEDS, n=st.integers(1, 200), n_classes=st.integers(2, 4))
def test_moves_continuously(seed, n, n_classes):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), n)
    proba = 0.001 + proba * (1 - 0.001 * n_classes)
    # A largest probability that changes hands is another prediction.
    assume(n_classes == 2 or np.diff(np.sort(proba, axis=1)[:, -2:]).min() > 4e-6)
    codes = rng.integers(0, n_classes, n)
    moved = proba.copy()
    moved[:, 0] += 1e-6
    moved[:, 1] -= 1e-6
    for notion in ("auto", "class-wise"):
        keywords = {"labels": range(n_classes), "notion": notion}
        before = smooth_calibration_error(codes, proba, **keywords)
        assert smooth_calibration_error(codes, moved, **keywords) == pytest.approx(
            before, abs=1e-5
        )


def test_moves_continuously_where_bins_do_not():
    y, p = np.array([1, 0] * 50), np.full(100, 0.5)
    p[::2] += 1e-6
    jump = calibration_error(y, p, n_bins=2) - calibration_error(y, p - 2e-6, n_bins=2)
    assert abs(jump) < 1e-5
    p[1::2] -= 1e-6  # now the edge is between hits and misses
    jump = calibration_error(y, p, n_bins=2) - calibration_error(y, p - 2e-6, n_bins=2)
    assert jump == pytest.approx(0.5, abs=1e-5)
    assert smooth_calibration_error(y, p) == pytest.approx(
        smooth_calibration_error(y, p - 2e-6), abs=1e-5
    )
    assert smooth_calibration_error(y, p) < 1e-3


@pytest.mark.slow
def test_few_rows_are_biased_as_documented():
    rng = np.random.default_rng(0)
    for n, times, expected in ((1_000, 200, 0.030), (10_000, 40, 0.014)):
        p, u = rng.uniform(size=(2, times, n))
        errors = [smooth_calibration_error(*pair) for pair in zip(u < p, p, strict=True)]
        assert np.mean(errors) == pytest.approx(expected, abs=0.001)


def test_bad_notions():
    with pytest.raises(ValueError, match="notion must be one of"):
        smooth_calibration_error([0, 1], [0.1, 0.2], notion="top")
    with pytest.raises(ValueError, match="notion='positive' is for two classes"):
        smooth_calibration_error([0, 1, 2], np.eye(3), notion="positive")
