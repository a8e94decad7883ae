"""How a metric is evaluated: once, or for many weightings of the same rows."""

from functools import partial
from inspect import signature

import numpy as np

from skcalib.backends import in_numpy
from skcalib.metrics._validation import check_predictions

GIVEN = {"y_true", "y_proba", "labels", "sample_weight"}  # not parameters of a metric's own


def prepared_by(prepare, **fixed):
    """Mark a metric as one that is prepared once and asked for many weights.

    ``prepare(predictions, **params)`` validates the metric's own parameters and returns a
    function of the weights of the rows, zero or positive, which returns the figure.
    """

    def mark(metric):
        metric.prepare = partial(prepare, **fixed)
        return metric

    return mark


def evaluate(prepare, given, **params):
    """Return the figure, a float."""
    predictions = check_predictions(*given)
    return float(prepare(predictions, **params)(predictions.weight))


def figure_of_weights(metric, y_true, y_proba, predictions):
    """Return a function of weights, one for each row, that gives the figure.

    `metric` may be a :func:`functools.partial`. If it is not marked as one that is
    prepared once, it is called each time.
    """
    if not callable(metric):
        raise ValueError(f"metric must be a function, got {metric!r}.")
    function, params = metric, {}
    while isinstance(function, partial) and not function.args:
        params = {**function.keywords, **params}
        function = function.func
    if "sample_weight" in params:
        raise ValueError(
            "metric fixes sample_weight, but rows are drawn; pass sample_weight= beside the "
            "metric instead."
        )
    prepare = getattr(function, "prepare", None)
    if prepare is None or params.keys() & GIVEN:
        return _called(metric, y_true, y_proba, predictions.classes)
    bound = signature(function).bind(y_true, y_proba, **params)
    bound.apply_defaults()
    return prepare(predictions, **{k: v for k, v in bound.arguments.items() if k not in GIVEN})


def _called(metric, y_true, y_proba, classes):
    """Return a function of weights that calls the metric with the rows of positive weight."""
    y_true = np.asarray(in_numpy(y_true, "y_true"))
    y_proba = np.asarray(in_numpy(y_proba, "y_proba"))
    known = _parameters(metric)
    fixed = getattr(metric, "keywords", {})
    params = {"labels": classes} if "labels" in known and "labels" not in fixed else {}

    def weighted(weight):
        used = weight > 0
        return metric(y_true[used], y_proba[used], sample_weight=weight[used], **params)

    def repeated(weight):
        times = np.rint(weight)
        if not np.allclose(times, weight, rtol=0, atol=1e-9):
            raise ValueError(
                f"sample_weight holds fractions, but metric={metric!r} has no parameter "
                "sample_weight, and rows can be repeated a whole number of times only."
            )
        rows = np.repeat(np.arange(len(times)), times.astype(np.intp))
        return metric(y_true[rows], y_proba[rows], **params)

    return weighted if "sample_weight" in known else repeated


def _parameters(metric):
    try:
        return signature(metric).parameters
    except (TypeError, ValueError):
        return {}
