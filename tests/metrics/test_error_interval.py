"""The calibration error with an interval: closed forms, coverage, the legend of the diagram."""

from functools import partial
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from skcalib.metrics import (
    bootstrap_interval,
    calibration_error,
    calibration_error_interval,
    expected_calibration_error,
)

MIDDLES = (np.arange(100_000) + 0.5) / 100_000


def binary(n, seed, frequency):
    rng = np.random.default_rng(seed)
    proba = rng.uniform(size=n)
    return rng.uniform(size=n) < frequency(proba), proba


def true_error(frequency, n_bins):
    """Return the root mean square error of uniform probabilities in bins of equal width."""
    gaps = (frequency(MIDDLES) - MIDDLES).reshape(n_bins, -1).mean(axis=1)
    return sqrt(np.mean(gaps**2))


def test_is_the_root_of_the_debiased_square_and_its_normal_interval():
    y, proba = binary(400, 0, lambda p: p**1.5)
    keywords = {"n_resamples": 50, "random_state": 3}
    for bins in ({"n_bins": 5}, {"n_bins": 6, "strategy": "quantile"}, {"n_bins": "sweep"}):
        metric = partial(calibration_error, norm="l2_squared", debias=True, **bins)
        squares = bootstrap_interval(metric, y, proba, method="normal", **keywords)[:3]
        found = calibration_error_interval(y, proba, **bins, **keywords)
        assert tuple(found) == pytest.approx(np.sqrt(np.maximum(squares, 0)), rel=1e-12)
        assert {type(part) for part in found} == {float}
    rarer = min(y.sum(), (~y).sum())
    expected = calibration_error_interval(y, proba, n_bins=int(np.ceil(rarer ** (1 / 3))))
    assert calibration_error_interval(y, proba).estimate == expected.estimate


@pytest.mark.parametrize(("hits", "n_bins"), [(3, 4), (70, 5), (3000, 15), (5000, 15)])
def test_the_number_of_bins_follows_from_the_rarer_outcome(hits, n_bins):
    rng = np.random.default_rng(0)
    y = np.arange(2 * hits + 10) < hits
    proba = rng.uniform(size=len(y))
    for turned in (y, ~y):
        expected = calibration_error(turned, proba, n_bins=n_bins)
        assert calibration_error(turned, proba, n_bins="auto") == expected


def test_an_interval_that_begins_at_zero_for_what_is_calibrated():
    y, proba = binary(2000, 0, lambda p: p)
    found = calibration_error_interval(y, proba, random_state=0)
    assert found.low == 0 <= found.estimate < found.high < 0.06
    # What it replaces leaves its own estimate out, and says so.
    y, proba = binary(500, 0, lambda p: p)
    with pytest.warns(UserWarning, match="calibration_error_interval"):
        other = bootstrap_interval(
            expected_calibration_error, y, proba, n_resamples=200, random_state=0
        )
    assert not other.low <= other.estimate <= other.high


def coverage(frequency, n, n_bins, n_sets):
    truth = true_error(frequency, n_bins)
    held = 0
    for seed in range(n_sets):
        y, proba = binary(n, seed, frequency)
        found = calibration_error_interval(
            y, proba, n_bins=n_bins, n_resamples=150, random_state=seed
        )
        held += found.low - 1e-12 <= truth <= found.high
    return held


@pytest.mark.parametrize("power", [1, 1.5])
def test_interval_holds_the_true_error(power):
    held = coverage(lambda p: p**power, 300, 5, 100)
    assert held >= stats.binom.ppf(1e-3, 100, 0.93)


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 500, 2000])
@pytest.mark.parametrize("n_bins", [5, 10])
@pytest.mark.parametrize(
    "frequency",
    [lambda p: p, lambda p: p**1.1, lambda p: p**1.5, lambda p: 0.5 + 0.7 * (p - 0.5)],
    ids=["calibrated", "nearly", "skewed", "overconfident"],
)
def test_interval_holds_the_true_error_in_simulations_of_many_kinds(frequency, n_bins, n):
    held = coverage(frequency, n, n_bins, 300)
    assert held >= stats.binom.ppf(1e-3, 300, 0.93)


def test_nothing_varies():
    with pytest.warns(UserWarning, match="one group.*NaN"):
        found = calibration_error_interval([0, 1, 1], [0.2, 0.7, 0.6], groups=[1, 1, 1])
    assert np.isnan([found.low, found.high]).all()
    assert not np.isnan(found.estimate)
    with pytest.warns(UserWarning, match="only 3 groups"):
        calibration_error_interval(
            np.arange(30) % 2, np.arange(30) / 30, groups=np.arange(30) // 10
        )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n_bins": "many"}, "n_bins must be an integer or one of"),
        ({"n_bins": 0}, "n_bins must lie between"),
        ({"strategy": "wide"}, "strategy must be one of"),
        ({"notion": "all"}, "notion must be one of"),
        ({"confidence_level": 95}, "confidence_level must be a number"),
        ({"n_resamples": 1}, "n_resamples must be an integer"),
        ({"groups": [1]}, "inconsistent numbers"),
        ({"groups": np.ma.masked_array([1, 2, 3, 4], [0, 1, 0, 0])}, "groups is a masked"),
        ({"stratify": np.ma.masked_array([1, 2, 3, 4], [0, 1, 0, 0])}, "stratify is a masked"),
    ],
)
def test_bad_input(bad, message):
    with pytest.raises(ValueError, match=message):
        calibration_error_interval([0, 1, 0, 1], [0.1, 0.2, 0.7, 0.8], **bad)


@pytest.mark.parametrize(
    "case", ["off", "calibrated", "weighted", "one value", "three classes"]
)
def test_sums_drawn_for_very_many_rows_vary_as_rows_do(case, monkeypatch):
    y, proba = binary(4000, 1, (lambda p: p) if case == "calibrated" else (lambda p: p**1.5))
    keywords = {"n_resamples": 600, "random_state": 0, "n_bins": 8}
    if case == "weighted":
        keywords["sample_weight"] = np.arange(4000) % 3 + 1.0
    if case == "one value":
        proba = np.full(4000, 0.5)
    if case == "three classes":
        proba = np.stack([proba, 0.7 * (1 - proba), 0.3 * (1 - proba)], axis=1)
        y = np.where(y, 0, 1 + np.arange(4000) % 2)
    by_rows = calibration_error_interval(y, proba, **keywords)
    monkeypatch.setattr("skcalib.metrics._error_interval.MANY_ROWS", 4000)
    by_sums = calibration_error_interval(y, proba, **keywords)
    assert by_sums != by_rows
    assert by_sums.estimate == pytest.approx(by_rows.estimate, rel=1e-12)
    widths = [found.high**2 - found.estimate**2 for found in (by_sums, by_rows)]
    assert widths[0] == pytest.approx(widths[1], rel=0.15)  # the s.e. of 600 draws is 3 %
