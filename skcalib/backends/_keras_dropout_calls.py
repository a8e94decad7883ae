"""Calls of dropout in Keras networks, whoever makes them, seen and replaced while one runs.

Layers of Keras, cells of recurrent layers, attention and code of the user's all end in a few
functions. These are replaced for a while; what they do then, an object of `Calls` says, for
the thread that runs the network. All other threads get what was there before.
"""

from contextlib import contextmanager
from functools import wraps
from threading import RLock, local

import keras
from keras import layers
from keras.src.backend import random as random_functions
from keras.src.backend.common import global_state

_LOCK = RLock()
_RUNNING = local()
# Random or moving in training, but no dropout: they stay as at prediction.
_OFF = (layers.BatchNormalization, layers.GaussianNoise, layers.SpectralNormalization)
_SPATIAL = layers.SpatialDropout1D.__mro__[1]


class Calls:
    """What a network does about dropout while it runs.

    A subclass has ``drop(value, kind, rate, noise_shape)``, which returns what becomes of
    a value; kind is "dropout", "alpha" or "gaussian".

    Parameters
    ----------
    every_site : bool
        Whether layers of rate 0 count.

    off : set of int
        Identities of nested models that stay as at prediction.
    """

    def __init__(self, *, every_site=False, off=frozenset()):
        self.every_site = every_site
        self.off = off
        self.path = []  # of layers that are running
        self.quiet = 0  # how many of these stay as at prediction
        self.drew = False  # random numbers that no dropout asked for

    def call_layer(self, call, layer, args, kwargs):
        """Call a layer, as at prediction if it is to stay so."""
        quiet = stays_off(layer) or id(layer) in self.off
        context = global_state.get_global_attribute("current_call_ctx")
        training = None if context is None else context.get_value("training")
        if quiet:
            args, kwargs = _without_training(layer, args, kwargs)
        self.path.append(layer)
        self.quiet += quiet
        try:
            return call(layer, *args, **kwargs)
        finally:
            self.quiet -= quiet
            self.path.pop()
            if quiet and context is not None:  # layers that come later inherit this
                context.set_value("training", training)

    def name(self):
        """Return the name of the layer that is running, and its path."""
        names = [layer.name for layer in self.path]
        return (names[-1] if names else "", "/".join(names[1:]))

    def call_dropout(self, value, kind, rate, noise_shape=None):
        """Drop what a layer or a function is asked to drop."""
        if self.quiet and self.path and isinstance(self.path[-1], layers.RNN):
            return value  # it makes masks also where it does not use them
        return self.drop(value, kind, rate, noise_shape)


def stays_off(layer):
    """Tell whether this is noise, augmentation or a normalisation, and no dropout."""
    return isinstance(layer, _OFF) or any(
        cls.__module__.startswith(("keras.src.layers.preprocessing", "keras.src.applications"))
        for cls in type(layer).__mro__
    )


@contextmanager
def intercept(calls):
    """Have the dropout of what runs in this thread done by `calls`."""
    with _LOCK:
        originals = []
        try:
            for owner, name, replacement in _list_replacements():
                original = vars(owner)[name]
                originals.append((owner, name, original))
                setattr(owner, name, wraps(original)(replacement(original)))
            before = getattr(_RUNNING, "calls", None)
            _RUNNING.calls = calls
            try:
                yield calls
            finally:
                _RUNNING.calls = before
        finally:
            for owner, name, original in reversed(originals):
                setattr(owner, name, original)


def _running():
    return getattr(_RUNNING, "calls", None)


def _without_training(layer, args, kwargs):
    names = [*getattr(layer, "call_signature_parameters", ())]
    if "training" not in names:
        return args, kwargs
    place = names.index("training")
    if place < len(args):
        return (*args[:place], False, *args[place + 1 :]), kwargs
    return args, {**kwargs, "training": False}


def _list_replacements():
    """List (owner, name, what makes a replacement of the original)."""
    found = [
        (keras.Layer, "__call__", _layer),
        (layers.Dropout, "call", _dropout_layer("dropout")),
        (_SPATIAL, "call", _dropout_layer("dropout")),
        (layers.AlphaDropout, "call", _dropout_layer("alpha")),
        (layers.GaussianDropout, "call", _dropout_layer("gaussian")),
        (random_functions, "dropout", _function),
        (random_functions, "draw_seed", _seed),
    ]
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        found.append((tf.nn, "dropout", _function))
        found.append((tf.nn.experimental, "stateless_dropout", _stateless))
    if keras.config.backend() == "torch":
        import torch

        found.append((torch.nn.functional, "dropout", _torch_function))
    return found


def _layer(original):
    def __call__(self, *args, **kwargs):
        calls = _running()
        if calls is None:
            return original(self, *args, **kwargs)
        return calls.call_layer(original, self, args, kwargs)

    return __call__


def _dropout_layer(kind):
    def replace(original):
        def call(self, inputs, training=False):
            calls = _running()
            if calls is None:
                return original(self, inputs, training=training)
            if not training or not (self.rate > 0 or calls.every_site):
                return inputs
            noise_shape = getattr(self, "noise_shape", None)
            if hasattr(self, "_get_noise_shape"):
                noise_shape = self._get_noise_shape(inputs)
            return calls.call_dropout(inputs, kind, self.rate, noise_shape)

        return call

    return replace


def _function(original):
    def dropout(inputs, rate, noise_shape=None, *args, **kwargs):
        calls = _running()
        if calls is None:
            return original(inputs, rate, noise_shape, *args, **kwargs)
        return calls.call_dropout(inputs, "dropout", rate, noise_shape)

    return dropout


def _stateless(original):
    def stateless_dropout(x, rate, *args, noise_shape=None, **kwargs):
        calls = _running()
        if calls is None:
            return original(x, rate, *args, noise_shape=noise_shape, **kwargs)
        return calls.call_dropout(x, "dropout", rate, noise_shape)

    return stateless_dropout


def _torch_function(original):
    def dropout(input, p=0.5, training=True, inplace=False):
        calls = _running()
        if calls is None or not training:
            return original(input, p, training, inplace)
        return calls.call_dropout(input, "dropout", p)

    return dropout


def _seed(original):
    def draw_seed(seed):
        calls = _running()
        if calls is not None:
            calls.drew = True
        return original(seed)

    return draw_seed
