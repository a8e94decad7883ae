"""The reliability curve: observed frequency against predicted probability, in bins."""

from typing import NamedTuple

import numpy as np

from skcalib.estimators import short_repr
from skcalib.metrics._binning import bin_sums, check_bins
from skcalib.metrics._evaluation import adds_up, computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._intervals import chance_interval, check_band, score_interval
from skcalib.metrics._resampling import check_level
from skcalib.metrics._validation import check_predictions


class ReliabilityCurve(NamedTuple):
    """What :func:`reliability_curve` returns: an entry for each bin that holds rows."""

    mean_proba: np.ndarray  # (n_filled,), all are float64
    frequency: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray

    __repr__ = short_repr


def _compute(predictions, *, n_bins, strategy, confidence_level, band):
    """Return the curve of predictions that are checked."""
    check_level(confidence_level)
    check_band(band)
    check_bins(n_bins, strategy)
    (event,) = events_of(predictions, "auto")
    sums = bin_sums(event, predictions.weight, n_bins, strategy)
    return curve_of_sums(sums, confidence_level, band)


def curve_of_sums(sums, confidence_level, band):
    """Return the curve, given sums of weights, of values and of hits in bins."""
    count, expected, observed = sums
    frequency, mean_proba = observed / count, expected / count
    if band == "confidence":
        low, high = score_interval(frequency, count, confidence_level)
    else:
        low, high = chance_interval(np.clip(mean_proba, 0, 1), count, confidence_level)
    return ReliabilityCurve(mean_proba, frequency, count, low, high)


@adds_up
@computed_by(_compute)
def reliability_curve(
    y_true,
    y_proba,
    *,
    n_bins=15,
    strategy="uniform",
    pos_label=None,
    labels=None,
    sample_weight=None,
    confidence_level=0.95,
    band="confidence",
):
    """Observed frequency against predicted probability, in bins, with intervals.

    With two classes the probability is that of the positive (second) class, with more it
    is the confidence, and the frequency is the accuracy (see
    :func:`expected_calibration_error`, which is the weighted mean distance of the two).
    For one class against all others pass ``(y_true == k, y_proba[:, k])``.

    The interval of a bin is Wilson's score interval for the frequency. Where it leaves out
    ``mean_proba``, chance alone hardly explains the distance. It holds for each bin by
    itself: of 20 bins of perfect probabilities, expect one outside a 95 % interval. It is
    approximate, most so in bins of few rows. :func:`sklearn.calibration.calibration_curve` has
    neither intervals, counts, weights nor more than two classes.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    n_bins : int, "auto", "cube_root" or "sweep", default=15
        Number of bins, or the rule to find it, as in :func:`calibration_error`; empty ones
        are left out.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal weight; as in
        :func:`calibration_error`.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: their sum in a bin is taken for its
        number of rows.

    confidence_level : float in (0, 1), default=0.95
        Of the interval.

    band : {"confidence", "consistency"}, default="confidence"
        What ``low`` and ``high`` are. "confidence": where the true frequency may be, around
        the observed one (Wilson). "consistency": between which frequencies chance would
        leave a bin if the probabilities were true, around ``mean_proba``: quantiles of the
        binomial distribution. That takes the probabilities in a bin for equal, and is
        slightly too wide in wide bins.

    Returns
    -------
    curve : ReliabilityCurve
        A named tuple of float64 vectors, an entry for each bin that is not empty, from low
        to high probability: ``mean_proba``, the mean prediction; ``frequency``, how often
        it came true; ``count``, the sum of weights; ``low`` and ``high``, the interval. All
        but ``count`` are in [0, 1], and low <= frequency <= high (``mean_proba`` in place of
        frequency for "consistency").

    Raises
    ------
    ValueError
        As :func:`expected_calibration_error` does, and if `confidence_level` is not a
        number in (0, 1), or `band` is unknown.

    See Also
    --------
    expected_calibration_error : The mean distance of the two.

    References
    ----------
    Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference",
    doi:10.1080/01621459.1927.10502953.

    Brocker, Smith (2007), "Increasing the Reliability of Reliability Diagrams",
    doi:10.1175/WAF993.1.

    Examples
    --------
    >>> from skcalib.metrics import reliability_curve
    >>> curve = reliability_curve([0, 1, 1, 0, 1], [0.1, 0.9, 0.7, 0.7, 0.8], n_bins=2)
    >>> curve.mean_proba
    array([0.1  , 0.775])
    >>> curve.frequency
    array([0.  , 0.75])
    >>> curve.low.round(2), curve.high.round(2)
    (array([0. , 0.3]), array([0.79, 0.95]))
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(
        predictions,
        n_bins=n_bins,
        strategy=strategy,
        confidence_level=confidence_level,
        band=band,
    )
