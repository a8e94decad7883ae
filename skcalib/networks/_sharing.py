"""Copies of an estimator share its trained network; pickles contain it, once."""

from copy import copy
from weakref import WeakValueDictionary

from skcalib.backends import is_network, name_inputs, network_backend

_SHARED = WeakValueDictionary()  # one for each network, so that a pickle holds one, too


class SharedNetworkMixin:
    """Estimators with a parameter that may be a bare network, which they never change."""

    _network_parameter = "estimator"

    def __getstate__(self):
        state = super().__getstate__()
        network = state.get(self._network_parameter)
        if not is_network(network):
            return state
        shared = _SHARED.get(id(network))
        if shared is None or shared.model is not network:
            _SHARED[id(network)] = shared = _Shared(network)
        return {**state, self._network_parameter: shared}

    def __setstate__(self, state):
        network = state.get(self._network_parameter)
        if isinstance(network, _Shared):
            state = {**state, self._network_parameter: network.model}
        super().__setstate__(state)


class AdapterMixin(SharedNetworkMixin):
    """Estimators that are nothing but a trained network, in the parameter `model`."""

    _network_parameter = "model"

    @property
    def chosen_model(self):
        """The network that runs: `model`, or that with its chosen `output` only."""
        output = getattr(self, "output", None)
        if output is None:
            return self.model
        known = vars(self).get("_chosen")
        if known is None or known[0] is not self.model or known[1] != output:
            chosen = network_backend(self.model).choose_output(self.model, output)
            known = self._chosen = self.model, output, chosen
        return known[2]

    def __getstate__(self):
        return {name: x for name, x in super().__getstate__().items() if name != "_chosen"}

    def __repr__(self, N_CHAR_MAX=400):
        # Networks print a line for each layer, which scikit-learn would indent, too.
        return " ".join(super().__repr__(N_CHAR_MAX).split())

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_clone__(self):
        """Return a new adapter, not yet fitted, around the same network."""
        hollow = copy(self)
        hollow.model = None
        twin = super(AdapterMixin, hollow).__sklearn_clone__()
        twin.model = self.model
        return twin


def list_inputs(estimator, X):
    """Return several inputs that came as a list by name, if this is an adapter of a network."""
    estimator = getattr(estimator, "estimator", estimator)  # of FrozenEstimator
    if not isinstance(X, list | tuple) or not isinstance(estimator, AdapterMixin):
        return X
    model = estimator.model
    backend = network_backend(model)
    if backend is None:
        return X
    return name_inputs(X, backend.input_keys(model), f"The network {type(model).__name__}")


class _Shared:
    """Stands for a network in the state of an estimator."""

    def __init__(self, model):
        self.model = model

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return network_backend(self.model).reduce(self.model)
