"""Which activation a network on torch ends with, and what went into it."""

from typing import NamedTuple

import torch
from torch.overrides import TorchFunctionMode

_ACTIVATIONS = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "logsigmoid": "sigmoid",  # its input is the logit, too
    "log_sigmoid": "sigmoid",
    "special_softmax": "softmax",
    "special_log_softmax": "log_softmax",
    "log_softmax": "log_softmax",
    "linear": "linear",
}
# What may stand between the last activation and the end without mixing columns.
_PASSES = {
    *("to", "type", "float", "double", "half", "bfloat16", "clone", "contiguous", "detach"),
    *("view", "reshape", "flatten", "squeeze", "unsqueeze", "ravel"),
}


class _Activation(NamedTuple):
    output: torch.Tensor  # of the activation or of what only reshaped it; keeps its id alive
    input: torch.Tensor
    last_activation: str
    versions: tuple  # of both: operations in place count them up

    def is_untouched(self):
        return self.versions == (self.output._version, self.input._version)


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
        if name in _ACTIVATIONS:
            if _is_last_activation(_ACTIVATIONS[name], output, args, kwargs):
                self._note(output, source, _ACTIVATIONS[name])
        elif id(source) in self._seen and isinstance(output, torch.Tensor):
            before = self._seen[id(source)]
            if before.is_untouched() and _only_reshapes(name, output, source, args):
                self._note(output, before.input, before.last_activation)
        return output

    def _note(self, output, source, last_activation):
        versions = (output._version, source._version)
        self._seen[id(output)] = _Activation(output, source, last_activation, versions)

    def before_activation(self, output):
        """Return what went into the last activation, and its name (None: there was none)."""
        found = self._seen.get(id(output))
        if found is None or not found.is_untouched():
            return output, None
        if found.input.shape[0] not in (1, *output.shape[:1]):
            return output, None  # a softmax for each part of a row
        if found.last_activation in ("log_softmax", "linear"):
            return output, found.last_activation
        return found.input.reshape(output.shape), found.last_activation


def _only_reshapes(name, output, source, args):
    """Tell whether a call gave an activation another shape or type, and no other order."""
    if name == "__getitem__":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        if any(isinstance(part, slice) and part != slice(None) for part in index):
            return False
        if not all(part is None or isinstance(part, int | slice) for part in index):
            return False
    elif name not in _PASSES:
        return False
    return output.numel() == source.numel() and output.is_floating_point()


def _is_last_activation(last_activation, output, args, kwargs):
    """Tell whether what was called could be the last activation of a classifier."""
    if "out" in kwargs or not isinstance(output, torch.Tensor):
        return False
    if last_activation in ("sigmoid", "linear"):
        return True
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    dim = 1 if dim is None and output.ndim == 2 else dim
    if not isinstance(dim, int) or output.ndim == 0:
        return False
    dim %= output.ndim  # over all that belongs to one row
    return dim > 0 and output.numel() == output.shape[0] * output.shape[dim]
