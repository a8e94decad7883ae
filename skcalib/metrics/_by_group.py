"""A metric by group, with intervals that hold for all groups at once."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student
from sklearn.exceptions import UndefinedMetricWarning

from skcalib.estimators import short_repr
from skcalib.inputs import refuse_masked_array, to_numpy
from skcalib.messages import check_count
from skcalib.metrics._evaluation import make_function_of_weights, without_labels
from skcalib.metrics._replicates import Rows, numbers_of
from skcalib.metrics._resampling import Resampler, check_level, generator_of, number_values
from skcalib.metrics._scorer import tell_direction
from skcalib.metrics._validation import check_predictions

PRIOR_ROWS = 4  # what the spread of all rows counts in that of a group
RANGES = {"_error": (0.0, 1.0), "_score": (0.0, 1.0), "_loss": (0.0, np.inf)}


class GroupedMetric(NamedTuple):
    """What :func:`by_group` returns: an entry for each group, in the order of their names."""

    group: np.ndarray
    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    worst: object

    __repr__ = short_repr


def by_group(
    metric,
    y_true,
    y_proba,
    groups,
    *,
    confidence_level=0.95,
    greater_is_better="auto",
    n_resamples=200,
    random_state=None,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Compute a metric for each group of rows, with simultaneous intervals.

    Intervals are estimate plus and minus a multiple of the bootstrap standard error, cut at
    the metric's range. The multiple is larger than that of a single interval, so that in
    `confidence_level` of cases *all* of them hold: of twenty groups that are alike, one is
    outside of its own 95 % interval on average.

    A group of five rows hardly knows its own spread, and five rows may be alike by chance. So
    its variance per row is averaged with that of all rows, which counts as four rows more; the
    multiple is that of Student's t with as many degrees of freedom. Its interval is wide, but
    is one.

    **When to use it.** For groups that have names: sites, devices, sexes. **When not.** To
    search many groupings for a bad one: :func:`multicalibration_error` does so on held-out
    rows. Errors that noise biases upward, such as :func:`expected_calibration_error`, are
    larger in small groups because they are small; take one that is not biased, ``partial(
    calibration_error, norm="l2_squared", debias=True)``, or a proper loss.

    Parameters
    ----------
    metric : callable
        As for :func:`bootstrap_interval`: a function ``metric(y_true, y_proba)`` that returns a
        float, or as many floats each time; its parameters are fixed by
        :func:`functools.partial`. Metrics of this package and of scikit-learn are fine.

    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    groups : array-like of shape (n_samples,)
        The group of each row; names or numbers that sort together.

    confidence_level : float in (0, 1), default=0.95
        With which all intervals hold together.

    greater_is_better : {"auto", True, False}, default="auto"
        For which group is the worst. "auto" tells by the end of the metric's name, as
        :func:`make_proba_scorer` does.

    n_resamples : int, default=200
        Number of bootstrap samples of each group, at least 2.

    random_state : int, RandomState instance or None, default=None
        Seed of the draws, for reproducible output.

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
    found : GroupedMetric
        A named tuple: ``group``, the sorted names; arrays ``estimate``, ``low``, ``high``, with
        an entry for each group (for a metric of several floats a row), and ``count``, the sums
        of weights; ``worst``, the name of the group that is surely worst: of the largest
        ``low`` of a loss, of the smallest ``high`` of a score. It is not simply the one with
        the worst value, which is the smallest group more often than not.

    Raises
    ------
    ValueError
        As :func:`bootstrap_interval` does, and if `groups` is unusable, or "auto" cannot tell
        which direction is better.

    See Also
    --------
    bootstrap_interval : All rows together.
    multicalibration_error : Groups without a name.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import brier_score_loss, by_group
    >>> rng = np.random.default_rng(0)
    >>> site = rng.choice(["A", "B", "C"], p=[0.5, 0.49, 0.01], size=1000)
    >>> proba = rng.uniform(size=1000)
    >>> y_true = rng.uniform(size=1000) < np.where(site == "B", 1 - proba, proba)
    >>> found = by_group(brier_score_loss, y_true, proba, site, random_state=0)
    >>> found.group, found.estimate.round(2)
    (array(['A', 'B', 'C'], dtype='<U1'), array([0.16, 0.51, 0.05]))
    >>> str(found.worst)
    'B'
    """
    check_level(confidence_level)
    check_count("n_resamples", n_resamples, 2)
    greater = tell_direction(getattr(metric, "func", metric), greater_is_better)
    limits = _range_of(metric)
    metric, labels, pos_label = without_labels(metric, labels, pos_label)
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    refuse_masked_array(groups, "groups")
    rows = Rows(sample_weight, groups, None, y_true)
    number = number_values(rows.groups, predictions.weight, "groups")
    names = np.unique(np.asarray(to_numpy(rows.groups, "groups")))
    rng, truth = generator_of(random_state), rows.of(y_true)
    truth = np.asarray(to_numpy(truth, "y_true"))

    def spread_of(where):
        part = predictions.take(where)
        weighted = make_function_of_weights(metric, truth[where], part)
        return _estimate_and_spread(weighted, part.weight, rng, n_resamples)

    _, of_all = spread_of(np.arange(len(number)))
    found = [spread_of(np.flatnonzero(number == k)) for k in range(len(names))]
    estimate = np.array([value for value, _ in found])
    count = np.bincount(number, predictions.weight)
    own = np.array([spread for _, spread in found])
    reach = _reach(own, of_all, count, confidence_level)
    low, high = np.clip(estimate - reach, *limits), np.clip(estimate + reach, *limits)
    ends = (high if greater else -low).reshape(len(names), -1)[:, 0]
    worst = names[int(np.nanargmin(ends))] if not np.isnan(ends).all() else None
    return GroupedMetric(names, estimate, low, high, count, worst)


def _range_of(metric):
    name = getattr(getattr(metric, "func", metric), "__name__", "")
    keywords = getattr(metric, "keywords", {})
    if keywords.get("norm") == "l2_squared":
        return -np.inf, np.inf
    ranges = [own for suffix, own in RANGES.items() if name.endswith(suffix)]
    return ranges[0] if ranges else (-np.inf, np.inf)


def _estimate_and_spread(weighted, weight, rng, n_resamples):
    """Return the value, and the variance that a single row contributes to it, or NaN."""
    estimate = numbers_of(weighted(weight))
    resampler = Resampler(weight, None, None)
    if resampler.fixed:
        return estimate, np.full(estimate.shape, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # the estimate's was enough
        draws = [numbers_of(weighted(resampler.draw(rng))) for _ in range(n_resamples)]
    draws = np.array(draws)
    used = np.isfinite(draws).reshape(len(draws), -1).all(axis=1)
    if used.sum() < 2:
        return estimate, np.full(estimate.shape, np.nan)
    size = weight.sum()
    return estimate, draws[used].var(axis=0, ddof=1) * size**2 / max(size - 1, 0.5)


def _reach(own, of_all, count, confidence_level):
    """Return half the width of each interval."""
    count = count.reshape(-1, *[1] * (own.ndim - 1))
    freedom = np.where(np.isnan(own), 0.0, np.maximum(count - 1, 0))
    prior = np.where(np.isnan(of_all), 0.0, PRIOR_ROWS)
    total = np.nan_to_num(own) * freedom + np.nan_to_num(of_all) * prior
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(total / (freedom + prior) / count)
    tail = (1 - confidence_level ** (1 / len(own))) / 2
    multiple = student.isf(tail, np.maximum(freedom + prior, 1))
    return np.where(np.isnan(error), np.inf, multiple * error)
