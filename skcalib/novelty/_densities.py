"""How usual a row's features are: every way to say so behind one door."""

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.messages import quote
from skcalib.novelty._gaussian import GaussianDensity, MahalanobisDistance
from skcalib.novelty._nearest import NearestDistance

DENSITIES = {
    "gaussian": GaussianDensity,
    "mahalanobis": MahalanobisDistance,
    "relative_mahalanobis": lambda: MahalanobisDistance(relative=True),
    "nearest": NearestDistance,
}


def check_density(density):
    """Raise unless this names a density, or is a function or an outlier detector."""
    known = isinstance(density, str) and density in DENSITIES
    detects = hasattr(density, "fit") and hasattr(density, "score_samples")
    if known or (not isinstance(density, str | type) and (callable(density) or detects)):
        return
    names = ", ".join(map(repr, DENSITIES))
    raise InvalidParameterError(
        f"density must be one of {names}, an outlier detector of scikit-learn with "
        "'score_samples' (an instance: with parentheses), or a function of the known rows' "
        f"features, their classes, and the features to be scored. Got {quote(density)} instead."
    )


def make_density(density):
    """Return something with ``fit(features, codes, weight)`` and ``score_samples``."""
    if isinstance(density, str):
        return DENSITIES[density]()
    return _Detector(clone(density)) if hasattr(density, "fit") else _Function(density)


class _Detector:
    """An outlier detector of scikit-learn."""

    def __init__(self, detector):
        self.detector = detector

    def fit(self, features, codes, weight):
        self.detector.fit(features[weight > 0])
        return self

    def score_samples(self, features):
        return _check_scores(self.detector.score_samples(features), features)


class _Function:
    """A function ``density(known, codes, features)``."""

    def __init__(self, function):
        self.function = function

    def fit(self, features, codes, weight):
        self.known = features[weight > 0], codes[weight > 0]
        return self

    def score_samples(self, features):
        return _check_scores(self.function(*self.known, features), features)


def _check_scores(scores, features):
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(features),) or np.isnan(scores).any():
        raise ValueError(
            f"density returned shape {scores.shape} for {len(features)} rows, or with "
            "NaN; it must give one number for each row, higher for more usual rows."
        )
    return scores
