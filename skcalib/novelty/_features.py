"""What a fitted classifier sees of a row: what its last layer takes, leaves, or X itself."""

import numpy as np
from scipy.sparse import issparse
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils._param_validation import InvalidParameterError

from skcalib._messages import quote
from skcalib._parameters import check_choice
from skcalib.backends import (
    as_arrays,
    check_arrays,
    list_arrays,
    make_perceptron_sampler,
    network_backend,
)
from skcalib.networks import find_final_estimator, find_final_step, find_network, wraps_network

N_LEAF_FEATURES = 64
MOST_SPARSE_COLUMNS = 4096


class FeatureReader:
    """Reads the features of rows as a fitted classifier sees them.

    `fit` is needed by forests only, whose leaves become coordinates; it returns the
    features of the rows that it was given.
    """

    def __init__(self, estimator, on, layer):
        self.estimator = estimator
        self.on = on
        self.layer = layer

    def fit(self, X):
        """Learn coordinates if needed; return the features of X."""
        last, inputs = _find_classifier(self.estimator, X)
        if self.on == "features" and isinstance(last, _FORESTS):
            leaves = last.apply(inputs)
            self.encoder_ = OneHotEncoder(handle_unknown="ignore").fit(leaves)
            codes = self.encoder_.transform(leaves)
            n_components = min(N_LEAF_FEATURES, *(size - 1 for size in codes.shape))
            self.coordinates_ = TruncatedSVD(max(1, n_components), random_state=0).fit(codes)
        return self.read(X)

    def read(self, X):
        """Return a finite matrix, a row for each sample."""
        last, inputs = _find_classifier(self.estimator, X)
        if self.on == "inputs":
            features = _to_matrix(inputs)
        elif wraps_network(last):
            network, inputs, _, _ = find_network(last, inputs)
            features = network_backend(network.model).features(
                network.model, check_arrays(inputs), network.batch_size, self.layer
            )
        elif isinstance(last, MLPClassifier):
            inputs, sampler = make_perceptron_sampler(last, inputs, last=True)
            features = np.asarray(sampler.start(inputs))
        elif isinstance(last, _FORESTS):
            codes = self.encoder_.transform(last.apply(inputs))
            features = self.coordinates_.transform(codes)
        else:
            features = _to_matrix(inputs)
        if not np.isfinite(features).all():
            rows = np.flatnonzero(~np.isfinite(features).all(axis=1))
            raise ValueError(
                f"The features hold NaN or infinite values in {len(rows)} rows (the first is "
                f"row {rows[0]}); distances need numbers."
            )
        return features


_FORESTS = (RandomForestClassifier, ExtraTreesClassifier)


def check_reading(on, layer):
    """Raise unless the parameters say what to read."""
    check_choice("on", on, ["features", "inputs"])
    if layer is not None and not isinstance(layer, str):
        raise InvalidParameterError(
            f"layer must be a layer's name or None, got {quote(layer)}."
        )


def _find_classifier(estimator, X):
    """Return the classifier whose features are meant, and X as it takes it."""
    last, X = find_final_step(estimator, X)
    while (inner := _find_inner_classifier(last)) is not None:
        last, X = find_final_step(inner, X)
    return last, X


def _find_inner_classifier(estimator):
    """Return the one fitted classifier inside a meta-estimator, None if there are several."""
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    pairs = getattr(estimator, "calibrated_classifiers_", ())
    if len(pairs) == 1:
        return pairs[0].estimator
    if wraps_network(find_final_estimator(estimator)):
        return None
    return getattr(estimator, "estimator_", None)


def _to_matrix(X):
    """Return inputs as a matrix of floating numbers."""
    if issparse(X) and X.shape[1] > MOST_SPARSE_COLUMNS:
        raise ValueError(
            f"X is sparse with {X.shape[1]} columns; distances need fewer. Put a TruncatedSVD "
            "into the pipeline, in front of the classifier."
        )
    parts = []
    for part in list_arrays(as_arrays(X)):
        try:
            part = np.asarray(part, dtype=None if part.dtype.kind == "f" else np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"on='inputs' measures distances between rows of numbers: {error}. Put an "
                "encoder into the pipeline, in front of the classifier."
            ) from error
        parts.append(part.reshape(len(part), -1))
    return np.hstack(parts)
