"""From rows of many probabilities to events: a probability, and whether it came true."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skcalib.inputs import row_blocks
from skcalib.messages import check_choice
from skcalib.metrics._validation import Predictions

NOTIONS = ("auto", "positive", "confidence", "top-label", "class-wise")


@dataclass(frozen=True)
class Event:
    """A probability for each row, and whether it came true.

    Attributes
    ----------
    value : ndarray of shape (n_samples,)
        The probability that the true class is `target`.

    codes : ndarray of shape (n_samples,)
        The column of the true class.

    target : int or ndarray of shape (n_samples,)
        The column that was spoken of.

    weight : ndarray of shape (n_samples,)
        What these rows count.

    rows : ndarray or None
        Which rows of the predictions these are; None for all of them.
    """

    value: np.ndarray
    codes: np.ndarray
    target: int | np.ndarray
    weight: np.ndarray
    rows: np.ndarray | None = None

    @property
    def hit(self):
        """Whether it came true, booleans."""
        return self.codes == self.target

    def weight_of(self, weight):
        """Return the weights of these rows, given those of all predictions."""
        return weight if self.rows is None else weight[self.rows]

    def take(self, rows, weight):
        """Return some of the rows of this event, with other weights."""
        target = self.target if np.ndim(self.target) == 0 else self.target[rows]
        return Event(self.value[rows], self.codes[rows], target, weight)

    def as_predictions(self):
        """Return predictions of two classes: that it comes true, and that it does not."""
        classes = np.array([False, True])
        value = np.ascontiguousarray(self.value)
        return Predictions(self.hit.astype(np.intp), value, self.weight, classes, pos=1)

    def grouped(self, weight):
        """Return the distinct values of positive weight, ascending; sums of weights, of hits.

        The order is found once for an event, however many weights are tried.
        """
        order, starts, hit = self._order
        weight = weight[order]
        size = np.add.reduceat(weight, starts)
        hits = np.add.reduceat(weight * hit, starts)
        distinct = self.value[order[starts]].astype(np.float64)
        used = size > 0
        if used.all():
            return distinct, size, hits
        return distinct[used], size[used], hits[used]

    @cached_property
    def _order(self):
        order = np.argsort(self.value)
        ordered = self.value[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        return order, starts, self.hit[order]


class EventsOfTables:
    """What a metric of events needs of predictions, from tables of distinct probabilities.

    Each event has at most two rows for a probability: of what came true, and what did not.

    Parameters
    ----------
    tables : dict of int to ScoreTable
        Of each event, in ascending order of the class it is about.

    classes : ndarray of shape (n_classes,)
        The labels.

    total : float
        The weight of all rows.

    dtype : dtype
        The type of the probabilities, on which the edges of bins depend.
    """

    def __init__(self, tables, classes, total, dtype):
        self.classes, self.total = classes, total
        self.events, first = [], 0
        for key in sorted(tables):
            scores, hits, misses, _ = tables[key].lines()
            value = np.repeat(scores.astype(dtype), 2)
            codes = np.tile([1, 0], len(scores))
            weight = np.stack([hits, misses], axis=1).ravel()
            used = weight > 0
            last = first + int(used.sum())
            parts = value[used], codes[used], 1, weight[used]
            self.events.append(Event(*parts, np.arange(first, last)))
            first = last
        self.weight = np.concatenate([event.weight for event in self.events])


def resolve_notion(predictions, notion):
    """Return the notion that "auto" stands for, or the notion that was given."""
    check_choice("notion", notion, NOTIONS)
    if notion == "auto":
        return "positive" if len(predictions.classes) == 2 else "confidence"
    return notion


def events_of(predictions, notion):
    """Return the events whose calibration is measured, in a list.

    See :func:`skcalib.metrics.calibration_error` for the notions.
    """
    if isinstance(predictions, EventsOfTables):
        return predictions.events
    notion = resolve_notion(predictions, notion)
    codes, weight, n_classes = predictions.codes, predictions.weight, len(predictions.classes)
    if notion == "positive":
        if n_classes != 2:
            raise ValueError(
                f"notion='positive' is for two classes, but there are {n_classes}: choose "
                "one, and pass y_true == label and that column of y_proba."
            )
        return [Event(predictions.positive, codes, predictions.pos, weight)]
    if notion == "class-wise":
        proba = predictions.proba
        return [Event(proba[:, k], codes, k, weight) for k in range(n_classes)]
    confidence, predicted = confidence_of(predictions)
    if notion == "confidence":
        return [Event(confidence, codes, predicted, weight)]
    by_class = [np.flatnonzero(predicted == k) for k in range(n_classes)]
    return [
        Event(confidence[rows], codes[rows], k, weight[rows], rows)
        for k, rows in enumerate(by_class)
        if len(rows)
    ]


def confidence_of(predictions):
    """Return each row's largest probability, and the first column that has it."""
    proba = predictions.proba
    confidence = np.empty(len(proba), proba.dtype)
    predicted = np.empty(len(proba), np.intp)
    # NumPy copies what is read-only, as a file may be, to find the largest: a block at a time.
    for block in row_blocks(*proba.shape):
        rows = proba[block]
        predicted[block] = rows.argmax(axis=1)
        confidence[block] = rows[np.arange(len(rows)), predicted[block]]
    return confidence, predicted
