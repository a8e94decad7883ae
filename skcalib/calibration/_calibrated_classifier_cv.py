"""CalibratedClassifierCV and TemperatureCalibratedClassifier."""

from sklearn.utils._param_validation import InvalidParameterError

from skcalib import calibrators
from skcalib.calibrators import Calibrator
from skcalib.folds import CrossCalibratedClassifier


class CalibratedClassifierCV(CrossCalibratedClassifier):
    """Calibrate the probabilities of any classifier.

    A drop-in replacement for :class:`sklearn.calibration.CalibratedClassifierCV`: the
    same parameters, attributes and behaviour, with more methods and without its defects
    (see the page "Coming from scikit-learn").

    A copy of the classifier is trained on the training part of each split of `cv` and
    predicts the held-out part; a calibrator is fitted to these held-out predictions. Wrap a
    classifier that is already trained in :class:`sklearn.frozen.FrozenEstimator`; all of X is
    then used to calibrate it, and must not contain the rows it was trained on. The same holds
    for a trained Keras or torch network, which is passed as it is.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        The classifier, with `decision_function` (preferred, as its values are not saturated)
        or `predict_proba`; or a trained network, which is wrapped in
        :class:`~skcalib.FrozenNetwork` and is not trained. For networks, also inside wrappers
        of scikeras, Keras and skorch, the true logits are used. An outlier detector with
        `decision_function` is accepted, too, if y has two classes; which of them its high
        scores indicate is learned from all held-out rows. By default
        ``LinearSVC(random_state=0)``.

    method : str or classifier, default="sigmoid"
        The calibrator; a name stands for its default parameters. The first three are those of
        scikit-learn, the others are from :mod:`skcalib.calibrators`:

        - "sigmoid": :class:`~skcalib.calibrators.PlattScaling`, two parameters for each
          class; for two classes, few samples, biased scores;
        - "isotonic": :class:`~skcalib.calibrators.IsotonicCalibration`, any monotone
          map; for thousands of samples;
        - "temperature": :class:`~skcalib.calibrators.TemperatureScaling`, one parameter;
          for networks and many classes;
        - "auto": :class:`~skcalib.calibrators.AutoCalibration`, a pool of the best, or the
          input unchanged if there is too little evidence of a gain;
        - many classes: "sms", "svs", "matrix", "vector", "dirichlet", "ets";
        - two classes, or one against the rest: "beta", "quadratic", "spline",
          "venn-abers", "hierarchical", "histogram", "scaling-binning", "bbq".

        The parameters of an instance are nested ones (``method__smoothing`` with
        ``method=IsotonicCalibration()``). Any other scikit-learn classifier is fitted on
        the logits, a column for each class, as features; a class that has no calibration
        row is then one that the pair does not know (see Notes).

    cv : int, cross-validation generator or iterable, default=None
        How to split: 5 folds by default, stratified for integers whatever the
        estimator's tags. Not used for a frozen estimator unless `ensemble` is True. Where
        several samples are of one patient or user, split by these:
        ``cv=list(GroupKFold(5).split(X, y, groups))`` ("Groups" in the guide).

    n_jobs : int, default=None
        Number of splits to train at the same time.

    ensemble : bool, "joined" or "auto", default="auto"
        If True, each split gives a pair of classifier and calibrator, and probabilities
        are the mean over pairs (of Venn-Abers calibrators, the geometric mean). If False,
        one calibrator is fitted to all held-out predictions together, and the classifier is
        trained once more on all samples; samples that no split held out do not count in
        the calibration. "joined" has the one calibrator, which learns from all samples, and
        the classifiers of all splits: each is calibrated by it, and the mean is taken.
        "auto" is False for a FrozenEstimator, which is one classifier however it is split
        (so is "joined"); else "joined" for ``method="auto"`` and True for the others.

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
        The pairs, each with ``estimator`` (fitted), ``calibrators`` (a list of the one
        fitted calibrator, its classes being column numbers; empty if fewer than two
        classes were there to learn from, the pair then answering with the softmax of its
        logits) and ``predict_proba``; as many as splits, unless `ensemble` is False: one. With
        "joined" the calibrator is the same object in all of them. Where
        labels had to be encoded for a classifier, ``estimator`` holds it as
        ``estimator.estimator``; a split whose training rows are of one class has a
        stand-in there.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels; those of a frozen estimator include what y lacks.

    estimators_ : list of n_labels
        Only for a network with several labels (``FrozenNetwork(model, multilabel=True)``): for
        each label a fitted copy, of its log-odds alone, or None where all samples are alike.
        ``classes_`` is then a list of ``[0, 1]``, and ``calibrators`` of the pairs has an entry
        for each label.

    n_features_in_ : int
        The number of features of the fitted estimator, if it has this attribute.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of X in `fit`, if it was a frame with names that are text; else
        those of a frozen estimator, if it has some. Predictions refuse other names and
        another order, also for classifiers that take columns by position.

    Warns
    -----
    UserWarning
        Once, if some class has no sample among the calibration rows or the training rows
        of a split; if the estimator or the calibrator does not take sample weights; if the
        weights sum to less than two samples; if the estimator's
        `decision_function` returns values that look like probabilities, or has no column
        for each class (`predict_proba` is then used); if the logits of a network are not
        available.
    sklearn.exceptions.ConvergenceWarning
        For each calibrator that ended at a bound or short of its optimum.

    See Also
    --------
    TemperatureCalibratedClassifier : The same with temperature scaling.

    Notes
    -----
    The output of a classifier is turned into logits once, depending on the method used:
    decision values f of two classes are ``(-f/2, f/2)``, probabilities are
    ``log(max(p, floor))`` with :func:`~skcalib.probability_floor` of the calibration rows.
    So the result for a row does not depend on the other rows.

    Where a split's training rows lack classes, the prediction q of its pair is conditional on
    the classes S that it knows, and its calibrator learns nothing from the samples of others.
    In the mean a pair is completed by all pairs: it counts as ``p(S) q_k`` for its own classes
    and as ``p_k`` for the others, p being the mean itself. So ``p_k`` is the mean of
    ``p(S) q_k`` over the pairs that know k, solved exactly for each row; there is one such
    p if the pairs are linked by classes that they share. The geometric mean is completed in
    the same way. A pair by itself predicts 0 for a class that it does not know. Classifiers
    of XGBoost, which take the labels 0..K-1 only, are given those, and so is any classifier
    that fails only where a split lacks some of them.

    The mean over pairs is never more confident than the pairs are on average, and less
    confident where they disagree; ``ensemble=False`` has one pair. With "joined", a classifier
    that never saw some class is given the lowest answer of all for it, and the calibrator's
    answer is divided by what it says of the classes that it knows. Calibration does not help if
    the calibration samples are unlike those to predict, or were used to train the classifier.

    References
    ----------
    A. Niculescu-Mizil, R. Caruana. Predicting Good Probabilities with Supervised
    Learning. ICML 2005. doi:10.1145/1102351.1102430

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.metrics import log_loss
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skcalib import CalibratedClassifierCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> naive = GaussianNB().fit(X, y)
    >>> calibrated = CalibratedClassifierCV(GaussianNB(), method="isotonic").fit(X, y)
    >>> for model in (naive, calibrated):
    ...     print(f"{log_loss(y_test, model.predict_proba(X_test)):.2f}")
    0.41
    0.15
    """

    def __init__(
        self,
        estimator=None,
        *,
        method="sigmoid",
        cv=None,
        n_jobs=None,
        ensemble="auto",
        verbose=0,
        weights="frequency",
    ):
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.n_jobs = n_jobs
        self.ensemble = ensemble
        self.verbose = verbose
        self.weights = weights

    def _new_calibrator(self):
        method = self.method
        if isinstance(method, str):
            known = _calibrators_by_name()
            if method not in known:
                names = ", ".join(f"{k!r} ({c.__name__})" for k, c in sorted(known.items()))
                raise InvalidParameterError(
                    f"Unknown method {method!r}. Known are {names}; an instance of a "
                    "calibrator or of any classifier is accepted, too."
                )
            method = known[method]()
        if isinstance(method, type) or not (
            hasattr(method, "fit") and hasattr(method, "predict_proba")
        ):
            raise InvalidParameterError(
                "method must be a name, or an instance of a calibrator or of a classifier with "
                f"'fit' and 'predict_proba' (an instance: with parentheses). Got {method!r} "
                "instead."
            )
        if isinstance(method, Calibrator):
            method.check_params()
        return method


def _calibrators_by_name():
    public = (getattr(calibrators, name) for name in calibrators.__all__)
    return {c.short_name: c for c in public if getattr(c, "short_name", None)}
