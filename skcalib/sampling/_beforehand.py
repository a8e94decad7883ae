"""Networks that cannot be drawn, refused before they are trained for all their epochs."""

import numpy as np
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import map_arrays, network_backend, wrapper_backend
from skcalib.inputs import count_rows, is_dict_of_arrays
from skcalib.networks import find_final_estimator, wraps_network

MOST_ROWS = 200  # to fit the steps before a network with, and to see what it takes


def refuse_beforehand(estimator, X, y, wanted, choices):
    """Raise if what is about to be trained holds no network, or one that cannot be drawn.

    Parameters
    ----------
    estimator : estimator
        Not yet trained.

    X, y : object
        As given to fit.

    wanted : str
        The text of the error if there is no network; it ends with what was given.

    choices : dict
        What the sampler is asked for.
    """
    last, searched = _find_inside(estimator)
    if isinstance(last, MLPClassifier | MLPRegressor):
        return
    if not wraps_network(last):
        if hasattr(last, "regressor"):
            wanted += (
                f" Swap the two: put {type(last).__name__} around it, and the network's "
                "wrapper inside."
            )
        raise InvalidParameterError(wanted)
    wrapper = getattr(last, "net", last)  # of skorch, for any labels
    backend = wrapper_backend(wrapper)
    if backend is None or searched:
        return
    rows = _transform_rows(estimator, X, y)
    if rows is None:
        return
    found = backend.build(wrapper, *rows)
    if found is not None:
        model, inputs = found
        network_backend(model).check_network(model, inputs, **choices)


def _find_inside(estimator):
    """Return the innermost estimator, and whether a search decides on its parameters."""
    searched = False
    while True:
        estimator = find_final_estimator(estimator)
        inner = getattr(estimator, "estimator", None)
        if inner is None or wraps_network(estimator):
            return estimator, searched
        estimator, searched = inner, True


def _transform_rows(estimator, X, y):
    """Return some rows as the last step takes them; None if its steps cannot be tried."""
    if not isinstance(estimator, Pipeline):
        return X, y
    try:
        few = np.arange(min(MOST_ROWS, count_rows(X)))
        X = _take(X, few)
        for _, step in estimator.steps[:-1]:
            if step not in (None, "passthrough"):
                X = clone(step).fit_transform(X, _safe_indexing(y, few))
    except Exception:  # too few rows, or parameters that only fit gives: fit will tell
        return None
    return X, _safe_indexing(y, few)


def _take(X, rows):
    return (
        map_arrays(lambda part: part[rows], X)
        if is_dict_of_arrays(X)
        else _safe_indexing(X, rows)
    )
