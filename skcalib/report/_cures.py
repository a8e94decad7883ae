"""What mends calibration, and what that gains."""

from skcalib.report._finding import Cure, Interval


def calibrate(evidence, *, but=(), method=None):
    """Return the best calibrator, or a named one, with its cross-validated gain."""
    found = [
        own
        for own in evidence.recalibrated
        if own.method not in but and method in (None, own.method)
    ]
    if not found:
        return Cure("calibrate", {"method": method or "auto"}, None)
    best = found[0]
    return Cure(
        "calibrate", {"method": best.method}, Interval(best.gain, best.lower, best.upper)
    )
