"""Calibrated classifiers for answers in single precision."""

from copy import copy, deepcopy

from sklearn.frozen import FrozenEstimator

from skcalib.calibrators import AutoCalibration, Calibrator, VennAbersCalibration
from skcalib.decision import PriorShiftClassifier
from skcalib.deploy._tables import widen_ties

SHARE = 1e-5  # of a score: what single precision leaves of log-odds of probabilities


def with_wide_ties(model):
    """Return a copy whose Venn-Abers maps take scores for tied that rounding has parted.

    Scores of trees are those of calibration rows, again and again: there, the levels differ
    from those beside them.
    """
    if isinstance(model, Calibrator):
        return _widen(deepcopy(model))
    found = copy(model)
    if isinstance(model, PriorShiftClassifier):
        found.estimator_ = with_wide_ties(model.estimator_)
    elif isinstance(model, FrozenEstimator):
        found.estimator = with_wide_ties(model.estimator)
    else:
        shared, pairs = {}, []
        for pair in model.calibrated_classifiers_:
            key = id(pair.calibrators)
            if key not in shared:
                shared[key] = [_widen(deepcopy(each)) for each in pair.calibrators]
            pairs.append(copy(pair))
            pairs[-1].calibrators = shared[key]
        found.calibrated_classifiers_ = pairs
    return found


def _widen(calibrator):
    if isinstance(calibrator, VennAbersCalibration):
        calibrator.maps_ = [m and widen_ties(m, SHARE) for m in calibrator.maps_]
    elif isinstance(calibrator, AutoCalibration):
        for family in calibrator.parts().families:
            if hasattr(family, "calibrator") and hasattr(family.calibrator, "maps_"):
                _widen(family.calibrator)
    return calibrator
