"""CalibratedClassifierCV and TemperatureCalibratedClassifier."""

from skcalib.calibration._calibrated_classifier_cv import CalibratedClassifierCV
from skcalib.calibration._temperature_calibrated_classifier import (
    TemperatureCalibratedClassifier,
)

__all__ = ["CalibratedClassifierCV", "TemperatureCalibratedClassifier"]
