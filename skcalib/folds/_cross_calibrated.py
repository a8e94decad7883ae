"""The meta-estimator: honest answers by cross-validation, and calibrators from them."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.svm import LinearSVC
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skcalib.estimators import ProbabilisticClassifierMixin, VersionedMixin
from skcalib.folds._boosters import refuse_boosters
from skcalib.folds._calibrated_draws import CalibratedDrawsMixin
from skcalib.folds._classes import (
    count_known,
    find_own_classes,
    refuse_one_class,
    unite_classes,
)
from skcalib.folds._completion import average_pairs
from skcalib.folds._detectors import give_classes, take_side_of, take_sides
from skcalib.folds._held_out import fit_split, is_pairwise, join_responses
from skcalib.folds._labels import fit_labels, make_label_pairs, predict_members
from skcalib.folds._missing_classes import (
    check_pairs,
    count_unknown,
    warn_of_answers,
    warn_of_missing_classes,
    warn_of_weights,
)
from skcalib.folds._pairs import count_once, fit_joined_pairs, fit_pair
from skcalib.folds._routing import route_fit
from skcalib.folds._splits import make_indexable, make_splits
from skcalib.folds._training import find_trained, train
from skcalib.inputs import (
    check_weight,
    refuse_masked_array,
    refuse_streams,
    to_numpy,
)
from skcalib.messages import (
    call_at_line,
    check_flag,
    find_users_line,
    is_count,
    quote,
    run_parallel,
)
from skcalib.networks import (
    WrappingMixin,
    clone_with_parameters,
    encode_labels,
    fit_network_labels,
    is_multilabel,
    list_inputs,
    refuse_paths,
    wrap_network,
)

JOINED = "joined"


class CrossCalibratedClassifier(
    CalibratedDrawsMixin,
    WrappingMixin,
    VersionedMixin,
    ProbabilisticClassifierMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """All but the choice of the calibrator, which subclasses make."""

    @abstractmethod
    def _new_calibrator(self):
        """Return an unfitted calibrator."""

    def fit(self, X, y=None, sample_weight=None, **fit_params):
        """Fit the classifier and its calibrators.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            Whatever `estimator` takes; it is passed through unchecked.

        y : array-like of shape (n_samples,)
            Class labels: strings, integers, integer-valued floats, booleans,
            categoricals. For networks also one-hot, of shape (n_samples, n_classes); for
            ``FrozenNetwork(model, multilabel=True)`` zeros and ones, of shape (n_samples,
            n_labels).

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights for the calibration and, if it takes them, the estimator.
            They are frequencies: an integer weight counts as that many equal samples, and
            their sum as the number of samples; unless `weights` says that they are relative.

        **fit_params : dict
            Passed to the estimator's `fit`; arrays as long as X are split like X. With
            metadata routing enabled, they go to whoever requested them.

        Returns
        -------
        self : object
            The fitted instance.

        Raises
        ------
        ValueError
            If X is a dataset, a loader or a generator; if y is not a vector of classes, has
            one class only, or holds a class that the fitted estimator does not know; if a
            class has fewer samples than `cv` has folds; if `cv` is LeaveOneOut; if splits
            leave a class of y to no pair of classifier and calibrator, or classes that no
            pair links, or nothing to calibrate with; if `groups` are given without metadata
            routing; if `estimator` is a booster in its library's own interface; if weights
            are negative, NaN or all zero; if the estimator answers with NaN, infinite
            values, a wrong number of columns or with probabilities that do not sum to one;
            if a parameter is unknown.
        sklearn.exceptions.NotFittedError
            If `estimator` is frozen but was never fitted, or is a pipeline that ends in a
            trained network and has a step that is not fitted.
        """
        refuse_streams(X)
        refuse_masked_array(X, "X")
        calibrator = self._new_calibrator()
        estimator = self._check_estimator()
        X, sample_weight = list_inputs(estimator, X), to_numpy(sample_weight, "sample_weight")
        vars(self).pop("estimators_", None)  # of an earlier fit
        if is_multilabel(estimator):
            return self._fit_labels(estimator, X, y, sample_weight, fit_params)
        y_classes, codes, y = encode_labels(y, estimator)
        X = make_indexable(X, codes)
        weight = check_weight(sample_weight, codes, self.weights)
        refuse_one_class(y_classes, codes[weight > 0])
        estimator = fit_network_labels(estimator, X, y, y_classes)
        params = route_fit(self, estimator, sample_weight, fit_params)
        estimator = give_classes(estimator, y_classes)
        splits = self._splits(estimator, X, y, codes, params.splitter.split)
        warn_of_weights(calibrator, sample_weight)
        data = X, y, y_classes, codes, weight
        self._fit_pairs(calibrator, estimator, data, splits, params.estimator.fit)
        return self

    def _fit_pairs(self, calibrator, estimator, data, splits, fit_params):
        """Train a classifier for each split, and learn its calibrator, or one for all."""
        X, y, y_classes, codes, weight = data
        labels = y_classes[codes]
        estimators, responses = self._fit_splits(
            estimator, X, y, labels, y_classes, splits, fit_params
        )
        warn_of_answers(estimators, responses)
        self.classes_, codes = unite_classes(y_classes, codes, splits, responses)
        rows = [np.arange(len(codes))[test] for _, test in splits]
        responses = take_sides(estimators, responses, rows, codes, weight)
        left_out = count_unknown(responses, rows, codes, weight, self.classes_)
        ensemble = self._resolve_ensemble(estimator)
        if ensemble == JOINED:
            found = fit_joined_pairs(
                calibrator, estimators, responses, rows, codes, weight, self.classes_
            )
            self.calibrated_classifiers_, rows = found[0], [found[1]] * len(rows)
        if not ensemble:
            final = clone_with_parameters(estimator)
            final = train(final, X, y, labels, y_classes, fit_params)
            take_side_of(final, estimators)
            own = find_own_classes(final, estimator, max(responses, key=count_known))
            joined_response, kept = join_responses(responses, rows, codes, self.classes_, own)
            weight = count_once(weight, kept)
            estimators, responses, rows = [final], [joined_response], [kept]
        if ensemble != JOINED:
            self.calibrated_classifiers_ = [
                fit_pair(calibrator, member, response, codes[held], weight[held], self.classes_)
                for member, response, held in zip(estimators, responses, rows, strict=True)
            ]
        check_pairs(self.calibrated_classifiers_, codes, weight)
        warn_of_missing_classes(self.calibrated_classifiers_, codes, weight, rows, left_out)
        self._take_features(find_trained(estimators), X)

    def _fit_splits(self, estimator, X, y, labels, classes, splits, fit_params):
        """Return the estimators of all splits, and their held-out answers."""
        told = find_users_line(), fit_split
        calls = [
            (*told, clone_with_parameters(estimator), X, y, labels, classes, split, fit_params)
            for split in splits
        ]
        found = run_parallel(
            call_at_line,
            calls,
            n_jobs=self.n_jobs,
            name="calibration",
            unit="splits",
            verbose=self.verbose,
        )
        return zip(*found, strict=True)

    def _fit_labels(self, estimator, X, y, sample_weight, fit_params):
        """Fit a calibration for each of several labels."""
        fitted = fit_labels(self, estimator, X, y, sample_weight, fit_params)
        network, self.estimators_, self.classes_ = fitted
        self.calibrated_classifiers_ = make_label_pairs(network, self.estimators_)
        self._take_features(network, X)
        return self

    def predict_proba(self, X):
        """Calibrated probabilities, averaged over the pairs.

        The mean is geometric, normalised, if the method is Venn-Abers calibration and each
        pair has its own. Pairs that never saw a class are completed by the others.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            As accepted by the estimator.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or list of n_labels such
            In [0, 1], rows sum to one, columns in the order of ``classes_``; float32 if
            the estimator answers in float32 or less. Of a network with several labels
            (``multilabel=True``) a list: for each label the probabilities of its absence and
            its presence, as from :class:`~sklearn.multioutput.MultiOutputClassifier`.
        """
        check_is_fitted(self)
        if hasattr(self, "estimators_"):
            network = self.calibrated_classifiers_[0].estimator
            return predict_members(network, self.estimators_, X)
        refuse_streams(X)
        members = [pair.estimator for pair in self.calibrated_classifiers_]
        self._check_features(find_trained(members), X)
        return average_pairs(self.calibrated_classifiers_, X)

    def get_metadata_routing(self):
        """Return who consumes which metadata: this estimator, its `estimator`, its `cv`.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            See scikit-learn's user guide on metadata routing.
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self._get_estimator(),
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def _get_estimator(self):
        if self.estimator is not None:
            return wrap_network(self.estimator)
        estimator = LinearSVC(random_state=0)
        if get_config()["enable_metadata_routing"]:
            estimator.set_fit_request(sample_weight=True)
        return estimator

    def _check_estimator(self):
        refuse_paths(self.estimator, f"The 'estimator' parameter of {type(self).__name__}")
        estimator = self._get_estimator()
        refuse_boosters(estimator)
        if not hasattr(estimator, "fit") or not (
            hasattr(estimator, "decision_function") or hasattr(estimator, "predict_proba")
        ):
            raise InvalidParameterError(
                f"The 'estimator' parameter of {type(self).__name__} must be a classifier with "
                "'fit' and 'predict_proba', or 'fit' and 'decision_function'. Got "
                f"{estimator!r} instead."
            )
        owner = type(self).__name__
        choices = "auto", JOINED
        check_flag(f"The 'ensemble' parameter of {owner}", self.ensemble, others=choices)
        if not (self.n_jobs is None or is_count(self.n_jobs, -np.inf)):
            raise InvalidParameterError(
                f"The 'n_jobs' parameter of {owner} must be an int or None. Got "
                f"{quote(self.n_jobs)} instead."
            )
        if is_pairwise(estimator) and self._resolve_ensemble(estimator):
            raise InvalidParameterError(
                "An estimator on precomputed distances or kernels (pairwise) needs "
                f"ensemble=False, not {quote(self.ensemble)}: a member trained on some samples "
                "cannot predict from distances to all of them."
            )
        return estimator

    def _resolve_ensemble(self, estimator):
        """Return True, False or "joined"."""
        if not isinstance(self.ensemble, str):
            return bool(self.ensemble)
        if isinstance(estimator, FrozenEstimator):  # one classifier, however it is split
            return False
        if self.ensemble == JOINED or getattr(self._new_calibrator(), "joins_folds", False):
            return JOINED
        return True

    def _splits(self, estimator, X, y, codes, split_params):
        if isinstance(estimator, FrozenEstimator) and not self._resolve_ensemble(estimator):
            return [(slice(None), slice(None))]  # nothing is trained: every row is held out
        return make_splits(self.cv, X, y, codes, split_params)
