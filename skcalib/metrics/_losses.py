"""Proper losses, for each row, and their means."""

import numpy as np

from skcalib.inputs import row_blocks
from skcalib.messages import check_flag, quote
from skcalib.metrics._device import brier_there, log_loss_there
from skcalib.metrics._evaluation import adds_up, evaluate, prepared_by


def _brier(codes, proba):
    """Return squared distances; with two classes half of them, the square of one column's."""
    rows = np.arange(len(proba))
    if proba.shape[1] == 2:
        return (1 - proba[rows, codes].astype(np.float64)) ** 2
    out = np.empty(len(proba))
    for block in row_blocks(*proba.shape):  # no copy of them all in double precision
        gap = proba[block].astype(np.float64)
        gap[rows[: len(gap)], codes[block]] -= 1
        out[block] = np.einsum("ij,ij->i", gap, gap)
    return out


def _log(codes, proba):
    """Return minus the logarithms of what was given to the true class; infinite for zero."""
    given = proba[np.arange(len(proba)), codes].astype(np.float64)
    with np.errstate(divide="ignore"):
        return -np.log(given)


LOSSES = {"brier": _brier, "log_loss": _log}


def loss_function(loss):
    """Return the function of (codes, proba) for a name; functions stay what they are."""
    if callable(loss):
        return lambda codes, proba: _checked(loss(codes, _read_only(proba)), len(codes))
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    raise ValueError(
        f"loss must be one of {tuple(LOSSES)} or a function of (codes, proba), got "
        f"{quote(loss)}."
    )


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view


def _checked(losses, n_rows):
    losses = np.asarray(losses, dtype=np.float64)
    if losses.shape != (n_rows,) or np.isnan(losses).any():
        raise ValueError(
            "loss must return a number for each row, an array of shape (n_rows,) without NaN; "
            f"for {n_rows} rows it returned shape {losses.shape}."
        )
    return losses


def mean_of(values):
    """Return a function of weights: the mean.

    Rows of weight zero do not count, not even infinite ones.
    """
    infinite = np.isinf(values)
    if not infinite.any():
        return lambda weight: weight @ values / weight.sum()
    finite = np.where(infinite, 0, values)

    def mean(weight):
        return np.inf if (weight[infinite] > 0).any() else weight @ finite / weight.sum()

    return mean


def mean_loss(loss, proba, counts):
    """Return the mean loss of groups of rows, given how often which class came true in each.

    `proba` and `counts` have a row for each group and a column for each class.
    """
    total = 0.0
    for k, count in enumerate(counts.T):
        came = count > 0
        if came.any():
            codes = np.full(int(came.sum()), k)
            total += float(count[came] @ loss(codes, proba[came]))
    return total / float(counts.sum())


def _brier_factor(scale_by_half, n_classes):
    if isinstance(scale_by_half, str) and scale_by_half == "auto":
        halved = n_classes == 2
    else:
        check_flag("scale_by_half", scale_by_half, others=("auto",))
        halved = bool(scale_by_half)
    return (1 if halved else 2) if n_classes == 2 else (0.5 if halved else 1)


def _prepare_brier(predictions, *, scale_by_half):
    factor = _brier_factor(scale_by_half, len(predictions.classes))
    return mean_of(factor * _brier(predictions.codes, predictions.proba))


def _brier_there(predictions, *, scale_by_half):
    return brier_there(predictions, _brier_factor(scale_by_half, predictions.n_classes))


def _prepare_log(predictions):
    return mean_of(_log(predictions.codes, predictions.proba))


