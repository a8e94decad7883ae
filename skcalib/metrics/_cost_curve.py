"""Cost of acting for every ratio of costs: cost curves."""

from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.estimators import short_repr
from skcalib.messages import quote
from skcalib.metrics._acting import (
    check_prevalence,
    check_reference,
    count_passed,
    events_to_act_on,
    is_classwise,
    mean_of_acting,
    name_prevalence,
    part_by_class,
    part_by_outcome,
)
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._resampling import check_level
from skcalib.metrics._validation import check_predictions

BLOCK = 4096  # points of a ROC curve at once


class CostCurve(NamedTuple):
    """What :func:`cost_curve` returns: an entry for each operating condition."""

    probability_cost: np.ndarray  # (n_points,)
    threshold: np.ndarray  # (n_points,), or (n_classes, n_points); as the others
    cost: np.ndarray
    low: np.ndarray
    high: np.ndarray
    envelope: np.ndarray

    __repr__ = short_repr


def _compute(predictions, *, probability_cost, notion, prevalence, reference, confidence_level):
    """Return the curve of predictions that are checked."""
    check_level(confidence_level)
    given = _check_points(probability_cost)
    points, place = np.unique(given, return_inverse=True)
    events = events_to_act_on(predictions, notion)
    rates = check_prevalence(prevalence, predictions, notion)
    others = [None] * len(events)
    if reference is not None:
        others = events_to_act_on(reference, notion)
    found = [
        _curve_of(event, other, points, rates, confidence_level)
        for event, other in zip(events, others, strict=True)
    ]
    parts = (np.stack(part)[:, place] for part in zip(*found, strict=True))
    if not is_classwise(predictions, notion):
        parts = (part[0] for part in parts)
    return CostCurve(given, *parts)


def _curve_of(event, other, points, rates, confidence_level):
    """Return thresholds, costs from these on, their interval, and the lowest costs."""
    groups, shares, rate = _parted(event, rates)
    level = _threshold(points, rate)[::-1]  # ascending
    against = (1 - points)[::-1]
    hit = groups.hit[:, np.newaxis]
    value = np.where(hit, -points[::-1], against * shares[:, np.newaxis])
    passed = count_passed(event.value, level)
    if other is None:
        found = mean_of_acting(groups, passed, None, value, confidence_level)
        found = [part + points[::-1] for part in found]  # of missing all
        lowest = _envelope(event, groups, shares, points)
    else:
        others = count_passed(other.value, level)
        found = mean_of_acting(groups, passed, others, value, confidence_level)
        lowest = _envelope(event, groups, shares, points)
        lowest -= _envelope(other, groups, shares, points)
    return (level[::-1], *(part[::-1] for part in found), lowest)


def _parted(event, rates):
    """Return groups, the share of each among those of its outcome, and that of the event."""
    if rates is None:
        groups = part_by_outcome(event)
        return groups, np.ones(2), groups.total[1] / groups.total.sum()
    groups = part_by_class(event, len(rates))
    rate = rates[event.target]
    others = max(1 - rate, np.finfo(float).tiny)
    return groups, np.where(groups.hit, 1, rates / others), rate


def _threshold(points, rate):
    """Return the probabilities from which on to act, which fall from 1 to 0."""
    in_vain, missed = rate * (1 - points), (1 - rate) * points
    total = in_vain + missed
    return np.where(total > 0, in_vain / np.where(total > 0, total, 1), 1 - points)


def _envelope(event, groups, shares, points):
    """Return the cost by the best of all thresholds, acting on none or all among them."""
    share = shares / np.where(groups.total > 0, groups.total, 1)
    _, size, hits = event.grouped(event.weight * share[groups.code])
    true = np.append(0, np.cumsum(hits[::-1]))
    false = np.append(0, np.cumsum((size - hits)[::-1]))
    lowest = np.full(len(points), np.inf)
    for start in range(0, len(true), BLOCK):
        rows = slice(start, start + BLOCK)
        costs = np.outer(1 - true[rows], points) + np.outer(false[rows], 1 - points)
        lowest = np.minimum(lowest, costs.min(axis=0))
    return lowest.clip(0, None)


def _check_points(points):
    if points is None:
        return np.linspace(0, 1, 101)
    try:
        found = np.atleast_1d(np.asarray(points, dtype=np.float64))
    except (TypeError, ValueError):
        found = np.array([np.nan])
    if found.ndim != 1 or not found.size or not ((found >= 0) & (found <= 1)).all():
        raise InvalidParameterError(
            "probability_cost must be numbers in [0, 1], one or a list of them; got "
            f"{quote(points)}."
        )
    return found


