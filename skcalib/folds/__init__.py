"""Splits, held-out answers, pairs of a classifier and its calibrator, and their mean."""

from skcalib.folds._cross_calibrated import CrossCalibratedClassifier
from skcalib.folds._held_out import fit_split, is_pairwise, join_responses
from skcalib.folds._missing_classes import (
    count_unknown,
    warn_of_answers,
    warn_of_missing_classes,
    warn_of_weights,
)
from skcalib.folds._pairs import CalibratedPair, fit_pair, mean_of_pairs
from skcalib.folds._splits import make_splits
