"""Metrics: how far probabilities can be believed."""

from skcalib.metrics._bootstrap import bootstrap_difference, bootstrap_interval
from skcalib.metrics._calibration_error import (
    calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
)
from skcalib.metrics._checked import compute_interval, compute_metric
from skcalib.metrics._corp import corp_decomposition
from skcalib.metrics._corp_curve import corp_curve
from skcalib.metrics._error_interval import calibration_error_interval
from skcalib.metrics._events import events_of, resolve_notion
from skcalib.metrics._histogram_curve import histogram_curve
from skcalib.metrics._losses import brier_score_loss, log_loss
from skcalib.metrics._murphy import murphy_decomposition
from skcalib.metrics._recalibration import calibration_loss, refinement_loss
from skcalib.metrics._reliability_curve import ReliabilityCurve, reliability_curve
from skcalib.metrics._risk_coverage_curve import risk_coverage_curve
from skcalib.metrics._scorer import make_proba_scorer
from skcalib.metrics._selective import (
    augrc_loss,
    aurc_loss,
    error_detection_auc_score,
    excess_aurc_loss,
)
from skcalib.metrics._smooth import smooth_calibration_error
from skcalib.metrics._smooth_curve import smooth_curve
from skcalib.metrics._threshold_curve import threshold_curve
from skcalib.metrics._validation import check_predictions

__all__ = [
    "augrc_loss",
    "aurc_loss",
    "bootstrap_difference",
    "bootstrap_interval",
    "brier_score_loss",
    "calibration_error",
    "calibration_error_interval",
    "calibration_loss",
    "corp_curve",
    "corp_decomposition",
    "error_detection_auc_score",
    "excess_aurc_loss",
    "expected_calibration_error",
    "histogram_curve",
    "log_loss",
    "make_proba_scorer",
    "maximum_calibration_error",
    "murphy_decomposition",
    "refinement_loss",
    "reliability_curve",
    "risk_coverage_curve",
    "smooth_calibration_error",
    "smooth_curve",
    "threshold_curve",
]
