"""What is known about a classifier's confidence, and what all findings need, computed once."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from skcalib.inputs import floor_of, log_of_floored
from skcalib.metrics import check_predictions
from skcalib.report._bounds import bound_pvalue, fit_beta
from skcalib.report._columns import find_order
from skcalib.report._levels import (
    LEVEL,
    MOST_BINS,
    ROWS_OF_BIN,
    Assessed,
    Levels,
    assess_base_rates,
    assess_groups,
    assess_order,
    assess_predicted,
    assess_slices,
)
from skcalib.report._recalibrated import recalibrate
from skcalib.report._training_rows import find_training_rows
from skcalib.report._unusual_rows import find_unusual_rows


@dataclass(frozen=True)
class Answers:
    """What was said of some rows, and what happened: columns are sorted classes.

    Attributes
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        float64; rows sum to one.

    logits : ndarray of shape (n_rows, n_classes) or None
        True logits, where they are known.

    codes : ndarray of shape (n_rows,) or None
        The column of each row's class.
    """

    proba: np.ndarray
    logits: np.ndarray | None
    codes: np.ndarray | None


@dataclass
class Evidence:
    """All that the findings look at. What is not known is None.

    Attributes
    ----------
    answers : Answers
        Of the rows of the report, all of positive weight.

    classes : ndarray of shape (n_classes,)
        Sorted labels. `given_labels` are the same in the order of the columns as given.

    weight : ndarray of shape (n_rows,)
        Positive.

    pos : int
        The column of the positive one of two classes.

    sums : ndarray of shape (n_rows,)
        Of each row's probabilities, as they were given.

    given_values : ndarray
        Probabilities as they were given, before their sums were mended.

    precision : str
        The type of these.

    source_of_logits : {"given", "recovered", "lost"}
        "lost": only probabilities are known.

    groups, X, X_train : object
        As they were given.

    codes_train : ndarray or None
        The columns of the classes of the training rows.

    train : Answers or None
        Of some of the training rows.

    predicted_codes : ndarray or None
        What ``predict`` said of the first rows.

    again : Again or None
        Two more answers for some rows.
    """

    answers: Answers
    classes: np.ndarray
    given_labels: list
    weight: np.ndarray
    pos: int
    sums: np.ndarray
    given_values: np.ndarray
    precision: str
    source_of_logits: str
    estimator: object = None
    X: object = None
    X_train: object = None
    codes_train: np.ndarray | None = None
    groups: np.ndarray | None = None
    train: Answers | None = None
    predicted_codes: np.ndarray | None = None
    again: object = None
    seed: int = 0
    context: dict = field(default_factory=dict)

    @property
    def proba(self):
        """Probabilities of the rows of the report."""
        return self.answers.proba

    @property
    def codes(self):
        """The column of each row's class."""
        return self.answers.codes

    @cached_property
    def predictions(self):
        """The same, as metrics take them."""
        pos = {"pos_label": self.classes.tolist()[self.pos]} if len(self.classes) == 2 else {}
        return check_predictions(
            self.classes[self.codes], self.proba, self.classes, self.weight, **pos
        )

    @cached_property
    def total(self):
        """The sum of weights: the number of rows."""
        return float(self.weight.sum())

    @cached_property
    def predicted(self):
        """The column of the largest probability."""
        return self.proba.argmax(axis=1)

    @cached_property
    def confidence(self):
        """The largest probability."""
        return self.proba[np.arange(len(self.proba)), self.predicted]

    @cached_property
    def certain(self):
        """Rows with a probability of exactly one, in the precision that was given."""
        given = self.given_values.reshape(len(self.given_values), -1)
        if given.shape[1] == 1:
            return (given[:, 0] >= 1) | (given[:, 0] <= 0)
        return given.max(axis=1) >= 1

    @cached_property
    def hit(self):
        """Whether the likeliest class is the true one."""
        return self.predicted == self.codes

    @cached_property
    def true_proba(self):
        """The probability of each row's true class."""
        return self.proba[np.arange(len(self.proba)), self.codes]

    @cached_property
    def logits(self):
        """True logits, or logarithms of probabilities, none below the floor."""
        return logits_of(self.answers)

    @cached_property
    def floor(self):
        """What smaller probabilities were raised to, where logits are made of them."""
        return floor_of(self.proba) if self.answers.logits is None else None

    @cached_property
    def event(self):
        """The event of curves: its probability, and whether it came true."""
        if len(self.classes) == 2:
            return self.proba[:, self.pos], self.codes == self.pos
        return self.confidence, self.hit

    @cached_property
    def beta(self):
        """The factor of logits that fits best: value, ends of its interval, likelihood gain."""
        return fit_beta(self.logits, self.codes, self.weight)

    @cached_property
    def rows_predicted(self):
        """The rows in which each class is the likeliest."""
        return [np.flatnonzero(self.predicted == k) for k in range(len(self.classes))]

    @cached_property
    def bins(self):
        """Rows in bins of about equal weight, by the event's probability."""
        value, _ = self.event
        number = int(np.clip(self.total // ROWS_OF_BIN, 1, MOST_BINS))
        order = np.argsort(value, kind="stable")
        share = np.cumsum(self.weight[order]) / self.total
        edges = value[order][np.searchsorted(share, np.arange(1, number) / number)]
        place = np.searchsorted(np.unique(edges), value, side="left")
        found = [np.flatnonzero(place == k) for k in range(place.max() + 1)]
        return [rows for rows in found if len(rows)]

    @cached_property
    def group_names(self):
        """The groups, sorted."""
        return None if self.groups is None else np.unique(self.groups)

    @cached_property
    def group_rows(self):
        """The rows of each group."""
        if self.groups is None:
            return None
        place = np.searchsorted(self.group_names, self.groups)
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place, minlength=len(self.group_names)))
        return np.split(order, ends[:-1])

    @cached_property
    def order(self):
        """The order of columns that fits the outcomes best."""
        return find_order(self.proba, self.codes, self.weight)

    @cached_property
    def training_rows(self):
        """Which rows are training rows, or None."""
        return find_training_rows(self.X, self.X_train, self.seed)

    @cached_property
    def unusual_rows(self):
        """How many rows are unlike those of training, or None."""
        return find_unusual_rows(self.X, self.X_train, self.codes_train, self.seed)

    @cached_property
    def levels(self):
        """The p-values of all that is tested, adjusted together."""
        return Levels(
            {
                "temperature": Assessed(np.array([bound_pvalue(self.beta[3])])),
                "base_rate": assess_base_rates(self),
                "bins": assess_slices(self, self.bins),
                "predicted": assess_predicted(self),
                "groups": assess_groups(self),
                "order": assess_order(self.order.gain, len(self.classes)),
                "training_rows": _tested(self.training_rows),
                "unusual_rows": _tested(self.unusual_rows),
            }
        )

    @cached_property
    def permuted(self):
        """Whether columns are in another order than was said."""
        return self.order.is_better and self.levels.rejects("order")

    @cached_property
    def is_spoilt(self):
        """Whether what follows on calibration would be due to columns or training rows."""
        found = self.training_rows
        seen = found is not None and found.n_equal + found.n_near >= found.n_rows / 2
        return self.permuted or (seen and self.levels.rejects("training_rows"))

    @cached_property
    def recalibrated(self):
        """What calibrators would gain; the automatic choice only where something is off."""
        off = self.levels.calibration <= LEVEL and not self.is_spoilt
        return recalibrate(self.logits, self.codes, self.weight, self.floor, self.seed, off)


def _tested(found):
    return None if found is None else Assessed(np.array([found.pvalue]))


def logits_of(answers):
    """Return true logits, or logarithms of probabilities, none below the floor."""
    if answers.logits is not None:
        return answers.logits
    return log_of_floored(answers.proba, floor_of(answers.proba))
