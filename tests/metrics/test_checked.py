"""Metrics of predictions that are checked already: what the metrics return, bit by bit."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skcalib import metrics
from skcalib.metrics import (
    check_predictions,
    compute_interval,
    compute_metric,
    events_of,
    resolve_notion,
)

COMPUTED = [name for name in metrics.__all__ if hasattr(getattr(metrics, name), "compute")]
SEEDED = {
    "calibration_error_interval": {"random_state": 0, "n_resamples": 20},
    "calibration_test": {"kind": "cox", "random_state": 0, "n_resamples": 20},
    "corp_curve": {"random_state": 0, "n_resamples": 20},
}


def problem(n_classes, n_samples=120):
    rng = np.random.default_rng(n_classes)
    proba = rng.dirichlet(np.full(n_classes, 0.7), n_samples)
    y = (rng.uniform(size=(n_samples, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return y, proba, rng.integers(0, 4, n_samples)


def test_what_displays_ask_is_computed():
    assert set(COMPUTED) >= {
        "augrc_loss",
        "calibration_error",
        "calibration_error_interval",
        "corp_curve",
        "histogram_curve",
        "reliability_curve",
        "risk_coverage_curve",
        "smooth_calibration_error",
        "smooth_curve",
        "threshold_curve",
    }


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", COMPUTED)
def test_the_same_as_when_it_is_called(name, n_classes):
    y, proba, weight = problem(n_classes)
    metric = partial(getattr(metrics, name), **SEEDED.get(name, {}))
    labels = np.arange(n_classes)[::-1]
    given = {"labels": labels, "sample_weight": weight}
    predictions = check_predictions(y, proba[:, ::-1], **given)
    found = compute_metric(metric.func, predictions, **metric.keywords)
    expected = metric(y, proba[:, ::-1], **given)
    assert type(found) is type(expected)
    assert_array_equal(found, expected)


def test_parameters_reach_the_metric():
    y, proba, _ = problem(3)
    predictions = check_predictions(y, proba)
    how = {"norm": "l2", "n_bins": 7, "notion": "class-wise"}
    found = compute_metric(metrics.calibration_error, predictions, **how)
    assert found == metrics.calibration_error(y, proba, **how)
    assert found != compute_metric(metrics.calibration_error, predictions)
    with pytest.raises(ValueError, match="norm must be"):
        compute_metric(metrics.calibration_error, predictions, norm="l3")
    with pytest.raises(TypeError, match="bins"):
        compute_metric(metrics.calibration_error, predictions, bins=3)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("notion", ["positive", "confidence", "top-label", "class-wise"])
def test_events_are_predictions_of_two_classes(notion, weighted):
    y, proba, weight = problem(2 if notion == "positive" else 4)
    weight = weight if weighted else None
    used = np.ones(len(y), bool) if weight is None else weight > 0
    predicted, surest = proba.argmax(axis=1), proba.max(axis=1)
    expected = {
        "positive": [(y == 1, proba[:, 1], used)],
        "confidence": [(y == predicted, surest, used)],
        "top-label": [
            (y == k, proba[:, k], used & (predicted == k)) for k in range(proba.shape[1])
        ],
        "class-wise": [(y == k, proba[:, k], used) for k in range(proba.shape[1])],
    }[notion]
    predictions = check_predictions(y, proba, np.arange(proba.shape[1]), weight)
    events = events_of(predictions, notion)
    for event, (hit, value, rows) in zip(events, expected, strict=True):
        found = compute_metric(metrics.reliability_curve, event.as_predictions())
        own = None if weight is None else weight[rows]
        given = {"labels": [False, True], "sample_weight": own}
        assert_array_equal(
            found, metrics.reliability_curve(hit[rows], value[rows], **given), strict=True
        )


def test_what_auto_stands_for():
    for n_classes, expected in ((2, "positive"), (3, "confidence")):
        predictions = check_predictions(*problem(n_classes)[:2])
        assert resolve_notion(predictions, "auto") == expected
        assert resolve_notion(predictions, "top-label") == "top-label"
    with pytest.raises(ValueError, match="notion must be one of"):
        resolve_notion(predictions, "topmost")


def test_rows_that_are_taken():
    y, proba, weight = problem(3)
    weight = weight + 1
    predictions = check_predictions(y, proba, sample_weight=weight, labels=[0, 1, 2])
    for rows in (np.arange(120) % 3 == 1, np.arange(40), slice(5, 50)):
        found = compute_metric(metrics.log_loss, predictions.take(rows))
        given = {"labels": [0, 1, 2], "sample_weight": weight[rows]}
        assert found == metrics.log_loss(y[rows], proba[rows], **given)


def share_of_hits(y_true, y_proba, sample_weight=None):
    return float(np.average(y_true == (y_proba > 0.5), weights=sample_weight))


@pytest.mark.parametrize(
    "metric",
    [
        metrics.log_loss,
        share_of_hits,
        partial(metrics.calibration_error, norm="l2_squared", debias=True),
        partial(metrics.brier_score_loss, labels=[False, True], pos_label=True),
    ],
)
def test_intervals_are_those_of_the_bootstrap(metric):
    y, proba, weight = problem(2)
    y, proba, how = y == 1, proba[:, 1], {"n_resamples": 30, "random_state": 3}
    how["confidence_level"] = 0.8
    predictions = check_predictions(y, proba, sample_weight=weight)
    found = compute_interval(metric, predictions, **how)
    expected = metrics.bootstrap_interval(
        metric, y, proba, sample_weight=weight, method="normal", **how
    )
    assert found == expected[:3]
