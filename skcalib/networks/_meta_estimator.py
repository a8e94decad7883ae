"""What every meta-estimator around a classifier or a network does alike."""

from copy import copy

import numpy as np
from sklearn.base import MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags, indexable

from skcalib.backends import to_numpy
from skcalib.inputs import check_feature_names, check_labels, learn_feature_names
from skcalib.networks._feature_names import checks_names, refuse_other_order
from skcalib.networks._sharing import SharedNetworkMixin
from skcalib.networks._wrappers import (
    clone_with_parameters,
    decode_one_hot,
    is_multilabel,
    wrap_network,
)


class WrappingMixin(SharedNetworkMixin, MetaEstimatorMixin):
    """Meta-estimators whose `estimator` may be a bare network, which copies share.

    A subclass has ``_get_estimator()``, which gives a scikit-learn estimator.
    """

    _wrap_network = staticmethod(wrap_network)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        estimator = self._get_estimator()
        if hasattr(estimator, "__sklearn_tags__"):
            base = get_tags(estimator)
            tags.input_tags = copy(base.input_tags)
            tags.non_deterministic = base.non_deterministic
            for name in ("classifier_tags", "regressor_tags"):
                if getattr(base, name) is not None and getattr(tags, name) is not None:
                    setattr(tags, name, copy(getattr(base, name)))
            if tags.classifier_tags is not None:
                tags.classifier_tags.multi_label = is_multilabel(estimator)
        return tags

    def __sklearn_clone__(self):
        """Clone; a bare network is shared, and a wrapper keeps its parameters."""
        source = copy(self)
        source.estimator = None
        twin = super(WrappingMixin, source).__sklearn_clone__()
        if self.estimator is not None:
            twin.estimator = clone_with_parameters(self._wrap_network(self.estimator))
        return twin

    def _take_features(self, estimator, X):
        """Have the number and the names of features: of X; else of a frozen estimator."""
        if hasattr(estimator, "n_features_in_"):
            self.n_features_in_ = estimator.n_features_in_
        else:
            vars(self).pop("n_features_in_", None)  # of an earlier fit
        learn_feature_names(self, X)
        frozen = isinstance(estimator, FrozenEstimator)
        if not hasattr(self, "feature_names_in_") and hasattr(estimator, "feature_names_in_"):
            # Names that come from no frame (old LightGBM makes some up) are no names.
            if frozen:
                self.feature_names_in_ = estimator.feature_names_in_
            self._names_learned = not frozen

    def _check_features(self, estimator, X, asked=True):
        """Check the names of X where the fitted estimator does not do that when `asked`."""
        if not checks_names(estimator, asked):
            check_feature_names(self, X)
            refuse_other_order(estimator, X)


def encode_labels(y, estimator):
    """Return classes, codes, and y itself, as a vector unless it trains one-hot."""
    y = to_numpy(y, "y")
    labels, one_hot_kept = decode_one_hot(y, estimator)
    vector, classes, codes = check_labels(labels)
    if labels is not y:
        y = y if one_hot_kept else vector
    else:
        y = vector if np.asarray(y).ndim == 2 else indexable(y)[0]
    return classes, codes, y
