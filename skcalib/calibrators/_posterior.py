r"""The posterior of a smooth monotone map of log-odds, under a mixture of Gaussians.

The map of log-odds z, with t = exp(u) z, T = tanh(t / 2), a = tanh(e) and b = exp(g) - 1, is

    s(z) = t + c + a 2 log cosh(t / 2) + b (2 T + a T^2),    ds/dt = (1 + a T) (1 + b (1 - T^2))

The four parameters are the rows of arrays `theta`, of shape (..., 4): u, c, e, g. The identity
is zero, and turning the two classes round changes the signs of c and e.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import log_expit, logsumexp, ndtri

from skcalib.inputs import sigmoid

MAX_ITER = 40
HALVINGS = 12
DECREMENT = 1e-15
FLIPPED = np.array([1.0, -1.0, -1.0, 1.0])  # what turning the classes round does
LARGEST_SLOPE = 12.0  # of |u| and |g|: exponentials stay finite
N_BASE = 32  # points, each with three mirror images
WIDENED = 1.25  # the covariances from which points are drawn
MOST_BINS = 256
VALUES = 8192  # that are computed at the same time
LEAST_WEIGHT = 1e-7  # of a point, to be kept


class Mixture(NamedTuple):
    """A mixture of Gaussians that is the same if the two classes are turned round."""

    weights: np.ndarray  # (n_components,)
    means: np.ndarray  # (n_components, 4); zero for c and e
    covariances: np.ndarray  # (n_components, 4, 4); zero between (u, g) and (c, e)


class Prior(NamedTuple):
    """A mixture, prepared: with the inverses of its covariances, and their roots."""

    weights: np.ndarray
    means: np.ndarray
    precisions: np.ndarray
    roots: np.ndarray


def prepare_prior(mixture):
    """Return the mixture as a Prior."""
    precisions = np.linalg.inv(mixture.covariances)
    return Prior(mixture.weights, mixture.means, precisions, find_roots(precisions))


class Posterior(NamedTuple):
    """Points and their shares; the log Bayes factor of the mixture against the identity."""

    theta: np.ndarray  # (n_points, 4)
    shares: np.ndarray  # (n_points,)
    log_bayes_factor: float


def apply_maps(theta, z):
    """Return s of all scores under all maps, (n_maps, n_scores), or of one map.

    In blocks: functions of large arrays may be rounded otherwise each time, depending on where
    they lie in memory.
    """
    if np.ndim(theta) == 1:
        return apply_maps(np.asarray(theta)[None], z)[0]
    z = np.asarray(z)
    out = np.empty((len(theta), len(z)))
    step = max(1, VALUES // max(len(z), 1))
    for start in range(0, len(theta), step):
        t, c, a, b = _parts(theta[start : start + step], z)
        bent, tanh = _bent(t)
        out[start : start + step] = t + c + a * bent + b * (2 * tanh + a * tanh**2)
    return out


def _parts(theta, z):
    u, c, e, g = np.moveaxis(np.asarray(theta)[..., None], -2, 0)
    return np.exp(u) * z, c, np.tanh(e), np.expm1(g)


def _bent(t):
    """Return 2 log cosh(t / 2) and tanh(t / 2)."""
    size = np.abs(t)
    mass = np.exp(-size)
    return size + 2 * np.log1p(mass) - 2 * np.log(2), np.copysign((1 - mass) / (1 + mass), t)


def derivatives(theta, z):
    """Return s, its first derivatives by the parameters, and a function for the second.

    Shapes are (..., n_scores) and (..., 4, n_scores). The function gives sums of second
    derivatives over scores, (..., 4, 4), each score multiplied by a factor.
    """
    t, c, a, b = _parts(theta, z)
    bent, tanh = _bent(t)
    square = tanh**2
    rise, stretch, spread = 1 + a * tanh, 1 + b * (1 - square), 1 - a**2
    slope = rise * stretch
    by_g = (b + 1) * (2 * tanh + a * square)
    by_e = spread * (bent + b * square)
    first = np.stack([t * slope, np.ones_like(t), by_e, by_g], axis=-2)

    def sum_second(factor):
        curve = (1 - square) / 2 * (a * stretch - 2 * b * tanh * rise)
        entries = {
            (0, 0): t * (slope + t * curve),
            (0, 2): t * spread * tanh * stretch,
            (0, 3): t * (b + 1) * rise * (1 - square),
            (2, 2): -2 * a * by_e,
            (2, 3): spread * (b + 1) * square,
            (3, 3): by_g,
        }
        out = np.zeros((*t.shape[:-1], 4, 4))
        for (i, j), each in entries.items():
            out[..., i, j] = out[..., j, i] = (each * factor).sum(axis=-1)
        return out

    return t + c + a * bent + b * (2 * tanh + a * square), first, sum_second


def log_likelihood(s, hits, weight):
    """Return the sum over scores, given the hits among the weight of each.

    By einsum, here and below: BLAS may round otherwise each time.
    """
    hit = np.einsum("...n,n->...", log_expit(s), hits)
    return hit + np.einsum("...n,n->...", log_expit(-s), weight - hits)


def pool_in_bins(scores, hits, weight):
    """Pool ascending scores in the same bin, by mass and by width, if there are many."""
    if len(scores) <= 2 * MOST_BINS:
        return scores, hits, weight
    mass = np.cumsum(weight) - weight / 2
    by_mass = np.floor(mass / weight.sum() * MOST_BINS)
    by_width = np.floor((scores - scores[0]) / (scores[-1] - scores[0]) * MOST_BINS)
    starts = np.flatnonzero(np.append(True, (np.diff(by_mass) + np.diff(by_width)) > 0))
    total = np.add.reduceat(weight, starts)
    centres = np.add.reduceat(weight * scores, starts) / total
    return centres, np.add.reduceat(hits, starts), total


def find_modes(prior, z, hits, weight):
    """Return where the posterior under each component has its mode, and the curvature there.

    Newton's method, for all components at the same time. The curvature is the expected one,
    which is positive everywhere.
    """
    precision = prior.precisions
    theta = prior.means.copy()
    value = _negative_log_posterior(theta, prior.means, precision, z, hits, weight)
    for _ in range(MAX_ITER):
        s, first, sum_second = derivatives(theta, z)
        hit, miss = sigmoid(s), sigmoid(-s)
        error = hit * (weight - hits) - miss * hits
        gradient = np.einsum("kjn,kn->kj", first, error)
        gradient += np.einsum("kij,kj->ki", precision, theta - prior.means)
        curved = weight * hit * miss
        expected = np.einsum("kin,kn,kjn->kij", first, curved, first)
        expected += precision
        observed = expected + sum_second(error)
        bad = np.linalg.eigvalsh(observed)[:, 0] < 0.1 * np.linalg.eigvalsh(expected)[:, 0]
        observed[bad] = expected[bad]
        roots = find_roots(observed)
        step = solve_transposed(roots, solve_plain(roots, gradient))
        decrement = np.einsum("kj,kj->k", gradient, step)
        if (decrement <= DECREMENT * (1 + np.abs(value))).all():
            break
        theta, value, moved = _go_down(
            theta, value, step, prior.means, precision, z, hits, weight
        )
        if not moved:
            break
    return theta, expected


def _negative_log_posterior(theta, means, precision, z, hits, weight):
    off = theta - means
    quadratic = np.einsum("ki,kij,kj->k", off, precision, off) / 2
    return quadratic - log_likelihood(apply_maps(theta, z), hits, weight)


def _go_down(theta, value, step, *problem):
    """Return lower places along each component's step, their values, whether there are any."""
    share = np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1), 1e-300))
    for _ in range(HALVINGS):
        trial = theta - share[:, None] * step
        trial[:, ::3] = np.clip(trial[:, ::3], -LARGEST_SLOPE, LARGEST_SLOPE)
        new = _negative_log_posterior(trial, *problem)
        lower = new <= value + 1e-14 * np.abs(value)
        if lower.all():
            break
        share = np.where(lower, share, share / 2)
    theta = np.where(lower[:, None], trial, theta)
    return theta, np.where(lower, new, value), lower.any()


