"""Who sees to it that the columns of a frame are those that a classifier was fitted on."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skcalib.networks._frozen_network import FrozenNetwork

OTHER_ORDER = (
    "The feature names should match those that were passed during fit.\n"
    "Feature names must be in the same order as they were in fit.\n"
)


def checks_names(estimator, asked=True):
    """Tell whether something in an estimator checks the names of columns, or selects by them.

    scikit-learn's own estimators do; classifiers of other packages may or may not. What
    meets X first in a pipeline is asked; its steps may select columns in any order. If the
    last of all is not `asked` by its own methods, it checks nothing.
    """
    if isinstance(estimator, FrozenEstimator):
        return checks_names(estimator.estimator, asked)
    if isinstance(estimator, Pipeline):
        *before, (_, last) = estimator.steps
        looks = (not _passes_columns_on(step) for _, step in before)
        return any(looks) or checks_names(last, asked)
    if not asked or isinstance(estimator, FrozenNetwork | ColumnTransformer):
        return asked
    if type(estimator).__module__.split(".")[0] != "sklearn":
        return False
    parts = _parts(estimator)
    return not parts or any(checks_names(part) for part in parts)


def _passes_columns_on(step):
    """Tell whether a transformer changes numbers one by one, and looks at no name."""
    if isinstance(step, FunctionTransformer):
        return not step.validate and (step.func is None or isinstance(step.func, np.ufunc))
    return step is None or step == "passthrough"


def _parts(estimator):
    found = []
    for value in estimator.get_params(deep=False).values():
        values = [pair[1] for pair in value] if _is_named(value) else [value]
        found += [part for part in values if isinstance(part, BaseEstimator)]
    return found


def _is_named(value):
    return isinstance(value, list) and all(isinstance(v, tuple) and len(v) > 1 for v in value)


def refuse_other_order(estimator, X):
    """Raise if a fitted estimator names its columns, and X has the same in another order."""
    names, given = getattr(estimator, "feature_names_in_", None), getattr(X, "columns", None)
    if names is None or given is None:
        return
    # LightGBM stores its names with underscores.
    names, given = ([str(name).replace(" ", "_") for name in n] for n in (names, given))
    if names != given and sorted(names) == sorted(given):
        raise ValueError(OTHER_ORDER)
