"""Whether what runs elsewhere answers as what was tested."""

from typing import NamedTuple

import numpy as np

from skcalib.deploy._described import from_description
from skcalib.inputs import float_array
from skcalib.messages import is_number, quote

IN_DOUBLE, IN_SINGLE = 1e-12, 1e-6


class Agreement(NamedTuple):
    """How far answers lie from what was expected.

    Attributes
    ----------
    largest_difference : float
        Of any probability.

    row, column : int
        Where that is.

    n_rows : int
        How many rows were compared.
    """

    largest_difference: float
    row: int
    column: int
    n_rows: int


def verify(description, X, expected, *, rtol=0.0, atol=None):
    """Check that what runs in production answers as what was tested.

    Save a few hundred rows and their probabilities beside the model, and call this where it
    runs: on start, or in its tests.

    Parameters
    ----------
    description : dict, str, classifier or callable
        What runs there: a description, or its JSON text; an object with `predict_proba`; or
        a function from X to probabilities, as of a session of another runtime.

    X : object
        What it takes, with one row or more.

    expected : array-like of shape (n_samples, n_classes)
        The probabilities where it was tested.

    rtol : float, default=0.0
        By what share of `expected` answers may differ, in addition to `atol`.

    atol : float, default=None
        By how much they may differ. None is 1e-12, or 1e-6 if either is in single precision.

    Returns
    -------
    agreement : Agreement
        The largest difference, and where it is.

    Raises
    ------
    ValueError
        If answers differ by more, are NaN, or are of another shape. The message names the
        largest difference.

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import describe, verify
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> logits = [[0.5, 0.0], [0.0, 4.0]]
    >>> verify(describe(fitted), logits, fitted.predict_proba(logits)).n_rows
    2
    >>> verify(describe(fitted), logits, [[0.9, 0.1], [0.5, 0.5]])
    Traceback (most recent call last):
        ...
    ValueError: Answers differ from what was expected by up to 0.454 (row 1, column 0: ...
    """
    for name, value in (("rtol", rtol), ("atol", 0.0 if atol is None else atol)):
        if not (is_number(value) and 0 <= value < np.inf):
            raise ValueError(f"{name} must be a number of at least 0, got {quote(value)}.")
    expected = float_array(expected, "expected")
    found = float_array(_answer(description, X), "The answer")
    if expected.ndim != 2 or 0 in expected.shape:
        raise ValueError(
            "expected must be of shape (n_samples, n_classes), with at least one row, got "
            f"{expected.shape}."
        )
    if found.shape != expected.shape:
        raise ValueError(f"The answer has shape {found.shape}, expected has {expected.shape}.")
    if not np.isfinite(expected).all():
        raise ValueError("expected holds NaN or infinite values.")
    if atol is None:
        single = np.float32 in (found.dtype, expected.dtype)
        atol = IN_SINGLE if single else IN_DOUBLE
    return _compare(found.astype(np.float64), expected.astype(np.float64), rtol, atol)


def _answer(description, X):
    if isinstance(description, dict | str | bytes):
        description = from_description(description)
    if hasattr(description, "predict_proba"):
        return description.predict_proba(X)
    if callable(description):
        return description(X)
    raise ValueError(
        "description must be a description, a classifier with predict_proba, or a function "
        f"from X to probabilities, got {quote(description)}."
    )


def _compare(found, expected, rtol, atol):
    difference = np.abs(found - expected)
    difference[np.isnan(difference)] = np.inf
    excess = difference - rtol * np.abs(expected)
    row, column = map(int, np.unravel_index(excess.argmax(), excess.shape))
    if excess[row, column] > atol:
        where = f"row {row}, column {column}"
        raise ValueError(
            f"Answers differ from what was expected by up to {difference[row, column]:.3g} "
            f"({where}: {found[row, column]:.6g}, not {expected[row, column]:.6g}), more "
            f"than atol={atol:g} and rtol={rtol:g} allow. Is X what was "
            "tested, in the same order and precision?"
        )
    row, column = map(int, np.unravel_index(difference.argmax(), difference.shape))
    return Agreement(float(difference[row, column]), row, column, len(found))
