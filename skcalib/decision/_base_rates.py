"""Base rates of rows without labels, by maximum likelihood from calibrated probabilities."""

import numpy as np
from scipy.linalg import null_space
from scipy.special import entr
from scipy.stats import chi2, norm
from sklearn.exceptions import ConvergenceWarning

from skcalib.messages import warn

MAX_ITER = 5000
TOLERANCE = 1e-10  # of a base rate, in three steps of the iteration
NEXT_TO_NOTHING = 1e-6
ROWS_AHEAD = 0.5  # of each class: as if they had been seen, so that no class is said to be gone


def estimate_priors(likelihood, weight, start, rows_ahead=0.0):
    """Maximise the mean log of ``likelihood @ priors`` by EM, with extrapolated steps.

    The likelihoods of a row are its probabilities over the base rates they are for. The
    problem is concave, so the maximum is the one that other algorithms find. Beside the rows,
    `rows_ahead` rows that are surely of it count for each class.
    """
    likelihood, weight = _add_rows(likelihood, weight, rows_ahead)
    share = weight / weight.sum()
    priors = start
    for _ in range(MAX_ITER):
        first = _improve(priors, likelihood, share)
        second = _improve(first, likelihood, share)
        change, bend = first - priors, second - 2 * first + priors
        leap = _leap(priors, change, bend)
        better = leap is not None and _mean_log(leap, likelihood, share) >= _mean_log(
            second, likelihood, share
        )
        new = _improve(leap if better else second, likelihood, share)
        if np.abs(new - priors).max() <= TOLERANCE:
            return new
        priors = new
    warn(
        f"The estimated base rates still changed by {np.abs(new - first).max():.1e} after "
        f"{MAX_ITER} iterations: the probabilities hardly tell the classes apart.",
        ConvergenceWarning,
    )
    return priors


def shrink_priors(priors, likelihood, weight, best, start):
    """Return base rates that are nearer to `start`, the less there is to tell them apart.

    By James and Stein's rule in the metric of the likelihood: with `best`, its maximum, and d
    free base rates, the part (d - 2) of what the likelihood gains, doubled, is due to chance.
    On average over rows that is nearer to the truth, wherever it is, than what is not shrunk.
    """
    surplus = len(priors) - 3
    gain = _mean_log(best, likelihood, weight) - _mean_log(start, likelihood, weight)
    part = np.clip(surplus / max(2 * gain, np.finfo(float).tiny), 0, 1)
    return part * start + (1 - part) * priors


def interval_of_priors(likelihood, weight, priors, confidence):
    """Return an interval for each base rate by itself, of shape (n_classes, 2).

    Normal on the scale of log-odds, from the observed information; of a class that is
    estimated not to occur, up to where the likelihood ratio says.
    """
    variance = np.diag(_covariance(likelihood, weight, priors))
    inside = (priors > NEXT_TO_NOTHING) & (priors < 1 - NEXT_TO_NOTHING)
    spread = np.where(inside, priors * (1 - priors), 1)
    width = norm.ppf((1 + confidence) / 2) * np.sqrt(variance) / spread
    with np.errstate(divide="ignore"):
        odds = priors / (1 - priors)
        low = np.where(inside, odds / (odds + np.exp(width)), priors)
        high = np.where(inside, odds / (odds + np.exp(-width)), priors)
    for k in np.flatnonzero(~inside):
        end = _move_until(likelihood, weight, priors, k, chi2.ppf(confidence, 1) / 2)
        low[k], high[k] = (0, end) if priors[k] < 0.5 else (end, 1)
    return np.stack([low, high], axis=1)


