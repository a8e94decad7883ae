"""SelectiveClassifier: decide the rows that are sure enough, with a certificate."""

import numpy as np
from sklearn import get_config
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.decision._abstention import add_abstention
from skcalib.decision._base import DecisionClassifier, share_of_hits
from skcalib.decision._certified_rows import check_demand, check_risk, check_times, split_rows
from skcalib.decision._groups import find_groups, find_known_groups, number_groups
from skcalib.decision._parts import certify_parts
from skcalib.decision._ranking import check_ranking, rank_rows
from skcalib.messages import check_flag, check_fraction

ATTRIBUTES = ("threshold_", "coverage_", "risk_", "bound_")  # as in Certificate


class SelectiveClassifier(DecisionClassifier):
    r"""Decide only the surest rows, so many that their risk is certified to be small.

    Rows are decided from a score on. The lowest score is found on rows that trained neither
    the classifier nor its calibrator, by exact tests: with probability `confidence` over the
    draw of these rows, the error of what is decided is at most `max_error`. At least
    :math:`\lceil \log(1 - \mathrm{confidence}) / \log(1 - \mathrm{max\_error}) \rceil` rows
    are needed (59 for .05, 299 for .01), all of them right.

    **When to use it.** To automate the part of the cases for which a promised error holds,
    and to leave the others to people. **When not.** With few rows nothing can be certified.
    The certificate is for new rows of the same kind: it says nothing under shift, and
    nothing of single groups of rows unless each has its own. For sets of labels with a
    guarantee see MAPIE.

    Parameters
    ----------
    estimator : estimator instance, keras.Model or torch.nn.Module, default=None
        A classifier with `predict_proba`. It is cloned and trained on a part of the rows,
        unless it is in a :class:`sklearn.frozen.FrozenEstimator` or a trained network; then
        all rows of `fit` certify, and nothing of it (not its calibrator either) may have
        been fitted to them. By default ``LogisticRegression()``.

    max_error : float or None, default=0.05
        The largest risk of what is decided, in (0, 1). None: no certificate; the share
        `coverage` is decided.

    confidence : float, default=0.95
        The probability that the certificate holds, in (0, 1).

    risk : "error" or array-like of shape (n_classes, n_classes), default="error"
        What is limited: the share of wrong decisions, or their mean cost, in [0, 1] each, as
        `cost_matrix` of :class:`CostSensitiveClassifier`. For costs the tests are bounds
        (Hoeffding's and Bentkus's), which certify less. `predict` decides for the likeliest
        class either way.

    rank_by : {"max_proba", "margin", "novelty"} or callable, default="max_proba"
        How sure a row is: its largest probability; the difference of the two largest; the
        p-value that it is like the training rows (`estimator` has `novelty_pvalue`); or a
        function ``rank(estimator, X)`` that returns a finite number for each row, higher for
        surer.

    coverage : float, default=None
        The share of rows to decide if `max_error` is None, in (0, 1].

    per_class : bool, default=False
        Whether each predicted class has a threshold and a certificate of its own.

    group_by : str, int or callable, default=None
        What groups of rows have a threshold and a certificate each: a column of X by its name
        or number (`estimator` gets it, too), or a function of X that returns a label for each
        row. Or give `groups` to `fit` and `predict`. Not together with `per_class`.

    simultaneous : bool, default=True
        Whether the certificates of all classes, or groups, hold at the same time, with
        probability `confidence`: each has a part of the error 1 - confidence, save those
        with too few rows for any certificate. False: each holds by itself.

    abstain_label : object, default=None
        What `predict` returns where nothing is decided; no class of y. By default -1 beside
        numbers (one less than the lowest class if that is one), None beside text and booleans.

    calibration_size : float, default=0.5
        The share of the rows that certify, where the classifier is trained here; in (0, 1).

    random_state : int, RandomState instance or None, default=None
        For the split into rows that train and rows that certify.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    decisions_ : ndarray of shape (n_classes + 1,)
        ``classes_``, and the label of abstaining.

    threshold_ : float or ndarray of shape (n_classes,)
        The score from which on rows are decided; infinite if none is. For each class if
        `per_class`, for each group if there are any, as the next three.

    coverage_ : float or ndarray of shape (n_classes,)
        The share of the certifying rows that are decided.

    risk_ : float or ndarray of shape (n_classes,)
        The mean loss of these; NaN if there are none.

    bound_ : float or ndarray of shape (n_classes,)
        What their true risk is below, at the confidence of the test; at most `max_error`. NaN
        without a certificate.

    groups_ : ndarray of shape (n_groups,)
        Sorted labels of the groups. Not there without groups.

    n_features_in_ : int
        The number of features of the fitted estimator, if it has this attribute.

    feature_names_in_ : ndarray of shape (n_features,)
        Those of the fitted estimator, if it has this attribute.

    Warns
    -----
    UserWarning
        If nothing can be certified, with the number of rows that are missing.

    See Also
    --------
    CostSensitiveClassifier : Abstain where that costs less than deciding.
    skcalib.metrics.risk_coverage_curve : The risk at each coverage, without a certificate.

    Notes
    -----
    Sample weights must be whole numbers here, the numbers of equal rows.

    References
    ----------
    Y. Geifman, R. El-Yaniv. Selective Classification for Deep Neural Networks. NeurIPS 2017.
    arXiv:1705.08500

    A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan, L. Lei. Learn then Test:
    Calibrating Predictive Algorithms to Achieve Risk Control. Annals of Applied Statistics 19,
    2025. arXiv:2110.01052

    B. L. Wiens, A. Dmitrienko. The Fallback Procedure for Evaluating a Single Family of
    Hypotheses. Journal of Biopharmaceutical Statistics 15, 2005. doi:10.1080/10543400500265660

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skcalib.decision import SelectiveClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SelectiveClassifier(GaussianNB(), max_error=0.1, random_state=0)
    >>> decided = model.fit(X[:1200], y[:1200]).predict(X[1200:])
    >>> sure = decided != -1
    >>> f"{sure.mean():.0%} decided, {(decided != y[1200:])[sure].mean():.1%} of these wrong"
    '82% decided, 13.5% of these wrong'
    """

    def __init__(
        self,
        estimator=None,
        *,
        max_error=0.05,
        confidence=0.95,
        risk="error",
        rank_by="max_proba",
        coverage=None,
        per_class=False,
        group_by=None,
        simultaneous=True,
        abstain_label=None,
        calibration_size=0.5,
        random_state=None,
    ):
        self.estimator = estimator
        self.max_error = max_error
        self.confidence = confidence
        self.risk = risk
        self.rank_by = rank_by
        self.coverage = coverage
        self.per_class = per_class
        self.group_by = group_by
        self.simultaneous = simultaneous
        self.abstain_label = abstain_label
        self.calibration_size = calibration_size
        self.random_state = random_state

    def _check_params(self):
        check_fraction("max_error", self.max_error, others=(None,))
        check_fraction("confidence", self.confidence)
        check_fraction("calibration_size", self.calibration_size)
        check_flag("per_class", self.per_class)
        check_flag("simultaneous", self.simultaneous)
        check_ranking(self.rank_by)
        check_risk(self.risk)
        check_demand(self.max_error, self.coverage)

    def fit(self, X, y=None, sample_weight=None, groups=None, **fit_params):
        """Train a clone of the classifier, unless it is trained, and certify.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            Whatever `estimator` takes. For a trained classifier, rows that neither it nor
            its calibrator has seen.

        y : array-like of shape (n_samples,)
            Class labels; for networks also one-hot.

        sample_weight : array-like of shape (n_samples,), default=None
            Whole numbers: how many equal rows each stands for. The estimator gets them if it
            takes them.

        groups : array-like of shape (n_samples,), default=None
            The label of each row's group; each group has a certificate. With metadata
            routing, the estimator gets them, too, if it requests them.

        **fit_params : dict
            Passed to the estimator's `fit`. With metadata routing enabled, they go to whoever
            requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is unusable, if weights are no whole numbers, if y is not a vector of
            at least two classes, or if the classifier has no `predict_proba`.
        """
        if groups is not None and get_config()["enable_metadata_routing"]:
            fit_params = {**fit_params, "groups": groups}
        given = groups is not None or self.group_by is not None
        if given and self.per_class:
            raise InvalidParameterError(
                "per_class=True and groups each divide the rows; give one of them."
            )

        def find(X):
            return find_groups(self.group_by, groups, X)

        return self._fit(X, y, sample_weight, fit_params, find if given else None)

    def _split(self, codes):
        return split_rows(codes, self.calibration_size, self.random_state)

    def _decide(self, data):
        self.decisions_ = add_abstention(self.classes_, self.abstain_label)
        times = check_times(data.weight)
        predicted, score = self._ask(data.X)
        costs = check_risk(self.risk, self.classes_)
        loss = (
            (predicted != data.codes).astype(float)
            if costs is None
            else costs[data.codes, predicted]
        )
        part, labels, kind = self._find_parts(data, predicted)
        found = certify_parts(
            (score, loss, times),
            (part, labels, kind),
            (self.max_error, self.coverage),
            (1 - self.confidence, self.simultaneous),
            binary=costs is None,
        )
        for name, values in zip(ATTRIBUTES, np.transpose(found), strict=True):
            setattr(self, name, float(values[0]) if labels is None else values)

    def _find_parts(self, data, predicted):
        """Return the number of each row's part, the labels of the parts, and their kind."""
        vars(self).pop("groups_", None)  # of an earlier fit
        if data.groups is not None:
            self.groups_, part = number_groups(data.groups)
            return part, self.groups_, "groups"
        if self.per_class:
            return predicted, self.classes_, "predicted classes"
        return np.zeros_like(predicted), None, None

    def _ask(self, X):
        """Return the likeliest class of each row, and how sure it is."""
        proba = self.predict_proba(X)
        return proba.argmax(axis=1), rank_rows(self.rank_by, self.estimator_, X, proba)

    def predict(self, X, groups=None):
        """Decide the rows that are sure enough.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        groups : array-like of shape (n_samples,), default=None
            The label of each row's group, if `fit` was given them. Of groups that it did not
            see nothing is decided.

        Returns
        -------
        decisions : ndarray of shape (n_samples,)
            Labels from ``decisions_``.
        """
        check_is_fitted(self)
        predicted, score = self._ask(X)
        threshold = self.threshold_
        part = find_known_groups(self.group_by, groups, X, getattr(self, "groups_", None))
        if part is not None:
            threshold = np.append(threshold, np.inf)[part]
        elif self.per_class:
            threshold = threshold[predicted]
        return self.decisions_[np.where(score >= threshold, predicted, len(self.classes_))]

    def score(self, X, y, sample_weight=None, groups=None):
        """Share of the rows that are decided, and rightly.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        y : array-like of shape (n_samples,)
            Labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        groups : array-like of shape (n_samples,), default=None
            As in `predict`.

        Returns
        -------
        score : float
            In [0, 1]. Rows that are not decided count as wrong.
        """
        return share_of_hits(self.predict(X, groups), y, sample_weight)
