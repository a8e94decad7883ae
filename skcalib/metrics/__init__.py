"""Metrics: how far probabilities can be believed."""

from skcalib.metrics._accumulate import accumulate
from skcalib.metrics._acting import name_prevalence
from skcalib.metrics._bootstrap import bootstrap_difference, bootstrap_interval
from skcalib.metrics._by_group import by_group
from skcalib.metrics._calibration_error import calibration_error, expected_calibration_error
from skcalib.metrics._calibration_test import calibration_test
from skcalib.metrics._checked import compute_interval, compute_metric
from skcalib.metrics._corp import corp_decomposition
from skcalib.metrics._corp_curve import corp_curve
from skcalib.metrics._cost_curve import cost_curve
from skcalib.metrics._cumulative import cumulative_calibration_error
from skcalib.metrics._cumulative_curve import cumulative_curve
from skcalib.metrics._error_interval import calibration_error_interval
from skcalib.metrics._evaluation import prepared_by
from skcalib.metrics._events import events_of, resolve_notion
from skcalib.metrics._histogram_curve import histogram_curve
from skcalib.metrics._integrated import integrated_calibration_error
from skcalib.metrics._kernel_error import kernel_calibration_error
from skcalib.metrics._lazy import measure_blocks
from skcalib.metrics._losses import brier_score_loss, log_loss
from skcalib.metrics._maximum_error import maximum_calibration_error
from skcalib.metrics._multicalibration import multicalibration_error
from skcalib.metrics._murphy import murphy_decomposition
from skcalib.metrics._net_benefit_curve import net_benefit_curve
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
from skcalib.metrics._slope_intercept import calibration_slope_intercept
from skcalib.metrics._smooth import smooth_calibration_error
from skcalib.metrics._smooth_curve import smooth_curve
from skcalib.metrics._threshold_curve import threshold_curve
from skcalib.metrics._top_k import top_k_calibration_error
from skcalib.metrics._truthful import truthful_calibration_error
from skcalib.metrics._validation import check_predictions
from skcalib.metrics._value_of_abstaining import value_of_abstaining

__all__ = [
    "accumulate",
    "augrc_loss",
    "aurc_loss",
    "bootstrap_difference",
    "bootstrap_interval",
    "brier_score_loss",
    "by_group",
    "calibration_error",
    "calibration_error_interval",
    "calibration_loss",
    "calibration_slope_intercept",
    "calibration_test",
    "corp_curve",
    "corp_decomposition",
    "cost_curve",
    "cumulative_calibration_error",
    "cumulative_curve",
    "error_detection_auc_score",
    "excess_aurc_loss",
    "expected_calibration_error",
    "histogram_curve",
    "integrated_calibration_error",
    "kernel_calibration_error",
    "log_loss",
    "make_proba_scorer",
    "maximum_calibration_error",
    "multicalibration_error",
    "murphy_decomposition",
    "net_benefit_curve",
    "refinement_loss",
    "reliability_curve",
    "risk_coverage_curve",
    "smooth_calibration_error",
    "smooth_curve",
    "threshold_curve",
    "top_k_calibration_error",
    "truthful_calibration_error",
    "value_of_abstaining",
]
