"""A predict that does not return the class of the largest probability."""

import numpy as np

from skcalib.report._bounds import share_interval
from skcalib.report._finding import CAUSE, NOTE, Cure, Finding, Interval

TIE = 1e-6  # in probability: which of two such classes is said first is nobody's error
MOST_EXAMPLES = 5
ACTING = ("best_threshold_", "threshold")  # of classifiers that are made to predict otherwise


def find_predict_disagrees(evidence):
    """Find rows in which another class is predicted than the likeliest."""
    said = evidence.predicted_codes
    if said is None:
        return None
    rows = np.arange(len(said))
    largest = evidence.confidence[: len(said)]
    other = evidence.proba[rows, np.maximum(said, 0)] < largest - TIE
    other |= said < 0
    if not other.any():
        return None
    share = float(other.mean())
    labels = evidence.classes.tolist()
    by_design = acts_by_rule(evidence.estimator)
    examples = [
        {
            "row": int(row),
            "predicted": labels[said[row]] if said[row] >= 0 else None,
            "likeliest": labels[evidence.predicted[row]],
            "proba": float(largest[row]),
        }
        for row in np.flatnonzero(other)[:MOST_EXAMPLES]
    ]
    details = {"n_rows": len(said), "by_design": by_design, "examples": examples}
    low, high = share_interval(share, len(said))
    measure = Interval(share, float(low), float(high))
    severity = NOTE if by_design else CAUSE
    cure = None if by_design else Cure("predict_from_proba", {}, None)
    return Finding("predict_disagrees", severity, measure, details, cure)


def acts_by_rule(estimator):
    """Tell whether a classifier decides by a threshold or by costs."""
    decides = type(estimator).__module__.startswith("skcalib.decision")
    return decides or any(hasattr(estimator, name) for name in ACTING)
