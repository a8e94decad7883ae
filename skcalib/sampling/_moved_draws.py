"""Draws moved so that their mean is another answer: one vector of logits for each row."""

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.exceptions import ConvergenceWarning

from skcalib.messages import warn

N_STEPS = 100
LONGEST = 8.0  # step of a logit
ENOUGH = 1e-8  # of the distance of a probability
SHORT = 1e-6  # of a probability, which is worth a warning
VALUES_HELD = 2**22  # of one array


def move_draws(draws, target):
    """Return draws (n_draws, n_rows, n_classes) whose mean is `target`, row by row.

    A row's draws p_t become softmax(log(p_t) + v) with the one vector v that makes their mean
    the target q. It minimises the convex function mean_t logsumexp(log(p_t) + v) - q v, and
    Newton's method finds it. Where q is 0 or 1, so are the draws.

    Parameters
    ----------
    draws : ndarray of shape (n_draws, n_rows, n_classes)
    target : ndarray of shape (n_rows, n_classes)
    """
    n_draws, n_rows, n_classes = draws.shape
    out, worst = np.empty(draws.shape, draws.dtype), 0.0
    size = max(1, VALUES_HELD // (n_classes * max(n_draws, n_classes)))
    for start in range(0, n_rows, size):
        rows = slice(start, start + size)
        logs = np.log(np.maximum(draws[:, rows], np.finfo(np.float32).tiny), dtype=np.float64)
        moved = np.exp(_move(logs, target[rows].astype(np.float64)))
        worst = max(worst, np.abs(moved.mean(axis=0) - target[rows]).max(initial=0))
        out[:, rows] = moved
    if worst > SHORT:
        warn(
            f"The draws could not be moved to the calibrated answer: their mean is off by up "
            f"to {worst:.1e}. Draws that are sure of different classes may be the reason.",
            ConvergenceWarning,
        )
    return out


def _move(logs, target):
    """Return logarithms of moved draws."""
    with np.errstate(divide="ignore"):
        logs = logs + np.where(target > 0, 0.0, -np.inf)[None]
        shift = np.log(np.where(target > 0, target, 1.0)) - np.where(
            target > 0, _log_mean(log_softmax(logs, axis=2)), 0.0
        )
    left = np.arange(logs.shape[1])
    value = _value(logs, shift, target)
    for _ in range(N_STEPS):
        proba = np.exp(log_softmax(logs[:, left] + shift[left], axis=2))
        mean = proba.mean(axis=0)
        gradient = mean - target[left]
        far = np.abs(gradient).max(axis=1) > ENOUGH
        if not far.any():
            break
        left, proba, mean, gradient = left[far], proba[:, far], mean[far], gradient[far]
        step = _newton_step(proba, mean, gradient)
        shift[left], value[left], moved = _go(
            logs[:, left], shift[left], step, gradient, target[left], value[left]
        )
        left = left[moved]
    return log_softmax(logs + shift, axis=2)


def _log_mean(logs):
    return logsumexp(logs, axis=0) - np.log(len(logs))


def _value(logs, shift, target):
    """Return the function that is minimised, for each row."""
    return logsumexp(logs + shift, axis=2).mean(axis=0) - (target * shift).sum(axis=1)


def _newton_step(proba, mean, gradient):
    """Return the step for each row; adding a constant to all logits changes nothing."""
    n_classes = mean.shape[1]
    curvature = -np.matmul(proba.transpose(1, 2, 0), proba.transpose(1, 0, 2)) / len(proba)
    diagonal = np.arange(n_classes)
    curvature[:, diagonal, diagonal] += mean + 1e-12
    curvature += 1 / n_classes
    step = -np.linalg.solve(curvature, gradient[..., None])[..., 0]
    longest = np.abs(step).max(axis=1, keepdims=True)
    return step * np.minimum(1, LONGEST / np.maximum(longest, LONGEST))


def _go(logs, shift, step, gradient, target, value):
    """Go along the step, halved until the function falls; say which rows have moved."""
    slope = (step * gradient).sum(axis=1)
    size = np.ones(len(shift))
    new, moved = shift.copy(), np.zeros(len(shift), bool)
    best = value.copy()
    for _ in range(30):
        open_rows = np.flatnonzero(~moved)
        if not len(open_rows):
            break
        tried = shift[open_rows] + size[open_rows, None] * step[open_rows]
        found = _value(logs[:, open_rows], tried, target[open_rows])
        bound = value[open_rows] + 1e-4 * size[open_rows] * slope[open_rows]
        better = found <= bound + 1e-14 * (1 + np.abs(bound))  # rounding
        rows = open_rows[better]
        new[rows], best[rows], moved[rows] = tried[better], found[better], True
        size[open_rows[~better]] /= 2
    return new, best, moved
