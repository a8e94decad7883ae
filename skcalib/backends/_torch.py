"""torch modules."""

import inspect
from collections.abc import Mapping
from contextlib import contextmanager
from threading import RLock

import numpy as np
import torch

from skcalib.backends._arrays import (
    Inputs,
    as_arrays,
    batches,
    each_array,
    in_order,
    joined,
    map_arrays,
    rows_of_logits,
)
from skcalib.backends._inputs import InputKeys
from skcalib.backends._outputs import the_one_output
from skcalib.backends._torch_heads import SeenActivations

_LOCK = RLock()


def owns(thing):
    """Tell whether this is a torch module."""
    return isinstance(thing, torch.nn.Module)


def forward(model, X, batch_size):
    """Return what stands before the last activation (n_samples, n_outputs), and its name.

    See the Keras module. Dropout is off and batch normalisation in inference mode; each
    module's ``training`` is as before afterwards.
    """
    X = prepare(model, X)
    answers = []
    with _evaluating(model), torch.no_grad():
        for batch in batches(X, batch_size):
            n_rows = len(each_array(batch)[0])
            with SeenActivations() as seen:
                output = the_one_output(_call(model, batch), _name(model))
                values, head = seen.before_activation(output)
            values = values.float() if values.dtype == torch.bfloat16 else values
            rows = rows_of_logits(values.cpu().numpy(), n_rows, _name(model))
            answers.append((rows, head))
    return joined(answers, _name(model))


def says_logits(model):
    """Return None: a torch module does not know its loss."""
    return None


def says_binary(model):
    """Return False: a torch module does not know its loss."""
    return False


def input_keys(model):
    """Return the arguments of `forward`, or None if it takes any number."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    n_required = sum(p.default is p.empty for p in named)
    return InputKeys(tuple(p.name for p in named), n_required)


def n_outputs(model):
    """Return None: a torch module does not know its output before it runs."""
    return None


def reduce(model):
    """Return a function and its arguments that make this module again, for pickle."""
    return _itself, (model,)


def _itself(model):
    return model


def prepare(model, X):
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
            f"{_name(model)} has no weights yet. Train it, or load its weights, first: a "
            "frozen network is never trained here."
        )
    return weights


def _call(model, batch):
    weights = next((w for w in _weights(model) if w.is_floating_point()), None)

    def tensor(part):
        # A copy: the module may write to its input.
        made = torch.tensor(np.ascontiguousarray(part))
        if weights is None:
            return made
        return made.to(weights.device, weights.dtype if made.is_floating_point() else None)

    batch = map_arrays(tensor, in_order(batch))
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, Inputs) else model(batch)


@contextmanager
def _evaluating(model):
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


def _name(model):
    return f"The torch module {type(model).__name__}"
