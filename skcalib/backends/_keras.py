"""Keras models, on TensorFlow, JAX or torch."""

import weakref
from collections.abc import Mapping
from contextlib import contextmanager
from threading import RLock

import keras
import numpy as np

from skcalib.backends._arrays import (
    Inputs,
    as_arrays,
    batches,
    each_array,
    joined,
    map_arrays,
    rows_of_logits,
    the_one_output,
)

_FUNCTIONS = weakref.WeakKeyDictionary()  # model -> its state, {signature: compiled function}
_LOCK = RLock()


def owns(thing):
    """Tell whether this is a Keras model."""
    return isinstance(thing, keras.Model)


def forward(model, X, batch_size):
    """Return what stands before the last activation (n_samples, n_outputs), and its name.

    The name is "softmax" or "sigmoid"; or the network's own output is returned as it is,
    with the name "log_softmax", "linear" (a product with weights, so these are logits), or
    None if it is unknown.
    """
    _refuse_unbuilt(model)
    X = _inputs(model, X)
    run, n_weights = _function(model, X), len(model.weights)
    answers = []
    for batch in batches(X, batch_size):
        values, head = run(batch)
        rows = rows_of_logits(values, len(each_array(batch)[0]), _name(model))
        answers.append((rows, head))
    if len(model.weights) > n_weights:
        raise ValueError(
            f"{_name(model)} had layers without weights, which its first call drew at random. "
            "Call it once before you train it, or load its weights."
        )
    return joined(answers, _name(model))


def sampler(model, X, **choices):
    """Return X as the model takes it, and the Sampler of its dropout."""
    from skcalib.backends import _keras_sampling

    X = _keras_sampling.prepared(model, X)
    return X, _keras_sampling.sampler(model, X, **choices)


@contextmanager
def seeds_kept(model):
    """Put back the seeds that layers move which are random at prediction, too."""
    found = [x for x in model.variables if x.name == "seed_generator_state"]
    before = [keras.ops.convert_to_numpy(x) for x in found]
    try:
        yield
    finally:
        for variable, value in zip(found, before, strict=True):
            variable.assign(value)


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
    known = isinstance(shape, tuple) and all(isinstance(size, int) for size in shape[1:])
    return int(np.prod(shape[1:])) if known else None


def reduce(model):
    """Return a function and its arguments that make this model again, for pickle."""
    try:
        return model.__reduce__()
    except Exception as error:
        raise TypeError(
            f"{_name(model)} cannot be pickled, because Keras cannot save it: "
            f"{' '.join(str(error).split())[:200]} ... Give its class a get_config (see "
            "keras.saving.register_keras_serializable), or pickle the calibrator alone and "
            "keep the network's weights in a file of their own."
        ) from error


def _name(model):
    return f"The Keras model {model.name!r}"


def _refuse_unbuilt(model):
    if not model.built or (not model.weights and any(not x.built for x in _layers(model))):
        raise ValueError(
            f"{_name(model)} has no weights yet. Train it, or load its weights, first: a "
            "frozen network is never trained here."
        )


def _layers(model):
    """Return all layers, those of nested models, too."""
    found = []
    for layer in getattr(model, "layers", ()):
        found += [layer, *_layers(layer)]
    return found


def _inputs(model, X):
    """Return arrays, in the structure that the model expects."""
    X = as_arrays(X)
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    given = isinstance(X, Mapping)
    if isinstance(X, Inputs) or not names or (len(names) == 1 and not given):
        return map_arrays(_to_floatx, X)
    if not given or set(names) != set(X):
        got = f"holds {list(X)}" if given else f"is a {type(X).__name__}"
        raise ValueError(
            f"{_name(model)} has the inputs {names}, but X {got}; give a dict of arrays whose "
            "keys are the names of the inputs."
        )
    if not isinstance(model.input, Mapping):
        X = Inputs(X[name] for name in names) if len(names) > 1 else X[names[0]]
    return map_arrays(_to_floatx, X)


def _to_floatx(part):
    return part.astype(keras.config.floatx()) if part.dtype == np.float64 else part


def _function(model, X):
    """Return the compiled function for inputs like these, built once for each model."""
    return compiled(
        model, _structure(X), lambda: _build(model, map_arrays(lambda part: part[:1], X))
    )


def compiled(model, key, build):
    """Return what `build` gave for this key and for the model as it is now."""
    state = _state(model)
    with _LOCK:
        known, functions = _FUNCTIONS.get(model, (None, {}))
        if known != state:
            functions = {}
            _FUNCTIONS[model] = state, functions
        if key not in functions:
            functions[key] = build()
        return functions[key]


def _structure(X):
    names = tuple(X) if isinstance(X, Mapping) else type(X)
    return names, *((part.dtype.str, part.shape[1:]) for part in each_array(X))


def _state(model):
    """Return what a compiled function takes for granted: all but weights.

    Whatever else a model's own code reads is read again after ``compile``.
    """
    layers = (
        (_Same(layer), _Same(getattr(layer, "activation", None)), layer.dtype_policy.name)
        for layer in _layers(model)
    )
    compiled = (_Same(getattr(model, "optimizer", None)), _Same(getattr(model, "loss", None)))
    return *layers, *compiled, len(model.variables), _runs_eagerly(model)


class _Same:
    """Equal if the same object, which it keeps: a number of a freed one may be given again."""

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return self.thing is other.thing

    __hash__ = None


def _runs_eagerly(model):
    return bool(getattr(model, "run_eagerly", False))


def _build(model, batch):
    alive = weakref.ref(model)  # the cache must not keep the model alive

    def call(inputs):
        model = alive()
        return the_one_output(model(inputs, training=False), _name(model))

    library = keras.config.backend()
    if library == "tensorflow":
        from skcalib.backends import _keras_tensorflow

        return _keras_tensorflow.build(call, batch, _runs_eagerly(model))
    if library == "jax":
        from skcalib.backends import _keras_jax

        return _keras_jax.build(call, lambda: alive().variables)
    from skcalib.backends import _torch_heads

    return _torch_heads.build(call)
