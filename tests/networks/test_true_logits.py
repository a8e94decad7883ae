"""The logits of a network, wherever its last activation stands."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.special import log_softmax, logsumexp, softmax
from support.networks import BACKEND, Known, X, Y, compiled, trained, weights_hash

from skcalib import FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.calibrators import TemperatureScaling


def sequential(*last):
    return keras.Sequential(
        [keras.Input((64,)), layers.Dense(16, "relu", use_bias=False), *last]
    )


def functional(last):
    x = keras.Input((64,))
    return keras.Model(x, last(layers.Dense(16, "relu", use_bias=False)(x)))


class Subclassed(keras.Model):
    def __init__(self, n_outputs, head, activation=None):
        super().__init__()
        self.hidden = layers.Dense(16, "relu", use_bias=False)
        self.out = layers.Dense(n_outputs, activation)
        self.head = head

    def call(self, x):
        return self.head(self.out(self.hidden(x)))


def built(model):
    model(X[:2])
    return model


def images(k, activation):
    x = keras.Input((8, 8, 1))
    return keras.Model(x, sequential(layers.Dense(k, activation))(layers.Flatten()(x)))


def pixels_to_classes(k, activation):
    """A convolutional head whose answers are four-dimensional until the last layer."""
    x = keras.Input((64,))
    h = layers.Dense(16, "relu", use_bias=False)(x)
    h = layers.Conv2D(k, 1, activation=activation)(layers.Reshape((1, 1, 16))(h))
    return keras.Model(x, layers.Flatten()(h))


def nested(k, activation, depth=2):
    model = sequential(layers.Dense(k, activation))
    for _ in range(depth):
        x = keras.Input((64,))
        model = keras.Model(x, model(x))
    return keras.Sequential([keras.Input((64,)), model])


ENDINGS = {
    "activation of the last layer": lambda k, a: sequential(layers.Dense(k, a)),
    "activation layer": lambda k, a: sequential(layers.Dense(k), layers.Activation(a)),
    "functional": lambda k, a: functional(layers.Dense(k, a)),
    "operation": lambda k, a: functional(lambda h: getattr(ops, a)(layers.Dense(k)(h))),
    "nested": nested,
    "subclassed, layer": lambda k, a: built(Subclassed(k, lambda z: z, a)),
    "subclassed, operation": lambda k, a: built(Subclassed(k, getattr(ops, a))),
    "subclassed in sequential": lambda k, a: built(
        keras.Sequential([Subclassed(k, getattr(ops, a))])
    ),
    "images": images,
}
MORE = {
    "softmax layer": lambda k, a: sequential(layers.Dense(k), layers.Softmax()),
    "logits": lambda k, a: sequential(layers.Dense(k)),
    "log-softmax": lambda k, a: sequential(layers.Dense(k), layers.Activation("log_softmax")),
    "softmax in float32 after float16": lambda k, a: sequential(
        layers.Dense(k), layers.Activation(a, dtype="float32")
    ),
}


@pytest.mark.parametrize("n_outputs", [10, 1], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("ending", [*ENDINGS, *MORE])
def test_true_logits(ending, n_outputs):
    if n_outputs == 1 and "softmax" in ending:
        pytest.skip("a softmax of one output is always 1")
    known = Known(n_outputs)
    make = {**ENDINGS, **MORE}[ending]
    model = known.fill(make(n_outputs, "softmax" if n_outputs > 1 else "sigmoid"))
    samples = X.reshape(-1, 8, 8, 1) if ending == "images" else X
    network = FrozenNetwork(model).fit(samples)
    logits = network.decision_function(samples)
    expected = known.logits if n_outputs > 1 else known.logits[:, 0]
    if ending == "log-softmax":  # these are logits as well
        expected = log_softmax(expected, axis=1)
    assert network.has_logits_
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(network.predict_proba(samples), known.proba, atol=1e-5)
    # What the logarithms of the probabilities cannot tell:
    assert np.mean(known.proba.max(axis=1) > 1 - 1e-6) > 0.3


def test_the_probabilities_are_the_networks_own():
    for activation in ("softmax", "sigmoid"):
        model = sequential(layers.Dense(10 if activation == "softmax" else 1, activation))
        own = model.predict(X, verbose=0)
        ours = FrozenNetwork(model).predict_proba(X)
        np.testing.assert_allclose(ours[:, -1], own[:, -1], rtol=1e-5, atol=1e-7)


def test_several_sigmoids_are_one_vs_rest():
    known = Known(10)
    model = known.fill(sequential(layers.Dense(10, "sigmoid")))
    network = FrozenNetwork(model, multilabel=False).fit(X, Y)
    own = model.predict(X, verbose=0).astype(float)
    np.testing.assert_allclose(
        network.predict_proba(X), own / own.sum(axis=1, keepdims=True), atol=1e-5
    )
    scores = network.decision_function(X)
    np.testing.assert_allclose(scores, -np.logaddexp(0, -known.logits), rtol=1e-4, atol=1e-3)


def test_several_inputs_as_a_dict():
    left, right = keras.Input((32,), name="left"), keras.Input((32,), name="right")
    both = layers.Concatenate()([left, right])
    last = layers.Dense(10, "softmax")(layers.Dense(16, "relu", use_bias=False)(both))
    halves = {"right": X[:, 32:], "left": X[:, :32]}  # in another order than the inputs
    known = Known(10)
    for inputs in ([left, right], {"left": left, "right": right}):
        model = known.fill(keras.Model(inputs, last))
        network = FrozenNetwork(model).fit(halves, Y)
        np.testing.assert_allclose(
            network.decision_function(halves), known.logits, rtol=1e-4, atol=1e-3
        )
        calibrated = TemperatureCalibratedClassifier(model).fit(halves, Y)
        assert calibrated.predict_proba(halves).shape == (len(X), 10)
    for X_wrong in ({"top": X[:, 32:]}, X):
        with pytest.raises(ValueError, match=r"the inputs \['left', 'right'\].* give a dict"):
            FrozenNetwork(keras.Model([left, right], last)).fit(X_wrong, Y)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only graphs show where weights come in")
def test_a_linear_end_is_logits_whatever_the_values():
    model = keras.Sequential([keras.Input((64,)), layers.Dense(1)])
    model.set_weights([np.full((64, 1), 1e-3, np.float32), np.full(1, 0.5, np.float32)])
    z = X @ np.full(64, 1e-3) + 0.5
    assert 0 < z.min() < z.max() < 1
    network = FrozenNetwork(model)
    np.testing.assert_allclose(network.decision_function(X), z, rtol=1e-5)
    assert network.fit(X).has_logits_


@pytest.mark.parametrize("last_dtype", ["float32", None])
def test_mixed_precision(last_dtype):
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        model = sequential(layers.Dense(10), layers.Activation("softmax", dtype=last_dtype))
    finally:
        keras.config.set_dtype_policy(policy)
    known = Known(10)
    known.fill(model)
    logits = FrozenNetwork(model).fit(X, Y).decision_function(X)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, known.logits, rtol=0.02, atol=0.2)


def test_a_softmax_over_something_else_is_not_the_head():
    x = keras.Input((64,))
    weights = layers.Softmax(axis=1)(layers.Reshape((2, 5))(layers.Dense(10)(x)))
    model = keras.Model(x, layers.Flatten()(weights))
    network = FrozenNetwork(model, from_logits=True).fit(X)
    np.testing.assert_allclose(
        network.decision_function(X), model.predict(X, verbose=0), rtol=1e-5
    )


def simulated(n=200_000, n_classes=10):
    """Draw rows of true logits, and labels from exactly these probabilities."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 5, (n, n_classes)).astype(np.float32)
    uniform = rng.uniform(size=(n, 1))
    y = (softmax(truth.astype(float), axis=1).cumsum(axis=1) < uniform).sum(axis=1)
    return truth, np.minimum(y, n_classes - 1)


