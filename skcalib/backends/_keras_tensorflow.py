"""Keras models on TensorFlow: the graph shows what the last operation is, whoever wrote it."""

import numpy as np
import tensorflow as tf

from skcalib.backends._arrays import list_for_keras, map_arrays

# What may stand between the last activation and the end without mixing columns.
_PASSES = {"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims"}
_ACTIVATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}
_LINEAR = {"MatMul", "Conv2D"}


def build(call, batch, run_eagerly):
    """Trace a model up to its last activation, for any number of rows.

    One that cannot be traced is called as it is. `call` returns the model's output and its
    features, None for what is not asked for; so does what it is made into, in NumPy, with the
    name of the last activation between them.
    """
    found = {"last_activation": None}

    def run(inputs):
        output, features = call(inputs)
        if output is not None:
            output, found["last_activation"] = _before_activation(output)
        return output, features

    def unchanged(inputs):
        output, features = call(list_for_keras(inputs))
        return _to_numpy(output), None, _to_numpy(features)

    if run_eagerly:
        return unchanged
    specs = map_arrays(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), batch)
    traced = tf.function(run, input_signature=[list_for_keras(specs)], autograph=False)
    try:
        traced.get_concrete_function()
    except Exception:  # code of the user's that needs values; a real error comes back here
        unchanged(batch)
        return unchanged

    def answer(inputs):
        output, features = traced(list_for_keras(inputs))
        return _to_numpy(output), found["last_activation"], _to_numpy(features)

    return answer


def _to_numpy(values):
    return None if values is None else np.asarray(values)


def _before_activation(output):
    """Go back over the graph from a model's output to the input of its last activation."""
    if not tf.is_symbolic_tensor(output):  # functions run eagerly: there is no graph
        return output, None
    tensor = output
    while tensor.op.type in _PASSES and tensor.dtype.is_floating:
        if not tensor.op.inputs[0].dtype.is_floating:
            break  # rounded
        tensor = tensor.op.inputs[0]
    last_activation = _ACTIVATIONS.get(tensor.op.type)
    columns = output.shape[-1] if output.shape.rank and output.shape.rank > 1 else 1
    if last_activation in ("softmax", "log_softmax") and tensor.shape[-1] != columns:
        last_activation = None  # over something else than the classes
    if last_activation is None and _is_linear(tensor.op):
        last_activation = "linear"
    if last_activation in (None, "linear", "log_softmax"):
        return output, last_activation
    return tf.reshape(tensor.op.inputs[0], tf.shape(output)), last_activation


def _is_linear(operation):
    """Tell whether this is the product with a layer's weights, with or without a bias."""
    if operation.type in ("AddV2", "BiasAdd"):
        return any(_is_linear(part.op) for part in operation.inputs)
    if operation.type not in _LINEAR:
        return False
    weights = operation.inputs[1].op  # a mixture of experts multiplies what both depend on X
    while weights.type in _PASSES:
        weights = weights.inputs[0].op
    return weights.type == "ReadVariableOp"
