"""One of several outputs, by name or number: the answers of a network that ends there."""

import pickle
from collections import namedtuple

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from skcalib import FrozenNetwork, MCDropoutClassifier, TemperatureCalibratedClassifier

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 6)).astype(np.float32)
Y = np.arange(12) % 3
Pair = namedtuple("Pair", ["age", "kind"])


@pytest.fixture
def keras():
    return pytest.importorskip("keras", reason="needs Keras")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs torch")


def of_keras(keras, arrange):
    """Return a model of two outputs, and the one that ends at the second."""
    keras.utils.set_random_seed(0)
    start = keras.Input((6,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, "relu")(start))
    age = keras.layers.Dense(2, name="age")(x)
    kind = keras.layers.Dense(3, "softmax", name="kind")(x)
    return keras.Model(start, arrange(age, kind)), keras.Model(start, kind)


def own_of_keras(keras):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.drop = keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.5)
            self.age, self.kind = keras.layers.Dense(2), keras.layers.Dense(3, "softmax")

        def call(self, x, training=False):
            x = self.drop(self.first(x), training=training)
            return {"age": self.age(x), "kind": self.kind(x)}

    model = Own()
    model(X)
    start = keras.Input((6,))
    return model, keras.Model(start, model.kind(model.drop(model.first(start))))


def check(model, end, output, **choices):
    """Compare with a network that ends at the output; return the fitted classifier."""
    chosen = FrozenNetwork(model, output=output, **choices).fit(X, Y)
    other = FrozenNetwork(end, **choices).fit(X, Y)
    np.testing.assert_allclose(
        chosen.decision_function(X), other.decision_function(X), atol=1e-6
    )
    assert chosen.has_logits_
    np.testing.assert_array_equal(
        clone(chosen).fit(X, Y).predict_proba(X), chosen.predict_proba(X)
    )
    mc, by_end = (
        MCDropoutClassifier(network, n_draws=9, random_state=1).fit(X, Y)
        for network in (chosen, other)
    )
    draws = mc.sample_proba(X)
    np.testing.assert_allclose(draws, by_end.sample_proba(X), atol=1e-6)
    assert draws.std(axis=0).max() > 0.01
    np.testing.assert_array_equal(mc.sample_proba(X), draws)
    return chosen, mc


# The network is not trained, so that its logits may rank no better than chance.
@pytest.mark.filterwarnings("ignore:The temperature is at its bound")
@pytest.mark.parametrize(
    ("arrange", "output"),
    [
        (lambda age, kind: [age, kind], 1),
        (lambda age, kind: [age, kind], "kind"),
        (lambda age, kind: {"years": age, "what": kind}, "what"),
    ],
)
def test_a_functional_model(keras, arrange, output):
    model, end = of_keras(keras, arrange)
    n_nodes = [len(layer._inbound_nodes) for layer in model.layers]
    chosen, mc = check(model, end, output)
    assert mc.forecast_cost().path == "split"
    assert [len(layer._inbound_nodes) for layer in model.layers] == n_nodes
    hot = TemperatureCalibratedClassifier(chosen).fit(X, Y)
    np.testing.assert_allclose(hot.predict_proba(X).sum(axis=1), 1, atol=1e-6)


def test_a_loss_for_each_output(keras):
    model, _ = of_keras(keras, lambda age, kind: {"age": age, "kind": kind})
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"age": crossentropy, "kind": "sparse_categorical_crossentropy"})
    assert FrozenNetwork(model, output="age").fit(X, Y % 2).has_logits_


def test_a_model_with_a_call_of_its_own(keras):
    model, end = own_of_keras(keras)
    check(model, end, "kind")


@pytest.mark.parametrize(
    ("arrange", "output"),
    [
        (lambda age, kind: (age, kind), 1),
        (lambda age, kind: {"age": age, "kind": kind}, "kind"),
        (Pair, "kind"),
        (Pair, 1),
    ],
)
def test_a_torch_module(torch, arrange, output):
    nn = torch.nn

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5))
            self.age = nn.Linear(8, 2)
            self.kind = nn.Sequential(nn.Linear(8, 3), nn.Softmax(-1))

        def forward(self, x):
            x = self.first(x)
            return arrange(self.age(x), self.kind(x))

    torch.manual_seed(0)
    model = Two().train()
    end = nn.Sequential(model.first, model.kind)
    _, mc = check(model, end, output)
    assert [site.name for site in mc.sites_] == ["first.2"]
    assert all(part.training for part in model.modules())


def test_pickles_hold_the_network_once(keras):
    model, _ = of_keras(keras, lambda age, kind: [age, kind])
    chosen = FrozenNetwork(model, output=1).fit(X, Y)
    proba = chosen.predict_proba(X)
    twin = pickle.loads(pickle.dumps(chosen))
    np.testing.assert_allclose(twin.predict_proba(X), proba, atol=1e-6)
    other = chosen.set_params(output=0).fit(X, Y % 2)
    assert other.predict_proba(X).shape == (12, 2)


@pytest.mark.parametrize("output", [True, 1.0, ["kind"]])
def test_what_names_no_output(keras, output):
    model, _ = of_keras(keras, lambda age, kind: [age, kind])
    with pytest.raises(InvalidParameterError, match="'output' parameter of FrozenNetwork"):
        FrozenNetwork(model, output=output).fit(X, Y)


def test_an_output_that_is_not_there(keras):
    model, end = of_keras(keras, lambda age, kind: [age, kind])
    with pytest.raises(ValueError, match=r"no output 'who'. Its outputs are \[0, 1, 'age'"):
        FrozenNetwork(model, output="who").fit(X, Y)
    with pytest.raises(ValueError, match="one output, so that there is nothing to choose"):
        FrozenNetwork(end, output=1).fit(X, Y)
    with pytest.raises(ValueError, match="output='its name, or its number'"):
        FrozenNetwork(model).fit(X, Y)
