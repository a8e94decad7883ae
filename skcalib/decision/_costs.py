"""Costs of decisions: a matrix for all rows, or one for each."""

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import column_names, columns_by_name, take_columns
from skcalib.messages import is_number, quote, warn


def check_cost_matrix(costs, classes, name="cost_matrix"):
    """Return costs as a float64 matrix in the order of the classes, or say what is wrong.

    A frame whose columns and rows are named by the labels is put into their order.
    """
    if costs is None:
        return 1 - np.eye(len(classes))
    matrix = _numbers(_order_by_name(costs, classes, name), name)
    shape = (len(classes), len(classes))
    if matrix.shape != shape:
        raise InvalidParameterError(
            f"{name} must have shape {shape}, a row for each true class and a column for each "
            f"decision, in the order of the classes {quote(classes.tolist())}; got shape "
            f"{matrix.shape}."
        )
    others = np.where(np.eye(len(matrix), dtype=bool), -np.inf, matrix).max(axis=1)
    dearer = np.flatnonzero(np.diag(matrix) > others)
    if len(dearer):
        label = classes.tolist()[dearer[0]]
        warn(
            f"By {name} the right decision for class {label!r} is dearer than every wrong one. "
            "Costs are wanted, of which less is better: if these are gains, negate them."
        )
    return matrix


def check_costs_of_rows(costs, n_samples, n_classes, name):
    """Return an array with a matrix of costs for each row."""
    array = _numbers(costs, name)
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


def _order_by_name(costs, classes, name):
    if not hasattr(costs, "columns"):
        return costs
    columns = columns_by_name(column_names(costs), classes, name)
    rows = columns_by_name(_names_of_rows(costs), classes, name)
    if columns is not None:
        costs = take_columns(costs, columns)
    return costs if rows is None else costs.iloc[rows]


def _names_of_rows(frame):
    names = list(getattr(frame, "index", []))
    return None if names == list(range(len(names))) else names


def _numbers(values, name):
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            f"{name} must hold numbers, got {quote(values)}."
        ) from error
    if not np.isfinite(array).all():
        raise InvalidParameterError(
            f"{name} holds NaN or infinite values, got {quote(values)}."
        )
    return array
