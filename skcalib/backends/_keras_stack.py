"""Several Keras models of one shape as one: their weights, and a forward pass of all.

Weights of dense layers, convolutions and batch normalisation get a first axis for the models,
so that one product serves all; what has no weights sees the rows of all models as rows;
anything else (dropout, recurrent layers) is called model by model, inside the same graph.
"""

from functools import partial
from inspect import isfunction

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from skcalib.backends._keras_graph import graph_of, run_graph

# Row by row, without weights: the rows of all models may come in one batch.
ROW_BY_ROW = (
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Flatten),
    *(layers.Reshape, layers.Permute, layers.Rescaling, layers.RepeatVector),
    *(layers.MaxPooling1D, layers.MaxPooling2D, layers.AveragePooling1D),
    *(layers.AveragePooling2D, layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D),
    *(layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.ZeroPadding2D),
    *(layers.Add, layers.Concatenate, layers.Multiply, layers.Average, layers.Maximum),
)


class Values:
    """A value of each model: in one array, or in one for each; as it is asked for."""

    def __init__(self, stacked=None, parts=None):
        self._stacked = stacked
        self._parts = parts

    def stacked(self):
        if self._stacked is None:
            self._stacked = tf.stack(self._parts)
        return self._stacked

    def parts(self):
        if self._parts is None:
            self._parts = tf.unstack(self._stacked)
        return self._parts


class Stack:
    """The models as one: their weights, and a forward pass of all."""

    def __init__(self, models):
        self.models = models
        self.graphs = [graph_of(model) for model in models]
        self.twins = {
            id(first): [first, *others]
            for first, *others in zip(*(g.operations for g in self.graphs), strict=True)
        }
        self.shared, self.calls = {}, {}
        for key, twins in self.twins.items():
            kind, weights = _find_kind(twins[0])
            self.calls[key] = partial(_call_without_context, kind, self, twins)
            for name in weights:
                self._stack_weight([getattr(twin, name) for twin in twins])
        held = {id(own) for _, owners in self.shared.values() for own in owners}
        alone = [v for m in models for v in m.trainable_variables if id(v) not in held]
        together = [v for v, owners in self.shared.values() if owners[0].trainable]
        self.trainable = [*together, *alone]

    def _stack_weight(self, owners):
        if owners[0] is None or id(owners[0]) in self.shared:
            return
        first = owners[0]
        value = np.stack([keras.ops.convert_to_numpy(own) for own in owners])
        variable = keras.Variable(value, dtype=first.dtype, trainable=first.trainable)
        self.shared[id(first)] = variable, owners

    def weight(self, owner):
        """Return the stacked weight whose first part is this."""
        return self.shared[id(owner)][0]

    def write_back(self):
        """Give each model its weights."""
        for variable, owners in self.shared.values():
            for own, value in zip(owners, keras.ops.convert_to_numpy(variable), strict=True):
                own.assign(value)

    def penalties(self):
        """Return the penalties on weights of each model."""
        found = [[] for _ in self.models]
        for number, model in enumerate(self.models):
            for own in model.trainable_variables:
                if own.regularizer is not None:
                    found[number].append(own.regularizer(self._part(own, number)))
        return found

    def _part(self, own, number):
        for variable, owners in self.shared.values():
            if owners[number] is own:
                return variable.value[number]
        return own

    def run(self, x):
        """Return the output of each model in training, for stacked inputs (M, rows, ...)."""
        graph = self.graphs[0]
        inputs = Values(stacked=tf.cast(x, graph.inputs[0].dtype))
        output = run_graph(graph, inputs, lambda operation: self.calls[id(operation)])
        return output.parts()


def _find_kind(operation):
    """Return how an operation is computed for all models, and which weights are stacked."""
    plain = type(operation)
    stackable = not getattr(operation, "quantization_mode", None)
    stackable &= not getattr(operation, "lora_enabled", False)
    if plain is layers.Dense and stackable:
        return _dense, ("kernel", "bias")
    if plain is layers.Conv2D and stackable and _is_plain_convolution(operation):
        return _convolve, ("kernel", "bias")
    if plain is layers.BatchNormalization and _is_plain_normalization(operation):
        return _normalize, ("gamma", "beta", "moving_mean", "moving_variance")
    if plain in ROW_BY_ROW and _is_plain_activation(getattr(operation, "activation", None)):
        return _call_on_all_rows, ()
    return _call_each, ()


def _call_without_context(kind, *args, training=None, mask=None, **kwargs):
    """Call it as in training, and without a mask: models that make one are refused."""
    return kind(*args, **kwargs)


def _is_plain_activation(activation):
    """Tell a function of Keras, which looks at single values or at the last axis.

    Losses look for the logits behind a softmax or sigmoid, so these are called for each model,
    as are functions of the user's own, and layers, which may have weights.
    """
    if activation in (keras.activations.softmax, keras.activations.sigmoid):
        return False
    return activation is None or (
        isfunction(activation) and activation.__module__.startswith("keras.")
    )


