"""Keras models, on TensorFlow, JAX or torch."""

import weakref
from collections.abc import Mapping
from contextlib import contextmanager
from threading import RLock

import keras
import numpy as np

from skcalib.backends._arrays import (
    as_arrays,
    batches,
    each_array,
    map_arrays,
    refuse_several_outputs,
    rows_of_logits,
)

# What may stand between the last activation and the end without mixing columns.
_TENSORFLOW_PASSES = {"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims"}
_TENSORFLOW_HEADS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "log_softmax"}
_FUNCTIONS = weakref.WeakKeyDictionary()  # model -> {signature: compiled function}
_LOCK = RLock()


def owns(thing):
    """Tell whether this is a Keras model."""
    return isinstance(thing, keras.Model)


def forward(model, X, batch_size):
    """Return what stands before the last activation (n_samples, n_outputs), and its name.

    The name is "softmax", "sigmoid", "log_softmax" (whose own values are returned), or
    None, where the network's own output is returned as it is.
    """
    _refuse_unbuilt(model)
    X = _inputs(model, X)
    answers = []
    for batch in batches(X, batch_size):
        values, head = _function(model, batch)(batch)
        answers.append(rows_of_logits(values, len(each_array(batch)[0]), _name(model)))
    return np.concatenate(answers), head


def says_logits(model):
    """Tell from the loss that the model was compiled with what its output is, if it says."""
    loss = getattr(model, "loss", None)
    if isinstance(getattr(loss, "from_logits", None), bool):
        return loss.from_logits
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return False if "crossentropy" in name else None


def n_outputs(model):
    """Return the number of columns of the output, or None before the model has run."""
    shape = getattr(model, "output_shape", None)
    return shape[-1] if isinstance(shape, tuple) and len(shape) > 1 else None


def reduce(model):
    """Return a function and its arguments that make this model again, for pickle."""
    try:
        return model.__reduce__()
    except Exception as error:
        raise TypeError(
            f"{_name(model)} cannot be pickled, because Keras cannot save it: "
            f"{str(error).strip().splitlines()[0]} Give its class a get_config (see "
            "keras.saving.register_keras_serializable), or pickle the calibrator alone and "
            "keep the network's weights in a file of their own."
        ) from error


def _name(model):
    return f"The Keras model {model.name!r}"


def _refuse_unbuilt(model):
    if not model.built:
        raise ValueError(
            f"{_name(model)} has no weights yet. Train it, or load its weights, first: a "
            "frozen network is never trained here."
        )


def _inputs(model, X):
    """Return arrays, in the structure that the model expects."""
    X = as_arrays(X)
    if isinstance(X, Mapping) and isinstance(getattr(model, "input", None), list | tuple):
        names = [tensor.name for tensor in model.inputs]
        if set(names) != set(X):
            raise ValueError(
                f"{_name(model)} has the inputs {names}, but X holds {list(X)}; the keys of "
                "X must be the names of the inputs."
            )
        X = tuple(X[name] for name in names)
    return map_arrays(_to_floatx, X)


def _to_floatx(part):
    return part.astype(keras.config.floatx()) if part.dtype == np.float64 else part


def _function(model, batch):
    """Return the compiled function for inputs like these, built once for each model."""
    layers = tuple(id(layer) for layer in model.layers)  # Sequential can grow and shrink
    signature = (layers, *(f"{p.dtype}{p.shape[1:]}" for p in each_array(batch)))
    with _LOCK:
        functions = _FUNCTIONS.setdefault(model, {})
        if signature not in functions:
            functions[signature] = _BUILDERS[keras.config.backend()](model, batch)
        return functions[signature]


def _call(model, inputs):
    # Keras takes several inputs as a list.
    inputs = list(inputs) if isinstance(inputs, tuple) else inputs
    return refuse_several_outputs(model(inputs, training=False), _name(model))


def _build_tensorflow(model, batch):
    """Trace the model up to its last activation, for any number of rows.

    The graph shows what the last operation is, whoever wrote it. A model that cannot be
    traced is called as it is.
    """
    import tensorflow as tf

    alive = weakref.ref(model)  # the cache must not keep the model alive
    found = {}

    def run(inputs):
        values, found["head"] = _before_activation(_call(alive(), inputs))
        return values

    def as_it_is(inputs):
        return np.asarray(_call(alive(), inputs)), None

    if getattr(model, "run_eagerly", False):
        return as_it_is
    specs = map_arrays(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), batch)
    traced = tf.function(run, input_signature=[specs], autograph=False)
    try:
        traced.get_concrete_function()
    except Exception:  # code of the user's that needs values; a real error comes back there
        return as_it_is
    return lambda inputs: (traced(inputs).numpy(), found["head"])


def _before_activation(output):
    """Go back over the graph from a model's output to the input of its last activation."""
    import tensorflow as tf

    tensor = output
    while tensor.op.type in _TENSORFLOW_PASSES:
        tensor = tensor.op.inputs[0]
    head = _TENSORFLOW_HEADS.get(tensor.op.type)
    columns = output.shape[-1] if output.shape.rank and output.shape.rank > 1 else 1
    if head in ("softmax", "log_softmax") and tensor.shape[-1] != columns:
        head = None  # over something else than the classes
    if head is None or head == "log_softmax":
        return output, head
    return tf.reshape(tensor.op.inputs[0], tf.shape(output)), head


def _build_jax(model, batch):
    import jax

    alive = weakref.ref(model)
    found = {}

    @jax.jit
    def run(weights, inputs):
        # Weights are arguments, else they would be frozen into the compiled function.
        state = zip(alive().variables, weights, strict=True)
        with _recording(jax.nn) as seen, keras.StatelessScope(state_mapping=state):
            values, found["head"] = _input_of(_call(alive(), inputs), seen)
        return values

    def padded(inputs):
        n_rows = len(each_array(inputs)[0])
        inputs = map_arrays(_pad_to_power_of_two, inputs)
        weights = [variable.value for variable in alive().variables]
        with _LOCK:  # a first call traces, and puts the noting activations in place
            values = run(weights, inputs)
        return np.asarray(values)[:n_rows], found["head"]

    return padded


def _pad_to_power_of_two(part):
    """Repeat the last row, so that few sizes of batches are ever compiled."""
    missing = (1 << (len(part) - 1).bit_length()) - len(part)
    return np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part


@contextmanager
def _recording(module):
    """Note what goes into and comes out of the activations of a library while tracing."""
    seen = []
    names = ("softmax", "sigmoid", "log_softmax")
    originals = {name: getattr(module, name) for name in names}

    def noting(name):
        def activation(x, *args, **kwargs):
            output = originals[name](x, *args, **kwargs)
            seen.append((name, x, output))
            return output

        return activation

    try:
        for name in names:
            setattr(module, name, noting(name))
        yield seen
    finally:
        for name, original in originals.items():
            setattr(module, name, original)


def _input_of(output, seen):
    for name, x, result in seen:
        if result is output and name != "log_softmax":
            return x, name
        if result is output:
            return output, name
    return output, None


def _build_torch(model, batch):
    import torch

    from skcalib.backends._torch_heads import SeenActivations

    alive = weakref.ref(model)

    def run(inputs):
        with torch.no_grad(), SeenActivations() as seen:
            values, head = seen.before_activation(_call(alive(), inputs))
        return values.float().cpu().numpy(), head

    return run


_BUILDERS = {"tensorflow": _build_tensorflow, "jax": _build_jax, "torch": _build_torch}
