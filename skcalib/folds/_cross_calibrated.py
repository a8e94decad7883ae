"""The meta-estimator: honest answers by cross-validation, and calibrators from them."""

import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.svm import LinearSVC
from sklearn.utils import Bunch, check_consistent_length, indexable
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skcalib._fitting import accepts_weight
from skcalib._predictions import ProbabilisticClassifierMixin
from skcalib._representations import VersionedMixin
from skcalib._rows import is_dict_of_arrays, refuse_streams
from skcalib._targets import check_weight, columns_among
from skcalib.folds._held_out import fit_split, is_pairwise, join_responses
from skcalib.folds._missing_classes import (
    count_unknown,
    warn_of_answers,
    warn_of_missing_classes,
    warn_of_weights,
)
from skcalib.folds._pairs import fit_pair, mean_of_pairs
from skcalib.folds._splits import make_splits
from skcalib.networks import WrappingMixin, encoded, faithful_clone, prepared, sheltered


class CrossCalibratedClassifier(
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
        """Fit the classifier and its calibration.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            Whatever `estimator` takes; it is passed through unchecked.

        y : array-like of shape (n_samples,)
            Class labels: strings, integers, integer-valued floats, booleans,
            categoricals. For networks also one-hot, of shape (n_samples, n_classes).

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights for the calibration and, if it takes them, the estimator.
            They are frequencies: an integer weight counts as that many equal samples, and
            their sum as the number of samples.

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
            class has fewer samples than `cv` has folds; if `cv` is LeaveOneOut; if weights
            are negative, NaN or all zero; if the estimator answers with NaN, infinite
            values, a wrong number of columns or with probabilities that do not sum to one;
            if a parameter is unknown.
        sklearn.exceptions.NotFittedError
            If `estimator` is frozen but was never fitted.
        """
        self._fit(X, y, sample_weight, fit_params)
        return self

    def _fit(self, X, y, sample_weight, fit_params):
        """Fit the pairs; return X, codes, weights and splits as they were used."""
        refuse_streams(X)
        calibrator = self._new_calibrator()
        estimator = self._checked_estimator()
        y_classes, codes, y = encoded(y, estimator)
        X = _indexable(X, codes)
        weight = check_weight(sample_weight, codes)
        _refuse_one_class(y_classes, codes[weight > 0])
        estimator = prepared(estimator, X, y, y_classes)
        params = self._route(estimator, sample_weight, fit_params)
        if isinstance(estimator, FrozenEstimator) and not self._resolved_ensemble(estimator):
            splits = [(slice(None), slice(None))]  # nothing is trained: every row is held out
        else:
            splits = make_splits(self.cv, X, y, codes, params.splitter.split)
        estimators, responses = zip(
            *Parallel(n_jobs=self.n_jobs)(
                delayed(fit_split)(faithful_clone(estimator), X, y, split, params.estimator.fit)
                for split in splits
            ),
            strict=True,
        )
        warn_of_answers(estimators[0], responses)
        warn_of_weights(calibrator, sample_weight)
        self.classes_, codes = _unite_classes(y_classes, codes, splits, responses)
        rows = [np.arange(len(codes))[test] for _, test in splits]
        left_out = count_unknown(responses, rows, codes, weight, self.classes_)
        if not self._resolved_ensemble(estimator):
            final = faithful_clone(estimator)
            final.fit(X, y, **params.estimator.fit)
            own = _own_classes(final, estimator, responses[0])
            joined, kept = join_responses(responses, rows, codes, self.classes_, own)
            # A sample that several splits held out still counts once.
            weight = weight / np.maximum(np.bincount(kept, minlength=len(codes)), 1)
            estimators, responses, rows = [final], [joined], [kept]
        self.calibrated_classifiers_ = [
            fit_pair(calibrator, member, response, codes[held], weight[held], self.classes_)
            for member, response, held in zip(estimators, responses, rows, strict=True)
        ]
        warn_of_missing_classes(self.calibrated_classifiers_, codes, weight, rows, left_out)
        self._take_features(estimators[0], X)
        return X, codes, weight, splits

    def predict_proba(self, X):
        """Calibrated probabilities, averaged over the pairs.

        The mean is geometric, normalised, if the method is Venn-Abers calibration.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe, list or dict of arrays, of n_samples
            As accepted by the estimator.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``; float32 if
            the estimator answers in float32 or less.
        """
        check_is_fitted(self)
        self._check_features(self.calibrated_classifiers_[0].estimator, X)
        return mean_of_pairs(self.calibrated_classifiers_, X)

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
            return sheltered(self.estimator)
        estimator = LinearSVC(random_state=0)
        if get_config()["enable_metadata_routing"]:
            estimator.set_fit_request(sample_weight=True)
        return estimator

    def _checked_estimator(self):
        estimator = self._get_estimator()
        if not hasattr(estimator, "fit") or not (
            hasattr(estimator, "decision_function") or hasattr(estimator, "predict_proba")
        ):
            raise InvalidParameterError(
                f"The 'estimator' parameter of {type(self).__name__} must be a classifier with "
                "'fit' and 'predict_proba', or 'fit' and 'decision_function'. Got "
                f"{estimator!r} instead."
            )
        if not (isinstance(self.ensemble, bool | np.bool_) or self.ensemble == "auto"):
            raise InvalidParameterError(
                f"The 'ensemble' parameter of {type(self).__name__} must be True, False or "
                f"'auto'. Got {self.ensemble!r} instead."
            )
        if not isinstance(self.n_jobs, Integral | None):
            raise InvalidParameterError(
                f"The 'n_jobs' parameter of {type(self).__name__} must be an int or None. Got "
                f"{self.n_jobs!r} instead."
            )
        if is_pairwise(estimator) and self._resolved_ensemble(estimator):
            raise InvalidParameterError(
                "An estimator on precomputed distances or kernels (pairwise) needs "
                "ensemble=False: a member trained on some samples could not be asked about "
                "distances to all of them."
            )
        return estimator

    def _resolved_ensemble(self, estimator):
        if isinstance(self.ensemble, str):
            return not isinstance(estimator, FrozenEstimator)
        return bool(self.ensemble)

    def _route(self, estimator, sample_weight, fit_params):
        """Return what goes to the fit of the estimator and to the splitter."""
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, "fit", sample_weight=sample_weight, **fit_params)
        if sample_weight is not None:
            if accepts_weight(estimator):
                fit_params = {**fit_params, "sample_weight": sample_weight}
            elif not isinstance(estimator, FrozenEstimator):
                warnings.warn(
                    f"Since {type(self._get_estimator()).__name__} does not appear to accept "
                    "sample_weight, sample weights will only be used for the calibration "
                    "itself, and the result is likely to be incorrect. If a classifier inside "
                    "it takes weights (the last step of a Pipeline, say), enable metadata "
                    "routing and let that classifier request them.",
                    UserWarning,
                    stacklevel=3,
                )
        return Bunch(splitter=Bunch(split={}), estimator=Bunch(fit=fit_params))


