"""Displays: see how far probabilities can be believed. They need ``skcalib[plot]``."""

from skcalib.displays._confidence_histogram import ConfidenceHistogramDisplay
from skcalib.displays._cost import CostDisplay
from skcalib.displays._cumulative import CumulativeDisplay
from skcalib.displays._decision_curve import DecisionCurveDisplay
from skcalib.displays._decomposition import DecompositionDisplay
from skcalib.displays._novelty import NoveltyDisplay
from skcalib.displays._reliability import ReliabilityDisplay
from skcalib.displays._risk_coverage import RiskCoverageDisplay
from skcalib.displays._threshold import ThresholdDisplay
from skcalib.displays._uncertainty import UncertaintyDisplay

__all__ = [
    "ConfidenceHistogramDisplay",
    "CostDisplay",
    "CumulativeDisplay",
    "DecisionCurveDisplay",
    "DecompositionDisplay",
    "NoveltyDisplay",
    "ReliabilityDisplay",
    "RiskCoverageDisplay",
    "ThresholdDisplay",
    "UncertaintyDisplay",
]
