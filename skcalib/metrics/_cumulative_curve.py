"""The cumulative curve: sums of residuals along ascending probabilities, with their band."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from skcalib.estimators import short_repr
from skcalib.metrics._cumulative_laws import tail_of_maximum
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._resampling import check_level
from skcalib.metrics._validation import check_predictions


class CumulativeCurve(NamedTuple):
    """What :func:`cumulative_curve` returns: an entry for each distinct probability."""

    share: np.ndarray  # (n_distinct + 1,), all are float64; the first point is the origin
    proba: np.ndarray
    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray

    __repr__ = short_repr


def _compute(predictions, *, confidence_level):
    """Return the curve of predictions that are checked."""
    check_level(confidence_level)
    (event,) = events_of(predictions, "auto")
    value, size, hits = event.grouped(event.weight)
    total = size.sum()
    share = np.r_[0, np.cumsum(size) / total]
    difference = np.r_[0, np.cumsum(hits - size * value) / total]
    deviation = np.sqrt(size @ (value * (1 - value))) / total
    reach = brentq(lambda c: tail_of_maximum(c) - (1 - confidence_level), 0.01, 20)
    band = np.full(len(share), reach * deviation)
    return CumulativeCurve(share, np.r_[value[0], value], difference, -band, band)


@computed_by(_compute)
def cumulative_curve(
    y_true, y_proba, *, confidence_level=0.95, pos_label=None, labels=None, sample_weight=None
):
    """Sums of outcomes minus probabilities, along ascending probabilities.

    With rows in the order of their probabilities, the curve goes up where the event is more
    frequent than was said, and down where it is less: the slope over any range of rows is
    their mean residual. Perfect probabilities give a curve that wanders around zero, and stays
    within the band as a whole. There are no bins and no widths to choose.

    With two classes the probability is that of the positive (second) class, with more it
    is the confidence. For one class against all others pass ``(y_true == k, y_proba[:, k])``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    confidence_level : float in (0, 1), default=0.95
        With which perfect probabilities stay within the band everywhere: that of the
        maximum of Brownian motion.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies.

    Returns
    -------
    curve : CumulativeCurve
        A named tuple of float64 vectors, an entry for the origin and one for each distinct
        probability: ``share``, of the rows up to it, in [0, 1]; ``proba``, itself;
        ``difference``, the sum of residuals divided by the number of rows, in [-1, 1]; ``low``
        and ``high``, the ends of the band, the same everywhere.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `confidence_level` is unusable.

    See Also
    --------
    cumulative_calibration_error : How far it goes.
    calibration_test : ``kind="kolmogorov-smirnov"`` is whether it leaves the band.

    References
    ----------
    Arrieta-Ibarra, Gujral, Tannen, Tygert, Xu (2022), "Metrics of calibration for
    probabilistic predictions", arXiv:2205.09680.

    Examples
    --------
    >>> from skcalib.metrics import cumulative_curve
    >>> curve = cumulative_curve([0, 0, 1, 1], [0.2, 0.2, 0.4, 0.9])
    >>> curve.share, curve.difference.round(3)
    (array([0.  , 0.5 , 0.75, 1.  ]), array([ 0.   , -0.1  ,  0.05 ,  0.075]))
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions, confidence_level=confidence_level)
