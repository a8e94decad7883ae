"""Keras models on torch: activations are noted while a model runs."""

import torch

from skcalib.backends._arrays import plain
from skcalib.backends._torch_heads import SeenActivations


def build(call):
    """Return a model, which is not compiled, up to its last activation."""

    def run(inputs):
        with torch.no_grad(), SeenActivations() as seen:
            values, head = seen.before_activation(call(plain(inputs)))
        return values.float().cpu().numpy(), head

    return run
