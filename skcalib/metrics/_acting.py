"""What acting on probabilities gains or costs: who acts from which threshold on, and where."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import base_rates_by_class, to_numpy
from skcalib.messages import check_choice, is_number, quote, quote_labels
from skcalib.metrics._events import events_of, resolve_notion
from skcalib.metrics._intervals import interval_of_mean
from skcalib.metrics._validation import check_predictions

NOTIONS = ("auto", "positive", "confidence", "class-wise")


class Groups(NamedTuple):
    """Rows that are alike but for their probability: in one stratum, of one outcome."""

    code: np.ndarray  # (n_samples,), the group of each row
    hit: np.ndarray  # (n_groups,), whether the event came true there
    stratum: np.ndarray  # (n_groups,), what is a multinomial sample of its own
    total: np.ndarray  # (n_groups,), the rows of its stratum
    weight: np.ndarray  # (n_samples,)


def pool(event):
    """Return groups of one sample: what came true in it, and what did not."""
    total = np.full(2, event.weight.sum())
    return Groups(
        event.hit.astype(np.intp),
        np.array([False, True]),
        np.zeros(2, int),
        total,
        event.weight,
    )


def part_by_outcome(event):
    """Return groups of a sample each: what came true, and what did not."""
    code = event.hit.astype(np.intp)
    total = np.bincount(code, event.weight, minlength=2)
    return Groups(code, np.array([False, True]), np.arange(2), total, event.weight)


def part_by_class(event, n_classes):
    """Return groups of a sample each: the rows of each class."""
    classes = np.arange(n_classes)
    total = np.bincount(event.codes, event.weight, minlength=n_classes)
    return Groups(event.codes, classes == event.target, classes, total, event.weight)


def count_passed(value, levels):
    """Return how many of the ascending levels each value reaches, compared in its own type."""
    return np.searchsorted(levels.astype(value.dtype), value, side="right")


def shares_that_act(groups, passed, n_levels):
    """Return which share of each group's stratum passes each level, (n_groups, n_levels)."""
    n_groups = len(groups.hit)
    place = groups.code * (n_levels + 1) + passed
    count = np.bincount(place, groups.weight, minlength=n_groups * (n_levels + 1))
    count = count.reshape(n_groups, n_levels + 1)
    acting = np.cumsum(count[:, ::-1], axis=1)[:, ::-1][:, 1:]
    total = groups.total[:, np.newaxis]
    return np.divide(acting, total, out=np.zeros_like(acting), where=total > 0).clip(0, 1)


def mean_of_acting(groups, passed, other, value, confidence_level):
    """Return estimate, low and high of the mean value of acting, for each level.

    Parameters
    ----------
    groups : Groups
        Of the rows.

    passed, other : ndarray of shape (n_samples,)
        How many levels each row passes; of the model that it is compared with, or None.

    value : ndarray of shape (n_groups, n_levels)
        What acting is worth in each group.

    confidence_level : float
        Of the intervals.

    Returns
    -------
    estimate, low, high : ndarray of shape (n_levels,)
        Of the mean; with another model of the difference, from the rows where only one acts.
    """
    n_levels = value.shape[1]
    acting = shares_that_act(groups, passed, n_levels)
    if other is None:
        return interval_of_mean(acting, value, groups.stratum, groups.total, confidence_level)
    both = shares_that_act(groups, np.minimum(passed, other), n_levels)
    others = shares_that_act(groups, other, n_levels)
    alone = np.concatenate([acting - both, others - both]).clip(0, 1)
    twice = (np.tile(part, 2) for part in (groups.stratum, groups.total))
    return interval_of_mean(alone, np.concatenate([value, -value]), *twice, confidence_level)


def events_to_act_on(predictions, notion):
    """Return the events: one, or that of each class."""
    check_choice("notion", notion, NOTIONS)
    return events_of(predictions, notion)


def is_classwise(predictions, notion):
    """Tell whether there is a curve for each class."""
    return resolve_notion(predictions, notion) == "class-wise"


def check_reference(y_true, reference, labels, sample_weight, pos_label):
    """Return the predictions of the model that is compared with, or None."""
    if reference is None:
        return None
    try:
        return check_predictions(y_true, reference, labels, sample_weight, pos_label)
    except ValueError as error:
        raise ValueError(f"reference, another model's y_proba: {error}") from error


def name_prevalence(prevalence, labels):
    """Return base rates in the order of `labels` as a dict by label, all others as they are."""
    if prevalence is None or labels is None or isinstance(prevalence, Mapping):
        return prevalence
    labels, rates = (np.asarray(to_numpy(values, "")) for values in (labels, prevalence))
    if rates.ndim == 1 and labels.shape == rates.shape:
        return dict(zip(labels.tolist(), rates.tolist(), strict=True))
    return prevalence


def check_prevalence(prevalence, predictions, notion):
    """Return the base rate of each class in the target population, or None: as in the rows."""
    if prevalence is None:
        return None
    if notion is not None and resolve_notion(predictions, notion) == "confidence":
        raise InvalidParameterError(
            f"prevalence={quote(prevalence)} is the frequency of a class, but with more than "
            "two classes to act is to give an answer, of whichever class. Pass "
            'notion="class-wise", each class against all others.'
        )
    classes = predictions.classes
    if np.ndim(prevalence) == 0 and not isinstance(prevalence, Mapping):
        rates = _of_two(prevalence, predictions)
    else:
        rates = base_rates_by_class(prevalence, classes, "prevalence")
    mass = np.bincount(predictions.codes, predictions.weight, minlength=len(classes))
    absent = classes[(mass == 0) & (rates > 0)]
    if len(absent):
        raise ValueError(
            f"y_true has no row of the class {quote_labels(absent)}, so that nothing is known "
            f"of its share of the population, prevalence={quote(prevalence)}."
        )
    return rates


def _of_two(prevalence, predictions):
    """Return both base rates, given that of the positive class."""
    if not (is_number(prevalence) and 0 < prevalence < 1):
        raise InvalidParameterError(
            "prevalence must be a number between 0 and 1, the share of the positive class, or "
            f"a dict from label to share; got {quote(prevalence)}."
        )
    if len(predictions.classes) != 2:
        raise InvalidParameterError(
            f"prevalence={quote(prevalence)} is one number, but there are "
            f"{len(predictions.classes)} classes: pass a dict from label to share."
        )
    rates = np.full(2, 1.0 - prevalence)
    rates[predictions.pos] = prevalence
    return rates
