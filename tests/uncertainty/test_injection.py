"""Dropout put into Keras networks that were trained without: where, and changing nothing."""

import keras
import numpy as np
import pytest
from keras import layers
from support.networks import BACKEND, X, Y, trained, weights_hash

from skcalib import MCDropoutClassifier
from skcalib.sampling._masks import masks_of

pytestmark = pytest.mark.skipif(BACKEND != "tensorflow", reason="draws run on TensorFlow")
FEW = X[:60]
IMAGES = FEW.reshape(-1, 8, 8, 1)


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()


def put_in(tensor, name, sites):
    """Return dropout where a twin has it, or the tensor itself."""
    return layers.Dropout(sites[name])(tensor) if name in sites else tensor


def perceptron(sites):
    x = given = keras.Input((64,))
    for name in ("one", "two"):
        x = put_in(layers.Dense(16, "relu", name=name)(x), name, sites)
    return keras.Model(given, layers.Dense(10, "softmax")(x))


def convolutional(sites):
    x = given = keras.Input((8, 8, 1))
    x = put_in(layers.Conv2D(4, 3, activation="relu", name="one")(x), "one", sites)
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, name="linear")(x))
    x = put_in(layers.ReLU(name="two")(x), "two", sites)
    x = put_in(layers.Flatten(name="flat")(x), "flat", sites)
    x = layers.Dense(10, name="scores")(x)
    return keras.Model(given, layers.Softmax()(x))


def nested(sites):
    """Here a layer outside the nested model has the name of one inside, too."""
    inside = keras.Input((16,))
    x = put_in(layers.Dense(16, "tanh", name="two")(inside), "two", sites)
    block = keras.Model(inside, x)
    given = keras.Input((64,))
    x = block(put_in(layers.Dense(16, "relu", name="one")(given), "one", sites))
    return keras.Model(given, layers.Dense(10, "softmax")(x))


@pytest.mark.parametrize(
    ("build", "inject", "names"),
    [
        (perceptron, "hidden", ["one", "two"]),
        (perceptron, "last", ["two"]),
        pytest.param(perceptron, ["one"], ["one"], marks=pytest.mark.slow),
        (convolutional, "hidden", ["one", "two"]),
        pytest.param(convolutional, "last", ["flat"], marks=pytest.mark.slow),
        pytest.param(convolutional, ["flat", "one"], ["flat", "one"], marks=pytest.mark.slow),
        pytest.param(nested, "hidden", ["one", "two"], marks=pytest.mark.slow),
        pytest.param(nested, "last", ["two"], marks=pytest.mark.slow),
    ],
)
def test_the_same_as_a_network_that_has_dropout_there(build, inject, names):
    model = build({})
    twin = build(dict.fromkeys(names, 0.1))
    own = [w for w in twin.variables if "seed" not in w.path]
    for variable, value in zip(own, model.get_weights(), strict=True):
        variable.assign(value)
    inputs = IMAGES if len(model.input_shape) == 4 else FEW
    mc = MCDropoutClassifier(model, n_draws=5, inject=inject, random_state=0).fit(inputs)
    expected = MCDropoutClassifier(twin, n_draws=5, random_state=0).fit(inputs)
    draws = mc.sample_proba(inputs)
    np.testing.assert_allclose(draws, expected.sample_proba(inputs), atol=1e-6)
    assert draws.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(
        mc.set_params(rate=0.4).sample_proba(inputs),
        expected.set_params(rate=0.4).sample_proba(inputs),
        atol=1e-6,
    )


def test_nothing_is_cloned_and_nothing_changes():
    model = trained(perceptron({}))
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    before = weights_hash(model)
    mc = MCDropoutClassifier(model, inject="hidden", random_state=0).fit(X[600:], Y[600:])
    mc.predict_uncertainty(FEW)
    assert weights_hash(model) == before
    assert nodes == [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    assert len(model.layers) == 4
    np.testing.assert_allclose(
        mc.set_params(rate=0.0).predict_proba(FEW), model.predict(FEW, verbose=0), atol=1e-6
    )


def test_levels_and_other_places_after_fit():
    model = perceptron({})
    mc = MCDropoutClassifier(model, inject="hidden", rate=[0.1, 0.5], random_state=0).fit(FEW)
    low, high = mc.predict_uncertainty(FEW).std.mean(axis=(1, 2))
    assert 0 < low < high
    mc.set_params(inject="last", rate=0.3, n_draws=3)
    kernel, bias = model.layers[-1].get_weights()
    hidden = keras.Model(model.inputs, model.get_layer("two").output).predict(FEW, verbose=0)
    site = type("Site", (), {"kind": "dropout", "shape": (16,)})
    (scale,) = masks_of(site, 0, 0.3, mc.seed_, range(3))
    for draw, mask in zip(mc.sample_proba(FEW), scale, strict=True):
        logits = (hidden * mask) @ kernel + bias
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected = exponents / exponents.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(draw, expected, atol=1e-6)


def test_without_a_place_it_says_so():
    single = keras.Sequential([keras.Input((64,)), layers.Dense(10, "softmax")])
    for inject in ("hidden", "last"):
        with pytest.raises(ValueError, match="no hidden layer"):
            MCDropoutClassifier(single, inject=inject).fit(FEW)
    with pytest.raises(ValueError, match=r"\['three'\].*'one'"):
        MCDropoutClassifier(perceptron({}), inject=["three"]).fit(FEW)
    with pytest.raises(ValueError, match="inject='hidden'"):
        MCDropoutClassifier(perceptron({})).fit(FEW)
