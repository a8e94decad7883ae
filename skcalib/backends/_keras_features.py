"""What a Keras model feeds to its last layer, noted while the model is called."""

from contextlib import contextmanager
from threading import RLock

import keras
import numpy as np

from skcalib.backends._arrays import count_all_rows
from skcalib.backends._keras_models import name_of

_LOCK = RLock()  # layers' calls are watched for all threads, or for none


def make_call(layer, call):
    """Return a function of a model and inputs, for its output and its features.

    The features are the input of the last layer with weights, or of a named one. The output
    is that of `call`; None without one.
    """

    def watched(model, inputs):
        with _watch_layers() as seen:
            if call is None:
                output = None
                model(inputs, training=False)
            else:
                output, _ = call(model, inputs)
        return output, keras.ops.cast(_choose(seen, model, layer), "float32")

    return watched


def join(model, parts):
    """Return one matrix of the features of batches, or say what shape came."""
    rows = []
    for batch, values in parts:
        n_rows = count_all_rows(batch)
        if values.shape[:1] != (n_rows,):
            raise ValueError(
                f"{name_of(model)} passes its last layer an array of shape {values.shape} "
                f"for {n_rows} samples; features need a row for each sample. Name another "
                "layer with layer=, or give on='inputs'."
            )
        rows.append(values.reshape(n_rows, -1))
    return np.concatenate(rows)


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
