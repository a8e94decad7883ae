"""What every choice on held-out rows is compared by: losses of draws, and one temperature."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from skcalib.metrics import error_detection_auc_score, expected_calibration_error
from skcalib.uncertainty._dropout_scale import log_of

LOG_BOUND = 4.0  # of the logarithm of a temperature


def find_temperature(log_draws, codes, around=None):
    """Return the temperature of the least log loss, and that loss."""
    bounds = (-LOG_BOUND, LOG_BOUND) if around is None else (around - 0.7, around + 0.7)
    found = minimize_scalar(
        lambda log_t: loss_of_draws(log_draws, codes, np.exp(log_t)),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-3},
    )
    return np.exp(found.x), found.fun


def loss_of_draws(log_draws, codes, temperature):
    """Return the mean log loss of the mean of draws at a temperature."""
    logs = log_draws / log_draws.dtype.type(temperature)
    own = np.take_along_axis(logs, codes[None, :, None], axis=2)[..., 0]
    own = (own - logsumexp(logs, axis=2)).astype(np.float64)
    return -(logsumexp(own, axis=0) - np.log(len(own))).mean()


def measure_figures(codes, proba):
    """Return log loss, calibration error, and the area under the ROC curve of errors."""
    labels = np.arange(proba.shape[1])
    wrong = proba.argmax(axis=1) != codes
    own = proba[np.arange(len(codes)), codes]
    undefined = wrong.all() or not wrong.any()
    return {
        "log_loss": float(-log_of(own).mean()),
        "calibration_error": float(expected_calibration_error(codes, proba, labels=labels)),
        "error_auroc": float("nan")
        if undefined
        else float(error_detection_auc_score(codes, proba, labels=labels)),
    }
