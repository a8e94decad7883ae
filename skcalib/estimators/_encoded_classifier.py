"""Classifiers that take the labels 0..K-1 only, given any labels."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from skcalib.estimators._representations import VersionedMixin

# Refuse labels other than 0..K-1 by themselves, each time they are trained.
CODES_ONLY = {"xgboost", "ngboost"}


def _delegates(method):
    return lambda adapter: hasattr(adapter.estimator, method)


class EncodedClassifier(VersionedMixin, ClassifierMixin, BaseEstimator):
    """A classifier that takes the labels 0..K-1 only, given any labels.

    Parameters
    ----------
    estimator : classifier
        Trained by `fit` itself, not a clone of it.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y, **fit_params):
        """Train on the numbers of the sorted labels."""
        classes, codes = np.unique(np.asarray(y), return_inverse=True)
        self.estimator.fit(X, codes, **fit_params)
        own = np.asarray(getattr(self.estimator, "classes_", np.arange(len(classes))))
        if not np.array_equal(own, np.arange(len(classes))):
            raise ValueError(
                f"{type(self.estimator).__name__} was trained on the labels 0 to "
                f"{len(classes) - 1}, but its classes are {own.tolist()}."
            )
        self.classes_ = classes
        return self

    @property
    def n_features_in_(self):
        """As the classifier has it."""
        return self.estimator.n_features_in_

    @available_if(_delegates("decision_function"))
    def decision_function(self, X):
        """Return the classifier's decision values."""
        return self.estimator.decision_function(X)

    @available_if(_delegates("predict_proba"))
    def predict_proba(self, X):
        """Return the classifier's probabilities."""
        return self.estimator.predict_proba(X)

    def predict(self, X):
        """Return labels."""
        return self.classes_[np.asarray(self.estimator.predict(X)).astype(np.intp)]


def name_classes(trained, classes):
    """Return a trained classifier that says its classes; NGBoost's do not."""
    if hasattr(trained, "classes_"):
        return trained
    named = EncodedClassifier(trained)
    named.classes_ = np.asarray(classes)
    return named


def takes_codes_only(estimator):
    """Tell a classifier, or one that holds one, that refuses labels other than 0..K-1.

    What holds one and encodes for it says so: ``encodes_labels = True``.
    """
    if getattr(estimator, "encodes_labels", False):
        return False
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params().values()
    packages = {cls.__module__.split(".")[0] for part in parts for cls in type(part).__mro__}
    return bool(packages & CODES_ONLY)
