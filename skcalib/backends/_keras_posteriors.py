"""Models with Bayesian layers: made from plain ones, trained on, and drawn from."""

from threading import RLock

import keras
import numpy as np
from keras import ops
from keras.src.models.functional import Functional

from skcalib.backends._keras_bayes_layer import BayesLayer
from skcalib.backends._keras_layers import BayesConv1D, BayesConv2D, BayesDense
from skcalib.backends._keras_models import layers_in, name_of

_TURNED = {
    keras.layers.Dense: (BayesDense, ("units",)),
    keras.layers.Conv1D: (BayesConv1D, None),
    keras.layers.Conv2D: (BayesConv2D, None),
}
_CONVOLUTION = (
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "groups",
)
RESIDUAL = "squared_residual"  # its name in the history
LEAST_NOISE = 1e-12  # of scaled targets: a network without residuals has no noise
_LOCK = RLock()  # draws stand in the place of the means while a model runs


def build_perceptron(n_features, hidden_layer_sizes, n_outputs, activation, options):
    """Return a model of dense Bayesian layers, which ends in logits."""
    layers = [keras.Input((n_features,))]
    layers += [
        BayesDense(units, activation=activation, **options) for units in hidden_layer_sizes
    ]
    last = {**options, "kernel_initializer": "glorot_normal"}
    return keras.Sequential([*layers, BayesDense(n_outputs, **last)])


def convert(model, options):
    """Return a new model whose dense and convolutional layers are Bayesian.

    Means start at the model's weights. Layers that are not trainable, Bayesian ones and all
    others are copied as they are.
    """
    if not isinstance(model, keras.Sequential | Functional):
        raise TypeError(
            f"{name_of(model)} is neither sequential nor functional, so that its layers cannot "
            "be replaced from outside. Use layers of skcalib.layers in its class."
        )
    if not model.built:
        raise ValueError(
            f"{name_of(model)} has no weights yet, where the means could start. Give it a "
            "keras.Input, or call it once."
        )
    pairs = []

    def turn(layer):
        turned = _turn(layer, options)
        pairs.append((layer, turned))
        return turned

    twin = keras.models.clone_model(model, clone_function=turn, recursive=True)
    for layer, turned in pairs:
        _copy_weights(layer, turned)
    if not list_layers(twin):
        raise ValueError(
            f"{name_of(model)} has no trainable Dense, Conv1D or Conv2D layer that could be "
            "made Bayesian."
        )
    return twin


def _turn(layer, options):
    if type(layer) not in _TURNED or not layer.trainable:
        return type(layer).from_config(layer.get_config())
    kind, names = _TURNED[type(layer)]
    about = {name: getattr(layer, name) for name in names or _CONVOLUTION}
    about |= {name: getattr(layer, name) for name in ("activation", "use_bias", "name")}
    return kind(**about, dtype=layer.dtype_policy, **options)


def _copy_weights(layer, turned):
    if not isinstance(turned, BayesLayer) or isinstance(layer, BayesLayer):
        turned.set_weights(_copy_all(layer.get_weights()))
        return
    turned.kernel_mean.assign(_to_numpy(layer.kernel))
    if turned.use_bias:
        turned.bias_mean.assign(_to_numpy(layer.bias))


def _copy_all(arrays):
    """Return copies: on JAX a training frees the arrays that it starts from."""
    return [np.array(array) for array in arrays]


def copy_model(model):
    """Return a copy with the same weights, which has not been compiled."""
    twin = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config(layer.get_config()),
        recursive=True,
    )  # fmt: skip
    twin.set_weights(_copy_all(model.get_weights()))
    return twin


def compile_model(model, loss, learning_rate, measures_residuals=False):
    """Compile for training by Adam; log the mean squared residual of each epoch or not."""
    # A compiled function of Keras's own takes longer to make than these trainings take.
    jit = keras.config.backend() == "jax"
    metrics = [keras.metrics.MeanSquaredError(RESIDUAL)] if measures_residuals else None
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, loss, weighted_metrics=metrics, jit_compile=jit)
    model.optimizer.build(model.trainable_variables)


def choose_loss(last_activation, n_columns):
    """Return the loss of a model that was not compiled, by what it ends in."""
    if n_columns == 1:
        return keras.losses.BinaryCrossentropy(from_logits=last_activation != "sigmoid")
    return keras.losses.SparseCategoricalCrossentropy(from_logits=last_activation != "softmax")


