"""Rows unlike the training rows."""

from skcalib.report._bounds import share_interval
from skcalib.report._finding import CAUSE, Cure, Finding, Interval
from skcalib.report._unusual_rows import RARE


def find_unlike_training(evidence):
    """Find more rare rows than there are among the training rows."""
    found = evidence.unusual_rows
    if found is None or not evidence.levels.rejects("unusual_rows"):
        return None
    share = found.n_unusual / found.n_rows
    details = {
        "expected": RARE,
        "n_rows": found.n_rows,
        "n_train": found.n_train,
        "pvalue": evidence.levels.pvalue["unusual_rows"],
    }
    low, high = share_interval(share, found.n_rows)
    measure = Interval(share, float(low), float(high))
    return Finding("unlike_training", CAUSE, measure, details, Cure("distance_aware", {}, None))
