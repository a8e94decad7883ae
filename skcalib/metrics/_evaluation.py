"""How a metric is evaluated: once, or for many weightings of the same rows."""

from functools import partial, wraps
from inspect import signature

import numpy as np

from skcalib.inputs import cut_long_array, is_lazy, to_numpy
from skcalib.messages import quote
from skcalib.metrics._device import read_where_they_are
from skcalib.metrics._validation import check_predictions

BY_AXES = {"axis", "ignore_index"}  # what is asked of probabilities of several axes
# Not parameters of a metric's own.
GIVEN = {"y_true", "y_proba", "pos_label", "labels", "sample_weight", *BY_AXES}


def prepared_by(prepare, **fixed):
    """Mark a metric as one that is prepared once and evaluated for many weights.

    ``prepare(predictions, **params)`` validates the metric's own parameters and returns a
    function of the weights of the rows, zero or positive, which returns the value.
    """

    def mark(metric):
        metric.prepare_for_weights = partial(prepare, **fixed)
        metric.compute = partial(_compute_prepared, metric.prepare_for_weights)
        return metric

    return mark


def computed_by(compute):
    """Mark a metric as one that is computed from predictions that are checked already.

    ``compute(predictions, **params)`` validates the metric's own parameters and returns what
    the metric returns.
    """

    def mark(metric):
        metric.compute = compute
        return metric

    return mark


def adds_up(metric):
    """Mark a metric as one that reads probabilities which are not in memory in blocks.

    Its ``of_blocks``, which takes the same, does that; it is set where all such metrics are
    known. ``of_rows`` is the metric itself, which reads them as a whole.
    """

    @wraps(metric)
    def read(*given, **params):
        y_proba = given[1] if len(given) > 1 else params.get("y_proba")
        by_axes = any(params.get(name) is not None for name in BY_AXES)
        if by_axes or not _may_be_long(y_proba):
            return metric(*given, **params)
        return read.of_blocks(*given, **params)

    read.of_rows = metric
    return read


def _may_be_long(values):
    """Tell arrays that are not in memory, and those long ones that are mapped there."""
    return is_lazy(values) or (
        isinstance(values, np.memmap) and cut_long_array(values) is not None
    )


def own_parameters(metric, predictions, params):
    """Return the values of all parameters of a metric but those that it checks at the door."""
    bound = signature(metric).bind(predictions.codes, predictions.given, **params)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name not in GIVEN}


def evaluate(prepare, given, there=None, axis=None, ignore_index=None, **params):
    """Return the value, a float.

    Where predictions stay on their device or have several axes, ``there(predictions,
    **params)`` computes it.
    """
    if there is not None:
        predictions, given = read_where_they_are(given, axis, ignore_index)
        if predictions is not None:
            return there(predictions, **params)
    return _compute_prepared(prepare, check_predictions(*given), **params)


def _compute_prepared(prepare, predictions, **params):
    return float(prepare(predictions, **params)(predictions.weight))


def without_labels(metric, labels, pos_label):
    """Return the metric without the labels that a partial fixes; the labels; the positive one.

    A fixed ``labels`` is the order of the columns, save for metrics of scikit-learn.
    """
    function, params = _unwrapped(metric)
    given, found = {"labels": labels, "pos_label": pos_label}, {}
    for name, value in given.items():
        fixed = params.pop(name, None)
        if fixed is None:
            found[name] = value
            continue
        if value is not None and not np.array_equal(fixed, value):
            raise ValueError(
                f"metric fixes {name}={quote(fixed)}, but {name}={quote(value)} is given "
                "beside it; give it once."
            )
        found[name] = np.unique(fixed) if name == "labels" and _is_foreign(function) else fixed
    return partial(function, **params) if params else function, *found.values()


def make_function_of_weights(metric, y_true, predictions):
    """Return a function of weights, one for each row, that gives the value.

    `metric` may be a :func:`functools.partial`, as :func:`without_labels` returns it. If it is
    not marked as one that is prepared once, it is called each time.
    """
    function, params = _unwrapped(metric)
    if "sample_weight" in params:
        raise ValueError(
            "metric fixes sample_weight, but rows are drawn; pass sample_weight= beside the "
            "metric instead."
        )
    prepare = getattr(function, "prepare_for_weights", None)
    if prepare is None or params.keys() & GIVEN:
        return _called(metric, _is_foreign(function), y_true, predictions)
    return prepare(predictions, **own_parameters(function, predictions, params))


def _unwrapped(metric):
    """Return the function inside of partials, and the keywords that they fix."""
    if not callable(metric):
        raise ValueError(f"metric must be a function, got {quote(metric)}.")
    function, params = metric, {}
    while isinstance(function, partial) and not function.args:
        params = {**function.keywords, **params}
        function = function.func
    return function, params


def _is_foreign(function):
    """Tell whether this is of scikit-learn, where columns are in sorted order of the labels."""
    return str(getattr(function, "__module__", "")).startswith("sklearn.")


def _called(metric, foreign, y_true, predictions):
    """Return a function of weights that calls the metric with the rows of positive weight."""
    y_true = np.asarray(to_numpy(y_true, "y_true"))
    known = _parameters(metric)
    y_proba, params = _as_asked(known, foreign, predictions)

    def weighted(weight):
        used = weight > 0
        return metric(y_true[used], y_proba[used], sample_weight=weight[used], **params)

    def repeated(weight):
        times = np.rint(weight)
        if not np.allclose(times, weight, rtol=0, atol=1e-9):
            raise ValueError(
                f"sample_weight holds fractions, but metric={quote(metric)} has no parameter "
                "sample_weight, and rows can be repeated a whole number of times only."
            )
        rows = np.repeat(np.arange(len(times)), times.astype(np.intp))
        return metric(y_true[rows], y_proba[rows], **params)

    return weighted if "sample_weight" in known else repeated


def _as_asked(known, foreign, predictions):
    """Return the probabilities for a metric that is called, and its labels.

    Columns are in sorted order. A single column is that of the positive class; who cannot be
    told which that is, is told by the order of labels, or gets the other (scikit-learn).
    """
    proba, classes, pos = predictions.given, predictions.classes, predictions.pos
    params = {"labels": classes} if "labels" in known else {}
    single = proba.ndim == 1
    if "pos_label" in known and len(classes) == 2 and (single or not foreign):
        params["pos_label"] = classes.tolist()[pos]
    elif single and pos == 0 and foreign:
        proba = 1 - proba
    elif single and pos == 0 and params:
        params["labels"] = classes[::-1]
    return proba, params


def _parameters(metric):
    try:
        return signature(metric).parameters
    except (TypeError, ValueError):
        return {}
