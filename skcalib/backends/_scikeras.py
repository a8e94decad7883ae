"""scikeras.wrappers.KerasClassifier."""

from scikeras.wrappers import KerasClassifier

TRAINS_ON_ONE_HOT = True  # a model may have been compiled for nothing else


def owns(thing):
    """Tell whether this is the wrapper."""
    return isinstance(thing, KerasClassifier)


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    own = type(estimator).predict_proba is KerasClassifier.predict_proba
    if not own or not hasattr(estimator, "model_"):
        return None
    inputs = estimator.feature_encoder_.transform(X)
    inputs = tuple(inputs) if isinstance(inputs, list) else inputs
    return estimator.model_, inputs, getattr(estimator, "classes_", None), None


def lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ()
