"""Keras models, on TensorFlow, JAX or torch."""

import sys
import weakref
from contextlib import contextmanager
from functools import partial
from importlib import import_module

import keras
import numpy as np

from skcalib.backends._arrays import (
    batches,
    join_batches,
    list_arrays,
    map_arrays,
    reshape_logits,
)
from skcalib.backends._keras_models import (
    compiled,
    inputs_of,
    keys_of_inputs,
    name_of,
    refuse_unbuilt,
    runs_eagerly,
    structure_of,
)
from skcalib.backends._outputs import get_only_output

_LAYERS = "skcalib.backends._keras_layers"


def owns(thing):
    """Tell whether this is a Keras model."""
    return isinstance(thing, keras.Model)


def forward(model, X, batch_size):
    """Return what stands before the last activation (n_samples, n_outputs), and its name.

    The name is "softmax" or "sigmoid"; or the network's own output is returned as it is,
    with the name "log_softmax", "linear" (a product with weights, so these are logits), or
    None if it is unknown.
    """
    values, last_activation, _ = _answer(model, X, batch_size, (), _call)
    return values, last_activation


def forward_with_features(model, X, batch_size, layer=None):
    """Return as `forward` and `features` do, from one pass."""
    from skcalib.backends import _keras_features

    call = _keras_features.make_call(layer, _call)
    return _answer(model, X, batch_size, ("features and answer", layer), call)


def choose_output(model, output):
    """Return a model that answers with one of several outputs, by its name or number."""
    from skcalib.backends import _keras_outputs

    return _keras_outputs.choose_output(model, output)


def make_sampler(model, X, **choices):
    """Return X as the model takes it, and the Sampler of its dropout."""
    from skcalib.backends import _keras_sampling

    X = _keras_sampling.convert_inputs(model, X)
    return X, _keras_sampling.make_sampler(model, X, **choices)


def is_random(model, X):
    """Tell whether a model drops, or draws otherwise, at prediction, too."""
    from skcalib.backends import _keras_sampling

    return _keras_sampling.is_random_at_prediction(model, X)


def check_network(model, X, **choices):
    """Raise if dropout of a model, perhaps not yet trained, cannot be drawn."""
    from skcalib.backends import _keras_sampling

    _keras_sampling.check_network(model, _keras_sampling.convert_inputs(model, X), **choices)


@contextmanager
def keep_seeds(model):
    """Put back the seeds that layers move which are random at prediction, too."""
    found = [x for x in model.variables if x.name == "seed_generator_state"]
    before = [keras.ops.convert_to_numpy(x) for x in found]
    try:
        yield
    finally:
        for variable, value in zip(found, before, strict=True):
            variable.assign(value)


def features(model, X, batch_size, layer=None):
    """Return what goes into the last layer with weights, or into a named one."""
    from skcalib.backends import _keras_features

    refuse_unbuilt(model)
    X = inputs_of(model, X)
    run = _function(model, X, ("features", layer), _keras_features.make_call(layer, None))
    return _keras_features.join(model, [(b, run(b)[2]) for b in batches(X, batch_size)])


def outputs_logits(model):
    """Tell from the loss that the model was compiled with what its output is, if it says."""
    loss = getattr(model, "loss", None)
    if isinstance(getattr(loss, "from_logits", None), bool):
        return loss.from_logits
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return False if "crossentropy" in name else None


def has_binary_loss(model):
    """Tell whether the loss that the model was compiled with is one for each output."""
    loss = getattr(model, "loss", None)
    name = (
        loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    )
    return name.startswith("binary_")


def input_keys(model):
    """Return names and order of the inputs, or None if the model does not say."""
    return keys_of_inputs(model)


def n_outputs(model):
    """Return the number of columns of the output, or None before the model has run."""
    shape = getattr(model, "output_shape", None)
    known = isinstance(shape, tuple) and all(isinstance(size, int) for size in shape[1:])
    return int(np.prod(shape[1:])) if known else None


def reduce(model):
    """Return a function and its arguments that make this model again, for pickle."""
    try:
        found = model.__reduce__()
        return (_make_again, found) if _LAYERS in sys.modules else found
    except Exception as error:
        raise TypeError(
            f"{name_of(model)} cannot be pickled, because Keras cannot save it: "
            f"{' '.join(str(error).split())[:200]} ... Give its class a get_config (see "
            "keras.saving.register_keras_serializable), or pickle the calibrator alone and "
            "keep the network's weights in a file of their own."
        ) from error


def _make_again(function, arguments):
    """Make a model that may hold our layers, which Keras must know first."""
    import_module(_LAYERS)
    return function(*arguments)


def cut(model, name, *, before_activation=True):
    """Return a functional model of what stands before the last activation, and its name."""
    from skcalib.backends import _keras_cut

    return _keras_cut.cut(model, name, before_activation=before_activation)


def copy_inputs(model):
    """Return new inputs like those of a functional model."""
    from skcalib.backends import _keras_cut

    return _keras_cut.copy_inputs(model)


def check_float64(dtype):
    """Raise if the library would take float64 for float32."""
    if dtype != "float64" or keras.config.backend() != "jax":
        return
    import jax

    if not jax.config.jax_enable_x64:
        raise ValueError(
            "dtype='float64' needs double precision, which JAX has only after "
            "jax.config.update('jax_enable_x64', True)."
        )


def layers_keep(dtype):
    """Tell whether Keras's own layers compute in this type: dense ones on torch do not."""
    return dtype != "float64" or keras.config.backend() != "torch"


def _call(model, inputs):
    """Return a model's output, and None for the features, which are not asked for."""
    return get_only_output(model(inputs, training=False), name_of(model)), None


def _answer(model, X, batch_size, key, call):
    """Return what stands before the last activation, its name, and features, if any."""
    refuse_unbuilt(model)
    X = inputs_of(model, X)
    run, n_weights = _function(model, X, key, call), len(model.weights)
    answers, features = [], []
    for batch in batches(X, batch_size):
        values, last_activation, read = run(batch)
        rows = reshape_logits(values, len(list_arrays(batch)[0]), name_of(model))
        answers.append((rows, last_activation))
        features.append((batch, read))
    if len(model.weights) > n_weights:
        raise ValueError(
            f"{name_of(model)} had layers without weights, which were drawn at random in its "
            "first call. Call it once before training, or load its weights."
        )
    joined = None
    if key:
        from skcalib.backends import _keras_features

        joined = _keras_features.join(model, features)
    return *join_batches(answers, name_of(model)), joined


def _function(model, X, key, call):
    """Return the compiled function for inputs like these, built once for each model."""
    key = (*key, structure_of(X))
    return compiled(
        model, key, lambda: _build(model, map_arrays(lambda part: part[:1], X), call)
    )


def _build(model, batch, call):
    alive = weakref.ref(model)  # the cache must not keep the model alive
    call = partial(_call_alive, alive, call)
    library = keras.config.backend()
    if library == "tensorflow":
        from skcalib.backends import _keras_tensorflow

        return _keras_tensorflow.build(call, batch, runs_eagerly(model))
    if library == "jax":
        from skcalib.backends import _keras_jax

        return _keras_jax.build(call, lambda: alive().variables)
    from skcalib.backends import _keras_torch

    return _keras_torch.build(call)


def _call_alive(alive, call, inputs):
    return call(alive(), inputs)
