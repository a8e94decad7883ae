"""Fitting a calibrator, ours or any classifier, to columns of logits."""

from inspect import signature

import numpy as np


def accepts_weight(estimator):
    """Tell whether `fit` has a parameter `sample_weight`."""
    return "sample_weight" in signature(estimator.fit).parameters


def fit_calibrator(calibrator, logits, codes, weight, name, floor=None):
    """Fit to checked logits and the column of each row's label; return the calibrator.

    Its ``classes_`` are numbers of columns. `name` is the parameter that it came by, `floor`
    what smaller probabilities were raised to, if the logits are logarithms of such.
    """
    if hasattr(calibrator, "fit_columns"):
        return calibrator.fit_columns(logits, codes, weight, floor)
    if np.isneginf(logits).any():
        raise ValueError(
            "The logits mask classes in some rows (-inf, or the lowest number of their type), "
            f"which {name}={calibrator!r} does not support. Use a calibrator that does: "
            "'temperature', 'vector', 'svs', 'ets', 'auto', or a binary one ('sigmoid', ...)."
        )
    weighted = {"sample_weight": weight} if accepts_weight(calibrator) else {}
    calibrator.fit(logits, codes, **weighted)
    if not np.isin(calibrator.classes_, np.arange(logits.shape[1])).all():
        raise ValueError(
            f"{name}={calibrator!r} was fitted on numbered columns but answers for the classes "
            f"{list(calibrator.classes_)}; it must learn its classes in fit."
        )
    return calibrator


def columns_of_all(proba, columns, n_classes):
    """Return probabilities with a column for each class, zero for those not among `columns`."""
    if np.array_equal(columns, np.arange(n_classes)):
        return proba
    out = np.zeros((len(proba), n_classes), dtype=proba.dtype)
    out[:, columns] = proba
    return out
