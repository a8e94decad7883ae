"""The top-k calibration error: is the truth among the k likeliest as often as promised?"""

import numpy as np

from skcalib.inputs import row_blocks
from skcalib.messages import check_choice, check_count, check_flag
from skcalib.metrics._binned_error import NORMS, prepare_binned_error
from skcalib.metrics._evaluation import evaluate, prepared_by
from skcalib.metrics._validation import Predictions


def _prepare(predictions, *, k, norm, n_bins, strategy, debias):
    check_count("k", k)
    check_choice("norm", norm, NORMS)
    check_flag("debias", debias)
    return prepare_binned_error(
        top_k_event(predictions, k),
        norm=norm,
        n_bins=n_bins,
        strategy=strategy,
        notion="positive",
        debias=debias,
    )


def top_k_event(predictions, k):
    """Return predictions of two classes: that the truth is among the k likeliest, or is not."""
    proba, codes = predictions.proba, predictions.codes
    rank, value = np.empty(len(codes), np.intp), np.empty(len(codes))
    for block in row_blocks(*proba.shape):
        rows, truth = proba[block], codes[block, np.newaxis]
        own = np.take_along_axis(rows, truth, axis=1)
        before = np.arange(rows.shape[1]) < truth
        rank[block] = ((rows > own) | ((rows == own) & before)).sum(axis=1)
        largest = -np.sort(-rows, axis=1)[:, :k]
        value[block] = np.minimum(largest.sum(axis=1, dtype=np.float64), 1)
    if k >= proba.shape[1]:
        value = np.ones(len(codes))  # certain, however a row's sum is rounded
    hit = (rank < k).astype(np.intp)
    return Predictions(hit, value, predictions.weight, np.array([False, True]), pos=1)


@prepared_by(_prepare)
def top_k_calibration_error(
    y_true,
    y_proba,
    *,
    k=5,
    norm="l1",
    n_bins=15,
    strategy="uniform",
    debias=False,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Distance between the promise that the truth is among k classes, and its frequency.

    The sum of a row's k largest probabilities promises that its true class is one of these k.
    The error is :func:`calibration_error` of that probability, in bins. With ``k=1`` it is the
    confidence; with as many as there are classes the promise is kept, and the error is 0.

    **When to use it.** Where a short list is shown, or goes on to a second stage. **When
    not.** For a list whose length depends on the row: prediction sets with a guarantee are
    made for that.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    k : int, default=5
        How many classes are listed. Of several equal probabilities the first ones are.

    norm : {"l1", "l2", "l2_squared", "max"}, default="l1"
        As in :func:`calibration_error`, like the next three.

    n_bins : int, "auto", "cube_root" or "sweep", default=15
        Number of bins, or the rule to find it.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal weight.

    debias : bool, default=False
        Take away what noise adds on average.

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
        In [0, 1], or in [-0.25, 1] for the debiased "l2_squared"; 0 is best.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `k` is no positive integer.

    See Also
    --------
    calibration_error : With ``notion="confidence"`` the same for one class, with
        ``notion="top-label"`` given which one it is.

    References
    ----------
    Gupta, Rahimi, Ajanthan, Mensink, Sminchisescu, Hartley (2021), "Calibration of Neural
    Networks using Splines", arXiv:2006.12800.

    Examples
    --------
    >>> from skcalib.metrics import top_k_calibration_error
    >>> proba = [[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.4, 0.4, 0.2], [0.2, 0.7, 0.1]]
    >>> round(top_k_calibration_error([0, 2, 2, 1], proba, k=2, n_bins=1), 3)
    0.1
    """
    return evaluate(
        _prepare,
        (y_true, y_proba, labels, sample_weight, pos_label),
        k=k,
        norm=norm,
        n_bins=n_bins,
        strategy=strategy,
        debias=debias,
    )
