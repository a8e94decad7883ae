"""What is asked of every torch module: its inputs, its weights, a call in evaluation mode."""

import sys
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext
from threading import RLock

import numpy as np
import torch

from skcalib.backends._arrays import Inputs, as_arrays, map_arrays, sort_inputs

_LOCK = RLock()
_DROPS = (  # with dropout of their own, or a short cut that is without
    torch.nn.modules.dropout._DropoutNd,
    torch.nn.RNNBase,
    torch.nn.MultiheadAttention,
    torch.nn.TransformerEncoderLayer,
    torch.nn.TransformerDecoderLayer,
    torch.nn.TransformerEncoder,
)


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
    """Call a module on arrays."""
    return call_on_tensors(model, to_tensors(model, sort_inputs(batch)))


def to_tensors(model, batch):
    """Return arrays as tensors where the weights are."""
    weights = next((w for w in _weights(model) if w.is_floating_point()), None)

    def tensor(part):
        # A copy: the module may write to its input.
        made = torch.tensor(np.ascontiguousarray(part))
        if weights is None:
            return made
        return made.to(weights.device, weights.dtype if made.is_floating_point() else None)

    return map_arrays(tensor, batch)


def call_on_tensors(model, batch):
    """Call a module on tensors: one, several in order, or several by name."""
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, Inputs) else model(batch)


@contextmanager
def as_python():
    """Run compiled modules as they were written, so that the calls inside them are seen.

    They would be compiled again whenever someone looks, until torch gives up.
    """
    compiles = "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance")
    with torch.compiler.set_stance("force_eager") if compiles else nullcontext():
        yield


@contextmanager
def in_evaluation_mode(model):
    """Put a module into evaluation mode, and each part of it back as it was."""
    with _put_modes_back(model) as modes:
        if any(mode for _, mode in modes):
            model.eval()
        yield


@contextmanager
def in_drawing_mode(model, own_code=True):
    """Put what drops into training mode, and all else into evaluation mode.

    With `own_code` also modules of the user's own, whose code may ask for the mode.
    """
    with _put_modes_back(model) as modes:
        for part, _ in modes:
            part.training = isinstance(part, _DROPS) or (own_code and not _stays_off(part))
        yield


def _stays_off(part):
    is_of_torch = type(part).__module__.split(".")[0] == "torch"
    return is_of_torch or isinstance(part, torch.nn.modules.batchnorm._NormBase)


@contextmanager
def _put_modes_back(model):
    with _LOCK:  # another thread must neither see the modes between, nor switch back
        modes = [(part, part.training) for part in model.modules() if hasattr(part, "training")]
        try:
            yield modes
        finally:
            for part, mode in modes:
                part.training = mode
