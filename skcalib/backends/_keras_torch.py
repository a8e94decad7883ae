"""Keras models on torch: activations are noted while a model runs."""

import torch

from skcalib.backends._arrays import list_for_keras
from skcalib.backends._torch_activations import SeenActivations


def build(call):
    """Return a model, which is not compiled, up to its last activation."""

    def run(inputs):
        with torch.no_grad(), SeenActivations() as seen:
            values, last_activation = seen.before_activation(call(list_for_keras(inputs)))
        return values.float().cpu().numpy(), last_activation

    return run
