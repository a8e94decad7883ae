"""Groups of rows with a certificate each: what says which row is of which group."""

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import column_names, count_rows, refuse_masked_array, to_numpy
from skcalib.messages import quote


def find_groups(group_by, groups, X):
    """Return the label of each row's group, or None: as given, by a column or a function."""
    if group_by is None:
        return None if groups is None else _check_groups(groups, X, "groups")
    if groups is not None:
        raise ValueError(
            f"groups are given, but group_by={quote(group_by)} already says what they are; "
            "give one of them."
        )
    if callable(group_by):
        return _check_groups(group_by(X), X, "what group_by returns")
    return _check_groups(_take_column(X, group_by), X, f"the column {quote(group_by)}")


def _take_column(X, name):
    names = column_names(X)
    if names is not None and name in list(names):
        return X[name]
    if isinstance(name, str) or not hasattr(X, "shape") or len(X.shape) != 2:
        known = "" if names is None else f", whose columns are {quote(list(names))}"
        raise InvalidParameterError(
            f"group_by={quote(name)} is no column of X{known}. Pass the name of a column of a "
            "frame, the number of one of an array, a function of X, or groups= to fit and "
            "predict."
        )
    try:
        column = X[:, [name]] if names is None else X.iloc[:, [name]]
    except IndexError as error:
        raise InvalidParameterError(
            f"group_by={quote(name)} is no column of X, which has {X.shape[1]}."
        ) from error
    column = column.toarray() if hasattr(column, "toarray") else column
    return np.asarray(to_numpy(column, "X"))[:, 0]


def _check_groups(groups, X, name):
    refuse_masked_array(groups, name)
    labels = np.asarray(to_numpy(groups, name))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"{name} must be one label for each row, got shape {labels.shape}.")
    check_consistent_length(labels, np.empty(count_rows(X)))
    missing = labels.dtype.kind == "f" and np.isnan(labels).any()
    if missing or any(value is None for value in labels.tolist()):
        raise ValueError(f"{name} holds NaN, which is no group.")
    return labels


def number_groups(groups, known=None):
    """Return the sorted labels of groups, and the place of each row's; -1 where not known."""
    if known is None:
        try:
            return np.unique(groups, return_inverse=True)
        except TypeError as error:
            raise ValueError(
                f"groups mix labels that do not sort together: {error}."
            ) from error
    places = {label: place for place, label in enumerate(known.tolist())}
    return known, np.array([places.get(label, -1) for label in groups.tolist()], dtype=int)


def find_known_groups(group_by, groups, X, known):
    """Return the place of each row's group among the known ones, or None without groups."""
    if known is None:
        if groups is not None:
            raise ValueError("groups are given, but fit was given none.")
        return None
    if groups is None and group_by is None:
        raise ValueError(
            "fit was given groups, and each has a threshold of its own: pass groups= to "
            "predict, too. With metadata routing: set_predict_request(groups=True), and "
            "set_score_request(groups=True) for a search."
        )
    return number_groups(find_groups(group_by, groups, X), known)[1]
