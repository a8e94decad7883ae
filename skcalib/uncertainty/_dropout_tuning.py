"""Rate and scale of dropout that was put into a network, chosen by held-out log loss."""

from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from skcalib.messages import warn
from skcalib.uncertainty._comparison import LOG_BOUND, find_temperature, measure_figures
from skcalib.uncertainty._dropout_scale import Scale, centre_draws, log_softmax

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
CENTERED_RATE = 0.1
SPREADS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
FEWEST_ROWS = 10
N_FOLDS = 5


class Tried(NamedTuple):
    """One candidate on held-out rows."""

    scale: Scale
    loss: float  # of all rows at the temperature that is best for them
    fitted_losses: np.ndarray  # (n_folds,), of the rows outside a fold, at their temperature
    proba: np.ndarray  # (n_rows, n_classes), each fold at the temperature of the others


def choose(log_draws, codes, *, centered, seed):
    """Choose a Scale, and compare it with the plain network on the same rows.

    Every figure of the comparison is out of sample: rate, spread and temperature for the
    rows of a fold are those that are best for the other folds.

    Parameters
    ----------
    log_draws : function of a rate
        Gives log-probabilities (n_draws, n_rows, n_classes) of held-out rows.

    codes : ndarray of shape (n_rows,)
        Columns of their classes.

    centered : bool
        Whether candidates are spreads of centred draws at one rate, or rates.

    seed : int
        Of the folds.

    Returns
    -------
    scale : Scale

    comparison : dict
        From "plain", "plain, temperature" and "dropout" to ``log_loss``,
        ``calibration_error`` and ``error_auroc``.
    """
    n_folds = min(N_FOLDS, len(codes))
    folds = [rows for _, rows in KFold(n_folds, shuffle=True, random_state=seed).split(codes)]
    plain = log_draws(0.0)
    attempt = partial(_try, codes=codes, folds=folds)
    if centered:
        draws = log_draws(CENTERED_RATE)
        tried = [
            attempt(Scale(CENTERED_RATE, spread), centre_draws(draws, plain, spread))
            for spread in SPREADS
        ]
    else:
        tried = [attempt(Scale(rate), log_draws(rate)) for rate in RATES]
    best = min(tried, key=lambda one: one.loss)
    chosen_without = np.argmin([one.fitted_losses for one in tried], axis=0)
    proba = np.empty_like(best.proba)
    for rows, number in zip(folds, chosen_without, strict=True):
        proba[rows] = tried[number].proba[rows]
    if abs(np.log(best.scale.temperature)) > LOG_BOUND - 0.01:
        warn(
            f"The temperature of the draws is at its bound, {best.scale.temperature:.3g}: "
            "the held-out rows are all predicted correctly, or no better than by chance.",
            ConvergenceWarning,
        )
    found = {
        "plain": np.exp(plain[0]),
        "plain, temperature": attempt(Scale(0.0), plain).proba,
        "dropout": proba,
    }
    return best.scale, {name: measure_figures(codes, p) for name, p in found.items()}


def _try(scale, log_draws, codes, folds):
    temperature, loss = find_temperature(log_draws, codes)
    proba, losses = np.empty(log_draws.shape[1:]), []
    for rows in folds:
        others = np.setdiff1d(np.arange(len(codes)), rows)
        own, others_loss = find_temperature(
            log_draws[:, others], codes[others], around=np.log(temperature)
        )
        losses.append(others_loss)
        part = log_draws[:, rows] / log_draws.dtype.type(own)
        proba[rows] = np.exp(log_softmax(part)).mean(axis=0, dtype=np.float64)
    scale = scale._replace(temperature=float(temperature))
    return Tried(scale, loss, np.array(losses), proba)
