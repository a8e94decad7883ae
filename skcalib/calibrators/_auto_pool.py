"""Weights of a pool of probabilities, and the evidence that the pool is worth it."""

from typing import NamedTuple

import numpy as np

MAX_ITER = 300
TOLERANCE = 1e-7
PSEUDO_COUNTS = 3.0  # shared by all candidates
FIRST_COUNTS = 0.5  # on top of that, for the first: the input itself
RATE = 0.3  # of a log likelihood, in exponential weights: rows of several repetitions agree
LEAST_WEIGHT = 1e-3  # smaller ones are left out


class Evidence(NamedTuple):
    """Weights of the pool; its honest log loss; what it gains over the input, in nats."""

    weights: np.ndarray
    log_loss: float
    gain: float


def exponential_weights(truth, weight, prior):
    """Return weights on the simplex, proportional to ``prior * exp(RATE * log likelihood)``.

    Parameters
    ----------
    truth, weight : ndarray of shape (n_entries, n_candidates), (n_pools, n_entries)
        As for `pool_weights`.

    prior : ndarray of shape (n_candidates,)
        Positive.

    Returns
    -------
    weights : ndarray of shape (n_pools, n_candidates)
    """
    logs = np.log(prior) + RATE * np.einsum("pi,ij->pj", weight, np.log(truth))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def leave_out_light(weights):
    """Return weights of which none is next to nothing."""
    kept = np.where(weights < LEAST_WEIGHT, 0, weights)
    return kept / kept.sum()


def pool_weights(truth, weight):
    """Return weights on the simplex that maximise the penalised likelihood of a pool, by EM.

    Parameters
    ----------
    truth : ndarray of shape (n_entries, n_candidates)
        What each candidate, fitted without the entry, said of its true class. Positive.

    weight : ndarray of shape (n_pools, n_entries)
        The frequencies of the entries, for as many pools as there are rows.

    Returns
    -------
    weights : ndarray of shape (n_pools, n_candidates)
    """
    n_candidates = truth.shape[1]
    prior = np.full(n_candidates, PSEUDO_COUNTS / n_candidates)
    prior[0] += FIRST_COUNTS
    weights = np.full((len(weight), n_candidates), 1 / n_candidates)
    total = weight.sum(axis=1, keepdims=True) + prior.sum()
    for _ in range(MAX_ITER):
        shares = (weight / (weights @ truth.T)) @ truth
        new = (weights * shares + prior) / total
        change = np.abs(new - weights).max()
        weights = new
        if change < TOLERANCE:
            break
    return weights


def evidence(truth, weight, pieces, n_repeats, find_weights):
    """Weigh the candidates, and say what the pool gains over the first of them.

    An entry is a row in a fold of one repetition of cross-validation. For the gain, each fold
    is predicted with weights learned on the others of its repetition.

    Parameters
    ----------
    truth : ndarray of shape (n_entries, n_candidates)
        Probabilities of the true class, each by candidates that did not see the entry.

    weight : ndarray of shape (n_entries,)
        The share of the row's weight that lies in the fold.

    pieces : ndarray of shape (n_entries, 2)
        Number of the repetition, and of the fold.

    n_repeats : int
        Number of repetitions.

    find_weights : callable
        Given `truth` and the weights of entries in several pools, returns those of candidates.
    """
    folds, fold_of = np.unique(pieces, axis=0, return_inverse=True)
    fold_of = fold_of.ravel()
    others = (folds[:, :1] == pieces[:, 0]) & (folds[:, 1:] != pieces[:, 1])
    learned = find_weights(truth, np.vstack([weight / n_repeats, others * weight]))
    pooled = np.einsum("ij,ij->i", truth, learned[1:][fold_of])
    after = np.einsum("i,i->", weight, np.log(pooled))
    gain = (after - np.einsum("i,i->", weight, np.log(truth[:, 0]))) / n_repeats
    return Evidence(learned[0], -after / weight.sum(), float(gain))
