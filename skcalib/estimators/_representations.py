"""What stands for an object: a short text on the screen, and a state in pickles."""

import sys

import numpy as np
import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import Bunch

from skcalib.messages import warn

LONGEST = 120  # characters of one value


def short_repr(record):
    """Return the text of a named tuple or a Bunch, of its large arrays only the corners."""
    fields = record.items() if isinstance(record, dict) else record._asdict().items()
    return f"{type(record).__name__}({', '.join(f'{k}={_short(v)}' for k, v in fields)})"


def _short(value):
    with np.printoptions(threshold=10, edgeitems=1, precision=4):
        text = " ".join(repr(value).split())
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 3]}..."
    summarised = isinstance(value, np.ndarray) and value.size > 10
    if summarised and "shape=" not in text:  # which numpy adds from 2.2 on
        text += f" of shape {value.shape}"
    return text


class Result(Bunch):
    """Arrays that belong together, by their names."""

    __repr__ = short_repr


class DifferentVersionWarning(InconsistentVersionWarning):
    """An object was saved by other versions of skcalib or scikit-learn than it is loaded by.

    Parameters
    ----------
    estimator_name : str
        The class of the object.

    original : dict of str
        The versions that it was saved by; "unknown" where that was not said.

    current : dict of str
        The versions that it is loaded by.
    """

    def __init__(self, estimator_name, original, current):
        self.original_skcalib_version = original["_skcalib_version"]
        self.current_skcalib_version = current["_skcalib_version"]
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=current["_sklearn_version"],
            original_sklearn_version=original["_sklearn_version"],
        )

    def __str__(self):
        return (
            f"Trying to load {self.estimator_name}, which was saved by skcalib "
            f"{self.original_skcalib_version} with scikit-learn "
            f"{self.original_sklearn_version}, in skcalib {self.current_skcalib_version} with "
            f"scikit-learn {self.current_sklearn_version}. This might lead to breaking code or "
            "invalid results; fit again, or load it with the versions it was saved by."
        )


class VersionedMixin:
    """Objects whose pickles say which versions wrote them, and warn under other ones."""

    def __getstate__(self):
        return {**(super().__getstate__() or {}), **_versions()}

    def __setstate__(self, state):
        current = _versions()
        original = {name: state.get(name, "unknown") for name in current}
        if original != current:
            warn(DifferentVersionWarning(type(self).__name__, original, current))
        state = {name: value for name, value in state.items() if name not in current}
        if hasattr(super(), "__setstate__"):
            super().__setstate__(state)
        else:
            self.__dict__.update(state)


def _versions():
    # The package itself stands above all floors; when anything is saved, it is loaded.
    own = sys.modules[__name__.partition(".")[0]].__version__
    return {"_sklearn_version": sklearn.__version__, "_skcalib_version": own}
