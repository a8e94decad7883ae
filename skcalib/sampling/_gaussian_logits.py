"""Dropout before the last dense layer without draws: the moments of the logits are known.

With a random factor of mean 1 and variance p / (1 - p) for each feature, independent of the
others, the logits of a row h have the mean h W + b and the covariance
p / (1 - p) sum_j h_j^2 w_j w_j^T. Both are exact. That the logits are Gaussian is exact for
Gaussian dropout and, by the central limit theorem, approximately true for the usual one: the
more features, the better.

S. Wang, C. Manning. Fast dropout training. ICML 2013.
"""

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from skcalib.backends import LastLayer

N_POINTS = 64  # a power of two, for Sobol's sequence
MOST_UNITS = 200  # the square of their number is held for each row
JITTER = 1e-10  # of the largest variance of a row
HELD = 2**22  # float64 values of one array


class GaussianLogits:
    """Quasi-random points of the logits' distribution, which stand for all draws.

    Parameters
    ----------
    sampler : Sampler
        Of the network, from its backend.

    levels : list of (float or None)
        Rates that replace those of the network; None leaves them.

    seed : int
        What the points depend on.

    name : str
        Of the network, for messages.
    """

    def __init__(self, sampler, levels, seed, name):
        self.last_layer = sampler.last_layer
        _refuse(self.last_layer, name)
        (site,) = sampler.sites
        rates = np.array([site.rate if level is None else level for level in levels])
        self.spreads = np.sqrt(rates / (1 - rates))
        self.points = normal_points(self.last_layer.shape[1], seed)

    def draws(self, state):
        """Return probabilities (n_levels, N_POINTS, n_rows, n_outputs)."""
        with np.errstate(invalid="ignore"):  # infinite rows give NaN, which is told later
            mean, deviations, dtype = self._moments(state)
        levels = [
            self.last_layer.proba((mean + spread * deviations).astype(dtype))
            for spread in self.spreads
        ]
        return np.stack(levels)

    def _moments(self, state):
        """Return the mean (n, units), what each point adds at variance 1, a dtype."""
        rows, kernel, bias = self.last_layer.product(state)
        mean, deviations = [], []
        size = max(1, HELD // kernel.shape[1] ** 2)
        for start in range(0, len(rows), size):
            part_of_mean, covariance = logit_moments(rows[start : start + size], kernel, bias)
            mean.append(part_of_mean)
            deviations.append(
                np.matmul(factorise(covariance), self.points.T).transpose(2, 0, 1)
            )
        return np.concatenate(mean), np.concatenate(deviations, axis=1), rows.dtype


def count_multiplications(shape):
    """Estimate those for one row and a LastLayer of this shape; NaN where there is none."""
    if shape is None:
        return np.nan
    features, units = shape
    return features * units * (units + 1) // 2 + N_POINTS * units**2


def logit_moments(rows, kernel, bias):
    """Return means (n, units) and covariances (n, units, units), factors of variance 1."""
    features, units = kernel.shape
    above = np.triu_indices(units)
    mean = np.zeros((len(rows), units)) + bias
    sums = np.zeros((len(rows), len(above[0])))
    size = max(1, HELD // len(above[0]))
    for start in range(0, features, size):  # the products of a wide layer are many
        part = rows[:, start : start + size].astype(np.float64)
        weights = kernel[start : start + size].astype(np.float64)
        mean += part @ weights
        sums += part**2 @ (weights[:, above[0]] * weights[:, above[1]])
    covariance = np.empty((len(rows), units, units))
    covariance[:, above[0], above[1]] = covariance[:, above[1], above[0]] = sums
    return mean, covariance


def factorise(covariance):
    """Return Cholesky factors, also where some or all directions have no variance."""
    units = covariance.shape[-1]
    scale = np.diagonal(covariance, axis1=1, axis2=2).max(axis=1)
    usable = np.isfinite(scale) & (scale > 0)
    scaled = covariance / np.where(usable, scale, 1)[:, None, None]
    scaled[~usable] = 0  # no variance, or NaN, which the mean has, too, and which is told
    scaled[:, np.arange(units), np.arange(units)] += np.where(usable, JITTER, 1)[:, None]
    return np.linalg.cholesky(scaled) * np.where(usable, np.sqrt(scale), 0)[:, None, None]


def normal_points(n_dimensions, seed, n_points=N_POINTS):
    """Return scrambled Sobol points (n_points, n_dimensions) as normal numbers.

    `n_points` is a power of two.

    They are moved so that their mean is 0 and their covariance the identity, or as near to
    it as so few points can be: what follows has the right moments then, and all errors were
    measured to be smaller by a tenth to a third.
    """
    generator = np.random.default_rng(seed)  # the same numbers in every SciPy
    try:
        sobol = qmc.Sobol(n_dimensions, rng=generator)
    except TypeError:  # SciPy before 1.15
        sobol = qmc.Sobol(n_dimensions, seed=generator)
    tiny = np.finfo(np.float32).eps
    points = ndtri(np.clip(sobol.random(n_points), tiny, 1 - tiny))
    points -= points.mean(axis=0)
    rank = min(n_dimensions, n_points - 1)
    left, _, right = np.linalg.svd(points, full_matrices=False)
    return left[:, :rank] @ right[:rank] * np.sqrt(n_points * n_dimensions / rank)


def _refuse(last_layer, name):
    what = (
        "n_draws='exact' needs a network whose only random layer is a Dropout or "
        "GaussianDropout, with a mask value of its own for each feature, right before the last "
        f"dense layer, and at most {MOST_UNITS} classes. "
    )
    way_out = "Give a number of draws, n_draws=50 say."
    if not isinstance(last_layer, LastLayer):
        raise ValueError(f"{what}{name} {last_layer}. {way_out}")
    if last_layer.shape[1] > MOST_UNITS:
        raise ValueError(f"{what}{name} has {last_layer.shape[1]}. {way_out}")
