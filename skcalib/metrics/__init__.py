"""Metrics: how far probabilities can be believed."""

from skcalib.metrics._binned import expected_calibration_error, reliability_curve

__all__ = ["expected_calibration_error", "reliability_curve"]
