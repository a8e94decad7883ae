"""Folds for calibration rows: stratified, and the same for weights as for repeated rows."""

import numpy as np


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
