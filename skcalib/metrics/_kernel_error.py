"""The kernel calibration error: residuals of rows that are alike, multiplied."""

import numpy as np

from skcalib.messages import check_choice, check_flag, is_number, quote
from skcalib.metrics._canonical_kernel import sum_over_pairs
from skcalib.metrics._evaluation import evaluate, prepared_by
from skcalib.metrics._events import NOTIONS
from skcalib.metrics._ordered_event import order_event
from skcalib.metrics._test_statistics import NARROWEST, kernel, kernel_width
from skcalib.metrics._truthful import prepare_mean_over_events
from skcalib.metrics._validation import warn_of_small_sum

NORMS = ("l2", "l2_squared")


def _prepare(predictions, *, norm, width, notion, debias):
    """Return the error as a function of the rows' weights."""
    check_choice("norm", norm, NORMS)
    check_choice("notion", notion, (*NOTIONS, "canonical"))
    check_flag("debias", debias)
    auto = isinstance(width, str) and width == "auto"
    if not auto and not (is_number(width) and NARROWEST <= width < np.inf):
        raise ValueError(
            f"width must be 'auto' or a number of at least {NARROWEST}, got {quote(width)}."
        )
    if debias:
        warn_of_small_sum(predictions.weight)
    own = {"width": None if auto else float(width), "debias": debias}
    if notion == "canonical":
        square = _square_of_rows(predictions, **own)
    else:
        square = prepare_mean_over_events(
            predictions, notion=notion, error_of=_square_of_event, **own
        )
    if norm == "l2_squared":
        return square
    return lambda weight: np.sqrt(max(square(weight), 0.0))


def _square_of_event(event, weight, *, width, debias):
    used = np.flatnonzero(weight)
    ordered = order_event(event.take(used, weight[used]))
    mean = float(kernel(ordered, None, width)(ordered.residual[np.newaxis])[0])
    own = ordered.residual**2 / ordered.weight
    return _without_pairs_of_itself(mean, own.sum(), ordered.size) if debias else mean


def _square_of_rows(predictions, *, width, debias):
    def square(weight):
        used = np.flatnonzero(weight)
        codes, own = predictions.codes[used], weight[used].astype(np.float64)
        proba = predictions.proba[used].astype(np.float64)
        reach = width or kernel_width(proba, own)
        size = own.sum()
        mean = sum_over_pairs(codes, proba, own, reach) / size**2
        given = proba[np.arange(len(codes)), codes]
        squares = np.einsum("ij,ij->i", proba, proba) + 1 - 2 * given
        return _without_pairs_of_itself(mean, own @ squares, size) if debias else mean

    return square


def _without_pairs_of_itself(mean, own, size):
    """Return the mean over pairs of different rows; a row or less is no pair."""
    return (mean * size**2 - own) / (size * (size - 1)) if size > 1 + 1e-9 else 0.0


@prepared_by(_prepare)
def kernel_calibration_error(
    y_true,
    y_proba,
    *,
    norm="l2",
    width="auto",
    notion="auto",
    debias=True,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Calibration error by a kernel over pairs of rows (SKCE, MMCE).

    Residuals r = y - p of rows with similar probabilities have the same sign where these are
    wrong, and independent signs where they are true. So the squared error is the mean over all
    pairs of different rows of::

        exp(-|p_i - p_j| / width) * r_i r_j

    For ``notion="canonical"`` p and r are whole rows (r the one-hot outcome minus p), with
    the Euclidean distance and the inner product: the only error here that looks at all classes
    of a row at once (Widmann et al.).

    **When to use it.** For many classes at once; and where a mean of zero for perfect
    probabilities matters: the debiased square has it. **When not.** To say how far
    probabilities are off: the value shrinks with the width. Values are comparable for one
    width only, so fix it when comparing models.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    norm : {"l2", "l2_squared"}, default="l2"
        The root of the mean over pairs (of zero, where it is negative), or the mean itself.

    width : "auto" or float of at least 0.002, default="auto"
        Of the kernel. "auto": the root mean squared distance of two rows, a closed form close
        to the median distance that Widmann et al. take. Kumar et al. have 0.4.

    notion : str, default="auto"
        "auto", "positive", "confidence", "top-label" or "class-wise", see
        :func:`calibration_error`; or "canonical". Squares of "top-label" and "class-wise" are
        means over the classes, weighted by how often each is predicted, or not weighted.

    debias : bool, default=True
        Whether to leave out the pairs of a row with itself, which make the value positive
        for perfect probabilities. False is the biased form: SKCE_b, and the square of MMCE.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies: 2 is two rows, which are a pair.

    Returns
    -------
    error : float
        In [0, 1] for "l2", at least -1 for "l2_squared" (debiased); canonical values are up to
        the root of 2, or 2. 0 is best.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if a parameter is unusable.

    See Also
    --------
    calibration_test : Whether it could be luck (``kind="kernel"``).

    Notes
    -----
    One sort is enough for the probability of one event. For "canonical" all pairs are
    computed, in blocks of rows: 10,000 rows take seconds, more take four times as long when
    doubled.

    References
    ----------
    Widmann, Lindsten, Zachariah (2019), "Calibration tests in multi-class classification",
    arXiv:1910.11385.

    Kumar, Sarawagi, Jain (2018), "Trainable Calibration Measures for Neural Networks from
    Kernel Mean Embeddings", PMLR 80 (MMCE).

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import kernel_calibration_error
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.dirichlet(np.ones(3), size=1000)
    >>> y_true = (rng.uniform(size=(1000, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    >>> round(kernel_calibration_error(y_true, proba, notion="canonical"), 3)
    0.0
    >>> sharper = proba**2 / (proba**2).sum(axis=1, keepdims=True)
    >>> round(kernel_calibration_error(y_true, sharper, notion="canonical"), 3)
    0.059
    """
    return evaluate(
        _prepare,
        (y_true, y_proba, labels, sample_weight, pos_label),
        norm=norm,
        width=width,
        notion=notion,
        debias=debias,
    )
