"""The figures at the head of the report."""

import warnings

import numpy as np

from skcalib.metrics import (
    calibration_error_interval,
    compute_metric,
    smooth_calibration_error,
)
from skcalib.report._bounds import mean_interval, share_interval
from skcalib.report._find_level_wrong import mean_area
from skcalib.report._finding import Interval
from skcalib.report._ranking import area_interval

N_RESAMPLES = 200


def compute_figures(evidence):
    """Return an Interval of 95 % for each figure, by the names of ``_codes``."""
    weight, total = evidence.weight, evidence.total
    accuracy = float(weight @ evidence.hit / total)
    squares = np.einsum("ij,ij->i", evidence.proba, evidence.proba)
    brier = (1 + squares - 2 * evidence.true_proba) / 2
    with np.errstate(divide="ignore"):
        losses = -np.log(evidence.true_proba)
    two = len(evidence.classes) == 2
    beta, low, high, _ = evidence.beta
    area = area_interval(*evidence.event, weight) if two else mean_area(evidence)
    best = evidence.recalibrated[0] if evidence.recalibrated else None
    return {
        "n_rows": _exact(len(evidence.codes)),
        "n_classes": _exact(len(evidence.classes)),
        "accuracy": Interval(accuracy, *map(float, share_interval(accuracy, total))),
        "confidence": Interval(*mean_interval(evidence.confidence, weight)),
        "confidence_gap": Interval(*mean_interval(evidence.confidence - evidence.hit, weight)),
        "log_loss": _infinite_or(losses, weight),
        "brier": Interval(*mean_interval(brier, weight)),
        **_errors(evidence),
        "auc": Interval(*area),
        "temperature": Interval(1 / beta, 1 / high, 1 / low),
        "gain": _unknown() if best is None else Interval(best.gain, best.lower, best.upper),
        "pvalue": _exact(evidence.levels.calibration),
    }


def _errors(evidence):
    """Return calibration errors, the debiased one with its interval."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few rows, of which the report speaks itself
        error = compute_metric(
            calibration_error_interval,
            evidence.predictions,
            n_resamples=N_RESAMPLES,
            random_state=evidence.seed,
        )
        smooth = compute_metric(smooth_calibration_error, evidence.predictions)
    return {"ece": Interval(*error), "smooth_ece": _exact(smooth, known=False)}


def _infinite_or(losses, weight):
    """Return the mean loss; infinite where the impossible came true."""
    if np.isinf(losses).any():
        return Interval(np.inf, np.inf, np.inf)
    return Interval(*mean_interval(losses, weight))


def _exact(value, *, known=True):
    return Interval(float(value), *((float(value),) * 2 if known else (np.nan, np.nan)))


def _unknown():
    return Interval(np.nan, np.nan, np.nan)
