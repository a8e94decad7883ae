"""Any classifier, its logits divided by one temperature."""

from skcalib.calibrators import TemperatureScaling
from skcalib.folds import CrossCalibratedClassifier


class TemperatureCalibratedClassifier(CrossCalibratedClassifier):
    """Divide the logits of any classifier by the temperature that fits held-out data best.

    ``CalibratedClassifierCV(method="temperature")`` under its own name.
    See :class:`~skcalib.calibrators.TemperatureScaling` for when (not) to use it.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        The classifier, with `decision_function` or `predict_proba`. One that is trained
        already goes into :class:`sklearn.frozen.FrozenEstimator`; a trained Keras or torch
        network is given as it is. By default ``LinearSVC(random_state=0)``.

    cv : int, cross-validation generator or iterable, default=None
        How to split; 5 stratified folds by default.

    n_jobs : int, default=None
        Number of splits to train at the same time.

    ensemble : bool or "auto", default="auto"
        If True, a temperature for each split and the mean of their probabilities, which
        may change the likeliest class; if False, one temperature from all held-out
        answers, for the classifier trained on all samples. "auto" is False for a
        FrozenEstimator, else True.

    Attributes
    ----------
    calibrated_classifiers_ : list
        The pairs, each with ``estimator``, ``calibrators`` (a list of the one fitted
        TemperatureScaling, see there; empty if fewer than two classes were there to learn
        from) and ``predict_proba``.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    n_features_in_ : int
        As the fitted estimator has it, if it has.

    feature_names_in_ : ndarray of shape (n_features,)
        As the fitted estimator has them, if it has.

    Warns
    -----
    UserWarning
        As :class:`CalibratedClassifierCV` does.
    sklearn.exceptions.ConvergenceWarning
        For each temperature that ended at its bound.

    See Also
    --------
    CalibratedClassifierCV : The same with any calibrator.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skcalib import TemperatureCalibratedClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, X_cal, y, y_cal = train_test_split(X, y, random_state=0)
    >>> trained = GaussianNB().fit(X, y)
    >>> model = TemperatureCalibratedClassifier(FrozenEstimator(trained)).fit(X_cal, y_cal)
    >>> print(f"{model.calibrated_classifiers_[0].calibrators[0].temperature_:.0f}")
    14
    """

    def __init__(self, estimator=None, *, cv=None, n_jobs=None, ensemble="auto"):
        self.estimator = estimator
        self.cv = cv
        self.n_jobs = n_jobs
        self.ensemble = ensemble

    def _new_calibrator(self):
        return TemperatureScaling()
