"""Acting on probabilities: by costs, by abstaining, under other base rates."""

from skcalib.decision._cost_sensitive import CostSensitiveClassifier
from skcalib.decision._prior_shift import PriorShiftClassifier
from skcalib.decision._selective import SelectiveClassifier

__all__ = ["CostSensitiveClassifier", "PriorShiftClassifier", "SelectiveClassifier"]
