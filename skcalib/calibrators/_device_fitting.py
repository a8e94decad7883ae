"""Fitting and predicting where rows are: on their device, or along one of several axes."""

import numpy as np

from skcalib.calibrators._masks import refuse_masks
from skcalib.inputs import (
    DeviceWeight,
    check_rows_of_logits,
    device_namespace,
    entry_of_each,
    learn_labels,
    read_rows,
    to_numpy,
)
from skcalib.messages import warn

LOOKS_LIKE_PROBA = (
    "X looks like probabilities: every row is non-negative and sums to one, or is a single "
    "number of at most one. A calibrator works on logits; convert with "
    "skcalib.logits_from_proba."
)


def runs_there(calibrator, X):
    """Tell whether a calibrator computes where rows are; if not, they must have two axes."""
    two_axes = (len(X.shape) if hasattr(X, "shape") else np.ndim(X)) == 2
    if two_axes and device_namespace(X) is None:
        return False  # of NumPy, for which there are ways that are made for it
    there = calibrator._computes_there()
    if not there and not two_axes:
        raise ValueError(
            f"{type(calibrator).__name__} takes rows of two axes, (n_samples, n_classes), got "
            f"shape {np.shape(X)}. TemperatureScaling, VectorScaling, MatrixScaling, "
            "StructuredVectorScaling, StructuredMatrixScaling, EnsembleTemperatureScaling and "
            "PlattScaling take more, with axis=; for others flatten: "
            "np.moveaxis(X, axis, -1).reshape(-1, n_classes)."
        )
    return there


def copy_to_host(X, y, weight, axis, ignore_index):
    """Return what a fit takes on the host, without the rows that are ignored."""
    X, y = (to_numpy(values) for values in (X, y))
    X = np.asarray(X).T if axis in (0, -2) else X
    weight = None if weight is None else np.asarray(to_numpy(weight, "sample_weight"))
    if ignore_index is None:
        return X, y, weight
    X, y = np.asarray(X), np.asarray(y)
    if len(y) != len(X):
        return X, y, weight  # whoever fits says what is wrong
    used = y != ignore_index
    return X[used], y[used], weight if weight is None else weight[used]


def read_logits(calibrator, X, axis):
    """Return checked rows of logits, and whether they look like probabilities."""
    rows = read_rows(X, axis, "X")
    rows, like_proba = check_rows_of_logits(rows, "X")
    if rows.masked and not calibrator.takes_masks_on_device:
        if calibrator.takes_masks:
            raise ValueError(
                f"X masks classes in some rows (-inf, or the lowest number of its type), which "
                f"{type(calibrator).__name__} leaves out on the host only: give a NumPy array "
                "of two axes, or use TemperatureScaling."
            )
        refuse_masks(type(calibrator).__name__)
    return rows, like_proba


def learn_there(calibrator, X, y, weight, axis, ignore_index):
    """Fit a calibrator on rows that stay where they are."""
    rows, like_proba = read_logits(calibrator, X, axis)
    rows, calibrator.classes_ = learn_labels(rows, y, weight, ignore_index)
    calibrator.n_features_in_ = _count_columns(X, rows)
    if like_proba:
        warn(LOOKS_LIKE_PROBA, UserWarning)
    if rows.masked:
        _refuse_masked_truth(rows)
    with np.errstate(over="ignore", divide="ignore"):  # as in torch: infinities are meant
        calibrator._fit(rows, rows, DeviceWeight(rows))
    return calibrator


def _refuse_masked_truth(rows):
    xp, wrong = rows.xp, 0
    for part, codes, w in rows.blocks():
        truth = entry_of_each(xp, part, codes)
        wrong += int(xp.sum(xp.astype((truth == -xp.inf) & (w > 0), xp.int64)))
    if wrong:
        raise ValueError(
            f"In {wrong} of {len(rows)} rows, y is a class that X masks (-inf or the lowest "
            "number): one that this row cannot be."
        )


def predict_there(calibrator, X, axis):
    """Return probabilities of the shape, the namespace, the device and the type of X."""
    rows, _ = read_logits(calibrator, X, axis)
    n_features = _count_columns(X, rows)
    if n_features != calibrator.n_features_in_:
        raise ValueError(
            f"X has {n_features} features, but {type(calibrator).__name__} is expecting "
            f"{calibrator.n_features_in_} features as input."
        )
    with np.errstate(over="ignore", divide="ignore"):
        return rows.map_rows(calibrator._block_proba)


def _count_columns(X, rows):
    """Count the columns that were given: a single one has become two."""
    return 1 if np.ndim(X) == 2 and X.shape[-1] == 1 else rows.shape[1]


def move_to_device_of(X, values):
    """Return values of the host in the namespace and on the device of X."""
    xp = device_namespace(X)
    return values if xp is None else xp.asarray(values, device=X.device)
