"""EnsembleMembersClassifier: the trees of a forest, or other members, as draws."""

from functools import partial

import numpy as np
from sklearn import get_config
from sklearn.base import ClassifierMixin, clone
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted, validate_data

from skcalib.inputs import count_rows, refuse_streams, take_rows
from skcalib.networks import WrappingMixin, find_final_estimator, find_final_step
from skcalib.sampling import Draws
from skcalib.uncertainty._base import SamplingClassifier

HELD = 2**22  # probabilities of one block
FEWEST_ROWS = 64


class EnsembleMembersClassifier(WrappingMixin, SamplingClassifier):
    """Members of an ensemble as draws: how much do the trees of a forest disagree?

    Each tree of a forest, each member of a bagging or voting ensemble, each fold of a
    :class:`~skcalib.CalibratedClassifierCV` is one draw. Their mean is the ensemble's own
    prediction; the measures of draws show what it hides: how much the members differ.

    **When to use it.** For an ensemble that you have, or would train anyway: only the measures
    are extra work. Trees with some rows in each leaf (``min_samples_leaf``) separate noise in
    the labels from ignorance.

    **When not.** To split the uncertainty of fully grown trees: each of these is
    sure of one class, so that all of the uncertainty counts as epistemic. For calibrated
    probabilities wrap it in :class:`~skcalib.CalibratedClassifierCV`. Boosted trees are
    terms of one sum, not members: for these, and for NGBoost, train several on bootstrap
    samples, by ``DeepEnsembleClassifier(booster, bootstrap=True)``.

    Parameters
    ----------
    estimator : classifier or None, default=None
        A :class:`sklearn.ensemble.RandomForestClassifier`,
        :class:`~sklearn.ensemble.ExtraTreesClassifier`,
        :class:`~sklearn.ensemble.BaggingClassifier`,
        :class:`~sklearn.ensemble.VotingClassifier`, or a calibration in folds (ours or
        scikit-learn's, with ``ensemble=True``), also at the end of a Pipeline or in a search.
        It is cloned and trained; inside a :class:`sklearn.frozen.FrozenEstimator` it is not.
        None is a ``RandomForestClassifier``.

    random_state : int, RandomState instance or None, default=None
        Of the default forest; an `estimator` that is given has its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.

    estimator_ : classifier
        The fitted ensemble.

    n_features_in_ : int
        Number of features that `estimator_` saw, if it says.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if it says.

    See Also
    --------
    skcalib.DeepEnsembleClassifier : Trains members of any classifier.
    skcalib.MCDropoutClassifier : Sub-networks of one network as draws.
    skcalib.uncertainty.summarize_draws : The measures, for draws from any source.

    Notes
    -----
    Members of a bagging ensemble that have no `predict_proba`, and those of a hard vote, vote:
    1 for the class that they predict. A class that a member's bootstrap sample lacks has the
    probability 0 there, as in scikit-learn, whose `predict_proba` is the mean. Where an
    ensemble is not the plain mean of its members (a vote with weights, folds that lack classes
    or are pooled by a geometric mean), it is refused.

    References
    ----------
    M. H. Shaker, E. Hüllermeier. Aleatoric and Epistemic Uncertainty with Random Forests.
    Advances in Intelligent Data Analysis 2020. arXiv:2001.00893

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from skcalib.uncertainty import EnsembleMembersClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> forest = RandomForestClassifier(50, min_samples_leaf=3, random_state=0)
    >>> trees = EnsembleMembersClassifier(forest).fit(X[::2], y[::2])
    >>> trees.sample_proba(X[1::2]).shape
    (50, 89, 3)
    >>> result = trees.predict_uncertainty(X[1::2])
    >>> result.epistemic.shape
    (89,)
    """

    def __init__(self, estimator=None, *, random_state=None):
        self.estimator = estimator
        self.random_state = random_state

    def fit(self, X, y=None, **fit_params):
        """Train a clone of the ensemble, unless it is frozen.

        Parameters
        ----------
        X : array-like of n_samples
            Whatever `estimator` takes.

        y : array-like of shape (n_samples,), default=None
            Labels. An ensemble that is trained needs none.

        **fit_params : dict
            Passed to the estimator's `fit`, if it is trained. With metadata routing enabled,
            they go to whoever requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If the estimator is none of these ensembles, or has several targets; if X is a
            dataset, a loader or a generator.
        """
        refuse_streams(X)
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        estimator = self._get_estimator()
        last = find_final_estimator(estimator)
        if isinstance(last, ClassifierMixin):  # a search knows only after it was trained
            _kind_of(last)
        trained = self._trains_nothing()
        fitted = estimator if trained else clone(estimator).fit(X, y, **fit_params)
        last = find_final_estimator(fitted)
        _kind_of(last)
        check_is_fitted(last)
        if isinstance(last.classes_, list):
            raise ValueError(
                f"{type(last).__name__} has {len(last.classes_)} targets; draws are those of "
                "one. Give y of shape (n_samples,)."
            )
        _refuse_other_means(last)
        self.estimator_, self.classes_ = fitted, last.classes_
        self._take_features(self.estimator_, X)
        return self

    def get_metadata_routing(self):
        """Return who consumes which metadata: `estimator`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self._get_estimator(), method_mapping=mapping
        )

    def _draws(self, X):
        refuse_streams(X)
        self._check_features(self.estimator_, X)
        ensemble, X = find_final_step(self.estimator_, X)
        X, members = _kind_of(ensemble)(ensemble, X)
        return Draws(self._blocks(X, members))

    def _blocks(self, X, members):
        n_classes, n_rows = len(self.classes_), count_rows(X)
        size = max(FEWEST_ROWS, HELD // (len(members) * n_classes))
        for start in range(0, n_rows, size):
            rows = slice(start, min(start + size, n_rows))
            part = X if n_rows <= size else take_rows(X, rows)
            draws = np.zeros((1, len(members), rows.stop - start, n_classes))
            for draw, (ask, columns) in zip(draws[0], members, strict=True):
                draw[:, columns] = ask(part)
            yield rows, draws

    def _get_estimator(self):
        if self.estimator is None:
            return RandomForestClassifier(random_state=self.random_state)
        return self._wrap_network(self.estimator)

    def _trains_nothing(self):
        return isinstance(self._get_estimator(), FrozenEstimator)


def _forest_members(forest, X):
    """Return X as trees take it, and for each of them how it is asked, and its columns."""
    X = _convert_as_fitted(forest, X, np.float32)
    return X, [(tree.predict_proba, slice(None)) for tree in forest.estimators_]


def _bagging_members(bagging, X):
    """Return the same; members know some features, and some classes by their number."""
    X = _convert_as_fitted(bagging, X, None)
    members = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    return X, [
        (partial(_ask, member, features), np.asarray(member.classes_, int))
        for member, features in members
    ]


def _ask(member, features, X):
    X = X[:, features]
    if hasattr(member, "predict_proba"):
        return member.predict_proba(X)
    return member.predict(X)[:, np.newaxis] == member.classes_


def _convert_as_fitted(ensemble, X, dtype):
    # What is not finite is for the members to judge.
    return validate_data(
        ensemble, X, reset=False, dtype=dtype, accept_sparse="csr", ensure_all_finite=False
    )


def _voting_members(voting, X):
    """Return the same; members know classes by their number, and take X as it is."""
    soft = voting.voting == "soft"
    columns = slice(None)
    if soft:
        return X, [(member.predict_proba, columns) for member in voting.estimators_]
    return X, [
        (partial(_vote, member, len(voting.classes_)), columns) for member in voting.estimators_
    ]


def _vote(member, n_classes, X):
    return np.eye(n_classes)[np.asarray(member.predict(X), int)]


def _folds(calibrated, X):
    """Return the same; members are pairs of a classifier and its calibrator."""
    pairs = calibrated.calibrated_classifiers_
    return X, [(pair.predict_proba, slice(None)) for pair in pairs]


def _refuse_other_means(ensemble):
    """Raise if a fitted ensemble is not the plain mean of several members."""
    name = type(ensemble).__name__
    weights = getattr(ensemble, "weights", None)
    if isinstance(ensemble, VotingClassifier) and len({*(weights or [1])}) > 1:
        raise InvalidParameterError(
            f"{name} has weights={weights!r}, but draws count alike. Leave weights=None."
        )
    pairs = getattr(ensemble, "calibrated_classifiers_", None)
    if pairs is None:
        return
    if len(pairs) == 1:
        raise InvalidParameterError(
            f"{name} has one member only, so that nothing can differ. Give it ensemble=True, "
            "and a classifier that is trained in its folds."
        )
    known = {tuple(np.sort(pair.known)) for pair in pairs if hasattr(pair, "known")}
    if len(known) > 1 or any(getattr(p, "pools_by_geometric_mean", False) for p in pairs):
        raise ValueError(
            f"The folds of {name} know different classes, or are pooled by a geometric mean, "
            "so that its answer is not the mean of their answers. Stratify the folds, or use "
            "another method."
        )


# What an ensemble is, and what gives its members.
KINDS = {
    RandomForestClassifier: _forest_members,
    ExtraTreesClassifier: _forest_members,
    BaggingClassifier: _bagging_members,
    VotingClassifier: _voting_members,
}
FOLDS = {"cv", "ensemble"}  # parameters of what calibrates in folds, ours or scikit-learn's


def _kind_of(ensemble):
    for kind, members_of in KINDS.items():
        if isinstance(ensemble, kind):
            return members_of
    if hasattr(ensemble, "get_params") and {*ensemble.get_params(deep=False)} >= FOLDS:
        return _folds
    names = ", ".join(kind.__name__ for kind in KINDS)
    raise InvalidParameterError(
        f"The 'estimator' parameter of EnsembleMembersClassifier must be one of {names}, or "
        "CalibratedClassifierCV with ensemble=True, also in a Pipeline, a search or "
        f"FrozenEstimator. Got {ensemble!r}, whose prediction is not the mean of its members. "
        "DeepEnsembleClassifier(estimator, bootstrap=True) trains members of any classifier, "
        "boosted trees and NGBoost among them."
    )
