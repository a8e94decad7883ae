"""PriorShiftClassifier: probabilities where classes are as frequent as elsewhere."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.decision._base import DecisionClassifier
from skcalib.decision._base_rates import (
    ROWS_AHEAD,
    estimate_priors,
    interval_of_priors,
    pvalue_of_shift,
    shrink_priors,
)
from skcalib.inputs import base_rates_by_class, check_weight, numbers_by_class
from skcalib.messages import check_fraction


class PriorShiftClassifier(DecisionClassifier):
    r"""Probabilities of a classifier where classes have other base rates.

    If only the frequencies of the classes differ (the rows of each class are as before), the
    probabilities are exactly

    .. math:: p'(k \mid x) \propto p(k \mid x) \, \frac{\pi'_k}{\pi_k}

    with :math:`\pi` the base rates that the classifier's probabilities are for, and
    :math:`\pi'` the new ones: known, known from how rows were sampled, or estimated from
    new rows without labels by :meth:`adapt`.

    **When to use it.** Around calibrated probabilities, where the training rows were
    resampled, or where classes are rarer or more frequent than they were. **When not.** If
    the rows of a class have changed, too, no correction of base rates mends that; collect
    labels. Around uncalibrated probabilities the estimate is biased.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        A classifier with `predict_proba`. It is cloned and trained, unless it is in a
        :class:`sklearn.frozen.FrozenEstimator` or a trained network. By default
        ``LogisticRegression()``.

    priors : dict or array-like of shape (n_classes,), default=None
        The new base rate of each class, by its label or in the order of ``classes_``; they
        sum to one.

    sampling_rate : dict or array-like of shape (n_classes,), default=None
        How many times as many rows of each class are in the y of `fit` as there would be
        without resampling, by its label or in the order of ``classes_``; up to a common factor.
        A class of which one row in ten was kept has .1, a class of which each row was taken
        thrice 3. Not together with `priors`.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    training_priors_ : ndarray of shape (n_classes,)
        The shares of the classes in the y of `fit`, by weight.

    priors_ : ndarray of shape (n_classes,)
        The base rates that the probabilities are for.

    priors_interval_ : ndarray of shape (n_classes, 2)
        Of `adapt`: intervals of the estimated base rates, each by itself.

    shift_pvalue_ : float
        Of `adapt`: the p-value of the hypothesis that only base rates have changed; below .05,
        say, do not trust the correction. NaN if the classifier was trained by `fit`, whose
        rows do not tell then.

    n_features_in_ : int
        The number of features of the fitted estimator, if it has this attribute.

    feature_names_in_ : ndarray of shape (n_features,)
        Those of the fitted estimator, if it has this attribute.

    See Also
    --------
    skcalib.CalibratedClassifierCV : To calibrate before.

    Notes
    -----
    For a frozen classifier the rows of `fit` are best those that it was calibrated on, or
    others with the same base rates: the base rates of its probabilities are learned from them.

    References
    ----------
    M. Saerens, P. Latinne, C. Decaestecker. Adjusting the Outputs of a Classifier to New a
    Priori Probabilities: A Simple Procedure. Neural Computation 14, 2002.
    doi:10.1162/089976602753284446

    A. Alexandari, A. Kundaje, A. Shrikumar. Maximum Likelihood with Bias-Corrected
    Calibration is Hard-To-Beat at Label Shift Adaptation. ICML 2020. arXiv:1901.06852

    B. Efron, C. Morris. Stein's Estimation Rule and Its Competitors: An Empirical Bayes
    Approach. Journal of the American Statistical Association 68, 1973.
    doi:10.1080/01621459.1973.10481350 (estimates that lean on the training's base rates)

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skcalib.decision import PriorShiftClassifier
    >>> X, y = make_classification(5000, random_state=0)  # half of them positive
    >>> model = PriorShiftClassifier(priors={0: 0.98, 1: 0.02}).fit(X, y)
    >>> before, after = model.estimator_.predict_proba(X[:1]), model.predict_proba(X[:1])
    >>> before.round(2), after.round(2)
    (array([[0.01, 0.99]]), array([[0.32, 0.68]]))
    """

    def __init__(self, estimator=None, *, priors=None, sampling_rate=None):
        self.estimator = estimator
        self.priors = priors
        self.sampling_rate = sampling_rate

    def _check_params(self):
        if self.priors is not None and self.sampling_rate is not None:
            raise InvalidParameterError(
                "priors and sampling_rate each say what the base rates are; give one of them."
            )

    def _decide(self, data):
        for name in ("priors_interval_", "shift_pvalue_"):
            vars(self).pop(name, None)  # of an earlier fit
        n_classes = len(self.classes_)
        mass = np.bincount(data.codes, data.weight, minlength=n_classes)
        self._refuse_absent(mass)
        self.training_priors_ = mass / mass.sum()
        self.priors_ = self._new_priors()
        self._labelled = None
        if self._was_trained:
            used = data.weight > 0
            proba = super().predict_proba(data.X)[used]
            self._labelled = proba, data.codes[used], data.weight[used]

    def predict_proba(self, X):
        """Probabilities for the base rates ``priors_``.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``.
        """
        proba = super().predict_proba(X)
        ratio = self.priors_ / self.training_priors_
        if (ratio == 1).all():
            return proba
        shifted = proba * ratio.astype(proba.dtype)
        total = shifted.sum(axis=1, keepdims=True)
        # Of a row that is sure of classes which are said not to occur, nothing is known.
        known = np.where(total > 0, shifted / np.where(total > 0, total, 1), self.priors_)
        return known.astype(proba.dtype)

    def predict(self, X):
        """Label of the largest probability.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels from ``classes_``; the first of several that are equally likely.
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def adapt(self, X, sample_weight=None, *, confidence=0.95):
        """Estimate the base rates among new rows, without labels, and use them from now on.

        By EM, with half a row ahead for each class, so that none is said to be impossible.
        With four classes or more the estimate leans on the base rates of the training, the
        more the less the new rows contradict them (James and Stein's rule).

        Parameters
        ----------
        X : array-like of n_samples
            New rows, as in `fit`.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative frequencies.

        confidence : float, default=0.95
            Of the intervals, in (0, 1). They allow for the choice of the new rows, not for
            miscalibration.

        Returns
        -------
        self : object
            The same instance, with new ``priors_``, ``priors_interval_``, ``shift_pvalue_``.
        """
        check_is_fitted(self)
        check_fraction("confidence", confidence)
        proba = super().predict_proba(X).astype(np.float64)
        weight = check_weight(sample_weight, proba[:, 0])
        likelihood = proba / self.training_priors_
        start = self.training_priors_
        best = estimate_priors(likelihood, weight, start)
        careful = estimate_priors(likelihood, weight, best, ROWS_AHEAD)
        self.priors_ = shrink_priors(careful, likelihood, weight, best, start)
        low, high = interval_of_priors(likelihood, weight, best, confidence).T
        ends = np.minimum(low, self.priors_), np.maximum(high, self.priors_)
        self.priors_interval_ = np.stack(ends, axis=1)
        self.shift_pvalue_ = np.nan
        if self._labelled is not None:
            ratio = best / start
            self.shift_pvalue_ = pvalue_of_shift(*self._labelled, proba, weight, ratio)
        return self

    def _new_priors(self):
        if self.priors is not None:
            return base_rates_by_class(self.priors, self.classes_, "priors")
        if self.sampling_rate is None:
            return self.training_priors_
        rate = numbers_by_class(self.sampling_rate, self.classes_, "sampling_rate")
        if (rate == 0).any():
            raise InvalidParameterError("sampling_rate holds 0: no row of that class was kept.")
        natural = self.training_priors_ / rate
        return natural / natural.sum()

    def _refuse_absent(self, mass):
        if (mass == 0).any():
            label = self.classes_.tolist()[int(mass.argmin())]
            raise ValueError(
                f"y has no row of the class {label!r}, which the classifier knows, so that its "
                "base rate is unknown. Give rows of each class to fit."
            )
