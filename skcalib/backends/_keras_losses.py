"""The loss under which a Keras model learns a mean and a variance for each target."""

import keras
from keras import ops

SMALLEST_VARIANCE = 1e-6


@keras.saving.register_keras_serializable(package="skcalib")
class GaussianLoss(keras.losses.Loss):
    r"""Negative log likelihood of normal distributions, whose variance the model gives, too.

    The model has two outputs for each target: first the means m, then as many s, with the
    variances :math:`v = \log(1 + e^s) + 10^{-6}`. The loss of a row is the sum over its targets
    of :math:`\frac{1}{2} (\log v + (y - m)^2 / v)`.

    **When to use it.** For a network whose errors are larger for some rows than for others, and
    that shall say so. Scale the targets to a variance of about 1. **When not.** With few
    rows, on which a variance is easily taken for zero: the mean squared error, and one
    variance for all.

    Parameters
    ----------
    name : str, default="gaussian_loss"
        As of any loss of Keras.

    **kwargs : dict
        As of any loss of Keras.

    References
    ----------
    D. A. Nix, A. S. Weigend. Estimating the Mean and Variance of the Target Probability
    Distribution. ICNN 1994. doi:10.1109/ICNN.1994.374138

    B. Lakshminarayanan, A. Pritzel, C. Blundell. Simple and Scalable Predictive
    Uncertainty Estimation using Deep Ensembles. NeurIPS 2017. arXiv:1612.01474
    """

    def __init__(self, name="gaussian_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """Return the loss of each row."""
        mean, variance = split_outputs(y_pred)
        y_true = ops.reshape(ops.cast(y_true, mean.dtype), ops.shape(mean))
        return ops.sum(0.5 * (ops.log(variance) + (y_true - mean) ** 2 / variance), axis=-1)


def split_outputs(outputs):
    """Return means and variances, of which outputs hold the first halves and the second."""
    mean, raw = ops.split(outputs, 2, axis=-1)
    return mean, ops.softplus(raw) + SMALLEST_VARIANCE


def gives_variances(model):
    """Tell whether a model was compiled with this loss."""
    return isinstance(model.loss, GaussianLoss)
