"""Folds for calibration rows: stratified, and the same for weights as for repeated rows."""

import numpy as np

N_BINS, N_TAIL = 4096, 64  # of equal numbers of rows, and at either end


def merge_rows(logits, codes, weight):
    """Merge rows of the same label whose logits are the same up to a shift.

    Returns the logits, codes and total weights of the different rows, in the order of their
    first occurrence. A weight then says all about how often a row occurs.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    shifted += 0.0  # no negative zeros
    table = np.column_stack([shifted, codes.astype(logits.dtype)])
    table = np.ascontiguousarray(table)
    rows = table.view(np.dtype((np.void, table.strides[0]))).ravel()
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    if len(first) == len(codes):
        return logits, codes, weight
    order = np.argsort(first)
    total = np.bincount(group.ravel(), weight)[order]
    return logits[first[order]], codes[first[order]], total


def assign_to_folds(codes, weight, n_folds, rng):
    """Return what share of each row's weight lies in each fold, (n_samples, n_folds).

    Rows are shuffled, sorted by class, and their weights dealt out to the folds in turn, one
    unit to each: a row of weight one lies in one fold, of weight two in two. The order of
    classes is that of their first rows, so that their numbers do not matter.
    """
    order = rng.permutation(len(codes))
    classes, first = np.unique(codes[order], return_index=True)
    rank = np.empty(codes.max() + 1, dtype=np.intp)
    rank[classes] = np.argsort(np.argsort(first))
    order = order[np.argsort(rank[codes[order]], kind="stable")]
    ends = np.cumsum(weight[order])
    starts = np.append(0.0, ends[:-1])
    shares = np.empty((len(codes), n_folds))
    for fold in range(n_folds):
        assigned = _measure(ends, fold, n_folds) - _measure(starts, fold, n_folds)
        shares[order, fold] = np.maximum(assigned, 0.0)
    shares[shares < 1e-9 * weight[:, None]] = 0.0  # rounding of sums
    return shares


def _measure(until, fold, n_folds):
    """Return how much of [0, until] belongs to a fold, the units being dealt in turn."""
    rounds, rest = np.divmod(until, n_folds)
    return rounds + np.clip(rest - fold, 0, 1)


def condense(logits, codes, weight, shares):
    """Pool rows of two classes in narrow bins of their log-odds, each class by itself.

    Returns logits, codes and weights of the bins, and their shares in the folds: those of the
    rows, summed, so that what is held out stays what rows were dealt.
    """
    odds = logits[:, 1].astype(np.float64) - logits[:, 0]
    n = len(odds)
    ends = np.unique(np.geomspace(1, n, N_TAIL).astype(np.intp))
    ranks = np.concatenate([np.linspace(0, n - 1, N_BINS).astype(np.intp), ends - 1, n - ends])
    edges = np.unique(np.partition(odds, np.unique(ranks))[np.unique(ranks)])
    place = np.searchsorted(edges, odds, side="right")
    both = np.bincount(place, weight)
    centres = np.bincount(place, weight * odds) / np.maximum(both, np.finfo(float).tiny)
    group = 2 * place + codes
    total = np.bincount(group, weight)
    used = np.flatnonzero(total)
    z = centres[used // 2]
    dealt = [np.bincount(group, share, len(total))[used] for share in shares.T]
    return np.stack([-z / 2, z / 2], axis=1), used % 2, total[used], np.stack(dealt, axis=1)
