"""The arithmetic of calibration tests: statistics, draws, and p-values of several classes."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skcalib.estimators import short_repr
from skcalib.messages import warn
from skcalib.metrics._added_cox import add_up_cox
from skcalib.metrics._canonical_kernel import kernel_statistics
from skcalib.metrics._events import events_of, resolve_notion
from skcalib.metrics._null_outcomes import (
    N_CELLS,
    draw_classes,
    draw_normally,
    draw_separately,
    flip_groups,
    repeat_rows,
)
from skcalib.metrics._ordered_event import order_event
from skcalib.metrics._test_statistics import (
    QUADRATIC,
    STATISTICS,
    kernel_width,
    tail_of,
)

MANY_ROWS = 100_000  # sorting them would take most of the time
MOST_DRAWS = 1e8  # outcomes that "auto" simulates: a few seconds


class _Answer(NamedTuple):
    statistic: float
    p_value: float


class CalibrationTest(_Answer):
    """What :func:`calibration_test` returns: two floats, and what was found for each class."""

    classes: np.ndarray | None = None
    class_statistics: np.ndarray | None = None
    class_p_values: np.ndarray | None = None

    __repr__ = short_repr


def assess_rows(predictions, null, n_resamples, rng, groups):
    """Test whole rows by the kernel."""
    if len(predictions.classes) == 2:  # both columns' residuals and distances are the same
        found = assess_events(
            predictions, "positive", "kernel", 2, null, n_resamples, rng, groups
        )
        return CalibrationTest(2 * found.statistic, found.p_value)
    if null == "asymptotic":
        raise ValueError(
            "null='asymptotic' is not known for notion='canonical'; leave null out."
        )
    repeated = repeat_rows(predictions) if groups is None else predictions
    width = kernel_width(predictions.proba.astype(np.float64), predictions.weight)
    observed, drawn = kernel_statistics(repeated, width, groups, rng, n_resamples)
    p_values = adjusted_ranks("kernel", np.r_[observed, drawn][np.newaxis])
    given = np.take_along_axis(predictions.proba, predictions.codes[:, np.newaxis], axis=1)
    return CalibrationTest(float(observed), float(p_values[0]) if given.all() else 0.0)


def assess_events(predictions, notion, kind, n_bins, null, n_resamples, rng, groups):
    """Test one event, or several at once."""
    class_wise = resolve_notion(predictions, notion) == "class-wise"
    n_entries = np.ceil(predictions.weight).sum()
    n_entries *= len(predictions.classes) if class_wise else 1
    many = groups is None and n_entries * n_resamples > MOST_DRAWS
    asymptotic = null == "asymptotic" or (null == "auto" and many)
    if not asymptotic and groups is None:
        predictions = repeat_rows(predictions)
    given = events_of(predictions, notion)
    if kind == "cox" and asymptotic and len(given) == 1 and len(given[0].value) >= MANY_ROWS:
        return CalibrationTest(*add_up_cox(given[0]))
    events = [order_event(event) for event in given]
    observed = _statistics(kind, n_bins, events)(lambda k: events[k].residual[np.newaxis])
    if asymptotic and len(events) == 1:
        p_value = tail_of(kind, observed[0, 0], events[0], n_bins)
        if p_value is not None:
            found = np.array([p_value])
            return _answer(kind, events, observed[:, 0], found)
    varied = [event.merged(N_CELLS) for event in events] if asymptotic else events
    if asymptotic:
        source = draw_normally(varied, rng, n_resamples)
    elif groups is not None:
        source = flip_groups(events, groups, rng, n_resamples)
    elif class_wise:
        source = draw_classes(events, predictions.proba, rng, n_resamples)
    else:
        source = draw_separately(events, rng, n_resamples)
    statistics = _statistics(kind, n_bins, varied)
    drawn = np.concatenate([statistics(residuals) for residuals in source], axis=1)
    p_values = adjusted_ranks(kind, np.concatenate([observed, drawn], axis=1))
    classes = None
    if resolve_notion(predictions, notion) in ("class-wise", "top-label"):
        classes = predictions.classes[[event.target for event in given]]
    return _answer(kind, events, observed[:, 0], p_values, classes)


def _statistics(kind, n_bins, events):
    """Return a function of residuals that gives an array of shape (n_events, n_resamples)."""
    prepared = [STATISTICS[kind](event, n_bins) for event in events]
    return lambda residuals: np.stack([own(residuals(k)) for k, own in enumerate(prepared)])


def adjusted_ranks(kind, statistics):
    """Return the p-value of each event, adjusted for there being several.

    The first column are the observed statistics. Each event's are standardised with all
    columns alike, so that under the null any column may as well be the first; the p-value is
    the share of columns whose largest entry is as large as the event's own first one.
    """
    size = np.cbrt(statistics) if kind in QUADRATIC else np.abs(statistics)
    if len(size) > 1:  # cube roots of quadratic forms are nearly normal
        size = size - size.mean(axis=1, keepdims=True)
        spread = size.std(axis=1, keepdims=True)
        size = np.divide(size, spread, out=np.zeros_like(size), where=spread > 0)
    slack = 1e-6 * np.abs(size[:, :1])  # sums in another order, or in single precision
    largest = size.max(axis=0)
    return (largest >= size[:, :1] - slack).mean(axis=1)


def _answer(kind, events, statistics, p_values, classes=None):
    """Return the result; what was impossible and came true settles it."""
    fixed = [event.variance == 0 for event in events]
    refuted = [
        bool((event.residual[own] != 0).any()) for event, own in zip(events, fixed, strict=True)
    ]
    p_values = np.where(refuted, 0.0, p_values)
    whole = float(statistics[np.abs(statistics).argmax()])
    if kind == "spiegelhalter" and not any(refuted) and _is_undefined(events):
        warn(
            "Spiegelhalter's statistic is undefined: all probabilities are 0, 0.5 or 1, where "
            "the Brier score does not depend on the outcome. The p-value is NaN; use another "
            "kind.",
            UndefinedMetricWarning,
        )
        p_values = np.full(len(p_values), np.nan)
    found = CalibrationTest(whole, float(p_values.min()))
    if classes is not None:
        found.classes, found.class_statistics = classes, statistics
        found.class_p_values = p_values
    return found


def _is_undefined(events):
    """Tell whether outcomes can vary, but none of them changes Spiegelhalter's statistic."""
    varying = [event.variance > 0 for event in events]
    return any(own.any() for own in varying) and all(
        (event.value[own] == 0.5).all() for event, own in zip(events, varying, strict=True)
    )
