"""Labels of metrics: which column is which class, and which class is the positive one."""

from typing import NamedTuple

import numpy as np

from skcalib.inputs import columns_by_name, to_numpy
from skcalib.messages import quote, quote_labels

LARGEST_TABLE = 2**16  # labels are counted in a table, not sorted, if it is at most this long


class Classes(NamedTuple):
    """The classes, and where they are."""

    classes: np.ndarray  # (n_classes,), sorted
    codes: np.ndarray  # (n_samples,), the place of each row's label among them
    order: np.ndarray  # (n_classes,), the given column of each
    second: int | None  # the class of the second of two columns, if somebody has said so


def label_vector(y_true):
    """Return one label for each row, or say what is wrong."""
    y = np.asarray(to_numpy(y_true, "y_true"))
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(
            f"y_true must hold one label for each sample, got shape {y.shape}. If these are "
            "one-hot labels pass y_true.argmax(axis=1); if they are probabilities, see "
            "skcalib.expand_soft_labels; if a sample may have several labels, call the metric "
            "for each: y_true[:, k] and y_proba[k]."
        )
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise ValueError("y_true contains NaN or infinite values; leave those samples out.")
        if (y != np.floor(y)).any():
            raise ValueError(
                "y_true holds fractions, which are not class labels (is it y_proba? The "
                "order of arguments is y_true, y_proba). Soft labels, which are probabilities, "
                "become weighted rows by skcalib.expand_soft_labels."
            )
    return y


def refuse_swapped(y_true, y_proba):
    """Raise if labels were given for probabilities, and probabilities for labels."""
    try:
        swapped = _has_fractions(np.asarray(y_true)) and are_labels(np.asarray(y_proba))
    except (TypeError, ValueError, RuntimeError):  # no arrays: said by whoever reads them
        return
    if swapped:
        raise ValueError(
            "y_true and y_proba are swapped: y_true holds fractions, as probabilities do, and "
            "y_proba holds labels. The order of arguments is y_true, y_proba."
        )


def _has_fractions(values):
    if values.dtype.kind != "f":
        return False
    return bool((np.isfinite(values) & (values != np.floor(values))).any())


def are_labels(values):
    """Tell whether these may be labels: a vector, or one column, without fractions."""
    vector = values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)
    return vector and values.dtype.kind in "biufUSO" and not _has_fractions(values)


def classes_of_columns(y, labels, names, n_columns):
    """Return the classes of the columns, and the class of each row's label.

    `names` are those of the columns, or None.
    """
    seen, places = _unique(y)
    if labels is None:
        if n_columns == 2 and names is not None and len(names) == 1:
            names = None  # a single column's name does not tell both
        classes = _classes_from_names(names, seen, n_columns)
        if classes is None:
            columns = f"{n_columns} columns (a single column counts as two)"
            raise ValueError(
                f"y_true has {len(seen)} classes ({quote_labels(seen)}) in rows of positive "
                f"weight, but y_proba has {columns}. Pass labels=, the label of every column, "
                "in order (labels=model.classes_ if a classifier predicted them)."
            )
        order, second = columns_by_name(names, classes, "y_proba"), None
        order = np.arange(n_columns) if order is None else np.array(order)
    else:
        classes, order = _classes_from_labels(labels, names, n_columns)
        second = int(np.argsort(order)[1])
    codes = places if classes is seen else _codes(seen, places, classes)
    return Classes(classes, codes, order, second)


def _classes_from_names(names, seen, n_columns):
    """Return the classes of columns that nobody has told the labels of, or None."""
    if len(seen) == n_columns:
        return seen
    if names is None or len(names) != n_columns or seen.dtype.kind not in "UO":
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    # A class may be without rows, if all columns are named by labels.
    classes = np.unique(np.array(names, dtype=seen.dtype if seen.dtype == object else None))
    same_kind = classes.dtype.kind == seen.dtype.kind and len(classes) == n_columns
    return classes if same_kind and set(seen.tolist()) <= set(classes.tolist()) else None


def _classes_from_labels(labels, names, n_columns):
    """Return sorted labels, and the given column of each."""
    labels = np.asarray(to_numpy(labels, "labels"))
    if labels.ndim != 1:
        raise ValueError(f"labels must be a list of labels, got shape {labels.shape}.")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError("labels contains NaN, which is not a class label.")
    classes, places = _unique(labels)
    if len(classes) != n_columns:
        raise ValueError(
            f"labels has {len(classes)} classes ({quote_labels(classes)}), but y_proba has "
            f"{n_columns} columns (a single column counts as two)."
        )
    if len(labels) != len(classes):
        raise ValueError(
            f"labels must hold the label of each column once, got {quote_labels(labels)}."
        )
    if names is None or len(names) != n_columns:
        return classes, np.argsort(places)
    named = columns_by_name(names, labels, "y_proba")
    if named is not None and named != list(range(n_columns)):
        raise ValueError(
            f"y_proba has columns named {quote_labels(names)}, but labels, the order of the "
            f"columns, is {quote_labels(labels)}. Leave labels out: the names decide. Or give "
            "an array (y_proba.to_numpy())."
        )
    return classes, np.argsort(places)


def _codes(seen, places, classes):
    """Return the place of each row's label among the classes."""
    # Equal labels may differ in type: 1, 1.0 and True are one key of a dictionary.
    column = {label: k for k, label in enumerate(classes.tolist())}
    strange = [label for label in seen.tolist() if label not in column]
    if strange:
        raise ValueError(
            f"y_true has labels that are not in labels: {quote_labels(strange)}; labels are "
            f"{quote_labels(classes)}."
        )
    columns = np.array([column[label] for label in seen.tolist()], dtype=np.intp)
    in_place = np.array_equal(columns, np.arange(len(columns)))
    return places if in_place else columns[places]


def positive_class(found, pos_label, single, name):
    """Return the place of the positive one of two classes.

    It is `pos_label`, else that of the second column. What a single column is of must be
    said where labels are text. `name` is that of a series.
    """
    classes = found.classes.tolist()
    if len(classes) != 2:
        if pos_label is None:
            return 1
        raise ValueError(
            f"pos_label={quote(pos_label)} is for two classes, but there are {len(classes)}. "
            "For one class against all others pass y_true == label and that column of y_proba."
        )
    if pos_label is not None:
        places = [k for k, label in enumerate(classes) if _same(label, pos_label)]
        if not places:
            raise ValueError(
                f"pos_label={quote(pos_label)} is not a valid label: it should be one of "
                f"{quote_labels(classes)}."
            )
        place = places[0]
    elif found.second is None and single and _is_text(classes):
        raise ValueError(
            f"y_true takes value in {{{quote_labels(classes)}}} and pos_label is not "
            "specified: pass pos_label=, the class that the single column of y_proba is the "
            "probability of."
        )
    else:
        place = 1 if found.second is None else found.second
    if single and isinstance(name, str) and name == classes[1 - place]:
        raise ValueError(
            f"y_proba is named {quote(name)}, but is taken for the probability of "
            f"{quote(classes[place])}; pass pos_label={quote(name)}."
        )
    return place


def _same(label, other):
    try:
        return bool(label == other)
    except (TypeError, ValueError):
        return False


def _is_text(classes):
    """Tell whether labels have no order that says which is the positive one."""
    return not all(isinstance(label, int | float | np.number | np.bool_) for label in classes)


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
