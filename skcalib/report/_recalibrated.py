"""What calibrators would gain on rows like these: each answers for rows that it did not see."""

import warnings
from typing import NamedTuple

import numpy as np

from skcalib.calibrators import (
    AutoCalibration,
    BetaCalibration,
    HierarchicalCalibration,
    PlattScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
)
from skcalib.estimators import fit_calibrator
from skcalib.inputs import softmax
from skcalib.report._bounds import mean_interval

FEWEST = 10  # rows, as for the automatic choice
MANY = 3000  # rows, from which three folds will do
OF_TWO = (PlattScaling, BetaCalibration, HierarchicalCalibration)
OF_MANY = (PlattScaling, StructuredVectorScaling, StructuredMatrixScaling)
MOST_ENTRIES = 1_000_000  # rows times classes of which the automatic choice is tried
MOST_CLASSES = 100  # of which matrices and one-vs-rest are tried


class Recalibrated(NamedTuple):
    """What one calibrator would gain, with an interval, and the losses behind that."""

    method: str
    gain: float
    lower: float
    upper: float
    log_loss: float
    losses: np.ndarray  # (n_rows,)
    proba: np.ndarray  # (n_rows, n_classes), cross-fitted


def recalibrate(logits, codes, weight, floor, seed, with_auto):
    """Return the calibrators, best first; none where there are too few rows."""
    n_classes = logits.shape[1]
    others = OF_TWO if n_classes == 2 else OF_MANY if n_classes <= MOST_CLASSES else ()
    calibrators = [TemperatureScaling(smoothing="targets"), *(own() for own in others)]
    if with_auto and logits.size <= MOST_ENTRIES:
        calibrators.append(AutoCalibration(random_state=seed))
    folds = deal_folds(codes, seed)
    if folds is None:
        return []
    before = -log_true(softmax(logits), codes)
    found = [cross_fit(own, logits, codes, weight, floor, folds, before) for own in calibrators]
    return sorted((own for own in found if own is not None), key=lambda own: -own.gain)


def cross_fit(calibrator, logits, codes, weight, floor, folds, before):
    """Return what a calibrator gains; None where it cannot be fitted."""
    proba = np.empty(logits.shape)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes without rows, and of extreme fits
            for fold in range(folds.max() + 1):
                rest, own = folds != fold, folds == fold
                part = (logits[rest], codes[rest], weight[rest])
                fitted = fit_calibrator(calibrator, *part, "calibrator", floor)
                proba[own] = fitted.predict_proba(logits[own])
    except ValueError:
        return None
    losses = -log_true(proba, codes)
    gain = mean_interval(before - losses, weight)
    mean = float(weight @ losses / weight.sum())
    return Recalibrated(calibrator.short_name, *gain, mean, losses, proba)


def deal_folds(codes, seed):
    """Deal the rows of each class to folds in turn; None where a fold may lack a class."""
    count = np.bincount(codes)
    if len(codes) < FEWEST or np.sort(count)[-2:-1].sum() < 2:
        return None
    n_folds = 3 if len(codes) >= MANY else 5
    rng = np.random.default_rng(seed)
    folds, start = np.empty(len(codes), dtype=int), 0
    for k in np.flatnonzero(count):
        rows = rng.permutation(np.flatnonzero(codes == k))
        folds[rows] = (start + np.arange(len(rows))) % n_folds
        start += len(rows)
    return folds


def log_true(proba, codes):
    """Return the logarithm of what each row's true class was given."""
    true = np.take_along_axis(proba, codes[:, np.newaxis], axis=1)[:, 0]
    return np.log(np.maximum(true.astype(np.float64), np.finfo(np.float64).tiny))
