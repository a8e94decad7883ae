"""A trained network as a regressor, so that it is neither copied nor trained."""

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, RegressorMixin, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import check_arrays, network_backend, wrapper_backend
from skcalib.estimators import VersionedMixin
from skcalib.inputs import refuse_streams
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._sharing import AdapterMixin, list_inputs
from skcalib.networks._wrappers import find_final_estimator, wrap_network

WAY_OUT = (
    "Wrap only the network in MCDropoutRegressor, at the end of the pipeline; to train a "
    "network, wrap it in scikeras.wrappers.KerasRegressor or keras.wrappers.SKLearnRegressor."
)


class RegressionNetwork(AdapterMixin, VersionedMixin, RegressorMixin, BaseEstimator):
    """A trained network whose outputs are targets; `fit` does nothing.

    Parameters
    ----------
    model : keras.Model
        The trained network, with an output of shape (n_samples, n_outputs).
    """

    def __init__(self, model):
        self.model = model

    def fit(self, X, y=None):
        """Do nothing: the network is trained."""
        return self

    def predict(self, X):
        """Return the network's output, a vector if there is one target."""
        values = self.answer(X)
        return values[:, 0] if values.shape[1] == 1 else values

    def answer(self, X):
        """Return the network's output, a column for each target."""
        return self.targets(*self.run(X))

    def targets(self, values, last_activation):
        """Return the network's output of what stands before its last activation."""
        values = values.astype(np.float64)
        values = expit(values) if last_activation == "sigmoid" else values
        check_answers(values, type(self.model).__name__)
        return values

    def run(self, X):
        """Return what stands before the last activation, and its name."""
        refuse_streams(X)
        X = check_arrays(list_inputs(self, X))
        return network_backend(self.model).forward(self.model, X, None)

    def has_loss_for_classes(self):
        """Tell whether it was compiled with a loss for classes."""
        return network_backend(self.model).outputs_logits(self.model) is not None


def wrap_regression_network(estimator):
    """Put a bare network into RegressionNetwork; refuse classifiers."""
    estimator = wrap_network(estimator, RegressionNetwork, WAY_OUT)
    last = find_final_estimator(estimator)
    if isinstance(last, FrozenNetwork):
        raise InvalidParameterError(
            "The 'estimator' parameter of MCDropoutRegressor holds a FrozenNetwork, which is a "
            "classifier. Give the network itself: MCDropoutRegressor(model). For classes use "
            "MCDropoutClassifier."
        )
    wrapper = wrapper_backend(last)
    classifies = hasattr(last, "__sklearn_tags__") and is_classifier(last)
    if classifies or (wrapper is not None and not wrapper.regresses(last)):
        raise InvalidParameterError(
            "The 'estimator' parameter of MCDropoutRegressor must be a regressor, and "
            f"{type(last).__name__} is a classifier: use MCDropoutClassifier."
        )
    return estimator


def is_trained(estimator):
    """Tell whether this is not to be trained."""
    return isinstance(estimator, RegressionNetwork | FrozenEstimator)


def check_answers(values, owner):
    """Raise if an answer (..., n_rows, n_outputs) is NaN or infinite."""
    if np.isfinite(values).all():
        return
    bad = ~np.isfinite(values.reshape(-1, *values.shape[-2:])).all(axis=(0, 2))
    raise ValueError(
        f"{owner} has NaN or infinite values in {int(bad.sum())} of {len(bad)} rows (the first "
        f"is row {int(bad.argmax())}). Check X in these rows, and whether training diverged."
    )