def fifteen_times(activation):
    model = keras.Sequential(
        [keras.Input((10,)), layers.Dense(10, use_bias=False), layers.Activation(activation)]
    )
    model.set_weights([15 * np.eye(10, dtype=np.float32)])
    return model


def test_a_known_temperature_is_recovered_from_a_saturated_network():
    truth, y = simulated()
    model = fifteen_times("softmax")
    proba = model.predict(truth, batch_size=4096, verbose=0)
    assert np.mean(proba.max(axis=1) > 1 - 1e-6) > 0.7  # saturated
    calibrated = TemperatureCalibratedClassifier(model).fit(truth, y)
    found = calibrated.calibrated_classifiers_[0].calibrators[0].temperature_
    assert found == pytest.approx(15, rel=0.01)
    from_log_proba = TemperatureCalibratedClassifier(
        FrozenNetwork(fifteen_times(lambda z: by_hand(z)))
    )
    with pytest.warns(
        UserWarning, match=r"logits of Sequential are not available.*\d\d\.\d% of the"
    ):
        from_log_proba.fit(truth, y)
    found = from_log_proba.calibrated_classifiers_[0].calibrators[0].temperature_
    assert found < 14  # what saturation costs, with the floor learned from the rows
    clipped = TemperatureScaling().fit(np.log(np.maximum(proba, 1e-12)), y)
    assert clipped.temperature_ < 10.5  # and with a fixed one


def by_hand(z):
    """A softmax that no one can recognise."""
    e = ops.exp(z - ops.max(z, axis=-1, keepdims=True))
    return e / ops.sum(e, axis=-1, keepdims=True)


