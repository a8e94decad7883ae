"""Metrics of probabilities that are not in memory: each block of them is read once."""

from functools import partial
from inspect import signature

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from skcalib.inputs import (
    column_names,
    is_lazy,
    read_lazily,
    refuse_masked_array,
    row_blocks,
    whole_array,
)
from skcalib.metrics._accumulate import KNOWN, accumulate, keeps_few_numbers
from skcalib.metrics._classes import classes_of_columns, label_vector, positive_class
from skcalib.metrics._evaluation import BY_AXES
from skcalib.metrics._validation import rows_that_count


def measure_blocks(metric, *given, **params):
    """Return the value of a metric; its arguments are those of the metric itself.

    Labels are read first, all of them, if `labels` does not tell them.
    """
    bound = signature(metric).bind(*given, **params)
    bound.apply_defaults()
    params = {name: v for name, v in bound.arguments.items() if name not in BY_AXES}
    if not is_lazy(params["y_proba"]) and not keeps_few_numbers(metric, params):
        return metric.of_rows(**params)
    y_true, y_proba, labels, weight = (
        params.pop(name) for name in ("y_true", "y_proba", "labels", "sample_weight")
    )
    if labels is None:
        y_true = label_vector(_read_whole(y_true, "y_true"))
        weight = _read_whole(weight, "sample_weight")
        labels = _labels_of_columns(y_true, y_proba, weight, params["pos_label"])
    found = accumulate(metric, labels=labels, **params)
    blocks = read_lazily(y_proba, y_true, weight, ("y_proba", "y_true"))
    for rows, y, w in [(y_proba, y_true, weight)] if blocks is None else blocks:
        found.update(y, rows, w)
    return found.value()


def _read_whole(values, name):
    """Return labels or weights, one of each row, in memory."""
    refuse_masked_array(values, name)
    return None if values is None else whole_array(values, name)


def _labels_of_columns(y_true, y_proba, weight, pos_label):
    """Return the label of each column as it is given, or say why nobody knows."""
    single = y_proba.ndim == 1 or y_proba.shape[1] == 1
    n_columns = 2 if single else y_proba.shape[1]
    used = np.broadcast_to(True, len(y_true))
    if weight is not None:
        options = {"dtype": np.float64, "ensure_non_negative": True}
        used = rows_that_count(_check_sample_weight(weight, y_true, **options))
    parts = [y_true[rows][used[rows]] for rows in row_blocks(len(y_true), 1)]
    seen = np.concatenate([np.unique(part) for part in parts] or [y_true])
    names = column_names(y_proba)
    found = classes_of_columns(seen, None, names, n_columns)
    positive_class(found, pos_label, single, None)  # raises if that is not known
    return found.classes[np.argsort(found.order)]


for _metric in KNOWN:
    _metric.of_blocks = partial(measure_blocks, _metric)
