"""The risk-coverage curve: what risk remains if the least sure rows are left out."""

from typing import NamedTuple

import numpy as np

from skcalib.estimators import short_repr
from skcalib.metrics._evaluation import adds_up, computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._risk import descending
from skcalib.metrics._validation import check_predictions


class RiskCoverageCurve(NamedTuple):
    """What :func:`risk_coverage_curve` returns: an entry for each distinct confidence."""

    coverage: np.ndarray  # (n_distinct,), all are float64
    risk: np.ndarray
    threshold: np.ndarray

    __repr__ = short_repr


def _compute(predictions):
    """Return the curve of predictions that are checked."""
    (event,) = events_of(predictions, "confidence")
    threshold, size, wrong = descending(event, predictions.weight)
    kept = np.cumsum(size)
    return RiskCoverageCurve(kept / kept[-1], np.clip(np.cumsum(wrong) / kept, 0, 1), threshold)


@adds_up
@computed_by(_compute)
def risk_coverage_curve(y_true, y_proba, *, pos_label=None, labels=None, sample_weight=None):
    """Error rate among the most confident rows, for every share of rows kept.

    Rows are kept in descending order of confidence, the largest probability of the row.
    ``coverage`` is the share of rows with a confidence of at least ``threshold``, ``risk``
    the share of errors among them. Choose a threshold for abstention from it: "answer only
    if the confidence is at least t" keeps this many rows at this risk.

    Only the order of confidences matters, so that no calibration of a single temperature
    changes it for two classes. For the calibration see :func:`reliability_curve`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row, and their sum as the number of rows.

    Returns
    -------
    curve : RiskCoverageCurve
        A named tuple of float64 vectors, an entry for each distinct confidence, from high
        to low: ``coverage`` in (0, 1], ascending, 1 in the end; ``risk`` in [0, 1], the
        error rate of the model in the end; ``threshold``, the confidence.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    aurc_loss, augrc_loss : One number for it.

    References
    ----------
    El-Yaniv, Wiener (2010), "On the Foundations of Noise-free Selective Classification",
    https://jmlr.org/papers/v11/el-yaniv10a.html.

    Geifman, Uziel, El-Yaniv (2019), "Bias-Reduced Uncertainty Estimation for Deep
    Neural Classifiers", arXiv:1805.08206.

    Examples
    --------
    >>> from skcalib.metrics import risk_coverage_curve
    >>> curve = risk_coverage_curve([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3])
    >>> curve.coverage
    array([0.5 , 0.75, 1.  ])
    >>> curve.risk
    array([0.  , 0.  , 0.25])
    >>> curve.threshold
    array([0.9, 0.7, 0.6])
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions)
