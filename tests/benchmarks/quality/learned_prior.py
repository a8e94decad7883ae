"""The prior of `HierarchicalCalibration`: how maps of classifiers' log-odds are distributed.

``python tests/benchmarks/learn_prior.py CACHE`` learns it from the half of the data sets for
development, and prints numbers as ``skcalib/calibrators/_learned_prior.py`` holds them.
"""

import numpy as np

from quality import experiments, tabular_sets
from skcalib.calibrators import logits_from_proba, probability_floor
from skcalib.calibrators._posterior import Mixture, find_modes, pool_in_bins, prepare_prior
from skcalib.calibrators._tied_scores import pool_ties

WEAK = Mixture(np.ones(1), np.zeros((1, 4)), np.diag([2.0, 3.0, 1.0, 1.0])[None] ** 2)
N_COMPONENTS = 3
INFLATED = 1.2
LEAST = 0.03  # standard deviation of a component
IDENTITY = 0.07  # standard deviation of the component at the identity
WIDE = (1.0, 2.5, 0.7, 0.7)  # standard deviations of the wide component
SHARE = 0.1  # of the wide component, and of that at the identity
MAX_ITER = 300


def log_odds_of(proba, floor):
    """Return log-odds of the second class."""
    logits = logits_from_proba(proba, floor)
    return logits[:, 1] - logits[:, 0]


def maps_of_set(data):
    """Return the parameters of the map that fits all held-out rows of an experiment."""
    floor = probability_floor(data["p_cal"])
    proba = np.concatenate([data["p_cal"], data["p_test"]])
    target = np.concatenate([data["y_cal"], data["y_test"]]) == 1
    z = log_odds_of(proba, floor)
    pooled = pool_in_bins(*pool_ties(z, target, np.ones(len(z))))
    modes, _ = find_modes(prepare_prior(WEAK), *pooled)
    return modes[0]


def all_maps(cache, which="dev"):
    """Return the names of data sets and the parameters of each experiment's map."""
    found = [
        (key, maps_of_set(data)) for key, data in experiments.tabular("binary", which, cache)
    ]
    return np.array([key[0] for key, _ in found]), np.stack([theta for _, theta in found])


def symmetric_moments(theta, weight):
    """Return mean and covariance of parameters and their mirror images."""
    weight = weight / weight.sum()
    mean = weight @ theta * [1, 0, 0, 1]
    off = theta - mean
    covariance = np.einsum("i,ij,ik->jk", weight, off, off)
    covariance[np.ix_([0, 3], [1, 2])] = covariance[np.ix_([1, 2], [0, 3])] = 0
    return mean, covariance + LEAST**2 * np.eye(4)


def densities(theta, means, covariances):
    """Return log densities of each parameter vector under each component."""
    off = theta[:, None] - means
    size = np.einsum("nki,kij,nkj->nk", off, np.linalg.inv(covariances), off)
    return -(size + np.linalg.slogdet(covariances)[1]) / 2


def fit_mixture(theta, weight):
    """Return weights, means, covariances of a symmetric mixture of Gaussians, by EM.

    The start is by the size of the parameters, from nearly the identity to far away.
    """
    order = np.argsort(np.argsort(np.square(theta).sum(axis=1)))
    share = np.eye(N_COMPONENTS)[order * N_COMPONENTS // len(order)] * 0.8 + 0.2 / N_COMPONENTS
    for _ in range(MAX_ITER):
        mass = weight[:, None] * share
        moments = [symmetric_moments(theta, column) for column in mass.T]
        means, covariances = (np.stack(part) for part in zip(*moments, strict=True))
        weights = mass.sum(axis=0) / mass.sum()
        logs = densities(theta, means, covariances) + np.log(weights)
        share = np.exp(logs - logs.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
    return weights, means, covariances


def learn(names, theta):
    """Return the prior; each data set counts the same."""
    _, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    weights, means, covariances = fit_mixture(theta, 1 / counts[place])
    zeros = np.zeros((2, 4))
    added = np.stack([np.diag(np.square(WIDE)), IDENTITY**2 * np.eye(4)])
    return Mixture(
        np.concatenate([weights * (1 - 2 * SHARE), [SHARE, SHARE]]),
        np.concatenate([means, zeros]),
        np.concatenate([covariances * INFLATED, added]),
    )


def without(names, theta, left_out):
    """Return the prior learned from all data sets but some."""
    kept = ~np.isin(names, left_out)
    return learn(names[kept], theta[kept])


def folds_of_sets(n_folds=5):
    """Return lists of the development half's data sets."""
    sets = tabular_sets.half("binary", "dev")
    return [sets[k::n_folds] for k in range(n_folds)]
