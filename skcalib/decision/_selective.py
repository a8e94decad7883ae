"""SelectiveClassifier: decide the rows that are sure enough, with a certificate."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.decision._abstention import add_abstention
from skcalib.decision._base import DecisionClassifier
from skcalib.decision._certificates import NOTHING, Certificate, certify, fewest_rows
from skcalib.inputs import check_cost_matrix, count_rows
from skcalib.messages import check_flag, check_fraction, is_number, is_word, quote, warn

SCORES = ("max_proba", "margin", "novelty")


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
    nothing of single groups of rows. For sets of labels with a guarantee see MAPIE.

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
        Whether each predicted class has a threshold and a certificate of its own, which hold
        at the same time: each of K classes has the confidence 1 - (1 - confidence) / K.

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
        `per_class`, as the next three.

    coverage_ : float or ndarray of shape (n_classes,)
        The share of the certifying rows that are decided.

    risk_ : float or ndarray of shape (n_classes,)
        The mean loss of these; NaN if there are none.

    bound_ : float or ndarray of shape (n_classes,)
        What their true risk is below, at the confidence of the test; at most `max_error`. NaN
        without a certificate.

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
        self.abstain_label = abstain_label
        self.calibration_size = calibration_size
        self.random_state = random_state

    def _check_params(self):
        check_fraction("max_error", self.max_error, others=(None,))
        check_fraction("confidence", self.confidence)
        check_fraction("calibration_size", self.calibration_size)
        check_flag("per_class", self.per_class)
        if not callable(self.rank_by) and not is_word(self.rank_by, SCORES):
            raise InvalidParameterError(
                f"rank_by must be one of {SCORES} or a function, got {quote(self.rank_by)}."
            )
        if isinstance(self.risk, str) and self.risk != "error":
            raise InvalidParameterError(
                f"risk must be 'error' or a matrix of costs, got {quote(self.risk)}."
            )
        if (self.max_error is None) == (self.coverage is None):
            raise InvalidParameterError(
                "Give max_error for a certificate, or max_error=None and coverage, the share "
                f"to decide; got max_error={self.max_error!r}, coverage={self.coverage!r}."
            )
        share = self.coverage
        if share is not None and not (is_number(share) and 0 < share <= 1):
            raise InvalidParameterError(f"coverage must be in (0, 1], got {quote(share)}.")

    def _split(self, codes):
        try:
            return train_test_split(
                np.arange(len(codes)),
                test_size=self.calibration_size,
                random_state=self.random_state,
                stratify=codes,
            )
        except ValueError as error:
            raise ValueError(
                f"The rows cannot be split into some that train and some that certify "
                f"(calibration_size={self.calibration_size}): {error} Give more rows of each "
                "class, or a trained classifier in sklearn.frozen.FrozenEstimator."
            ) from error

    def _decide(self, data):
        self.decisions_ = add_abstention(self.classes_, self.abstain_label)
        times = np.rint(data.weight)
        if not np.allclose(times, data.weight, rtol=0, atol=1e-9):
            raise ValueError(
                "sample_weight must hold whole numbers: a certificate counts rows. Leave the "
                "weights out, or repeat rows."
            )
        predicted, score = self._ask(data.X)
        costs = None if isinstance(self.risk, str) else self._costs()
        loss = (
            (predicted != data.codes).astype(float)
            if costs is None
            else costs[data.codes, predicted]
        )
        found = [
            self._find(score[rows], loss[rows], times[rows], costs is None)
            for rows in self._parts(predicted)
        ]
        threshold, coverage, risk, bound = np.transpose(found)
        one = not self.per_class
        self.threshold_ = float(threshold[0]) if one else threshold
        self.coverage_ = float(coverage[0]) if one else coverage
        self.risk_ = float(risk[0]) if one else risk
        self.bound_ = float(bound[0]) if one else bound
        if self.max_error is not None and np.isinf(threshold).any():
            self._warn_of_nothing(np.flatnonzero(np.isinf(threshold)), times.sum())

    def _parts(self, predicted):
        if not self.per_class:
            return [slice(None)]
        return [predicted == k for k in range(len(self.classes_))]

    def _find(self, score, loss, weight, binary):
        if self.max_error is None:
            return _take_share(score, loss, weight, self.coverage)
        level = (1 - self.confidence) / (len(self.classes_) if self.per_class else 1)
        return certify(score, loss, weight, self.max_error, level, binary=binary)

    def _costs(self):
        costs = check_cost_matrix(self.risk, self.classes_, "risk")
        if costs.min() < 0 or costs.max() > 1:
            raise InvalidParameterError(
                "risk holds costs outside [0, 1]; divide them, and max_error, by the largest."
            )
        return costs

    def _warn_of_nothing(self, classes, n_rows):
        level = 1 - self.confidence
        fewest = fewest_rows(self.max_error, 1 - level / (len(self.classes_) ** self.per_class))
        what = (
            "nothing"
            if not self.per_class
            else (f"nothing of the predicted classes {quote(self.classes_[classes].tolist())}")
        )
        missing = f", {fewest - n_rows:.0f} more than there are" if n_rows < fewest else ""
        warn(
            f"With {n_rows:.0f} rows {what} can be certified to have a risk of at most "
            f"{self.max_error}, so that it is never decided. Without an error among the surest "
            f"it takes {fewest} rows{missing}; more if there are errors. Give more rows, or a "
            "larger max_error.",
        )

    def _ask(self, X):
        """Return the likeliest class of each row, and how sure it is."""
        proba = self.predict_proba(X)
        predicted = proba.argmax(axis=1)
        if callable(self.rank_by):
            score = np.asarray(self.rank_by(self.estimator_, X), dtype=float)
            if score.shape != (count_rows(X),) or not np.isfinite(score).all():
                raise ValueError(
                    f"rank_by={self.rank_by!r} must return a finite number for each row, of "
                    f"shape ({count_rows(X)},); got {score.shape}, NaN or infinite values."
                )
        elif self.rank_by == "novelty":
            score = _novelty(self.estimator_, X)
        elif self.rank_by == "margin" and proba.shape[1] > 1:
            score = np.diff(np.partition(-proba, 1, axis=1)[:, :2])[:, 0]
        else:
            score = proba.max(axis=1)
        return predicted, score.astype(np.float64)

    def predict(self, X):
        """Decide the rows that are sure enough.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        decisions : ndarray of shape (n_samples,)
            Labels from ``decisions_``.
        """
        check_is_fitted(self)
        predicted, score = self._ask(X)
        threshold = self.threshold_ if not self.per_class else self.threshold_[predicted]
        return self.decisions_[np.where(score >= threshold, predicted, len(self.classes_))]


def _take_share(score, loss, weight, share):
    """Return what is decided if it is a share of the rows; ties are decided together."""
    used = weight > 0
    if not used.any():
        return NOTHING
    if share == 1:
        return Certificate(-np.inf, 1.0, float(np.average(loss, weights=weight)), np.nan)
    order = np.argsort(-score[used], kind="stable")
    score, loss, weight = score[used][order], loss[used][order], weight[used][order]
    place = np.searchsorted(np.cumsum(weight), share * weight.sum() * (1 - 1e-12))
    kept = score >= score[place]
    size = weight[kept].sum()
    risk = weight[kept] @ loss[kept] / size
    return Certificate(float(score[place]), float(size / weight.sum()), float(risk), np.nan)


def _novelty(estimator, X):
    if not hasattr(estimator, "novelty_pvalue"):
        raise InvalidParameterError(
            "rank_by='novelty' needs an estimator with novelty_pvalue, such as "
            "skcalib.novelty.DistanceAwareTemperatureClassifier; "
            f"{type(estimator).__name__} has none."
        )
    return np.asarray(estimator.novelty_pvalue(X), dtype=float)
