"""Keras models on torch: activations are noted while a model runs."""

import torch

from skcalib.backends._arrays import list_for_keras
from skcalib.backends._torch_activations import SeenActivations


def build(call):
    """Return a model, which is not compiled, up to its last activation.

    `call` and the answers are as on TensorFlow.
    """

    def run(inputs):
        with torch.no_grad(), SeenActivations() as seen:
            output, features = call(list_for_keras(inputs))
            values, last_activation = seen.before_activation(output)
        return _to_numpy(values), last_activation, _to_numpy(features)

    return run


def _to_numpy(values):
    return None if values is None else values.float().cpu().numpy()
