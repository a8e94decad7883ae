"""The random states of Keras and of TensorFlow beneath it, seeded for a while."""

import sys
from contextlib import contextmanager

import keras
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

_KEPT = (GLOBAL_SEED_GENERATOR, "global_random_seed")


@contextmanager
def seeded(seed):
    """Do what ``keras.utils.set_random_seed`` does, and put it back.

    Keras keeps its own attributes for each thread, TensorFlow its seed for the process.
    """
    before = {name: global_state.get_global_attribute(name) for name in _KEPT}
    library = _tensorflow_context() if "tensorflow" in sys.modules else None
    state = {name: vars(library).get(name) for name in ("_seed", "_rng")} if library else {}
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        for name, value in before.items():
            global_state.set_global_attribute(name, value)
        if library:
            vars(library).update(state)


def _tensorflow_context():
    from tensorflow.python.eager.context import context

    return context()
