"""The one door of the metrics: what was predicted, what happened, and how much it counts."""

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from skcalib._logits import ROUNDING, SUM_TOLERANCE, float_array

NO_LOGITS = "; are these logits? Pass predict_proba's answer, or their softmax"
LARGEST_TABLE = 2**16  # labels are counted in a table, not sorted, if it is at most this long


def check_predictions(y_true, y_proba, labels=None, sample_weight=None):
    """Return (codes, proba, weight, classes), fit for arithmetic, or say what is wrong.

    `proba` is a float32 or float64 matrix of at least two columns with values in [0, 1];
    ``codes[i]`` is the column of the label of row i; `weight` is a float64 vector of
    positive numbers (all rows are checked, then those of weight zero are dropped);
    ``classes[k]`` is the label of column k. The columns are the sorted `labels`, as in
    :func:`sklearn.metrics.log_loss`, or the sorted labels that occur in `y_true`.
    """
    proba = _proba_matrix(y_proba)
    y_true = _label_vector(y_true)
    check_consistent_length(y_true, proba)
    weight = _check_sample_weight(
        sample_weight, proba, dtype=np.float64, ensure_non_negative=True
    )
    if sample_weight is not None:
        used = _used(weight)
        if not used.all():
            y_true, proba, weight = y_true[used], proba[used], weight[used]
    classes, codes = _classes_and_codes(y_true, labels, proba.shape[1])
    return codes, proba, weight, classes


def _proba_matrix(y_proba):
    proba = float_array(y_proba, "y_proba")
    if proba.ndim not in (1, 2) or proba.size == 0:
        raise ValueError(
            "y_proba must be a non-empty array of shape (n_samples, n_classes), (n_samples, 1) "
            f"or (n_samples,), got shape {proba.shape}."
        )
    proba = _within_zero_and_one(proba)
    if proba.ndim == 1 or proba.shape[1] == 1:
        # Columns lie in one piece, which makes passes over one of them fast.
        both = np.empty((len(proba), 2), dtype=proba.dtype, order="F")
        both[:, 1] = proba.reshape(-1)
        np.subtract(1, both[:, 1], out=both[:, 0])
        return both
    total = proba.sum(axis=1, dtype=np.float64)
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
            "one-hot labels pass y_true.argmax(axis=1)."
        )
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError("y_true contains NaN or infinite values; leave those samples out.")
        if (y != np.floor(y)).any():
            raise ValueError(
                "y_true holds fractions, so it is no label of a class (is it y_proba? The "
                "order of arguments is y_true, y_proba)."
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
    return classes, np.array([column[label] for label in seen.tolist()], dtype=np.intp)[places]


def _unique(y):
    """Return the sorted labels that occur, and the place of each entry among them."""
    if y.dtype.kind in "biu" and y.size and np.can_cast(y.dtype, np.intp):
        low, span = int(y.min()), int(y.max()) - int(y.min())
        if span < LARGEST_TABLE:
            offset = y.astype(np.intp)
            offset -= low
            present = np.zeros(span + 1, dtype=bool)
            present[offset] = True
            labels = (np.flatnonzero(present) + low).astype(y.dtype)
            return labels, (np.cumsum(present) - 1)[offset]
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


def _short(labels):
    shown = ", ".join(repr(label) for label in np.asarray(labels)[:6].tolist())
    return shown + (", ..." if len(labels) > 6 else "")
