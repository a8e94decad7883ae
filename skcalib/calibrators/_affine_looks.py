"""Factors and intercepts of classes where rows come in blocks: Newton's method by sums."""

import numpy as np

from skcalib.calibrators._affine import (
    MAX_ITER,
    affine_proba,
    fit_affine,
    hessian,
    invert_hessian,
    objective,
    warn_if_left,
)
from skcalib.inputs import find_masked_entries, row_blocks

MOST_CLASSES = 2000  # the Hessian then takes 128 MB
ENOUGH = 1e-17  # what may be left of the mean log loss, to second order
SAFE = 1e-2  # a decrement below which the next is at most its square, times RARE
RARE = 1e3  # as where a class has a thousandth of the rows
NOISE = 1e-14  # a decrement that is rounding


def fit_diagonal_by_looks(rows, temper, args, ridge):
    """Return the `theta` that minimises the penalised log loss, as `fit_affine` does.

    Parameters
    ----------
    rows : SurveyedRows
        The rows.

    temper : callable
        A function of a module: ``temper(logits, *args)`` is what is scaled.

    args : tuple
        Its other arguments.

    ridge : ndarray of shape (2, n_classes)
        The factor of each parameter's square, positive.
    """
    if rows.n_classes > MOST_CLASSES:
        raise ValueError(
            f"A fit to blocks of {rows.n_classes} factors and intercepts needs a matrix of "
            f"{4 * rows.n_classes**2:,} numbers; more than {MOST_CLASSES} classes are refused. "
            "TemperatureScaling.fit_blocks takes any number of classes."
        )

    def look(theta):
        value, gradient, curve = rows.look(sum_objective, temper, args, theta)
        value = float(value) / rows.total + np.vdot(ridge * theta, theta)
        gradient = gradient / rows.total + 2 * ridge * theta
        return value, gradient, curve / rows.total + np.diag(2 * ridge.ravel())

    theta = fit_affine(temper(rows.logits, *args), rows.codes, rows.weight, ridge)
    theta, left = _newton(look, theta)
    warn_if_left(theta, left)
    return theta


def _newton(look, theta):
    """Return where Newton's method ends, and what is left if that is not the optimum."""
    value, gradient, curve = look(theta)
    before = np.inf
    for _ in range(MAX_ITER):
        step = (invert_hessian(curve) @ gradient.ravel()).reshape(theta.shape)
        decrement = np.vdot(gradient, step)
        # The next is smaller by the same factor, or its square: what a look would tell.
        expected = decrement * min(1, decrement / before) if before < np.inf else np.inf
        if decrement < SAFE:
            expected = min(expected, RARE * decrement**2)
        if expected <= ENOUGH or before / 2 <= decrement <= NOISE:
            return theta - step, None
        for halving in range(40):
            trial = theta - step * 0.5**halving
            new, gradient, curve = look(trial)
            if new <= value - 1e-4 * 0.5**halving * decrement + NOISE * value:
                break
        theta, value, before = trial, new, decrement
    return theta, decrement / 2


def sum_objective(logits, codes, weight, temper, args, theta):
    """Return the sums over a block of the log loss, its gradient and its Hessian."""
    none = np.zeros(theta.shape)
    value, gradient = 0.0, none.copy()
    curve = np.zeros((theta.size, theta.size))
    for b in row_blocks(*logits.shape):
        z = temper(logits[b], *args)
        masked = find_masked_entries(z)
        if masked is not None:
            z = np.where(masked, 0, z)
        proba = np.empty_like(z)
        part = objective(theta, z, codes[b], weight[b], none, proba, masked=masked)
        value += part[0]
        gradient += part[1]
        curve += hessian(z, proba, weight[b], none)
    return [value, gradient, curve]


def all_right_by_looks(rows, temper, args, theta):
    """Tell whether the map classifies every row correctly."""
    sample = rows.logits, rows.codes, rows.weight
    if count_wrong(*sample, temper, args, theta):
        return False
    return rows.look(count_wrong, temper, args, theta) == 0


def count_wrong(logits, codes, weight, temper, args, theta):
    """Count the rows of a block that are classified wrongly."""
    wrong = 0
    for b in row_blocks(*logits.shape):
        answers = affine_proba(temper(logits[b], *args), theta).argmax(axis=1)
        wrong += int(np.count_nonzero(answers != codes[b]))
    return wrong