def fixed_points():
    """Return standard normal points, with their mirror images of both kinds.

    An additive recurrence by the powers of the root of x^5 = x + 1 (Roberts).
    """
    root = 1.0
    for _ in range(60):
        root = (1 + root) ** (1 / 5)
    steps = root ** -np.arange(1.0, 5.0)
    base = ndtri((0.5 + np.arange(1, N_BASE + 1)[:, None] * steps) % 1)
    return np.concatenate([base, -base, base * FLIPPED, -base * FLIPPED])


def log_density(weights, means, roots, theta):
    """Return the log density of a mixture at points, given roots of the precisions."""
    off = theta[None] - means[:, None]
    size = np.square(np.einsum("kji,knj->kni", roots, off)).sum(axis=2)
    scale = np.log(np.einsum("kii->ki", roots)).sum(axis=1) + np.log(weights)
    return logsumexp(scale[:, None] - size / 2, axis=0) - 2 * np.log(2 * np.pi)


def find_roots(matrices):
    """Return lower triangular L with L L^T the matrices, of shape (..., 4, 4).

    Not by LAPACK, which may round otherwise each time.
    """
    out = np.zeros_like(matrices)
    for j in range(matrices.shape[-1]):
        rest = matrices[..., j:, j] - np.einsum(
            "...ik,...k->...i", out[..., j:, :j], out[..., j, :j]
        )
        out[..., j:, j] = rest / np.sqrt(rest[..., :1])
    return out


