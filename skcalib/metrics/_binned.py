"""Calibration in bins of probability: the reliability curve and its mean distance."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from skcalib.metrics._validation import check_predictions

STRATEGIES = ("uniform", "quantile")
LARGEST_N_BINS = 2**20  # beyond it bins are no summary, and float32 cannot tell them apart


class ReliabilityCurve(NamedTuple):
    """What :func:`reliability_curve` returns: an entry for each bin that holds rows."""

    mean_proba: np.ndarray  # (n_filled,), all are float64
    frequency: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray


def expected_calibration_error(
    y_true, y_proba, *, n_bins=15, strategy="uniform", labels=None, sample_weight=None
):
    """Mean distance between predicted probability and observed frequency, in bins (ECE).

    With the rows b in n_bins bins, ``sum_b n_b / n * |frequency_b - mean_proba_b|``.

    - Two classes: the probability of the positive (second) class, and how often it is the
      true one. One column, two columns and a vector give the same figure.
    - More classes: the confidence, that is each row's largest probability, and how often
      that class (the first of several equal ones) is the true one. The other
      probabilities of a row play no role.

    For two classes some packages bin the confidence instead, which is another figure:
    ``expected_calibration_error(y_true == y_pred, confidence, labels=[False, True])``.

    Use it because everyone reports it, and together with a proper score such as
    :func:`sklearn.metrics.log_loss`: predicting the base rate for every row has an ECE of
    zero. Do not use it to choose among models that differ by little, or on few rows:

    - it is biased upward by noise. Perfect probabilities in bins of equal weight have an
      expected ECE of about ``sqrt(2 * n_bins / (pi * n)) * mean(sqrt(p * (1 - p)))``: 0.04
      for 1,000 rows in 15 bins if p is uniform. Fewer bins lower it;
    - errors of opposite sign in one bin cancel, so that it tells nothing of what goes on
      inside a bin. More bins show more;
    - it jumps where a probability crosses the edge of a bin.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of the sorted labels, as
        ``predict_proba`` returns them; each row sums to one (within 0.01). A single column,
        or a vector, is the probability of the positive (second) class.

    n_bins : int, default=15
        Number of bins, at least 1; empty ones do not count. Guo et al. use 15.

    strategy : {"uniform", "quantile"}, default="uniform"
        "uniform" makes bins of equal width: p is in bin ``floor(p * n_bins)``, and p = 1
        in the last. "quantile" makes bins of about equal weight (whose error is spread
        evenly over the rows). Equal probabilities always share a bin; many of them can
        leave others empty.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in any order: columns are sorted labels, as in
        :func:`sklearn.metrics.log_loss`. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row.

    Returns
    -------
    error : float
        In [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        If `y_proba` is empty, NaN, outside [0, 1], or has rows that do not sum to one; if
        lengths differ; if labels are missing, do not fit the columns or cannot be sorted;
        if weights are negative, NaN or all zero; if a parameter is unusable.

    See Also
    --------
    reliability_curve : The bins themselves, with intervals.

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", doi:10.1609/aaai.v29i1.9602.

    Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks",
    arXiv:1706.04599.

    Examples
    --------
    >>> from skcalib.metrics import expected_calibration_error
    >>> round(expected_calibration_error([0, 1, 1, 0], [0.1, 0.9, 0.7, 0.7]), 3)
    0.15
    >>> round(expected_calibration_error(["b", "c"], [[0, 0.8, 0.2], [0.6, 0.1, 0.3]],
    ...                                  labels=["a", "b", "c"]), 3)
    0.4
    """
    value, hit, weight = _events(y_true, y_proba, labels, sample_weight)
    count, expected, observed = _bin_sums(value, hit, weight, n_bins, strategy)
    return float(np.abs(observed - expected).sum() / count.sum())


def reliability_curve(
    y_true,
    y_proba,
    *,
    n_bins=15,
    strategy="uniform",
    labels=None,
    sample_weight=None,
    confidence_level=0.95,
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
        Probabilities in [0, 1], columns in the order of the sorted labels, as
        ``predict_proba`` returns them; each row sums to one (within 0.01). A single column,
        or a vector, is the probability of the positive (second) class.

    n_bins : int, default=15
        Number of bins, at least 1; empty ones are left out.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal weight; as in
        :func:`expected_calibration_error`.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in any order: columns are sorted labels, as in
        :func:`sklearn.metrics.log_loss`. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: their sum in a bin is taken for its
        number of rows.

    confidence_level : float in (0, 1), default=0.95
        Of the interval.

    Returns
    -------
    curve : ReliabilityCurve
        A named tuple of float64 vectors, an entry for each bin that is not empty, from low
        to high probability: ``mean_proba``, the mean prediction; ``frequency``, how often
        it came true; ``count``, the sum of weights; ``low`` and ``high``, the interval of
        the frequency. All but ``count`` are in [0, 1], and low <= frequency <= high.

    Raises
    ------
    ValueError
        As :func:`expected_calibration_error` does, and if `confidence_level` is not a
        number in (0, 1).

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
    if not (isinstance(confidence_level, Real) and 0 < confidence_level < 1):
        raise ValueError(
            f"confidence_level must be a number between 0 and 1, got {confidence_level!r}."
        )
    value, hit, weight = _events(y_true, y_proba, labels, sample_weight)
    count, expected, observed = _bin_sums(value, hit, weight, n_bins, strategy)
    frequency = observed / count
    low, high = _wilson(frequency, count, confidence_level)
    return ReliabilityCurve(expected / count, frequency, count, low, high)


def _events(y_true, y_proba, labels, sample_weight):
    """Return the probability of each row's event, whether it happened, and its weight."""
    codes, proba, weight, _ = check_predictions(y_true, y_proba, labels, sample_weight)
    if proba.shape[1] == 2:
        return proba[:, 1], codes == 1, weight
    predicted = proba.argmax(axis=1)
    return proba[np.arange(len(proba)), predicted], codes == predicted, weight


def _bin_sums(value, hit, weight, n_bins, strategy):
    """Return for each bin that is not empty the sums of weights, of values and of hits."""
    if not isinstance(n_bins, Integral) or isinstance(n_bins, bool):
        raise ValueError(f"n_bins must be an integer, got {n_bins!r}.")
    if not 1 <= n_bins <= LARGEST_N_BINS:
        raise ValueError(f"n_bins must lie between 1 and {LARGEST_N_BINS}, got {n_bins}.")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}, got {strategy!r}.")
    bins = (_uniform_bins if strategy == "uniform" else _quantile_bins)(value, weight, n_bins)
    count = np.bincount(bins, weight)
    filled = count > 0
    expected = np.bincount(bins, weight * value)
    observed = np.bincount(bins, weight * hit)
    return count[filled], expected[filled], observed[filled]


