"""What acting from some probability on would mean: precision, recall, how often."""

from typing import NamedTuple

import numpy as np

from skcalib.estimators import short_repr
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._validation import check_predictions


class ThresholdCurve(NamedTuple):
    """What :func:`threshold_curve` returns: an entry for each distinct probability."""

    threshold: np.ndarray  # (n_distinct,), all are float64
    precision: np.ndarray
    recall: np.ndarray
    share: np.ndarray

    __repr__ = short_repr


def _compute(predictions):
    """Return the curve of predictions that are checked."""
    (event,) = events_of(predictions, "auto")
    value, size, hits = event.grouped(predictions.weight)
    acted, true = np.cumsum(size[::-1]), np.cumsum(hits[::-1])
    recall = true / true[-1] if true[-1] > 0 else np.ones_like(true)
    precision = np.clip(true / acted, 0, 1)
    return ThresholdCurve(value[::-1], precision, recall, acted / acted[-1])


@computed_by(_compute)
def threshold_curve(y_true, y_proba, *, pos_label=None, labels=None, sample_weight=None):
    """Precision, recall and the share of rows acted upon, for every threshold.

    To act is to take the positive (second) of two classes for true where its probability
    is at least the threshold. With more than two classes it is to give an answer (the
    likeliest class) where the confidence is at least the threshold, precision is then the
    accuracy of what is answered, and recall how many of all right answers are given. For
    one class against all others pass ``(y_true == k, y_proba[:, k])``.

    Where probabilities are calibrated the threshold follows from the costs alone:
    ``cost_fp / (cost_fp + cost_fn)``. The best threshold on few rows does not generalise.

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
    curve : ThresholdCurve
        A named tuple of float64 vectors in [0, 1], an entry for each distinct probability,
        from high to low: ``threshold``; ``precision``, the share of true ones among those
        acted upon; ``recall``, the share acted upon among the true ones (1 if there is
        none); ``share`` of rows acted upon, ascending, 1 in the end.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    risk_coverage_curve : The same question for abstention.

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning", IJCAI,
    ISBN 978-1-55860-812-2.

    Examples
    --------
    >>> from skcalib.metrics import threshold_curve
    >>> curve = threshold_curve([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.6])
    >>> curve.threshold
    array([0.9, 0.6, 0.4, 0.1])
    >>> curve.precision.round(2)
    array([1.  , 0.5 , 0.67, 0.5 ])
    >>> curve.recall, curve.share
    (array([0.5, 0.5, 1. , 1. ]), array([0.25, 0.5 , 0.75, 1.  ]))
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions)
