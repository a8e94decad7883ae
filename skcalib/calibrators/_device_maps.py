"""Maps of blocks of rows in the namespace of an array; sums of a mixture's parts."""

import numpy as np

from skcalib.inputs import entry_of_each, to_host

LOWEST = -1e4


def softmax_block(xp, part, beta=1.0):
    """Return the softmax of each row of ``beta * part``."""
    scaled = (part - xp.max(part, axis=1, keepdims=True)) * float(beta)
    mass = xp.exp(scaled)
    return mass / xp.sum(mass, axis=1, keepdims=True)


def mix_block(xp, proba, part, share):
    """Mix probabilities with the uniform distribution over the classes that are not masked."""
    return proba * (1 - share) + uniform_block(xp, part) * share


def uniform_block(xp, part):
    """Return the uniform distribution over the classes of each row that are not masked."""
    is_open = xp.astype(part > -xp.inf, part.dtype)
    return is_open / xp.sum(is_open, axis=1, keepdims=True)


def temper_block(xp, part, beta):
    """Return the logarithm of the softmax of ``beta * part``, cut off at -1e4."""
    scaled = (part - xp.max(part, axis=1, keepdims=True)) * float(beta)
    scaled = scaled - xp.log(xp.sum(xp.exp(scaled), axis=1, keepdims=True))
    return xp.clip(scaled, LOWEST, None)


def mix_logits_block(xp, part, beta, share):
    """Return the logarithm of the mixture of the tempered softmax with the uniform one."""
    return xp.log(softmax_block(xp, part, beta) * (1 - share) + share / part.shape[1])


def change_block(xp, part, theta):
    """Return what the parameters of an affine map add to logits; `theta` is on the device."""
    if theta.shape[1] == part.shape[1]:
        return part * theta[0, :] + theta[1, :]
    return xp.matmul(part, theta[:, :-1].T) + theta[:, -1]


def affine_block(xp, part, theta):
    """Return the probabilities of an affine map; `theta` is an array of the host."""
    theta = np.asarray(theta, dtype=np.float32 if part.dtype == xp.float32 else np.float64)
    theta = xp.asarray(theta, dtype=part.dtype, device=part.device)
    return softmax_block(xp, part + change_block(xp, part, theta))


def sigmoid_block(xp, odds):
    """Return the probabilities of log-odds."""
    small = xp.exp(-xp.abs(odds))
    return xp.where(odds >= 0, 1 / (1 + small), small / (1 + small))


def log_odds_block(xp, part):
    """Return the log-odds of each class against all others."""
    if part.shape[1] == 2:
        z = part[:, 1] - part[:, 0]
        return xp.stack([-z, z], axis=1)
    top, peak, total, of_top = compare_with_top(xp, part)
    rest = part - peak[:, None]
    columns = xp.arange(part.shape[1], device=part.device)
    is_top = columns[None, :] == top[:, None]
    mass = xp.where(is_top, xp.zeros_like(rest), xp.exp(rest))
    rest = rest - xp.log(xp.clip(total[:, None] - mass, 1, None))
    return xp.where(is_top, of_top[:, None] + xp.zeros_like(rest), rest)


def compare_with_top(xp, part):
    """Return which logit of each row is the largest, and what; from that, log-odds follow.

    Third is the sum of all exponentials of differences to it, fourth its own log-odds.
    """
    top, peak = xp.argmax(part, axis=1), xp.max(part, axis=1)
    rest = part - peak[:, None]
    columns = xp.arange(part.shape[1], device=part.device)
    is_top = columns[None, :] == top[:, None]
    below = xp.where(is_top, xp.full_like(rest, -xp.inf), rest)
    second = xp.max(below, axis=1)
    others = xp.sum(xp.exp(below - second[:, None]), axis=1)
    total = 1 + others * xp.exp(second)
    return top, peak, total, -second - xp.log(others)


class TruthInMixture:
    """What each part of a mixture gives to the true class; it stays on the device."""

    def __init__(self, rows, beta):
        self.rows, self.parts, total = rows, [], rows.total
        xp = rows.xp
        for part, codes, w in rows.blocks():
            each = (
                softmax_block(xp, part, beta),
                softmax_block(xp, part),
                uniform_block(xp, part),
            )
            given = xp.stack([entry_of_each(xp, proba, codes) for proba in each], axis=1)
            given = xp.astype(given, rows.wide_type)
            # A row that does not count says the same of all parts.
            given = xp.where(w[:, None] > 0, given, xp.ones_like(given))
            self.parts.append((given, w / total))

    def _put(self, mixture):
        rows = self.rows
        mixture = np.asarray(mixture, dtype=np.float32 if rows.is_narrow else np.float64)
        return rows.xp.asarray(mixture, dtype=rows.wide_type, device=rows.device)

    def sums(self, mixture):
        """Return by how much more of each part is worth, and the curvature of that."""
        xp, total = self.rows.xp, 0
        for given, w in self.parts:
            ratios = given / xp.matmul(given, self._put(mixture))[:, None]
            excess = xp.matmul(w, ratios - 1)
            curvature = xp.matmul((ratios * w[:, None]).T, ratios)
            total = total + xp.concat([excess[None, :], curvature], axis=0)
        total = to_host(total)
        return total[0], total[1:]

    def log_loss(self, mixture):
        """Return the mean log loss, infinite where a true class gets nothing."""
        xp, total = self.rows.xp, 0
        for given, w in self.parts:
            mixed = xp.matmul(given, self._put(mixture))
            total = total + xp.stack(
                [
                    xp.sum(xp.astype(mixed <= 0, w.dtype)),
                    -xp.sum(w * xp.log(xp.clip(mixed, 1e-300, None))),
                ]
            )
        impossible, loss = to_host(total)
        return np.inf if impossible else loss
