"""How often each probability was predicted, and came true or not."""

from typing import NamedTuple

import numpy as np

from skcalib.estimators import short_repr
from skcalib.messages import check_choice, check_count
from skcalib.metrics._binning import check_bins, uniform_sums
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._validation import check_predictions

ONE_EVENT = ("auto", "positive", "confidence")


class HistogramCurve(NamedTuple):
    """What :func:`histogram_curve` returns: an entry for each bin, also for empty ones."""

    lower: np.ndarray  # (n_bins,), all are float64
    upper: np.ndarray
    hits: np.ndarray
    misses: np.ndarray

    __repr__ = short_repr


def _compute(predictions, *, n_bins, notion):
    """Return the curve of predictions that are checked."""
    check_count("n_bins", n_bins)
    check_bins(n_bins, "uniform")
    check_choice("notion", notion, ONE_EVENT)
    (event,) = events_of(predictions, notion)
    count, _, hits = uniform_sums(event, predictions.weight, n_bins)
    edges = np.arange(n_bins + 1) / n_bins
    return HistogramCurve(edges[:-1], edges[1:], hits, np.maximum(count - hits, 0))


@computed_by(_compute)
def histogram_curve(
    y_true,
    y_proba,
    *,
    n_bins=20,
    notion="auto",
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Counts of predicted probabilities in bins of equal width, right and wrong apart.

    For ``notion="confidence"`` hits are the rows whose predicted class is the true one, so
    that hits and misses are the right and the wrong answers by confidence.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    n_bins : int, default=20
        Number of bins between 0 and 1; p is in bin ``floor(p * n_bins)``, 1 in the last.

    notion : {"auto", "positive", "confidence"}, default="auto"
        Whose probability: that of the positive class, or the largest of each row. "auto" is
        "positive" for two classes, "confidence" for more.

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
    curve : HistogramCurve
        A named tuple of float64 vectors, an entry for each bin: its edges ``lower`` and
        ``upper``, and the sums of weights ``hits`` and ``misses``.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `n_bins` or `notion` is unusable.

    See Also
    --------
    reliability_curve : Their ratio, with intervals.

    Examples
    --------
    >>> from skcalib.metrics import histogram_curve
    >>> curve = histogram_curve([0, 1, 1, 0, 1], [0.1, 0.9, 0.7, 0.7, 0.8], n_bins=2)
    >>> curve.lower, curve.upper
    (array([0. , 0.5]), array([0.5, 1. ]))
    >>> curve.hits, curve.misses
    (array([0., 3.]), array([1., 1.]))
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions, n_bins=n_bins, notion=notion)