def _uniform_bins(value, weight, n_bins):
    """Number the bins of equal width.

    In the type of the values: 0.7 is in bin 7 of 10 in float32, too, though it is less.
    """
    bins = (value * value.dtype.type(n_bins)).astype(np.intp)
    return np.minimum(bins, n_bins - 1, out=bins)


def _quantile_bins(value, weight, n_bins):
    """Number the bins of equal weight: each group of ties goes where its middle lies."""
    distinct, group = np.unique(value, return_inverse=True)
    size = np.bincount(group, weight, minlength=len(distinct))
    total = np.cumsum(size)
    position = n_bins * (total - size / 2) / total[-1]
    # A middle on the edge of two bins is in the upper one, whatever sums of weights round to.
    return np.minimum(position + 1e-9, n_bins - 1).astype(np.intp)[group]


def _wilson(frequency, count, confidence_level):
    """Return the ends of the score interval; it holds the frequency, rounding or not."""
    z = -ndtri((1 - confidence_level) / 2)
    centre = frequency * count + z**2 / 2
    reach = z * np.sqrt(frequency * (1 - frequency) * count + z**2 / 4)
    low, high = (centre - reach) / (count + z**2), (centre + reach) / (count + z**2)
    return np.clip(low, 0, frequency), np.clip(high, frequency, 1)