def ends_linear(model):
    """Tell whether the last layer has no activation, of which JAX and torch note nothing."""
    operation = model.outputs[0]._keras_history.operation
    while isinstance(operation, keras.Sequential | Functional):
        operation = operation.outputs[0]._keras_history.operation
    return getattr(operation, "activation", None) is keras.activations.linear


def is_squared_error(loss):
    """Tell whether a loss, or its name, is the mean squared error."""
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    kinds = keras.losses.MeanSquaredError, keras.losses.mean_squared_error
    return isinstance(loss, kinds[0]) or loss in kinds


def list_layers(model):
    """Return all Bayesian layers, once each, also inside other layers."""
    return [layer for layer in layers_in(model) if isinstance(layer, BayesLayer)]


def set_divergence(model, kl_weight, n_rows):
    """Have the loss count the divergence with this weight, for so many rows."""
    for layer in list_layers(model):
        layer.kl_weight.assign(float(kl_weight))
        layer.n_rows.assign(float(n_rows))


def read_state(model):
    """Return all that a training changes: weights, seeds, the optimizer's moments."""
    return [_to_numpy(variable) for variable in _list_variables(model)]


def write_state(model, state):
    """Put back what `read_state` has read."""
    for variable, value in zip(_list_variables(model), _copy_all(state), strict=True):
        variable.assign(value)


def _list_variables(model):
    return [*model.variables, *model.optimizer.variables]


def read_posteriors(model):
    """Return pairs of arrays, means and standard deviations of all weights that are drawn."""
    return [
        (_to_numpy(mean), np.logaddexp(0, _to_numpy(rho).astype(np.float64)).astype(np.float32))
        for layer in list_layers(model)
        for mean, rho in layer.posteriors()
    ]


def write_posteriors(model, posteriors):
    """Have means and standard deviations."""
    found = [pair for layer in list_layers(model) for pair in layer.posteriors()]
    for (mean, rho), (value, spread) in zip(found, posteriors, strict=True):
        mean.assign(value.astype(np.float32))
        with np.errstate(divide="ignore"):
            inverse = np.where(spread > 30, spread, np.log(np.expm1(np.minimum(spread, 30))))
        rho.assign(np.maximum(inverse, -150).astype(np.float32))  # whose softplus is 0


def answer_each(model, draws, answer):
    """Return what `answer()` says with each of several lists of weights as means.

    The means are put back before this function gives anything back.
    """
    means = [mean for layer in list_layers(model) for mean, _ in layer.posteriors()]
    with _LOCK:
        before = [_to_numpy(mean) for mean in means]
        try:
            found = []
            for weights in draws:
                _assign(means, weights)
                found.append(answer())
        finally:
            _assign(means, before)
    return found


class DivergenceSchedule(keras.callbacks.Callback):
    """Sets before each epoch what the divergence counts: less at first, or by the noise.

    The weight rises in equal steps over `n_epochs`. With `noise`, a variance that the first
    epoch starts from, it is multiplied by the mean squared residual of the epoch before.
    """

    def __init__(self, kl_weight, n_epochs, noise=None):
        super().__init__()
        self.kl_weight, self.n_epochs, self.noise = kl_weight, n_epochs, noise

    def on_epoch_begin(self, epoch, logs=None):
        """Assign the weight."""
        weight = self.kl_weight * min(1.0, (epoch + 1) / max(1.0, self.n_epochs))
        weight *= 1.0 if self.noise is None else self.noise
        for layer in list_layers(self.model):
            layer.kl_weight.assign(float(weight))

    def on_epoch_end(self, epoch, logs=None):
        """Take the noise that is likeliest for the draws of this epoch."""
        if self.noise is not None:
            self.noise = max(float(logs[RESIDUAL]), LEAST_NOISE)


def stop_early(patience, first_epoch=0):
    """Return a callback that keeps the weights of the least loss on held-out rows."""
    return keras.callbacks.EarlyStopping(
        "val_loss",
        patience=patience,
        restore_best_weights=True,
        start_from_epoch=first_epoch,
    )


def _assign(means, values):
    for mean, value in zip(means, values, strict=True):
        mean.assign(np.asarray(value, np.float32))


def _to_numpy(variable):
    return np.array(ops.convert_to_numpy(variable))
