"""Calibrators: classifiers whose features are another classifier's logits."""

from skcalib._logits import logits_from_proba, probability_floor
from skcalib.calibrators._base import BinaryCalibrator, Calibrator
from skcalib.calibrators._beta import BetaCalibration
from skcalib.calibrators._isotonic import IsotonicCalibration
from skcalib.calibrators._platt import PlattScaling
from skcalib.calibrators._structured_matrix import StructuredMatrixScaling
from skcalib.calibrators._structured_vector import StructuredVectorScaling
from skcalib.calibrators._temperature import TemperatureScaling

__all__ = [
    "BetaCalibration",
    "BinaryCalibrator",
    "Calibrator",
    "IsotonicCalibration",
    "PlattScaling",
    "StructuredMatrixScaling",
    "StructuredVectorScaling",
    "TemperatureScaling",
    "logits_from_proba",
    "probability_floor",
]
