"""A Keras model as one that ends before its last activation, in Keras's own layers.

What is random or has side effects is left alone: layers and weights are shared with the
user's model, which is not changed. Only a last layer that holds its activation is made
again, without it.
"""

import inspect
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers, ops, tree

from skcalib.backends._keras_graph import graph_of
from skcalib.backends._keras_models import name_of, refuse_unbuilt
from skcalib.backends._outputs import get_only_output

_HOLD_ACTIVATION = (
    layers.Dense,
    layers.EinsumDense,
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
)
_PASSES = (
    layers.Identity,
    layers.Reshape,
    layers.Flatten,
    layers.Dropout,
    layers.SpatialDropout1D,
    layers.AlphaDropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
)
_PASSING_OPERATIONS = {"Reshape", "Squeeze", "ExpandDims"}
_OPERATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}
_ACTIVATIONS = {
    "softmax": keras.activations.softmax,
    "sigmoid": keras.activations.sigmoid,
    "log_softmax": keras.activations.log_softmax,
    "linear": keras.activations.linear,
}
_TOLERANCE = 1e-5


def cut(model, name, *, before_activation=True):
    """Return a functional model of logits (n_samples, n_outputs), and its last operation.

    The last operation is "softmax" or "sigmoid", before which the model was cut, or
    "log_softmax", "linear" or None, as `forward` has them: then its answer is the whole
    model's. None also if the model cannot be cut, or not `before_activation`.

    Parameters
    ----------
    model : keras.Model
    name : str
        Of the new model.
    before_activation : bool
    """
    refuse_unbuilt(model)
    inputs, output, whole = _follow(model)
    found, last_activation = output, None
    if before_activation and not whole:
        try:
            found, last_activation = _before_activation(output)
        except _Uncut:
            found, last_activation = output, None
    shape = found.shape[1:]
    if any(size is None for size in shape) or np.prod(shape) != max(shape, default=1):
        raise ValueError(
            f"{name_of(model)} answers in shape {tuple(output.shape)}; it must return a row "
            "for each sample and a column for each class."
        )
    if len(shape) != 1:
        found = layers.Reshape((int(np.prod(shape)),))(found)
    return keras.Model(inputs, found, name=name), last_activation


def copy_inputs(model):
    """Return new inputs, in the structure of those of a functional model."""
    return tree.map_structure(
        lambda x: keras.Input(x.shape[1:], dtype=x.dtype, name=x.name), model.input
    )


class _Uncut(Exception):
    """The last operation is not found."""


def _follow(model):
    """Return inputs and output of a model's graph, and whether it is the model as a whole."""
    graph = graph_of(model)
    if graph is not None:
        return graph.input, get_only_output(graph.output, name_of(model)), False
    inputs = _make_inputs(model)
    try:
        output = get_only_output(_open(model, (inputs,), {}), name_of(model))
        twin = keras.Model(inputs, output)
        if _holds_all_weights(twin, model):
            return inputs, output, False
    except Exception:  # code that needs values, or is not Keras's own
        pass
    return inputs, get_only_output(model(inputs, training=False), name_of(model)), True


def _make_inputs(model):
    shape = (model.get_build_config() or {}).get("input_shape")
    names = getattr(model, "input_names", None)
    if isinstance(shape, Mapping):
        return {key: keras.Input(part[1:], name=key) for key, part in shape.items()}
    if isinstance(shape, list | tuple) and shape:
        if all(isinstance(part, list | tuple) for part in shape):
            return [keras.Input(part[1:]) for part in shape]
        return keras.Input(shape[1:], name=names[0] if names else None)
    raise ValueError(
        f"{name_of(model)} does not say what its inputs are. Give one that does: "
        "keras.Model(inputs, model(inputs)), with inputs = keras.Input(shape)."
    )


def _open(operation, args, kwargs):
    """Call the code of a layer of the user's on what stands for its inputs."""
    parameters = inspect.signature(operation.call).parameters
    if "training" in parameters:
        kwargs = {**kwargs, "training": False}
    else:
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}
    return operation.call(*args, **kwargs)


def _holds_all_weights(model, whole):
    own = {id(weight) for weight in model.weights}
    return all(id(weight) in own for weight in whole.weights)