@adds_up
@prepared_by(_prepare_brier)
def brier_score_loss(
    y_true,
    y_proba,
    *,
    scale_by_half="auto",
    pos_label=None,
    labels=None,
    sample_weight=None,
    axis=None,
    ignore_index=None,
):
    """Mean squared distance of probabilities from outcomes (Brier score).

    ``mean_i sum_k (p_ik - [y_i = k])**2``, by default half of it for two classes, which is
    the mean of ``(p - y)**2`` for the positive class. It is a proper loss: only the true
    probabilities minimise its mean. So it rewards both calibration and telling classes
    apart; :func:`corp_decomposition` says how much is due to which. Unlike
    :func:`log_loss` it is bounded, forgives single probabilities of zero, and hardly sees
    the difference between 0.01 and 0.0001.

    The values are those of :func:`sklearn.metrics.brier_score_loss`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    scale_by_half : {"auto", True, False}, default="auto"
        Whether to halve the sum over classes, so that the loss lies in [0, 1]; "auto"
        halves for two classes.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.

    axis : int, default=None
        Where `y_proba` has more than two axes, that of the classes: 1 for (n_samples,
        n_classes, height, width), -1 for (n_samples, n_tokens, n_classes). `y_true` and
        `sample_weight` have the shape of `y_proba` without it. It is read in blocks.

    ignore_index : label, default=None
        Samples with this label do not count (-100 in torch's `cross_entropy`).

    Returns
    -------
    loss : float
        In [0, 1] if halved, else in [0, 2]; 0 is best.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    corp_decomposition, murphy_decomposition : Its parts.

    References
    ----------
    Brier (1950), "Verification of Forecasts Expressed in Terms of Probability",
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    Examples
    --------
    >>> from skcalib.metrics import brier_score_loss
    >>> round(brier_score_loss([0, 1, 1], [0.1, 0.9, 0.8]), 3)
    0.02
    >>> round(brier_score_loss(["a", "c"], [[0.9, 0.1, 0], [0.2, 0.2, 0.6]],
    ...                        labels=["a", "b", "c"]), 3)
    0.13
    """
    return evaluate(
        _prepare_brier,
        (y_true, y_proba, labels, sample_weight, pos_label),
        there=_brier_there,
        axis=axis,
        ignore_index=ignore_index,
        scale_by_half=scale_by_half,
    )


@adds_up
@prepared_by(_prepare_log)
def log_loss(
    y_true,
    y_proba,
    *,
    pos_label=None,
    labels=None,
    sample_weight=None,
    axis=None,
    ignore_index=None,
):
    """Mean of minus the logarithm of the true class's probability (log loss, cross-entropy).

    ``-mean_i log p_i,y_i``, in nats. It is a proper loss: only the true probabilities
    minimise its mean. It is what classifiers and calibrators are mostly trained on, and
    the one to choose where small probabilities matter: it punishes a confident error
    without bound.

    The values are those of :func:`sklearn.metrics.log_loss`, save that a probability of
    exactly zero for what happened gives infinity. There it is raised to the smallest step
    of its type first, so that the value depends on float32 or float64. An infinite loss is
    no accident: the model called the truth impossible.
    :class:`~skcalib.CalibratedClassifierCV` mends it.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.

    axis : int, default=None
        Where `y_proba` has more than two axes, that of the classes: 1 for (n_samples,
        n_classes, height, width), -1 for (n_samples, n_tokens, n_classes). `y_true` and
        `sample_weight` have the shape of `y_proba` without it. It is read in blocks.

    ignore_index : label, default=None
        Samples with this label do not count (-100 in torch's `cross_entropy`).

    Returns
    -------
    loss : float
        In [0, inf]; 0 is best. Equal probabilities for K classes have ``log(K)``.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    brier_score_loss : Bounded.
    corp_decomposition, calibration_loss : Its parts.

    References
    ----------
    Good (1952), "Rational Decisions", doi:10.1111/j.2517-6161.1952.tb00104.x.

    Examples
    --------
    >>> from skcalib.metrics import log_loss
    >>> round(log_loss([0, 1, 1], [0.1, 0.9, 0.8]), 3)
    0.145
    >>> log_loss([0, 1], [0.0, 0.0])
    inf
    """
    return evaluate(
        _prepare_log,
        (y_true, y_proba, labels, sample_weight, pos_label),
        there=log_loss_there,
        axis=axis,
        ignore_index=ignore_index,
    )
