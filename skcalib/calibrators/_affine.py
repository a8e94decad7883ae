r"""Regularised logistic regression of labels on logits, close to the identity.

Scores are :math:`z + \Delta z + b`. The parameters are one array, `theta`: of shape
(K, K + 1) for a matrix, the last column b; of shape (2, K) for a diagonal, the second row b.
What is minimised over them is the mean log loss plus ``sum(ridge * theta ** 2)``.

Newton's method: with the Hessian itself where that is small, else by conjugate gradients,
first in single precision, which costs half and leads close.
"""

from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators import _device_affine
from skcalib.calibrators._nearly_inverse import nearly_inverse
from skcalib.inputs import DeviceRows, exponentials, find_masked_entries, softmax
from skcalib.messages import warn

MAX_ITER = 100
MAX_CG = 300  # steps of conjugate gradients for one of Newton's
DIRECT = 256  # parameters up to which the Hessian is formed
FEW = 2**15  # logits for which double precision costs nothing
# What may be left of the objective, to second order: of few logits; of many, if the Hessian
# is formed; if it is not; and at the end of single precision.
EXACTLY, NEARLY, CLOSELY, ROUGHLY, COARSELY = 1e-23, 1e-18, 1e-12, 1e-7, 1e-5
REUSE = 1e-2  # a Hessian that brings the decrement down by more than this serves again
SPARE = 1e-2  # share of a close tolerance that the last of Newton's steps leaves
NOISE = 1e-11  # below this, a decrement that stands still is rounding


def fit_affine(z, codes, weight, ridge, start=None, *, tolerance=CLOSELY):
    """Return the `theta` that minimises the penalised log loss.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_classes)
        Logits, float32 or float64; -inf where a class is masked (for a diagonal only).

    codes : ndarray of shape (n_samples,)
        The column of each row's label.

    weight : ndarray of shape (n_samples,)
        Positive.

    ridge : ndarray of shape (n_classes, n_classes + 1) or (2, n_classes)
        The factor of each parameter's square, positive. Its shape tells what is fitted.

    start : ndarray of the shape of `ridge`, default=None
        From where to start, zeros by default; as the solution of a heavier ridge.

    tolerance : float, default=CLOSELY
        What may be left of the objective where the Hessian is not formed; with `ROUGHLY` or
        `COARSELY` single precision is enough.
    """
    theta = np.zeros(ridge.shape) if start is None else start
    weight = weight / weight.sum()
    masked = find_masked_entries(z)
    if masked is not None:  # their probability is 0, and no sum may meet an infinity
        z = np.where(masked, z.dtype.type(0), z)
    if ridge.size <= DIRECT or z.size <= FEW:
        exactly = EXACTLY if z.size <= FEW else NEARLY
        z = z.astype(np.float64, copy=False)
        exactly = exactly if z.dtype == np.float64 else ROUGHLY  # as on Apple's cards
        theta, left = _newton(z, codes, weight, ridge, theta, exactly, masked)
    else:
        single = z.astype(np.float32, copy=False)
        first = max(tolerance, ROUGHLY)
        theta, left = _newton(single, codes, weight, ridge, theta, first, masked)
        if tolerance < first and not (isinstance(z, DeviceRows) and z.is_narrow):
            theta, left = _newton(z, codes, weight, ridge, theta, tolerance, masked, single)
    warn_if_left(theta, left)
    return theta


def warn_if_left(theta, left):
    """Warn if Newton's iteration stopped where something is left of the loss."""
    if left is not None:
        warn(
            f"The fit of {theta.size} parameters did not converge in {MAX_ITER} iterations; "
            f"about {left:.1e} of the mean log loss is left. Increase the penalty.",
            ConvergenceWarning,
        )


def affine_proba(z, theta):
    """Return the probabilities for rows of logits."""
    masked = find_masked_entries(z)
    if masked is None:
        return softmax(z + _change(z, theta))
    z = np.where(masked, z.dtype.type(0), z)
    return softmax(np.where(masked, z.dtype.type(-np.inf), z + _change(z, theta)))


