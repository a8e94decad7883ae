"""The truthful calibration error: in expectation smallest where probabilities are true."""

import numpy as np

from skcalib.metrics._evaluation import evaluate, prepared_by
from skcalib.metrics._events import events_of


def prepare_mean_over_events(predictions, *, notion, error_of, **own):
    """Return the mean of an error over events, weighted by their sizes, of rows' weights.

    ``error_of(event, weight, **own)`` takes the weights of the event's rows.
    """
    events = events_of(predictions, notion)

    def error(weight):
        parts = [(event, event.weight_of(weight)) for event in events]
        parts = [(event, own_weight) for event, own_weight in parts if own_weight.any()]
        errors = [
            own_weight.sum() * error_of(event, own_weight, **own) for event, own_weight in parts
        ]
        return sum(errors) / sum(own_weight.sum() for _, own_weight in parts)

    return error


def _error_of(event, weight):
    value, size, hits = event.grouped(weight)
    sums = np.cumsum(hits - size * value) / size.sum()
    total = sums[-1]
    between = (sums**2 + (total - sums) ** 2) @ np.diff(np.r_[value, 1.0])
    return between + total**2 * value[0]


def _prepare(predictions, *, notion):
    return prepare_mean_over_events(predictions, notion=notion, error_of=_error_of)


@prepared_by(_prepare)
def truthful_calibration_error(
    y_true, y_proba, *, notion="auto", pos_label=None, labels=None, sample_weight=None
):
    """Averaged two-bin calibration error, which cannot be gamed.

    The rows are parted at a boundary t, uniform on [0, 1]; the error is the mean over t of
    the squared residuals of both sides::

        integral_0^1 (sum_{p_i <= t} w_i (p_i - y_i) / n)**2
                   + (sum_{p_i >  t} w_i (p_i - y_i) / n)**2 dt

    It is computed exactly, by one sort. Most calibration errors, those in bins among them, are
    smaller on average for some probabilities that are not true: whoever knows the truth can do
    better by saying something else, such as fewer distinct values. This one is truthful: since
    the variances of independent outcomes add up, whatever the boundary, true probabilities q
    expect ``sum q (1 - q) / n**2``, and any others that plus a square. So it is safe to select
    and to rank by.

    **When to use it.** To compare or select by calibration alone; a proper loss beside it,
    since a constant base rate is calibrated, too. **When not.** To say how far probabilities
    are off: its unit is a squared share of rows; :func:`calibration_error` has that of
    probability. It rewards neither sharpness nor the ranking.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

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
        As :func:`calibration_error` does.

    See Also
    --------
    calibration_test : Whether it could be luck (``kind="truthful"``).

    Notes
    -----
    Written from the definition in the abstracts of the paper; the full text was not at hand.

    References
    ----------
    Hartline, Hu, Wu (2026), "A Perfectly Truthful Calibration Measure", COLT 2026, PMLR 336,
    arXiv:2508.13100.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import truthful_calibration_error
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < proba
    >>> truthful_calibration_error(y_true, proba) < 0.0005
    True
    >>> round(truthful_calibration_error(y_true, proba**2), 4)
    0.0212
    """
    return evaluate(
        _prepare,
        (y_true, y_proba, labels, sample_weight, pos_label),
        notion=notion,
    )
