"""One module for each library of networks, and one for each of their wrappers.

Each says what it ``owns``. A network module has ``forward(model, X, batch_size)``, which
gives what stands before the last activation, ``says_logits(model)``, ``n_outputs(model)``
and ``reduce(model)``, and may have ``sampler(model, X, ...)`` for random draws, with
``seeds_kept(model)``; a wrapper module has ``unwrap(estimator, X)``, ``regresses(estimator)``,
``lost_in_clones(estimator)`` and ``TRAINS_ON_ONE_HOT``. A module is found by the packages of
a model's class and of its ancestors and imported only then: a library that is not loaded
cannot own the model.
"""

from importlib import import_module

from skcalib.backends._arrays import (
    FEWEST_ROWS,
    as_arrays,
    batches,
    count_all_rows,
    each_array,
    filled_arrays,
    map_arrays,
    usual_rows,
)
from skcalib.backends._foreign import in_numpy, is_table
from skcalib.backends._perceptron import sampler as perceptron_sampler
from skcalib.backends._sampling import INJECTED_RATE, Head

# Keras before torch: a Keras model is also a torch module where Keras runs on torch.
_NETWORKS = {"keras": "_keras", "torch": "_torch"}
_WRAPPERS = {"scikeras": "_scikeras", "keras": "_keras_wrapper", "skorch": "_skorch"}


def network_backend(model):
    """Return the module that runs this network, or None if it is not a bare network."""
    return None if hasattr(model, "__sklearn_tags__") else _home(model, _NETWORKS)


def wrapper_backend(estimator):
    """Return the module that knows this wrapper of a network, or None if it is not one."""
    return _home(estimator, _WRAPPERS) if hasattr(estimator, "get_params") else None


def is_network(thing):
    """Tell whether this is a bare network: a Keras model or a torch module."""
    return network_backend(thing) is not None


def _home(thing, homes):
    packages = {cls.__module__.split(".")[0] for cls in type(thing).__mro__}
    for package, home in homes.items():
        if package in packages:
            module = import_module(f"skcalib.backends.{home}")
            if module.owns(thing):
                return module
    return None
