"""scikeras.wrappers.KerasClassifier and KerasRegressor."""

from scikeras.wrappers import KerasClassifier, KerasRegressor

from skcalib.backends._arrays import Inputs

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


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    stock = KerasRegressor if regresses(estimator) else KerasClassifier
    own = all(getattr(type(estimator), n) is getattr(stock, n) for n in _STOCK[stock])
    if not own or not hasattr(estimator, "model_"):
        return None
    X, _ = estimator._validate_data(X)  # its own: as it predicts
    inputs = estimator.feature_encoder_.transform(X)
    inputs = Inputs(inputs) if isinstance(inputs, list | tuple) else inputs
    return estimator.model_, inputs, getattr(estimator, "classes_", None), None


def parameters_lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ()
