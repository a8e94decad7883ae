"""How far a Gaussian posterior of weights is from its prior."""

import math

from keras import ops

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_FAR = -20.0  # below it softplus(rho) is exp(rho), to float32


def log_softplus(rho):
    """Return the logarithm of softplus(rho), finite where softplus(rho) rounds to 0."""
    kept = ops.maximum(rho, _FAR)  # also where the other branch is taken: gradients
    return ops.where(rho < _FAR, rho, ops.log(ops.softplus(kept)))


def gaussian_divergence(mean, rho, scale):
    """Return KL(N(mean, softplus(rho)^2) || N(0, scale^2)), summed over weights."""
    spread = ops.softplus(rho)
    squares = (ops.square(mean) + ops.square(spread)) / (2 * scale**2)
    return ops.sum(math.log(scale) - log_softplus(rho) + squares - 0.5)


def mixture_divergence(weights, rho, scales, mix):
    """Estimate KL(q || mix N(0, s1^2) + (1 - mix) N(0, s2^2)) from weights drawn from q.

    The entropy of q needs no draw; its gradient is that of log q at a draw.
    """
    entropy = ops.sum(log_softplus(rho) + 0.5 + _HALF_LOG_TWO_PI)
    wide, narrow = (
        math.log(part) - math.log(scale) - _HALF_LOG_TWO_PI - ops.square(weights / scale) / 2
        for part, scale in zip((mix, 1 - mix), scales, strict=True)
    )
    return -entropy - ops.sum(ops.logaddexp(wide, narrow))
