"""How far Brownian motion goes: what cumulative sums of many true outcomes come to."""

import numpy as np
from scipy.special import ndtr

N_TERMS = 200  # of the series, which converge fast where the answer is not one


def tail_of_maximum(reach):
    """Return the probability that ``max |B(t)|``, t from 0 to 1, exceeds `reach`."""
    if reach < 0.2:  # less than 1e-12 from one
        return 1.0
    odd = 2 * np.arange(N_TERMS) + 1
    signs = np.where(np.arange(N_TERMS) % 2, -1, 1)
    below = 4 / np.pi * (signs / odd * np.exp(-((odd * np.pi / reach) ** 2) / 8)).sum()
    if reach < 3:
        return float(np.clip(1 - below, 0, 1))
    # The same by reflections, without a difference of numbers close to each other.
    return float(np.clip(4 * (signs * ndtr(-odd * reach)).sum(), 0, 1))


def tail_of_range(reach):
    """Return the probability that ``max B(t) - min B(t)``, t from 0 to 1, exceeds `reach`."""
    if reach < 0.4:  # less than 1e-12 from one
        return 1.0
    k = np.arange(1, N_TERMS + 1)
    signs = np.where(k % 2, 1, -1)
    return float(np.clip(8 * (signs * k * ndtr(-k * reach)).sum(), 0, 1))
