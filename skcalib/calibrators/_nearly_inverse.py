"""What nearly solves for Newton's step of a matrix, from sums over some of the rows."""

import numpy as np

ENOUGH = 2**20  # logits in the sample of rows
FEWEST = 20  # of its rows for each feature
BLOCK = 1024  # rows that stay in cache


def nearly_inverse(z, proba, weight, ridge):
    """Return a function that nearly solves for Newton's step of a matrix.

    It adds up two solutions. One is as if in all rows the curvature by scores, diag(p) - p p',
    were the same but for its size. The other is exact, but for the sample, among what a class
    adds to its own score: factors and intercepts. Where a class is likely its logit is near
    that of the top, far from its mean square over all rows, and it has hardly a penalty.
    """
    sums = _Sums(*sample_rows(z, proba, weight))
    by_kronecker, own = sums.kronecker(ridge), sums.own(ridge)
    n_classes = z.shape[1]
    diagonal = np.diag_indices(n_classes)

    def solve(v):
        out = by_kronecker(v)
        parts = own @ np.concatenate([v[diagonal], v[:, -1]])
        out[diagonal] += parts[:n_classes]
        out[:, -1] += parts[n_classes:]
        return out

    return solve


def sample_rows(z, proba, weight):
    """Return logits, probabilities and weights of some rows, drawn by weight, if many.

    One is drawn from each of as many parts of equal weight, always the same one.
    """
    n_samples, n_classes = z.shape
    n_drawn = max(ENOUGH // n_classes, FEWEST * (n_classes + 1))
    if n_samples <= 2 * n_drawn:
        return z, proba, weight
    places = np.arange(n_drawn) + np.random.default_rng(0).random(n_drawn)
    until = np.cumsum(weight)
    drawn = np.searchsorted(until, places * (until[-1] / n_drawn))
    drawn = np.minimum(drawn, n_samples - 1)
    return z[drawn], proba[drawn], np.full(n_drawn, until[-1] / n_drawn)


class _Sums:
    """Sums over rows of products of probabilities, of logits, and of both."""

    def __init__(self, z, proba, weight):
        n_classes = z.shape[1]
        self.dtype = z.dtype
        self.of_features = np.zeros(2 * [n_classes + 1])
        self.crossed = np.zeros(2 * [2 * n_classes])  # of p z and p
        self.powers = np.zeros((3, n_classes))  # of p, p z and p z squared
        for start in range(0, len(z), BLOCK):
            part = slice(start, start + BLOCK)
            self._add(z[part], proba[part], weight[part].astype(z.dtype)[:, None])

    def _add(self, z, p, w):
        weighted = p * w
        by_own = np.hstack([p * z, p])
        self.crossed += np.hstack([weighted * z, weighted]).T @ by_own
        rows = np.hstack([z, np.ones_like(w)])
        size = w - np.einsum("ij,ij->i", p, weighted)[:, None]
        self.of_features += (rows * size).T @ rows
        for power, total in enumerate(self.powers):
            total += np.einsum("ij,ij->j", weighted, z**power)

    def kronecker(self, ridge):
        """Return what solves if the curvature is a Kronecker product.

        It is one but for the ridge, whose typical value is taken.
        """
        n_classes = len(ridge)
        of_classes = -self.crossed[n_classes:, n_classes:]
        of_classes[np.diag_indices(n_classes)] -= of_classes.sum(axis=1)
        total = max(np.trace(of_classes), np.finfo(self.dtype).tiny)
        sizes, waves = np.linalg.eigh(of_classes)
        lengths, axes = np.linalg.eigh(self.of_features / total)
        curve = np.maximum(sizes, 0)[:, None] * np.maximum(lengths, 0)
        curve += 2 * np.exp(np.log(ridge).mean())
        return lambda v: waves @ ((waves.T @ v @ axes) / curve) @ axes.T

    def own(self, ridge):
        """Return the inverse of the Hessian by each class's own factor and intercept."""
        n_classes = len(ridge)
        hessian = -self.crossed
        i = np.arange(n_classes)
        for power, (a, b) in ((2, (0, 0)), (1, (0, 1)), (1, (1, 0)), (0, (1, 1))):
            hessian[i + a * n_classes, i + b * n_classes] += self.powers[power]
        diagonal = np.maximum(np.diag(hessian), 0)  # but for rounding
        diagonal += 2 * np.concatenate([np.diag(ridge), ridge[:, -1]])
        scale = 1 / np.sqrt(diagonal)
        # Rounding of sums must not make it indefinite: a trace of damping.
        hessian[np.diag_indices(2 * n_classes)] = diagonal
        scaled = hessian * scale * scale[:, None]
        scaled += np.sqrt(np.finfo(self.dtype).eps) * np.eye(len(scale))
        return np.linalg.inv(scaled) * scale * scale[:, None]
