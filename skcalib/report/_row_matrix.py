"""Rows of whatever X is as numbers that can be compared: here, and among the training rows."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_matrix, issparse

from skcalib.inputs import column_names, to_numpy

WIDEST = 64  # columns; more are projected at random
MISSING = -9.0  # in standard deviations


def join_rows(X, X_train, seed):
    """Return both as matrices of at most `WIDEST` columns, in units of the spread in training.

    Columns of text become numbers of their values, missing values a number far out. Where there
    are more columns, they are projected on random directions, which keeps equal rows equal and
    close rows close. Returns None for what cannot be compared.
    """
    parts = [_matrices(a, b) for a, b in _pairs(X, X_train)]
    if not parts or any(part is None for part in parts):
        return None
    rng = np.random.default_rng(seed)
    parts = [_project(*_standardised(*part), rng) for part in parts]
    here = np.hstack([part[0] for part in parts])
    there = np.hstack([part[1] for part in parts])
    return _project(here, there, rng)


def _pairs(X, X_train):
    """Return the arrays of both, several for networks of several inputs."""
    if isinstance(X, Mapping) and isinstance(X_train, Mapping) and not hasattr(X, "shape"):
        return [(X[name], X_train[name]) for name in X if name in X_train]
    return [(X, X_train)]


def _matrices(a, b):
    """Return two matrices of numbers, or None."""
    if issparse(a) and issparse(b):
        return (csr_matrix(a), csr_matrix(b)) if a.shape[1] == b.shape[1] else None
    if issparse(a) or issparse(b):
        return None
    if column_names(a) is not None and column_names(b) is not None:
        names = [name for name in column_names(a) if name in column_names(b)]
        return _columns([a[name] for name in names], [b[name] for name in names])
    a, b = np.asarray(to_numpy(a, "X")), np.asarray(to_numpy(b, "X_train"))
    if a.ndim == 0 or a.shape[1:] != b.shape[1:]:
        return None
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    if a.dtype.kind in "biuf" and b.dtype.kind in "biuf":
        return a, b
    return _columns(list(a.T), list(b.T))


def _columns(of_a, of_b):
    """Return columns of numbers as they are, and of anything else as numbers of values."""
    if not of_a:
        return None
    pairs = [_column(a, b) for a, b in zip(of_a, of_b, strict=True)]
    return np.stack([a for a, _ in pairs], axis=1), np.stack([b for _, b in pairs], axis=1)


def _column(a, b):
    a, b = np.asarray(to_numpy(a, "X")), np.asarray(to_numpy(b, "X_train"))
    if a.dtype.kind in "biuf" and b.dtype.kind in "biuf":
        return a.astype(np.float64), b.astype(np.float64)
    try:
        return a.astype(np.float64), b.astype(np.float64)
    except (TypeError, ValueError):
        text = np.array([str(value) for value in [*a.tolist(), *b.tolist()]])
        place = np.unique(text, return_inverse=True)[1].astype(np.float64)
        return place[: len(a)], place[len(a) :]


def _standardised(a, b):
    if issparse(a):
        mean = np.asarray(b.mean(axis=0)).ravel()
        spread = np.sqrt(
            np.maximum(np.asarray(b.multiply(b).mean(axis=0)).ravel() - mean**2, 0)
        )
        scale = np.where(spread > 0, spread, 1)
        return a.multiply(1 / scale).tocsr(), b.multiply(1 / scale).tocsr()
    a, b = a.astype(np.float64), b.astype(np.float64)
    known = np.isfinite(b)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, b, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, b - mean, 0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-12 * (1 + np.abs(mean)), spread, 1)
    return tuple(np.where(np.isfinite(v), (v - mean) / scale, MISSING) for v in (a, b))


def _project(a, b, rng):
    if a.shape[1] <= WIDEST and not issparse(a):
        return a, b
    directions = rng.normal(size=(a.shape[1], WIDEST)) / np.sqrt(a.shape[1])
    return np.asarray(a @ directions), np.asarray(b @ directions)
