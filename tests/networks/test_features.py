"""What a network feeds to its last layer, against what its weights say."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import FrozenNetwork
from skcalib.backends import network_backend
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 5)).astype(np.float32)


def labels_for(model):
    """Return what an untrained network says, and something else in every sixth row."""
    labels = FrozenNetwork(model).fit(X).predict(X).copy()
    labels[::6] = (labels[::6] + 1) % 3
    labels[:3] = [0, 1, 2]
    return labels


def keras_networks():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    dense = keras.layers.Dense
    keras.utils.set_random_seed(0)
    plain = keras.Sequential([keras.Input((5,)), dense(8, "relu"), dense(3, "softmax")])
    inputs = keras.Input((5,))
    hidden = dense(8, "relu", name="hidden")(inputs)
    dropped = keras.layers.Dropout(0.5)(hidden)
    out = keras.layers.Softmax()(dense(3)(keras.layers.BatchNormalization()(dropped)))
    functional = keras.Model(inputs, out)

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = dense(8, "tanh"), dense(3)

        def call(self, x):
            return keras.ops.softmax(self.out(self.hidden(x)))

    own = Own()
    own(X[:2])
    nested = keras.Sequential([keras.Input((5,)), plain])
    return keras, {"plain": plain, "functional": functional, "own": own, "nested": nested}


@pytest.mark.parametrize("kind", ["plain", "functional", "own", "nested"])
def test_the_input_of_the_last_layer_of_keras_models(kind):
    keras, networks = keras_networks()
    model = networks[kind]
    before = [np.array(w) for w in model.get_weights()]
    call = keras.layers.Layer.__call__
    features = network_backend(model).features(model, X, 32)
    assert keras.layers.Layer.__call__ is call
    assert all(map(np.array_equal, before, model.get_weights()))
    last = networks["plain" if kind == "nested" else kind].layers
    kernel, bias = next(x for x in reversed(last) if hasattr(x, "kernel")).get_weights()
    logits = FrozenNetwork(model).decision_function(X)
    expected = features @ kernel + bias
    assert features.shape == (90, 8)
    assert np.abs(expected - logits).max() < 1e-5
    one = network_backend(model).features(model, X[:1], 32)
    assert np.abs(one - features[:1]).max() < 1e-6


def test_a_named_layer_of_a_keras_model():
    _, networks = keras_networks()
    model = networks["functional"]
    assert np.allclose(network_backend(model).features(model, X, 32, "hidden"), X)
    with pytest.raises(ValueError, match=r"is not a layer that .* calls. It calls .*hidden"):
        network_backend(model).features(model, X, 32, "hiden")


def test_strangers_to_a_keras_model_in_every_dress():
    _, networks = keras_networks()
    model = networks["plain"]
    labels = labels_for(model)
    known = {"X_train": X, "y_train": labels}
    bare = DistanceAwareTemperatureClassifier(model).fit(X, labels, **known)
    framed = make_pipeline(StandardScaler(), bare).fit(X, labels)
    for fitted in (bare, framed):
        far = fitted.predict_proba(1e6 * np.ones((1, 5), np.float32))
        assert far.max() < 0.4
        assert np.allclose(fitted.predict_proba(X).sum(axis=1), 1)
    novelty = FeatureNovelty(model, random_state=0).fit(X, labels)
    assert novelty.novelty_pvalue(X + 100).max() < 0.05


def test_torch_modules():
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")
    torch.manual_seed(0)
    nn = torch.nn

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 3)
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return torch.softmax(self.last(self.drop(torch.relu(self.first(x)))), 1)

    plain = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))
    own = Own()
    for model, last in ((plain, plain[-1]), (own, own.last)):
        model.train()
        features = network_backend(model).features(model, X, 32)
        assert all(part.training for part in model.modules())
        weight, bias = last.weight.detach().numpy(), last.bias.detach().numpy()
        logits = FrozenNetwork(model).fit(X).decision_function(X)
        assert np.abs(features @ weight.T + bias - logits).max() < 1e-5
        labels = labels_for(model)
        known = {"X_train": X, "y_train": labels}
        fitted = DistanceAwareTemperatureClassifier(model).fit(X, labels, **known)
        assert fitted.predict_proba(1e6 * np.ones((1, 5), np.float32)).max() < 0.4
    assert np.allclose(network_backend(own).features(own, X, 32, "first"), X)
    with pytest.raises(ValueError, match=r"is not a part of .* It has first, last, drop"):
        network_backend(own).features(own, X, 32, "second")
