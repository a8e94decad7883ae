"""Costs of decisions for single rows, of abstaining, and the threshold that they imply."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import check_costs
from skcalib.messages import is_number, quote


def check_costs_of_rows(costs, n_samples, n_classes, name):
    """Return an array with a matrix of costs for each row."""
    array = check_costs(costs, name)
    shape = (n_samples, n_classes, n_classes)
    if array.shape != shape:
        raise ValueError(
            f"{name} must have shape {shape}: for each row of X the costs of a decision "
            f"(last axis) where a class is true (second axis). Got shape {array.shape}."
        )
    return array


def check_abstain_cost(cost):
    """Raise InvalidParameterError unless it is None or a finite number."""
    if cost is not None and not (is_number(cost) and np.isfinite(cost)):
        raise InvalidParameterError(
            f"abstain_cost must be a finite number or None, got {quote(cost)}."
        )


def threshold_of(matrix):
    """Return the probability of the second class from which on it is the cheaper decision.

    NaN if the second class is decided up to some probability instead of from one on.
    """
    in_vain, missed = matrix[0, 1] - matrix[0, 0], matrix[1, 0] - matrix[1, 1]
    if in_vain <= 0 <= missed:
        return 0.0  # it never costs more
    if missed <= 0 <= in_vain:
        return np.inf
    return float(in_vain / (in_vain + missed)) if in_vain > 0 else np.nan
