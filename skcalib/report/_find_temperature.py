"""Confidence that is too large, or too small, by one factor."""

from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Finding, Interval

SMALL = 1.1  # a temperature, or one over it: .90 becomes .88 by it


def find_overconfident(evidence):
    """Find that logits must be divided by more than one."""
    return _find(evidence, "overconfident", evidence.beta[0] < 1)


def find_underconfident(evidence):
    """Find that logits must be divided by less than one."""
    return _find(evidence, "underconfident", evidence.beta[0] > 1)


def _find(evidence, code, is_so):
    if not is_so or evidence.is_spoilt or not evidence.levels.rejects("temperature"):
        return None
    beta, low, high, _ = evidence.beta
    small = low > 1 / SMALL and high < SMALL
    details = {
        "pvalue": evidence.levels.pvalue["temperature"],
        "confidence": float(evidence.weight @ evidence.confidence / evidence.total),
        "accuracy": float(evidence.weight @ evidence.hit / evidence.total),
        "small": bool(small),
    }
    measure = Interval(1 / beta, 1 / high, 1 / low)
    cure = calibrate(evidence, method="temperature")
    return Finding(code, NOTE if small else CAUSE, measure, details, cure)
