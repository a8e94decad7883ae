"""The confidence report: how sure a classifier is, why, and what mends it."""

from skcalib.report._confidence_report import ConfidenceReport
from skcalib.report._finding import Cure, Finding, Interval

__all__ = ["ConfidenceReport", "Cure", "Finding", "Interval"]