def pvalue_of_shift(labelled, codes, labelled_weight, proba, weight, ratio):
    """Return the p-value of the hypothesis that only base rates differ.

    If so, the rows of each class are alike, and functions of the probabilities have the
    mean that labelled rows give them, each class weighted by its new base rate. Three are
    compared: the largest probability, the entropy and the sum of squares. The variance is
    that of both samples, the shares of the classes and the estimated base rates among it.
    """
    n_classes = len(ratio)
    known, new = _functions(labelled.astype(np.float64)), _functions(proba)
    mass = np.bincount(codes, labelled_weight, minlength=n_classes)
    if mass.min() < 2:
        return np.nan
    priors = ratio * mass / mass.sum()
    means = np.stack(
        [
            np.average(known[codes == k], axis=0, weights=labelled_weight[codes == k])
            for k in range(n_classes)
        ]
    )
    share = weight / weight.sum()
    difference = share @ new - priors @ means
    likelihood = proba / (mass / mass.sum())
    score = likelihood / (likelihood @ priors)[:, np.newaxis]
    moved = score @ (_covariance(likelihood, weight, priors) * weight.sum())
    of_new = new - share @ new - moved @ means
    of_known = ratio[codes, np.newaxis] * (known - priors @ means)
    variance = (of_new * share[:, np.newaxis] / weight.sum()).T @ of_new
    part = labelled_weight / labelled_weight.sum() ** 2
    variance += (of_known * part[:, np.newaxis]).T @ of_known
    size = np.sqrt(np.diag(variance))
    if not size.all():
        return np.nan
    values, vectors = np.linalg.eigh(variance / np.outer(size, size))
    used = values > 0.01  # what is left of functions that say nearly the same is noise
    statistic = ((difference / size) @ vectors[:, used]) ** 2 / values[used]
    return float(chi2.sf(statistic.sum(), used.sum()))


def _functions(proba):
    return np.stack(
        [proba.max(axis=1), entr(proba).sum(axis=1), (proba**2).sum(axis=1)], axis=1
    )


def _add_rows(likelihood, weight, rows_ahead):
    """Return likelihoods and weights with rows that are surely of one class each."""
    if not rows_ahead:
        return likelihood, weight
    n_classes = likelihood.shape[1]
    surely = np.concatenate([likelihood, np.eye(n_classes)])
    return surely, np.concatenate([weight, np.full(n_classes, rows_ahead)])


def _improve(priors, likelihood, share):
    """Return the mean of the rows' probabilities under these base rates."""
    total = likelihood @ priors
    used = total > 0
    part = np.divide(share, total, out=np.zeros_like(total), where=used)
    new = priors * (part @ likelihood)
    return new / new.sum()


def _leap(priors, change, bend):
    length = np.linalg.norm(bend)
    if not length > 0:
        return None
    step = max(1.0, np.linalg.norm(change) / length)
    leap = priors + 2 * step * change + step**2 * bend
    return None if (leap <= 0).any() else leap / leap.sum()


def _mean_log(priors, likelihood, share):
    total = likelihood @ priors
    return share @ np.log(np.maximum(total, np.finfo(float).tiny))


def _covariance(likelihood, weight, priors):
    """Return that of the estimated base rates, which sum to one."""
    total = np.maximum(likelihood @ priors, np.finfo(float).tiny)
    score = likelihood / total[:, np.newaxis]
    information = (score * weight[:, np.newaxis]).T @ score
    basis = null_space(np.ones((1, len(priors))))
    return basis @ np.linalg.pinv(basis.T @ information @ basis, hermitian=True) @ basis.T


def _move_until(likelihood, weight, priors, k, loss):
    """Return the base rate of a class, beside an estimate of 0 or 1, that costs so much."""
    towards = np.eye(len(priors))[k]
    if priors[k] > 0.5:
        others = np.average(likelihood, axis=0, weights=weight)
        others[k] = 0
        towards = others / others.sum()
    best = _mean_log(priors, likelihood, weight)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        moved = (1 - middle) * priors + middle * towards
        near = best - _mean_log(moved, likelihood, weight) < loss
        low, high = (middle, high) if near else (low, middle)
    return (1 - high) * priors[k] + high * towards[k]
