"""Columns that are not those of the classes that they are said to be."""

import numpy as np

from skcalib.report._bounds import mean_interval
from skcalib.report._columns import LEAST
from skcalib.report._finding import CAUSE, Cure, Finding, Interval


def find_permuted(evidence):
    """Find another order of columns, under which the outcomes are far likelier."""
    if not evidence.permuted:
        return None
    order = evidence.order.column_of
    other = evidence.proba[:, order]
    true = other[np.arange(len(other)), evidence.codes]
    gains = np.log(np.maximum(true, LEAST)) - np.log(np.maximum(evidence.true_proba, LEAST))
    gain = Interval(*mean_interval(gains, evidence.weight))
    labels = evidence.classes.tolist()
    is_really = {labels[column]: labels[k] for k, column in enumerate(order)}
    given = [is_really[label] for label in evidence.given_labels]
    right = other.argmax(axis=1) == evidence.codes
    details = {
        "order": given,
        "moved": [label for label in labels if is_really[label] != label],
        "accuracy_as_given": float(evidence.weight @ evidence.hit / evidence.total),
        "accuracy_reordered": float(evidence.weight @ right / evidence.total),
        "pvalue": evidence.levels.pvalue["order"],
    }
    cure = Cure("reorder", {"labels": given}, gain)
    return Finding("permuted", CAUSE, gain, details, cure)
