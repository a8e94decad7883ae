"""The precision of a Laplace approximation's prior: by held-out rows, or by the evidence."""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from skcalib.messages import warn
from skcalib.sampling import draw_proba, log_evidence, mean_proba
from skcalib.uncertainty._comparison import find_temperature, measure_figures
from skcalib.uncertainty._dropout_scale import log_of, log_softmax

DECADES = np.arange(-2, 9)  # of precisions that are tried; then half ones beside the best
LOG_BOUNDS = (-12.0, 25.0)  # of precisions found by the evidence
N_FOLDS = 5
WITHOUT = {
    "plain": "unchanged",
    "plain, temperature": "with one temperature (TemperatureCalibratedClassifier)",
}


class HeldOutPart(NamedTuple):
    """Rows that a member has not seen, and what its own rows say of its last layer."""

    posterior: object
    rows: object
    codes: np.ndarray


def predict_mean(posterior, rows, precision, points, predictive):
    """Return the mean probabilities of rows, in float64."""
    if predictive == "probit":
        variances = posterior.variances(rows.features, precision)
        return mean_proba(rows.logits, variances)
    draws = draw_proba(posterior, rows.features, rows.logits, precision, points)
    return draws.mean(axis=0)


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


def choose_held_out(parts, points, predictive, seed):
    """Return the precision of the least held-out log loss, and how that compares.

    Parameters
    ----------
    parts : list of HeldOutPart

    points : ndarray of shape (n_points, n_logits)

    predictive : {"sampled", "probit"}

    seed : int
        Of the folds in which every choice is compared on rows that it was not made on.

    Returns
    -------
    precision : float

    comparison : dict
        From "plain", "plain, temperature" and "laplace" to their figures.
    """
    codes = np.concatenate([part.codes for part in parts])
    predict = partial(_predict, parts, points, predictive)
    tried = {float(p): predict(float(p)) for p in 10.0**DECADES}
    best = min(tried, key=lambda p: _losses(tried[p], codes).mean())
    for precision in (best * 10**-0.5, best * 10**0.5):
        tried[precision] = predict(precision)
    losses = {p: _losses(proba, codes) for p, proba in tried.items()}
    precisions = sorted(losses)
    table = np.stack([losses[p] for p in precisions])
    plain = predict(np.inf)
    n_folds = min(N_FOLDS, len(codes))
    proba, tempered = np.empty_like(plain), np.empty_like(plain)
    logs = log_of(plain)[None]
    for others, rows in KFold(n_folds, shuffle=True, random_state=seed).split(codes):
        chosen = precisions[int(table[:, others].mean(axis=1).argmin())]
        proba[rows] = tried[chosen][rows]
        temperature, _ = find_temperature(logs[:, others], codes[others])
        tempered[rows] = np.exp(log_softmax(logs[0, rows] / temperature))
    found = {"plain": plain, "plain, temperature": tempered, "laplace": proba}
    comparison = {name: measure_figures(codes, p) for name, p in found.items()}
    return precisions[int(table.mean(axis=1).argmin())], comparison


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


def _predict(parts, points, predictive, precision):
    return np.concatenate(
        [
            predict_mean(part.posterior, part.rows, precision, points, predictive)
            for part in parts
        ]
    )


def _losses(proba, codes):
    return -log_of(proba[np.arange(len(codes)), codes])
