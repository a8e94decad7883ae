"""keras.wrappers.SKLearnClassifier and SKLearnRegressor."""

from collections.abc import Mapping

from keras.wrappers import SKLearnClassifier, SKLearnRegressor
from sklearn.utils.validation import validate_data

TRAINS_ON_ONE_HOT = False


def owns(thing):
    """Tell whether this is one of the wrappers."""
    return isinstance(thing, SKLearnClassifier | SKLearnRegressor)


def regresses(estimator):
    """Tell whether this wrapper is a regressor."""
    return isinstance(estimator, SKLearnRegressor)


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    if regresses(estimator):
        own = type(estimator).predict is SKLearnRegressor.predict
    else:
        own = type(estimator).decision_function is SKLearnClassifier.decision_function
    if not own or not hasattr(estimator, "model_"):
        return None
    if not isinstance(X, Mapping):
        X = validate_data(estimator, X, reset=False, dtype=None, allow_nd=True)
    return estimator.model_, X, getattr(estimator, "classes_", None), None


def parameters_lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ("fit_kwargs",) if getattr(estimator, "fit_kwargs", None) else ()