@computed_by(_compute)
def cost_curve(
    y_true,
    y_proba,
    *,
    probability_cost=None,
    notion="auto",
    prevalence=None,
    reference=None,
    confidence_level=0.95,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    r"""Cost of acting on probabilities for every base rate and ratio of costs, with intervals.

    With the base rate :math:`\pi`, the cost of a miss :math:`c_m` and that of acting in vain
    :math:`c_v`, all operating conditions lie on one axis,

    .. math:: PC = \frac{\pi c_m}{\pi c_m + (1 - \pi) c_v}

    and the expected cost, over that of doing everything wrong, is

    .. math:: PC \cdot FNR + (1 - PC) \cdot FPR

    The curve is the cost of who acts from the threshold :math:`c_v / (c_v + c_m)` on, as one
    should on calibrated probabilities. The envelope is the cost by the best of all
    thresholds, found on these rows: the gap is what miscalibration costs (the envelope is too
    low on few rows). Acting on none costs PC, acting on all 1 - PC.

    **When to use it.** To see where a model pays, whatever the costs may be, and whether its
    thresholds can be taken from the costs. **When not.** To add up gains in a unit of its own:
    :func:`net_benefit_curve`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    probability_cost : float or array-like of shape (n_points,), default=None
        Operating conditions PC in [0, 1]. None: 0, .01, ..., 1.

    notion : {"auto", "positive", "confidence", "class-wise"}, default="auto"
        As in :func:`net_benefit_curve`: "class-wise" is each class against all others, a row
        of the result for each. "confidence": to act is to give an answer, and who gives none
        that would have been right misses.

    prevalence : float, dict or array-like of shape (n_classes,), default=None
        Base rates of the population that is acted on, if other than in these rows: the share
        of the positive one of two classes, or all shares, by label or in the order of
        `labels` (of the sorted labels if None). It says which threshold a PC
        stands for; the probabilities stay as they are, see
        :class:`~skcalib.decision.PriorShiftClassifier`.

    reference : array-like, default=None
        Another model's probabilities for the same rows. The curve is then the difference to
        it, with intervals from the rows where only one of the two acts (paired).

    confidence_level : float in (0, 1), default=0.95
        Of the interval, of each point by itself.

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
    curve : CostCurve
        A named tuple of float64 arrays with an entry for each operating condition:
        ``probability_cost``; ``threshold`` from which on is acted, in [0, 1]; ``cost`` in
        [0, 1], its interval ``low`` and ``high``; ``envelope``, the cost by the best threshold.
        With "class-wise" the last five have a row for each class, in the order of the sorted
        labels. With `reference` cost and envelope are differences, negative is better.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does; if `probability_cost` or `prevalence` holds no
        probabilities, or a class of positive prevalence has no row.

    See Also
    --------
    net_benefit_curve : Gains instead of costs.
    skcalib.displays.CostDisplay : The picture.

    Notes
    -----
    The interval combines Wilson's intervals of both rates; that thresholds depend on the base
    rate of these rows, where `prevalence` is None, is left out.

    References
    ----------
    Drummond, Holte (2006), "Cost Curves: An Improved Method for Visualizing Classifier
    Performance", Machine Learning 65, doi:10.1007/s10994-006-8199-5.

    Hernández-Orallo, Flach, Ferri (2012), "A Unified View of Performance Metrics: Translating
    Threshold Choice into Expected Classification Loss", JMLR 13, ISSN 1532-4435,
    https://jmlr.org/papers/v13/hernandez-orallo12a.html (the curve without a search).

    Examples
    --------
    >>> from skcalib.metrics import cost_curve
    >>> y, proba = [0, 1, 1, 0, 0], [0.1, 0.9, 0.4, 0.6, 0.2]
    >>> curve = cost_curve(y, proba, probability_cost=[0.4, 0.7])
    >>> curve.threshold.round(2), curve.cost.round(2), curve.envelope.round(2)
    (array([0.5 , 0.22]), array([0.4, 0.1]), array([0.2, 0.1]))
    """
    reference = check_reference(y_true, reference, labels, sample_weight, pos_label)
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(
        predictions,
        probability_cost=probability_cost,
        notion=notion,
        prevalence=name_prevalence(prevalence, labels),
        reference=reference,
        confidence_level=confidence_level,
    )
