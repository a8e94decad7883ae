"""The kernel of whole rows of probabilities, and its test statistic for many resamples."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from skcalib.metrics._null_outcomes import BLOCK, cumulative_classes, draw_codes

MOST_ROWS = 5000  # of which all pairs are looked at for a test
FEW_CLASSES = 12  # up to which products of matrices are faster than picking pairs
N_LANDMARKS = 100  # rows that the kernel of more is interpolated from


def kernel_matrix(rows, others, width):
    """Return ``exp(-|p - q| / width)``, with Euclidean distances."""
    return np.exp(-cdist(rows, others) / width)


def residuals_of(codes, proba):
    """Return one-hot outcomes minus probabilities, float64."""
    residual = -proba.astype(np.float64)
    residual[np.arange(len(codes)), codes] += 1
    return residual


def sum_over_pairs(codes, proba, weight, width):
    """Return the sum over all pairs of rows of the kernel times residuals, in blocks."""
    residual = weight[:, np.newaxis] * residuals_of(codes, proba)
    total, step = 0.0, max(1, BLOCK // len(proba))
    for start in range(0, len(proba), step):
        block = slice(start, start + step)
        smoothed = kernel_matrix(proba[block], proba, width) @ residual
        total += np.vdot(smoothed, residual[block])
    return max(float(total), 0.0)


def kernel_statistics(predictions, width, groups, rng, n_resamples):
    """Return the mean over pairs for the outcomes observed, and for resamples of them."""
    proba, codes, weight = predictions.proba.astype(np.float64), *_parts(predictions)
    if len(proba) <= MOST_ROWS:
        sums = _Pairs(codes, proba, weight, width)
    else:
        sums = _Landmarks(codes, proba, weight, width, rng)
    observed = sums.observed()
    if groups is None:
        cumulated = cumulative_classes(proba)
        step = max(1, BLOCK // len(proba))
        sizes = [min(step, n_resamples - done) for done in range(0, n_resamples, step)]
        found = [sums.of_codes(draw_codes(cumulated, rng, size)) for size in sizes]
        found = np.concatenate(found)
    else:
        sign = 2.0 * rng.integers(0, 2, (n_resamples, groups.max() + 1)) - 1
        found = sums.of_signs(sign, groups)
    return observed / weight.sum() ** 2, found / weight.sum() ** 2


def _parts(predictions):
    return predictions.codes, np.asarray(predictions.weight, dtype=np.float64)


def _one_hot(codes, n_classes, weight):
    """Return a sparse array of shape (n_resamples * n_classes, n_rows)."""
    n_resamples, n_rows = codes.shape
    place = codes + n_classes * np.arange(n_resamples)[:, np.newaxis]
    shape = (n_resamples * n_classes, n_rows)
    columns = np.tile(np.arange(n_rows), n_resamples)
    entries = np.tile(weight, n_resamples)
    return csr_array((entries, (place.ravel(), columns)), shape=shape)


class _Pairs:
    """Sums over all pairs: the kernel is made once for all resamples."""

    def __init__(self, codes, proba, weight, width):
        self.codes, self.proba, self.weight = codes, proba, weight
        self.kernel = kernel_matrix(proba, proba, width)
        self.kernel *= weight[:, np.newaxis] * weight
        self.single = self.kernel.astype(np.float32)
        self.smoothed = self.kernel @ proba

    def observed(self):
        """Return the sum for the outcomes that were observed, in double precision."""
        residual = residuals_of(self.codes, self.proba)
        return max(float(np.vdot(self.kernel @ residual, residual)), 0.0)

    def of_codes(self, codes):
        """Return the sum for each row of `codes`."""
        few = self.proba.shape[1] <= FEW_CLASSES
        return self._by_products(codes) if few else self._by_equal_classes(codes)

    def _by_products(self, codes):
        """Multiply the kernel by the residuals of each class, of many resamples at once."""
        total, step = np.zeros(len(codes)), max(1, BLOCK // len(self.proba))
        for start in range(0, len(codes), step):
            drawn = codes[start : start + step].T
            for k, column in enumerate(self.proba.T):
                residual = (drawn == k) - column.astype(np.float32)[:, np.newaxis]
                smoothed = self.single @ residual
                smoothed *= residual
                total[start : start + step] += smoothed.sum(axis=0, dtype=np.float64)
        return total

    def _by_equal_classes(self, codes):
        """Add up pairs of rows of one class: of n rows in K, about n**2 / K pairs."""
        same = np.array([self._of_equal_classes(own) for own in codes])
        cross = self.smoothed[np.arange(len(self.proba)), codes].sum(axis=1)
        return same - 2 * cross + np.vdot(self.smoothed, self.proba)

    def _of_equal_classes(self, codes):
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        parts = np.split(order, starts[1:])
        return sum(self.kernel[np.ix_(rows, rows)].sum() for rows in parts)

    def of_signs(self, sign, groups):
        """Return the sum for each row of signs of the groups."""
        residual = residuals_of(self.codes, self.proba)
        member = csr_array((np.ones(len(groups)), (groups, np.arange(len(groups)))))
        pairs = member @ (self.kernel * (residual @ residual.T)) @ member.T
        return np.einsum("bg,gh,bh->b", sign, pairs, sign, optimize=True)


class _Landmarks:
    """The same with a kernel interpolated from some rows (Nystrom), in linear time."""

    def __init__(self, codes, proba, weight, width, rng):
        self.codes, self.proba, self.weight = codes, proba, weight
        chosen = proba[rng.choice(len(proba), N_LANDMARKS, replace=False)]
        values, vectors = eigh(kernel_matrix(chosen, chosen, width))
        used = values > 1e-8 * values[-1]
        root = vectors[:, used] / np.sqrt(values[used])
        self.features = kernel_matrix(proba, chosen, width) @ root
        self.expected = (weight[:, np.newaxis] * proba).T @ self.features

    def observed(self):
        """Return the sum for the outcomes that were observed."""
        return self.of_codes(self.codes[np.newaxis])[0]

    def of_codes(self, codes):
        """Return the sum for each row of `codes`."""
        sums = _one_hot(codes, self.proba.shape[1], self.weight) @ self.features
        sums = sums.reshape(len(codes), *self.expected.shape) - self.expected
        return np.einsum("bkm,bkm->b", sums, sums)

    def of_signs(self, sign, groups):
        """Return the sum for each row of signs of the groups."""
        residual = self.weight[:, np.newaxis] * residuals_of(self.codes, self.proba)
        member = csr_array((np.ones(len(groups)), (groups, np.arange(len(groups)))))
        total = np.zeros(len(sign))
        for column in residual.T:
            sums = sign @ (member @ (self.features * column[:, np.newaxis]))
            total += np.einsum("bm,bm->b", sums, sums)
        return total
