"""Metrics by group: values, simultaneous intervals, the worst group."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom
from sklearn import metrics as sklearn_metrics

from skcalib import metrics
from skcalib.metrics import by_group


def problem(n=300, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.uniform(size=n)
    group = rng.choice(["a", "b", "cc"], n, p=[0.6, 0.35, 0.05])
    return (rng.uniform(size=n) < proba).astype(int), proba, group


@pytest.mark.parametrize(
    "metric",
    [
        metrics.brier_score_loss,
        partial(metrics.calibration_error, norm="l2_squared", debias=True),
        metrics.kernel_calibration_error,
        metrics.truthful_calibration_error,
        metrics.cumulative_calibration_error,
        metrics.smooth_calibration_error,
        metrics.aurc_loss,
        sklearn_metrics.brier_score_loss,
    ],
)
def test_estimates_are_those_of_the_rows_of_a_group(metric):
    y, p, group = problem(120)
    weight = np.arange(120) % 3
    found = by_group(metric, y, p, group, sample_weight=weight, n_resamples=10, random_state=0)
    assert_array_equal(found.group, ["a", "b", "cc"])
    for k, name in enumerate(found.group):
        rows = (group == name) & (weight > 0)
        own = metric(y[rows], p[rows], sample_weight=weight[rows])
        assert found.estimate[k] == pytest.approx(own)
        assert found.count[k] == weight[rows].sum()
    assert (found.low <= found.estimate).all()
    assert (found.estimate <= found.high).all()


@pytest.mark.parametrize(
    "name", [n for n in metrics.__all__ if n.endswith(("_error", "_loss", "_score"))]
)
def test_every_metric_of_ours(name):
    from skcalib.calibrators import TemperatureScaling

    metric = getattr(metrics, name)
    if name in ("calibration_loss", "refinement_loss"):
        metric = partial(metric, calibrator=TemperatureScaling(), cv=2)
    if name == "multicalibration_error":

        def metric(y, p, labels=None, own=metric):
            return own(y, p, random_state=0, n_resamples=20, labels=labels).error

        metric.__name__ = name
    y, p, group = problem(80)
    group[group == "cc"] = "a"
    found = by_group(metric, y, p, group, n_resamples=3, random_state=0)
    assert found.estimate.shape == (2,)
    assert found.worst in {"a", "b"}


def test_several_values_at_once():
    y, p, group = problem()
    found = by_group(
        metrics.murphy_decomposition, y, p, group, greater_is_better=False, n_resamples=5
    )
    assert found.estimate.shape == found.low.shape == (3, 5)
    assert_allclose(
        found.estimate[0], metrics.murphy_decomposition(y[group == "a"], p[group == "a"])
    )


def test_all_intervals_hold_together():
    """Twelve groups, some of them of five rows: the Brier score of the truth is 1 / 6."""
    outside = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(12), [5, 5, 5, 10, 10, 20, 20, 40, 40, 80, 80, 160])
        p = rng.uniform(size=len(group))
        y = rng.uniform(size=len(group)) < p
        found = by_group(metrics.brier_score_loss, y, p, group, n_resamples=40, random_state=0)
        outside += ((found.low > 1 / 6) | (found.high < 1 / 6)).any()
    assert outside <= binom.ppf(1 - 1e-3, 30, 0.1)


def test_small_groups_answer_with_what_they_know():
    y, p, group = problem()
    group = group.astype(object)
    group[:1] = "one"
    group[1:6] = "five"
    y[1:6], p[1:6] = 0, 0.05  # alike by chance
    found = by_group(metrics.brier_score_loss, y, p, group, random_state=0)
    width = dict(zip(found.group, found.high - found.low, strict=True))
    assert width["one"] > width["five"] > width["b"] > width["a"] > 0
    assert np.isfinite(found.low).all()
    alone = by_group(metrics.brier_score_loss, [1], [0.4], ["x"], labels=[0, 1])
    assert (alone.low[0], alone.high[0]) == (0, np.inf)
    assert (
        by_group(metrics.expected_calibration_error, [1], [0.4], ["x"], labels=[0, 1]).high == 1
    )


def test_worst_is_who_is_surely_worst():
    y, p, group = problem(1000)
    group = group.astype(object)
    p[group == "b"] = 1 - p[group == "b"]
    group[:3], y[:3], p[:3] = "tiny", 1, 0.15  # the largest loss, of three rows
    found = by_group(metrics.brier_score_loss, y, p, group, random_state=0)
    assert found.group[found.estimate.argmax()] == "tiny"
    assert found.worst == "b"
    rows = group != "tiny"
    y, p, group = y[rows], p[rows], group[rows]
    score = by_group(metrics.error_detection_auc_score, y, p, group, random_state=0)
    assert score.worst == score.group[np.nanargmin(score.high)]


def test_forms_of_groups_labels_and_bad_input():
    y, p, group = problem(100)
    names = np.where(y == 1, "yes", "no")
    how = {"n_resamples": 5, "random_state": 0}
    expected = by_group(metrics.log_loss, y, p, group, **how)
    for form in (group.tolist(), pd.Series(group), pd.Series(group, dtype="category")):
        found = by_group(metrics.log_loss, names, p, form, pos_label="yes", **how)
        assert_array_equal(found.estimate, expected.estimate)
    for groups, message in (
        (group[:5], "inconsistent numbers of samples"),
        (np.zeros((100, 2)), "groups must be one-dimensional"),
        (np.full(100, np.nan), "groups contains NaN"),
        (np.ma.masked_array(np.zeros(100), np.ones(100)), "groups is a masked array"),
    ):
        with pytest.raises(ValueError, match=message):
            by_group(metrics.log_loss, y, p, groups, **how)
    with pytest.raises(ValueError, match="does not tell whether greater is better"):
        by_group(metrics.murphy_decomposition, y, p, group, **how)
    with pytest.raises(ValueError, match="metric must be a function"):
        by_group("log_loss", y, p, group, **how)
    with pytest.raises(ValueError, match="confidence_level"):
        by_group(metrics.log_loss, y, p, group, confidence_level=2, **how)
