"""scikeras.wrappers.KerasClassifier and KerasRegressor."""

from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer

from skcalib.backends._arrays import Inputs
from skcalib.backends._keras_trial import build_on, keep_random_state

_STOCK = {
    KerasClassifier: ("predict_proba", "_predict_raw", "target_encoder", "_validate_data"),
    KerasRegressor: ("predict", "_predict_raw", "target_encoder", "_validate_data"),
}
TRAINS_ON_ONE_HOT = True  # a model may have been compiled for nothing else


def owns(thing):
    """Tell whether this is one of the wrappers."""
    return isinstance(thing, KerasClassifier | KerasRegressor)


def regresses(estimator):
    """Tell whether this wrapper is a regressor."""
    return isinstance(estimator, KerasRegressor)


def get_network(estimator):
    """Return network and classes of a fitted wrapper; None if it is customised."""
    stock = KerasRegressor if regresses(estimator) else KerasClassifier
    own = all(getattr(type(estimator), n) is getattr(stock, n) for n in _STOCK[stock])
    if not own or not hasattr(estimator, "model_"):
        return None
    return estimator.model_, getattr(estimator, "classes_", None), None


def changes_inputs(estimator):
    """Tell whether the network is given something else than X."""
    encoder = getattr(estimator, "feature_encoder_", None)
    plain = isinstance(encoder, FunctionTransformer) and encoder.func is None
    return not plain


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    found = get_network(estimator)
    if found is None:
        return None
    X, _ = estimator._validate_data(X)  # its own: as it predicts
    inputs = estimator.feature_encoder_.transform(X)
    inputs = Inputs(inputs) if isinstance(inputs, list | tuple) else inputs
    model, *about = found
    return model, inputs, *about


def build(estimator, X, y):
    """Return an untrained network, as fit would make it, and X as it takes it, or None."""
    with keep_random_state():
        twin = clone(estimator)
        twin.initialize(X, y)
        found = unwrap(twin, X)
        return None if found is None else build_on(*found[:2])


def parameters_lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ()
