"""Draws of Keras models on torch: nothing is compiled, and nothing is differentiated."""

import keras
import torch

from skcalib.backends._arrays import list_for_keras


def compile_start(before, batch, name, variables):
    """Return what comes before the first random layer, and what it gives."""

    def start(inputs):
        with torch.no_grad():
            return before(inputs)

    return start, start(list_for_keras(batch))


def compile_draw(after, found, shapes, variables):
    """Return what comes behind; variables cannot change in it."""

    def draw(state, masks):
        with torch.no_grad(), keras.StatelessScope():
            return after(state, [(*pair, None)[:2] for pair in masks])

    return draw


def compile_last(finish, units, variables):
    """Return what follows the logits."""

    def last(logits):
        with torch.no_grad():
            return keras.ops.convert_to_numpy(finish(keras.ops.convert_to_tensor(logits)))

    return last


def join(states):
    """Join what the start gave for several batches."""
    return [torch.cat(parts) for parts in zip(*states, strict=True)]


def take(state, rows):
    """Return what the start gave for these rows."""
    return [part[torch.as_tensor(rows, device=part.device)] for part in state]


def fetch(draws, n_rows):
    """Return the answers of several draws as one array, which leaves a card once."""
    return keras.ops.convert_to_numpy(draws[0] if len(draws) == 1 else torch.cat(draws))


def has_card():
    """Tell whether models run on an accelerator."""
    return torch.cuda.is_available()


def product_of_masked():
    """Return None: an ordinary product for each mask is as fast."""
    return None


def is_in_loop():
    """Return False: loops run as they are."""
    return False
