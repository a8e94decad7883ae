"""Probabilities that do not sum to one."""

import numpy as np

from skcalib.inputs import SUM_TOLERANCE
from skcalib.report._finding import CAUSE, Cure, Finding, Interval


def find_sums_off(evidence):
    """Find rows that do not sum to one, by more than half precision explains."""
    distance = np.abs(evidence.sums - 1)
    off = distance > SUM_TOLERANCE
    if not off.any():
        return None
    largest = float(distance.max())
    details = {
        "n_off": int(off.sum()),
        "share": float(off.mean()),
        "smallest_sum": float(evidence.sums.min()),
        "largest_sum": float(evidence.sums.max()),
        "first_row": int(off.argmax()),
    }
    measure = Interval(largest, largest, largest)
    return Finding("sums_off", CAUSE, measure, details, Cure("fix_sums", {}, None))
