"""Answers of classifiers to probabilities: each member's map, and the mean over members."""

from typing import NamedTuple

from skcalib.deploy._operations import softmax_of
from skcalib.deploy._registry import Machine


class Member(NamedTuple):
    """A classifier's calibration.

    Attributes
    ----------
    gives_proba : bool
        Whether the classifier answers with probabilities, not logits.

    columns : list of int
        The class of each column of its answer.

    wide : list of int or None
        The classes that the map is for, where it was learned from several classifiers.

    absent : float
        The answer that stands for a class of `wide` which the classifier does not know.

    steps : tuple of Step
        From the answer to probabilities.

    takes_scores : bool
        Whether the map asks how usual each row is, too.
    """

    gives_proba: bool
    columns: list
    wide: list | None
    absent: float
    steps: tuple
    takes_scores: bool = False


def proba_of_member(namespace, member, answer, n_classes, *, scores=None, find_masked=None):
    """Return the probabilities of all classes from one classifier's answer.

    Parameters
    ----------
    namespace : object
        An engine; see :class:`NumpyNamespace`.

    member : Member
        Its calibration.

    answer : array of shape (n_samples, len(member.columns))
        Of the engine: logits or probabilities.

    n_classes : int
        Number of all classes.

    scores : array of shape (n_samples, 1) or None
        How usual each row is, for a member that ``takes_scores``.

    find_masked : callable or None
        Returns which logits are minus infinity, or None; without it there are none.
    """
    known = member.columns
    wide = known if member.wide is None else member.wide
    x = arrange(namespace, answer, _places(wide, known), member.absent)
    masked = None
    if find_masked is not None and not member.gives_proba:
        masked = find_masked(x)
    proba = Machine(namespace, masked, scores).run(member.steps, x)
    if len(wide) > len(known):
        proba = arrange(namespace, proba, _places(known, wide))
        total = namespace.sum(proba)
        proba = namespace.where(total == 0, namespace.constant(1.0), proba)
        proba = proba / namespace.sum(proba)
        wide = known
    return arrange(namespace, proba, _places(range(n_classes), wide))


def _places(wanted, columns):
    """Return where each of the wanted classes is among those of columns, or -1."""
    place_of = {k: place for place, k in enumerate(columns)}
    return [place_of.get(k, -1) for k in wanted]


def arrange(namespace, x, places, absent=0.0):
    """Return columns by their numbers, and a constant for -1."""
    if places == list(range(int(x.shape[-1]))):
        return x
    if -1 in places:
        first = namespace.columns(x, [0])
        nothing = namespace.where(first == first, namespace.constant(absent), first)
        places = [int(x.shape[-1]) if k == -1 else k for k in places]
        x = namespace.concat([x, nothing])
    return namespace.columns(x, places)


def mean_of_members(namespace, members, probas, n_classes, *, geometric, complete=None):
    """Return the mean of the members' probabilities.

    Parameters
    ----------
    namespace : object
        An engine.

    members : list of Member
        Their calibrations.

    probas : list of array
        What :func:`proba_of_member` returned for each.

    n_classes : int
        Number of classes.

    geometric : bool
        Whether the mean is that of logarithms.

    complete : callable or None
        Completes means over different classes, given for each set of classes these, the number
        of members and their mean, and whether it is that of logarithms; without it those raise
        ValueError.
    """
    groups = {}
    for member, proba in zip(members, probas, strict=True):
        groups.setdefault(tuple(sorted(member.columns)), []).append(proba)
    telling = {known: group for known, group in groups.items() if len(known) > 1} or groups
    if len(members) == 1 or len(telling) == 1:
        ((known, group),) = telling.items()
        if len(members) == 1:
            return group[0]
        if not geometric:
            return _mean(group)
        places = list(known)
        logs = [_log(namespace, arrange(namespace, proba, places)) for proba in group]
        own = softmax_of(namespace, _mean(logs))
        return arrange(namespace, own, _places(range(n_classes), places))
    if complete is None:
        raise ValueError(
            "The classifiers know different classes; such a mean is made by from_description "
            "alone. Calibrate with ensemble=False, or on folds that hold all classes."
        )
    means = []
    for known, group in telling.items():
        if geometric:
            group = [_log(namespace, proba) for proba in group]
        means.append((known, len(group), _mean(group)))
    return complete(means, geometric)


def _mean(arrays):
    total = arrays[0]
    for each in arrays[1:]:
        total = total + each
    return total / len(arrays)


def _log(namespace, proba):
    return namespace.log(namespace.maximum(proba, namespace.constant(namespace.tiny)))
