"""What a torch module feeds to its last linear operation, noted while the module runs."""

from contextlib import contextmanager

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
            with Watch(model, layer) as watch:
                call(model, batch)
            parts.append(watch.features(count_all_rows(batch)))
    return np.concatenate(parts)


class Watch:
    """Notes the features of a batch while a module runs."""

    def __init__(self, model, layer):
        self.model, self.layer = model, layer
        self.found = []
        if layer is None:
            self.noting = _Inputs(self.found)
        else:
            self.noting = _watch_part(model, layer, self.found)

    def __enter__(self):
        self.noting.__enter__()
        return self

    def __exit__(self, *error):
        return self.noting.__exit__(*error)

    def features(self, n_rows):
        """Return what was noted last, a row for each sample."""
        name = name_of(self.model)
        if not self.found and self.layer is not None:
            raise ValueError(f"{name} does not call layer={self.layer!r}.")
        if not self.found:
            raise ValueError(
                f"{name} has no linear operation, so it has no features. Name a part "
                "with layer=, or give on='inputs'."
            )
        values = self.found[-1]
        if values.shape[:1] != (n_rows,):
            raise ValueError(
                f"{name} has features of shape {tuple(values.shape)} for {n_rows} samples; "
                "they need a row for each sample. Name another part with layer=, or give "
                "on='inputs'."
            )
        return values.reshape(n_rows, -1).float().cpu().numpy()


class _Inputs(TorchFunctionMode):
    """Notes what goes into the products with weights."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _WITH_WEIGHTS:
            self.found[:] = [args[0] if args else kwargs["input"]]
        return func(*args, **kwargs)


@contextmanager
def _watch_part(model, layer, found):
    """Note what goes into a named part."""
    parts = dict(model.named_modules())
    if layer not in parts:
        raise ValueError(
            f"layer={layer!r} is not a part of {name_of(model)}. It has "
            f"{', '.join(name for name in parts if name)}."
        )
    handle = parts[layer].register_forward_pre_hook(
        lambda part, args: found.__setitem__(slice(None), args[:1])
    )
    try:
        yield
    finally:
        handle.remove()
