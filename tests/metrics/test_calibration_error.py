"""Calibration errors in bins: a slow exact reference, closed forms, bias, sweeps, edges."""

import sys
from fractions import Fraction
from functools import partial
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support.predictions import SEEDS, STRATEGIES, events, numbers, problems, sums

from skcalib.metrics import (
    bootstrap_interval,
    calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    reliability_curve,
)

NORMS = ["l1", "l2", "l2_squared", "max"]
NOTIONS = ["positive", "confidence", "top-label", "class-wise"]
N_BINS = st.one_of(st.integers(1, 20), st.sampled_from(["cube_root", "sweep"]))


def slow_error(cells, norm, debias=False):
    """Return the error of bins (size, sum of probabilities, hits), in fractions until roots."""
    total = sum(size for size, _, _ in cells)
    gaps = [(size / total, abs(hits - p) / size) for size, p, hits in cells]
    if norm == "max":
        return float(max(gap for _, gap in gaps))
    variances = [Fraction(hits * (size - hits), size**2) for size, _, hits in cells]
    if norm == "l1":
        error = sum(share * gap for share, gap in gaps)
        if not debias:
            return float(error)
        redrawn = 0.0
        for (share, gap), variance, (size, _, _) in zip(gaps, variances, cells, strict=True):
            m, s = float(gap), sqrt(variance / size)
            mean = m
            if s > 0:
                mean = s * sqrt(2 / pi) * exp(-(m**2) / (2 * s**2)) + m * erf(m / s / sqrt(2))
            redrawn += float(share) * mean
        return max(0.0, 2 * float(error) - redrawn)
    error = Fraction(0)
    for (share, gap), variance, (size, _, _) in zip(gaps, variances, cells, strict=True):
        if not debias:
            error += share * gap**2
        elif size > 1:
            error += share * (gap**2 - variance / (size - 1))
    return float(error) if norm == "l2_squared" else sqrt(max(0, error))


@settings(max_examples=3 * settings.default.max_examples)
@given(
    problem=problems(),
    norm=st.sampled_from(NORMS),
    strategy=st.sampled_from(STRATEGIES),
    notion=st.sampled_from(NOTIONS),
    n_bins=N_BINS,
    debias=st.booleans(),
)
def test_agrees_with_a_slow_reference(problem, norm, strategy, notion, n_bins, debias):
    codes, proba, weight = problem
    n_classes = proba.shape[1]
    if notion == "positive" and n_classes > 2:
        notion = "confidence"
    debias = debias and norm != "max"
    cells = []
    for event in events(codes, proba, weight, notion):
        cells += sums(event, numbers(event, n_bins, strategy))
    keywords = {"strategy": strategy, "n_bins": n_bins}
    keywords.update(labels=range(n_classes), sample_weight=weight, notion=notion)
    found = calibration_error(codes, proba, norm=norm, debias=debias, **keywords)
    # The square of a root's rounding error is what can be seen near zero.
    expected = slow_error(cells, norm, debias)
    assert found == pytest.approx(expected, abs=1e-7 if norm == "l2" else 1e-12)
    assert expected_calibration_error(codes, proba, **keywords) == pytest.approx(
        slow_error(cells, "l1"), abs=1e-12
    )
    assert maximum_calibration_error(codes, proba, **keywords) == pytest.approx(
        slow_error(cells, "max"), abs=1e-12
    )


@given(problem=problems())
def test_what_auto_stands_for(problem):
    codes, proba, weight = problem
    keywords = {"labels": range(proba.shape[1]), "sample_weight": weight}
    notion = "positive" if proba.shape[1] == 2 else "confidence"
    for metric in (
        calibration_error,
        expected_calibration_error,
        maximum_calibration_error,
    ):
        explicit = metric(
            codes, proba, notion=notion, n_bins=15, strategy="uniform", **keywords
        )
        assert metric(codes, proba, **keywords) == explicit
    assert calibration_error(codes, proba, **keywords) == expected_calibration_error(
        codes, proba, **keywords
    )


