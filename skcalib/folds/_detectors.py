"""Outlier detectors, whose scores are calibrated with labels like those of a classifier."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, is_outlier_detector
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from skcalib.estimators import VersionedMixin
from skcalib.networks import find_final_estimator


class LabelledDetector(VersionedMixin, ClassifierMixin, BaseEstimator):
    """An outlier detector whose scores speak for one of two classes.

    Parameters
    ----------
    detector : object
        With `fit` and `decision_function`; trained by `fit` itself, not a clone of it.

    classes : ndarray of shape (2,)
        Sorted labels. High scores speak for the second, unless ``sign_`` is -1.
    """

    def __init__(self, detector, classes):
        self.detector = detector
        self.classes = classes

    def fit(self, X, y=None, **fit_params):
        """Train the detector, which may pay no attention to y."""
        self.detector.fit(X, y, **fit_params)
        self.classes_, self.sign_ = self.classes, 1
        return self

    @property
    def n_features_in_(self):
        """As the detector has it."""
        return self.detector.n_features_in_

    def decision_function(self, X):
        """Return scores, high for the second class."""
        return self.sign_ * np.asarray(self.detector.decision_function(X)).reshape(-1)

    def predict(self, X):
        """Return labels by the sign of the scores."""
        return self.classes_[(self.decision_function(X) > 0).astype(np.intp)]


def is_detector(estimator):
    """Tell whether this is an outlier detector: scores, and no classes."""
    last = find_final_estimator(estimator)
    if hasattr(last, "classes_") or not hasattr(last, "decision_function"):
        return False
    if hasattr(estimator, "__sklearn_tags__") and is_outlier_detector(estimator):
        return True
    return "pyod" in {cls.__module__.split(".")[0] for cls in type(last).__mro__}


def give_classes(estimator, classes):
    """Give an outlier detector the two classes of y; return any classifier as it is."""
    if not is_detector(estimator):
        return estimator
    if len(classes) != 2:
        name = type(find_final_estimator(estimator)).__name__
        raise ValueError(
            f"{name} is an outlier detector: its scores tell two classes apart, outliers and "
            f"others, but y holds {len(classes)} classes."
        )
    labelled = LabelledDetector(estimator, classes)
    if isinstance(estimator, FrozenEstimator):
        return FrozenEstimator(labelled.fit(None))
    return labelled


def take_sides(estimators, responses, rows, codes, weight):
    """Let high scores of detectors speak for the class of which they are typical.

    Whether that is the first or the second class is learned from all held-out answers
    together, since libraries and labels differ in what is high and what is an outlier.
    """
    detectors = [getattr(estimator, "estimator", estimator) for estimator in estimators]
    if not isinstance(detectors[0], LabelledDetector):
        return responses
    scores = np.concatenate([response.values[:, 1] for response in responses])
    held = np.concatenate(rows)
    truth, weight = codes[held] == 1, weight[held]
    if len(np.unique(truth[weight > 0])) < 2 or (
        roc_auc_score(truth, scores, sample_weight=weight) >= 0.5
    ):
        return responses
    for detector in detectors:
        detector.sign_ = -1
    return [response._replace(values=-response.values) for response in responses]


def take_side_of(detector, others):
    """Let one more detector speak for the same class as others do."""
    if isinstance(detector, LabelledDetector):
        detector.sign_ = others[0].sign_
