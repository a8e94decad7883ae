"""Calibration rows with the same score, pooled."""

import numpy as np


def pool_ties(z, target, weight):
    """Return distinct scores, ascending; the weight of hits and of all rows at each."""
    order = np.argsort(z)
    scores = z[order]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    weight = weight[order]
    hits = weight * target[order]
    if len(starts) < len(z):
        weight, hits = np.add.reduceat(weight, starts), np.add.reduceat(hits, starts)
    return scores[starts], hits, weight
