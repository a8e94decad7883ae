"""Rows of the report that the classifier was trained on."""

from skcalib.report._bounds import share_interval
from skcalib.report._finding import CAUSE, Cure, Finding, Interval


def find_training_rows_here(evidence):
    """Find more rows equal to training rows than training rows are to each other."""
    found = evidence.training_rows
    if found is None or not evidence.levels.rejects("training_rows"):
        return None
    share = (found.n_equal + found.n_near) / found.n_rows
    details = {
        "n_equal": found.n_equal,
        "n_near": found.n_near,
        "n_rows": found.n_rows,
        "share_expected": found.n_twins / max(found.n_train, 1),
        "pvalue": evidence.levels.pvalue["training_rows"],
        "first_rows": found.first_rows,
    }
    low, high = share_interval(share, found.n_rows)
    measure = Interval(share, float(low), float(high))
    return Finding("training_rows", CAUSE, measure, details, Cure("use_other_rows", {}, None))
