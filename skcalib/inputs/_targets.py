"""Labels, weights, and which column is which class: the one door for all rooms."""

from numbers import Real

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from skcalib.backends import to_numpy
from skcalib.inputs._rows import refuse_masked_array
from skcalib.messages import check_choice, quote_labels, warn

WEIGHTS = ("frequency", "relative")


def check_labels(y):
    """Return labels as a vector, their classes and codes, or say why they are no labels."""
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    refuse_masked_array(y, "y")
    y = to_numpy(y, "y")
    shape = np.asarray(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(
            f"y must be one-dimensional, got shape {shape}. If these are one-hot labels pass "
            "y.argmax(axis=1); if probabilities, see skcalib.expand_soft_labels; for "
            "several labels in each sample use sklearn.multioutput.MultiOutputClassifier "
            "around this estimator."
        )
    if len(shape) == 2:
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the "
            "shape of y to (n_samples,), for example using y.ravel().",
            DataConversionWarning,
        )
    y = column_or_1d(y)
    if len(y) == 0:
        raise ValueError("y is empty: at least one sample is required.")
    classes, codes = _sorted_classes(y)
    # All of what is checked follows from the classes, and from whether there are more of them
    # than half the samples; so a vector that holds each class twice and a bit will do.
    check_classification_targets(np.resize(classes, min(len(y), 2 * len(classes) + 1)))
    return y, classes, codes


def check_some_labels(y):
    """Do the same for a block of samples, one or more: it may hold few of the classes."""
    refuse_masked_array(y, "y")
    y = column_or_1d(to_numpy(y, "y"))
    classes, codes = _sorted_classes(y)
    if y.dtype.kind not in "biu":  # integers always are labels; asking costs a block's reading
        # As if of many samples: how many classes there are to a sample, no block can tell.
        check_classification_targets(np.resize(classes, 2 * len(classes) + 1))
    return y, classes, codes


def _sorted_classes(y):
    """Return the classes and codes of a vector, or say why they are no labels."""
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    elif y.dtype == object and any(v is None or repr(v) in ("nan", "<NA>") for v in y):
        raise ValueError("Input y contains NaN (missing labels); leave those samples out.")
    try:
        classes, codes = _classes_and_codes(y)
    except TypeError as error:
        raise ValueError(f"y mixes labels that cannot be sorted together: {error}.") from error
    if y.dtype.kind == "f" and (classes != np.floor(classes)).any():
        raise ValueError(
            "Unknown label type: continuous. y holds fractions, which are not class labels. "
            "If they are probabilities of the second class (soft labels), "
            "skcalib.expand_soft_labels turns them into weighted rows."
        )
    return classes, codes


def _classes_and_codes(y):
    """Return sorted classes and each label's place; a short range of integers is counted."""
    if y.dtype.kind in "biu":
        low, high = int(y.min()), int(y.max())
        if high - low <= len(y) and max(-low, high) < 2**62:
            codes = y.astype(np.intp)
            codes -= low
            present = np.bincount(codes) > 0
            classes = (np.flatnonzero(present) + low).astype(y.dtype)
            return classes, codes if present.all() else (np.cumsum(present) - 1)[codes]
    return np.unique(y, return_inverse=True)


def check_weight(sample_weight, X, weights="frequency"):
    """Return weights as a float64 vector of frequencies: finite, non-negative, not all zero.

    If `weights` is "relative", they are given up to a factor; the frequencies then sum to the
    number of samples of positive weight.
    """
    check_choice("weights", weights, WEIGHTS)
    refuse_masked_array(sample_weight, "sample_weight")
    sample_weight = to_numpy(sample_weight, "sample_weight")
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not (weight > 0).any():
        raise ValueError("sample_weight is zero for every sample; at least one must count.")
    if weights == "relative":
        weight = weight / weight.max()
        return weight * ((weight > 0).sum() / weight.sum())
    if weight.max() > 1e300 / len(weight):
        raise ValueError("sample_weight is so large that its sum overflows; divide it.")
    if sample_weight is not None and weight.sum() < 2:
        warn(
            f"sample_weight sums to {weight.sum():.3g}. Weights are frequencies, so their sum "
            "is used as the number of samples, and smoothing for small samples will "
            "dominate. If they are known up to a factor only, as AdaBoostClassifier's are, "
            "CalibratedClassifierCV(..., weights='relative') is meant for them; or multiply "
            "them so that they sum to the number of samples.",
            UserWarning,
        )
    return weight


