"""Draws of Keras models on TensorFlow: compiled functions for any number of rows and draws."""

import tensorflow as tf

from skcalib.backends import _tensorflow_products
from skcalib.backends._arrays import list_for_keras, map_arrays


def compile_start(before, batch, name):
    """Compile what comes before the first random layer; return it and what it gives."""
    specs = map_arrays(lambda part: tf.TensorSpec((None, *part.shape[1:]), part.dtype), batch)
    start = tf.function(before, input_signature=[list_for_keras(specs)], autograph=False)
    try:
        return start, start.get_concrete_function().structured_outputs
    except Exception as error:
        raise ValueError(
            f"{name} cannot be compiled by TensorFlow, which draws need: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error


def compile_draw(after, found, shapes):
    """Compile what comes behind.

    `found` is what the start gives, `shapes` are those of the masks of each random layer:
    a scale, or a scale and a shift.
    """
    frontier = [tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in found]
    masks = [tuple(tf.TensorSpec(shape, "float32") for shape in pair) for pair in shapes]
    draw = tf.function(
        lambda frontier, masks: after(frontier, [(*pair, None)[:2] for pair in masks]),
        input_signature=[frontier, masks],
        autograph=False,
    )
    draw.get_concrete_function()
    return draw


def compile_last(finish, units):
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


def product_of_masked():
    """Return a product for many masks at once, or None if that is not faster here."""
    return _tensorflow_products.product_of_masked if _tensorflow_products.pays() else None
