"""What users say of each class: costs of decisions, base rates."""

from collections.abc import Mapping

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs._targets import column_names, columns_by_name, take_columns
from skcalib.messages import quote, warn


def check_cost_matrix(costs, classes, name="cost_matrix"):
    """Return costs as a float64 matrix in the order of the classes, or say what is wrong.

    A frame whose columns and rows are named by the labels is put into their order.
    """
    if costs is None:
        return 1 - np.eye(len(classes))
    matrix = check_costs(_order_by_name(costs, classes, name), name)
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


def check_costs(values, name):
    """Return a float64 array of finite numbers, or say what is wrong."""
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


def numbers_by_class(values, classes, name):
    """Return non-negative float64 numbers in the order of the classes, or say what is wrong.

    They are a dict by label, or in the order of the classes.
    """
    labels = classes.tolist()
    if isinstance(values, Mapping):
        if set(values) != set(labels):
            raise InvalidParameterError(
                f"{name} must have a number for each of the classes {quote(labels)}; its "
                f"keys are {quote(list(values))}."
            )
        values = [values[label] for label in labels]
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    right = numbers.shape == (len(labels),) and np.isfinite(numbers).all()
    if not right or (numbers < 0).any():
        raise InvalidParameterError(
            f"{name} must be a dict from label to number, or a number for each of the "
            f"classes {quote(labels)}, none of them negative; got {quote(values)}."
        )
    return numbers


def base_rates_by_class(values, classes, name):
    """Return base rates in the order of the classes, which sum to one."""
    rates = numbers_by_class(values, classes, name)
    if abs(rates.sum() - 1) > 1e-6:
        raise InvalidParameterError(
            f"{name} must sum to one; {quote(values)} sum to {rates.sum():.6g}."
        )
    return rates / rates.sum()


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
