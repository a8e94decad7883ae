"""Several labels for each sample: a binary calibration for each, of one network's answers."""

from copy import copy

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if

from skcalib.estimators import VersionedMixin
from skcalib.inputs import check_weight
from skcalib.messages import warn
from skcalib.networks import (
    check_multi_hot,
    find_final_step,
    fit_network_labels,
    make_binary_classes,
    proba_of_labels,
)


class LabelAnswers(VersionedMixin, ClassifierMixin, BaseEstimator):
    """A network's answers for one label, given as X, as those of a binary classifier.

    Parameters
    ----------
    is_proba : bool, default=False
        Whether they are probabilities; else log-odds.
    """

    classes_ = np.arange(2)

    def __init__(self, is_proba=False):
        self.is_proba = is_proba

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        """Do nothing."""
        return self

    @available_if(lambda self: not self.is_proba)
    def decision_function(self, X):
        """Return the log-odds."""
        return X[:, 0]

    @available_if(lambda self: self.is_proba)
    def predict_proba(self, X):
        """Return the probabilities of absence and presence."""
        return np.hstack([1 - X, X])


class CalibratedLabels:
    """A network, and for each of its labels a pair that calibrates its answers.

    Attributes
    ----------
    estimator : object
        The network.

    pairs : list of n_labels
        Each a pair as with one label, or None where there was nothing to learn from.
    """

    def __init__(self, estimator, pairs):
        self.estimator = estimator
        self.pairs = pairs

    @property
    def calibrators(self):
        """The fitted calibrator of each label; None where there is none."""
        return [
            pair.calibrators[0] if pair and pair.calibrators else None for pair in self.pairs
        ]

    def predict_proba(self, X):
        """Return for each label the probabilities of absence and presence."""
        return predict_members(self.estimator, self.pairs, X)


def fit_labels(calibrated, estimator, X, y, sample_weight, fit_params):
    """Fit copies of a meta-estimator, one for each label; return the network and these.

    The network is asked once. A label that no sample has, or every sample, is None: its
    probabilities stay as they are, and a warning says so.
    """
    network = fit_network_labels(estimator, X, y, [])
    if not isinstance(network, FrozenEstimator):
        raise ValueError(
            "The network with multilabel=True is the last step of a "
            f"{type(estimator).__name__} that is not frozen. Freeze it as a whole, once its "
            "steps are fitted: "
            "FrozenEstimator(pipeline)."
        )
    values, is_proba = predict_labels(network, X)
    y = check_multi_hot(y, values.shape[1])
    weight = check_weight(sample_weight, y)
    members, idle = [], []
    for number, truth in enumerate(y.T):
        if len(np.unique(truth[weight > 0])) < 2:
            members.append(None)
            idle.append(number)
            continue
        member = _copy_unfitted(calibrated)
        member.estimator = FrozenEstimator(LabelAnswers(is_proba))
        column = values[:, [number]]
        members.append(member.fit(column, truth, sample_weight=sample_weight, **fit_params))
    if len(idle) == len(members):
        raise ValueError(
            "Every label is the same in all samples of positive weight: there is nothing to "
            "learn from."
        )
    if idle:
        warn(
            f"The labels in the columns {idle} of y are the same in all samples, so that their "
            "probabilities stay as the network gives them.",
            UserWarning,
        )
    return network, members, make_binary_classes(len(members))


def make_label_pairs(network, members):
    """Return a CalibratedLabels for each split."""
    n_pairs = max(len(m.calibrated_classifiers_) for m in members if m is not None)
    return [
        CalibratedLabels(network, [m and m.calibrated_classifiers_[number] for m in members])
        for number in range(n_pairs)
    ]


def predict_members(network, members, X):
    """Return for each label what its member makes of the network's answers."""
    values, is_proba = predict_labels(network, X)
    plain = proba_of_labels(values, is_proba)
    return [
        own if member is None else member.predict_proba(values[:, [number]])
        for number, (own, member) in enumerate(zip(plain, members, strict=True))
    ]


def predict_labels(network, X):
    """Return log-odds, or probabilities, a column for each label, and whether the latter."""
    last, X = find_final_step(network, X)
    values, is_proba, _, _ = last.answer(X)
    return values, is_proba


def _copy_unfitted(calibrated):
    member = copy(calibrated)
    for name in [n for n in vars(member) if n.endswith("_") and not n.startswith("_")]:
        delattr(member, name)
    return member