def test_lost_logits_are_named_and_counted():
    known = Known(10)
    model = known.fill(built(Subclassed(10, by_hand)))
    network = FrozenNetwork(model).fit(X, Y)
    assert not network.has_logits_
    share = np.mean(model.predict(X, verbose=0).max(axis=1) > 1 - 1e-6)
    assert share > 0.5
    with pytest.warns(UserWarning, match=f"{share:.1%} of the rows are saturated"):
        logits = network.decision_function(X)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(softmax(logits, axis=1), known.proba, atol=1e-5)
    np.testing.assert_allclose(network.predict_proba(X), known.proba, atol=1e-5)
    with pytest.warns(UserWarning, match="Logarithms of its probabilities are used"):
        calibrated = TemperatureCalibratedClassifier(model).fit(X, Y)
    assert calibrated.calibrated_classifiers_[0].floor is not None
    # Before fit, nothing is known, and nothing is guessed.
    with pytest.raises(ValueError, match="Set from_logits=True or False, or call fit first"):
        FrozenNetwork(model).predict_proba(X)
    np.testing.assert_allclose(
        FrozenNetwork(model, from_logits=False).predict_proba(X), known.proba, atol=1e-5
    )


@pytest.mark.skipif(BACKEND != "tensorflow", reason="functions of TensorFlow")
def test_functions_of_tensorflow():
    import tensorflow as tf

    known = Known(10)
    model = known.fill(built(Subclassed(10, tf.nn.softmax)))
    logits = FrozenNetwork(model).fit(X, Y).decision_function(X)
    np.testing.assert_allclose(logits, known.logits, rtol=1e-4, atol=1e-3)

    class Compiled(Subclassed):
        @tf.function
        def call(self, x):
            return tf.nn.softmax(super().call(x))

    model = known.fill(built(Compiled(10, lambda z: z)))
    with pytest.warns(UserWarning, match="are not available"):
        TemperatureCalibratedClassifier(model).fit(X, Y)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="eager and traced: TensorFlow")
def test_a_model_that_cannot_be_traced_is_called_as_it_is():
    class NeedsValues(Subclassed):
        def call(self, x):
            assert float(x.numpy().max()) <= 1
            return super().call(x)

    known = Known(10)
    model = known.fill(built(NeedsValues(10, ops.softmax)))
    with pytest.warns(UserWarning, match="are not available"):
        calibrated = TemperatureCalibratedClassifier(model).fit(X, Y)
    assert calibrated.score(X, Y) == pytest.approx(
        np.mean(known.logits.argmax(axis=1) == Y), abs=0.01
    )
    compiled(model)
    model.run_eagerly = True
    np.testing.assert_allclose(
        FrozenNetwork(model).predict_proba(X), known.proba, atol=1e-5
    )  # the loss says what the output is


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on torch, said anew
def test_the_loss_says_what_an_output_of_unknown_origin_is():
    def scores(z):  # could be either, to look at
        return by_hand(z)

    model = trained(built(Subclassed(10, scores)), from_logits=True)
    with pytest.warns(UserWarning, match="pass from_logits=False to FrozenNetwork"):
        TemperatureCalibratedClassifier(model).fit(X, Y)
    model = compiled(built(Subclassed(10, scores)), from_logits=False)
    assert FrozenNetwork(model).predict_proba(X).sum() == pytest.approx(len(X), rel=1e-4)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert FrozenNetwork(model).predict_proba(X).sum() == pytest.approx(len(X), rel=1e-4)


def test_from_logits_must_not_contradict_the_network():
    model = sequential(layers.Dense(10, "softmax"))
    with pytest.raises(ValueError, match="from_logits=True, but the network ends in a softmax"):
        FrozenNetwork(model, from_logits=True).predict_proba(X)
    with pytest.raises(ValueError, match=r"'from_logits' parameter .* got 'maybe'"):
        FrozenNetwork(model, from_logits="maybe").predict_proba(X)
    # Probabilities it is, and their logits are known.
    assert FrozenNetwork(model, from_logits=False).fit(X, Y).has_logits_


@pytest.mark.filterwarnings("ignore:Exception encountered when calling Dense.call")  # Keras
@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # Keras, too
def test_a_softmax_of_one_output_is_refused():
    model = sequential(layers.Dense(1, "softmax"))
    with pytest.raises(ValueError, match="softmax of one output, which is always 1"):
        FrozenNetwork(model).fit(X)


def test_several_outputs_are_refused():
    x = keras.Input((64,))
    model = keras.Model(x, [layers.Dense(10, "softmax")(x), layers.Dense(3)(x)])
    with pytest.raises(ValueError, match="has 2 outputs; a classifier has one"):
        FrozenNetwork(model).fit(X)
    pictures = keras.Model(x, layers.Reshape((8, 8))(x))
    with pytest.raises(ValueError, match=r"returned an array of shape \(2, 8, 8\)"):
        FrozenNetwork(pictures).fit(X)


