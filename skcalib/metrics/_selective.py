"""Ranking by confidence in one number: areas under the risk-coverage curve, and AUC."""

from skcalib.metrics._evaluation import adds_up, evaluate, prepared_by
from skcalib.metrics._risk import augrc, aurc, error_detection, excess_aurc, prepare_risk


@adds_up
@prepared_by(prepare_risk, measure=aurc)
def aurc_loss(y_true, y_proba, *, pos_label=None, labels=None, sample_weight=None):
    """Mean risk over all coverages (area under the risk-coverage curve, AURC).

    ``mean_i (number of errors among the i surest rows) / i``. It joins accuracy and the
    order of confidences in one number: a model is good that errs rarely, and then with low
    confidence. Among equal confidences the expected value over all orders is taken, in
    closed form, so that the order of rows does not matter.

    Since the average of risks gives the very surest rows great weight (the first row
    counts at every coverage), prefer :func:`augrc_loss` for comparing models; AURC is what
    is mostly reported. :func:`excess_aurc_loss` takes the accuracy out.

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
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row, and their sum as the number of rows.

    Returns
    -------
    loss : float
        In [0, 1]; 0 is best. Confidences without information have the error rate.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    risk_coverage_curve : The curve.

    References
    ----------
    Geifman, Uziel, El-Yaniv (2019), "Bias-Reduced Uncertainty Estimation for Deep
    Neural Classifiers", arXiv:1805.08206.

    Examples
    --------
    >>> from skcalib.metrics import aurc_loss
    >>> aurc_loss([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3])
    0.0625
    """
    return evaluate(
        prepare_risk, (y_true, y_proba, labels, sample_weight, pos_label), measure=aurc
    )


@adds_up
@prepared_by(prepare_risk, measure=excess_aurc)
def excess_aurc_loss(y_true, y_proba, *, pos_label=None, labels=None, sample_weight=None):
    """Area under the risk-coverage curve above the best possible one (E-AURC).

    :func:`aurc_loss` minus that of the same number of errors with the lowest confidences,
    about ``r + (1 - r) * log(1 - r)`` for an error rate r. What is left is due to the
    order of confidences. Models of different accuracy are still not comparable: how much
    can be lost depends on r. :func:`error_detection_auc_score` does not.

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
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row, and their sum as the number of rows.

    Returns
    -------
    loss : float
        In [0, 1); 0 is best: all errors are less confident than all that is right.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    aurc_loss : With the accuracy.

    References
    ----------
    Geifman, Uziel, El-Yaniv (2019), "Bias-Reduced Uncertainty Estimation for Deep
    Neural Classifiers", arXiv:1805.08206.

    Examples
    --------
    >>> from skcalib.metrics import excess_aurc_loss
    >>> excess_aurc_loss([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3])
    0.0
    >>> round(excess_aurc_loss([0, 1, 1, 0], [0.1, 0.9, 0.2, 0.3]), 3)
    0.083
    """
    return evaluate(
        prepare_risk, (y_true, y_proba, labels, sample_weight, pos_label), measure=excess_aurc
    )


@adds_up
@prepared_by(prepare_risk, measure=augrc)
def augrc_loss(y_true, y_proba, *, pos_label=None, labels=None, sample_weight=None):
    """Mean over all coverages of the share of rows that are kept and wrong (AUGRC).

    ``mean_i (number of errors among the i surest rows) / n``: the average risk of an
    undetected error. Unlike in :func:`aurc_loss` every row counts the same. Among equal
    confidences the expected value over all orders is taken.

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
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row, and their sum as the number of rows.

    Returns
    -------
    loss : float
        In [0, (1 + 1 / n) / 2]; 0 is best. Confidences without information have half of the
        error rate (times ``1 + 1 / n``).

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    aurc_loss : The value that is mostly reported.

    References
    ----------
    Traub et al. (2024), "Overcoming Common Flaws in the Evaluation of Selective
    Classification Systems", arXiv:2407.01032.

    Examples
    --------
    >>> from skcalib.metrics import augrc_loss
    >>> augrc_loss([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3])
    0.0625
    """
    return evaluate(
        prepare_risk, (y_true, y_proba, labels, sample_weight, pos_label), measure=augrc
    )


@adds_up
@prepared_by(prepare_risk, measure=error_detection)
def error_detection_auc_score(
    y_true, y_proba, *, pos_label=None, labels=None, sample_weight=None
):
    """Area under the ROC curve of confidence as a detector of errors.

    The probability that a row which is predicted rightly has a larger confidence than one
    predicted wrongly, ties counting half. Use it to ask for the order of confidences alone,
    whatever the accuracy; and do not choose a model by it alone, since a worse classifier
    makes errors that are easier to detect.

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
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row, and their sum as the number of rows.

    Returns
    -------
    score : float
        In [0, 1]; 1 is best, 0.5 is chance. NaN if there is no error, or nothing else.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    Warns
    -----
    UndefinedMetricWarning
        If the score is NaN.

    See Also
    --------
    augrc_loss : With the accuracy.

    References
    ----------
    Hendrycks, Gimpel (2017), "A Baseline for Detecting Misclassified and
    Out-of-Distribution Examples in Neural Networks", arXiv:1610.02136.

    Examples
    --------
    >>> from skcalib.metrics import error_detection_auc_score
    >>> error_detection_auc_score([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3])
    1.0
    """
    return evaluate(
        prepare_risk,
        (y_true, y_proba, labels, sample_weight, pos_label),
        measure=error_detection,
    )
