"""The integrated calibration index: distances of a smooth curve from the diagonal."""

import numpy as np

from skcalib.messages import is_number, quote
from skcalib.metrics._evaluation import evaluate, prepared_by
from skcalib.metrics._smooth import GRID, NARROWEST, smoothed_on_grid
from skcalib.metrics._truthful import prepare_mean_over_events


def _prepare(predictions, *, quantile, width, notion):
    """Return the value as a function of the rows' weights."""
    if quantile is not None and not (is_number(quantile) and 0 <= quantile <= 1):
        raise ValueError(
            f"quantile must be None or a number from 0 to 1, got {quote(quantile)}."
        )
    auto = isinstance(width, str) and width == "auto"
    if not auto and not (is_number(width) and 0 < width <= 1):
        raise ValueError(f"width must be 'auto' or a number in (0, 1], got {quote(width)}.")
    return prepare_mean_over_events(
        predictions,
        notion=notion,
        error_of=_distance,
        width=None if auto else float(width),
        quantile=quantile,
    )


def _distance(event, weight, *, width, quantile):
    """Return a mean or a quantile of the distances at the rows."""
    used = np.flatnonzero(weight)
    weight = weight[used].astype(np.float64)
    event = event.take(used, weight)
    width = max(NARROWEST, width or rule_of_thumb(event.value, weight))
    residual, mass = smoothed_on_grid(event, weight, width)
    place = event.value.astype(np.float64) * GRID
    cell = np.minimum(place.astype(np.intp), GRID - 1)
    upper = place - cell
    parts = [(1 - upper) * part[cell] + upper * part[cell + 1] for part in (residual, mass)]
    distance = np.minimum(np.abs(parts[0] / parts[1]), 1.0)
    if quantile is None:
        return weight @ distance / weight.sum()
    order = np.argsort(distance)
    below = np.cumsum(weight[order]) / weight.sum()
    # The smallest value that so many rows do not exceed, however sums are rounded.
    return distance[order[min(np.searchsorted(below, quantile - 1e-9), len(order) - 1)]]


def rule_of_thumb(value, weight):
    """Return ``1.06 * sd * n ** (-1 / 5)``, the width that suits normal densities."""
    size = weight.sum()
    value = value.astype(np.float64)
    spread = np.sqrt(weight @ (value - weight @ value / size) ** 2 / size)
    return float(min(1.06 * spread * size ** (-1 / 5), 1.0))


@prepared_by(_prepare)
def integrated_calibration_error(
    y_true,
    y_proba,
    *,
    quantile=None,
    width="auto",
    notion="auto",
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Mean or quantile of a smooth curve's distances from the diagonal (ICI, E50, E90).

    At each row's probability p the smooth frequency c(p) is read off a kernel regression, and
    ``|c(p) - p|`` is how far that row is off. The mean over the rows is the integrated
    calibration index (ICI); ``quantile=0.5`` is the median (E50), 0.9 what nine rows in ten do
    not exceed (E90), 1 the largest (Emax).

    Austin and Steyerberg draw the curve by loess. Here it is made as in :func:`smooth_curve`:
    the kernel averages probabilities as well as outcomes, so that a curve on the diagonal stays
    there, at the ends too, and perfect probabilities of 0 and 1 have a distance of exactly
    zero. Values differ from those of loess, as these do among packages (R's has degree 2,
    statsmodels' degree 1).

    **When to use it.** For what medical journals ask for, and for E90: a bad tail that a mean
    hides. **When not.** On few rows: noise biases it upward like every error that is an
    absolute value; see :func:`calibration_error_interval`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    quantile : float in [0, 1] or None, default=None
        None is the mean.

    width : "auto" or float in (0, 1], default="auto"
        Standard deviation of the kernel. "auto": ``1.06 * sd * n ** (-1 / 5)`` with the
        standard deviation of the probabilities, the rule of thumb for kernels; wider than that
        of :func:`smooth_curve`, since what is averaged here are absolute values, and those of
        noise do not cancel. At least 0.00024.

    notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
        Whose probability is compared with what frequency, see :func:`calibration_error`.
        "top-label" and "class-wise" are means over the classes, weighted by how often each
        is predicted, or not weighted.

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
    error : float
        In [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `quantile` or `width` is unusable.

    See Also
    --------
    smooth_curve : The curve itself.
    smooth_calibration_error : The mean with residuals averaged over p rather than over rows.

    References
    ----------
    Austin, Steyerberg (2019), "The Integrated Calibration Index (ICI) and related metrics for
    quantifying the calibration of logistic regression models", doi:10.1002/sim.8281.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import integrated_calibration_error
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < proba**2
    >>> ici = integrated_calibration_error(y_true, proba)  # that of p - p**2 is 0.167
    >>> round(ici, 2)
    0.17
    >>> round(integrated_calibration_error(y_true, proba, quantile=0.9), 2)
    0.25
    """
    return evaluate(
        _prepare,
        (y_true, y_proba, labels, sample_weight, pos_label),
        quantile=quantile,
        width=width,
        notion=notion,
    )
