"""Splits, held-out answers, pairs of a classifier and its calibrator, and their mean."""

from skcalib.folds._boosters import refuse_boosters
from skcalib.folds._classes import (
    count_known,
    find_own_classes,
    refuse_one_class,
    unite_classes,
)
from skcalib.folds._completion import (
    average_pairs,
    complete_geometric_mean,
    complete_mean,
)
from skcalib.folds._cross_calibrated import CrossCalibratedClassifier
from skcalib.folds._detectors import give_classes, take_side_of, take_sides
from skcalib.folds._held_out import fit_split, is_pairwise, join_responses
from skcalib.folds._missing_classes import (
    check_pairs,
    count_unknown,
    warn_of_answers,
    warn_of_missing_classes,
    warn_of_weights,
)
from skcalib.folds._pairs import CalibratedPair, fit_pair
from skcalib.folds._responses import (
    Response,
    find_classes,
    logits_from_response,
    proba_of,
    response_of,
    response_with_features,
)
from skcalib.folds._splits import make_indexable, make_splits
from skcalib.folds._training import find_trained, train
