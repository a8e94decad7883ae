"""The confidence report: how sure a classifier is, why, and what mends it."""

from skcalib.report._confidence_report import ConfidenceReport
from skcalib.report._entry import confidence_report
from skcalib.report._entry_arrays import (
    confidence_report_from_logits,
    confidence_report_from_predictions,
)
from skcalib.report._finding import Cure, Finding, Interval
from skcalib.report._skore_checks import skore_checks

__all__ = [
    "ConfidenceReport",
    "confidence_report",
    "confidence_report_from_logits",
    "confidence_report_from_predictions",
    "skore_checks",
]
