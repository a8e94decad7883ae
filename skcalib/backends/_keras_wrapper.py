"""keras.wrappers.SKLearnClassifier."""

from collections.abc import Mapping

from keras.wrappers import SKLearnClassifier
from sklearn.utils.validation import validate_data

TRAINS_ON_ONE_HOT = False


def owns(thing):
    """Tell whether this is the wrapper."""
    return isinstance(thing, SKLearnClassifier)


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    own = type(estimator).decision_function is SKLearnClassifier.decision_function
    if not own or not hasattr(estimator, "model_"):
        return None
    if not isinstance(X, Mapping):
        X = validate_data(estimator, X, reset=False, dtype=None, allow_nd=True)
    return estimator.model_, X, getattr(estimator, "classes_", None), None


def lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ("fit_kwargs",) if getattr(estimator, "fit_kwargs", None) else ()