def _newton(z, codes, weight, ridge, theta, tolerance, masked=None, products=None):
    """Return where Newton's method ends, and what is left if that is not the optimum.

    Where the Hessian is not formed, its products are taken in the precision of `products`.
    """
    products = z if products is None else products
    # z in single precision all along, or only stored so and summed in double.
    wide = np.float32 if tolerance >= ROUGHLY else np.float64
    slack = 32 * np.finfo(wide).eps
    # On a device no probabilities are kept, but the parameters that they follow from.
    on_device = isinstance(z, DeviceRows)
    proba = np.empty(theta.shape if on_device else z.shape, products.dtype)
    data = z, codes, weight, ridge, proba, wide, masked
    value, gradient = objective(theta, *data)
    before, solve = np.inf, None
    for _ in range(MAX_ITER):
        if solve is None:
            solve = _solver(products, proba, weight, ridge, tolerance)
        step, accuracy = solve(gradient)
        decrement = np.vdot(gradient, step)
        # The next is expected to be smaller by the same factor; or this one is rounding.
        expected = decrement * min(1, decrement / before) if before < np.inf else decrement
        if expected <= tolerance or before / 2 <= decrement <= max(NOISE, slack):
            return theta - step, None
        for halving in range(40):
            trial = theta - step * 0.5**halving
            new, new_gradient = objective(trial, *data)
            if new <= value - 1e-4 * 0.5**halving * decrement + slack * value:
                break
        theta, value, gradient = trial, new, new_gradient
        # To second order, this is left; to third, less than what the last step gained.
        if accuracy and halving == 0 and decrement * max(accuracy**2, decrement) <= tolerance:
            return theta, None
        # What served so well is used again.
        solve = solve if decrement < REUSE * before < np.inf and halving == 0 else None
        before = decrement
    return theta, decrement / 2


def _solver(z, proba, weight, ridge, tolerance):
    """Return a function that solves for Newton's step, and tells the share left unsolved."""
    if ridge.size <= DIRECT:
        inverse = invert_hessian(hessian(z, proba, weight, ridge))
        return lambda gradient: ((inverse @ gradient.ravel()).reshape(ridge.shape), 0.0)
    if ridge.shape[1] == z.shape[1]:
        scale = 1 / (_diagonal(z, proba, weight, ridge.shape) + 2 * ridge)
        approximate = partial(np.multiply, scale)
    else:
        approximate = nearly_inverse(z, proba, weight, ridge)
    data = z, proba, weight, ridge
    return lambda gradient: _conjugate_gradients(approximate, *data, gradient, tolerance)


def objective(theta, z, codes, weight, ridge, proba, wide=np.float64, masked=None):
    """Return the objective and its gradient; write the probabilities to `proba`.

    Where classes are masked, `z` is finite, and their probability is 0.
    """
    if isinstance(z, DeviceRows):
        proba[...] = theta
        return _device_affine.objective(theta, z.astype(wide), weight.divisor, ridge)
    value, gradient = 0.0, np.zeros(theta.shape)
    for block in _blocks(z):
        rows = z[block].astype(wide, copy=False)
        truth, w = codes[block], weight[block]
        scores = _change(rows, theta)
        scores += rows
        if masked is not None:
            scores[masked[block]] = -np.inf
        mass = np.empty_like(scores)
        total = exponentials(scores, 1.0, scores, mass)
        each = np.arange(len(truth)), truth
        value += np.einsum("i,i->", w, np.log(total) - scores[each])
        mass *= (1 / total).astype(wide)[:, None]
        proba[block] = mass
        mass[each] -= 1
        mass *= w.astype(wide)[:, None]
        gradient += _sum_derivatives(mass, rows, theta.shape)
    return value + np.vdot(ridge * theta, theta), gradient + 2 * ridge * theta


