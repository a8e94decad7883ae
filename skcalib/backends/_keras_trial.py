"""A Keras model that is built to be looked at, and leaves no trace."""

import random
from contextlib import contextmanager

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from skcalib.backends._arrays import as_arrays, list_for_keras, map_arrays
from skcalib.backends._keras_models import inputs_of

_NAMES = "object_name_uids"  # how often layers of each kind were named


@contextmanager
def keep_random_state():
    """Put back the random states that building a model moves, and the counters of names."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    names = dict(global_state.get_global_attribute(_NAMES, {}) or {})
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    seed = None if generator is None else keras.ops.convert_to_numpy(generator.state)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if seed is not None:
            generator.state.assign(seed)
        counters = global_state.get_global_attribute(_NAMES)
        if counters is not None:
            counters.clear()
            counters.update(names)


def build_on(model, X):
    """Return a model, built for inputs like these, and X; None if it cannot be built so."""
    X = as_arrays(X)
    if not model.built:
        try:
            model(list_for_keras(map_arrays(lambda part: part[:2], inputs_of(model, X))))
        except Exception:  # it takes something else: fit will tell
            return None
    return model, X
