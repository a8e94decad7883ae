"""Training one copy of a classifier, whichever labels it takes and however many there are."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from skcalib.estimators import EncodedClassifier, VersionedMixin, name_classes, takes_codes_only
from skcalib.folds._detectors import LabelledDetector
from skcalib.inputs import count_rows
from skcalib.networks import clone_with_parameters


class OneClass(VersionedMixin, ClassifierMixin, BaseEstimator):
    """Stands for a classifier whose training rows are of one class, which tell it nothing.

    Parameters
    ----------
    label : object
        The class; its probability is 1.
    """

    def __init__(self, label):
        self.label = label

    @property
    def classes_(self):
        """The one label."""
        return np.array([self.label])

    def predict_proba(self, X):
        """Return ones."""
        return np.ones((count_rows(X), 1))


def train(estimator, X, y, labels, classes, fit_params):
    """Train on X and y, whose vector of labels is known; return the trained classifier.

    A classifier that takes 0..K-1 only is given these: one that is known for it, or one
    that fails for no other reason than a split that lacks some of the classes 0..K-1 of y.
    """
    present = np.unique(labels)
    if isinstance(estimator, FrozenEstimator | LabelledDetector):
        return estimator.fit(X, y, **fit_params)
    if len(present) == 1:
        return OneClass(present[0])
    codes_only = takes_codes_only(estimator)
    if _are_codes(present) or not (codes_only or _are_codes(classes)):
        estimator.fit(X, y, **fit_params)
        return name_classes(estimator, present) if codes_only else estimator
    if codes_only:
        _refuse_other_labels(estimator, fit_params)
        return EncodedClassifier(estimator).fit(X, labels, **fit_params)
    spare = clone_with_parameters(estimator)
    try:
        estimator.fit(X, y, **fit_params)
    except (ValueError, IndexError) as error:
        if _names_labels(estimator, fit_params):
            raise
        try:
            return EncodedClassifier(spare).fit(X, labels, **fit_params)
        except Exception:
            raise error from None
    return estimator


def _are_codes(labels):
    return labels.dtype.kind in "biuf" and np.array_equal(labels, np.arange(len(labels)))


def _refuse_other_labels(estimator, fit_params):
    for name in fit_params:
        if name.endswith("eval_set"):
            raise ValueError(
                f"{type(estimator).__name__} takes the labels 0..K-1 only. Those of y are "
                f"encoded for it, also where a split lacks some, but those in {name} are not: "
                "number the labels 0..K-1, and stratify the splits."
            )


def _names_labels(estimator, fit_params):
    """Tell whether a parameter may speak of labels, which would mean others if encoded."""
    values = [*fit_params.values()]
    if hasattr(estimator, "get_params"):
        values += estimator.get_params().values()
    return any(isinstance(value, Mapping) and value for value in values)


def find_trained(estimators):
    """Return the first that saw more than one class."""
    return next((e for e in estimators if not isinstance(e, OneClass)), estimators[0])
