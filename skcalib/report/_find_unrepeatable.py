"""Answers that change from call to call."""

from typing import NamedTuple

import numpy as np

from skcalib.report._finding import CAUSE, Cure, Finding, Interval

ROUNDING = 1e-3  # what other batches may change in single precision


class Again(NamedTuple):
    """Answers for the same rows: beside all others, and twice by themselves."""

    rows: np.ndarray
    first: np.ndarray
    second: np.ndarray


def find_unrepeatable(evidence):
    """Find rows whose probabilities are others when they are asked for again."""
    again = evidence.again
    if again is None:
        return None
    kinds = {
        "random": np.abs(again.first - again.second),
        "batch": np.abs(again.first - evidence.proba[again.rows]),
    }
    for kind, change in kinds.items():
        largest = float(change.max(initial=0))
        if largest > ROUNDING:
            details = {
                "kind": kind,
                "n_rows": len(again.rows),
                "mean_change": float(change.max(axis=1).mean()),
            }
            cure = Cure("make_repeatable", {"kind": kind}, None)
            measure = Interval(largest, largest, largest)
            return Finding("unrepeatable", CAUSE, measure, details, cure)
    return None
