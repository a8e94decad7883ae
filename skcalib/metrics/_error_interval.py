"""A calibration error with an interval that can be believed."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from skcalib.messages import check_count, is_count
from skcalib.metrics._binned_error import norm_of
from skcalib.metrics._binning import bin_sums, check_bins, number_by_rarer_outcome
from skcalib.metrics._drawn_sums import MANY_ROWS, draw_squared_errors
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._replicates import Rows, interval, replicate
from skcalib.metrics._resampling import check_level, generator_of
from skcalib.metrics._validation import check_predictions


class CalibrationErrorInterval(NamedTuple):
    """What :func:`calibration_error_interval` returns: floats."""

    estimate: float
    low: float
    high: float


def _compute(predictions, *, n_bins, strategy, notion, groups, stratify, **how):
    """Return the error of predictions that are checked; groups and strata are of their rows."""
    check_bins(n_bins, strategy)
    rows = Rows(None, groups, stratify, predictions.codes)
    if groups is None and stratify is None and strategy == "uniform":
        found = _draw_sums(predictions, n_bins, notion, **how)
        if found is not None:
            return found
    error = _squared_error(predictions, n_bins, strategy, notion)
    found = replicate(error, predictions.weight, rows, method="normal", verbose=0, **how)
    squares = interval(found, how["confidence_level"])[:3]
    return CalibrationErrorInterval(*np.sqrt(np.maximum(squares, 0)).tolist())


@computed_by(_compute)
def calibration_error_interval(
    y_true,
    y_proba,
    *,
    n_bins="auto",
    strategy="uniform",
    notion="auto",
    confidence_level=0.95,
    n_resamples=1000,
    groups=None,
    stratify=None,
    random_state=None,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Root mean square calibration error, debiased, with an interval that may include zero.

    The value that :class:`~skcalib.displays.ReliabilityDisplay` writes into its legend: "0.004
    [0.000, 0.009]". The squared error in bins,
    ``sum_b n_b / n * ((f_b - p_b)**2 - f_b * (1 - f_b) / (n_b - 1))``, is debiased (see
    :func:`calibration_error`), so that it varies around its true value, zero included; its
    interval is the estimate plus and minus a multiple of the standard error of the bootstrap.
    The roots of all three are returned, with zero for what is negative: an interval that
    begins at zero says that these rows show no miscalibration.

    Use it wherever you would put an interval around an expected calibration error. That one
    is biased upwards by noise, and resampling adds noise, so that its own bootstrap interval
    leaves out the truth. It is not the mean distance, but the root of the mean square, which is
    never less. How sure it is depends on the bins: what cancels inside of a bin is not seen.

    In 300 simulated sets each of 100, 500 and 2,000 rows, 95 % intervals held the true error of
    the bins in 94 to 98 % where uniform probabilities p were wrong (true frequencies p**1.5, or
    0.15 + 0.7 p), and in 99 to 100 % where they were right or nearly (p**1.1).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    n_bins : "auto", int, "cube_root" or "sweep", default="auto"
        Number of bins, or the rule to find it, as in :func:`calibration_error`.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal weight.

    notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
        Whose probability is compared with what frequency, see :func:`calibration_error`.

    confidence_level : float in (0, 1), default=0.95
        Of the interval, two-sided.

    n_resamples : int, default=1000
        Number of samples drawn, at least 2. From 100,000 rows on, where bins are of equal width
        and rows independent, the sums in the bins are drawn, normally, in place of the rows.

    groups : array-like of shape (n_samples,), default=None
        Rows that belong together are drawn together, see :func:`bootstrap_interval`.

    stratify : array-like of shape (n_samples,), default=None
        The number of rows (or groups) drawn from each of its values is fixed.

    random_state : int, RandomState instance or None, default=None
        Seed of the draws, for reproducible output. The estimate itself is not random.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: their sum is the number of rows.

    Returns
    -------
    error : CalibrationErrorInterval
        A named tuple of floats in [0, 1]: ``estimate``, ``low``, ``high``; low <= estimate <=
        high. ``low`` and ``high`` are NaN where nothing can vary.

    Raises
    ------
    ValueError
        As :func:`bootstrap_interval` does.

    Warns
    -----
    UserWarning
        If nothing can vary between resamples, or there are few groups, or small strata.

    See Also
    --------
    calibration_error : The value alone, with every norm.
    bootstrap_interval : Intervals of any metric.

    References
    ----------
    Kumar, Liang, Ma (2019), "Verified Uncertainty Calibration", arXiv:1909.10155.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import calibration_error_interval
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < proba  # calibrated perfectly
    >>> found = calibration_error_interval(y_true, proba, random_state=0)
    >>> [round(part, 3) for part in found]
    [0.016, 0.0, 0.042]
    >>> found = calibration_error_interval(y_true, proba**2, random_state=0)
    >>> [round(part, 2) for part in found]
    [0.18, 0.16, 0.2]
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    rows = Rows(sample_weight, groups, stratify, y_true)
    return _compute(
        predictions,
        n_bins=n_bins,
        strategy=strategy,
        notion=notion,
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        groups=rows.groups,
        stratify=rows.stratify,
        random_state=random_state,
    )


def _draw_sums(predictions, n_bins, notion, *, confidence_level, n_resamples, random_state):
    """Return the interval of very many rows, or None if there are fewer."""
    events = events_of(predictions, notion)
    few = predictions.weight.sum() < MANY_ROWS or len(predictions.weight) < MANY_ROWS
    if few or len(events) > 1 or not (is_count(n_bins) or n_bins == "auto"):
        return None
    check_level(confidence_level)
    check_count("n_resamples", n_resamples, 2)
    number = _number(n_bins, events[0])
    rng = generator_of(random_state)
    estimate, drawn = draw_squared_errors(events[0], number, n_resamples, rng)
    reach = ndtri((1 + confidence_level) / 2) * drawn.std(ddof=1)
    squares = np.array([estimate, estimate - reach, estimate + reach])
    return CalibrationErrorInterval(*np.sqrt(np.maximum(squares, 0)).tolist())


def _number(n_bins, event):
    automatic = isinstance(n_bins, str) and n_bins == "auto"
    return number_by_rarer_outcome(event, event.weight) if automatic else n_bins


def _squared_error(predictions, n_bins, strategy, notion):
    """Return the debiased square as a function of the rows' weights; bins stay as many."""
    events = events_of(predictions, notion)
    numbers = [_number(n_bins, event) for event in events]

    def error(weight):
        cells = [
            bin_sums(event, weight, number, strategy)
            for event, number in zip(events, numbers, strict=True)
        ]
        return norm_of(np.concatenate(cells, axis=1), "l2_squared", debias=True)

    return error
