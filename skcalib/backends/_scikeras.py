"""scikeras.wrappers.KerasClassifier."""

from scikeras.wrappers import KerasClassifier

from skcalib.backends._arrays import Inputs

_STOCK = ("predict_proba", "_predict_raw", "target_encoder", "_validate_data")
TRAINS_ON_ONE_HOT = True  # a model may have been compiled for nothing else


def owns(thing):
    """Tell whether this is the wrapper."""
    return isinstance(thing, KerasClassifier)


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    own = all(getattr(type(estimator), n) is getattr(KerasClassifier, n) for n in _STOCK)
    if not own or not hasattr(estimator, "model_"):
        return None
    X, _ = estimator._validate_data(X)  # its own: as its predict_proba
    inputs = estimator.feature_encoder_.transform(X)
    inputs = Inputs(inputs) if isinstance(inputs, list | tuple) else inputs
    return estimator.model_, inputs, getattr(estimator, "classes_", None), None


def lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ()
