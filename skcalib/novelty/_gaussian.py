"""Densities of features: a Gaussian for each class, or one shape for all classes."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import logsumexp

MOST_NUMBERS = 2e7  # of all classes' covariances; beyond, the classes share one
FEWEST_ROWS = 5  # of a class with a covariance of its own
JITTER = 1e-6  # of the mean variance, so that constant features can be divided by


class GaussianDensity:
    """The log density of a mixture of Gaussians, one for each class.

    Each has its class's share of the rows, its mean and its covariance, shrunk towards a
    sphere as far as Ledoit and Wolf say. A class with fewer than 5 rows, and all classes
    if K (D + D²) numbers would exceed 2e7, have the covariance of all rows around their
    class's mean.
    """

    def fit(self, features, codes, weight):
        """Learn means, covariances and shares; weights are frequencies."""
        features = np.asarray(features, dtype=np.float64)
        present = np.unique(codes)
        n_features = features.shape[1]
        counts = np.array([weight[codes == code].sum() for code in present])
        self.log_shares_ = np.log(counts / counts.sum())
        self.means_ = class_means(features, codes, weight, present)
        large = len(present) * (n_features + n_features**2) > MOST_NUMBERS
        self.pooled_ = np.full(len(present), large) | (counts < FEWEST_ROWS)
        whiteners = []
        if self.pooled_.any():
            shared = Whitener(subtract_means(features, codes, self.means_, present), weight)
        for code, mean, is_pooled in zip(present, self.means_, self.pooled_, strict=True):
            if is_pooled:
                whiteners.append(shared)
            else:
                own = codes == code
                whiteners.append(Whitener(features[own] - mean, weight[own]))
        self.whiteners_ = whiteners
        return self

    def score_samples(self, features):
        """Return the log density of each row."""
        terms = [
            share - 0.5 * (whitener.squared_length(features - mean) + whitener.log_det)
            for share, mean, whitener in zip(
                self.log_shares_, self.means_, self.whiteners_, strict=True
            )
        ]
        constant = 0.5 * features.shape[1] * np.log(2 * np.pi)
        return logsumexp(terms, axis=0) - constant


class MahalanobisDistance:
    """Minus the squared Mahalanobis distance to the nearest class mean.

    All classes share the covariance of the rows around their class's mean. If `relative`,
    the squared distance to the mean of all rows, by the covariance of all rows, is taken
    off: what is unusual for every class alike then counts less.
    """

    def __init__(self, *, relative=False):
        self.relative = relative

    def fit(self, features, codes, weight):
        """Learn means and covariances; weights are frequencies."""
        features = np.asarray(features, dtype=np.float64)
        present = np.unique(codes)
        self.means_ = class_means(features, codes, weight, present)
        self.whitener_ = Whitener(subtract_means(features, codes, self.means_, present), weight)
        if self.relative:
            self.mean_ = np.average(features, axis=0, weights=weight)
            self.background_ = Whitener(features - self.mean_, weight)
        return self

    def score_samples(self, features):
        """Return minus the squared distance of each row."""
        white = self.whitener_.whiten(features)
        nearest = np.full(len(features), np.inf)
        for mean in self.whitener_.whiten(self.means_):
            np.minimum(nearest, np.einsum("ij,ij->i", white - mean, white - mean), out=nearest)
        if self.relative:
            nearest = nearest - self.background_.squared_length(features - self.mean_)
        return -nearest


class Whitener:
    """A linear map after which rows, centred before, have a covariance of about one."""

    def __init__(self, centred, weight):
        covariance = shrunk_covariance(centred, weight)
        n_features = len(covariance)
        level = np.trace(covariance) / n_features
        tiny = np.finfo(np.float64).tiny ** 0.5  # where nothing varies at all
        covariance[np.diag_indices(n_features)] += max(JITTER * level, tiny)
        self.factor = cholesky(covariance, lower=True)
        self.log_det = 2 * np.log(np.diag(self.factor)).sum()

    def whiten(self, centred):
        """Return the rows in the coordinates in which they vary equally."""
        centred = np.asarray(centred, dtype=np.float64)
        return solve_triangular(self.factor, centred.T, lower=True).T

    def squared_length(self, centred):
        """Return the squared Mahalanobis length of each row."""
        white = self.whiten(centred)
        return np.einsum("ij,ij->i", white, white)


def shrunk_covariance(centred, weight):
    """Return the weighted covariance, shrunk to a multiple of one as Ledoit and Wolf do."""
    n, n_features = weight.sum(), centred.shape[1]
    scaled = centred * weight[:, None]
    covariance = scaled.T @ centred / n
    level = np.trace(covariance) / n_features
    # Squared distances, each divided by the number of features: of the estimate from the
    # sphere, and of the single rows' estimates from it.
    spread = (np.sum(covariance**2) - n_features * level**2) / n_features
    lengths = np.einsum("ij,ij->i", centred, centred)
    error = (weight @ lengths**2 / n - np.sum(covariance**2)) / (n_features * n)
    error = min(max(error, 0.0), spread)
    share = error / spread if spread > 0 else 0.0
    covariance *= 1 - share
    covariance[np.diag_indices(n_features)] += share * level
    return covariance


def class_means(features, codes, weight, present):
    """Return the weighted mean of each class's rows."""
    return np.stack(
        [np.average(features[codes == c], axis=0, weights=weight[codes == c]) for c in present]
    )


def subtract_means(features, codes, means, present):
    """Return the rows minus the mean of their class."""
    return features - means[np.searchsorted(present, codes)]
