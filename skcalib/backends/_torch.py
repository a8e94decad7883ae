"""torch modules."""

import inspect

import numpy as np
import torch

from skcalib.backends._arrays import (
    batches,
    join_batches,
    list_arrays,
    reshape_logits,
)
from skcalib.backends._inputs import InputKeys
from skcalib.backends._outputs import get_only_output
from skcalib.backends._torch_activations import SeenActivations
from skcalib.backends._torch_modules import (
    as_python,
    call,
    convert_inputs,
    in_evaluation_mode,
    name_of,
)


def owns(thing):
    """Tell whether this is a torch module."""
    return isinstance(thing, torch.nn.Module)


def forward(model, X, batch_size):
    """Return what stands before the last activation (n_samples, n_outputs), and its name.

    See the Keras module. Dropout is off and batch normalisation in inference mode; each
    module's ``training`` is as before afterwards.
    """
    X = convert_inputs(model, X)
    with in_evaluation_mode(model), as_python(), torch.no_grad():
        answers = [_answer(model, batch) for batch in batches(X, batch_size)]
    return join_batches(answers, name_of(model))


def forward_with_features(model, X, batch_size, layer=None):
    """Return as `forward` and `features` do, from one pass."""
    from skcalib.backends._torch_features import Watch

    X = convert_inputs(model, X)
    answers, features = [], []
    with in_evaluation_mode(model), as_python(), torch.no_grad():
        for batch in batches(X, batch_size):
            with Watch(model, layer) as watch:
                answers.append(_answer(model, batch))
            features.append(watch.features(len(list_arrays(batch)[0])))
    return *join_batches(answers, name_of(model)), np.concatenate(features)


def choose_output(model, output):
    """Return a module that answers with one of several outputs, by its name or number."""
    from skcalib.backends import _torch_outputs

    return _torch_outputs.choose_output(model, output)


def make_sampler(model, X, **choices):
    """Return X as the module takes it, and the Sampler of its dropout."""
    from skcalib.backends import _torch_sampling

    return _torch_sampling.make_sampler(model, X, **choices)


def is_random(model, X):
    """Tell whether a module drops, or draws otherwise, at prediction, too."""
    from skcalib.backends import _torch_sites

    return _torch_sites.is_random(model, convert_inputs(model, X))


def check_network(model, X, **choices):
    """Raise if dropout of a module, perhaps not yet trained, cannot be drawn."""
    from skcalib.backends import _torch_sampling

    _torch_sampling.check_network(model, X, **choices)


def features(model, X, batch_size, layer=None):
    """Return what goes into the last layer with weights, or into a named one."""
    from skcalib.backends import _torch_features

    return _torch_features.features(model, X, batch_size, layer)


def make_calibrated_module(models, readings, program):
    """Return a module of calibrated probabilities; see `CalibratedModule`."""
    from skcalib.backends import _torch_calibrated as found

    readings = [found.Reading(**reading) for reading in readings]
    return found.CalibratedModule(models, readings, program)


def _answer(model, batch):
    """Return what stands before the last activation, and its name, for one batch."""
    with SeenActivations() as seen:
        output = get_only_output(call(model, batch), name_of(model))
        values, last_activation = seen.before_activation(output)
    values = values.float() if values.dtype == torch.bfloat16 else values
    n_rows = len(list_arrays(batch)[0])
    return reshape_logits(values.cpu().numpy(), n_rows, name_of(model)), last_activation


def outputs_logits(model):
    """Return None: a torch module does not know its loss."""
    return None


def has_binary_loss(model):
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
    return _return_model, (model,)


def _return_model(model):
    return model
