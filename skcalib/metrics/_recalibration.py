"""Calibration and refinement loss: what recalibration on other rows gains, and what is left."""

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import check_cv

from skcalib.estimators import columns_of_all, fit_calibrator
from skcalib.inputs import floor_of, log_of_floored
from skcalib.messages import quote
from skcalib.metrics._losses import loss_function, mean_of
from skcalib.metrics._validation import check_predictions


def refinement_loss(
    y_true,
    y_proba,
    *,
    calibrator,
    loss="log_loss",
    cv=5,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Loss that remains after recalibration, by cross-validation.

    The rows are split; a clone of `calibrator` is fitted to the logarithms of the
    probabilities of all parts but one and recalibrates that one. The mean loss of the
    recalibrated probabilities is the refinement loss: how well the model tells classes
    apart, however over- or underconfident it is. Choose among models by it, or when to stop
    training, if you calibrate afterwards anyway. What remains of the loss is
    :func:`calibration_loss`.

    It is an upper bound: a calibrator that cannot express the right map, or has too few
    rows to learn it, leaves something.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    calibrator : estimator
        From :mod:`skcalib.calibrators`, or any classifier of scikit-learn that has
        ``predict_proba``. Its features are logits, a column for each class:
        ``log(max(p, floor))`` with the :func:`~skcalib.probability_floor` of the rows it is
        fitted to. :class:`~skcalib.calibrators.TemperatureScaling` is a good first choice
        for many classes, :class:`~skcalib.calibrators.PlattScaling` for two. Required.

    loss : {"brier", "log_loss"} or callable, default="log_loss"
        The proper loss: :func:`brier_score_loss`, :func:`log_loss`, or a function of
        ``(codes, proba)``, the column of each row's true class and a matrix of
        probabilities, which returns each row's loss.

    cv : int, cross-validation splitter or iterable, default=5
        As in :func:`sklearn.model_selection.cross_val_score`: an integer is a number of
        stratified folds, not shuffled. Pass a shuffled splitter with a seed if the order of
        rows has a meaning. Each row must be held out exactly once. Equal rows may come
        into different folds.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, given to the calibrator (if its `fit` takes them) and to the mean.

    Returns
    -------
    loss : float
        As large as the loss can be; lower is better.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, if `calibrator` or `loss` is unusable, if `cv`
        does not hold out each row once, or if all rows that a calibrator would be fitted to
        are of one class.

    See Also
    --------
    calibration_loss : What recalibration gains.
    corp_decomposition : Without other rows and without a choice.

    References
    ----------
    Berta, Holzmuller, Jordan, Bach (2025), "Rethinking Early Stopping: Refine, Then
    Calibrate", arXiv:2501.19195.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.metrics import calibration_loss, log_loss, refinement_loss
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.dirichlet([1, 1, 1], size=1000)
    >>> y_true = (rng.uniform(size=(1000, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    >>> sharp = proba**2 / (proba**2).sum(axis=1, keepdims=True)  # overconfident
    >>> round(refinement_loss(y_true, sharp, calibrator=TemperatureScaling()), 3)
    0.817
    >>> round(calibration_loss(y_true, sharp, calibrator=TemperatureScaling()), 3)
    0.099
    >>> round(log_loss(y_true, proba), 3)  # before it was spoilt
    0.816
    """
    given = (y_true, y_proba, labels, sample_weight, pos_label)
    _, refined = _losses(given, calibrator, loss, cv)
    return refined


def calibration_loss(
    y_true,
    y_proba,
    *,
    calibrator,
    loss="log_loss",
    cv=5,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Part of the loss that recalibration removes, by cross-validation.

    The loss minus the :func:`refinement_loss`, which see: what you would gain if you
    calibrated the model with `calibrator` on rows like these. It is in the unit of the
    loss, has no bins, sees all probabilities of a row, and is not biased upward by noise,
    unlike calibration errors: for a calibrated model it is around zero or a little below,
    since a calibrator learned from few rows does harm. The sign is kept.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    calibrator : estimator
        What recalibrates, see :func:`refinement_loss`. Required.

    loss : {"brier", "log_loss"} or callable, default="log_loss"
        The proper loss, see :func:`refinement_loss`.

    cv : int, cross-validation splitter or iterable, default=5
        How rows are held out, see :func:`refinement_loss`.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, given to the calibrator (if its `fit` takes them) and to the mean.

    Returns
    -------
    loss : float
        Lower is better; may be negative. Infinite where the log loss is, since a
        probability of zero came true.

    Raises
    ------
    ValueError
        As :func:`refinement_loss` does.

    See Also
    --------
    refinement_loss : What is left.
    corp_decomposition : Without other rows and without a choice.

    References
    ----------
    Berta, Holzmuller, Jordan, Bach (2025), "Rethinking Early Stopping: Refine, Then
    Calibrate", arXiv:2501.19195.

    Examples
    --------
    >>> from skcalib.calibrators import PlattScaling
    >>> from skcalib.metrics import calibration_loss
    >>> y_true = [0, 1, 1] * 20
    >>> proba = [0.01, 0.99, 0.01] * 20  # too sure
    >>> round(calibration_loss(y_true, proba, calibrator=PlattScaling()), 2)
    1.07
    """
    given = (y_true, y_proba, labels, sample_weight, pos_label)
    total, refined = _losses(given, calibrator, loss, cv)
    return total - refined


def _losses(given, calibrator, loss, cv):
    """Return the mean loss before and after recalibration."""
    function = loss_function(loss)
    usable = hasattr(calibrator, "fit") and hasattr(calibrator, "predict_proba")
    if isinstance(calibrator, type) or not usable:
        raise ValueError(
            "calibrator must be an instance with fit and predict_proba, such as "
            f"skcalib.calibrators.TemperatureScaling(); got {quote(calibrator)}."
        )
    predictions = check_predictions(*given)
    codes, weight = predictions.codes, predictions.weight
    recalibrated = _recalibrated(calibrator, predictions, cv)
    total = float(mean_of(function(codes, predictions.proba))(weight))
    return total, float(mean_of(function(codes, recalibrated))(weight))


def _recalibrated(calibrator, predictions, cv):
    """Return for each row the probabilities of a calibrator that has not seen it."""
    codes, proba, weight = predictions.codes, predictions.proba, predictions.weight
    out = np.full(proba.shape, np.nan)
    times = np.zeros(len(proba), dtype=np.intp)
    for train, test in check_cv(cv, codes, classifier=True).split(proba, codes):
        if len(np.unique(codes[train])) < 2:
            raise ValueError(
                "All rows to fit the calibrator to are of one class in some split; at least "
                "two classes are needed. Stratify the splits, or use more rows."
            )
        floor = floor_of(proba[train])
        logits = [log_of_floored(proba[rows], floor) for rows in (train, test)]
        fitted = fit_calibrator(
            clone(calibrator), logits[0], codes[train], np.array(weight[train]), "calibrator"
        )
        out[test] = columns_of_all(
            fitted.predict_proba(logits[1]), fitted.classes_, proba.shape[1]
        )
        times[test] += 1
    if (times != 1).any():
        raise ValueError(
            f"cv={quote(cv)} holds out {int((times == 0).sum())} rows never and "
            f"{int((times > 1).sum())} more than once; each must be held out once, as by KFold."
        )
    return out
