"""Any classifier, its logits divided by one temperature."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.calibrators import TemperatureScaling
from skcalib.folds import CrossCalibratedClassifier


class TemperatureCalibratedClassifier(CrossCalibratedClassifier):
    r"""Calibrate any classifier by temperature scaling.

    The logits are divided by the temperature that fits held-out data best: this is
    ``CalibratedClassifierCV`` with :class:`~skcalib.calibrators.TemperatureScaling`, but with
    smoothed targets, so that the temperature is sensible even where all calibration samples are
    classified correctly, as may happen with a few dozen of them. (There, plain maximum
    likelihood, ``method="temperature"``, gives probabilities of 0 and 1, and so an infinite log
    loss for one mistake.) For when (not) to use it, see that class. What helps at the next
    training of a network that is too sure: "It always says 0 or 1" in the guide.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        The classifier, with `decision_function` or `predict_proba`. Wrap one that is
        already trained in :class:`sklearn.frozen.FrozenEstimator`; pass a trained Keras or
        torch network as it is. By default ``LinearSVC(random_state=0)``.

    smoothing : {"targets", "none", "mix"}, default="targets"
        "targets" smooths the targets by a tenth of one sample in all,
        :math:`t = (1 - e)\, \mathrm{onehot}(y) + e / K` with :math:`e = 0.1 / (n + 1)`, n
        being the total weight of the calibration samples and K the number of classes. "none"
        is plain maximum likelihood, the same as ``method="temperature"``; it warns if all
        samples are classified correctly. "mix" mixes its answer with the uniform
        distribution. See :class:`~skcalib.calibrators.TemperatureScaling`.

    cv : int, cross-validation generator or iterable, default=None
        How to split; 5 stratified folds by default.

    n_jobs : int, default=None
        Number of splits to train at the same time.

    ensemble : bool, "joined" or "auto", default="auto"
        If True, a temperature for each split and the mean of their probabilities, which
        may change the likeliest class; if False, one temperature from all held-out
        answers, for the classifier trained on all samples; if "joined", that one temperature
        for the classifiers of all splits, and the mean of their probabilities. "auto" is False
        for a FrozenEstimator (so is "joined"), else True.

    verbose : int, default=0
        Whether to show on standard error how many splits are done.

    weights : {"frequency", "relative"}, default="frequency"
        What `sample_weight` means to the calibration. "frequency": how often a sample
        occurs, so that the sum is the number of samples, on which smoothing and penalties
        depend. "relative": weights are known up to a factor, as those that
        :class:`sklearn.ensemble.AdaBoostClassifier` gives its members, and sum to one; they
        are multiplied so that they sum to the number of samples of positive weight. The
        estimator gets them as they are.

    Attributes
    ----------
    calibrated_classifiers_ : list
        The pairs, each with ``estimator``, ``calibrators`` (a list of the one fitted
        TemperatureScaling, see there; empty if fewer than two classes were there to learn
        from) and ``predict_proba``.

    temperature_ : float or ndarray of shape (n_pairs,)
        The temperature if there is one for all, as for trained networks or with `ensemble`
        False or "joined"; else that of each pair. Above one, the classifier was
        overconfident. It is 1 for a pair with nothing to learn from.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    estimators_ : list of n_labels
        Only for a network with several labels (``FrozenNetwork(model, multilabel=True)``): for
        each label a fitted copy, of its log-odds alone, or None where all samples are alike.
        ``classes_`` is then a list of ``[0, 1]``, and ``calibrators`` of the pairs has an entry
        for each label.

    n_features_in_ : int
        The number of features of the fitted estimator, if it has this attribute.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X in `fit`, as in :class:`CalibratedClassifierCV`.

    Raises
    ------
    ValueError
        If a parameter is unknown, or as :class:`CalibratedClassifierCV` does (by `fit`).

    Warns
    -----
    UserWarning
        As :class:`CalibratedClassifierCV` does.
    sklearn.exceptions.ConvergenceWarning
        For each temperature that ended at its bound: if the classifier ranks classes no
        better than chance; without smoothed targets also if all samples are classified
        correctly, or if the scale of its decision values is extreme.

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
    >>> print(f"{model.temperature_:.0f}")
    14
    """

    def __init__(
        self,
        estimator=None,
        *,
        smoothing="targets",
        cv=None,
        n_jobs=None,
        ensemble="auto",
        verbose=0,
        weights="frequency",
    ):
        self.estimator = estimator
        self.smoothing = smoothing
        self.cv = cv
        self.n_jobs = n_jobs
        self.ensemble = ensemble
        self.verbose = verbose
        self.weights = weights

    @property
    def temperature_(self):
        """The temperature, or one for each pair if there are several."""
        check_is_fitted(self)
        pairs = self.calibrated_classifiers_
        sharing = [pair for pair in pairs if getattr(pair, "shared", None) is not None]
        pairs = sharing[:1] or pairs
        found = np.array([_temperature_of(pair) for pair in pairs])
        return found if len(found) > 1 else float(found[0])

    def _new_calibrator(self):
        calibrator = TemperatureScaling(smoothing=self.smoothing)
        calibrator.check_params()
        return calibrator


def _temperature_of(pair):
    return pair.calibrators[0].temperature_ if pair.calibrators else 1.0
