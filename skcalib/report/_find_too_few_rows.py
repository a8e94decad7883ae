"""Too few rows to tell."""

import numpy as np

from skcalib.report._bounds import gap_interval
from skcalib.report._finding import NOTE, Cure, Finding, Interval

WIDE = 0.05  # half the width of the interval of confidence minus accuracy
WANTED = (0.05, 0.02, 0.01)


def find_too_few_rows(evidence):
    """Find that confidence minus accuracy is known to no better than .05."""
    found, _, high = gap_interval(evidence.confidence, evidence.hit, evidence.weight)
    half_width = high - found
    if half_width <= WIDE:
        return None
    needed = [
        [width, int(np.ceil(evidence.total * (half_width / width) ** 2))] for width in WANTED
    ]
    details = {"half_width": half_width, "rows_needed": needed}
    measure = Interval(found, found - half_width, found + half_width)
    cure = Cure("more_rows", {"n_rows": needed[1][1]}, None)
    return Finding("too_few_rows", NOTE, measure, details, cure)
