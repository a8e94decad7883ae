"""What may be given as a network, and as the parameters of its adapter."""

from collections.abc import Mapping
from numbers import Integral
from os import PathLike

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import network_backend


def backend_of(model):
    """Return the module that runs a network, or say what is not one."""
    refuse_paths(model, "The 'model' parameter of FrozenNetwork")
    backend = network_backend(model)
    if backend is not None:
        return backend
    if isinstance(model, Mapping):
        raise InvalidParameterError(
            f"The 'model' parameter of FrozenNetwork is a {type(model).__name__}. If it is a "
            "state_dict of torch, it holds weights only: build the module, call its "
            "load_state_dict, and give the module."
        )
    raise InvalidParameterError(
        "The 'model' parameter of FrozenNetwork must be a keras.Model (Keras 3) or a "
        f"torch.nn.Module, not its name. Got {_short(model)} instead. A fitted scikit-learn "
        "classifier goes into sklearn.frozen.FrozenEstimator."
    )


def _short(thing):
    shown = repr(thing)
    return shown if len(shown) <= 200 else shown[:200] + "..."


def refuse_paths(thing, parameter):
    """Raise, and say how to load it, if the name of a file stands for a model."""
    looks_like_one = isinstance(thing, str) and not set("./\\").isdisjoint(thing)
    if looks_like_one or isinstance(thing, PathLike):
        raise InvalidParameterError(
            f"{parameter} must be the model itself, not where it is saved. Got "
            f"{str(thing)[:200]!r} instead. Load it first: keras.saving.load_model(path) for "
            "Keras, torch.load(path, weights_only=False) for a whole torch module, "
            "joblib.load(path) for scikit-learn."
        )


def refuse_contradictions(network, head, n_outputs):
    """Raise if parameters of a FrozenNetwork and the end of its network do not agree."""
    softmax = head in ("softmax", "log_softmax")
    if softmax and network.multilabel:
        raise ValueError(
            "multilabel=True, but the network ends in a softmax, under which classes "
            "exclude each other. Several labels need a sigmoid each."
        )
    if softmax and n_outputs == 1:
        raise ValueError(
            "The network ends in a softmax of one output, which is always 1; two "
            "classes need two outputs with a softmax, or one with a sigmoid."
        )
    if head in ("softmax", "sigmoid") and network.from_logits is True:
        raise ValueError(
            f"from_logits=True, but the network ends in a {head}: its output is "
            "probabilities. Leave from_logits at 'auto': the logits are found."
        )


def check_choices(network):
    """Raise unless the parameters of a FrozenNetwork are what they can be."""
    _check_one_of("from_logits", network.from_logits, "auto")
    _check_one_of("multilabel", network.multilabel, None)
    if network.multilabel and network.classes is not None:
        raise InvalidParameterError(
            "The 'classes' parameter of FrozenNetwork has no meaning with multilabel=True: "
            f"the columns of y are the labels, each 0 or 1. Got {network.classes!r}."
        )
    size = network.batch_size
    if size is not None and not (isinstance(size, Integral) and size > 0):
        raise InvalidParameterError(
            "The 'batch_size' parameter of FrozenNetwork must be a positive int or None. "
            f"Got {size!r} instead."
        )


def _check_one_of(name, value, third):
    if isinstance(value, bool | np.bool_) or (
        value is None if third is None else isinstance(value, str) and value == third
    ):
        return
    raise InvalidParameterError(
        f"The {name!r} parameter of FrozenNetwork must be True, False or {third!r}. Got "
        f"{value!r} instead."
    )
