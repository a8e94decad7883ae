"""From what a file says to probabilities that were checked, or one clear line."""

import numpy as np

from skcalib.cli._errors import CommandError, one_line
from skcalib.inputs import (
    ROUNDING,
    SUM_TOLERANCE,
    check_logits,
    looks_like_proba,
    sigmoid,
    softmax,
)
from skcalib.metrics import check_predictions


def proba_of(given, source, kind):
    """Return probabilities: those of the file, or the softmax of its logits."""
    scores = given.scores
    if kind == "proba":
        return scores
    refuse_probabilities(given, source)
    if scores.ndim == 1:
        return sigmoid(check_logits(scores[:, np.newaxis], "logits")[:, 0])
    return softmax(check_logits(scores, "logits"))


def refuse_probabilities(given, source):
    """Raise if what should be logits looks like probabilities."""
    if looks_like_proba(given.scores.reshape(len(given.scores), -1)):
        raise CommandError(
            f"{source.name}: these look like probabilities (in [0, 1], rows sum to one), not "
            "like logits; leave --input logits out"
        )


def refuse_values_outside(given, source):
    """Raise if a probability is none."""
    rows = given.scores.reshape(len(given.scores), -1)
    if rows.min() >= -ROUNDING and rows.max() <= 1 + ROUNDING:
        return
    bad = ~((rows >= -ROUNDING) & (rows <= 1 + ROUNDING))
    row, column = np.argwhere(bad)[0]
    raise CommandError(
        f"{source.name}: row {row + 1} holds {rows[row, column]:g}, which is no probability. "
        "Are these logits? Then say --input logits"
    )


def check_given(given, source, kind):
    """Return Predictions of a file, and which rows count."""
    if given.codes is None:
        raise CommandError(f"{source.name}: labels are needed; say --y NAME")
    proba = proba_of(given, source, kind)
    weight = given.weight
    try:
        predictions = check_predictions(
            given.codes,
            proba,
            labels=np.arange(len(given.classes)),
            sample_weight=weight,
            pos_label=given.pos if len(given.classes) == 2 else None,
        )
    except ValueError as error:  # said in words of files, where that is what it is
        if kind == "proba":
            refuse_values_outside(given, source)
            if proba.ndim == 2:
                refuse_wrong_sums(proba, given, source)
        raise CommandError(f"{source.name}: {one_line(error)}") from error
    used = None if weight is None else np.asarray(weight, dtype=float) > 0
    return predictions, used


def refuse_wrong_sums(proba, given, source):
    """Raise if the rows do not sum to one."""
    total = proba[:, 0] + proba[:, 1] if proba.shape[1] == 2 else proba.sum(axis=1)
    off = np.abs(total - 1)
    worst = int(off.argmax())
    if off[worst] > SUM_TOLERANCE:
        raise CommandError(
            f"{source.name}: the probabilities of row {worst + 1} sum to {total[worst]:.4g}, "
            "not to one. Are these logits? Then say --input logits. Is a class missing, as no "
            "row has its label? Then say --column NAME for each class"
        )


def answers_of(given, source, kind):
    """Return what a classifier answered, a column for each class in order."""
    scores = given.scores
    if kind == "logits":
        refuse_probabilities(given, source)
        if scores.ndim == 1:
            half = (scores if given.pos else -scores) / 2
            scores = np.stack([-half, half], axis=1)
        return check_logits(scores, "logits")
    refuse_values_outside(given, source)
    if scores.ndim == 1:
        rest = 1 - scores
        return np.stack([rest, scores] if given.pos else [scores, rest], axis=1)
    refuse_wrong_sums(scores, given, source)
    return scores
