"""Building a Keras model by its user's function, and training it on labels by number."""

from copy import deepcopy

import keras
import numpy as np

from skcalib.backends._arrays import list_for_keras
from skcalib.backends._keras_models import inputs_of, name_of


def build(function):
    """Return the compiled model that a function without arguments makes, or raise."""
    model = function()
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"The 'build' function must return a keras.Model, got a {type(model).__name__}."
        )
    if not model.compiled:
        raise ValueError(
            f"{name_of(model)}, which the 'build' function returned, is not compiled. Call "
            "model.compile(optimizer, loss) in that function, as before model.fit."
        )
    return model


def fit(model, X, target, sample_weight, options):
    """Train by Keras's own `fit`; return its history, epoch by epoch."""
    found = model.fit(inputs(model, X), target, sample_weight=sample_weight, **options)
    return found.history


def inputs(model, X):
    """Return X as Keras's own `fit` takes it."""
    return list_for_keras(inputs_of(model, X))


def convert(X):
    """Return an input as an array of the type that Keras computes in."""
    wide = isinstance(X, np.ndarray) and X.dtype == np.float64
    return X.astype(keras.config.floatx()) if wide else X


def make_callbacks(given):
    """Return callbacks of one training: copies of these, or what a function makes."""
    if callable(given) and not isinstance(given, keras.callbacks.Callback):
        return given()
    return deepcopy(given)


def count_columns(model, X):
    """Return the number of columns of the output, building the model if it is not yet."""
    if not model.built:
        model(list_for_keras(inputs_of(model, X)), training=False)
    shape = getattr(model, "output_shape", None)
    return shape[-1] if isinstance(shape, tuple) and shape else None


def encode(model, codes, n_columns):
    """Return numbers of classes as the loss that the model was compiled with takes them.

    One output takes 0. and 1., a loss whose name begins with ``sparse`` and one of the user's
    own the numbers, every other loss of Keras their one-hot code.
    """
    if n_columns == 1:
        return codes.astype(np.float32)
    loss = model.loss
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    name = name or getattr(loss, "__name__", "")
    kind = type(loss) if isinstance(loss, keras.losses.Loss) else loss
    own = not isinstance(loss, str) and not getattr(kind, "__module__", "").startswith("keras")
    if own or name.startswith("sparse"):
        return codes
    return np.eye(n_columns, dtype=np.float32)[codes]
