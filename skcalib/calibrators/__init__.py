"""Calibrators: classifiers whose features are another classifier's logits."""

from skcalib._logits import logits_from_proba, probability_floor
from skcalib.calibrators._base import BinaryCalibrator, Calibrator
from skcalib.calibrators._dirichlet import DirichletCalibration
from skcalib.calibrators._ensemble_temperature import EnsembleTemperatureScaling
from skcalib.calibrators._isotonic import IsotonicCalibration
from skcalib.calibrators._matrix import MatrixScaling
from skcalib.calibrators._platt import PlattScaling
from skcalib.calibrators._structured_matrix import StructuredMatrixScaling
from skcalib.calibrators._structured_vector import StructuredVectorScaling
from skcalib.calibrators._temperature import TemperatureScaling
from skcalib.calibrators._vector import VectorScaling

__all__ = [
    "BinaryCalibrator",
    "Calibrator",
    "DirichletCalibration",
    "EnsembleTemperatureScaling",
    "IsotonicCalibration",
    "MatrixScaling",
    "PlattScaling",
    "StructuredMatrixScaling",
    "StructuredVectorScaling",
    "TemperatureScaling",
    "VectorScaling",
    "logits_from_proba",
    "probability_floor",
]
