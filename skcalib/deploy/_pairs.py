"""Meta-estimators as members: what follows each classifier, and the mean."""

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skcalib import calibrators as c
from skcalib.decision import PriorShiftClassifier
from skcalib.deploy._calibrators import SOFTMAX, op, operations_of, takes_masks
from skcalib.deploy._describe import parts_of, plain_labels
from skcalib.deploy._pool import lift_zeros
from skcalib.deploy._registry import LOGITS, PROBA
from skcalib.deploy._tables import as_list
from skcalib.folds import CrossCalibratedClassifier


@parts_of.register
def _(calibrated: CrossCalibratedClassifier, tol):
    check_is_fitted(calibrated)
    if hasattr(calibrated, "estimators_"):
        raise ValueError(
            "A description is for one label; this classifier has several. Describe each of its "
            "estimators_."
        )
    pairs = calibrated.calibrated_classifiers_
    maps, members, places = [], [], {}
    for pair in pairs:
        key = id(pair.shared), len(maps)
        if pair.shared is not None and pair.calibrators:
            key = id(pair.calibrators), pair.floor
        if key not in places:
            places[key] = len(maps)
            maps.append(operations_of_pair(pair, tol))
        members.append(_member(pair, places[key]))
    return {
        "classes": plain_labels(calibrated.classes_),
        "members": members,
        "maps": maps,
        "geometric": all(pair.pools_by_geometric_mean for pair in _telling(pairs)),
        "masks": all(takes_masks(each) for pair in pairs for each in pair.calibrators),
        "after": [],
    }


def _telling(pairs):
    return [pair for pair in pairs if len(pair.known) > 1] or pairs


def _member(pair, place):
    wide = None
    if pair.shared is not None:
        wide = pair.shared.columns.tolist()
        wide = None if wide == pair.columns.tolist() else wide
    return {
        "gives": LOGITS if pair.floor is None else PROBA,
        "columns": pair.columns.tolist(),
        "wide": wide,
        "absent": 0.0 if wide is None else float(pair.shared.absent),
        "map": place,
    }


def operations_of_pair(pair, tol):
    """Return operations from a classifier's answer to probabilities."""
    if hasattr(pair, "distance"):
        found = [_distance_temper(pair, tol)]
    elif not pair.calibrators:
        found = [SOFTMAX]
    else:
        (calibrator,) = pair.calibrators
        unchanged = isinstance(calibrator, c.AutoCalibration) and calibrator.gated_
        if unchanged and pair.floor is not None:
            return _lift(calibrator, pair.floor)
        found = operations_of(calibrator, tol)
    begin = [] if pair.floor is None else [op("log_of_floored", floor=float(pair.floor))]
    return [*begin, *found]


def _lift(auto, floor):
    parts = auto.parts()
    lifted = parts.families[0].lifted
    least = float(floor if lifted is None else min(lifted, floor))
    return [op("lift", floor=float(floor), least=least), *lift_zeros(parts)]


def _distance_temper(pair, tol):
    near = [op("scale", factor=1 / pair.temperature), SOFTMAX]
    if pair.calibrators and pair.temperature == pair.calibrators[0].temperature_:
        near = operations_of(pair.calibrators[0], tol)
    return op(
        "temper_by_distance",
        operations=near,
        temperature=float(pair.temperature),
        log_prior=as_list(pair.log_prior),
        start=float(pair.start),
        spread=float(pair.distance.spread),
        exponent=float(pair.exponent),
    )


@parts_of.register
def _(shifted: PriorShiftClassifier, tol):
    check_is_fitted(shifted)
    inner = shifted.estimator_
    while isinstance(inner, FrozenEstimator):
        inner = inner.estimator
    found = parts_of(inner, tol)
    ratio = shifted.priors_ / shifted.training_priors_
    if (ratio == 1).all():
        return found
    shift = op("shift_priors", ratio=as_list(ratio), priors=as_list(shifted.priors_))
    return {**found, "after": [*found["after"], shift]}
