"""What follows from predict_proba."""

import numpy as np
from sklearn.base import ClassifierMixin


class ProbabilisticClassifierMixin(ClassifierMixin):
    """Classifiers whose labels and log-probabilities follow from their probabilities."""

    def predict_log_proba(self, X):
        """Logarithm of the probabilities.

        Parameters
        ----------
        X : array-like of n_samples
            As in `predict_proba`.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Minus infinity where a probability is exactly zero.
        """
        proba = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return list(map(np.log, proba)) if isinstance(proba, list) else np.log(proba)

    def predict(self, X):
        """Label of the largest probability.

        A meta-estimator's can differ from the label that its own estimator predicts.

        Parameters
        ----------
        X : array-like of n_samples
            As in `predict_proba`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels from ``classes_``; the first of several that are equally likely.
        """
        proba = self.predict_proba(X)
        if isinstance(proba, list):  # several labels, each absent or present
            return np.stack([of_label.argmax(axis=1) for of_label in proba], axis=1)
        return self.classes_[proba.argmax(axis=1)]
