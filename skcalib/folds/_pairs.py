"""Pairs of a fitted classifier and the calibrator learned from its held-out answers."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from skcalib.estimators import VersionedMixin, columns_of_all, fit_calibrator
from skcalib.folds._held_out import MIXED, join_responses
from skcalib.folds._responses import logits_from_response, response_of
from skcalib.inputs import SMALLEST_FLOOR, columns_among, floor_of, softmax


class CalibratedPair(VersionedMixin):
    """A fitted classifier followed by its calibrator.

    Attributes
    ----------
    estimator : object
        The fitted classifier.

    calibrators : list
        The fitted calibrator; empty if there was nothing to learn from (fewer than two
        classes among the calibration samples): softmax of the logits then.

    classes : ndarray of shape (n_classes,)
        All labels. Those that `estimator` never saw get probability 0 from this pair alone;
        `average_pairs` completes it.

    columns : ndarray
        The position among `classes` of each of the estimator's own classes.

    floor : float or None
        Smaller probabilities of `estimator` are raised to this before the logarithm; None
        if the calibrator learned from decision values.

    shared : SharedMap or None
        How the calibrator is applied if it is one for all pairs, learned from the held-out
        answers of all their classifiers; None if it is the pair's own.
    """

    def __init__(self, estimator, calibrators, *, classes, columns, floor, shared=None):
        self.estimator = estimator
        self.calibrators = calibrators
        self.classes = classes
        self.columns = columns
        self.floor = floor
        self.shared = shared

    def __repr__(self):
        return f"CalibratedPair({self.estimator!r}, {self.calibrators!r})"

    def predict_logits(self, X):
        """Return the classifier's logits, a column for each of its own classes."""
        return logits_from_response(self._response(X), self.floor)

    def _response(self, X):
        return self._check_response(response_of(self.estimator, X, trusted=True))

    def _check_response(self, response):
        if response.is_proba != (self.floor is not None):
            raise ValueError(MIXED.format(type(self.estimator).__name__))
        return response

    def predict_proba(self, X):
        """Return calibrated probabilities, a column for each of `classes`."""
        response = self._response(X)
        if not self.calibrators:
            proba = softmax(logits_from_response(response, self.floor))
            return columns_of_all(proba, self.columns, len(self.classes))
        if self.shared is None:
            return columns_of_all(self._calibrated(response), self.known, len(self.classes))
        return self.shared.among_known(
            self._calibrated(self.shared.widen(response, self.columns)), self
        )

    def _calibrated(self, response):
        (calibrator,) = self.calibrators
        logits = logits_from_response(response, self.floor)
        if response.is_proba and hasattr(calibrator, "unchanged_proba"):
            proba = calibrator.unchanged_proba(response.values, self.floor)
            if proba is not None:
                return proba
        return calibrator.predict_proba(logits)

    @property
    def known(self):
        """The positions among `classes` that have been seen; it says nothing of the others."""
        if not self.calibrators:
            return self.columns
        (calibrator,) = self.calibrators
        if self.shared is None:
            return self.columns[calibrator.classes_]
        return np.intersect1d(self.columns, self.shared.columns[calibrator.classes_])

    @property
    def pools_by_geometric_mean(self):
        """Whether the calibrators ask for it, of which each pair has its own."""
        asked = any(getattr(c, "pools_by_geometric_mean", False) for c in self.calibrators)
        return asked and self.shared is None


class SharedMap(NamedTuple):
    """How one calibrator serves classifiers of which some may know fewer classes than it.

    What a classifier does not know is filled as it was among the calibration rows, and what
    the calibrator says of it left out again.
    """

    columns: np.ndarray  # the positions among all classes that the calibrator has columns for
    absent: float  # the answer that means "unlikely" where a classifier has none

    def widen(self, response, columns):
        """Return a response with the columns of the calibrator."""
        if np.array_equal(columns, self.columns):
            return response
        values = response.values
        wide = np.full((len(values), len(self.columns)), self.absent, dtype=values.dtype)
        wide[:, columns_among(self.columns, columns)] = values
        return response._replace(values=wide)

    def among_known(self, proba, pair):
        """Return calibrated probabilities among the classes that a pair knows."""
        (calibrator,) = pair.calibrators
        proba = columns_of_all(proba, self.columns[calibrator.classes_], len(pair.classes))
        known = pair.known
        if len(known) == len(calibrator.classes_):
            return proba
        own = proba[:, known]
        own[own.sum(axis=1) == 0] = 1  # it knows none of the classes that count in this row
        own /= own.sum(axis=1, keepdims=True)
        return columns_of_all(own, known, len(pair.classes))


def fit_pair(calibrator, estimator, response, codes, weight, classes):
    """Learn a calibrator from held-out answers and the codes of their true classes."""
    columns = columns_among(classes, response.classes)
    targets = _find_columns(columns, len(classes))[codes]
    used = (targets >= 0) & (weight > 0)
    values = response.values
    if not used.all():
        values, targets, weight = values[used], targets[used], weight[used]
    floor = None
    if response.is_proba:
        floor = floor_of(values) if len(values) else SMALLEST_FLOOR
    fitted = []
    if len(np.unique(targets)) > 1:
        logits = logits_from_response(response._replace(values=values), floor)
        rows = logits, targets, weight
        fitted = [fit_calibrator(clone(calibrator), *rows, "method", floor)]
    return CalibratedPair(estimator, fitted, classes=classes, columns=columns, floor=floor)


def fit_joined_pairs(calibrator, estimators, responses, rows, codes, weight, classes):
    """Learn one calibrator from the held-out answers of all classifiers; pair it with each.

    Returns the pairs, and the row of each answer that was used. Classifiers that were trained
    on one class have no answer, and pairs of their own.
    """
    known = np.unique(np.concatenate([columns_among(classes, r.classes) for r in responses]))
    joined, kept = join_responses(responses, rows, codes, classes, classes[known])
    weight = count_once(weight, kept)
    whole = fit_pair(calibrator, None, joined, codes[kept], weight[kept], classes)
    absent = 0 if joined.is_proba or not joined.values.size else joined.values.min()
    shared = SharedMap(whole.columns, absent)
    pairs = []
    for estimator, response in zip(estimators, responses, strict=True):
        if len(response.classes) == 1:
            none = response._replace(values=response.values[:0])
            pairs.append(fit_pair(calibrator, estimator, none, kept[:0], weight[:0], classes))
            continue
        columns = columns_among(classes, response.classes)
        about = {"classes": classes, "columns": columns, "floor": whole.floor}
        pairs.append(CalibratedPair(estimator, whole.calibrators, **about, shared=shared))
    return pairs, kept


def count_once(weight, kept):
    """Return weights under which a sample that several splits held out counts once."""
    return weight / np.maximum(np.bincount(kept, minlength=len(weight)), 1)


def _find_columns(columns, n_classes):
    """Return the column of each class, -1 for those without."""
    column_of_class = np.full(n_classes, -1)
    column_of_class[columns] = np.arange(len(columns))
    return column_of_class
