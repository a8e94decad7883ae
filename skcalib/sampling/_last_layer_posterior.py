"""The Laplace approximation of a last layer: how far its logits are open, given its rows.

With features h (a constant among them) and logits h W, the log posterior of W around the
trained weights is quadratic: the Hessian of the negative log likelihood,
sum_n (diag(p_n) - p_n p_n^T) (x) h_n h_n^T, plus the precision of a Gaussian prior. Logits of
a row are then Gaussian around those of the network. Two classes have one logit, their log-odds.

D. J. C. MacKay. The evidence framework applied to classification networks. 1992.
"""

from abc import ABCMeta, abstractmethod

import numpy as np

from skcalib.inputs import sigmoid, softmax
from skcalib.sampling._gaussian_logits import factorise

LARGEST_FULL = 2048  # weights whose Hessian is formed
LARGE = 1e100  # features; the squares of larger ones may overflow


def count_logits(n_classes):
    """Return the number of logits that are free: of two classes, one."""
    return 1 if n_classes == 2 else n_classes


def reduce_logits(logits):
    """Return the free logits: of two columns, their difference."""
    if logits.shape[1] == 2:
        return (logits[:, 1] - logits[:, 0]).astype(np.float64)[:, None]
    return logits.astype(np.float64)


def proba_of_reduced(logits):
    """Return probabilities (..., n_classes) of free logits (..., n_logits)."""
    if logits.shape[-1] > 1:
        return softmax(logits.reshape(-1, logits.shape[-1])).reshape(logits.shape)
    return np.concatenate([sigmoid(-logits), sigmoid(logits)], axis=-1)


class LastLayerPosterior(metaclass=ABCMeta):
    """Curvature of the log likelihood in a last layer's weights.

    `add` rows, then `finish`; then ask for what a prior's `precision` leaves open.
    """

    @abstractmethod
    def add(self, features, logits):
        """Add rows: features (n, n_features) and free logits (n, n_logits)."""

    @abstractmethod
    def finish(self):
        """Prepare for questions; return self."""

    @abstractmethod
    def eigenvalues(self):
        """Return those of the Hessian, as far as its structure knows them."""

    @abstractmethod
    def variances(self, features, precision):
        """Return the variances of the free logits, (n, n_logits)."""

    @abstractmethod
    def deviations(self, features, precision, points):
        """Return what standard normal points (T, n_logits) add to logits, (T, n, n_logits)."""


class DiagonalPosterior(LastLayerPosterior):
    """Each weight by itself."""

    def __init__(self):
        self.curvature = 0.0

    def add(self, features, logits):
        """Add rows."""
        proba = _likelihoods(logits)
        self.curvature = self.curvature + np.square(features).T @ (proba * (1 - proba))

    def finish(self):
        """Return self."""
        return self

    def eigenvalues(self):
        """Return all curvatures."""
        return self.curvature.ravel()

    def variances(self, features, precision):
        """Return the variances of the free logits."""
        return np.square(features) @ (1 / (self.curvature + precision))

    def deviations(self, features, precision, points):
        """Return what points add to logits."""
        return points[:, None] * np.sqrt(self.variances(features, precision))


class KroneckerPosterior(LastLayerPosterior):
    """A product of the features' second moments and the mean curvature by the logits.

    With one logit these moments are weighted by each row's own curvature, which is exact.
    """

    def __init__(self):
        self.of_features, self.of_logits, self.n_rows = 0.0, 0.0, 0

    def add(self, features, logits):
        """Add rows."""
        proba = _likelihoods(logits)
        self.n_rows += len(features)
        if logits.shape[1] == 1:
            self.of_features = self.of_features + (features * proba * (1 - proba)).T @ features
            self.of_logits = np.full((1, 1), float(self.n_rows))
            return
        self.of_features = self.of_features + features.T @ features
        self.of_logits = self.of_logits + np.diag(proba.sum(axis=0)) - proba.T @ proba

    def finish(self):
        """Find eigenvalues and directions; return self."""
        self.a, self.directions = _eigen(self.of_features)
        self.g, self.mixing = _eigen(self.of_logits / self.n_rows)
        return self

    def eigenvalues(self):
        """Return all products of eigenvalues."""
        return np.outer(self.a, self.g).ravel()

    def variances(self, features, precision):
        """Return the variances of the free logits."""
        return self._along(features, precision) @ np.square(self.mixing).T

    def deviations(self, features, precision, points):
        """Return what points add to logits."""
        return (points[:, None] * np.sqrt(self._along(features, precision))) @ self.mixing.T

    def _along(self, features, precision):
        """Return variances along the directions of the logits."""
        spread = 1 / (np.outer(self.a, self.g) + precision)
        return np.square(features @ self.directions) @ spread


