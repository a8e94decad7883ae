"""What a deep ensemble may be given: parameters, an estimator to train, trained members."""

from inspect import isclass

import numpy as np
from sklearn.base import is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import is_network
from skcalib.estimators import name_classes
from skcalib.messages import check_choice, check_count, check_flag
from skcalib.networks import FrozenNetwork, ends_frozen, is_multilabel

OWNER = "parameter of DeepEnsembleClassifier"


def check_parameters(ensemble):
    """Raise unless the parameters are what they can be."""
    check_count(f"The 'n_members' {OWNER}", ensemble.n_members)
    check_choice(f"The 'train' {OWNER}", ensemble.train, ("auto", "stacked", "separate"))
    check_flag(f"The 'bootstrap' {OWNER}", ensemble.bootstrap)
    check_flag(f"The 'warm_start' {OWNER}", ensemble.warm_start)


def is_function(thing):
    """Tell a function that builds a model from classes, estimators and networks."""
    alone = not isclass(thing) and not hasattr(thing, "fit") and not is_network(thing)
    return callable(thing) and alone


def check_estimator(estimator):
    """Return it, or raise if it is not a classifier that can be trained several times."""
    given = f"The 'estimator' {OWNER}"
    if isinstance(estimator, FrozenEstimator) or ends_frozen(estimator):
        raise InvalidParameterError(
            f"{given} is trained already, and members are trained anew. For members that "
            "exist use DeepEnsembleClassifier.from_members([...]); for a Keras model give a "
            "function that builds and compiles it."
        )
    if isclass(estimator) or not hasattr(estimator, "fit") or is_regressor(estimator):
        raise InvalidParameterError(
            f"{given} must be a classifier (an instance), or a function that returns a new, "
            f"compiled keras.Model. Got {estimator!r} instead."
        )
    if is_multilabel(estimator):
        raise InvalidParameterError(f"{given} has several labels for each sample.")
    return estimator


def freeze_member(member, classes=None):
    """Return a trained member as one that no clone trains."""
    if is_network(member):
        return FrozenNetwork(member, classes=classes)
    if isinstance(member, FrozenNetwork | FrozenEstimator):
        return member
    if not hasattr(member, "fit"):
        raise InvalidParameterError(
            f"Members must be fitted classifiers or trained networks, got {member!r}."
        )
    return FrozenEstimator(_check_trained(member, classes))


def _check_trained(member, classes):
    """Return a classifier that is fitted and says its classes; NGBoost's say neither."""
    boosted = "ngboost" in {cls.__module__.split(".")[0] for cls in type(member).__mro__}
    trained = hasattr(member, "predict_proba") and bool(getattr(member, "base_models", None))
    if not (boosted and trained):
        check_is_fitted(member)
        return member
    n_classes = member.Dist.n_params + 1  # logits of all classes but the first
    if classes is None:
        classes = np.arange(n_classes)
    if len(classes) != n_classes:
        raise InvalidParameterError(
            f"classes={list(classes)!r} must name the {n_classes} classes of "
            f"{type(member).__name__}, the labels that it was trained with as 0 to "
            f"{n_classes - 1}."
        )
    return name_classes(member, classes)


def find_common_classes(members):
    """Return the sorted labels that all members know, or raise."""
    first, *others = [np.unique(member.classes_) for member in members]
    for number, own in enumerate(others, start=1):
        if not np.array_equal(own, first):
            raise ValueError(
                f"Members must know the same classes: number 0 knows {first.tolist()}, number "
                f"{number} {own.tolist()}."
            )
    return first
