"""Maps of blocks of rows in the namespace of an array; sums of a mixture's parts."""

import numpy as np

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
    theta = xp.asarray(np.asarray(theta), dtype=part.dtype, device=part.device)
    return softmax_block(xp, part + change_block(xp, part, theta))
