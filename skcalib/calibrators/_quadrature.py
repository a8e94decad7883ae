"""Many rows as few: nodes whose weighted sums are those of all rows, for smooth functions."""

from typing import NamedTuple

import numpy as np

from skcalib.calibrators._logistic import solve_scaled
from skcalib.inputs import sigmoid

CELLS = 32  # between two breaks
ORDER = 6  # nodes of a cell: polynomials of lower degree are summed exactly
STEEPEST = 0.5  # change of s within a cell, up to which 6 nodes are exact to 3e-9 of its weight
SHARE = 3  # rows for each node, from which nodes are worth it
MAX_ITER = 100
HALVINGS = 40
TOLERANCE = 1e-22  # on Newton's decrement
NOISE = 1e-12  # below this decrement, a loss that stands still is rounding


class Nodes(NamedTuple):
    """Where rows are thought to lie, cell by cell, with weights of either sign."""

    x: np.ndarray
    weight: np.ndarray
    hits: np.ndarray

    @classmethod
    def of(cls, x, hits, weight, breaks):
        """Return the nodes of rows, or None if the rows are no more than a few times as many.

        Between breaks, which lie around all x, functions are smooth. Sums of a function over
        rows become those of its interpolations at the Chebyshev nodes of narrow cells.

        Parameters
        ----------
        x : ndarray of shape (n_samples,)
            Ascending.

        hits, weight : ndarray of shape (n_samples,)
            Two amounts at each x.

        breaks : ndarray
            Ascending, at least two.
        """
        few = SHARE * CELLS * ORDER * (len(breaks) - 1) > len(x)
        if few or not (np.diff(breaks) > 0).all():
            return None
        parts = np.arange(CELLS) / CELLS
        edges = (breaks[:-1, None] + np.diff(breaks)[:, None] * parts).ravel()
        starts = np.searchsorted(x, edges[1:])
        counts = np.diff(starts, prepend=0, append=len(x))
        used = np.flatnonzero(counts)
        half = np.diff(edges, append=breaks[-1])[used] / 2
        middle = edges[used] + half
        counts = counts[used]
        local = (x - np.repeat(middle, counts)) / np.repeat(half, counts)
        angles = (np.arange(ORDER) + 0.5) * np.pi / ORDER
        weights = _share_out(weight, local, np.cumsum(counts) - counts, angles)
        hit = _share_out(hits, local, np.cumsum(counts) - counts, angles)
        places = middle[:, None] + half[:, None] * np.cos(angles)
        return cls(places.ravel(), weights.ravel(), hit.ravel())

    def fit(self, features, parameters, penalty):
        """Minimise the mean log loss of s = parameters @ features, and a quadratic penalty.

        Returns the parameters, the mean log loss, and its Hessian; or None if that is not
        found, or so steep that nodes are too few.
        """
        total = self.weight.sum()
        problem = features, self.hits / total, self.weight / total, penalty
        value, s = _objective(parameters, *problem)
        for _ in range(MAX_ITER):
            hit = sigmoid(s)
            scaled = features * (problem[2] * hit * (1 - hit))
            hessian = np.einsum("ji,ki->jk", scaled, features)
            gradient = np.einsum("ji,i->j", features, problem[2] * hit - problem[1])
            gradient += penalty @ parameters
            step = solve_scaled(hessian + penalty, gradient)
            decrement = gradient @ step
            if not decrement >= -NOISE:
                return None
            if decrement <= TOLERANCE:
                break
            found = _step_down(parameters, value, step, problem)
            if found is None:
                return None
            stands_still = found[1] >= value and decrement <= NOISE
            parameters, value, s = found
            if stands_still:
                break
        loss = value - parameters @ penalty @ parameters / 2
        steep = np.ptp(s.reshape(-1, ORDER), axis=1).max() > STEEPEST
        return None if steep or decrement > NOISE else (parameters, loss, hessian)


def _share_out(amounts, local, starts, angles):
    """Return what each node of each cell gets of the amounts at local places in [-1, 1]."""
    before, now = np.zeros_like(local), np.asarray(amounts, dtype=np.float64)
    moments = []
    for order in range(ORDER):
        moments.append(np.add.reduceat(now, starts))
        factor = local if order == 0 else 2 * local  # Chebyshev polynomials
        before, now = now, factor * now - before if order else factor * now
    moments = np.array(moments)
    moments[0] /= 2
    return 2 / ORDER * moments.T @ np.cos(np.outer(np.arange(ORDER), angles))


def _objective(parameters, features, hits, weight, penalty):
    s = np.einsum("j,ji->i", parameters, features)
    softplus = np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))
    value = np.einsum("i,i->", weight, softplus) - np.einsum("i,i->", hits, s)
    return value + parameters @ penalty @ parameters / 2, s


def _step_down(parameters, value, step, problem):
    for halving in range(HALVINGS):
        trial = parameters - step * 0.5**halving
        new, s = _objective(trial, *problem)
        if new <= value + 1e-14 * abs(value):
            return trial, new, s
    return None
