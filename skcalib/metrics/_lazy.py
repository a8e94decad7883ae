"""Metrics of probabilities that are not in memory: each block of them is read once."""

from functools import partial
from inspect import signature

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib.inputs import column_names, is_lazy, read_lazily, row_blocks, whole_array
from skcalib.metrics._accumulate import KNOWN, accumulate, keeps_few_numbers
from skcalib.metrics._classes import classes_of_columns, label_vector, positive_class
from skcalib.metrics._evaluation import BY_AXES


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
        y_true = label_vector(whole_array(y_true, "y_true"))
        weight = None if weight is None else whole_array(weight, "sample_weight")
        labels = _labels_of_columns(y_true, y_proba, weight, params["pos_label"])
    found = accumulate(metric, labels=labels, **params)
    blocks = read_lazily(y_proba, y_true, weight, ("y_proba", "y_true"))
    for rows, y, w in [(y_proba, y_true, weight)] if blocks is None else blocks:
        found.update(y, rows, w)
    return found.value()


def _labels_of_columns(y_true, y_proba, weight, pos_label):
    """Return the label of each column as it is given, or say why nobody knows."""
    check_consistent_length(y_true, weight)
    single = y_proba.ndim == 1 or y_proba.shape[1] == 1
    n_columns = 2 if single else y_proba.shape[1]
    seen = [np.unique(y_true[:0])]
    for rows in row_blocks(len(y_true), 1):
        used = slice(None) if weight is None else weight[rows] > 0
        seen.append(np.unique(y_true[rows][used]))
    names = column_names(y_proba)
    found = classes_of_columns(np.concatenate(seen), None, names, n_columns)
    positive_class(found, pos_label, single, None)  # raises if that is not known
    return found.classes[np.argsort(found.order)]


for _metric in KNOWN:
    _metric.of_blocks = partial(measure_blocks, _metric)