def columns_of_classes(classes, codes, used, n_columns):
    """Return the label of each column, and the column of each row's label.

    Only the rows that are `used` tell which classes there are; the others get any column.
    """
    present = np.flatnonzero(np.bincount(codes[used], minlength=len(classes)))
    if len(present) < len(classes):
        codes = np.minimum(np.searchsorted(present, codes), len(present) - 1)
        classes = classes[present]
    if len(classes) < 2:
        raise ValueError(
            f"y has one class only ({classes.tolist()[0]!r}) among the samples of positive "
            "weight; a calibrator needs at least two classes."
        )
    if len(classes) == n_columns:
        return classes, codes
    if len(classes) > n_columns:
        raise ValueError(
            f"y has {len(classes)} classes, but X has {n_columns} columns: X must hold a "
            "column of logits for each class (or a single column of decision values for two "
            "classes)."
        )
    columns = np.arange(n_columns)
    if classes.dtype.kind not in "iuf" or not np.isin(classes, columns).all():
        raise ValueError(
            f"y has {len(classes)} classes, X a column for each of {n_columns}, so some class "
            "has no row. The columns of the others are only known if the labels are the "
            f"integers 0 to {n_columns - 1}: encode them so."
        )
    missing = np.setdiff1d(columns, classes)
    warn(
        f"y has no sample of the classes {missing.tolist()} (labels taken as numbers of "
        f"columns, 0 to {n_columns - 1}); their probabilities depend on the samples of the "
        "other classes only.",
        UserWarning,
    )
    return columns, classes.astype(np.intp)[codes]


def columns_among(classes, own):
    """Return the position of each of `own` labels among all `classes`."""
    position = {label: i for i, label in enumerate(classes.tolist())}
    return np.array([position[label] for label in own.tolist()])


def column_names(values):
    """Return the names of a frame's columns in a list; None for arrays and numbered columns.

    Numbered columns (0, 1, ...) are what a frame has that was given no names.
    """
    names = getattr(values, "column_names", None)  # of an arrow table
    if names is None and getattr(values, "ndim", len(getattr(values, "shape", ()))) == 2:
        names = getattr(values, "columns", None)
    if names is None or callable(names):
        return None
    names = list(names)
    numbered = all(isinstance(name, int | np.integer) for name in names)
    return None if numbered and names == list(range(len(names))) else names


def columns_by_name(names, labels, source):
    """Return the column that each label's values are in; None if names are no labels.

    A name is a label if it is equal to it or spells it: "0" is the label 0. If some of text
    names are labels and others are not, nobody can know what the others mean; nor if a name
    that is a label stands twice and another is missing. Numbers of which some are no labels
    say nothing, as in scikit-learn.

    Parameters
    ----------
    names : list or None
        From :func:`column_names`.

    labels : ndarray of shape (n_classes,)
        All different.

    source : str
        What the frame is called, for messages.

    Returns
    -------
    columns : list of int or None
        A number for each label.
    """
    if names is None:
        return None
    any_known = twice = False
    for key in (_return_unchanged, _spell, _spell_as_number):
        wanted = [key(label) for label in labels.tolist()]
        place = {key(name): column for column, name in enumerate(names)}
        known = [label for label in wanted if label in place]
        if len(known) == len(wanted) == len(place) == len(names):
            return [place[label] for label in wanted]
        any_known |= bool(known)
        twice |= len(place) == len(known) < len(names) == len(wanted)
    if twice or (any_known and all(isinstance(name, str) for name in names)):
        raise ValueError(
            f"{source} has columns named {quote_labels(names)}, and the labels are "
            f"{quote_labels(labels)}: some names are labels, but not every label is the name "
            "of one column. Name all columns by their labels, or give an array "
            f"({source}.to_numpy()), whose columns are in the order of the labels."
        )
    return None  # features, or numbers


def take_columns(frame, columns):
    """Return a frame with these columns, in this order."""
    if hasattr(frame, "iloc"):
        return frame.iloc[:, columns]
    names = column_names(frame)
    return frame.select([names[column] for column in columns])


def _return_unchanged(label):
    return label


def _spell(label):
    """Return the text of a label; whole floats are spelled like integers."""
    return str(label) if isinstance(label, bool | np.bool_) else _spell_as_number(label)


def _spell_as_number(label):
    """Do the same; booleans are spelled like 0 and 1."""
    if isinstance(label, Real | np.bool_) and np.isfinite(label) and label == int(label):
        return str(int(label))
    return str(label)