def _is_plain_convolution(layer):
    return layer.data_format == "channels_last" and layer.groups == 1


def _is_plain_normalization(layer):
    return layer.axis == -1 and not layer.synchronized and not getattr(layer, "renorm", False)


def _activate(twins, stacked):
    activation = twins[0].activation
    if _is_plain_activation(activation):
        return Values(stacked=activation(stacked) if activation else stacked)
    pairs = zip(twins, tf.unstack(stacked), strict=True)
    return Values(parts=[twin.activation(part) for twin, part in pairs])


def _dense(stack, twins, x):
    kernel = stack.weight(twins[0].kernel).value
    x = x.stacked()
    between = [1] * (len(x.shape) - 3)  # of sequences
    out = tf.matmul(x, tf.reshape(kernel, [len(twins), *between, *kernel.shape[1:]]))
    return _activate(twins, _add_bias(stack, twins[0], out))


def _add_bias(stack, layer, out):
    if layer.bias is None:
        return out
    bias = stack.weight(layer.bias).value
    return out + tf.reshape(bias, [bias.shape[0], *[1] * (len(out.shape) - 2), bias.shape[1]])


def _convolve(stack, twins, x):
    """Convolve all at once: the channels of each model are a group of their own."""
    layer, n_models = twins[0], len(twins)
    kernel = stack.weight(layer.kernel).value  # (models, height, width, channels, filters)
    x = tf.transpose(x.stacked(), [1, 2, 3, 0, 4])
    x = tf.reshape(x, [*_shape(x)[:3], n_models * x.shape[4]])
    filters = kernel.shape[-1]
    kernel = tf.transpose(kernel, [1, 2, 3, 0, 4])
    kernel = tf.reshape(kernel, [*kernel.shape[:3], n_models * filters])
    out = ops.conv(
        x,
        kernel,
        strides=list(layer.strides),
        padding=layer.padding,
        data_format="channels_last",
        dilation_rate=layer.dilation_rate,
    )
    out = tf.reshape(out, [*_shape(out)[:3], n_models, filters])
    return _activate(twins, _add_bias(stack, layer, tf.transpose(out, [3, 0, 1, 2, 4])))


def _normalize(stack, twins, x):
    layer, x = twins[0], x.stacked()
    moving = [stack.weight(layer.moving_mean), stack.weight(layer.moving_variance)]
    shape = [len(twins), *[1] * (len(x.shape) - 2), x.shape[-1]]
    if layer.trainable:
        mean, variance = tf.nn.moments(x, list(range(1, len(x.shape) - 1)))
        for old, new in zip(moving, (mean, variance), strict=True):
            old.assign(old.value * layer.momentum + new * (1.0 - layer.momentum))
    else:
        mean, variance = (old.value for old in moving)
    scale = tf.math.rsqrt(variance + layer.epsilon)
    if layer.gamma is not None:
        scale *= stack.weight(layer.gamma).value
    offset = -mean * scale
    if layer.beta is not None:
        offset += stack.weight(layer.beta).value
    return Values(stacked=x * tf.reshape(scale, shape) + tf.reshape(offset, shape))


def _call_on_all_rows(stack, twins, *args, **kwargs):
    """Call the first model's layer on the rows of all models."""
    values = [v for v in keras.tree.flatten((args, kwargs)) if isinstance(v, Values)]
    n_models, n_rows = _shape(values[0].stacked())[:2]

    def join(value):
        if not isinstance(value, Values):
            return value
        shape = _shape(value.stacked())
        return tf.reshape(value.stacked(), [n_models * n_rows, *shape[2:]])

    args, kwargs = keras.tree.map_structure(join, (args, kwargs))
    out = twins[0](*args, **kwargs)
    return Values(stacked=tf.reshape(out, [n_models, n_rows, *_shape(out)[1:]]))


def _call_each(stack, twins, *args, **kwargs):
    """Call the layer of each model on its own values."""
    out = []
    for number, twin in enumerate(twins):

        def take(value, number=number):
            return value.parts()[number] if isinstance(value, Values) else value

        own_args, own_kwargs = keras.tree.map_structure(take, (args, kwargs))
        out.append(run_training(twin, *own_args, **own_kwargs))
    return keras.tree.map_structure(lambda *parts: Values(parts=list(parts)), *out)


def run_training(operation, *args, **kwargs):
    """Call an operation as a model in training does."""
    if "training" in getattr(operation, "_call_context_args", {}):
        kwargs["training"] = True
    return operation(*args, **kwargs)


def _shape(x):
    """Return what is known of a shape, and tensors for the rest."""
    dynamic = tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(x.shape)]