@given(problem=problems(), notion=st.sampled_from(NOTIONS[1:]), n_bins=st.integers(1, 20))
def test_norms_are_ordered(problem, notion, n_bins):
    codes, proba, weight = problem
    keywords = {"n_bins": n_bins, "notion": notion, "sample_weight": weight}
    keywords["labels"] = range(proba.shape[1])
    l1, l2, square, largest = (
        calibration_error(codes, proba, norm=norm, **keywords) for norm in NORMS
    )
    assert 0 <= l1 <= l2 + 1e-12 <= largest + 2e-12 <= 1 + 2e-12
    assert square == pytest.approx(l2**2, abs=1e-14)
    for norm, error in (("l1", l1), ("l2", l2), ("l2_squared", square)):
        debiased = calibration_error(codes, proba, norm=norm, debias=True, **keywords)
        assert -0.25 - 1e-12 <= debiased <= error + 1e-12
        assert norm == "l2_squared" or debiased >= 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_closed_forms_of_a_curve(strategy):
    n = 200_000
    p, u = np.random.default_rng(1).uniform(size=(2, n))
    y = u < p**2

    def error(norm, n_bins=100, debias=False):
        return calibration_error(
            y, p, norm=norm, n_bins=n_bins, strategy=strategy, debias=debias
        )

    # Standard errors: of the mean of y - p, and of its products with p - p**2.
    one = sqrt((1 / 3 - 1 / 5 + 0.02) / n)
    assert error("l1") == pytest.approx(1 / 6, abs=4 * one)
    assert error("l1", debias=True) == pytest.approx(1 / 6, abs=4 * one)
    square = 4 * 2 * sqrt(1 / 30 / 4 / n)
    assert error("l2_squared", debias=True) == pytest.approx(1 / 30, abs=square)
    assert error("l2", debias=True) == pytest.approx(
        sqrt(1 / 30), abs=square / sqrt(1 / 30) / 2
    )
    # What the noise adds: the mean variance in each of 100 bins.
    noise = 100 * (1 / 3 - 1 / 5) / n
    assert error("l2_squared") - error("l2_squared", debias=True) == pytest.approx(
        noise, rel=0.03
    )
    assert error("max", n_bins=15) == pytest.approx(1 / 4, abs=4 * 0.5 / sqrt(n / 15))


def test_closed_forms_of_classes():
    proba = np.tile([0.5, 0.3, 0.2], (10, 1))
    y = [0] * 3 + [1] * 5 + [2] * 2
    found = [calibration_error(y, proba, norm=norm, notion="class-wise") for norm in NORMS]
    assert_allclose(found, [0.4 / 3, sqrt(0.08 / 3), 0.08 / 3, 0.2])
    found = [calibration_error(y, proba, norm=norm, notion="confidence") for norm in NORMS]
    assert_allclose(found, [0.2, 0.2, 0.04, 0.2])


@pytest.mark.parametrize("norm", NORMS)
def test_errors_of_classes_cancel_unless_they_are_told_apart(norm):
    # Both are said with 0.75; cats are right always, dogs in half of all cases.
    proba = [[0.75, 0.25]] * 4 + [[0.25, 0.75]] * 4
    y = ["cat"] * 4 + ["cat", "dog"] * 2
    assert calibration_error(y, proba, norm=norm, notion="confidence") == 0
    expected = 0.25**2 if norm == "l2_squared" else 0.25
    assert calibration_error(y, proba, norm=norm, notion="top-label") == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "slope", [1, pytest.param(0.6, marks=pytest.mark.slow)]
)  # calibrated, and not
def test_the_debiased_square_is_unbiased(strategy, slope):
    rng = np.random.default_rng(2)
    p = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], [2, 5, 10, 20, 40])  # each value has its bin
    truth = 0.5 + slope * (p - 0.5)
    found, raw = np.transpose(
        [
            [
                calibration_error(
                    y, p, norm="l2_squared", n_bins=200, strategy=strategy, debias=debias
                )
                for debias in (True, False)
            ]
            for y in rng.uniform(size=(2000, len(p))) < truth
        ]
    )
    expected = np.mean((truth - p) ** 2)
    standard_error = found.std() / sqrt(len(found))
    assert found.mean() == pytest.approx(expected, abs=4 * standard_error)
    assert raw.mean() > expected + 20 * standard_error
    if slope == 1:
        assert (found < 0).mean() > 0.2  # not cut


