"""keras.wrappers.SKLearnClassifier and SKLearnRegressor."""

from collections.abc import Mapping

import keras
import numpy as np
from keras.wrappers import SKLearnClassifier, SKLearnRegressor
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from skcalib.backends._keras_trial import build_on, keep_random_state

TRAINS_ON_ONE_HOT = False


def owns(thing):
    """Tell whether this is one of the wrappers."""
    return isinstance(thing, SKLearnClassifier | SKLearnRegressor)


def regresses(estimator):
    """Tell whether this wrapper is a regressor."""
    return isinstance(estimator, SKLearnRegressor)


def get_network(estimator):
    """Return network and classes of a fitted wrapper; None if it is customised."""
    if regresses(estimator):
        own = type(estimator).predict is SKLearnRegressor.predict
    else:
        own = type(estimator).decision_function is SKLearnClassifier.decision_function
    if not own or not hasattr(estimator, "model_"):
        return None
    return estimator.model_, getattr(estimator, "classes_", None), None


def changes_inputs(estimator):
    """Return False: the network is given X."""
    return False


def unwrap(estimator, X):
    """Return network, inputs and classes of a fitted wrapper; None if it is customised."""
    found = get_network(estimator)
    if found is None:
        return None
    if not isinstance(X, Mapping):
        X = validate_data(estimator, X, reset=False, dtype=None, allow_nd=True)
    model, *about = found
    return model, X, *about


def build(estimator, X, y):
    """Return an untrained network, as fit would make it, and X as it takes it, or None."""
    model = estimator.model
    if not isinstance(model, keras.Model):
        with keep_random_state():
            target = clone(estimator)._process_target(np.asarray(y), reset=True)
            return build_on(model(X, target, **(estimator.model_kwargs or {})), X)
    return (model, X) if model.built else None


def parameters_lost_in_clones(estimator):
    """Name the parameters that ``sklearn.base.clone`` drops."""
    return ("fit_kwargs",) if getattr(estimator, "fit_kwargs", None) else ()
