"""What may be given as a network, and as the parameters of its adapter."""

from collections.abc import Mapping
from os import PathLike

from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import network_backend
from skcalib.messages import check_count, check_flag
from skcalib.networks._labels import refuse_several_sigmoids


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


def refuse_contradictions(network, last_activation, n_outputs):
    """Raise if parameters of a FrozenNetwork and the end of its network do not agree."""
    softmax = last_activation in ("softmax", "log_softmax")
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
    if last_activation in ("softmax", "sigmoid") and network.from_logits is True:
        raise ValueError(
            f"from_logits=True, but the network ends in a {last_activation}: its output is "
            "probabilities. Leave from_logits='auto', which finds the logits."
        )


def check_choices(network):
    """Raise unless the parameters of a FrozenNetwork are what they can be."""
    owner = "parameter of FrozenNetwork"
    check_flag(f"The 'from_logits' {owner}", network.from_logits, others=("auto",))
    check_flag(f"The 'multilabel' {owner}", network.multilabel, others=(None,))
    if network.multilabel and network.classes is not None:
        raise InvalidParameterError(
            "The 'classes' parameter of FrozenNetwork has no meaning with multilabel=True: "
            f"the columns of y are the labels, each 0 or 1. Got {network.classes!r}."
        )
    output = network.output
    if isinstance(output, bool) or not (output is None or isinstance(output, str | int)):
        raise InvalidParameterError(
            f"The 'output' {owner} must be the name (str) or the number (int, from 0) of one "
            f"of the network's outputs, or None. Got {output!r} instead."
        )
    check_count(f"The 'batch_size' {owner}", network.batch_size, others=(None,))


def outputs_logits(network):
    """Tell whether an output of unknown origin is logits, None if nothing tells."""
    if network.from_logits != "auto":
        return bool(network.from_logits)
    return backend_of(network.model).outputs_logits(network.chosen_model)


def is_one_vs_rest(network, values, last_activation, is_logits):
    """Tell whether there are several sigmoids, or raise if that may mean two things."""
    if values.shape[1] == 1 or last_activation in ("softmax", "log_softmax"):
        return False
    binary = is_logits and backend_of(network.model).has_binary_loss(network.chosen_model)
    if (last_activation == "sigmoid" or binary) and network.multilabel is None:
        refuse_several_sigmoids(values.shape[1], type(network.model).__name__)
    return last_activation == "sigmoid" or binary
