"""Rows that are training rows, exactly or nearly."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import hypergeom

from skcalib.report._row_matrix import join_rows

EQUAL, NEAR = 1e-9, 1e-3  # in standard deviations of the training rows' columns
MOST_ROWS = 10_000  # of the training rows, whose twins among each other are counted
DIRECTIONS = 8


class TrainingRows(NamedTuple):
    """How many rows are training rows, and how many training rows have a twin."""

    n_equal: int
    n_near: int
    n_rows: int
    n_twins: int
    n_train: int
    first_rows: list
    pvalue: float


def find_training_rows(X, X_train, seed):
    """Look for each row among the training rows; None where they cannot be compared.

    Rows of few values are often equal by chance, but then training rows are equal to each other
    as often: the p-value is of both shares being equal.
    """
    if X is None or X_train is None:
        return None
    joined = join_rows(X, X_train, seed)
    if joined is None or joined[0].shape[1] == 0:
        return None
    here, there = _directions(*joined, seed)
    tree = cKDTree(there)
    far, place = tree.query(here, p=np.inf, distance_upper_bound=NEAR)
    found = np.isfinite(far)
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(there))[:MOST_ROWS]
    twin = np.zeros(0)
    if len(there) > 1:
        twin = tree.query(there[some], k=2, p=np.inf, distance_upper_bound=NEAR)[0][:, 1]
    n_twins, n_train = int(np.isfinite(twin).sum()), len(twin)
    n_found = int(found.sum())
    pvalue = hypergeom.sf(n_found - 1, len(here) + n_train, n_found + n_twins, len(here))
    n_equal = int((far <= EQUAL).sum())
    rows = np.flatnonzero(found)[:5]
    pairs = [[int(row), int(place[row])] for row in rows]
    return TrainingRows(
        n_equal, n_found - n_equal, len(here), n_twins, n_train, pairs, float(pvalue)
    )


def _directions(here, there, seed):
    """Return a few coordinates, in which a tree finds neighbours quickly."""
    if here.shape[1] <= DIRECTIONS:
        return here, there
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(here.shape[1], DIRECTIONS)) / np.sqrt(here.shape[1])
    return here @ directions, there @ directions