class FullPosterior(LastLayerPosterior):
    """All pairs of weights; up to 2,048 of these."""

    def __init__(self):
        self.hessian = None

    def add(self, features, logits):
        """Add rows."""
        n_features, n_logits = features.shape[1], logits.shape[1]
        size = n_features * n_logits
        if size > LARGEST_FULL:
            raise ValueError(
                f"structure='full' holds a matrix of all pairs of weights; the last layer has "
                f"{n_features} x {n_logits} = {size}, and at most {LARGEST_FULL} are allowed. "
                "Use structure='kronecker'."
            )
        if self.hessian is None:
            self.hessian = np.zeros((n_logits, n_features, n_logits, n_features))
        proba = _likelihoods(logits)
        for k in range(n_logits):
            for m in range(k, n_logits):
                curved = proba[:, [k]] * ((k == m) - proba[:, [m]])
                found = (features * curved).T @ features
                self.hessian[k, :, m] += found
                if k != m:
                    self.hessian[m, :, k] += found.T

    def finish(self):
        """Find eigenvalues and directions; return self."""
        n_logits, n_features = self.hessian.shape[:2]
        self.shape = n_logits, n_features
        size = n_logits * n_features
        self.values, self.directions = _eigen(self.hessian.reshape(size, size))
        self.asked = None
        return self

    def eigenvalues(self):
        """Return those of the Hessian."""
        return self.values

    def variances(self, features, precision):
        """Return the variances of the free logits."""
        return np.diagonal(self._covariances(features, precision), axis1=1, axis2=2)

    def deviations(self, features, precision, points):
        """Return what points add to logits."""
        factors = factorise(self._covariances(features, precision))
        return np.matmul(factors, points.T).transpose(2, 0, 1)

    def _covariances(self, features, precision):
        n_logits = self.shape[0]
        if self.asked is None or self.asked[0] != precision:
            found = (self.directions / (self.values + precision)) @ self.directions.T
            self.asked = precision, found.reshape(*self.shape, *self.shape)
        out = np.empty((len(features), n_logits, n_logits))
        for k in range(n_logits):
            for m in range(k, n_logits):
                pair = np.einsum("ni,ni->n", features @ self.asked[1][k, :, m], features)
                out[:, k, m] = out[:, m, k] = pair
        return out


STRUCTURES = {
    "diagonal": DiagonalPosterior,
    "full": FullPosterior,
    "kronecker": KroneckerPosterior,
}


def mean_proba(logits, variances, temperature=1.0):
    """Return the probit approximation of the mean of probabilities, by MacKay's formula.

    A temperature divides all draws of the logits.
    """
    return proba_of_reduced(logits / np.sqrt(temperature**2 + np.pi / 8 * variances))


def predict_mean(posterior, features, logits, precision, temperature=1.0):
    """Return the same for rows, (n, n_classes)."""
    features, logits, temperature = _scale_rows(features, logits, temperature)
    return mean_proba(logits, posterior.variances(features, precision), temperature)


def draw_proba(posterior, features, logits, precision, points, temperature=1.0):
    """Return probabilities (n_points, n, n_classes); the network's own at precision inf."""
    features, logits, temperature = _scale_rows(features, logits, temperature)
    draws = logits + posterior.deviations(features, precision, points)
    return proba_of_reduced(draws / temperature)


def _scale_rows(features, logits, temperature):
    """Divide all three where features are large: answers depend on their ratios only."""
    size = np.abs(features).max(axis=1, keepdims=True, initial=0)
    scale = np.where(size > LARGE, size, 1.0)
    return features / scale, logits / scale, temperature / scale


def log_evidence(posterior, square, precision):
    """Return the log marginal likelihood of a precision, but for a constant.

    ``square`` is the sum of the squares of the weights.
    """
    values = posterior.eigenvalues()
    return -precision * square / 2 - np.log1p(values / precision).sum() / 2


def _likelihoods(logits):
    """Return the probabilities that belong to free logits."""
    return sigmoid(logits) if logits.shape[1] == 1 else softmax(logits)


def _eigen(matrix):
    """Return eigenvalues, none negative, and eigenvectors of a symmetric matrix."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.maximum(values, 0), vectors
