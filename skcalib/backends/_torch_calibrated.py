"""A torch module around one of the user's, with its calibration behind it."""

import copy
from typing import NamedTuple

import torch

from skcalib.backends._outputs import get_only_output
from skcalib.backends._torch_activations import SeenActivations
from skcalib.backends._torch_modules import name_of


class TorchNamespace:
    """The functions of operations, on tensors of one floating type.

    Constants are buffers of the module, in the order in which the operations ask for them.

    Parameters
    ----------
    buffers : list of Tensor
        Those of before, or a list that is filled.
    like : Tensor
        Tells type and device.
    """

    exp = staticmethod(torch.exp)
    log = staticmethod(torch.log)
    sqrt = staticmethod(torch.sqrt)
    absolute = staticmethod(torch.abs)
    round = staticmethod(torch.round)
    maximum = staticmethod(torch.maximum)
    minimum = staticmethod(torch.minimum)
    where = staticmethod(torch.where)
    matmul = staticmethod(torch.matmul)

    def __init__(self, buffers, like, *, fills=False):
        self.eps, self.tiny = torch.finfo(like.dtype).eps, torch.finfo(like.dtype).tiny
        self._buffers = buffers
        self._like = like
        self._fills = fills
        self._number = 0

    def constant(self, values):
        """Return numbers as a tensor."""
        return self._next(values, self._like.dtype)

    def index_constant(self, values):
        """Return whole numbers as a tensor."""
        return self._next(values, torch.int64)

    def _next(self, values, dtype):
        if self._fills:
            self._buffers.append(torch.tensor(values, dtype=dtype))
        self._number += 1
        return self._buffers[self._number - 1]

    def sum(self, x):
        """Return the sum of each row."""
        return torch.sum(x, dim=-1, keepdim=True)

    def max(self, x):
        """Return the largest of each row."""
        return torch.amax(x, dim=-1, keepdim=True)

    def columns(self, x, numbers):
        """Return some columns."""
        return torch.cat([x[..., k : k + 1] for k in numbers], dim=-1)

    def concat(self, arrays):
        """Put tensors side by side."""
        return torch.cat(arrays, dim=-1)

    def lookup(self, table, index):
        """Return entries of a vector."""
        return table[index]

    def find_masked(self, x):
        """Return which logits are minus infinity."""
        return x == -torch.inf

    def as_index(self, condition):
        """Return 1 where a condition holds, else 0."""
        return condition.to(torch.int64)


class Reading(NamedTuple):
    """How the answer of a network is read, as when it was calibrated."""

    is_proba: bool  # what the calibration takes
    says_logits: bool  # whether an output of unknown origin is logits
    linear_is_proba: bool  # whether even a linear output is not, by its user's word
    outputs: tuple | None  # of the classes

    def expand(self, values, last_activation):
        """Return a column for each class, logits or probabilities."""
        if last_activation == "linear" and self.linear_is_proba:
            last_activation = None
        is_proba = last_activation is None and not self.says_logits
        if is_proba != self.is_proba:
            was, now = (
                ("probabilities", "logits") if self.is_proba else ("logits", "probabilities")
            )
            raise ValueError(
                f"The network was calibrated on {was} and now answers with {now}: its last "
                "activation is hidden, or depends on its input. Calibrate a network that "
                "ends before it."
            )
        if values.shape[1] == 1:
            pair = [1 - values, values] if is_proba else [-values / 2, values / 2]
            values = torch.cat(pair, dim=1)
        elif last_activation == "sigmoid":  # one of the class against the rest
            values = torch.nn.functional.logsigmoid(values)
        if self.outputs is None:
            return values
        return torch.cat([values[:, k : k + 1] for k in self.outputs], dim=1)


class CalibratedModule(torch.nn.Module):
    """Calibrated probabilities of modules, or of logits if there are none.

    The map is computed in the type of its constants, float64 unless the module was cast. Its
    state is that of the modules, and the text of the description.

    Parameters
    ----------
    networks : list of torch.nn.Module
        Copied. They are given all that `forward` is given; without one, it takes logits.
    readings : list of Reading
        How the answer of each is read.
    program : Program
        A function of a namespace and of the answers of all networks, which returns
        probabilities. It asks for the same constants in the same order whenever it is called,
        has a `text` and `widths`, and makes another of a text by `replace`.
    """

    def __init__(self, networks, readings, program):
        super().__init__()
        self.networks = torch.nn.ModuleList(map(_copy_module, networks))
        self._readings = readings
        # Tells the type of the map, also where it has no constants.
        self.register_buffer(
            "precision", torch.zeros((), dtype=torch.float64), persistent=False
        )
        self._n_constants = 0
        self._take(program)
        self.eval()

    def _take(self, program):
        for number in range(self._n_constants):
            delattr(self, f"constant_{number}")
        buffers = []
        examples = [torch.zeros((2, n), dtype=torch.float64) for n in program.widths]
        program(TorchNamespace(buffers, examples[0], fills=True), examples)
        for number, values in enumerate(buffers):
            dtype = self.precision.dtype if values.is_floating_point() else None
            values = values.to(self.precision.device, dtype)
            self.register_buffer(f"constant_{number}", values, persistent=False)
        self._program, self._n_constants = program, len(buffers)

    def get_extra_state(self):
        """Return the text of the description as bytes, for the ``state_dict``."""
        return torch.tensor(list(self._program.text.encode()), dtype=torch.uint8)

    def set_extra_state(self, state):
        """Take the calibration of a ``state_dict``; it must be for as many columns."""
        program = self._program.replace(bytes(state.tolist()).decode())
        if program.widths != self._program.widths:
            raise ValueError(
                f"The state holds a calibration of {program.widths} columns; this module has "
                f"networks with {self._program.widths}."
            )
        self._take(program)

    def forward(self, *args, **kwargs):
        """Return calibrated probabilities, a column for each class in sorted order.

        Parameters
        ----------
        *args, **kwargs
            What the user's module takes; logits of shape (n, n_classes) if there is none.

        Returns
        -------
        proba : Tensor of shape (n, n_classes)
        """
        if len(self.networks):
            pairs = zip(self.networks, self._readings, strict=True)
            answers = [_answer(network, r, args, kwargs) for network, r in pairs]
        else:
            answers = [*args, *kwargs.values()]
        dtype = answers[0].dtype
        constants = [getattr(self, f"constant_{k}") for k in range(self._n_constants)]
        namespace = TorchNamespace(constants, self.precision)
        proba = self._program(namespace, [x.to(self.precision.dtype) for x in answers])
        return proba.to(dtype if dtype == torch.float64 else torch.float32)


def _copy_module(module):
    return copy.deepcopy(getattr(module, "_orig_mod", module))  # as it was before compiling


@torch.compiler.disable
def _answer(network, reading, args, kwargs):
    with SeenActivations() as seen:
        output = get_only_output(network(*args, **kwargs), name_of(network))
        values, last_activation = seen.before_activation(output)
    values = values.reshape(values.shape[0], -1) if values.ndim != 2 else values
    return reading.expand(values, last_activation)
