"""How far rows lie beyond held-out ones, in units in which held-out rows spread."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import check_cv

from skcalib.inputs import check_labels, check_weight, columns_among, count_rows
from skcalib.messages import quote_labels, warn
from skcalib.novelty._densities import make_density
from skcalib.novelty._features import FeatureReader

ROUNDING = 1e-9  # of a score: a spread below it is the noise of sums


class Distance:
    """Scores of features, and what they are for held-out rows.

    Attributes
    ----------
    held_out : ndarray
        Sorted scores of the held-out rows; higher for more usual rows.

    median, limit : float
        The score of the usual row, and the one below which 5 % of the held-out rows lie.

    spread : float
        Their difference.
    """

    def __init__(self, reader, density, held_out, weight):
        self.reader = reader
        self.density = density
        order = np.argsort(held_out)
        self.held_out = held_out[order]
        self.median, self.limit = np.quantile(
            held_out, [0.5, 0.05], method="inverted_cdf", weights=weight
        )
        largest = max(abs(self.median), abs(self.limit))
        self.spread = max(self.median - self.limit, ROUNDING * largest, np.finfo(float).tiny)

    def score(self, X):
        """Return the score of each row, higher for more usual rows."""
        return self.density.score_samples(self.reader.read(X))

    def answer(self, X):
        """Return the classifier's response and, as `score` does, the score of each row."""
        response, features = self.reader.answer(X)
        return response, self.density.score_samples(features)

    def measure_shortfall(self, scores, start):
        """Return how far scores fall short of `start`, in spreads; zero if they do not."""
        with np.errstate(over="ignore"):
            return np.maximum(0.0, (start - scores) / self.spread)

    def rescale(self, scores):
        """Return scores on one scale: 0 at the median, -1 at the limit of the usual."""
        return (scores - self.median) / self.spread


def fit_distance(estimator, known, held_out, choices):
    """Learn a density from the `known` rows, and what is usual from the `held_out` ones.

    Both are (X, codes, weight); `choices` are density, on and layer.
    """
    kind, on, layer = choices
    reader = FeatureReader(estimator, on, layer)
    X, codes, weight = known
    features, codes, weight = keep_positive_weight(reader.fit(X), codes, weight)
    warn_of_equal_rows(features)
    density = make_density(kind).fit(features, codes, weight)
    X, codes, weight = held_out
    features, _, weight = keep_positive_weight(reader.read(X), codes, weight)
    return Distance(reader, density, density.score_samples(features), weight)


def fit_distance_in_folds(estimator, rows, splits, choices):
    """Learn a density from all rows, and what is usual from densities without each fold."""
    kind, on, layer = choices
    reader = FeatureReader(estimator, on, layer)
    X, codes, weight = rows
    features, codes, weight = keep_positive_weight(reader.fit(X), codes, weight)
    warn_of_equal_rows(features)
    held_out = np.empty(len(features))
    for train, test in splits(features, codes):
        without = make_density(kind).fit(features[train], codes[train], weight[train])
        held_out[test] = without.score_samples(features[test])
    density = make_density(kind).fit(features, codes, weight)
    return Distance(reader, density, held_out, weight)


def warn_of_equal_rows(features):
    """Warn if the rows that a density is learned from are all the same."""
    largest, smallest = features.max(axis=0), features.min(axis=0)
    if (largest - smallest <= ROUNDING * np.maximum(np.abs(largest), np.abs(smallest))).all():
        warn(
            f"The {len(features)} rows that the density is learned from (X_train, or rows of "
            "X) all have the same features, so that no distance from them can be judged, and "
            "answers may be those of temperature scaling alone. Give rows that differ; if "
            "these do, the classifier cannot tell them apart: use on='inputs'.",
            UserWarning,
        )


def keep_positive_weight(features, codes, weight):
    """Leave out the rows of weight zero."""
    used = weight > 0
    if used.all():
        return features, codes, weight
    return features[used], codes[used], weight[used]


def novelty_pvalues(distances, all_scores):
    """Return the share of held-out rows, and of the row itself, that are as unusual.

    With several distances, each counts the rows that it held out.
    """
    at_most = sum(
        np.searchsorted(distance.held_out, scores, side="right")
        for distance, scores in zip(distances, all_scores, strict=True)
    )
    n_held_out = sum(len(distance.held_out) for distance in distances)
    return (1 + at_most) / (n_held_out + 1)


def check_training_rows(X_train, y_train, classes):
    """Return the training rows of a trained classifier, their codes and weights."""
    labels, own, codes = check_labels(y_train)
    if count_rows(X_train) != len(labels):
        raise ValueError(
            f"X_train has {count_rows(X_train)} rows, but y_train {len(labels)} labels."
        )
    strange = sorted(set(own.tolist()) - set(classes.tolist()))
    if strange:
        raise ValueError(
            f"y_train holds {quote_labels(strange)}, which the classifier does not know (it "
            f"knows {quote_labels(classes)})."
        )
    codes = columns_among(classes, own)[codes]
    return X_train, codes, check_weight(None, codes)


def split_for_densities(cv, features, codes):
    """Split rows for densities; into fewer folds where a class is small."""
    if cv is None or isinstance(cv, Integral):
        cv = min(cv or 5, max(2, np.bincount(codes)[np.unique(codes)].min()))
    return check_cv(cv, codes, classifier=True).split(features, codes)
