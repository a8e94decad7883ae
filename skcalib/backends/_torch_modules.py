"""What is asked of every torch module: its inputs, its weights, a call in evaluation mode."""

from collections.abc import Mapping
from contextlib import contextmanager
from threading import RLock

import numpy as np
import torch

from skcalib.backends._arrays import Inputs, as_arrays, map_arrays, sort_inputs

_LOCK = RLock()


def name_of(model):
    return f"The torch module {type(model).__name__}"


def convert_inputs(model, X):
    """Return arrays of the floating type of the weights; integers only for embeddings."""
    X = as_arrays(X)
    weights = _weights(model)
    dtype = next((w.dtype for w in weights if w.is_floating_point()), torch.float32)
    embeds = any(type(m).__name__.startswith("Embedding") for m in model.modules())
    wanted = np.float64 if dtype == torch.float64 else np.float32

    def convert(part):
        if part.dtype.kind == "f" or (part.dtype.kind in "iub" and not embeds):
            return part.astype(wanted, copy=False)
        return part.astype(np.int64) if part.dtype.kind in "iu" else part

    return map_arrays(convert, X)


def _weights(model):
    weights = [*model.parameters(), *model.buffers()]
    if any(isinstance(w, torch.nn.parameter.UninitializedTensorMixin) for w in weights):
        raise ValueError(
            f"{name_of(model)} has no weights yet. Train it, or load its weights, first: a "
            "frozen network is never trained here."
        )
    return weights


def call(model, batch):
    weights = next((w for w in _weights(model) if w.is_floating_point()), None)

    def tensor(part):
        # A copy: the module may write to its input.
        made = torch.tensor(np.ascontiguousarray(part))
        if weights is None:
            return made
        return made.to(weights.device, weights.dtype if made.is_floating_point() else None)

    batch = map_arrays(tensor, sort_inputs(batch))
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, Inputs) else model(batch)


@contextmanager
def in_evaluation_mode(model):
    """Put a module into evaluation mode, and each part of it back as it was."""
    with _LOCK:  # another thread must neither see the modes between, nor switch back
        modes = [(part, part.training) for part in model.modules() if hasattr(part, "training")]
        try:
            if any(mode for _, mode in modes):
                model.eval()
            yield
        finally:
            for part, mode in modes:
                part.training = mode
