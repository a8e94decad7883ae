"""The label that stands for no decision."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.messages import quote


def add_abstention(classes, label):
    """Return all decisions: the labels of the classes, then that of abstaining.

    By default that is -1 beside numbers, or one less than the lowest class if that is one,
    and None beside text or booleans.
    """
    if label is None and classes.dtype.kind in "iuf":
        lowest = classes.tolist()[0]
        label = lowest - 1 if -1 in classes.tolist() else -1
    if any(label == known for known in classes.tolist()):
        raise InvalidParameterError(
            f"abstain_label={quote(label)} is a class of y; choose a label that is none."
        )
    decisions = np.array([*classes.tolist(), label])
    alike = "iuf" if classes.dtype.kind in "iuf" else "U"
    kinds = classes.dtype.kind, np.asarray(label).dtype.kind, decisions.dtype.kind
    if all(kind in alike for kind in kinds) and decisions[:-1].tolist() == classes.tolist():
        return decisions
    decisions = np.empty(len(classes) + 1, dtype=object)  # of several kinds
    decisions[:] = [*classes.tolist(), label]
    return decisions
