"""Cox' test of very many rows: sums over blocks of them, which nothing has to sort."""

import numpy as np
from scipy.special import chdtrc

from skcalib.metrics._binning import BLOCK


def add_up_cox(event):
    """Return the statistic of intercept 0 and slope 1, and its p-value by the law.

    Parameters
    ----------
    event : Event
        All of its weights are positive.

    Returns
    -------
    statistic, p_value : float
        As the sorted rows would give them; the p-value is 0 where the impossible came true.
    """
    score, information = np.zeros(2), np.zeros(3)  # of (1, log-odds); of 1, odds, odds**2
    refuted = False
    for start in range(0, len(event.value), BLOCK):
        part = event.take(slice(start, start + BLOCK), event.weight[start : start + BLOCK])
        value, hit, weight = part.value.astype(np.float64), part.hit, part.weight
        residual, variance = hit - value, value * (1 - value)
        if np.ndim(weight) and weight.strides != (0,):
            residual *= weight
            whole = np.floor(weight + 1e-9)  # so many rows, and one that counts the rest
            variance *= whole + np.maximum(weight - whole, 0) ** 2
        elif weight[0] != 1:
            raise ValueError("Weights that are broadcast are ones.")
        with np.errstate(divide="ignore"):
            odds = np.log(value / (1 - value)) if value.max() < 1 else _odds(value)
        if not variance.min() > 0:
            fixed = variance == 0
            refuted |= bool((residual[fixed] != 0).any())
            odds[fixed], residual[fixed] = 0, 0
        score += residual.sum(), residual @ odds
        spread = variance * odds
        information += variance.sum(), spread.sum(), spread @ odds
    matrix = information[[[0, 1], [1, 2]]]
    inverse = np.linalg.pinv(matrix, rcond=1e-10, hermitian=True)
    statistic = max(float(score @ inverse @ score), 0.0)
    constant = event.value.min() == event.value.max()
    return statistic, 0.0 if refuted else float(chdtrc(1 if constant else 2, statistic))


def _odds(value):
    return np.log(value) - np.log1p(-value)