def test_the_calibrator_sees_the_true_logits():
    known = Known(10)
    model = known.fill(sequential(layers.Dense(10, "softmax")))
    before = weights_hash(model)
    calibrated = TemperatureCalibratedClassifier(model).fit(X[:900], Y[:900])
    alone = TemperatureScaling().fit(known.logits[:900], Y[:900])
    np.testing.assert_allclose(
        calibrated.predict_proba(X[900:]), alone.predict_proba(known.logits[900:]), atol=1e-4
    )
    assert weights_hash(model) == before
    assert logsumexp(known.logits, axis=1).max() > 30


def sees(model, samples=X):
    """Compare with the model's own answer; tell whether its logits were found."""
    network = FrozenNetwork(model).fit(samples)
    own = ops.convert_to_numpy(model(samples, training=False)).reshape(len(samples), -1)
    np.testing.assert_allclose(network.predict_proba(samples), own, atol=1e-5)
    return network.has_logits_


def ends_with(last):
    x = keras.Input((64,))
    return keras.Model(x, last(layers.Dense(10)(x)))


def test_what_comes_after_a_softmax_counts():
    assert sees(ends_with(lambda z: ops.softmax(z / 2)))
    assert sees(ends_with(lambda z: layers.GaussianNoise(0.1)(ops.softmax(z))))
    assert not sees(ends_with(lambda z: 0.9 * ops.softmax(z) + 0.01))
    assert not sees(ends_with(lambda z: (ops.softmax(z) + ops.softmax(3 * z)) / 2))
    assert not sees(ends_with(lambda z: ops.flip(ops.softmax(z), axis=1)))


def test_a_mixture_of_experts_ends_in_no_logits():
    x = keras.Input((64,))
    gates = layers.Reshape((1, 3))(layers.Dense(3, "softmax")(x))
    experts = layers.Softmax()(layers.Reshape((3, 10))(layers.Dense(30)(x)))
    assert not sees(keras.Model(x, layers.Flatten()(ops.matmul(gates, experts))))


def test_values_that_may_be_either_are_asked_about():
    model = ends_with(lambda z: ops.round(10 * ops.softmax(z)) / 10)
    model.layers[1].kernel.assign(3 * model.layers[1].kernel)
    with pytest.raises(ValueError, match=r"may be logits or probabilities. Set from_logits"):
        FrozenNetwork(model).fit(X)
    with pytest.raises(ValueError, match="may be logits or probabilities"):
        TemperatureCalibratedClassifier(model).fit(X, Y)


@pytest.mark.parametrize("from_logits", ["auto", False])
def test_what_is_said_to_be_probabilities_is_checked(from_logits):
    model = sequential(layers.Dense(10), layers.LeakyReLU())
    model.compile("adam", "sparse_categorical_crossentropy")  # a mistake of many
    network = FrozenNetwork(model, from_logits=from_logits).fit(X)
    with pytest.raises(ValueError, match=r"if they are logits, .*from_logits=True"):
        network.predict_proba(X)
    with pytest.raises(ValueError, match=r"if they are logits, .*from_logits=True"):
        TemperatureCalibratedClassifier(network).fit(X, Y)
    own = model.predict(X, verbose=0)
    told = FrozenNetwork(model, from_logits=True).fit(X)
    np.testing.assert_allclose(told.predict_proba(X), softmax(own, axis=1), atol=1e-5)


@pytest.mark.skipif(BACKEND != "jax", reason="functions of JAX")
def test_functions_of_jax():
    import jax

    def masked(z):
        return jax.nn.softmax(z, where=np.arange(10) > 2)

    assert not sees(built(Subclassed(10, masked)))
    assert sees(built(Subclassed(10, lambda z: jax.nn.softmax(z))))

    class NeedsValues(Subclassed):
        def call(self, x):
            return super().call(x) if float(ops.sum(x)) > -1 else None

    assert sees(built(NeedsValues(10, ops.softmax)))


@pytest.mark.skipif(BACKEND != "tensorflow", reason="graphs of TensorFlow")
def test_graphs_of_tensorflow():
    import tensorflow as tf

    whole = ends_with(lambda z: ops.cast(ops.cast(ops.softmax(9 * z), "int32"), "float32"))
    assert not FrozenNetwork(whole, from_logits=False).fit(X).has_logits_
    model = ends_with(ops.softmax)
    try:
        tf.config.run_functions_eagerly(True)
        model.compile("adam", "sparse_categorical_crossentropy")
        own = model(X).numpy()
        np.testing.assert_allclose(FrozenNetwork(model).predict_proba(X), own, atol=1e-6)
    finally:
        tf.config.run_functions_eagerly(False)
