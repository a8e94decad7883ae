"""Cycles of one training run, in which the learning rate falls from its highest to zero."""

from math import cos, pi
from numbers import Integral


def plan_cycles(n_epochs, n_cycles):
    """Return the first epoch of each cycle, and the number of epochs, or raise."""
    if not isinstance(n_cycles, Integral) or isinstance(n_cycles, bool) or n_cycles < 1:
        raise ValueError(
            f"The 'n_snapshots' parameter must be an integer of at least 1, got {n_cycles!r}."
        )
    if n_epochs < n_cycles:
        raise ValueError(
            f"n_snapshots={n_cycles} needs at least as many epochs, one for each cycle; there "
            f"are {n_epochs}."
        )
    return [round(n_epochs * k / n_cycles) for k in range(n_cycles + 1)]


def share_of_rate(starts, epoch):
    """Return what part of the highest rate is due, (cos(pi t) + 1) / 2; epochs have fractions.

    t goes from 0 to 1 in each cycle.
    """
    number = max(k for k, start in enumerate(starts[:-1]) if start <= epoch)
    start, end = starts[number], starts[number + 1]
    return 0.5 * (cos(pi * (epoch - start) / (end - start)) + 1)
