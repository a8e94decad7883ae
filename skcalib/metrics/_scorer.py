"""Scorers: metrics as cross-validation and searches want them."""

from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from skcalib.estimators import VersionedMixin
from skcalib.messages import check_flag, quote, shorten

SUFFIXES = {"_score": True, "_error": False, "_loss": False}


def make_proba_scorer(metric, *, greater_is_better="auto", pos_label=None, **params):
    """Make a scorer from a metric of probabilities, for `scoring=` in scikit-learn.

    Like ``sklearn.metrics.make_scorer(metric, response_method="predict_proba",
    greater_is_better=...)``, and

    - the labels of the columns are the classifier's own, so that a test fold which lacks a
      class is no error, with two classes or many (a training fold that lacks one still is:
      stratify);
    - losses and errors are negated by themselves: greater is better for every scorer.

    Parameters
    ----------
    metric : callable
        A function ``metric(y_true, y_proba, *, labels=None, sample_weight=None)`` that
        returns a float: those of this module.

    greater_is_better : {"auto", True, False}, default="auto"
        Whether the metric is a score rather than a loss. "auto" tells by the end of its
        name, as scikit-learn names them: ``_score``, or ``_error`` and ``_loss``.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes, given to the metric; the second of the classifier's
        if None.

    **params : dict
        Given to the metric.

    Returns
    -------
    scorer : ProbaScorer
        A callable ``scorer(estimator, X, y, sample_weight=None)`` that returns a float,
        negative for losses. It can be copied and pickled, and takes part in metadata
        routing (``scorer.set_score_request(sample_weight=True)``).

    Raises
    ------
    ValueError
        If "auto" cannot tell, or `metric` is no function.

    See Also
    --------
    sklearn.model_selection.cross_validate : What to pass it to.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skcalib.metrics import log_loss, make_proba_scorer, smooth_calibration_error
    >>> X, y = load_iris(return_X_y=True)
    >>> scoring = {
    ...     "log loss": make_proba_scorer(log_loss),
    ...     "calibration": make_proba_scorer(smooth_calibration_error, notion="class-wise"),
    ... }
    >>> found = cross_validate(LogisticRegression(max_iter=1000), X, y, scoring=scoring)
    >>> found["test_log loss"].mean().round(2).item()
    -0.14
    """
    if pos_label is not None:
        params["pos_label"] = pos_label
    greater = tell_direction(metric, greater_is_better)
    return ProbaScorer(metric, greater_is_better=greater, params=params)


def tell_direction(metric, greater_is_better):
    """Return whether greater values are better, as told, or by the end of the name."""
    if not callable(metric):
        raise ValueError(f"metric must be a function, got {quote(metric)}.")
    check_flag("greater_is_better", greater_is_better, others=("auto",))
    if not isinstance(greater_is_better, str):
        return greater_is_better
    name = getattr(metric, "__name__", repr(metric))
    ends = [greater for suffix, greater in SUFFIXES.items() if name.endswith(suffix)]
    if not ends:
        raise ValueError(
            f"The name of metric={shorten(name)} does not tell whether greater is better; pass "
            "greater_is_better=True or False."
        )
    return ends[0]


class ProbaScorer(VersionedMixin, BaseEstimator):
    """What :func:`make_proba_scorer` returns."""

    __metadata_request__score = {"estimator": UNUSED}

    def __init__(self, metric, *, greater_is_better, params):
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.params = params

    def __call__(self, estimator, X, y, sample_weight=None):
        """Return the value of a fitted classifier, negated for losses."""
        return self.score(estimator, X, y, sample_weight=sample_weight)

    def score(self, estimator, X, y, sample_weight=None):
        """Return the value of a fitted classifier, negated for losses."""
        value = self.metric(
            y,
            estimator.predict_proba(X),
            sample_weight=sample_weight,
            **{"labels": getattr(estimator, "classes_", None), **self.params},
        )
        return value if self.greater_is_better else -value
