"""The one door of the metrics: what was predicted, what happened, and how much it counts."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from skcalib.inputs import (
    ROUNDING,
    SUM_TOLERANCE,
    column_names,
    float_array,
    refuse_masked_array,
    to_numpy,
)
from skcalib.messages import warn
from skcalib.metrics._classes import (
    are_labels,
    classes_of_columns,
    label_vector,
    positive_class,
    refuse_swapped,
)

NO_LOGITS = "; are these logits? Pass predict_proba's answer, or their softmax"
NO_LABELS = "; these are labels, it seems. Pass predict_proba's answer, not that of predict"


@dataclass(frozen=True)
class Predictions:
    """What was predicted and what happened, fit for arithmetic.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        The column of each row's true class, integers.

    given : ndarray of shape (n_samples, n_classes) or (n_samples,)
        Probabilities in [0, 1], float32 or float64, columns in the order of `classes`; a
        vector is that of the positive one of two. A metric asks for `proba` or `positive`,
        whichever form was given.

    weight : ndarray of shape (n_samples,)
        Positive float64 numbers; read-only.

    classes : ndarray of shape (n_classes,)
        The sorted label of each column.

    pos : int
        The column of the positive one of two classes.
    """

    codes: np.ndarray
    given: np.ndarray
    weight: np.ndarray
    classes: np.ndarray
    pos: int

    @property
    def proba(self):
        """A column for each class, two at least."""
        if self.given.ndim == 2:
            return self.given
        columns = [1 - self.given, self.given]
        return np.stack(columns if self.pos == 1 else columns[::-1], axis=1)

    @property
    def positive(self):
        """The probability of the positive one of two classes."""
        return self.given if self.given.ndim == 1 else self.given[:, self.pos]

    @property
    def total(self):
        """The weight of all rows."""
        return self.weight.sum()

    def take(self, rows):
        """Return some of the rows."""
        parts = (self.codes[rows], self.given[rows], self.weight[rows])
        return Predictions(*parts, self.classes, self.pos)


def check_predictions(y_true, y_proba, labels=None, sample_weight=None, pos_label=None):
    """Return Predictions, or say what is wrong.

    All rows are checked, then those of weight zero are dropped. The columns given are those
    of `labels` in this order, or of the sorted labels in `y_true`, unless they are named by
    their labels.
    """
    for values, name in ((y_true, "y_true"), (sample_weight, "sample_weight")):
        refuse_masked_array(values, name)
    refuse_swapped(y_true, y_proba)
    names = column_names(y_proba)
    proba = _proba_array(y_proba)
    y_true = label_vector(y_true)
    check_consistent_length(y_true, proba)
    if sample_weight is None:
        weight = np.broadcast_to(1.0, len(proba))  # takes no memory and no time
    else:
        weight = _check_sample_weight(
            to_numpy(sample_weight, "sample_weight"),
            proba,
            dtype=np.float64,
            ensure_non_negative=True,
        )
        used = rows_that_count(weight)
        if not used.all():
            y_true, proba, weight = y_true[used], proba[used], weight[used]
    n_columns = 2 if proba.ndim == 1 else proba.shape[1]
    found = classes_of_columns(y_true, labels, names, n_columns)
    single = proba.ndim == 1
    name = getattr(y_proba, "name", None) if names is None else names[0]
    positive = positive_class(found, pos_label, single, name)
    if not single and not np.array_equal(found.order, np.arange(n_columns)):
        proba = proba[:, found.order]
    return Predictions(found.codes, proba, weight, found.classes, positive)


def warn_of_small_sum(weight):
    """Warn if weights look normalised, where the number of rows makes a difference."""
    if weight.sum() < min(2, len(weight)):
        warn(
            f"sample_weight sums to {weight.sum():.3g} in {len(weight)} rows. Weights are "
            "frequencies and their sum is the number of rows, on which this value depends; "
            "do not normalise them.",
            UserWarning,
        )


def _proba_array(y_proba):
    proba = float_array(y_proba, "y_proba")
    if proba.ndim == 3 and proba.shape[2] == 2:
        raise ValueError(
            f"y_proba has shape {proba.shape}, as of {len(proba)} labels for each sample; a "
            "metric is of one label: call it for each, with y_true[:, k] and y_proba[k]."
        )
    if proba.ndim not in (1, 2) or proba.size == 0:
        raise ValueError(
            "y_proba must be a non-empty array of shape (n_samples, n_classes), (n_samples, 1) "
            f"or (n_samples,), got shape {proba.shape}."
        )
    proba = _within_zero_and_one(proba)
    if proba.ndim == 1 or proba.shape[1] == 1:
        return proba.reshape(-1)
    if proba.shape[1] == 2:  # sums along rows of two are slow
        total = np.add(proba[:, 0], proba[:, 1], dtype=np.float64)
    else:
        total = proba.sum(axis=1, dtype=np.float64)
    if not (total.min() >= 1 - SUM_TOLERANCE and total.max() <= 1 + SUM_TOLERANCE):
        _refuse(
            np.abs(total - 1),
            SUM_TOLERANCE,
            lambda row: f"probabilities that sum to {total[row]:.6g}, not to one{NO_LOGITS}",
        )
    return proba


def _within_zero_and_one(proba):
    """Take rounding errors away; raise for what is no rounding error."""
    low, high = proba.min(), proba.max()
    if low >= 0 and high <= 1:
        return proba
    rows = proba.reshape(len(proba), -1)
    _refuse(~np.isfinite(rows).all(axis=1), 0, lambda row: "NaN or infinite values")
    excess = np.maximum(-rows, rows - 1).max(axis=1)
    hint = NO_LABELS if are_labels(proba) else NO_LOGITS
    _refuse(excess, ROUNDING, lambda row: f"{_worst_value(rows[row])}, outside [0, 1]{hint}")
    return np.clip(proba, 0, 1)


def _worst_value(row):
    return f"{row[np.maximum(-row, row - 1).argmax()]:.6g}"


def _refuse(badness, tolerance, what):
    """Raise if some row is worse than tolerated, naming the worst."""
    worst = int(badness.argmax())
    if badness[worst] > tolerance:
        raise ValueError(
            f"y_proba is unusable in {int((badness > tolerance).sum())} of {len(badness)} "
            f"rows. The worst, row {worst}, has {what(worst)}."
        )


def rows_that_count(weight):
    """Tell which rows count."""
    if weight.max() > 1e300 / len(weight):
        raise ValueError("sample_weight is so large that its sum overflows; divide it.")
    used = weight > 0
    if not used.any():
        raise ValueError("sample_weight is zero for every sample; at least one must count.")
    return used
