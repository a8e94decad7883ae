"""Which activation a torch network ends with, and what went into it."""

from typing import NamedTuple

import torch
from torch.overrides import TorchFunctionMode

_HEADS = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "log_softmax": "log_softmax",
}
# What may stand between the last activation and the end without mixing columns.
_PASSES = {
    *("to", "type", "float", "double", "half", "bfloat16", "clone", "contiguous", "detach"),
    *("view", "reshape", "flatten", "squeeze", "unsqueeze", "ravel"),
}


class _Activation(NamedTuple):
    output: torch.Tensor  # of the activation or of what only reshaped it; keeps its id alive
    input: torch.Tensor
    head: str
    over_classes: bool


class SeenActivations(TorchFunctionMode):
    """Notes the activations that a network calls, as functions, methods or modules."""

    def __init__(self):
        super().__init__()
        self._seen = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        source = args[0] if args else kwargs.get("input")
        if name in _HEADS:
            over = _HEADS[name] == "sigmoid" or _is_over_classes(output, args, kwargs)
            self._note(_Activation(output, source, _HEADS[name], over))
        elif name in _PASSES and id(source) in self._seen:
            self._note(self._seen[id(source)]._replace(output=output))
        return output

    def _note(self, activation):
        self._seen[id(activation.output)] = activation

    def before_activation(self, output):
        """Return what went into the last activation, and its name (None: there was none)."""
        found = self._seen.get(id(output))
        if found is None or not found.over_classes:
            return output, None
        if found.head == "log_softmax":
            return output, found.head
        return found.input.reshape(output.shape), found.head


def _is_over_classes(output, args, kwargs):
    """Tell whether a softmax runs over all that belongs to one row."""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    dim = 1 if dim is None and output.ndim == 2 else dim
    if not isinstance(dim, int) or output.ndim == 0:
        return False
    dim %= output.ndim
    return dim > 0 and output.numel() == output.shape[0] * output.shape[dim]
