"""The smooth reliability curve: kernel regression of outcomes on predicted probabilities."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from skcalib.estimators import short_repr
from skcalib.messages import is_number, quote
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._intervals import check_band, score_interval
from skcalib.metrics._resampling import check_level
from skcalib.metrics._smooth import BLOCK, GRID, NARROWEST, fixed_point
from skcalib.metrics._validation import check_predictions

N_POINTS = 201  # of the curve, where rows are everywhere
LEAST = 0.01  # of one row's kernel: at a point with less, nobody is within three widths


class SmoothCurve(NamedTuple):
    """What :func:`smooth_curve` returns: an entry for each point of the curve."""

    proba: np.ndarray  # (n_points,), all are float64
    frequency: np.ndarray
    density: np.ndarray
    low: np.ndarray
    high: np.ndarray

    __repr__ = short_repr


def _compute(predictions, *, width, band, confidence_level):
    """Return the curve of predictions that are checked."""
    check_level(confidence_level)
    check_band(band)
    auto = isinstance(width, str) and width == "auto"
    if not auto and not (is_number(width) and 0 < width <= 1):
        raise ValueError(f"width must be 'auto' or a number in (0, 1], got {quote(width)}.")
    (event,) = events_of(predictions, "auto")
    weight = event.weight
    width = max(NARROWEST, fixed_point(event, weight) if auto else float(width))
    lowest, highest = float(event.value.min()), float(event.value.max())
    at = np.unique(np.linspace(lowest, highest, N_POINTS))
    (mass, expected, observed), (squared, variance) = _smoothed(event, weight, width, at)
    proba, frequency = np.clip(expected / mass, 0, 1), np.clip(observed / mass, 0, 1)
    if band == "confidence":
        low, high = score_interval(frequency, mass**2 / squared, confidence_level)
    else:
        reach = -ndtri((1 - confidence_level) / 2) * np.sqrt(variance) / mass
        low, high = np.clip(proba - reach, 0, 1), np.clip(proba + reach, 0, 1)
    return SmoothCurve(proba, frequency, mass / weight.sum(), low, high)


@computed_by(_compute)
def smooth_curve(
    y_true,
    y_proba,
    *,
    width="auto",
    band="confidence",
    confidence_level=0.95,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Observed frequency against predicted probability by kernel smoothing.

    A bin that slides: near each t, probabilities and outcomes are averaged with a Gaussian
    kernel K of width s, reflected at 0 and 1::

        proba(t) = sum_i w_i p_i K_s(t, p_i) / sum_i w_i K_s(t, p_i), and
        frequency(t) = sum_i w_i y_i K_s(t, p_i) / sum_i w_i K_s(t, p_i)

    Perfect probabilities give the diagonal, wherever rows are dense or rare, and the mean
    distance from it, weighted by ``density``, is the smooth calibration error if s is.

    With two classes the probability is that of the positive (second) class, with more it
    is the confidence, and the frequency is the accuracy (as in :func:`reliability_curve`).
    For one class against all others pass ``(y_true == k, y_proba[:, k])``.

    Prefer it to :func:`reliability_curve` where edges of bins would disturb, and to
    :func:`corp_curve` if the truth may not be monotone. It shows nothing narrower than s.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    width : "auto" or float in (0, 1], default="auto"
        Standard deviation of the kernel. "auto": the smooth calibration error itself, as in
        :func:`smooth_calibration_error`. At least 0.00024.

    band : {"confidence", "consistency"}, default="confidence"
        What ``low`` and ``high`` are. "confidence": where the smoothed frequency may be,
        around the curve: Wilson's interval for the number of rows that the kernel amounts
        to. "consistency": where the curve would be if the probabilities were true, around
        the diagonal. They hold for each point by itself, for a width that is given
        beforehand; with "auto", which has seen the outcomes, they are approximate.

    confidence_level : float in (0, 1), default=0.95
        Of the band.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies: their sum is the number of rows.

    Returns
    -------
    curve : SmoothCurve
        A named tuple of float64 vectors, for t from the lowest to the highest probability in
        200 equal steps, without those that no row is near: ``proba`` and ``frequency``;
        ``density`` of the probabilities; ``low`` and ``high``, the band. All but
        ``density`` are in [0, 1]. At the ends, proba stays off those of t by the order of s.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `width`, `band` or `confidence_level` is
        unusable.

    See Also
    --------
    smooth_calibration_error : The mean distance from the diagonal.
    reliability_curve : In bins.

    References
    ----------
    Blasiok, Nakkiran (2024), "Smooth ECE: Principled Reliability Diagrams via Kernel
    Smoothing", arXiv:2309.12236.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import smooth_curve
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < proba**2
    >>> curve = smooth_curve(y_true, proba)
    >>> np.interp([0.2, 0.5, 0.8], curve.proba, curve.frequency).round(2)
    array([0.06, 0.27, 0.66])
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions, width=width, band=band, confidence_level=confidence_level)


def _smoothed(event, weight, width, at):
    """Return, at points near rows, sums with the kernel and with its square."""
    cells, (mass, expected, observed, variance) = _on_grid(event, weight)
    images = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1)
    kernel = np.zeros((len(at), len(cells)))
    for shift in 2 * images:  # reflections at 0 and 1
        for image in (shift + cells, shift - cells):
            kernel += np.exp(-(((at[:, np.newaxis] - image) / width) ** 2) / 2)
    kernel /= width * np.sqrt(2 * np.pi)
    first = np.stack([mass, expected, observed], axis=1)
    second = np.stack([mass, variance], axis=1)
    sums, squares = (kernel @ first).T, (kernel**2 @ second).T
    near = sums[0] >= LEAST * min(1.0, mass.max()) / (width * np.sqrt(2 * np.pi))
    return sums[:, near], squares[:, near]


def _on_grid(event, weight):
    """Return the places that hold rows; sums of weights, values, hits and variances."""
    sums = np.zeros((4, GRID + 1))
    for start in range(0, len(weight), BLOCK):
        block = slice(start, start + BLOCK)
        value = event.value[block].astype(np.float64)
        target = event.target if np.ndim(event.target) == 0 else event.target[block]
        cell = np.rint(value * GRID).astype(np.intp)
        hit = event.codes[block] == target
        for total, part in zip(sums, (1.0, value, hit, value * (1 - value)), strict=True):
            total += np.bincount(cell, weight[block] * part, minlength=GRID + 1)
    used = np.flatnonzero(sums[0])
    return used / GRID, sums[:, used]
