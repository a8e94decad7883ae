"""Rows unlike the training data: how usual a row is, and answers that allow for it."""

from skcalib.novelty._distance_aware_temperature import DistanceAwareTemperatureClassifier
from skcalib.novelty._feature_novelty import FeatureNovelty

__all__ = ["DistanceAwareTemperatureClassifier", "FeatureNovelty"]
