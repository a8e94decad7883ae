"""A torch module of several outputs, of which one is chosen."""

import torch

from skcalib.backends._outputs import choose_of
from skcalib.backends._torch_modules import name_of


class ChosenOutput(torch.nn.Module):
    """Calls a module, and answers with one of its outputs.

    Parameters
    ----------
    inner : torch.nn.Module
    output : str or int
    """

    def __init__(self, inner, output):
        super().__init__()
        self.inner = inner
        self.output = output

    def forward(self, *args, **kwargs):
        """Return the chosen output."""
        return choose_of(self.inner(*args, **kwargs), self.output, name_of(self.inner))

    def named_modules(self, *args, **kwargs):
        """Return the parts of the inner module, under the names that they have there."""
        return self.inner.named_modules(*args, **kwargs)


def choose_output(model, output):
    """Return a module that calls this one and answers with one of its outputs."""
    return ChosenOutput(model, output)
