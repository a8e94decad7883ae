"""Which column is which class, where the columns of a frame have names."""

from numbers import Real

import numpy as np

from skcalib._messages import quote_labels


def column_names(values):
    """Return the names of a frame's columns in a list; None for arrays and numbered columns.

    Numbered columns (0, 1, ...) are what a frame has that was given no names.
    """
    names = getattr(values, "column_names", None)  # of an arrow table
    if names is None and getattr(values, "ndim", len(getattr(values, "shape", ()))) == 2:
        names = getattr(values, "columns", None)
    if names is None or callable(names):
        return None
    names = list(names)
    numbered = all(isinstance(name, int | np.integer) for name in names)
    return None if numbered and names == list(range(len(names))) else names


def columns_by_name(names, labels, source):
    """Return the column that each label's values are in; None if names are no labels.

    A name is a label if it is equal to it or spells it: "0" is the label 0. If some of text
    names are labels and others are not, nobody can know what the others mean. Numbers that
    are not all labels say nothing, as in scikit-learn.

    Parameters
    ----------
    names : list or None
        From :func:`column_names`.

    labels : ndarray of shape (n_classes,)
        All different.

    source : str
        What the frame is called, for messages.

    Returns
    -------
    columns : list of int or None
        A number for each label.
    """
    if names is None:
        return None
    any_known = False
    for key in (_itself, _spelled, _spelled_as_number):
        wanted = [key(label) for label in labels.tolist()]
        place = {key(name): column for column, name in enumerate(names)}
        known = [label for label in wanted if label in place]
        if len(known) == len(wanted) == len(place) == len(names):
            return [place[label] for label in wanted]
        any_known |= bool(known)
    if any_known and all(isinstance(name, str) for name in names):
        raise ValueError(
            f"{source} has columns named {quote_labels(names)}, and the labels are "
            f"{quote_labels(labels)}: some names are labels, but not each label is the name of "
            "one column. Name all columns by their labels, or give an array "
            f"({source}.to_numpy()), whose columns are in the order of the labels."
        )
    return None  # features, or numbers


def take_columns(frame, columns):
    """Return a frame with these columns, in this order."""
    if hasattr(frame, "iloc"):
        return frame.iloc[:, columns]
    names = column_names(frame)
    return frame.select([names[column] for column in columns])


def _itself(label):
    return label


def _spelled(label):
    """Return the text of a label; whole floats are spelled like integers."""
    return str(label) if isinstance(label, bool | np.bool_) else _spelled_as_number(label)


def _spelled_as_number(label):
    """Do the same; booleans are spelled like 0 and 1."""
    if isinstance(label, Real | np.bool_) and np.isfinite(label) and label == int(label):
        return str(int(label))
    return str(label)
