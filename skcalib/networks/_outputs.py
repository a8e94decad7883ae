"""What a network's outputs are taken for, and which label stands for which of them."""

from typing import NamedTuple

import numpy as np

from skcalib.backends import to_numpy
from skcalib.inputs import looks_like_proba, softmax
from skcalib.messages import warn
from skcalib.networks._labels import SEVERAL_LABELS

SATURATED = 1e-6


class Answer(NamedTuple):
    """What a network answered, in the order of its sorted labels."""

    values: np.ndarray  # (n_samples, n_classes), logits or probabilities
    is_proba: bool
    classes: np.ndarray
    last_activation: str | None  # the network's last operation, None if it is not known

    def proba(self):
        """Return probabilities."""
        return self.values if self.is_proba else softmax(self.values)


class Learned(NamedTuple):
    """What fit has learnt."""

    classes: np.ndarray  # with several labels a list
    last_activation: str | None  # the network's last operation
    order: np.ndarray | None  # the output of each class


def warn_of_lost_logits(proba, name):
    """Say that probabilities stand in for a network's logits, and how many are saturated."""
    share = np.mean(proba.max(axis=1) > 1 - SATURATED)
    warn(
        f"The logits of {name} are not available: its last operation is hidden (in a compiled "
        "function, or because it runs eagerly) or unknown. Logarithms of its probabilities "
        f"are used instead; {share:.1%} of the rows are saturated (a probability rounds to "
        "1), and their logits are lost. If you can, pass a network that ends before the "
        "softmax or sigmoid, with FrozenNetwork(model, from_logits=True).",
        UserWarning,
    )


def reads_as_proba(values):
    """Tell whether values read as probabilities; None if they may be either."""
    if values.min() < 0 or values.max() > 1:
        return False
    if values.shape[1] == 1:
        return True
    return True if looks_like_proba(values) else None


def are_logits(values, multilabel, decide):
    """Tell from values alone whether they are logits, or ask."""
    reads = reads_as_proba(values.reshape(-1, 1) if multilabel else values)
    if reads is False:
        return True
    if reads and decide:
        return False
    raise ValueError(
        "The network's last operation could not be found, and its output may be logits or "
        "probabilities. Set from_logits=True or False"
        + ("." if decide else ", or call fit first.")
    )


def expand_columns(values, one_vs_rest, is_proba):
    """Give one output its second column; several sigmoids are one-vs-rest."""
    if values.shape[1] == 1:
        columns = [1 - values, values] if is_proba else [-values / 2, values / 2]
        return np.hstack(columns)
    if one_vs_rest:
        return -np.logaddexp(0, -values)  # log(sigmoid)
    return values


def order_of_outputs(classes):
    """Return the output of each sorted label, None if outputs are in this order."""
    return None if classes is None else np.argsort(np.asarray(classes), kind="stable")


def put_in_order(values, learned, given):
    """Return the columns in the order of the sorted labels, and these labels."""
    if learned is not None:
        classes, order = learned.classes, learned.order
    else:
        classes = classes_of_outputs(None, given, values.shape[1])
        order = order_of_outputs(given)
    if len(classes) != values.shape[1]:
        raise ValueError(
            f"The network has {values.shape[1]} outputs, but there are {len(classes)} "
            f"classes: {classes.tolist()}."
        )
    return (values if order is None else values[:, order]), classes


def labels_from_one_hot(y, classes=None):
    """Return the class (or the number) of each row's one; other labels as they are."""
    y = to_numpy(y, "y")
    array = np.asarray(y)
    if array.ndim != 2 or array.shape[1] < 2:
        return y
    numeric = array.dtype.kind in "biuf"
    if not numeric or not (((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all()):
        raise ValueError(
            f"y has shape {array.shape} and is not one-hot: each row must hold a single 1 "
            f"among zeros. Otherwise give one label for each sample. {SEVERAL_LABELS} (and a "
            "sigmoid for each; a softmax is for classes that exclude each other)."
        )
    columns = array.argmax(axis=1)
    if classes is None:
        return columns
    if len(classes) != array.shape[1]:
        raise ValueError(
            f"y has {array.shape[1]} columns, but there are {len(classes)} classes."
        )
    return np.asarray(classes)[columns]


def classes_of_outputs(y, classes, n_outputs):
    """Return the sorted labels of a network's outputs, from `classes`, from y, or 0..K-1."""
    seen = None
    if y is not None:
        seen = np.unique(np.asarray(labels_from_one_hot(y, classes)))
        seen = np.asarray(seen.tolist()) if seen.dtype == object else seen
    if classes is not None:
        return _check_given_classes(classes, seen, n_outputs)
    columns = np.arange(n_outputs)
    if seen is None:
        return columns
    if seen.dtype.kind in "iuf" and np.isin(seen, columns).all():
        if 0 not in seen and len(seen) > 1:
            warn(
                f"y holds no 0 ({_short(seen)}); its labels are used as the numbers of the "
                f"outputs from 0 to {n_outputs - 1}. If these labels count from 1, give "
                f"FrozenNetwork(model, classes=range(1, {n_outputs + 1})).",
                UserWarning,
            )
        return columns
    if len(seen) != n_outputs:
        raise ValueError(
            f"y holds {len(seen)} labels ({_short(seen)}), but the network has {n_outputs} "
            "outputs. Give classes=[...], a label for each output in order, or integers from "
            f"0 to {n_outputs - 1}, or the one-hot code."
        )
    return seen


def _check_given_classes(classes, seen, n_outputs):
    classes = np.asarray(classes)
    ordered = np.unique(classes)
    if classes.ndim != 1 or len(ordered) != len(classes):
        raise ValueError(f"classes must be different labels in a list, got {classes!r}.")
    if n_outputs is not None and len(classes) != n_outputs:
        raise ValueError(
            f"classes has {len(classes)} labels ({_short(classes)}), but the network has "
            f"{n_outputs} outputs (one output counts as two)."
        )
    strange = [] if seen is None else sorted(set(seen.tolist()) - set(classes.tolist()))
    if strange:
        raise ValueError(f"y holds the labels {_short(strange)}, which are not in classes.")
    return ordered


def _short(labels):
    shown = ", ".join(repr(label) for label in np.asarray(labels).tolist()[:6])
    return shown + (", ..." if len(labels) > 6 else "")
