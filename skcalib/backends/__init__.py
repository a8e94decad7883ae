"""One module for each library of networks, and one for each of their wrappers.

A module is found by the packages of a model's class and of its ancestors and imported only
then: a library that is not loaded cannot own the model. What each of them has:

Every module
    ``owns(thing)``: whether this is one of its models or wrappers.

A network's
    ``forward(model, X, batch_size)``: what stands before the last activation, and its name.

    ``forward_with_features(model, X, batch_size, layer=None)``: the same and, third, the
    features, from one pass.

    ``outputs_logits(model)``: whether the output is logits, by the loss; None if nothing tells.

    ``has_binary_loss(model)``: whether its loss takes each output for a label of its own.

    ``features(model, X, batch_size, layer=None)``: what goes into the last layer with weights,
    or into a named one.

    ``input_keys(model)``: the names of several inputs, in order; None if it has one.

    ``n_outputs(model)``: how many columns the output has; None if that is not known.

    ``choose_output(model, output)``: the same network with one of its several outputs.

    ``reduce(model)``: a function and its arguments that make the model again, for pickle.

    ``make_sampler(model, X, **choices)``: X as the model takes it, and a Sampler of its
    dropout.

    ``check_network(model, X, **choices)``: the same for one that need not be trained yet,
    which only raises if its dropout cannot be drawn.

    ``is_random(model, X)``: whether it is random at prediction, too.

    Parts of what is exported with a calibration. Keras: ``cut(model, name,
    before_activation)``, ``copy_inputs(model)``, ``check_float64(dtype)`` and
    ``layers_keep(dtype)``; torch: ``make_calibrated_module(...)``.

    ``keep_seeds(model)``, optional: a context that puts back the seeds which the model moves.

    ``cut(model, name, *, before_activation=True)``, Keras's: a functional model of what stands
    before the last activation, and that activation's name.

    ``copy_inputs(model)``, Keras's: new inputs like those of a functional model.

    ``check_float64(dtype)``, Keras's: raise if the library would take float64 for float32.

    ``layers_keep(dtype)``, Keras's: whether Keras's own layers compute in this type.

    ``make_calibrated_module(models, readings, program)``, torch's: a module that ends in
    calibrated probabilities.

A wrapper's
    ``unwrap(estimator, X)``: network, inputs, classes and whether the output is logits of a
    fitted wrapper; None if it is customised.

    ``get_network(estimator)``: the same without inputs, for which nothing is asked.

    ``changes_inputs(estimator)``: whether the network is given something else than X.

    ``regresses(estimator)``: whether it is a regressor.

    ``build(estimator, X, y)``: an untrained network, as fit would make it, and X as it takes
    it; None if it is customised, or fit alone can build it.

    ``parameters_lost_in_clones(estimator)``: names of parameters that ``sklearn.base.clone``
    drops.

    ``TRAINS_ON_ONE_HOT``: whether one-hot labels reach its fit as they are.

    ``fit_on_codes(estimator, X, codes, fit_params)``, optional: fit of a wrapper that takes
    classes by their numbers only.

    ``predict_proba(estimator, X)``, with ``fit_on_codes``: the wrapper's own probabilities.
"""

from importlib import import_module

from skcalib.backends._arrays import (
    FEWEST_ROWS,
    as_arrays,
    batches,
    check_arrays,
    choose_batch_size,
    count_all_rows,
    list_arrays,
    map_arrays,
)
from skcalib.backends._foreign import device_namespace, is_table, namespace_of, to_numpy
from skcalib.backends._inputs import name_inputs
from skcalib.backends._perceptron import make_sampler as make_perceptron_sampler
from skcalib.backends._perceptron_features import (
    has_own_pass,
    proba_of_perceptron,
    read_perceptron,
)
from skcalib.backends._sampling import INJECTED_RATE, LastLayer
from skcalib.backends._seeds import seeded
from skcalib.backends._stacking import CannotStack

# Keras before torch: a Keras model is also a torch module where Keras runs on torch.
_NETWORKS = {"keras": "_keras", "torch": "_torch"}
_WRAPPERS = {"scikeras": "_scikeras", "keras": "_keras_wrapper", "skorch": "_skorch"}


def network_backend(model):
    """Return the module that runs this network, or None if it is not a bare network."""
    return None if hasattr(model, "__sklearn_tags__") else _find_module(model, _NETWORKS)


def load_backend(library):
    """Return the module that runs networks of "keras" or "torch", which is imported here."""
    return import_module(f"skcalib.backends.{_NETWORKS[library]}")


def wrapper_backend(estimator):
    """Return the module that knows this wrapper of a network, or None if it is not one."""
    return _find_module(estimator, _WRAPPERS) if hasattr(estimator, "get_params") else None


def is_network(thing):
    """Tell whether this is a bare network: a Keras model or a torch module."""
    return network_backend(thing) is not None


def load_keras_training():
    """Return the module that trains Keras models, which functions of the user build."""
    return import_module("skcalib.backends._keras_training")


def load_keras_stacking():
    """Return the module that trains several Keras models in one graph, or say why not."""
    keras = import_module("keras")
    if keras.config.backend() != "tensorflow":
        raise CannotStack(f"Keras runs on {keras.config.backend()}, not on TensorFlow")
    return import_module("skcalib.backends._keras_stacking")


def load_callbacks(library):
    """Return the module with callbacks of "keras" or "skorch"."""
    return import_module(f"skcalib.backends._{library}_callbacks")


def load_keras_losses():
    """Return the module with losses for Keras."""
    return import_module("skcalib.backends._keras_losses")


def load_keras_layers():
    """Return the module with Bayesian layers for Keras."""
    return import_module("skcalib.backends._keras_layers")


def load_keras_posteriors():
    """Return the module that makes, trains and draws from models with Bayesian layers."""
    return import_module("skcalib.backends._keras_posteriors")


def _find_module(thing, homes):
    packages = {cls.__module__.split(".")[0] for cls in type(thing).__mro__}
    for package, home in homes.items():
        if package in packages:
            module = import_module(f"skcalib.backends.{home}")
            if module.owns(thing):
                return module
    return None
