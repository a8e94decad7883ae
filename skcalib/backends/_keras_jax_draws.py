"""Draws of Keras models on JAX: compiled for each power of two of rows."""

import jax
import keras
import numpy as np
from jax import numpy as jnp

from skcalib.backends._arrays import list_for_keras


def compile_start(before, batch, name, variables):
    """Compile what comes before the first random layer; return it and what it gives."""
    run = _compile(lambda inputs: list(before(inputs)), variables)

    def start(inputs):
        inputs, n_rows = _pad(inputs)
        return [part[:n_rows] for part in run(inputs)]

    return start, start(list_for_keras(batch))


def compile_draw(after, found, shapes, variables):
    """Compile what comes behind; `found` and `shapes` need not be known here."""

    def run(arguments):
        frontier, masks = arguments
        return after(frontier, [(*pair, None)[:2] for pair in masks])

    compiled = _compile(run, variables)

    def draw(state, masks):
        padded, _ = _pad(state)
        masks = [tuple(_pad_own(part, padded) for part in pair) for pair in masks]
        return compiled((padded, masks))

    return draw


def compile_last(finish, units, variables):
    """Compile what follows the logits."""
    compiled = _compile(finish, variables)
    return lambda logits: np.asarray(compiled(logits))


def join(states):
    """Join what the start gave for several batches."""
    return [jnp.concatenate(parts) for parts in zip(*states, strict=True)]


def take(state, rows):
    """Return what the start gave for these rows."""
    return [part[rows] for part in state]


def fetch(draws, n_rows):
    """Return the answers of several draws as one array, which leaves a card once.

    Rows that were repeated are left out here: on a card that would be compiled for each number.
    """
    return np.asarray(draws[0] if len(draws) == 1 else jnp.concatenate(draws))[:, :n_rows]


def has_card():
    """Tell whether models run on an accelerator."""
    return jax.default_backend() != "cpu"


def product_of_masked():
    """Return None: an ordinary product for each mask is as fast."""
    return None


def is_in_loop():
    """Return False: a run of a few rows has told."""
    return False


def _compile(function, variables):
    """Compile a function of one argument, to which weights are arguments as well."""

    @jax.jit
    def run(values, argument):
        # Weights are arguments, else they would be frozen into the compiled function.
        state = list(zip(variables(), values, strict=True))
        with keras.StatelessScope(state_mapping=state):
            return function(argument)

    return lambda argument: run([variable.value for variable in variables()], argument)


def _pad(inputs):
    """Repeat the last row up to a power of two, so that few sizes are ever compiled."""
    leaves = jax.tree.leaves(inputs)
    n_rows = max(len(part) for part in leaves)
    missing = (1 << (n_rows - 1).bit_length()) - n_rows

    def pad(part):
        library = np if isinstance(part, np.ndarray) else jnp
        if missing == 0 or len(part) != n_rows:
            return part
        return library.concatenate([part, library.repeat(part[-1:], missing, axis=0)])

    return jax.tree.map(pad, inputs), n_rows


def _pad_own(masks, padded):
    """Repeat the last row's own masks, if rows have their own."""
    missing = max(len(part) for part in padded) - masks.shape[1]
    if masks.shape[1] == 1 or missing == 0:
        return masks
    return np.concatenate([masks, np.repeat(masks[:, -1:], missing, axis=1)], axis=1)