def solve_transposed(roots, vectors):
    """Return x with L^T x the vectors, of shape (..., 4)."""
    x = np.zeros(np.broadcast_shapes(roots.shape[:-1], vectors.shape))
    for j in reversed(range(x.shape[-1])):
        later = (roots[..., j + 1 :, j] * x[..., j + 1 :]).sum(axis=-1)
        x[..., j] = (vectors[..., j] - later) / roots[..., j, j]
    return x


def solve_plain(roots, vectors):
    """Return x with L x the vectors, of shape (..., 4)."""
    x = np.zeros_like(vectors)
    for j in range(x.shape[-1]):
        earlier = (roots[..., j, :j] * x[..., :j]).sum(axis=-1)
        x[..., j] = (vectors[..., j] - earlier) / roots[..., j, j]
    return x


def draw_points(prior, z, hits, weight):
    """Return points around each component's mode, and the logs of prior over proposal."""
    modes, curvature = find_modes(prior, z, hits, weight)
    roots = find_roots(curvature / WIDENED)
    theta = modes[:, None] + solve_transposed(roots[:, None], fixed_points()[None])
    theta = theta.reshape(-1, 4)
    theta[:, ::3] = np.clip(theta[:, ::3], -LARGEST_SLOPE, LARGEST_SLOPE)
    alike = np.full(len(modes), 1 / len(modes))
    log_ratio = log_density(prior.weights, prior.means, prior.roots, theta)
    log_ratio -= log_density(alike, modes, roots, theta)
    return theta, log_ratio - np.log(len(theta))


def find_posterior(prior, scores, hits, weight):
    """Return the posterior of the map, by importance sampling around each component's mode.

    Parameters
    ----------
    prior : Prior

    scores, hits, weight : ndarray of shape (n_scores,)
        Distinct scores, ascending, and at each the weights of the hits and of all rows.
    """
    z, hits, weight = pool_in_bins(scores, hits, weight)
    theta, log_share = draw_points(prior, z, hits, weight)
    log_share += log_likelihood(apply_maps(theta, z), hits, weight)
    total = logsumexp(log_share)
    shares = np.exp(log_share - total)
    kept = shares > LEAST_WEIGHT
    evidence = total - log_likelihood(z, hits, weight)
    return Posterior(theta[kept], shares[kept] / shares[kept].sum(), float(evidence))


def hold_out(points, z, target, weight, shares):
    """Return for each fold the probability of what happened in each of its rows.

    The posterior without a fold is that of all rows, its points weighted anew.

    Parameters
    ----------
    points : tuple
        From `draw_points`, for all rows.

    z, target, weight : ndarray of shape (n_samples,)

    shares : ndarray of shape (n_folds, n_samples)
        The weight of each row in each fold.

    Returns
    -------
    truth : list of n_folds ndarrays
        An entry for each row that has a share in the fold.
    """
    theta, log_ratio = points
    logs = log_expit(np.where(target, 1.0, -1.0) * apply_maps(theta, z))
    truth = []
    for share in shares:
        log_share = log_ratio + np.einsum("pn,n->p", logs, weight - share)
        mass = np.exp(log_share - log_share.max())
        said = np.einsum("p,pn->n", mass, np.exp(logs[:, np.flatnonzero(share)]))
        truth.append(said / mass.sum())
    return truth


def mean_log_odds(posterior, z):
    """Return the log-odds of the posterior mean of the probability, of 700 at most."""
    s = np.clip(apply_maps(posterior.theta, z), -700, 700)
    rest = np.exp(-np.abs(s))
    smaller = rest / (1 + rest)
    larger = 1 - smaller
    below = s < 0
    hit = np.einsum("p,pn->n", posterior.shares, np.where(below, smaller, larger))
    miss = np.einsum("p,pn->n", posterior.shares, np.where(below, larger, smaller))
    return np.log(hit) - np.log(miss)
