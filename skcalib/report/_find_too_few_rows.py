"""Too few rows to tell."""

import numpy as np

from skcalib.report._bounds import mean_interval
from skcalib.report._finding import NOTE, Cure, Finding, Interval

WIDE = 0.05  # half the width of the interval of confidence minus accuracy
WANTED = (0.05, 0.02, 0.01)


def find_too_few_rows(evidence):
    """Find that confidence minus accuracy is known to no better than .05."""
    gaps = evidence.confidence - evidence.hit
    # Where all rows are right nothing varies; but at least the said probabilities do.
    said = evidence.weight @ (evidence.confidence * (1 - evidence.confidence))
    found, low, high = mean_interval(gaps, evidence.weight)
    least = 1.96 * np.sqrt(max(said, 1.0)) / evidence.total
    half_width = float(np.nanmax([(high - low) / 2, least]))
    if half_width <= WIDE:
        return None
    needed = [
        [width, int(np.ceil(evidence.total * (half_width / width) ** 2))] for width in WANTED
    ]
    details = {"half_width": half_width, "rows_needed": needed}
    measure = Interval(found, found - half_width, found + half_width)
    cure = Cure("more_rows", {"n_rows": needed[1][1]}, None)
    return Finding("too_few_rows", NOTE, measure, details, cure)
