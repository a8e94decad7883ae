"""The precision of a Laplace approximation's prior: by held-out rows, or by the evidence."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from skcalib.messages import warn
from skcalib.sampling import log_evidence, mean_proba, proba_of_reduced
from skcalib.uncertainty._comparison import measure_figures
from skcalib.uncertainty._dropout_scale import log_of

DECADES = np.arange(-2, 7)  # of precisions that are tried; then half ones beside the best
LOG_TEMPERATURES = (-4.0, 4.0)
LOG_BOUNDS = (-12.0, 25.0)  # of precisions found by the evidence
N_FOLDS = 5
LARGEST_LOSS = -float(log_of(np.float64(0)))
WITHOUT = {
    "plain": "unchanged",
    "plain, temperature": "with one temperature (TemperatureCalibratedClassifier)",
}


class HeldOutPart(NamedTuple):
    """Rows that a member has not seen, and what its own rows say of its last layer."""

    posterior: object
    rows: object
    codes: np.ndarray


def choose_by_evidence(posterior, square):
    """Return the precision of the largest log marginal likelihood."""
    found = minimize_scalar(
        lambda log: -log_evidence(posterior, square, np.exp(log)),
        bounds=LOG_BOUNDS,
        method="bounded",
    )
    if min(found.x - LOG_BOUNDS[0], LOG_BOUNDS[1] - found.x) < 0.1:
        warn(
            f"The precision of the largest evidence is at its bound, {np.exp(found.x):.3g}.",
            ConvergenceWarning,
        )
    return float(np.exp(found.x))


class Tried(NamedTuple):
    """One precision on held-out rows."""

    precision: float
    temperature: float  # the best one for all rows
    loss: float
    others_losses: np.ndarray  # (n_folds,), of the rows outside a fold, at their temperature
    proba: np.ndarray  # (n_rows, n_classes), each fold at the temperature of the others


def choose_held_out(parts, points, predictive, seed):
    """Return the precision and temperature of the least held-out log loss.

    Parameters
    ----------
    parts : list of HeldOutPart

    points : ndarray of shape (n_points, n_logits)

    predictive : {"sampled", "probit"}

    seed : int
        Of the folds in which every choice is compared on rows that it was not made on.

    Returns
    -------
    best : Tried

    comparison : dict
        From "plain", "plain, temperature" and "laplace" to their figures.
    """
    codes = np.concatenate([part.codes for part in parts])
    n_folds = min(N_FOLDS, len(codes))
    folds = list(KFold(n_folds, shuffle=True, random_state=seed).split(codes))

    def attempt(precision):
        predict = _predictor(parts, points, predictive, precision)
        return _try(predict, float(precision), codes, folds)

    tried = [attempt(precision) for precision in 10.0**DECADES]
    around = min(tried, key=lambda one: one.loss).precision
    tried += [attempt(around * factor) for factor in (10**-0.5, 10**0.5)]
    best = min(tried, key=lambda one: one.loss)
    chosen = np.argmin([one.others_losses for one in tried], axis=0)
    proba = np.empty_like(best.proba)
    for (_, rows), number in zip(folds, chosen, strict=True):
        proba[rows] = tried[number].proba[rows]
    plain = _predictor(parts, points, predictive, np.inf)
    found = {
        "plain": plain.proba(1.0, slice(None)),
        "plain, temperature": _try(plain, np.inf, codes, folds).proba,
        "laplace": proba,
    }
    return best, {name: measure_figures(codes, own) for name, own in found.items()}


class Predictor(NamedTuple):
    """What all held-out rows are told at one precision, by the temperature of the draws."""

    proba: object  # (temperature, rows) -> their mean probabilities
    losses: object  # (rows, codes) -> (temperature -> their log loss), much faster


def _try(predict, precision, codes, folds):
    """Return what a precision is worth, at the best temperature."""
    temperature, loss = _find_temperature(predict, codes, slice(None), LOG_TEMPERATURES)
    around = np.log(temperature) + np.array([-0.7, 0.7])
    proba, losses = None, []
    for others, rows in folds:
        own, others_loss = _find_temperature(predict, codes, others, around)
        losses.append(others_loss)
        found = predict.proba(own, rows)
        proba = np.empty((len(codes), found.shape[1])) if proba is None else proba
        proba[rows] = found
    return Tried(precision, temperature, loss, np.array(losses), proba)


def _find_temperature(predict, codes, rows, bounds):
    """Return the temperature of the least log loss of some rows, and that loss."""
    loss = predict.losses(rows, codes[rows])
    found = minimize_scalar(
        lambda log: loss(np.exp(log)),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(found.x)), found.fun


def _predictor(parts, points, predictive, precision):
    """Return the Predictor of held-out rows."""
    logits = np.concatenate([part.rows.logits for part in parts])
    given = [(part.posterior, part.rows.features) for part in parts]
    if predictive == "probit":
        variances = np.concatenate([own.variances(h, precision) for own, h in given])
        return Predictor(
            lambda t, rows: mean_proba(logits[rows], variances[rows], t),
            lambda rows, codes: _losses_by_formula(logits[rows], variances[rows], codes),
        )
    moved = [own.deviations(h, precision, points) for own, h in given]
    moved = np.concatenate(moved, axis=1) + logits
    return Predictor(
        lambda t, rows: proba_of_reduced(moved[:, rows] / t).mean(axis=0),
        lambda rows, codes: _losses_of_draws(moved[:, rows], codes),
    )


def _losses_by_formula(logits, variances, codes):
    """Return the log loss of MacKay's formula as a function of the temperature."""
    logits, added = _with_first(logits), np.pi / 8 * _with_first(variances)
    own = codes, np.arange(len(codes))

    def loss(temperature):
        scaled = logits / np.sqrt(temperature**2 + added)
        scaled -= scaled.max(axis=0)
        each = np.log(np.exp(scaled).sum(axis=0)) - scaled[own]
        return np.minimum(each, LARGEST_LOSS).mean()

    return loss


def _losses_of_draws(draws, codes):
    """Return the log loss of the mean of draws (n_draws, n, n_logits) in the same way."""
    logits = _with_first(draws)
    logits -= logits.max(axis=0)
    own, room = logits[codes, :, np.arange(len(codes))].T, np.empty_like(logits)

    def loss(temperature):
        np.exp(np.divide(logits, temperature, out=room), out=room)
        return -log_of((np.exp(own / temperature) / room.sum(axis=0)).mean(axis=0)).mean()

    return loss


def _with_first(logits):
    """Return a copy with the classes in the first axis; of two, the first has the logit 0."""
    moved = np.moveaxis(logits, -1, 0)
    if len(moved) == 1:
        moved = np.concatenate([np.zeros_like(moved), moved])
    return np.array(moved, order="C")


def tell_what_is_better(comparison, n_rows):
    """Warn if the plain network is at least as good."""
    losses = {name: found["log_loss"] for name, found in comparison.items()}
    own = losses.pop("laplace")
    best = min(losses, key=losses.get)
    if losses[best] <= own:
        warn(
            f"The plain network {WITHOUT[best]} is at least as good as its Laplace "
            f"approximation: log loss {losses[best]:.4f} against {own:.4f} on {n_rows} "
            "held-out rows, and it is simpler and cheaper. See comparison_.",
        )
