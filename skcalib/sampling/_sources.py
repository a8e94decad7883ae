"""What draws are made of: a network, or scikit-learn's multilayer perceptron."""

from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.backends import (
    make_perceptron_sampler,
    map_arrays,
    network_backend,
    wrapper_backend,
)
from skcalib.networks import (
    AdapterMixin,
    find_final_estimator,
    find_final_step,
    find_network,
    order_of_outputs,
)

# By how much the same answer may differ, as a share of a row's largest probability.
ROUNDING = 1e-3
HALF_ROUNDING = 0.05  # in half precision


class Inspection(NamedTuple):
    """What a source says of itself, and of a few rows."""

    classes: np.ndarray | None  # labels of the columns; None of targets
    ending: str | None  # what the output is, as a sampler wants to know it
    answer: np.ndarray  # of the network itself, as it predicts


def find_source(estimator, X):
    """Return what a fitted classifier is at its end, and X as that takes it; or None."""
    last, X = find_final_step(estimator, X)
    if isinstance(last, MLPClassifier):
        return Perceptron(last), X
    if (wrapper := wrapper_backend(last)) and wrapper.regresses(last):
        return None
    found = find_network(last, X)
    if found is None:
        return None
    network, inputs, columns, classes = found
    return Network(network, columns, classes), inputs


@contextmanager
def keep_network_seeds(estimator):
    """Keep the seeds of a trained network, whose layers may be random at prediction, too."""
    last = find_final_estimator(estimator)
    backend = network_backend(last.model) if isinstance(last, AdapterMixin) else None
    with backend.keep_seeds(last.model) if hasattr(backend, "keep_seeds") else nullcontext():
        yield


def refuse_other_answers(source, inputs, plain, limit, answer):
    """Raise if what is drawn without dropout, `plain`, is not what the network predicts.

    `limit` is by how much they may differ, and `answer` what the network has predicted.
    """
    plain = source.order_columns(plain)
    if (np.abs(plain - answer) <= limit).all():
        return
    with source.keep_network_seeds():  # a network that squeezes one row, say
        if (np.abs(plain - source.answer(inputs)) <= limit).all():
            return
    raise ValueError(
        f"{source.name} does not predict what its layers compute, so dropout cannot be "
        "drawn. If its class has a call() of its own, pass a model of keras.Sequential or "
        "keras.Model(inputs, outputs) instead."
    )


def refuse_rows_together(passes, inputs, together, limit):
    """Raise if the answer for a row depends on the rows beside it, as in `together`.

    The last row is put beside itself: as many rows, so that rounding is the same. A draw of
    that row alone tells whether it has the masks that are meant for it.
    """
    limit = np.broadcast_to(limit, together.shape)[-1]
    twice = map_arrays(lambda part: part[[-1] * len(together)], inputs)
    apart = np.abs(together - passes.draw_at_rate(twice, rate=0.0)[0])[-1] > limit
    if not apart.any() and passes.shared and passes.sampler.path != "split":
        alone = map_arrays(lambda part: part[-1:], inputs)
        one, other = (passes.draw_at_rate(rows, rate=0.5)[0, -1] for rows in (inputs, alone))
        apart = np.abs(one - other) > HALF_ROUNDING * np.abs(one).max()
    if apart.any():
        raise ValueError(
            "The network's answer for a row depends on the other rows (it works along the "
            "first axis), so draws cannot share a batch."
        )


class Network:
    """A network that has dropout, or is given some.

    Parameters
    ----------
    network : FrozenNetwork
    columns, classes : ndarray or None
        Its outputs that are in use, and their labels, where a wrapper knows only these.
    """

    def __init__(self, network, columns=None, classes=None):
        self.network = network
        self.name = type(network.model).__name__
        self._order = None if network.classes is None else order_of_outputs(network.classes)
        self._columns, self._classes = columns, classes

    def answer(self, inputs):
        """Return the network's own probabilities."""
        return self._take_columns(self.network.predict_proba(inputs))

    def rounding(self, passes, inputs, plain):
        """Return by how much the same answer may differ from `plain`."""
        share = HALF_ROUNDING if passes.sampler.half else ROUNDING
        return share * plain.max(axis=1, keepdims=True)

    def keep_network_seeds(self):
        """Return a context that keeps the network's seeds."""
        return keep_network_seeds(self.network)

    def inspect(self, inputs):
        """Return the labels, what the output is, and the answer for these rows."""
        with self.keep_network_seeds():
            found = self.network.answer(inputs)
        unknown = "proba" if found.is_proba else "logits"
        known = {"softmax": "proba", "linear": "logits", None: unknown}
        return Inspection(
            found.classes if self._classes is None else self._classes,
            known.get(found.last_activation, found.last_activation),
            self._take_columns(found.proba()),
        )

    def make_sampler(self, inputs, **choices):
        """Return inputs as the model takes them, and the Sampler of its random layers."""
        model = self.network.chosen_model
        return network_backend(model).make_sampler(model, inputs, **choices)

    def order_columns(self, draws):
        """Return draws with the columns of the sorted labels."""
        return self._take_columns(draws if self._order is None else draws[..., self._order])

    def _take_columns(self, proba):
        if self._columns is None or len(self._columns) == proba.shape[-1]:
            return proba
        proba = proba[..., self._columns]
        return proba / proba.sum(axis=-1, keepdims=True)


class Perceptron:
    """scikit-learn's MLPClassifier: dropout is put in after its hidden layers."""

    def __init__(self, mlp):
        self.mlp = mlp
        self.name = type(mlp).__name__
        self.answer = mlp.predict_proba

    def rounding(self, passes, inputs, plain):
        """Return by how much the same answer may differ from `plain`."""
        return ROUNDING * plain.max(axis=1, keepdims=True)

    def keep_network_seeds(self):
        """Return a context that does nothing: a perceptron has no seeds."""
        return nullcontext()

    def inspect(self, inputs):
        """Return the labels and the answer; what the output is, the perceptron says itself."""
        return Inspection(self.mlp.classes_, None, self.answer(inputs))

    def make_sampler(self, inputs, *, inject, drop_in_bases=False, **choices):
        """Return inputs as the perceptron takes them, and the Sampler of its dropout."""
        if not (inject is None or isinstance(inject, str)):
            raise InvalidParameterError(
                f"{self.name} has no names of layers; inject is 'hidden' or 'last'. Got "
                f"{list(inject)}."
            )
        return make_perceptron_sampler(self.mlp, inputs, last=inject == "last")

    def order_columns(self, draws):
        """Return draws as they are."""
        return draws