def _indexable(X, codes):
    if is_dict_of_arrays(X):
        X = dict(zip(X, indexable(*X.values()), strict=True))
        check_consistent_length(*X.values(), codes)
        return X
    return indexable(X, codes)[0]


def _own_classes(final, estimator, response):
    """Return the classes of the classifier that was trained on all rows."""
    frozen = isinstance(estimator, FrozenEstimator)
    own = response.classes if frozen else np.asarray(final.classes_)
    return np.unique(own) if response.network else own  # as networks answer


def _refuse_one_class(y_classes, codes):
    present = y_classes[np.unique(codes)]
    if len(present) < 2:
        raise ValueError(
            f"y has one class only ({present.tolist()[0]!r}) among the samples of positive "
            "weight; calibration needs at least two classes."
        )


def _unite_classes(y_classes, codes, splits, responses):
    """Return the classes of y and of all members, and codes among them."""
    for (train, _), response in zip(splits, responses, strict=True):
        known = response.classes.tolist()
        strange = set(y_classes[np.unique(codes[train])].tolist()) - set(known)
        if strange:
            raise ValueError(
                f"y holds the classes {sorted(strange)}, which the fitted estimator does not "
                f"know (it knows {known}). Train it on all classes, or leave these samples out."
            )
    classes = np.unique(np.concatenate([y_classes, *(r.classes for r in responses)]))
    if len(classes) == len(y_classes):
        classes = y_classes
    return classes, columns_among(classes, y_classes)[codes]
