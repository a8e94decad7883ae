"""The door of the report: what was given, checked and in the order of sorted classes."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib.inputs import (
    ROUNDING,
    SUM_TOLERANCE,
    check_logits,
    check_weight,
    column_names,
    columns_by_name,
    float_array,
    refuse_masked_array,
    softmax,
    take_rows,
    to_numpy,
)
from skcalib.messages import is_count, quote
from skcalib.metrics import check_predictions
from skcalib.report._evidence import Answers

LOWEST = -1e5  # below the largest logit of a row, nothing changes: it stands for "impossible"


class Given(NamedTuple):
    """Answers in the order of sorted classes, and what is known of how they were given."""

    answers: Answers
    classes: np.ndarray
    given_labels: list
    weight: np.ndarray
    pos: int
    sums: np.ndarray
    given_values: np.ndarray
    precision: str
    used: np.ndarray

    def fields(self):
        """Return what the evidence has under the same names."""
        fields = self._asdict()
        del fields["used"]
        return fields


@contextmanager
def names_in_errors(name):
    """Have errors speak of `y` and of what the user knows the probabilities by."""
    try:
        yield
    except ValueError as error:
        text = str(error).replace("y_true", "y").replace("y_proba", name)
        raise ValueError(text) from error


def check_given_proba(
    y, y_proba, labels, pos_label, sample_weight, *, logits=None, name="y_proba"
):
    """Check probabilities and what happened; divide rows by sums that are off.

    `logits` are true ones, in the same order of columns, if they are known; `name` is what
    errors call the probabilities.
    """
    with names_in_errors(name):
        return _check(y, y_proba, labels, pos_label, sample_weight, logits)


def _check(y, y_proba, labels, pos_label, sample_weight, logits):
    refuse_masked_array(y_proba, "y_proba")
    values = float_array(y_proba, "y_proba")
    names = column_names(y_proba)
    sums = np.ones(len(values)) if values.ndim != 2 else values.sum(axis=1, dtype=np.float64)
    mended = _divide_by_sums(y_proba, values, sums)
    found = check_predictions(y, mended, labels, sample_weight, pos_label)
    used = np.ones(len(values), dtype=bool)
    if sample_weight is not None:
        used = check_weight(sample_weight, np.zeros((len(values), 1))) > 0
    order, given_labels = _order_of(found, names, labels, values)
    if values.ndim == 1 or values.shape[1] == 1:
        sums = np.ones(len(values))
    if logits is not None and order is not None:
        logits = logits[:, order]
    answers = Answers(
        _normalised(found.proba), None if logits is None else logits[used], found.codes
    )
    return Given(
        answers,
        found.classes,
        given_labels,
        np.array(found.weight, dtype=np.float64),
        found.pos,
        sums[used],
        values[used],
        values.dtype.name,
        used,
    )


def check_given_logits(y, logits, labels, pos_label, sample_weight):
    """Check true logits and what happened."""
    refuse_masked_array(logits, "logits")
    values = float_array(logits, "logits")
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(
            "logits must be a non-empty array of shape (n_samples, n_classes), (n_samples, 1) "
            f"or (n_samples,), got shape {values.shape}."
        )
    single = values.ndim == 1 or values.shape[1] == 1
    matrix = check_logits(values.reshape(len(values), -1), "logits")
    if single:
        odds = matrix[:, 0].astype(np.float64)
        positive = softmax(np.stack([-odds / 2, odds / 2], axis=1))[:, 1]
        given = check_given_proba(y, positive, labels, pos_label, sample_weight, name="logits")
        columns = np.stack([-odds / 2, odds / 2], axis=1)[given.used]
        columns = columns if given.pos == 1 else columns[:, ::-1]
    else:
        finite = floored(matrix)
        proba = softmax(finite)
        names = column_names(logits)
        proba = _named_like(logits, proba) if names is not None else proba
        given = check_given_proba(
            y, proba, labels, pos_label, sample_weight, logits=finite, name="logits"
        )
        columns = given.answers.logits
    answers = Answers(given.answers.proba, columns, given.answers.codes)
    return given._replace(answers=answers, precision=values.dtype.name)


def floored(logits):
    """Return float64 logits, the largest of each row zero, and none of them infinite."""
    logits = logits.astype(np.float64)
    return np.maximum(logits - logits.max(axis=1, keepdims=True), LOWEST)


def check_groups(groups, used):
    """Return the group of each row that counts, as values that sort together."""
    if groups is None:
        return None
    refuse_masked_array(groups, "groups")
    values = np.asarray(to_numpy(groups, "groups"))
    if values.ndim != 1:
        raise ValueError(
            f"groups must hold one group for each sample, got shape {values.shape}."
        )
    check_consistent_length(values, used)
    missing = [v is None or v != v or repr(v) == "<NA>" for v in values.tolist()]
    if any(missing):
        raise ValueError(
            f"groups is missing (None or NaN) in {sum(missing)} of {len(values)} rows; give "
            "these a name of their own."
        )
    try:
        np.unique(values)
    except TypeError as error:
        raise ValueError(
            f"groups mixes values that cannot be sorted together: {error}."
        ) from error
    return values[used]


def check_seed(random_state):
    """Return a seed: an integer as it is, of a generator a drawn one, 0 for None."""
    if random_state is None:
        return 0
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if is_count(random_state, 0):
        return int(random_state)
    raise ValueError(
        "random_state must be None, an integer of at least 0 or a RandomState, got "
        f"{quote(random_state)}."
    )


def take_used(X, used):
    """Return the rows of X that count."""
    return X if X is None or used.all() else take_rows(X, np.flatnonzero(used))


def _divide_by_sums(y_proba, values, sums):
    """Return probabilities whose rows sum to one, where only their sums are off."""
    if values.ndim != 2 or values.shape[1] < 2 or values.size == 0:
        return y_proba
    off = np.abs(sums - 1) > SUM_TOLERANCE
    in_range = values.min() >= -ROUNDING and values.max() <= 1 + ROUNDING
    if not in_range or not off.any():
        return y_proba
    values = np.clip(values.astype(np.float64), 0, 1)
    total = values.sum(axis=1, keepdims=True)
    uniform = np.full(values.shape, 1 / values.shape[1])
    mended = np.divide(values, total, out=uniform, where=total > 0)
    return mended if column_names(y_proba) is None else _named_like(y_proba, mended)


def _named_like(frame, values):
    """Return an array with the names of a frame's columns."""
    return NamedColumns(values, column_names(frame))


class NamedColumns:
    """An array whose columns have names."""

    def __init__(self, values, columns):
        self.values, self.columns = values, columns
        self.shape, self.ndim, self.dtype = values.shape, values.ndim, values.dtype

    def __array__(self, dtype=None, copy=None):
        """Return the array."""
        return np.array(self.values, dtype=dtype)

    def __len__(self):
        return len(self.values)


def _order_of(found, names, labels, values):
    """Return the given column of each class, and the labels in the order as given."""
    classes = found.classes
    if values.ndim == 1 or values.shape[1] == 1:
        return None, classes.tolist()
    if labels is not None:
        given = np.asarray(to_numpy(labels, "labels")).tolist()
        return np.array([given.index(label) for label in classes.tolist()]), given
    order = columns_by_name(names, classes, "y_proba") if names is not None else None
    if order is None:
        return np.arange(len(classes)), classes.tolist()
    given = [None] * len(order)
    for k, column in enumerate(order):
        given[column] = classes.tolist()[k]
    return np.array(order), given


def _normalised(proba):
    """Return float64 rows that sum to one to the last digit."""
    proba = np.asarray(proba, dtype=np.float64)
    return proba / proba.sum(axis=1, keepdims=True)
