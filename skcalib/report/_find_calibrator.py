"""Which calibrator would help, and how much; or that none is needed."""

from skcalib.report._bounds import mean_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Finding, Interval
from skcalib.report._levels import LEVEL

SMALL = 0.002  # nats per row


def find_calibrator_helps(evidence):
    """Find a calibrator that surely gains on rows that it did not see."""
    found = evidence.recalibrated
    if evidence.is_spoilt or not found or not found[0].lower > 0:
        return None
    best = found[0]
    single = next((own for own in found if own.method != "auto"), None)
    auto = next((own for own in found if own.method == "auto"), None)
    over = None
    if single is not None and auto is not None:
        over = list(mean_interval(single.losses - auto.losses, evidence.weight))
    details = {
        "methods": tabulate_calibrators(found),
        "method": best.method,
        "best_single": None if single is None else single.method,
        "over_single": over,
    }
    small = best.gain < SMALL
    details["small"] = small
    severity = CAUSE if evidence.levels.calibration <= LEVEL and not small else NOTE
    measure = Interval(best.gain, best.lower, best.upper)
    return Finding("calibrator_helps", severity, measure, details, calibrate(evidence))


def find_none_needed(evidence):
    """Find that nothing is surely off, and that no calibrator surely gains."""
    found = evidence.recalibrated
    off = evidence.levels.calibration <= LEVEL
    if evidence.is_spoilt or off or not found or found[0].lower > 0:
        return None
    details = {
        "methods": tabulate_calibrators(found),
        "pvalue": evidence.levels.calibration,
    }
    measure = Interval(found[0].gain, found[0].lower, found[0].upper)
    return Finding("none_needed", NOTE, measure, details, None)


def tabulate_calibrators(found):
    """Return the gain of each calibrator, best first."""
    names = ("method", "gain", "lower", "upper", "log_loss")
    return [{name: getattr(own, name) for name in names} for own in found]
