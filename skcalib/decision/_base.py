"""What classifiers that act on another's probabilities do alike."""

from abc import ABCMeta, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skcalib.estimators import VersionedMixin
from skcalib.folds import (
    find_classes,
    make_indexable,
    proba_of,
    refuse_boosters,
    refuse_one_class,
    route_fit,
    train,
)
from skcalib.inputs import (
    check_weight,
    count_rows,
    refuse_masked_array,
    refuse_streams,
    take_rows,
    to_numpy,
)
from skcalib.messages import quote
from skcalib.networks import (
    WrappingMixin,
    clone_with_parameters,
    encode_labels,
    find_final_estimator,
    fit_network_labels,
    is_multilabel,
    list_inputs,
    refuse_paths,
    wrap_network,
    wraps_network,
)


class Data(NamedTuple):
    """What `fit` was given, checked."""

    X: object
    y: object
    classes: np.ndarray
    codes: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None = None

    def take(self, rows):
        """Return some of the rows."""
        taken = self.codes[rows], self.weight[rows]
        groups = None if self.groups is None else self.groups[rows]
        X, y = take_rows(self.X, rows), take_rows(self.y, rows)
        return Data(X, y, self.classes, *taken, groups)


class DecisionClassifier(
    WrappingMixin, VersionedMixin, ClassifierMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base class: one classifier inside, trained unless it is frozen, and its probabilities."""

    @abstractmethod
    def _decide(self, data):
        """Learn what is done with the probabilities of ``estimator_``."""

    def _split(self, codes):
        """Return the rows to train on, and those to decide by; None if these are all rows."""
        return None

    def fit(self, X, y=None, sample_weight=None, **fit_params):
        """Train a clone of the classifier, unless it is trained, and learn how to decide.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            Whatever `estimator` takes. For a trained classifier, rows that neither it nor
            its calibrator has seen.

        y : array-like of shape (n_samples,)
            Class labels; for networks also one-hot.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, frequencies: an integer weight counts as that many equal
            samples. The estimator gets them if it takes them.

        **fit_params : dict
            Passed to the estimator's `fit`. With metadata routing enabled, they go to whoever
            requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If a parameter is unusable, if y is not a vector of at least two classes, or if
            the classifier has no `predict_proba`.
        """
        return self._fit(X, y, sample_weight, fit_params)

    def _fit(self, X, y, sample_weight, fit_params, find_groups=None):
        """Do what `fit` does; the groups of the rows, if any, are found in the checked X."""
        self._check_params()
        data, estimator, sample_weight = self._check_data(X, y, sample_weight)
        if find_groups is not None:
            data = data._replace(groups=find_groups(data.X))
        params = route_fit(self, estimator, sample_weight, fit_params).estimator.fit
        estimator = fit_network_labels(estimator, data.X, data.y, data.classes)
        frozen = isinstance(estimator, FrozenEstimator)
        known = rest = data
        rows = None if frozen else self._split(data.codes)
        if rows is not None:
            known, rest = data.take(rows[0]), data.take(rows[1])
            params = {
                name: _take_if_long(value, data, rows[0]) for name, value in params.items()
            }
        member = estimator if frozen else clone_with_parameters(estimator)
        labels = data.classes[known.codes]
        member = train(member, known.X, known.y, labels, data.classes, params)
        self.estimator_, self.classes_ = member, find_classes(member)
        self._was_trained = frozen
        self._decide(self._by_own_classes(rest))
        self._take_features(member, X)
        return self

    def predict_proba(self, X):
        """Probabilities of the classifier.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        refuse_streams(X)
        self._check_features(self.estimator_, X)
        return proba_of(self.estimator_, X)

    def score(self, X, y, sample_weight=None):
        """Share of right decisions.

        Parameters
        ----------
        X : array-like of n_samples
            As in `fit`.

        y : array-like of shape (n_samples,)
            Labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        score : float
            In [0, 1]. Rows that are not decided count as wrong.
        """
        return share_of_hits(self.predict(X), y, sample_weight)

    def get_metadata_routing(self):
        """Return who consumes which metadata: this estimator, its `estimator`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self._get_estimator(), method_mapping=mapping)

    @abstractmethod
    def _check_params(self):
        """Raise ValueError if a parameter is unusable, before anything is trained."""

    def _get_estimator(self):
        if self.estimator is not None:
            return wrap_network(self.estimator)
        estimator = LogisticRegression()
        if get_config()["enable_metadata_routing"]:
            estimator.set_fit_request(sample_weight=True)
        return estimator

    def _check_data(self, X, y, sample_weight):
        refuse_streams(X)
        refuse_masked_array(X, "X")
        estimator = self._check_estimator()
        X, sample_weight = list_inputs(estimator, X), to_numpy(sample_weight, "sample_weight")
        classes, codes, y = encode_labels(y, estimator)
        X = make_indexable(X, codes)
        weight = check_weight(sample_weight, codes)
        refuse_one_class(classes, codes[weight > 0])
        return Data(X, y, classes, codes, weight), estimator, sample_weight

    def _check_estimator(self):
        owner = type(self).__name__
        refuse_paths(self.estimator, f"The 'estimator' parameter of {owner}")
        estimator = self._get_estimator()
        refuse_boosters(estimator)
        if is_multilabel(estimator):
            raise ValueError(
                f"{owner} is for one label; a network with multilabel=True has several."
            )
        network = wraps_network(find_final_estimator(estimator))
        if not hasattr(estimator, "fit") or not (
            network or hasattr(estimator, "predict_proba")
        ):
            raise InvalidParameterError(
                f"The 'estimator' parameter of {owner} must be a classifier with 'fit' and "
                f"'predict_proba'. Got {quote(estimator)}. If it has a 'decision_function', "
                "skcalib.CalibratedClassifierCV makes probabilities of it."
            )
        return estimator

    def _by_own_classes(self, data):
        """Return the data with codes among ``classes_``, which may be more than those of y."""
        own = self.classes_.tolist()
        present = data.classes[np.unique(data.codes[data.weight > 0])].tolist()
        unknown = [label for label in present if label not in own]
        if unknown:
            raise ValueError(
                f"y holds the label {unknown[0]!r}, which the classifier does not know; its "
                f"classes are {quote(own)}."
            )
        place = {label: column for column, label in enumerate(own)}
        columns = np.array([place.get(label, 0) for label in data.classes.tolist()])
        return data._replace(classes=self.classes_, codes=columns[data.codes])


def share_of_hits(decided, y, sample_weight):
    """Return the share of decisions that are the label, which those of abstaining never are."""
    labels = np.asarray(to_numpy(y, "y"))
    if labels.shape not in (decided.shape, (len(decided), 1)):
        raise ValueError(
            f"y must hold a label for each of {len(decided)} rows, got shape {labels.shape}."
        )
    labels = labels.ravel()
    hit = np.array([a == b for a, b in zip(decided.tolist(), labels.tolist(), strict=True)])
    weight = None if sample_weight is None else check_weight(sample_weight, hit)
    return float(np.average(hit, weights=weight))


def _take_if_long(value, data, rows):
    """Return the rows of what is as long as X, anything else as it is."""
    if hasattr(value, "__array__"):
        value = to_numpy(value, "a parameter of fit")
        value = np.asarray(value) if not hasattr(value, "__len__") else value
    long = hasattr(value, "__len__") and not isinstance(value, str | bytes | dict)
    if long and count_rows(value) == len(data.codes):
        return take_rows(value, rows)
    return value
