"""Which activation a network on torch ends with, and what went into it."""

from typing import NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from skcalib.backends._arrays import plain

_HEADS = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "logsigmoid": "sigmoid",  # of one output: its input is the logit, too
    "special_softmax": "softmax",
    "special_log_softmax": "log_softmax",
    "log_softmax": "log_softmax",
    "linear": "linear",
    "addmm": "linear",
    "matmul": "linear",
    "mm": "linear",
    "conv1d": "linear",
    "conv2d": "linear",
    "conv3d": "linear",
}
# What may stand between the last activation and the end without mixing columns.
_PASSES = {
    *("to", "type", "float", "double", "half", "bfloat16", "clone", "contiguous", "detach"),
    *("view", "reshape", "flatten", "squeeze", "unsqueeze", "ravel", "__getitem__"),
}


class _Activation(NamedTuple):
    output: torch.Tensor  # of the activation or of what only reshaped it; keeps its id alive
    input: torch.Tensor
    head: str
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
        if name in _HEADS:
            if _is_head(_HEADS[name], output, args, kwargs):
                self._note(output, source, _HEADS[name])
        elif id(source) in self._seen and isinstance(output, torch.Tensor):
            self._follow(name, self._seen[id(source)], source, output)
        return output

    def _follow(self, name, before, source, output):
        """Note what only gives an activation another shape or type, or a bias."""
        same = output.numel() == source.numel() and output.is_floating_point()
        biased = before.head == "linear" and name in ("add", "__add__", "__radd__")
        if (name in _PASSES or biased) and same and before.is_untouched():
            self._note(output, before.input, before.head)

    def _note(self, output, source, head):
        versions = (output._version, source._version)
        self._seen[id(output)] = _Activation(output, source, head, versions)

    def before_activation(self, output):
        """Return what went into the last activation, and its name (None: there was none)."""
        found = self._seen.get(id(output))
        if found is None or not found.is_untouched():
            return output, None
        if found.head in ("log_softmax", "linear"):
            return output, found.head
        return found.input.reshape(output.shape), found.head


def build(call):
    """Return a Keras model on torch, which is not compiled, up to its last activation."""

    def run(inputs):
        with torch.no_grad(), SeenActivations() as seen:
            values, head = seen.before_activation(call(plain(inputs)))
        return values.float().cpu().numpy(), head

    return run


def _is_head(head, output, args, kwargs):
    """Tell whether what was called could be the last activation of a classifier."""
    if "out" in kwargs or not isinstance(output, torch.Tensor):
        return False
    if head in ("sigmoid", "linear"):
        return True
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    dim = 1 if dim is None and output.ndim == 2 else dim
    if not isinstance(dim, int) or output.ndim == 0:
        return False
    dim %= output.ndim  # over all that belongs to one row
    return dim > 0 and output.numel() == output.shape[0] * output.shape[dim]
