"""What follows from probabilities of a calibrator, along whichever axis they are."""

import numpy as np

from skcalib.estimators import ProbabilisticClassifierMixin
from skcalib.inputs import device_namespace, map_rows_lazily, to_numpy


class PredictsAlongAxis(ProbabilisticClassifierMixin):
    """Labels and log-probabilities of arrays of any library, with any number of axes."""

    def predict_log_proba(self, X, *, axis=None):
        """Logarithm of the probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes) or (n_samples, 1)
            Logits, as in `fit`.

        axis : int, default=None
            That of the classes where X has more than two, as in `fit`.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Minus infinity where a probability is exactly zero.
        """
        if axis is None and (later := map_rows_lazily(self.predict_log_proba, X)) is not None:
            return later
        proba = self.predict_proba(X, axis=axis)
        xp = device_namespace(proba)
        with np.errstate(divide="ignore"):
            return np.log(proba) if xp is None else xp.log(proba)

    def predict(self, X, *, axis=None):
        """Label of the largest probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes) or (n_samples, 1)
            Logits, as in `fit`.

        axis : int, default=None
            That of the classes where X has more than two, as in `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels from ``classes_``; the first of several that are equally likely.
        """
        if axis is None and (later := map_rows_lazily(self.predict, X)) is not None:
            return later
        proba = self.predict_proba(X, axis=axis)
        return labels_there(self.classes_, proba, axis)


def labels_there(classes, proba, axis):
    """Return the label of the largest probability along an axis, where probabilities are."""
    xp = device_namespace(proba)
    axis = -1 if axis is None else axis
    if xp is None:
        return classes[proba.argmax(axis=axis)]
    places = xp.argmax(proba, axis=axis)
    if classes.dtype.kind not in "biuf":  # text is nowhere but on the host
        return classes[np.asarray(to_numpy(places))]
    labels = xp.asarray(classes, device=proba.device)
    return xp.reshape(xp.take(labels, xp.reshape(places, (-1,))), tuple(places.shape))
