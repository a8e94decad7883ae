"""The report of arrays: of probabilities, and of logits."""

import numpy as np

from skcalib.inputs import refuse_masked_array, to_numpy
from skcalib.messages import check_flag
from skcalib.report._asked import codes_of
from skcalib.report._evidence import Evidence
from skcalib.report._given import (
    check_given_logits,
    check_given_proba,
    check_groups,
    check_seed,
)
from skcalib.report._made import make_report


def confidence_report_from_predictions(
    y,
    y_proba,
    *,
    y_pred=None,
    groups=None,
    sample_weight=None,
    pos_label=None,
    labels=None,
    random_state=None,
    verbose=False,
):
    """Say how far probabilities can be believed, why not, and what mends them.

    As :func:`confidence_report`, where only arrays are at hand. What needs the classifier or
    its training rows is not looked at.

    What is given is taken for what this function says, never for what it looks like: values
    outside [0, 1] are an error, also where they would make sense as logits. Rows that lie in
    [0, 1] and do not sum to one (within 0.01) are a finding; for all else they are divided by
    their sums.

    **When to use it.** For probabilities from anywhere. **When not.** If the model's logits are
    at hand: :func:`confidence_report_from_logits`; in saturated probabilities they are lost.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label. A single column, or a
        vector, is the probability of `pos_label`.

    y_pred : array-like of shape (n_samples,), default=None
        What ``predict`` said, to see whether it is the likeliest class.

    groups : array-like of shape (n_samples,), default=None
        A name for each row, see :func:`confidence_report`.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies: their sum is the number of rows.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y`, or the names of a
        frame's columns, if None. Needed where `y` lacks a class.

    random_state : int, RandomState instance or None, default=None
        How rows are dealt to folds. None is 0: the same rows give the same report.

    verbose : bool, default=False
        Whether to show progress on standard error.

    Returns
    -------
    report : ConfidenceReport
        ``findings``, ``figures``, ``curves`` and ``context``.

    Raises
    ------
    ValueError
        If labels, weights, groups or probabilities are unusable (NaN, outside [0, 1], of
        unknown classes), or if their numbers differ.

    See Also
    --------
    confidence_report : For a fitted classifier; it sees more.
    confidence_report_from_logits : For logits.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib import confidence_report_from_predictions
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.dirichlet([1, 1, 1], size=1000)
    >>> y = (rng.uniform(size=(1000, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    >>> report = confidence_report_from_predictions(y, proba)
    >>> [finding.code for finding in report.findings]
    ['none_needed']
    >>> report = confidence_report_from_predictions(y, proba[:, [1, 0, 2]])
    >>> report.findings[0].code, report.findings[0].details["order"]
    ('permuted', [1, 0, 2])
    """
    check_flag("verbose", verbose)
    seed = check_seed(random_state)
    given = check_given_proba(y, y_proba, labels, pos_label, sample_weight)
    evidence = Evidence(
        **given.fields(),
        source_of_logits="lost",
        groups=check_groups(groups, given.used),
        predicted_codes=_codes_of_predicted(y_pred, given),
        seed=seed,
    )
    named = {
        "y_pred": y_pred,
        "groups": groups,
        "sample_weight": sample_weight,
        "pos_label": pos_label,
        "labels": labels,
    }
    return make_report(evidence, "predictions", named, verbose)


def confidence_report_from_logits(
    y,
    logits,
    *,
    groups=None,
    sample_weight=None,
    pos_label=None,
    labels=None,
    random_state=None,
    verbose=False,
):
    """Say how far the softmax of logits can be believed, why not, and what mends it.

    As :func:`confidence_report_from_predictions`, for what stands before the softmax. Nothing
    is lost where that is saturated.

    **When to use it.** For networks whose logits were saved. **When not.** For decision values
    that are no logits, such as distances to a hyperplane: their softmax is no probability.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    logits : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Finite numbers, columns in the order of `labels`, or a frame with a column named for
        each label. A single column, or a vector, is the log-odds of `pos_label`. A class that
        a row cannot be is -inf.

    groups : array-like of shape (n_samples,), default=None
        A name for each row, see :func:`confidence_report`.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies: their sum is the number of rows.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y`, or the names of a
        frame's columns, if None. Needed where `y` lacks a class.

    random_state : int, RandomState instance or None, default=None
        How rows are dealt to folds. None is 0: the same rows give the same report.

    verbose : bool, default=False
        Whether to show progress on standard error.

    Returns
    -------
    report : ConfidenceReport
        ``findings``, ``figures``, ``curves`` and ``context``.

    Raises
    ------
    ValueError
        If labels, weights, groups or logits are unusable (NaN, infinite, of unknown classes),
        or if their numbers differ.

    See Also
    --------
    confidence_report : For a fitted classifier or a network; it sees more.
    confidence_report_from_predictions : For probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib import confidence_report_from_logits
    >>> rng = np.random.default_rng(2)
    >>> log_odds = rng.normal(scale=2, size=2000)
    >>> y = rng.uniform(size=2000) < 1 / (1 + np.exp(-log_odds))
    >>> report = confidence_report_from_logits(y, 3 * log_odds)
    >>> report.findings[0].code, round(report.findings[0].measure.value, 1)
    ('overconfident', 3.0)
    """
    check_flag("verbose", verbose)
    seed = check_seed(random_state)
    given = check_given_logits(y, logits, labels, pos_label, sample_weight)
    evidence = Evidence(
        **given.fields(),
        source_of_logits="given",
        groups=check_groups(groups, given.used),
        seed=seed,
    )
    named = {
        "groups": groups,
        "sample_weight": sample_weight,
        "pos_label": pos_label,
        "labels": labels,
    }
    return make_report(evidence, "logits", named, verbose)


def _codes_of_predicted(y_pred, given):
    """Return the column of each predicted label, -1 for labels that no column has."""
    if y_pred is None:
        return None
    refuse_masked_array(y_pred, "y_pred")
    said = np.asarray(to_numpy(y_pred, "y_pred"))
    said = said.reshape(len(said), -1)
    if said.shape != (len(given.used), 1):
        raise ValueError(
            f"y_pred must hold one label for each of the {len(given.used)} samples, got shape "
            f"{said.shape}."
        )
    return codes_of(said[given.used, 0], given.classes)
