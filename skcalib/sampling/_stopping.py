"""When the draws of a row are enough: its standard errors are at most what was asked for."""

import numpy as np

from skcalib.sampling._summary import standard_deviation

FEWEST = 10  # draws before a row may stop
GROWTH = 1.5  # of the number of draws from round to round


def rounds(n_draws):
    """Yield the numbers of the draws (a range) of one round after the other."""
    start, stop = 0, min(FEWEST, n_draws)
    while start < n_draws:
        yield range(start, stop)
        start, stop = stop, min(int(GROWTH * stop), n_draws)


def are_enough(draws, tol):
    """Tell for each row whether its draws (n_levels, n_draws, n_rows, n_classes) are enough.

    A few draws may agree by chance, so the variance of a probability counts as mu (1 - mu) / 4
    at least: a quarter of that of draws which are 0 or 1 only.
    """
    enough = np.ones(draws.shape[2], bool)
    for level in draws:
        mean = level.mean(axis=0, dtype=np.float64)
        variance = np.maximum(standard_deviation(level, mean) ** 2, mean * (1 - mean) / 4)
        enough &= np.sqrt(variance.max(axis=-1) / len(level)) <= tol
    return enough
