"""The network at the end of a fitted classifier, found without asking it anything."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skcalib.backends import wrapper_backend
from skcalib.networks._checks import backend_of, outputs_logits
from skcalib.networks._frozen_network import FrozenNetwork
from skcalib.networks._outputs import order_of_outputs
from skcalib.networks._trainable_network import TrainableNetwork
from skcalib.networks._wrappers import (
    _adapt,
    _get_wrapper,
    _inner,
    _list_named_steps,
    find_final_estimator,
)


class FittedNetwork(NamedTuple):
    """A network, and how its answer is read where it is part of a classifier."""

    model: Any
    says_logits: bool  # whether an output is logits if its last operation does not tell
    linear_is_proba: bool  # whether its user says that even a linear output is not
    binary_loss: bool  # whether it was compiled with a loss for each output
    last_activation: str | None  # as of fit; None also if that was not asked
    outputs: tuple | None  # of each class, in the order of the sorted labels


def find_fitted_network(estimator):
    """Return the FittedNetwork at the end of a fitted classifier, or raise.

    It must be given X as it is.
    """
    estimator = _thaw(estimator)
    if isinstance(estimator, Pipeline) and _list_named_steps(estimator)[1:]:
        names = ", ".join(repr(name) for name, _ in _list_named_steps(estimator)[:-1])
        raise ValueError(
            f"The network is the last step of a Pipeline, whose other steps ({names}) are not "
            "part of it and cannot be exported with it. Put them into the network (Keras: a "
            "Normalization layer), or transform X yourself and calibrate the network alone."
        )
    last = find_final_estimator(estimator)
    last = last.network_ if isinstance(last, TrainableNetwork) else last
    if isinstance(last, FrozenNetwork):
        return _read(last, None)
    wrapper = _get_wrapper(last)
    backend = wrapper_backend(wrapper)
    found = backend.get_network(wrapper) if backend else None
    if found is None:
        raise TypeError(
            f"No network was found in {type(last).__name__}: it is neither a Keras model nor a "
            "torch module, nor one of their wrappers as they come (a subclass that changes how "
            "it predicts hides its network)."
        )
    if backend.changes_inputs(wrapper):
        raise ValueError(
            f"{type(wrapper).__name__} has a feature_encoder_, which changes X before the "
            "network sees it and cannot be exported with it. Put it into the network, or "
            "transform X yourself and calibrate the network alone."
        )
    network, columns, _ = _adapt(last, *found)
    return _read(network, columns)


def _read(network, columns):
    learned = getattr(network, "_learned", None)
    order = learned.order if learned else order_of_outputs(network.classes)
    if columns is not None:
        order = columns if order is None else np.asarray(order)[columns]
    says = getattr(network, "has_logits_", None)
    says = outputs_logits(network) if says is None else says
    last_activation = learned.last_activation if learned else None
    if network.from_logits is True or last_activation in ("linear", "log_softmax"):
        says = True
    elif last_activation in ("softmax", "sigmoid"):
        says = False  # has_logits_ is about what stands before these
    return FittedNetwork(
        model=network.model,
        says_logits=bool(says),
        linear_is_proba=network.from_logits is False,
        binary_loss=backend_of(network.model).has_binary_loss(network.model),
        last_activation=last_activation,
        outputs=None if order is None else tuple(int(k) for k in order),
    )


def _thaw(estimator):
    while isinstance(estimator, FrozenEstimator) or hasattr(estimator, "best_estimator_"):
        estimator = _inner(estimator)
    return estimator
