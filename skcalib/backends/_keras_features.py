"""What a Keras model feeds to its last layer, noted while the model is called."""

import weakref
from contextlib import contextmanager
from threading import RLock

import keras
import numpy as np

from skcalib.backends._arrays import batches, count_all_rows, list_for_keras, map_arrays
from skcalib.backends._keras_models import (
    compiled,
    inputs_of,
    name_of,
    refuse_unbuilt,
    runs_eagerly,
    structure_of,
)

_LOCK = RLock()  # layers' calls are watched for all threads, or for none


def features(model, X, batch_size, layer=None):
    """Return the input of the last layer with weights (or of a named one), a row a sample."""
    refuse_unbuilt(model)
    X = inputs_of(model, X)
    key = ("features", layer, structure_of(X))
    run = compiled(model, key, lambda: _build(model, map_arrays(lambda p: p[:1], X), layer))
    parts = []
    for batch in batches(X, batch_size):
        n_rows = count_all_rows(batch)
        values = np.asarray(run(batch))
        if values.shape[:1] != (n_rows,):
            raise ValueError(
                f"{name_of(model)} passes its last layer an array of shape {values.shape} "
                f"for {n_rows} samples; features need a row for each sample. Name another "
                "layer with layer=, or give on='inputs'."
            )
        parts.append(values.reshape(n_rows, -1))
    return np.concatenate(parts)


def _build(model, batch, layer):
    alive = weakref.ref(model)  # the cache must not keep the model alive

    def call(inputs):
        model = alive()
        with _watch_layers() as seen:
            model(inputs, training=False)
        return keras.ops.cast(_choose(seen, model, layer), "float32")

    if runs_eagerly(model) or keras.config.backend() == "torch":
        return lambda batch: keras.ops.convert_to_numpy(
            keras.ops.stop_gradient(call(list_for_keras(batch)))
        )
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        specs = map_arrays(lambda p: tf.TensorSpec((None, *p.shape[1:]), p.dtype), batch)
        traced = tf.function(call, input_signature=[list_for_keras(specs)], autograph=False)
        return lambda batch: traced(list_for_keras(batch)).numpy()
    import jax

    @jax.jit
    def run(weights, inputs):
        # Weights are arguments, else they would be frozen into the compiled function.
        state = zip(alive().variables, weights, strict=True)
        with keras.StatelessScope(state_mapping=state):
            return call(inputs)

    return lambda batch: np.asarray(
        run([v.value for v in alive().variables], list_for_keras(batch))
    )


@contextmanager
def _watch_layers():
    """Note the inputs of layers with weights of their own, in the order of their calls."""
    seen = []
    original = keras.layers.Layer.__call__

    def noting(self, *args, **kwargs):
        output = original(self, *args, **kwargs)
        if args:
            seen.append((self, args[0]))
        return output

    with _LOCK:
        try:
            keras.layers.Layer.__call__ = noting
            yield seen
        finally:
            keras.layers.Layer.__call__ = original


def _choose(seen, model, layer):
    if layer is not None:
        found = [x for called, x in seen if called.name == layer]
        if not found:
            names = ", ".join(dict.fromkeys(called.name for called, _ in seen))
            raise ValueError(
                f"layer={layer!r} is not a layer that {name_of(model)} calls. It calls {names}."
            )
        return found[-1]
    with_weights = [x for called, x in seen if _owns_weights(called)]
    if not with_weights:
        raise ValueError(
            f"{name_of(model)} calls no layer with weights, so it has no features. Name a "
            "layer with layer=, or give on='inputs'."
        )
    return with_weights[-1]


def _owns_weights(layer):
    """Tell a layer that multiplies by weights from containers and from normalisation."""
    return not getattr(layer, "layers", None) and hasattr(layer, "kernel")
