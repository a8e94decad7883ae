"""Pairs of a fitted classifier and the calibrator learned from its held-out answers."""

import numpy as np
from sklearn.base import clone

from skcalib._fitting import columns_of_all, fit_calibrator
from skcalib._logits import SMALLEST_FLOOR, floor_of, softmax
from skcalib._representations import VersionedMixin
from skcalib._responses import logits_from_response, response_of
from skcalib._targets import columns_among
from skcalib.folds._held_out import MIXED


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
    """

    def __init__(self, estimator, calibrators, *, classes, columns, floor):
        self.estimator = estimator
        self.calibrators = calibrators
        self.classes = classes
        self.columns = columns
        self.floor = floor

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
        logits = logits_from_response(response, self.floor)
        if not self.calibrators:
            proba, columns = softmax(logits), self.columns
        else:
            proba, columns = self._calibrated(response, logits), self.known
        return columns_of_all(proba, columns, len(self.classes))

    def _calibrated(self, response, logits):
        (calibrator,) = self.calibrators
        if response.is_proba and hasattr(calibrator, "unchanged_proba"):
            proba = calibrator.unchanged_proba(response.values, self.floor)
            if proba is not None:
                return proba
        return calibrator.predict_proba(logits)

    @property
    def known(self):
        """The positions among `classes` that have been seen; it says nothing of the others."""
        return self.columns[self.calibrators[0].classes_] if self.calibrators else self.columns

    @property
    def pools_by_geometric_mean(self):
        """Whether the calibrator asks for it."""
        return any(getattr(c, "pools_by_geometric_mean", False) for c in self.calibrators)


def fit_pair(calibrator, estimator, response, codes, weight, classes):
    """Learn a calibrator from held-out answers and the codes of their true classes."""
    columns = columns_among(classes, response.classes)
    column_of_class = np.full(len(classes), -1)
    column_of_class[columns] = np.arange(len(columns))
    targets = column_of_class[codes]
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
        fitted = [fit_calibrator(clone(calibrator), logits, targets, weight, "method")]
    return CalibratedPair(estimator, fitted, classes=classes, columns=columns, floor=floor)
