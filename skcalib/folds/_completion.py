"""The mean over pairs of which each knows some classes only: the answer completes itself.

What a pair says is conditional on the classes S that it knows. If p is the answer of all, the
pair is completed to p(S) times its own probabilities on S, and p elsewhere; p is the mean of
the completed pairs. So p_k is the mean over the pairs that know class k of p(S) times theirs,
and the numbers p(S) follow from themselves: they are the stationary distribution of a Markov
chain on the pairs, which goes from a pair to a class that it draws, and from there to any
pair that knows this class. Pairs that know the same classes are one state.
"""

import numpy as np
from scipy.special import logsumexp

from skcalib.estimators import columns_of_all
from skcalib.inputs import softmax

NEVER = -1e4  # logarithm of what a probability of zero counts as, where nothing else decides
VALUES_IN_BLOCK = 1_000_000


def average_pairs(pairs, X):
    """Return the mean of the pairs' completed answers, geometric if all ask for that."""
    if len(pairs) == 1:
        return pairs[0].predict_proba(X)
    groups = _by_known_classes(pairs)
    geometric = all(pair.pools_by_geometric_mean for group in groups for pair in group)
    n_classes = len(pairs[0].classes)
    known = np.zeros((len(groups), n_classes), dtype=bool)
    means = []
    for group, knows in zip(groups, known, strict=True):
        knows[group[0].known] = True
        means.append(_average_group(group, X, np.flatnonzero(knows), geometric))
    if len(groups) == 1:
        columns = np.flatnonzero(known[0])
        own = means[0][:, columns]
        return columns_of_all(softmax(own) if geometric else own, columns, n_classes)
    counts = np.array([len(group) for group in groups])
    complete = complete_geometric_mean if geometric else complete_mean
    rows = max(1, VALUES_IN_BLOCK // (len(groups) * max(n_classes, len(groups))))
    out = np.empty_like(means[0])
    for start in range(0, len(out), rows):
        block = np.stack([mean[start : start + rows] for mean in means], axis=1)
        out[start : start + rows] = complete(block.astype(np.float64), known, counts)
    return out


def _by_known_classes(pairs):
    """Return lists of pairs that know the same classes, without those that know but one."""
    groups = {}
    for pair in pairs:
        groups.setdefault(tuple(sorted(pair.known.tolist())), []).append(pair)
    telling = [group for known, group in groups.items() if len(known) > 1]
    return telling or list(groups.values())


def _average_group(group, X, columns, geometric):
    total = None
    for pair in group:
        proba = pair.predict_proba(X)
        if geometric:
            logs = np.log(np.maximum(proba[:, columns], np.finfo(proba.dtype).tiny))
            proba = np.zeros_like(proba)
            proba[:, columns] = logs
        total = proba if total is None else total + proba
    return total / len(group)


def complete_mean(proba, known, counts):
    """Return the mean of groups of pairs that is its own completion.

    Parameters are the mean answers (n_rows, n_groups, n_classes) of each group, which classes
    it knows, and how many pairs it has. Groups must be linked by classes that they share.
    """
    proba = proba / proba.sum(axis=2, keepdims=True)
    share = known * counts[:, None] / np.maximum(counts @ known, 1)
    # From one group to another by the classes that both know; no difference is ever taken,
    # so that tiny numbers keep all their digits, and logarithms, so that none becomes zero.
    with np.errstate(divide="ignore"):
        log_steps = np.log(np.matmul(proba, share.T))
        log_links = np.log(known / known.sum(axis=1, keepdims=True) @ share.T)
    weight = np.exp(_log_stationary(np.logaddexp(log_steps, log_links + NEVER)))
    mean = np.einsum("rg,gk,rgk->rk", weight, share / counts[:, None], proba)
    return mean / mean.sum(axis=1, keepdims=True)


def _log_stationary(log_steps):
    """Return logarithms of the stationary distribution of each row's Markov chain.

    By the elimination of Grassmann, Taksar and Heyman, which takes no differences.
    """
    a, n_states = log_steps.copy(), log_steps.shape[1]
    for k in range(n_states - 1, 0, -1):
        a[:, :k, k] -= logsumexp(a[:, k, :k], axis=1, keepdims=True)
        a[:, :k, :k] = np.logaddexp(a[:, :k, :k], a[:, :k, k, None] + a[:, k, None, :k])
    out = np.zeros(log_steps.shape[:2])
    for k in range(1, n_states):
        out[:, k] = logsumexp(out[:, :k] + a[:, :k, k], axis=1)
    return out - logsumexp(out, axis=1, keepdims=True)


def complete_geometric_mean(log_proba, known, counts):
    """Return the normalised geometric mean of groups of pairs that is its own completion.

    Parameters are as for `complete_mean`, but means of logarithms. With t for the logarithm
    of p(S), the logarithm of p_k is the mean over the pairs that know k of t plus theirs,
    less what normalises. Newton's method finds t in a few steps; where pairs contradict each
    other so much that it does not, completing again and again does.
    """
    share = known * counts[:, None] / np.maximum(counts @ known, 1)
    spread = np.where(known.any(axis=0), counts.sum() / np.maximum(counts @ known, 1), 0)
    own = np.einsum("gk,rgk->rk", share, log_proba)
    hidden = np.where(known, 0.0, -np.inf)
    t, norm = np.zeros(log_proba.shape[:2]), np.zeros(len(log_proba))
    for _ in range(100):
        logs = own + t @ share - norm[:, None] * spread
        inside = logs[:, None] + hidden
        total = logsumexp(inside, axis=2)
        excess = total - t
        error = np.abs(excess).max(axis=1, initial=0)
        if error.max(initial=0) < 1e-13:
            break
        within = np.maximum(np.exp(inside - total[:, :, None]), 1e-12) * known
        slope = np.matmul(within, share.T) - np.eye(len(counts))
        slope[:, :, 0] = -within @ spread  # the first t stays 0, and the norm moves instead
        step = np.matmul(np.linalg.pinv(slope, rcond=1e-14), -excess[:, :, None])[:, :, 0]
        norm += step[:, 0]
        t[:, 1:] += step[:, 1:]
    seen = known.any(axis=0)
    left = ~(error < 1e-11)
    if left.any():
        logs[left] = _complete_iteratively(log_proba[left], known, counts)
    return columns_of_all(softmax(logs[:, seen]), np.flatnonzero(seen), known.shape[1])


def _complete_iteratively(log_proba, known, counts):
    """Return what completing each pair by the mean of all converges to, without Newton."""
    weight = counts[:, None] / counts.sum()
    logs = np.where(known.any(axis=0), 0.0, -np.inf) + np.zeros((len(log_proba), 1))
    for _ in range(2000):
        before = logs
        inside = np.where(known, logs[:, None], -np.inf)
        total = logsumexp(inside, axis=2, keepdims=True)
        logs = (weight * np.where(known, total + log_proba, logs[:, None])).sum(axis=1)
        logs -= logsumexp(logs, axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            if np.nanmax(np.abs(logs - before)) < 1e-12:
                break
    return logs
