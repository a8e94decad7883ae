"""Fitted objects to descriptions."""

import sys
from functools import singledispatch

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.deploy._calibrators import operations_of, takes_masks
from skcalib.deploy._document import VERSION, sign
from skcalib.deploy._registry import LOGITS
from skcalib.messages import is_number, quote


def describe(fitted, *, tol=0.0):
    """Write a fitted calibration down as plain values, to be saved as JSON.

    Parameters
    ----------
    fitted : object
        A fitted calibrator of :mod:`skcalib.calibrators`, or a fitted
        :class:`~skcalib.CalibratedClassifierCV`,
        :class:`~skcalib.TemperatureCalibratedClassifier` or
        :class:`~skcalib.novelty.DistanceAwareTemperatureClassifier`, of which it is what
        follows the classifiers: what they answer is what the description takes.

    tol : float, default=0.0
        By how much the probabilities of steps (isotonic, Venn-Abers, bins) may be moved to
        make the description smaller: probabilities of a class against the rest, before rows
        are divided by their sum. 0 moves nothing; 1e-4 makes Venn-Abers ten times smaller.

    Returns
    -------
    description : dict
        Of strings, numbers, lists and dicts only: ``json.dumps`` writes it. It has the
        version of its format, that of skcalib, the classes, the operations, and a checksum.
        There is no code in it.

    Raises
    ------
    ValueError
        If `fitted` has no description, or a label is neither a string nor a number.

    See Also
    --------
    from_description : The way back.
    verify : Compare answers.

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import describe, from_description
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> description = describe(fitted)
    >>> description["classes"]
    [0, 1]
    >>> from_description(description).predict_proba([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """
    if not (is_number(tol) and 0 <= tol < 0.5):
        raise ValueError(f"tol must be a number from 0 to below 0.5, got {quote(tol)}.")
    document = {
        "format": "skcalib",
        "version": VERSION,
        "skcalib": sys.modules[__name__.partition(".")[0]].__version__,
        "kind": type(fitted).__name__,
        **parts_of(fitted, float(tol)),
    }
    return sign(document)


@singledispatch
def parts_of(fitted, tol):
    """Return classes, members, maps and what becomes of them, as plain values."""
    check_is_fitted(fitted)
    operations = operations_of(fitted, tol)
    if not hasattr(fitted, "classes_"):
        raise ValueError(f"{type(fitted).__name__} has no classes_.")
    columns = list(range(len(fitted.classes_)))
    member = {"gives": LOGITS, "columns": columns, "wide": None, "absent": 0.0, "map": 0}
    return {
        "classes": plain_labels(fitted.classes_),
        "members": [member],
        "maps": [operations],
        "geometric": False,
        "masks": takes_masks(fitted),
        "after": [],
    }


def plain_labels(classes):
    """Return labels as strings, numbers or bools."""
    labels = np.asarray(classes).tolist()
    kinds = {type(label) for label in labels}
    if len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise ValueError(
            f"A description has labels that are strings or numbers, all of a kind; got "
            f"{quote(labels)}."
        )
    return labels
