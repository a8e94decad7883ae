"""Densities of features: a Gaussian for each class, or one shape for all classes."""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import logsumexp

MOST_NUMBERS = 2e7  # of all classes' covariances; beyond, the classes share one
FEWEST_ROWS = 5  # of a class with a covariance of its own
POOLED_SHARE = 0.25  # of the pooled covariance in that of a class, measured on digits, tables
BLOCK_ROWS = 4096
JITTER = 1e-6  # of the mean variance, so that constant features can be divided by


class GaussianDensity:
    """The log density of a mixture of Gaussians, one for each class.

    Each has its class's share of the rows, its mean and its covariance, a quarter of the way
    to the pooled one: that of all rows around their class's mean (Friedman's regularised
    discriminant analysis). Both are shrunk towards a sphere as far as Ledoit and Wolf say. A
    class with fewer than 5 rows, and all classes if K (D + D²) numbers would exceed 2e7, have
    the pooled covariance.
    """

    def fit(self, features, codes, weight):
        """Learn means, covariances and shares; weights are frequencies."""
        present, groups = np.unique(codes, return_inverse=True)
        n_features = features.shape[1]
        counts = np.bincount(groups, weight)
        self.log_shares_ = np.log(counts / counts.sum())
        self.means_ = group_means(features, groups, weight)
        large = len(present) * (n_features + n_features**2) > MOST_NUMBERS
        self.pooled_ = np.full(len(present), large) | (counts < FEWEST_ROWS)
        pooled = shrunk_covariance(features, weight, self.means_, groups)
        self.shared_ = Whitener(pooled) if self.pooled_.any() else None
        self.whiteners_ = {}
        for group in np.flatnonzero(~self.pooled_):
            own = groups == group
            covariance = shrunk_covariance(features[own], weight[own], self.means_[group])
            covariance += POOLED_SHARE * (pooled - covariance)
            self.whiteners_[group] = Whitener(covariance)
        return self

    def score_samples(self, features):
        """Return the log density of each row."""
        return by_blocks(self._score_block, features)

    def _score_block(self, rows):
        terms = np.empty((len(self.means_), len(rows)))
        for group, whitener in self.whiteners_.items():
            terms[group] = whitener.squared_length(rows, self.means_[group])
            terms[group] += whitener.log_det
        if self.shared_ is not None:
            lengths = self.shared_.squared_distances(rows, self.means_[self.pooled_])
            terms[self.pooled_] = lengths + self.shared_.log_det
        terms = self.log_shares_[:, None] - 0.5 * terms
        return logsumexp(terms, axis=0) - 0.5 * rows.shape[1] * np.log(2 * np.pi)


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
        groups = np.unique(codes, return_inverse=True)[1]
        self.means_ = group_means(features, groups, weight)
        self.whitener_ = Whitener(shrunk_covariance(features, weight, self.means_, groups))
        if self.relative:
            self.mean_ = np.average(self.means_, axis=0, weights=np.bincount(groups, weight))
            self.background_ = Whitener(shrunk_covariance(features, weight, self.mean_))
        return self

    def score_samples(self, features):
        """Return minus the squared distance of each row."""
        return by_blocks(self._score_block, features)

    def _score_block(self, rows):
        nearest = self.whitener_.squared_distances(rows, self.means_).min(axis=0)
        if self.relative:
            nearest -= self.background_.squared_length(rows, self.mean_)
        return -nearest


class Whitener:
    """A linear map after which rows of this covariance, minus their mean, vary by one.

    It multiplies by the inverse of the covariance's root, so that rows cost one product.
    """

    def __init__(self, covariance):
        n_features = len(covariance)
        level = np.trace(covariance) / n_features
        tiny = np.finfo(np.float64).tiny ** 0.5  # where nothing varies at all
        covariance = covariance + np.diag(np.full(n_features, max(JITTER * level, tiny)))
        factor = cholesky(covariance, lower=True)
        self.log_det = 2 * np.log(np.diag(factor)).sum()
        self.root = solve_triangular(factor, np.eye(n_features), lower=True).T

    def squared_length(self, rows, mean):
        """Return the squared Mahalanobis distance of each row to a mean."""
        white = (rows - mean) @ self.root
        return np.einsum("ij,ij->i", white, white)

    def squared_distances(self, rows, means):
        """Return the squared Mahalanobis distances to means (n_means, n_rows)."""
        middle = means.mean(axis=0)  # digits are lost where rows lie far from zero
        white, centres = (rows - middle) @ self.root, (means - middle) @ self.root
        out = np.empty((len(means), len(rows)))
        for centre, own in zip(centres, out, strict=True):
            own[:] = np.einsum("ij,ij->i", white - centre, white - centre)
        return out


def shrunk_covariance(rows, weight, means=0.0, groups=None):
    """Return the weighted covariance, shrunk to a multiple of one as Ledoit and Wolf do.

    Rows are taken around the mean of their group, all around the only one without groups.
    """
    n, n_features = weight.sum(), rows.shape[1]
    covariance, quartic = np.zeros((n_features, n_features)), 0.0
    for block in cut_blocks(len(rows)):
        own = means if groups is None else means[groups[block]]
        centred = rows[block].astype(np.float64) - own
        covariance += (centred * weight[block, None]).T @ centred
        quartic += weight[block] @ np.einsum("ij,ij->i", centred, centred) ** 2
    covariance /= n
    level = np.trace(covariance) / n_features
    # Squared distances, each divided by the number of features: of the estimate from the
    # sphere, and of the single rows' estimates from it.
    squares = np.einsum("ij,ij->", covariance, covariance)
    spread = (squares - n_features * level**2) / n_features
    error = (quartic / n - squares) / (n_features * n)
    error = min(max(error, 0.0), spread)
    share = error / spread if spread > 0 else 0.0
    covariance *= 1 - share
    covariance[np.diag_indices(n_features)] += share * level
    return covariance


def group_means(rows, groups, weight):
    """Return the weighted mean of each group's rows."""
    n_groups = groups.max() + 1
    first = rows[0].astype(np.float64)  # digits are lost where rows lie far from zero
    sums = np.zeros((n_groups, rows.shape[1]))
    for block in cut_blocks(len(rows)):
        member = (groups[block] == np.arange(n_groups)[:, None]) * weight[block]
        sums += member @ (rows[block] - first)
    return first + sums / np.bincount(groups, weight)[:, None]


def by_blocks(score, features):
    """Return the scores of all rows, a block of them after the other, in double precision."""
    features = np.asarray(features)
    return np.concatenate(
        [score(features[block].astype(np.float64)) for block in cut_blocks(len(features))]
    )


def cut_blocks(n_rows):
    """Return slices of rows: copies in double precision are small."""
    return [slice(start, start + BLOCK_ROWS) for start in range(0, n_rows, BLOCK_ROWS)]
