"""What is asked of every Keras model: its inputs, its layers, its compiled functions."""

import weakref
from collections.abc import Mapping
from threading import RLock

import keras
import numpy as np

from skcalib.backends._arrays import Inputs, as_arrays, list_arrays, map_arrays, sort_inputs
from skcalib.backends._inputs import InputKeys

_FUNCTIONS = weakref.WeakKeyDictionary()  # model -> its state, {signature: compiled function}
_SEEN = weakref.WeakKeyDictionary()  # the same of what a look at it has found
_LOCK = RLock()


def name_of(model):
    return f"The Keras model {model.name!r}"


def layers_of(model):
    """Return all layers, those of nested models, too."""
    found = []
    for layer in getattr(model, "layers", ()):
        found += [layer, *layers_of(layer)]
    return found


def layers_in(model):
    """Return all that a model tracks, also layers inside layers of the user's own."""
    return [layer for layer in model._flatten_layers(include_self=False)]


def refuse_unbuilt(model):
    if not model.built or (not model.weights and any(not x.built for x in layers_of(model))):
        raise ValueError(
            f"{name_of(model)} has no weights yet. Train it, or load its weights, first: a "
            "frozen network is never trained here."
        )


def keys_of_inputs(model):
    """Return names and order of the inputs, or None if the model does not say."""
    tensors = getattr(model, "inputs", None)
    if tensors:
        names = tuple(tensor.name for tensor in tensors)
        has_order = len(names) == 1 or not isinstance(model.input, Mapping)
        return InputKeys(names, len(names), has_order, len(tensors[0].shape))
    shape = (model.get_build_config() or {}).get("input_shape")  # of a class of the user's
    if isinstance(shape, Mapping):
        return InputKeys(tuple(shape), len(shape), False)
    if not isinstance(shape, list | tuple):
        return None
    if all(isinstance(part, list | tuple) for part in shape):
        return InputKeys(tuple(range(len(shape))), len(shape))
    return InputKeys((0,), 1, rank=len(shape))


def inputs_of(model, X):
    """Return arrays, in the structure that the model expects."""
    X = as_arrays(X)
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    if not names or set(names) != set(X if isinstance(X, Mapping) else ()):
        X = sort_inputs(X)
    given = isinstance(X, Mapping)
    if isinstance(X, Inputs) or not names or (len(names) == 1 and not given):
        return map_arrays(_to_floatx, X)
    if not given or set(names) != set(X):
        got = f"holds {list(X)}" if given else f"is a {type(X).__name__}"
        raise ValueError(
            f"{name_of(model)} has the inputs {names}, but X {got}; give a dict of arrays "
            "whose keys are the names of the inputs, or a list of as many arrays."
        )
    if not isinstance(model.input, Mapping):
        X = Inputs(X[name] for name in names) if len(names) > 1 else X[names[0]]
    return map_arrays(_to_floatx, X)


def _to_floatx(part):
    return part.astype(keras.config.floatx()) if part.dtype == np.float64 else part


def structure_of(X):
    names = tuple(X) if isinstance(X, Mapping) else type(X)
    return names, *((part.dtype.str, part.shape[1:]) for part in list_arrays(X))


def seen(model, key, look):
    """Return what `look` has found for this key and for the model as it is now."""
    return compiled(model, key, look, _SEEN)


def compiled(model, key, build, store=_FUNCTIONS):
    """Return what `build` gave for this key and for the model as it is now."""
    state = _state(model)
    with _LOCK:
        known, functions = store.get(model, (None, {}))
        if known != state:
            functions = {}
            store[model] = state, functions
        if key not in functions:
            functions[key] = build()
        return functions[key]


def _state(model):
    """Return what a compiled function takes for granted: all but weights.

    Whatever else a model's own code reads is read again after ``compile``.
    """
    layers = (
        (_Same(layer), _Same(getattr(layer, "activation", None)), layer.dtype_policy.name)
        for layer in layers_of(model)
    )
    compiled = (_Same(getattr(model, "optimizer", None)), _Same(getattr(model, "loss", None)))
    return *layers, *compiled, len(model.variables), runs_eagerly(model)


class _Same:
    """Equal if the same object, which it keeps: a number of a freed one may be given again."""

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return self.thing is other.thing

    __hash__ = None


def runs_eagerly(model):
    return bool(getattr(model, "run_eagerly", False))
