"""Calibrators: classifiers whose features are another classifier's logits."""

from skcalib.calibrators._auto import AutoCalibration
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._bayesian_binning import BayesianBinning
from skcalib.calibrators._beta import BetaCalibration
from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._dirichlet import DirichletCalibration
from skcalib.calibrators._ensemble_temperature import EnsembleTemperatureScaling
from skcalib.calibrators._hierarchical import HierarchicalCalibration
from skcalib.calibrators._histogram import HistogramBinning
from skcalib.calibrators._isotonic import IsotonicCalibration
from skcalib.calibrators._matrix import MatrixScaling
from skcalib.calibrators._platt import PlattScaling
from skcalib.calibrators._quadratic import QuadraticScaling
from skcalib.calibrators._scaling_binning import ScalingBinning
from skcalib.calibrators._soft_labels import expand_soft_labels
from skcalib.calibrators._spline import SplineCalibration
from skcalib.calibrators._structured_matrix import StructuredMatrixScaling
from skcalib.calibrators._structured_vector import StructuredVectorScaling
from skcalib.calibrators._temperature import TemperatureScaling
from skcalib.calibrators._vector import VectorScaling
from skcalib.calibrators._venn_abers import VennAbersCalibration
from skcalib.inputs import logits_from_proba, probability_floor

__all__ = [
    "AutoCalibration",
    "BayesianBinning",
    "BetaCalibration",
    "BinaryCalibrator",
    "Calibrator",
    "DirichletCalibration",
    "EnsembleTemperatureScaling",
    "HierarchicalCalibration",
    "HistogramBinning",
    "IsotonicCalibration",
    "MatrixScaling",
    "PlattScaling",
    "QuadraticScaling",
    "ScalingBinning",
    "SplineCalibration",
    "StructuredMatrixScaling",
    "StructuredVectorScaling",
    "TemperatureScaling",
    "VectorScaling",
    "VennAbersCalibration",
    "expand_soft_labels",
    "logits_from_proba",
    "probability_floor",
]
