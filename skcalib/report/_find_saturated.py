"""Probabilities of exactly one."""

import numpy as np

from skcalib.inputs import SUM_TOLERANCE
from skcalib.report._bounds import share_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Cure, Finding, Interval

TINY = 1e-6


def find_saturated(evidence):
    """Find rows that are said to be certain; one of them that is wrong refutes that."""
    certain = evidence.certain & (np.abs(evidence.sums - 1) <= SUM_TOLERANCE)
    if not certain.any():
        return None
    share = float(evidence.weight @ certain / evidence.total)
    details = {
        "n_saturated": int(certain.sum()),
        "n_wrong": int((certain & ~evidence.hit).sum()),
        "n_impossible": int((evidence.true_proba <= 0).sum()),
        "logits": evidence.source_of_logits,
        "precision": evidence.precision,
    }
    refuted = details["n_wrong"] > 0 or details["n_impossible"] > 0
    # A softmax that saturates has tiny values besides; shares of votes have zeros only.
    smallest = np.min(evidence.proba, where=evidence.proba > 0, initial=1.0)
    lost = evidence.source_of_logits == "lost" and smallest < TINY
    details["of_logits"] = bool(lost)
    asked = lost and evidence.estimator is None  # of a network they would be known
    cure = Cure("true_logits", {}, None) if asked else calibrate(evidence) if refuted else None
    low, high = share_interval(share, evidence.total)
    measure = Interval(share, float(low), float(high))
    return Finding("saturated", CAUSE if refuted else NOTE, measure, details, cure)
