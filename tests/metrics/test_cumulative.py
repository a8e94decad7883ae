"""Cumulative and truthful errors, and their curve, against plain loops and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skcalib.metrics import (
    calibration_error,
    calibration_test,
    cumulative_calibration_error,
    cumulative_curve,
    truthful_calibration_error,
)


def slow_sums(y, p, weight):
    return (
        np.array([0.0, *[(weight * (y - p))[p <= value].sum() for value in np.unique(p)]])
        / weight.sum()
    )


def slow_truthful(y, p, weight, n_points=20_000):
    """Return the mean over boundaries on a fine grid."""
    total = 0.0
    residual = weight * (p - y) / weight.sum()
    for t in (np.arange(n_points) + 0.5) / n_points:
        below = residual[p <= t].sum()
        total += below**2 + (residual.sum() - below) ** 2
    return total / n_points


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 30),
    ties=st.booleans(),
    kind=st.sampled_from([np.float32, np.float64]),
    weighted=st.booleans(),
)
def test_cumulative_errors_are_those_of_plain_loops(seed, n, ties, kind, weighted):
    rng = np.random.default_rng(seed)
    p = (rng.integers(0, 17, n) / 16 if ties else rng.uniform(size=n)).astype(kind)
    y = rng.integers(0, 2, n)
    weight = rng.integers(1, 4, n).astype(float) if weighted else np.ones(n)
    sums = slow_sums(y, p.astype(float), weight)
    how = {"labels": [0, 1], "sample_weight": weight if weighted else None}
    found = cumulative_calibration_error(y, p, **how)
    assert found == pytest.approx(sums.max() - sums.min(), abs=1e-12)
    found = cumulative_calibration_error(y, p, norm="max", **how)
    assert found == pytest.approx(np.abs(sums).max(), abs=1e-12)


def test_blocks_of_sorted_rows(monkeypatch):
    from skcalib.metrics import _cumulative

    rng = np.random.default_rng(0)
    p, y = rng.integers(0, 40, 3000) / 40, rng.integers(0, 2, 3000)
    expected = cumulative_calibration_error(y, p)
    for block in (1, 7, 2999, 3000):
        monkeypatch.setattr(_cumulative, "BLOCK", block)
        assert cumulative_calibration_error(y, p) == pytest.approx(expected, abs=1e-12)
    zeros = np.array([-0.0, 0.0, -0.0, 1.0])
    assert cumulative_calibration_error([0, 1, 0, 1], zeros) == 0.25


def test_truthful_error_is_the_mean_over_boundaries():
    rng = np.random.default_rng(0)
    for ties in (False, True):
        p = rng.integers(0, 5, 12) / 4 if ties else rng.uniform(size=12)
        y, weight = rng.integers(0, 2, 12), rng.integers(1, 4, 12)
        found = truthful_calibration_error(y, p, sample_weight=weight, labels=[0, 1])
        assert found == pytest.approx(slow_truthful(y, p, weight), abs=2e-4)


def test_no_distortion_of_the_truth_has_a_smaller_truthful_error_on_average():
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=40)
    outcomes = rng.uniform(size=(400, 40)) < truth
    lies = {
        "rounded": np.round(truth * 4) / 4,
        "base rate": np.full(40, truth.mean()),
        "sharper": truth**2 / (truth**2 + (1 - truth) ** 2),
        "shifted": np.clip(truth + 0.05, 0, 1),
        "shrunk": 0.8 * truth + 0.1,
        "noisy": np.clip(truth + rng.normal(0, 0.1, 40), 0, 1),
    }

    def mean_and_error(own):
        found = [truthful_calibration_error(y, own, labels=[0, 1]) for y in outcomes]
        return np.mean(found), np.std(found) / np.sqrt(len(found))

    honest, error = mean_and_error(truth)
    assert honest == pytest.approx((truth * (1 - truth)).sum() / 40**2, abs=4 * error)
    for name, own in lies.items():
        found, own_error = mean_and_error(own)
        assert found > honest - 3 * own_error, name
    # An error in bins is gamed: the truth rounded to a few values looks better.
    binned = [
        np.mean([calibration_error(y, q, labels=[0, 1]) for y in outcomes[:100]])
        for q in (truth, lies["base rate"])
    ]
    assert binned[1] < binned[0]


def test_curve_ends_where_the_error_is_and_its_band_is_that_of_the_test():
    rng = np.random.default_rng(1)
    p = np.r_[rng.uniform(size=300), np.full(20, 0.25)]
    y = (rng.uniform(size=320) < p**1.3).astype(int)
    curve = cumulative_curve(y, p)
    assert curve.share[0] == curve.difference[0] == 0
    assert curve.share[-1] == pytest.approx(1)
    assert len(curve.share) == 302
    spread = curve.difference.max() - curve.difference.min()
    assert cumulative_calibration_error(y, p) == pytest.approx(spread)
    assert curve.difference[-1] == pytest.approx((y - p).mean())
    assert_allclose(curve.low, -curve.high)
    test = calibration_test(y, p, kind="kolmogorov-smirnov", null="asymptotic")
    at_edge = cumulative_curve(y, p, confidence_level=1 - test.p_value)
    assert at_edge.high[0] == pytest.approx(np.abs(curve.difference).max(), rel=1e-6)
    with pytest.raises(ValueError, match="confidence_level"):
        cumulative_curve(y, p, confidence_level=1)
    with pytest.raises(ValueError, match="norm must be one of 'range', 'max'"):
        cumulative_calibration_error(y, p, norm="l1")