def _before_activation(tensor):
    """Return what stands before the last activation that made a tensor, and its name."""
    operation, index, _ = tensor._keras_history
    node = operation._inbound_nodes[index]
    args, kwargs = node.arguments.args, node.arguments.kwargs
    if node.is_input:
        raise _Uncut
    if isinstance(operation, keras.Model):
        return _inside_model(operation, args, kwargs)
    if (name := _name_of_operation(operation)) is not None:
        (source,) = node.arguments.keras_tensors
        _check_columns(name, tensor)
        return (tensor if name == "log_softmax" else source), name
    if _passes(operation):
        (source,) = node.arguments.keras_tensors
        before, name = _before_activation(source)
        if name in ("linear", "log_softmax"):
            return tensor, name
        swapped = [before if x is source else x for x in args]
        return operation(*swapped, **kwargs), name
    if isinstance(operation, _HOLD_ACTIVATION):
        return _without_activation(operation, args, kwargs, tensor)
    if isinstance(operation, keras.Layer) and not _is_of_keras(operation):
        return _inside_layer(operation, args, kwargs)
    raise _Uncut


def _name_of_operation(operation):
    """Return the name of an activation that is a layer or an operation of its own."""
    if isinstance(operation, layers.Activation):
        name = _name_activation(operation.activation)
        return None if name == "linear" else name
    kind = type(operation).__name__
    is_softmax = isinstance(operation, layers.Softmax)
    if not (is_softmax or (_is_of_keras(operation) and kind in _OPERATIONS)):
        return None
    if getattr(operation, "axis", -1) not in (-1, [-1]):
        raise _Uncut
    return "softmax" if is_softmax else _OPERATIONS[kind]


def _name_activation(activation):
    """Return which activation a function is, by what it does with numbers."""
    x = np.random.default_rng(0).normal(0, 2, (3, 5)).astype("float32")
    for name, known in _ACTIVATIONS.items():
        if activation is known:
            return name
    try:
        made = ops.convert_to_numpy(activation(ops.convert_to_tensor(x)))
    except Exception:
        return None
    for name, known in _ACTIVATIONS.items():
        if np.allclose(made, ops.convert_to_numpy(known(ops.convert_to_tensor(x))), atol=1e-6):
            return name
    return None


def _check_columns(name, tensor):
    """Raise if a softmax is over something else than the classes."""
    if name != "sigmoid" and tensor.shape[-1] != max(tensor.shape[1:]):
        raise _Uncut


def _passes(operation):
    if isinstance(operation, layers.Activation):
        return _name_activation(operation.activation) == "linear"
    if isinstance(operation, _PASSES):
        return True
    return _is_of_keras(operation) and type(operation).__name__ in _PASSING_OPERATIONS


def _is_of_keras(thing):
    return type(thing).__module__.split(".")[0] == "keras"


def _without_activation(layer, args, kwargs, tensor):
    """Return what a last layer gives without its activation, and the activation's name."""
    name = _name_activation(layer.activation)
    if name == "linear":
        return tensor, name
    if name is None:
        raise _Uncut
    _check_columns(name, tensor)
    if name == "log_softmax":
        return tensor, name
    try:
        twin = type(layer).from_config({**layer.get_config(), "activation": "linear"})
        twin.build_from_config(layer.get_build_config())
        twin.set_weights(layer.get_weights())
    except Exception as error:  # a class of the user's that Keras cannot make again
        raise _Uncut from error
    _check_twin(layer, twin, _ACTIVATIONS[name], args[0])
    return twin(*args, **kwargs), name


def _check_twin(layer, twin, activation, entering):
    """Raise unless a layer is its twin and an activation."""
    shape = [3 if size is None else size for size in entering.shape]
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    made = ops.convert_to_numpy(ops.cast(activation(twin(x)), "float32"))
    right = ops.convert_to_numpy(ops.cast(layer(x), "float32"))
    if not np.allclose(made, right, atol=_TOLERANCE):
        raise _Uncut


def _inside_model(model, args, kwargs):
    """Cut a nested model, and call what is left where the model was called."""
    graph = graph_of(model)
    if graph is None:
        return _inside_layer(model, args, kwargs)
    output = get_only_output(graph.output, name_of(model))
    before, name = _before_activation(output)
    if name in ("linear", "log_softmax"):
        before = output
    inner = keras.Model(graph.input, before, name=model.name)
    return inner(*args, **kwargs), name


def _inside_layer(layer, args, kwargs):
    """Open a layer of the user's, and cut what it does at its end."""
    try:
        output = get_only_output(_open(layer, args, kwargs), f"The layer {layer.name!r}")
        entering = [x for x in tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]
        if not _holds_all_weights(keras.Model(entering, output), layer):
            raise _Uncut
    except Exception as error:  # code that needs values, or is not Keras's own
        raise _Uncut from error
    return _before_activation(output)
