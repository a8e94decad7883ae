"""The one door of the metrics: what was predicted, what happened, and how much it counts."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from skcalib._logits import ROUNDING, SUM_TOLERANCE, float_array
from skcalib._warnings import warn

NO_LOGITS = "; are these logits? Pass predict_proba's answer, or their softmax"
LARGEST_TABLE = 2**16  # labels are counted in a table, not sorted, if it is at most this long


@dataclass(frozen=True)
class Predictions:
    """What was predicted and what happened, fit for arithmetic.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        The column of each row's true class, integers.

    given : ndarray of shape (n_samples, n_classes) or (n_samples,)
        Probabilities in [0, 1], float32 or float64; a vector is that of the second of two
        classes. A metric asks for `proba` or `positive`, whichever form was given.

    weight : ndarray of shape (n_samples,)
        Positive float64 numbers; read-only.

    classes : ndarray of shape (n_classes,)
        The sorted label of each column.
    """

    codes: np.ndarray
    given: np.ndarray
    weight: np.ndarray
    classes: np.ndarray

    @property
    def proba(self):
        """A column for each class, two at least."""
        if self.given.ndim == 2:
            return self.given
        return np.stack([1 - self.given, self.given], axis=1)

    @property
    def positive(self):
        """The probability of the second of two classes."""
        return self.given if self.given.ndim == 1 else self.given[:, 1]


def check_predictions(y_true, y_proba, labels=None, sample_weight=None):
    """Return Predictions, or say what is wrong.

    All rows are checked, then those of weight zero are dropped. The columns are the sorted
    `labels`, as in :func:`sklearn.metrics.log_loss`, or the sorted labels in `y_true`.
    """
    proba = _proba_array(y_proba)
    y_true = _label_vector(y_true)
    check_consistent_length(y_true, proba)
    if sample_weight is None:
        weight = np.broadcast_to(1.0, len(proba))  # takes no memory and no time
    else:
        weight = _check_sample_weight(
            sample_weight, proba, dtype=np.float64, ensure_non_negative=True
        )
        used = _used(weight)
        if not used.all():
            y_true, proba, weight = y_true[used], proba[used], weight[used]
    n_columns = 2 if proba.ndim == 1 else proba.shape[1]
    classes, codes = _classes_and_codes(y_true, labels, n_columns)
    return Predictions(codes, proba, weight, classes)


def warn_of_small_sum(weight):
    """Warn if weights look normalised, where the number of rows makes a difference."""
    if weight.sum() < min(2, len(weight)):
        warn(
            f"sample_weight sums to {weight.sum():.3g} in {len(weight)} rows. Weights are "
            "frequencies and their sum is the number of rows, on which this figure depends; "
            "do not normalise them.",
            UserWarning,
        )


def _proba_array(y_proba):
    proba = float_array(y_proba, "y_proba")
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
    _refuse(
        excess, ROUNDING, lambda row: f"{_worst_value(rows[row])}, outside [0, 1]{NO_LOGITS}"
    )
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


def _label_vector(y_true):
    y = np.asarray(y_true)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(
            f"y_true must hold one label for each sample, got shape {y.shape}. If these are "
            "one-hot labels pass y_true.argmax(axis=1); if they are probabilities, see "
            "skcalib.expand_soft_labels."
        )
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError("y_true contains NaN or infinite values; leave those samples out.")
        if (y != np.floor(y)).any():
            raise ValueError(
                "y_true holds fractions, so it is no label of a class (is it y_proba? The "
                "order of arguments is y_true, y_proba). Soft labels, which are probabilities, "
                "become weighted rows by skcalib.expand_soft_labels."
            )
    return y


def _used(weight):
    """Tell which rows count."""
    if weight.max() > 1e300 / len(weight):
        raise ValueError("sample_weight is so large that its sum overflows; divide it.")
    used = weight > 0
    if not used.any():
        raise ValueError("sample_weight is zero for every sample; at least one must count.")
    return used


def _classes_and_codes(y, labels, n_columns):
    """Return the label of each column, and the column of each row's label."""
    seen, places = _unique(y)
    columns = f"{n_columns} columns (a single column counts as two)"
    if labels is None:
        if len(seen) != n_columns:
            raise ValueError(
                f"y_true has {len(seen)} classes ({_short(seen)}) in rows of positive weight, "
                f"but y_proba has {columns}. Pass labels=, the label of every column "
                "(labels=model.classes_ if a classifier predicted them)."
            )
        return seen, places
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must be a list of labels, got shape {labels.shape}.")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError("labels contains NaN, which is no label of a class.")
    classes, _ = _unique(labels)
    if len(classes) != n_columns:
        raise ValueError(
            f"labels has {len(classes)} classes ({_short(classes)}), but y_proba has {columns}."
        )
    # Equal labels may differ in type: 1, 1.0 and True are one key of a dictionary.
    column = {label: k for k, label in enumerate(classes.tolist())}
    strange = [label for label in seen.tolist() if label not in column]
    if strange:
        raise ValueError(
            f"y_true has labels that are not in labels: {_short(strange)}; labels are "
            f"{_short(classes)}."
        )
    columns = np.array([column[label] for label in seen.tolist()], dtype=np.intp)
    in_place = np.array_equal(columns, np.arange(len(columns)))
    return classes, places if in_place else columns[places]


def _unique(y):
    """Return the sorted labels that occur, and the place of each entry among them."""
    if y.dtype.kind in "biu" and y.size and np.can_cast(y.dtype, np.intp):
        low, high = int(y.min()), int(y.max())
        if high - low < LARGEST_TABLE:
            return _unique_in_table(y, low, high)
    try:
        labels, places = np.unique(y, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            "Labels must sort together and none may be missing (None, NaN); leave samples "
            f"without a label out: {error}."
        ) from error
    if y.dtype == object and any(repr(label) in ("nan", "<NA>") for label in labels):
        raise ValueError("Labels contain NaN; leave samples without a label out.")
    return labels, places


def _unique_in_table(y, low, high):
    """Do the same for integers close to each other, in a few passes."""
    offset = y.astype(np.intp, copy=False)
    if low != 0:
        offset = offset - low
    present = np.ones(high - low + 1, dtype=bool)  # the lowest and the highest do occur
    present[1:-1] = False
    if len(present) > 2:
        present[offset] = True
    labels = (np.flatnonzero(present) + low).astype(y.dtype)
    return labels, offset if present.all() else (np.cumsum(present) - 1)[offset]


def _short(labels):
    shown = ", ".join(repr(label) for label in np.asarray(labels)[:6].tolist())
    return shown + (", ..." if len(labels) > 6 else "")
