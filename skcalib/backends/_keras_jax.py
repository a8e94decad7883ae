"""Keras models on JAX: activations are noted while a model is traced."""

from contextlib import contextmanager
from threading import RLock

import jax
import keras
import numpy as np

from skcalib.backends._arrays import list_arrays, list_for_keras, map_arrays

_ACTIVATIONS = ("softmax", "sigmoid", "log_softmax")
_LOCK = RLock()


def build(call, variables):
    """Compile a model up to its last activation, for each power of two of rows.

    One that cannot be traced is called as it is. `call` and the answers are as on TensorFlow.
    """
    found = {}

    @jax.jit
    def run(weights, inputs):
        # Weights are arguments, else they would be frozen into the compiled function.
        state = zip(variables(), weights, strict=True)
        with keras.StatelessScope(state_mapping=state):
            values, found["last_activation"], features = _before_activation(call, inputs)
        return values, features

    def padded(inputs):
        n_rows = len(list_arrays(inputs)[0])
        with _LOCK:  # a first call traces, and puts the noting activations in place
            try:
                weights = [variable.value for variable in variables()]
                many = map_arrays(_pad_to_power_of_two, inputs)
                n_run = len(list_arrays(many)[0])
                values, features = (
                    _take_rows(part, n_rows, n_run)
                    for part in run(weights, list_for_keras(many))
                )
                return values, found["last_activation"], features
            except Exception:  # code that needs values; a real error comes back here
                values, name, features = _before_activation(call, list_for_keras(inputs))
                return _take_rows(values, n_rows), name, _take_rows(features, n_rows)

    return padded


def _pad_to_power_of_two(part):
    """Repeat the last row, so that few sizes of batches are ever compiled."""
    missing = (1 << (len(part) - 1).bit_length()) - len(part)
    return np.concatenate([part, np.repeat(part[-1:], missing, axis=0)]) if missing else part


def _take_rows(values, n_rows, n_run=None):
    """Return an array without the rows that were added, if it has a row for each."""
    if values is None or len(values) != n_run:
        return None if values is None else np.asarray(values)
    return np.asarray(values)[:n_rows]


def _before_activation(call, inputs):
    with _note_activations(jax.nn) as seen:
        output, features = call(inputs)
    for name, x, result in seen:
        if result is output:
            return (output if name == "log_softmax" else x), name, features
    return output, None, features


@contextmanager
def _note_activations(module):
    """Note what goes into and comes out of the activations over the last axis."""
    seen = []
    originals = {name: getattr(module, name) for name in _ACTIVATIONS}

    def noting(name):
        def activation(x, *args, **kwargs):
            output = originals[name](x, *args, **kwargs)
            axis = args[0] if args else kwargs.pop("axis", -1)
            last = name == "sigmoid" or axis in (-1, np.ndim(output) - 1)
            if last and len(args) < 2 and not kwargs:
                seen.append((name, x, output))
            return output

        return activation

    try:
        for name in _ACTIVATIONS:
            setattr(module, name, noting(name))
        yield seen
    finally:
        for name, original in originals.items():
            setattr(module, name, original)