def _blocks(z):
    """Cut rows into slices that stay in cache; small products among them start no threads."""
    n_samples, n_classes = z.shape
    step = max(2**18 // (n_classes * (n_classes + 1)), min(2048, 2**18 // n_classes), 1)
    return [slice(start, start + step) for start in range(0, n_samples, step)]


def _change(z, theta):
    """Return what the parameters add to logits."""
    theta = theta.astype(z.dtype, copy=False)
    if theta.shape[1] == z.shape[1]:
        return z * theta[0] + theta[1]
    out = z @ theta[:, :-1].T
    out += theta[:, -1]
    return out


def _sum_derivatives(by_scores, z, shape):
    """Return the derivatives by the parameters, given those by the scores, summed."""
    intercept = np.einsum("ij->j", by_scores)
    if shape[1] == z.shape[1]:
        return np.stack([np.einsum("ij,ij->j", by_scores, z), intercept])
    return np.hstack([by_scores.T @ z, intercept[:, None]])


def _conjugate_gradients(precondition, z, proba, weight, ridge, gradient, tolerance):
    """Solve for Newton's step, the more accurately the closer the optimum is.

    If what is left then is due to the accuracy alone, that is for the last time.

    Return it with the accuracy, the share of the gradient that is left.
    """
    step, residual = np.zeros(ridge.shape), gradient.copy()
    towards = direction = precondition(residual)
    length = first = np.vdot(residual, towards)
    accuracy = min(0.3, first**0.25)
    if first**2 <= tolerance / 10:
        share = 1 if tolerance >= ROUGHLY else SPARE
        accuracy = min(accuracy, np.sqrt(share * tolerance / first))
    for _ in range(MAX_CG):
        product = hessian_product(direction, z, proba, weight, ridge)
        share = length / np.vdot(direction, product)
        step += share * direction
        residual -= share * product
        towards = precondition(residual)
        length, before = np.vdot(residual, towards), length
        if length <= accuracy**2 * first:
            break
        direction = towards + length / before * direction
    return step, np.sqrt(length / first)


def _diagonal(z, proba, weight, shape):
    """Return the diagonal of the log loss's Hessian."""
    if isinstance(z, DeviceRows):
        return _device_affine.sum_diagonal(proba, z, weight.divisor)
    out = np.zeros(shape)
    for block in _blocks(z):
        p, w = proba[block], weight[block].astype(z.dtype)
        out += _sum_derivatives(p * (1 - p) * w[:, None], z[block] ** 2, shape)
    return out


def hessian_product(direction, z, proba, weight, ridge):
    """Return the product of the objective's Hessian and an array of the shape of `theta`."""
    out = 2 * ridge * direction
    if isinstance(z, DeviceRows):
        return out + _device_affine.hessian_product(direction, proba, z, weight.divisor)
    for block in _blocks(z):
        rows, p, w = z[block], proba[block], weight[block].astype(z.dtype)
        change = _change(rows, direction)
        change -= np.einsum("ij,ij->i", p, change)[:, None]
        change *= p
        change *= w[:, None]
        out += _sum_derivatives(change, rows, direction.shape)
    return out


def hessian(z, proba, weight, ridge):
    """Return the objective's Hessian, a row for each entry of `theta`."""
    n_classes = z.shape[1]
    diagonal = ridge.shape[1] == n_classes
    out = np.zeros((ridge.size, ridge.size))
    if isinstance(z, DeviceRows):
        out = _device_affine.hessian(proba, z, weight.divisor)
    for block in () if isinstance(z, DeviceRows) else _blocks(z):
        rows = z[block].astype(np.float64, copy=False)
        add = _diagonal_hessian if diagonal else _matrix_hessian
        out += add(rows, proba[block], weight[block, None])
    own = np.maximum(np.diag(out), 0)  # but for rounding
    out[np.diag_indices(ridge.size)] = own + 2 * ridge.ravel()
    return out


def _diagonal_hessian(z, proba, weight):
    """Return the log loss's Hessian by factors and intercepts."""
    n_classes = z.shape[1]
    own = np.arange(n_classes)
    by_theta = np.hstack([proba * z, proba])
    out = -((by_theta * weight).T @ by_theta)
    for power, (i, j) in ((2, (0, 0)), (1, (0, 1)), (1, (1, 0)), (0, (1, 1))):
        sums = np.einsum("ij,ij->j", proba * weight, z**power)
        out[own + i * n_classes, own + j * n_classes] += sums
    return out


def _matrix_hessian(z, proba, weight):
    """Return the log loss's Hessian by matrix and intercepts.

    It is one product: of pairs of classes and pairs of features, each pair once.
    """
    n_classes = z.shape[1]
    k, m = np.triu_indices(n_classes)
    columns = np.ascontiguousarray(proba.T)
    of_classes = columns[k] * (columns * -weight.T)[m]
    of_classes[k == m] += columns * weight.T
    features = np.vstack([z.T, np.ones(len(z))])
    i, j = np.triu_indices(n_classes + 1)
    pairs = of_classes @ (features[i] * features[j]).T
    out = np.empty((n_classes, n_classes + 1) * 2)
    for first, second in ((k, m), (m, k)):
        out[first[:, None], i, second[:, None], j] = pairs
        out[first[:, None], j, second[:, None], i] = pairs
    return out.reshape(2 * [n_classes * (n_classes + 1)])


def invert_hessian(matrix):
    """Invert with all parameters brought to the same scale, and a trace of damping."""
    scale = 1 / np.sqrt(np.diag(matrix))
    scaled = matrix * scale * scale[:, None] + 1e-14 * np.eye(len(scale))
    return np.linalg.inv(scaled) * scale * scale[:, None]
