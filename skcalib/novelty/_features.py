"""What a fitted classifier sees of a row: what its last layer takes, leaves, or X itself."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.ensemble import BaseEnsemble
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import (
    as_arrays,
    check_arrays,
    has_own_pass,
    list_arrays,
    network_backend,
    proba_of_perceptron,
    read_perceptron,
)
from skcalib.folds import Response, response_of, response_with_features
from skcalib.inputs import count_rows
from skcalib.messages import check_choice, quote
from skcalib.networks import find_final_estimator, find_final_step, find_network, wraps_network
from skcalib.novelty._leaves import FORESTS, LeafCoordinates

MOST_SPARSE_COLUMNS = 4096
SHORTEST = 1e-3  # of the median length


class FeatureReader:
    """Reads the features of rows as a fitted classifier sees them.

    What the last layer of a network takes gets one more column, the logarithm of a row's
    length; so do all features that come from sparse inputs or from text, of the length of these
    inputs: words or patterns that are not known leave rows short, near the middle of all
    others, where a density would call them usual.

    `fit` learns what is needed for that, and coordinates of a forest's leaves; it returns the
    features of the rows that it was given.
    """

    def __init__(self, estimator, on, layer):
        self.estimator = estimator
        self.on = on
        self.layer = layer

    def fit(self, X):
        """Learn coordinates if needed; return the features of X."""
        last, inputs = _find_classifier(self.estimator, X)
        if self.on == "features" and isinstance(last, FORESTS):
            self.leaves_ = LeafCoordinates(last).fit(inputs)
        features = _check_finite(self._read(last, inputs))
        self.own_length_ = self.input_length_ = None
        if self.on == "features" and self._has_own_features(last, inputs):
            self.own_length_ = float(np.median(measure_lengths(features))) or 1.0
        if issparse(inputs) or holds_text(X):
            self.input_length_ = float(np.median(measure_lengths(inputs))) or 1.0
        return self._complete(features, inputs)

    def read(self, X):
        """Return a finite matrix, a row for each sample."""
        last, inputs = _find_classifier(self.estimator, X)
        return self._complete(self._read(last, inputs), inputs)

    def answer(self, X):
        """Return the estimator's response and, as `read` does, the features.

        Networks, perceptrons and forests are asked once for both.
        """
        outer, X = find_final_step(self.estimator, X)
        last, inputs = _find_inside(outer, X)
        found = None
        if self.on == "features" and last is outer:
            found = self._answer_and_read(last, inputs)
        if found is None:
            found = response_of(outer, X, trusted=True), self._read(last, inputs)
        response, features = found
        return response, self._complete(features, inputs)

    def _has_own_features(self, last, inputs):
        """Tell a network or perceptron whose features are not its inputs."""
        if wraps_network(last):
            return find_network(last, inputs) is not None
        return isinstance(last, MLPClassifier)

    def _complete(self, features, inputs):
        """Return checked features, with the logarithms of the lengths that count."""
        columns = [_check_finite(features)]
        pairs = (features, self.own_length_), (inputs, self.input_length_)
        for rows, usual in pairs:
            if usual is not None:
                share = np.maximum(measure_lengths(rows) / usual, SHORTEST)
                columns.append((usual * np.log(share)).astype(features.dtype))
        return np.column_stack(columns) if len(columns) > 1 else features

    def _answer_and_read(self, last, inputs):
        """Return response and features from one pass, or None."""
        if wraps_network(last):
            return response_with_features(last, inputs, self.layer)
        if has_own_pass(last):
            features = read_perceptron(last, inputs)
            proba = proba_of_perceptron(last, features)
        elif hasattr(self, "leaves_") and self.leaves_.has_own_pass():
            proba, features = self.leaves_.answer(inputs)
        else:
            return None
        return Response(proba, True, np.asarray(last.classes_)), features

    def _read(self, last, inputs):
        if self.on == "inputs":
            return _to_matrix(inputs)
        if hasattr(self, "leaves_"):
            return self.leaves_.read(inputs)
        if isinstance(last, MLPClassifier):
            return read_perceptron(last, inputs)
        found = find_network(last, inputs) if wraps_network(last) else None
        if found is None:
            return _to_matrix(inputs)
        network, inputs, _, _ = found
        return network_backend(network.model).features(
            network.chosen_model, check_arrays(inputs), network.batch_size, self.layer
        )


def measure_lengths(features):
    """Return the Euclidean length of each row, as precisely for small numbers as for large."""
    if issparse(features):
        features = csr_array(features)
        return np.sqrt(np.asarray(features.multiply(features).sum(axis=1)).ravel())
    features = _to_matrix(features)
    largest = np.abs(features).max(axis=1, initial=0).astype(np.float64)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.linalg.norm(features / scale[:, None], axis=1)


def holds_text(X):
    """Tell whether each row is one text."""
    if isinstance(X, Mapping) or getattr(X, "ndim", 1) != 1:
        return False
    return count_rows(X) > 0 and isinstance(next(iter(X)), str)


def _check_finite(features):
    if not np.isfinite(features).all():
        rows = np.flatnonzero(~np.isfinite(features).all(axis=1))
        raise ValueError(
            f"The features hold NaN or infinite values in {len(rows)} rows (the first is "
            f"row {rows[0]}); distances need numbers."
        )
    return features


def check_reading(on, layer):
    """Raise unless the parameters say what to read."""
    check_choice("on", on, ["features", "inputs"])
    if layer is not None and not isinstance(layer, str):
        raise InvalidParameterError(
            f"layer must be a layer's name or None, got {quote(layer)}."
        )


def _find_classifier(estimator, X):
    """Return the classifier whose features are meant, and X as it takes it."""
    return _find_inside(*find_final_step(estimator, X))


def _find_inside(last, X):
    while (inner := _find_inner_classifier(last)) is not None:
        last, X = find_final_step(inner, X)
    return last, X


def _find_inner_classifier(estimator):
    """Return the one fitted classifier inside a meta-estimator, None if there are several.

    Ensembles keep what they clone as `estimator_`, which is never fitted; what transforms
    X (RFE, say) asks its classifier about something else.
    """
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    pairs = getattr(estimator, "calibrated_classifiers_", ())
    if len(pairs) == 1:
        return pairs[0].estimator
    several = isinstance(estimator, BaseEnsemble) or hasattr(estimator, "transform")
    if several or wraps_network(find_final_estimator(estimator)):
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
