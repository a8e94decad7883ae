"""Sums for an affine map of logits over rows that stay where they are.

They answer what the functions of ``_affine`` of the same names do. Probabilities are not kept:
each sum makes those of its block again, from the parameters.
"""

import numpy as np

from skcalib.calibrators._device_maps import change_block, softmax_block
from skcalib.inputs import entry_of_each, to_host

ENTRIES = 2**22  # of the products of all parameters, in a block


def objective(theta, rows, divisor, ridge):
    """Return the penalised log loss, and its gradient."""
    xp, total = rows.xp, 0
    for part, codes, w in rows.blocks():
        scores = part + change_block(xp, part, rows.put(theta))
        scores = scores - xp.max(scores, axis=1, keepdims=True)
        mass = xp.exp(scores)
        sums = xp.sum(mass, axis=1, dtype=rows.wide_type)
        chosen = xp.astype(entry_of_each(xp, scores, codes), rows.wide_type)
        value = xp.sum(w * (xp.log(sums) - chosen))
        w = xp.astype(w, rows.type)
        mass = mass * (w / xp.astype(sums, rows.type))[:, None]
        columns = xp.arange(part.shape[1], device=rows.device)
        mass = xp.where(columns[None, :] == codes[:, None], mass - w[:, None], mass)
        gradient = _sum_by_parameters(rows, mass, part, theta.shape)
        total = total + xp.concat([xp.reshape(value, (1,)), gradient])
    total = to_host(total) / divisor
    gradient = total[1:].reshape(theta.shape)
    return total[0] + np.vdot(ridge * theta, theta), gradient + 2 * ridge * theta


def _sum_by_parameters(rows, by_scores, part, shape):
    """Return the derivatives by the parameters, flat, given those by the scores."""
    xp, wide = rows.xp, rows.wide_type
    intercept = xp.sum(by_scores, axis=0, dtype=wide)
    if shape[1] == part.shape[1]:
        return xp.concat([xp.sum(by_scores * part, axis=0, dtype=wide), intercept])
    by_matrix = xp.astype(xp.matmul(by_scores.T, part), wide)
    return xp.reshape(xp.concat([by_matrix, intercept[:, None]], axis=1), (-1,))


def _proba_blocks(theta, rows, limit=None):
    for part, _, w in rows.blocks(limit):
        scores = part + change_block(rows.xp, part, rows.put(theta))
        yield part, softmax_block(rows.xp, scores), rows.xp.astype(w, rows.type)[:, None]


def sum_diagonal(theta, rows, divisor):
    """Return the diagonal of the log loss's Hessian."""
    total = 0
    for part, p, w in _proba_blocks(theta, rows):
        total = total + _sum_by_parameters(rows, p * (1 - p) * w, part**2, theta.shape)
    return to_host(total).reshape(theta.shape) / divisor


def hessian_product(direction, theta, rows, divisor):
    """Return the product of the log loss's Hessian and an array of the shape of `theta`."""
    xp, total = rows.xp, 0
    for part, p, w in _proba_blocks(theta, rows):
        change = change_block(xp, part, rows.put(direction))
        change = change - xp.sum(p * change, axis=1, keepdims=True)
        total = total + _sum_by_parameters(rows, change * p * w, part, theta.shape)
    return to_host(total).reshape(theta.shape) / divisor


def hessian(theta, rows, divisor):
    """Return the log loss's Hessian, a row for each entry of `theta`."""
    n_classes = rows.shape[1]
    if theta.shape[1] == n_classes:
        return _diagonal_hessian(theta, rows) / divisor
    return _matrix_hessian(theta, rows) / divisor


def _diagonal_hessian(theta, rows):
    xp, n_classes = rows.xp, rows.shape[1]
    products, sums = 0, 0
    for part, p, w in _proba_blocks(theta, rows):
        by_theta = xp.concat([p * part, p], axis=1)
        products = products + xp.matmul((by_theta * w).T, by_theta)
        weighted = p * w
        powers = (weighted * part * part, weighted * part, weighted)
        sums = sums + xp.stack([xp.sum(each, axis=0, dtype=rows.wide_type) for each in powers])
    out, sums, own = -to_host(products), to_host(sums), np.arange(n_classes)
    for n, (i, j) in ((0, (0, 0)), (1, (0, 1)), (1, (1, 0)), (2, (1, 1))):
        out[own + i * n_classes, own + j * n_classes] += sums[n]
    return out


def _matrix_hessian(theta, rows):
    xp, n_classes = rows.xp, rows.shape[1]
    width = n_classes + 1
    products, own = 0, 0
    limit = max(1, ENTRIES // width**2) * n_classes
    for part, p, w in _proba_blocks(theta, rows, limit):
        features = xp.concat([part, xp.ones_like(part[:, :1])], axis=1)
        by_theta = xp.reshape(p[:, :, None] * features[:, None, :], (-1, n_classes * width))
        products = products + xp.matmul((by_theta * w).T, by_theta)
        pairs = xp.reshape(features[:, :, None] * features[:, None, :], (-1, width**2))
        own = own + xp.matmul((p * w).T, pairs)
    out = -to_host(products).reshape(n_classes, width, n_classes, width)
    own = to_host(own).reshape(n_classes, width, width)
    for k in range(n_classes):
        out[k, :, k, :] += own[k]
    return out.reshape(2 * [n_classes * width])


def all_right(rows, theta):
    """Tell whether the map classifies every row that counts correctly."""
    xp = rows.xp
    for part, codes, w in rows.blocks():
        scores = part + change_block(xp, part, rows.put(theta))
        wrong = (xp.argmax(scores, axis=1) != codes) & (w > 0)
        if bool(xp.any(wrong)):
            return False
    return True
