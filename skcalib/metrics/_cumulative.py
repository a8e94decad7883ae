"""The cumulative calibration error: how far sums of residuals wander."""

import numpy as np

from skcalib.messages import check_choice
from skcalib.metrics._evaluation import evaluate, prepared_by
from skcalib.metrics._truthful import prepare_mean_over_events

NORMS = ("range", "max")
BLOCK = 2**15  # rows that stay in cache
SORTABLE = {4: np.uint32, 8: np.uint64}


def _prepare(predictions, *, norm, notion):
    check_choice("norm", norm, NORMS)
    return prepare_mean_over_events(predictions, notion=notion, error_of=_error_of, norm=norm)


@prepared_by(_prepare)
def cumulative_calibration_error(
    y_true,
    y_proba,
    *,
    norm="range",
    notion="auto",
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Range of the cumulative residuals along ascending probabilities (ECCE, Kuiper).

    With rows in the order of their probabilities and residuals y - p::

        S_k = sum_{i <= k} w_i (y_i - p_i) / n, at the last row of each distinct probability

    the error is ``max S - min S``, zero included: the largest share of rows by which outcomes
    exceed, or fall short of, their probabilities over any range of probabilities. There is
    nothing to choose, neither bins nor widths. Perfect probabilities have an error of about
    ``1.6 * sqrt(mean(p (1 - p)) / n)``, 0.02 for 1,000 rows that are uniform.

    **When to use it.** With :func:`calibration_test`, whose default it is, and with
    :func:`cumulative_curve`, which shows where: its slope is the residual. It takes a sort and
    little else. **When not.** Residuals whose sign changes often along p cancel: a curve that
    oscillates around the diagonal has a small one.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    norm : {"range", "max"}, default="range"
        "range": as above (Kuiper; ECCE-R). "max": ``max |S|`` (Kolmogorov and Smirnov;
        ECCE-MAD), which, unlike the range, changes if the two classes are swapped.

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
        As :func:`calibration_error` does, and if `norm` is unusable.

    See Also
    --------
    cumulative_curve : S, with the band in which chance leaves it.
    calibration_test : Whether it could be luck (``kind="cumulative"``).

    References
    ----------
    Gupta, Rahimi, Ajanthan, Mensink, Sminchisescu, Hartley (2021), "Calibration of Neural
    Networks using Splines", arXiv:2006.12800.

    Arrieta-Ibarra, Gujral, Tannen, Tygert, Xu (2022), "Metrics of calibration for
    probabilistic predictions", arXiv:2205.09680.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import cumulative_calibration_error
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < proba
    >>> round(cumulative_calibration_error(y_true, proba), 3)
    0.01
    >>> round(cumulative_calibration_error(y_true, proba**2), 3)
    0.171
    """
    return evaluate(
        _prepare,
        (y_true, y_proba, labels, sample_weight, pos_label),
        norm=norm,
        notion=notion,
    )


def _error_of(event, weight, *, norm):
    equal = weight[0] == weight[-1] and (weight == weight[0]).all()
    top, bottom = _extremes_of_equal_rows(event) if equal else _extremes(event, weight)
    return max(top, -bottom) if norm == "max" else max(top, 0.0) - min(bottom, 0.0)


def _extremes(event, weight):
    """Return the largest and the smallest cumulative residual."""
    value, size, hits = event.grouped(weight)
    sums = np.cumsum(hits - size * value) / size.sum()
    return sums.max(), sums.min()


def _extremes_of_equal_rows(event):
    """Return the same for rows that count the same, by a plain sort.

    Floats that are not negative are in the order of their bits, and those up to one leave the
    highest bit free: shifted by one, they take the outcome along. A sort of indices would take
    many times as long.
    """
    value = event.value
    integer = SORTABLE.get(value.dtype.itemsize)
    if integer is None:
        value, integer = value.astype(np.float64), np.uint64
    keys = np.abs(value).view(integer)  # a negative zero has another bit
    keys <<= integer(1)
    keys |= event.hit
    keys.sort()
    total, top, bottom = 0.0, -np.inf, np.inf
    for start in range(0, len(keys), BLOCK):
        block = keys[start : start + BLOCK]
        hit = block & integer(1)
        bits = keys[start : start + BLOCK + 1] >> integer(1)
        ends = bits[1:] != bits[:-1]  # the last row of all has nothing behind it
        residual = hit - bits[: len(block)].view(value.dtype).astype(np.float64)
        residual[0] += total
        sums = np.cumsum(residual, out=residual)
        total = sums[-1]
        if len(ends) < len(sums):
            ends = np.append(ends, True)
        sums = sums if ends.all() else sums[ends]
        if len(sums):
            top, bottom = max(top, sums.max()), min(bottom, sums.min())
    return top / len(keys), bottom / len(keys)
