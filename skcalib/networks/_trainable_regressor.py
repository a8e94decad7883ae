"""TrainableRegressor: a Keras model that a function builds, as a regressor that trains it."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skcalib.backends import check_arrays, list_arrays, load_keras_losses
from skcalib.inputs import check_finite, refuse_streams
from skcalib.networks._regression_network import RegressionNetwork
from skcalib.networks._trainable_network import KerasTrainer, load_training


class TrainableRegressor(RegressorMixin, KerasTrainer):
    """A function that builds a Keras model, as a regressor that trains a new one in `fit`.

    Parameters are those of TrainableNetwork. If the model is compiled with ``GaussianLoss``,
    its outputs are means and variances, and `predict` has ``return_std``.
    """

    def fit(self, X, y, sample_weight=None, **fit_params):
        """Build a model, and train it on targets of shape (n_samples,) or (n_samples, k)."""
        training = load_training(self)
        refuse_streams(X)
        with self._seeded():
            arrays = check_arrays(X)
            target = np.asarray(y, dtype=np.float32)
            check_consistent_length(*list_arrays(arrays), target)
            check_finite(target.reshape(len(target), -1), "y")
            model = training.build(self.build)
            target = target.reshape(len(target), -1)
            self._fit_model(training, model, arrays, target, sample_weight, fit_params)
        self.gives_variances_ = load_keras_losses().gives_variances(model)
        self.model_, self.network_ = model, RegressionNetwork(model)
        return self._learn_names(X)

    def predict(self, X, return_std=False):
        """Return the mean of each target, and its standard deviation if asked for."""
        check_is_fitted(self, "network_")
        values = self.network_.answer(X)
        if not self.gives_variances_:
            if return_std:
                raise ValueError(
                    "The model gives no variances: compile it with GaussianLoss()."
                )
            return _one_or_all(values)
        mean, raw = np.split(values, 2, axis=1)
        smallest = load_keras_losses().SMALLEST_VARIANCE
        std = np.sqrt(np.logaddexp(0, raw) + smallest)
        return (_one_or_all(mean), _one_or_all(std)) if return_std else _one_or_all(mean)


def _one_or_all(values):
    return values[:, 0] if values.shape[1] == 1 else values
