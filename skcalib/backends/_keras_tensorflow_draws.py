"""Draws of Keras models on TensorFlow: compiled functions for any number of rows and draws."""

from contextlib import contextmanager

import keras
import tensorflow as tf

from skcalib.backends import _tensorflow_products
from skcalib.backends._arrays import list_for_keras, map_arrays
from skcalib.backends._sampling import CannotDraw


def compile_start(before, batch, name, variables):
    """Compile what comes before the first random layer; return it and what it gives.

    `variables` lists those of the model, which are not arguments of a function here.
    """
    specs = map_arrays(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), batch)
    start = tf.function(before, input_signature=[list_for_keras(specs)], autograph=False)
    try:
        return start, start.get_concrete_function().structured_outputs
    except Exception as error:
        raise CannotDraw(
            f"{name} cannot be compiled by TensorFlow, which draws need: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error


def compile_draw(after, found, shapes, variables):
    """Compile what comes behind; variables cannot change in it.

    `found` is what the start gives, `shapes` are those of the masks of each random layer:
    a scale, or a scale and a shift.
    """
    frontier = [tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in found]
    masks = [tuple(tf.TensorSpec(shape, "float32") for shape in pair) for pair in shapes]

    def run(frontier, masks):
        with keras.StatelessScope(), _inline():
            return after(frontier, [(*pair, None)[:2] for pair in masks])

    draw = tf.function(run, input_signature=[frontier, masks], autograph=False)
    draw.get_concrete_function()
    return draw


@contextmanager
def _inline():
    """Run functions of the user's as Python, so that none of them keeps our masks."""
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eagerly)


def is_in_loop():
    """Tell whether what is being traced is the body of a loop."""
    return type(tf.compat.v1.get_default_graph()).__name__ == "WhileBodyFuncGraph"


def compile_last(finish, units, variables):
    """Compile what follows the logits; it is traced when it is first called."""
    signature = [tf.TensorSpec((None, None, units), "float32")]
    traced = tf.function(finish, input_signature=signature, autograph=False)
    return lambda logits: traced(logits).numpy()


def join(states):
    """Join what the start gave for several batches."""
    return [tf.concat(parts, 0) for parts in zip(*states, strict=True)]


def take(state, rows):
    """Return what the start gave for these rows."""
    return [tf.gather(part, rows) for part in state]


def fetch(draws, n_rows):
    """Return the answers of several draws as one array, which leaves a card once."""
    return (draws[0] if len(draws) == 1 else tf.concat(draws, 0)).numpy()


def has_card():
    """Tell whether models run on an accelerator."""
    return bool(tf.config.list_logical_devices("GPU"))


def product_of_masked():
    """Return a product for many masks at once, or None if that is not faster here."""
    return _tensorflow_products.product_of_masked if _tensorflow_products.pays() else None
