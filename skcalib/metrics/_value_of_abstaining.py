"""What it is worth to be able to abstain."""

from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.estimators import short_repr
from skcalib.inputs import check_cost_matrix, to_numpy
from skcalib.messages import quote
from skcalib.metrics._acting import Groups, check_prevalence, name_prevalence, shares_that_act
from skcalib.metrics._evaluation import computed_by
from skcalib.metrics._intervals import interval_of_mean
from skcalib.metrics._resampling import check_level
from skcalib.metrics._validation import check_predictions

N_PRICES = 51


class ValueOfAbstaining(NamedTuple):
    """What :func:`value_of_abstaining` returns: numbers, or an entry for each cost."""

    abstain_cost: np.ndarray | float
    value: np.ndarray | float
    low: np.ndarray | float
    high: np.ndarray | float
    share: np.ndarray | float
    cost: np.ndarray | float

    __repr__ = short_repr


def _compute(predictions, *, abstain_cost, cost_matrix, prevalence, confidence_level):
    """Return what is asked of predictions that are checked."""
    check_level(confidence_level)
    costs = check_cost_matrix(cost_matrix, predictions.classes)
    given = _check_prices(abstain_cost, costs)
    prices, place = np.unique(given, return_inverse=True)
    rates = check_prevalence(prevalence, predictions, None)
    expected = predictions.proba.astype(np.float64) @ costs
    decided = expected.argmin(axis=1)
    paid = costs[predictions.codes, decided]
    rows = np.arange(len(paid))
    passed = np.searchsorted(prices, expected[rows, decided], side="left")  # ties are decided
    kinds = np.unique(costs)
    groups, shares = _groups(predictions, np.searchsorted(kinds, paid), len(kinds), rates)
    every_kind = np.tile(kinds, len(shares) // len(kinds))
    acting = shares_that_act(groups, passed, len(prices))
    saved = shares[:, np.newaxis] * (every_kind[:, np.newaxis] - prices)
    if rates is not None:  # some costs are those of other classes only
        saved[~(costs[:, np.newaxis] == kinds[:, np.newaxis]).any(axis=2).ravel()] = 0
    parts = (groups.stratum, groups.total)
    value, low, high = interval_of_mean(acting, saved, *parts, confidence_level)
    everyone = shares_that_act(groups, np.ones_like(passed), 1)[:, 0] * shares
    found = (value, low, high, shares @ acting, everyone @ every_kind - value)
    found = (part[place] for part in found)
    if np.ndim(abstain_cost) == 0 and abstain_cost is not None:
        return ValueOfAbstaining(*(float(part[0]) for part in (given, *found)))
    return ValueOfAbstaining(given, *found)


def _groups(predictions, kind, n_kinds, rates):
    """Return rows of one class (if base rates are given) and one cost, and their shares."""
    codes, weight = predictions.codes, predictions.weight
    n_strata = 1 if rates is None else len(rates)
    stratum = np.zeros_like(codes) if rates is None else codes
    size = np.bincount(stratum, weight, minlength=n_strata)
    of_group = np.arange(n_strata).repeat(n_kinds)
    shares = np.ones(1) if rates is None else rates
    hit = np.ones(len(of_group), dtype=bool)  # of no use here
    groups = Groups(stratum * n_kinds + kind, hit, of_group, size[of_group], weight)
    return groups, shares[of_group]


def _check_prices(prices, costs):
    if prices is None:
        return np.linspace(costs.min(), costs.max(), N_PRICES)
    try:
        found = np.atleast_1d(np.asarray(prices, dtype=np.float64))
    except (TypeError, ValueError):
        found = np.array([np.nan])
    if found.ndim != 1 or not found.size or not np.isfinite(found).all():
        raise InvalidParameterError(
            f"abstain_cost must be a finite number or a list of them, got {quote(prices)}."
        )
    return found


def _by_label(cost_matrix, labels):
    """Return costs in the order of sorted labels, given those in the order of `labels`."""
    if cost_matrix is None or labels is None or hasattr(cost_matrix, "columns"):
        return cost_matrix
    _, place = np.unique(np.asarray(to_numpy(labels, "labels")), return_inverse=True)
    matrix = np.asarray(cost_matrix)
    if matrix.shape != (len(place), len(place)):
        return cost_matrix
    order = np.argsort(place)
    return matrix[np.ix_(order, order)]


@computed_by(_compute)
def value_of_abstaining(
    y_true,
    y_proba,
    *,
    abstain_cost=None,
    cost_matrix=None,
    prevalence=None,
    confidence_level=0.95,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    r"""How much the mean cost falls if rows may be left to somebody else at a price.

    Without the option, the decision for each row is what costs least by its probabilities.
    With it, rows whose decision is expected to cost more than `abstain_cost` are left
    undecided, and cost that much. The value is the mean cost without minus the mean cost with
    the option,

    .. math:: \frac{1}{n} \sum_{i \text{ undecided}} (C_{y_i, d_i} - a)

    It is negative where decisions cost less than the probabilities say: then abstaining by them
    costs more than it saves.

    **When to use it.** To find out what a second look may cost so that it pays, and how many
    rows would need one. **When not.** To promise an error rate:
    :class:`~skcalib.decision.SelectiveClassifier`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    abstain_cost : float or array-like of shape (n_costs,), default=None
        The cost of not deciding a row, in the unit of `cost_matrix`. None: 51 from the lowest
        to the highest entry of `cost_matrix`.

    cost_matrix : array-like of shape (n_classes, n_classes), default=None
        ``cost_matrix[i, j]`` is the cost of deciding class j where class i is true, both in the
        order of `labels` (of the sorted labels if None); negative ones are gains. A frame may
        name rows and columns by the labels. None: 1 for each mistake, 0 for what is right.

    prevalence : float, dict or array-like of shape (n_classes,), default=None
        Base rates of the population that is decided on, if other than in these rows: the share
        of the positive one of two classes, or all shares, by label or in the order of
        `labels` (of the sorted labels if None). Each class counts by its rate then; the
        probabilities stay as they are, see :class:`~skcalib.decision.PriorShiftClassifier`.

    confidence_level : float in (0, 1), default=0.95
        Of the interval, of each cost by itself.

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
    found : ValueOfAbstaining
        A named tuple of numbers, or of float64 vectors with an entry for each of several
        costs: ``abstain_cost``; ``value``, its interval ``low`` and ``high``, in the unit of
        the costs for each row; ``share`` of rows left undecided, in [0, 1]; ``cost``, the mean
        cost with the option.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does; if costs or prevalences are unusable, or a class of
        positive prevalence has no row.

    See Also
    --------
    skcalib.decision.CostSensitiveClassifier : Decides, and abstains, in this way.
    risk_coverage_curve : The error of what is decided, without costs.

    References
    ----------
    Chow (1970), "On Optimum Recognition Error and Reject Tradeoff", IEEE Transactions on
    Information Theory 16, doi:10.1109/TIT.1970.1054406.

    Zou, Donner (2008), "Construction of Confidence Limits about Effect Measures: A General
    Approach", Statistics in Medicine 27, doi:10.1002/sim.3095 (intervals).

    Examples
    --------
    >>> from skcalib.metrics import value_of_abstaining
    >>> y, proba = [0, 1, 1, 0, 0], [0.1, 0.9, 0.4, 0.6, 0.2]
    >>> found = value_of_abstaining(y, proba, abstain_cost=0.3)
    >>> round(found.value, 2), round(found.share, 2), round(found.cost, 2)
    (0.28, 0.4, 0.12)
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(
        predictions,
        abstain_cost=abstain_cost,
        cost_matrix=_by_label(cost_matrix, labels),
        prevalence=name_prevalence(prevalence, labels),
        confidence_level=confidence_level,
    )
