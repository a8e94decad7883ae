"""What a torch module feeds to its last linear operation, noted while the module runs."""

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from skcalib.backends._arrays import batches, count_all_rows
from skcalib.backends._torch_modules import (
    as_python,
    call,
    convert_inputs,
    in_evaluation_mode,
    name_of,
)

_WITH_WEIGHTS = {F.linear, F.bilinear, F.conv1d, F.conv2d, F.conv3d}


def features(model, X, batch_size, layer=None):
    """Return the input of the last product with weights (or of a named part), row by row."""
    X = convert_inputs(model, X)
    parts = []
    with in_evaluation_mode(model), as_python(), torch.no_grad():
        for batch in batches(X, batch_size):
            values = _find_named(model, batch, layer) if layer else _find_last(model, batch)
            n_rows = count_all_rows(batch)
            if values.shape[:1] != (n_rows,):
                raise ValueError(
                    f"{name_of(model)} has features of shape {tuple(values.shape)} for "
                    f"{n_rows} samples; they need a row for each sample. Name another part "
                    "with layer=, or give on='inputs'."
                )
            parts.append(values.reshape(n_rows, -1).float().cpu().numpy())
    return np.concatenate(parts)


class _Inputs(TorchFunctionMode):
    """Notes what goes into the products with weights."""

    def __init__(self):
        super().__init__()
        self.last = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _WITH_WEIGHTS:
            self.last = args[0] if args else kwargs["input"]
        return func(*args, **kwargs)


def _find_last(model, batch):
    with _Inputs() as noted:
        call(model, batch)
    if noted.last is None:
        raise ValueError(
            f"{name_of(model)} has no linear operation, so it has no features. Name a part "
            "with layer=, or give on='inputs'."
        )
    return noted.last


def _find_named(model, batch, layer):
    parts = dict(model.named_modules())
    if layer not in parts:
        raise ValueError(
            f"layer={layer!r} is not a part of {name_of(model)}. It has "
            f"{', '.join(name for name in parts if name)}."
        )
    found = []
    handle = parts[layer].register_forward_pre_hook(lambda part, args: found.append(args[0]))
    try:
        call(model, batch)
    finally:
        handle.remove()
    if not found:
        raise ValueError(f"{name_of(model)} does not call layer={layer!r}.")
    return found[-1]
