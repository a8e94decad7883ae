"""Soft labels: targets that are probabilities, as weighted rows with ordinary labels."""

from typing import NamedTuple

import numpy as np

from skcalib.estimators import short_repr
from skcalib.inputs import check_proba, check_weight, float_array

WAY_OUT = "a soft label is a probability for each class; divide votes by their number"


class ExpandedLabels(NamedTuple):
    """What :func:`expand_soft_labels` returns: an entry for each sample and possible class."""

    rows: np.ndarray  # (n_entries,), the number of the sample
    y: np.ndarray  # (n_entries,), its label
    sample_weight: np.ndarray  # (n_entries,), the probability of that label times the weight

    __repr__ = short_repr


def expand_soft_labels(targets, sample_weight=None, *, classes=None):
    r"""Turn soft labels (probabilities of the classes) into weighted rows with hard labels.

    A sample whose class is known only as a distribution (the votes of several annotators, the
    answer of a teacher network, label smoothing) becomes a row for each class that it may
    have, weighted by its probability. As weights are frequencies, whatever takes
    `sample_weight` then works with soft labels: every calibrator, the meta-estimators around
    a trained classifier, and every metric. The log loss becomes the cross-entropy

    .. math:: -\frac{1}{\sum_i w_i} \sum_i w_i \sum_k t_{ik} \log p_{ik}

    and the Brier score the expected one of a label drawn from the target,
    :math:`\sum_k t_{ik} \lVert p_i - e_k \rVert^2`. That is not zero for p = t unless t is
    certain, but p = t is best.

    **When to use it.** When the true distribution of a sample, or votes for it, are known.
    **When not.** For labels that are certain: give them as they are.

    Parameters
    ----------
    targets : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1]; each row sums to one (within 0.01, and is divided by its sum).
        A single column, or a vector, is the probability of the second of two classes. Columns
        in the order of the logits or probabilities that they belong to.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the samples.

    classes : array-like of shape (n_classes,), default=None
        The label of each column, sorted as in ``classes_`` of classifiers. By default 0, 1,
        and so on.

    Returns
    -------
    rows : ndarray of shape (n_entries,)
        The number of the sample that each entry is about, ascending: ``logits[rows]`` repeats
        the logits. Classes of probability zero, and samples of weight zero, have no entry.

    y : ndarray of shape (n_entries,)
        The label of each entry.

    sample_weight : ndarray of shape (n_entries,)
        The probability of that label, times the weight of the sample.

    Raises
    ------
    ValueError
        If a target is NaN or outside [0, 1], a row does not sum to one, the weights are
        negative, NaN or all zero, or the classes are not sorted or are too few or too many.

    Warns
    -----
    UserWarning
        If the weights sum to less than two samples.

    See Also
    --------
    logits_from_proba : For probabilities that a model predicted.

    Notes
    -----
    The entries of one sample must stay together where rows are split: give
    ``GroupKFold(5).split(rows, y, groups=rows)`` as `cv`. The folds inside
    :class:`~skcalib.calibrators.AutoCalibration` deal weights and do not keep them together.

    References
    ----------
    J. C. Peterson, R. M. Battleday, T. L. Griffiths, O. Russakovsky. Human Uncertainty Makes
    Classification More Robust. ICCV 2019. doi:10.1109/ICCV.2019.00971

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib import expand_soft_labels
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.metrics import log_loss
    >>> logits = np.array([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])
    >>> votes = np.array([[4, 1, 0], [0, 5, 0], [1, 1, 3]])
    >>> rows, y, weight = expand_soft_labels(votes / 5)
    >>> y
    array([0, 1, 1, 0, 1, 2])
    >>> model = TemperatureScaling().fit(logits[rows], y, sample_weight=weight)
    >>> proba = model.predict_proba(logits)
    >>> proba[0].round(2)
    array([0.8, 0.1, 0.1])
    >>> round(log_loss(y, proba[rows], sample_weight=weight), 2)
    0.64
    """
    targets = _target_matrix(targets)
    classes = _label_of_each_column(classes, targets.shape[1])
    weight = check_weight(sample_weight, targets)
    shares = targets.astype(np.float64) * weight[:, None]
    shares /= targets.sum(axis=1, keepdims=True, dtype=np.float64)
    rows, columns = np.nonzero(shares)
    return ExpandedLabels(rows, classes[columns], shares[rows, columns])


def _target_matrix(targets):
    targets = float_array(targets, "targets")
    if targets.ndim == 1:
        targets = targets[:, None]
    if targets.ndim != 2 or targets.size == 0:
        raise ValueError(
            "targets must be a non-empty array of shape (n_samples, n_classes) or "
            f"(n_samples,), got shape {targets.shape}."
        )
    if targets.shape[1] == 1:
        targets = np.hstack([1 - targets, targets])
    check_proba(targets, "targets", way_out=WAY_OUT)
    return np.clip(targets, 0, 1)


def _label_of_each_column(classes, n_columns):
    if classes is None:
        return np.arange(n_columns)
    classes = np.asarray(classes)
    if classes.shape != (n_columns,):
        raise ValueError(
            f"classes must hold a label for each of the {n_columns} columns of targets (a "
            f"vector is that of the second of two classes), got shape {classes.shape}."
        )
    if not np.array_equal(np.unique(classes), classes):
        raise ValueError(
            "classes must be sorted and distinct, as in a classifier's classes_, because "
            "columns of logits and probabilities are in that order."
        )
    return classes