@given(problem=problems(max_classes=2), n_bins=st.integers(1, 6), seed=SEEDS)
@settings(max_examples=settings.default.max_examples // 3)
def test_the_debiased_mean_agrees_with_normal_redraws(problem, n_bins, seed):
    codes, proba, weight = problem
    keywords = {"n_bins": n_bins, "sample_weight": weight}
    if len(np.unique(codes[weight > 0])) < 2:
        keywords["labels"] = [0, 1]
    curve = reliability_curve(codes, proba, **keywords)
    deviation = np.sqrt(curve.frequency * (1 - curve.frequency) / curve.count)
    rng = np.random.default_rng(seed)
    redrawn = rng.normal(curve.frequency, deviation, size=(100_000, len(deviation)))
    share = curve.count / curve.count.sum()
    errors = np.abs(redrawn - curve.mean_proba) @ share
    raw = calibration_error(codes, proba, **keywords)
    expected = max(0, 2 * raw - errors.mean())
    found = calibration_error(codes, proba, debias=True, **keywords)
    assert found == pytest.approx(expected, abs=5 * errors.std() / sqrt(1e5) + 1e-9)


@settings(max_examples=settings.default.max_examples // 2)
@given(seed=SEEDS, n=st.integers(1, 60), power=st.sampled_from([0.3, 1, 3, -1]))
def test_sweep_agrees_with_trying_each_number_of_bins(seed, n, power):
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=n)
    y = rng.uniform(size=n) < p**power if power > 0 else rng.uniform(size=n) > p
    keywords = {"labels": [False, True], "sample_weight": rng.integers(1, 4, n)}
    for strategy in STRATEGIES:
        keywords["strategy"] = strategy
        best = None
        for n_bins in range(1, 300):
            curve = reliability_curve(y, p, n_bins=n_bins, **keywords)
            if (np.diff(curve.frequency) < 0).any():
                break
            best = curve
        else:  # never falls: each distinct value is a bin in the end
            best = reliability_curve(y, p, n_bins=2**20, **keywords)
        assert_allclose(reliability_curve(y, p, n_bins="sweep", **keywords), best, atol=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sweep_of_separable_rows_has_a_bin_for_each(strategy):
    p = np.linspace(0.01, 0.99, 1001)
    curve = reliability_curve(p > 0.4, p, n_bins="sweep", strategy=strategy)
    assert_allclose(curve.mean_proba, p)
    error = calibration_error(p > 0.4, p, n_bins="sweep", strategy=strategy)
    assert error == pytest.approx(np.abs((p > 0.4) - p).mean())
    # Reversed ranking: two bins fall already.
    assert len(reliability_curve(p < 0.4, p, n_bins="sweep", strategy=strategy).count) == 1


SURE = np.geomspace(1e-12, 1e-9, 500)


@pytest.mark.parametrize(
    ("strategy", "p", "y"),
    [
        ("uniform", [0.5, 0.5 + 1e-9], [1, 0]),
        # A network that is very sure: one error in 1,000 rows, among the surest.
        (
            "uniform",
            np.r_[SURE, 1 - SURE[::-1]],
            np.arange(1000) // 500 + (np.arange(1000) == 9),
        ),
        # Separated but for two neighbours in the middle of 20,000 rows.
        ("quantile", np.arange(20_000) / 20_000, np.r_[[0] * 9_999, 1, 0, [1] * 9_999]),
    ],
    ids=["close", "sure", "separated"],
)
def test_sweep_ends_soon(strategy, p, y):
    """Count what is called, and stop there: what takes an hour is of no use.

    Each number of bins takes some 25 calls of functions, and there are 2,048 at most.
    """
    sweep = partial(calibration_error, n_bins="sweep", strategy=strategy)
    sweep([0, 1], [0.3, 0.6])  # what is loaded at the first call is not counted
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"
        if calls > 200_000:
            raise RuntimeError("the sweep does not end soon")

    sys.setprofile(count)
    try:
        error = sweep(np.asarray(y), np.asarray(p))
    finally:
        sys.setprofile(None)
    assert 0 <= error <= 1
    assert calls > 10


def test_cube_root():
    p = np.linspace(0, 1, 1001)
    y = p > 0.5
    for n, n_bins in ((1, 1), (2, 2), (8, 2), (9, 3), (27, 3), (28, 4), (1000, 10), (1001, 11)):
        curve = reliability_curve(
            y[:n], p[:n], n_bins="cube_root", labels=[0, 1], strategy="quantile"
        )
        assert len(curve.count) == n_bins
    # Weights are frequencies: 9 rows of weight 3 are 27.
    curve = reliability_curve(
        y[:9],
        p[:9],
        n_bins="cube_root",
        labels=[0, 1],
        strategy="quantile",
        sample_weight=[3] * 9,
    )
    assert len(curve.count) == 3


@pytest.mark.filterwarnings("ignore:sample_weight sums to")
def test_bins_of_one_row_cannot_be_debiased():
    y, p = [0, 1, 1], [0.2, 0.5, 0.9]
    assert calibration_error(y, p, norm="l1") == pytest.approx(0.8 / 3)
    assert calibration_error(y, p, norm="l1", debias=True) == pytest.approx(0.8 / 3)
    assert calibration_error(y, p, norm="l2_squared", debias=True) == 0
    assert calibration_error(y, p, norm="l2", debias=True) == 0
    # A pair in a bin counts: its frequency is 1 / 2, with a variance of 1 / 4.
    found = calibration_error([0, 1, 1], [0.2, 0.2, 0.9], norm="l2_squared", debias=True)
    assert found == pytest.approx(2 / 3 * (0.3**2 - 0.25))
    assert calibration_error([0, 1, 1], [0.2, 0.2, 0.9], norm="l2", debias=True) == 0
    # Half a row in each bin is not negative a row.
    half = {"norm": "l2_squared", "debias": True, "sample_weight": [0.5] * 3}
    assert calibration_error([0, 1, 1], [0.2, 0.2, 0.9], **half) == 0


@given(problem=problems(), times=st.integers(2, 5), strategy=st.sampled_from(STRATEGIES))
def test_only_debiasing_and_the_cube_root_see_how_many_rows_weights_are(
    problem, times, strategy
):
    codes, proba, weight = problem
    weight = weight + 1
    keywords = {"labels": range(proba.shape[1]), "strategy": strategy}
    for norm in NORMS:
        for n_bins in (7, "sweep"):
            keywords.update(norm=norm, n_bins=n_bins)
            once, scaled = (
                calibration_error(codes, proba, sample_weight=w, **keywords)
                for w in (weight, weight * times * 1e-3)
            )
            assert once == pytest.approx(scaled, abs=1e-7)
    for extra in ({"debias": True, "norm": "l2_squared"}, {"debias": True, "norm": "l1"}, {}):
        keywords.update({"norm": "l1", "n_bins": "cube_root", **extra})
        scaled = calibration_error(codes, proba, sample_weight=weight * times, **keywords)
        repeated = calibration_error(
            codes.repeat(times),
            proba.repeat(times, 0),
            sample_weight=weight.repeat(times),
            **keywords,
        )
        assert scaled == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"norm": "l3"}, "norm must be one of.*'l2_squared'.*got 'l3'"),
        ({"norm": 2}, "norm must be one of"),
        ({"debias": 1}, "debias must be True or False, got 1"),
        ({"debias": "yes"}, "debias must be True or False"),
        ({"norm": "max", "debias": True}, "debias=True is not known for norm='max'"),
        ({"notion": "top"}, "notion must be one of.*'top-label'.*got 'top'"),
        ({"n_bins": "sturges"}, "n_bins must be an integer or one of.*got 'sturges'"),
        ({"n_bins": None}, "n_bins must be"),
        (
            {"y_true": [0, 1, 2], "y_proba": np.eye(3), "notion": "positive"},
            "notion='positive' is for two classes, but there are 3",
        ),
    ],
)
def test_bad_parameters(bad, message):
    with pytest.raises(ValueError, match=message):
        calibration_error(**{"y_true": [0, 1], "y_proba": [0.6, 0.7], **bad})


def test_numpy_booleans_are_booleans():
    y, p = [0, 1, 1, 0], [0.2, 0.2, 0.9, 0.9]
    for debias in (True, False):
        expected = calibration_error(y, p, debias=debias)
        assert calibration_error(y, p, debias=np.bool_(debias)) == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("n_bins", [7, "cube_root", "sweep"])
def test_resamples_in_which_a_class_is_never_predicted(strategy, n_bins):
    y, proba = [0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]
    metric = partial(calibration_error, notion="top-label", strategy=strategy, n_bins=n_bins)
    found = bootstrap_interval(
        metric, y, proba, method="percentile", n_resamples=50, random_state=0
    )
    assert ((found.replicates >= 0) & (found.replicates <= 1)).all()
