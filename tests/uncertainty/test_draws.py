"""Draws of Keras models against a plain loop that is given the same masks."""

import gc
import threading
import warnings
import weakref

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.special import softmax
from support.networks import X, weights_hash

from skcalib import FrozenNetwork, MCDropoutClassifier
from skcalib.sampling._masks import masks_of

FEW = X[:60]
IMAGES = FEW.reshape(-1, 8, 8, 1)
N_DRAWS = 7


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()


class Given(layers.Layer):
    """Stands where a random layer stood, and does what the masks of one draw say."""

    scale, shift = 1.0, 0.0

    def call(self, x):
        return x * ops.convert_to_tensor(self.scale) + ops.convert_to_tensor(self.shift)


def dense_net(random):
    x = given = keras.Input((64,))
    x = random(layers.Dense(32, "relu")(x), "dropout", 0.3)
    x = layers.BatchNormalization()(x)
    x = random(layers.Dense(16, "tanh")(x), "dropout", 0.5)
    return keras.Model(given, layers.Dense(10, "softmax")(x))


def flat_first(random):
    x = given = keras.Input((8, 8, 1))
    x = random(layers.Conv2D(4, 3, activation="relu")(x), "spatial", 0.4)
    x = random(layers.Conv2D(8, 3, activation="relu")(x), "dropout", 0.3)
    return keras.Model(given, layers.Dense(10, "softmax")(layers.Flatten()(x)))


def kinds(random):
    x = given = keras.Input((64,))
    x = random(layers.Dense(32, "selu")(x), "alpha", 0.2)
    x = random(layers.Dense(16, "relu")(x), "gaussian", 0.3)
    return keras.Model(given, layers.Dense(10, "softmax")(x))


def skip_connection(random):
    x = given = keras.Input((64,))
    x = plain = layers.Dense(16, "relu")(x)
    x = random(x, "dropout", 0.5)
    x = layers.Add()([layers.Dense(16, "relu")(x), plain])
    x = layers.Concatenate()([random(x, "dropout", 0.2), plain * 2])
    return keras.Model(given, layers.Dense(10, "softmax")(x))


def twice_in_a_row(random):
    x = given = keras.Input((64,))
    x = random(random(layers.Dense(16, "relu")(x), "dropout", 0.5), "dropout", 0.3)
    return keras.Model(given, layers.Dense(10, "softmax")(x))


def at_the_end(random):
    """Strange, but so be it: the last layer is a dropout of the logits, then a softmax."""
    x = given = keras.Input((64,))
    x = random(layers.Dense(10)(x), "dropout", 0.3)
    return keras.Model(given, layers.Softmax()(x))


def nested(random):
    inside = keras.Input((32,))
    x = random(layers.Dense(16, "relu")(inside), "dropout", 0.4)
    block = keras.Model(inside, layers.Dense(16, "relu")(x))
    x = given = keras.Input((64,))
    x = block(layers.Dense(32, "relu")(x))
    return keras.Model(given, layers.Dense(10, "softmax")(random(x, "dropout", 0.5)))


def on_sequences(random):
    """A dense layer on each of several vectors is no product with one kernel."""
    x = given = keras.Input((64,))
    x = random(layers.Reshape((8, 8))(x), "dropout", 0.5)
    x = layers.GlobalAveragePooling1D()(layers.Dense(16, "relu")(x))
    return keras.Model(given, layers.Dense(10, "softmax")(x))


def wide(random):
    """Wide enough for products that serve several masks at once."""
    x = given = keras.Input((8, 8, 1))
    x = random(layers.Conv2D(32, 3, activation="relu")(x), "dropout", 0.3)
    x = layers.Dense(64, "relu")(layers.Flatten()(x))
    return keras.Model(given, layers.Dense(10, "softmax")(random(x, "dropout", 0.5)))


def wide_alpha(random):
    x = given = keras.Input((64,))
    x = random(layers.Dense(600, "selu")(x), "alpha", 0.2)
    return keras.Model(given, layers.Dense(64, "softmax")(x))


def wide_gaussian(random):
    x = given = keras.Input((64,))
    x = random(layers.Dense(600, "relu")(x), "gaussian", 0.2)
    return keras.Model(given, layers.Dense(64, "softmax")(x))


def one_mask_for_all_features(random):
    x = given = keras.Input((64,))
    x = random(layers.Dense(600, "relu")(x), "all or nothing", 0.4)
    return keras.Model(given, layers.Dense(64, "softmax")(x))


# The others are tried in the slow run.
QUICK = [dense_net, kinds, nested, wide]
SLOW = [
    flat_first,
    skip_connection,
    twice_in_a_row,
    at_the_end,
    on_sequences,
    wide_alpha,
    wide_gaussian,
    one_mask_for_all_features,
]
NETS = [*QUICK, *[pytest.param(net, marks=pytest.mark.slow) for net in SLOW]]
KINDS = {
    "dropout": layers.Dropout,
    "spatial": layers.SpatialDropout2D,
    "all or nothing": lambda rate: layers.Dropout(rate, noise_shape=(None, 1)),
    "alpha": layers.AlphaDropout,
    "gaussian": layers.GaussianDropout,
}


def with_dropout(build):
    """Return a model, and what its random layers are, in the order of the calls."""
    sites = []

    def random(x, kind, rate):
        shape = tuple(x.shape[1:])
        noise = {"spatial": (1, 1, shape[-1]), "all or nothing": (1,)}
        sites.append(("dropout" if kind in noise else kind, rate, noise.get(kind, shape)))
        return KINDS[kind](rate)(x)

    return build(random), sites


def by_a_loop(build, model, sites, inputs, seed):
    """Return the draws of the same network with masks put in one after the other."""
    places = []

    def random(x, kind, rate):
        places.append(Given())
        return places[-1](x)

    twin = build(random)
    twin.set_weights(
        [keras.ops.convert_to_numpy(w) for w in model.weights if "seed" not in w.path]
    )
    draws = []
    for draw in range(N_DRAWS):
        for number, (place, (kind, rate, shape)) in enumerate(zip(places, sites, strict=True)):
            site = type("Site", (), {"kind": kind, "shape": shape})
            noise = masks_of(site, number, rate, seed, range(draw, draw + 1))
            place.scale, place.shift = (*noise, np.zeros((1, 1), np.float32))[:2]
            place.scale, place.shift = place.scale[0], place.shift[0]
        draws.append(keras.ops.convert_to_numpy(twin(inputs, training=False)))
    return np.array(draws)


@pytest.mark.parametrize("build", NETS)
def test_the_same_as_a_loop_with_the_same_masks(build):
    model, sites = with_dropout(build)
    inputs = IMAGES if model.input_shape[1:] == (8, 8, 1) else FEW
    mc = MCDropoutClassifier(model, n_draws=N_DRAWS, random_state=3).fit(inputs)
    draws = mc.sample_proba(inputs)
    expected = by_a_loop(build, model, sites, inputs, mc.seed_)
    np.testing.assert_allclose(draws, expected, atol=2e-6)
    assert draws.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(
        mc.set_params(rate=0.0).predict_proba(inputs),
        model.predict(inputs, verbose=0),
        atol=1e-6,
    )


@pytest.mark.parametrize("build", NETS)
def test_batches_and_the_order_of_rows_do_not_matter(build):
    model, _ = with_dropout(build)
    inputs = IMAGES if model.input_shape[1:] == (8, 8, 1) else FEW
    mc = MCDropoutClassifier(model, n_draws=5, random_state=0).fit(inputs)
    draws = mc.sample_proba(inputs)
    np.testing.assert_array_equal(mc.sample_proba(inputs), draws)
    np.testing.assert_allclose(mc.sample_proba(inputs[::-1])[:, ::-1], draws, atol=1e-5)
    np.testing.assert_allclose(mc.sample_proba(inputs[:1]), draws[:, :1], atol=1e-5)
    mc.set_params(batch_size=7)
    np.testing.assert_allclose(mc.sample_proba(inputs), draws, atol=1e-5)
    mc.set_params(masks="independent", batch_size=60)
    draws = mc.sample_proba(inputs)
    mc.set_params(batch_size=7)
    np.testing.assert_allclose(mc.sample_proba(inputs), draws, atol=1e-5)


def one_layer(last=None):
    return keras.Sequential(
        [keras.Input((64,)), layers.Dropout(0.3), layers.Dense(4, last, name="out")]
    )


@pytest.mark.parametrize("masks", ["shared", "independent"])
def test_one_linear_layer_has_a_known_mean_and_covariance(masks):
    """Var of z = h W with inverted dropout is p / (1 - p) sum_j h_j^2 w_j w_j^T."""
    model = one_layer()
    n_draws, p = 4000, 0.3
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    mc = MCDropoutClassifier(model, n_draws=n_draws, random_state=0, masks=masks)
    draws = mc.fit(FEW).sample_proba(FEW[:5]).astype(float)
    logits = np.log(draws) - np.log(draws[..., :1])  # up to a shift
    W = model.layers[-1].kernel.numpy().astype(float)
    W = W - W[:, :1]
    for row, h in enumerate(FEW[:5].astype(float)):
        covariance = p / (1 - p) * (W.T * h**2) @ W
        z = (logits[:, row].mean(axis=0) - h @ W)[1:]
        z = z / np.sqrt(np.diag(covariance)[1:] / n_draws)
        assert np.abs(z).max() < 4
        found = np.cov(logits[:, row, 1:].T)
        size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))[1:, 1:]
        assert (np.abs(found - covariance[1:, 1:]) < 0.1 * size).all()


@pytest.mark.slow
def test_in_distribution_as_keras_draws():
    model, _ = with_dropout(skip_connection)
    n_draws = 1500
    passes = (model(FEW[:8], training=True) for _ in range(n_draws))
    theirs = np.array([keras.ops.convert_to_numpy(answer) for answer in passes])
    mc = MCDropoutClassifier(model, n_draws=n_draws, random_state=0).fit(FEW)
    ours = mc.sample_proba(FEW[:8])
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / n_draws)
    z = (ours.mean(axis=0) - theirs.mean(axis=0)) / error
    assert np.abs(z).max() < 4.5
    assert 0.6 < z.std() < 1.4
    np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.15)


def test_levels_are_the_single_rates_and_share_their_numbers():
    model, _ = with_dropout(dense_net)
    mc = MCDropoutClassifier(model, rate=[0.1, 0.5], random_state=0, n_draws=5).fit(FEW)
    both = mc.sample_proba(FEW)
    for level, rate in enumerate([0.1, 0.5]):
        np.testing.assert_array_equal(mc.set_params(rate=rate).sample_proba(FEW), both[level])
    site = type("Site", (), {"kind": "dropout", "shape": (1000,)})
    few, many = (masks_of(site, 0, rate, 1, range(3))[0] > 0 for rate in (0.1, 0.5))
    assert (few | ~many).all()  # what is kept at .5 is kept at .1
    assert 0.85 < few.mean() < 0.95
    assert 0.45 < many.mean() < 0.55


def test_nothing_of_the_network_changes_even_after_an_exception():
    model, _ = with_dropout(nested)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(FEW, np.arange(60) % 10, verbose=0)
    model.predict(FEW, verbose=0)
    functions = model.predict_function, model.train_function
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    before = weights_hash(model)
    mc = MCDropoutClassifier(model, n_draws=5).fit(FEW)
    mc.predict_uncertainty(FEW)
    with pytest.raises(ValueError):
        mc.predict_proba(FEW[:, :5])
    assert weights_hash(model) == before
    assert (model.predict_function, model.train_function) == functions
    assert nodes == [len(layer._inbound_nodes) for layer in model._flatten_layers()]


def test_new_weights_are_seen():
    model, _ = with_dropout(dense_net)
    mc = MCDropoutClassifier(model, random_state=0).fit(FEW)
    before = mc.predict_proba(FEW)
    model.layers[-1].kernel.assign(-model.layers[-1].kernel)
    assert np.abs(mc.predict_proba(FEW) - before).max() > 0.01


def test_threads_predict_at_once():
    model, _ = with_dropout(dense_net)
    mc = MCDropoutClassifier(model, random_state=0, n_draws=20).fit(FEW)
    expected, found = mc.predict_proba(FEW), [None] * 6

    def predict(number):
        found[number] = mc.predict_proba(FEW)

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for proba in found:
        np.testing.assert_allclose(proba, expected, atol=1e-7)


def test_networks_are_freed():
    model, _ = with_dropout(dense_net)
    mc = MCDropoutClassifier(model, n_draws=3).fit(FEW)
    mc.predict_proba(FEW)
    alive = weakref.ref(model)
    del model, mc
    keras.utils.clear_session()
    gc.collect()
    assert alive() is None


def test_a_base_called_without_training_stays_deterministic():
    base = keras.Sequential([keras.Input((64,)), layers.Dropout(0.5), layers.Dense(8, "relu")])
    given = keras.Input((64,))
    frozen = keras.Model(given, layers.Dense(10, "softmax")(base(given, training=False)))
    with pytest.raises(ValueError, match="no random layer"):
        MCDropoutClassifier(frozen).fit(FEW)
    mc = MCDropoutClassifier(frozen, drop_in_bases=True, n_draws=3, random_state=0).fit(FEW)
    kernel, bias = base.get_weights()
    site = type("Site", (), {"kind": "dropout", "shape": (64,)})
    (scale,) = masks_of(site, 0, 0.5, mc.seed_, range(3))
    hidden = np.maximum((FEW * scale) @ kernel + bias, 0)
    out_kernel, out_bias = frozen.layers[-1].get_weights()
    expected = softmax(hidden @ out_kernel + out_bias, axis=-1)
    np.testing.assert_allclose(mc.sample_proba(FEW), expected, atol=1e-6)


def test_a_base_that_keras_trains_with_dropout_is_told_once():
    base = keras.Sequential([keras.Input((64,)), layers.Dropout(0.5), layers.Dense(8, "relu")])
    given = keras.Input((64,))
    x = layers.Dropout(0.2)(base(given, training=False))
    model = keras.Model(given, layers.Dense(10, "softmax")(x))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        mc = MCDropoutClassifier(model, random_state=0).fit(FEW)
    (text,) = [str(warning.message) for warning in told if "stays off" in str(warning.message)]
    assert f"'{base.name}' stays off" in text
    assert "drop_in_bases=True" in text
    off = mc.predict_uncertainty(FEW).std
    silent = MCDropoutClassifier(model, drop_in_bases=False, random_state=0).fit(FEW)
    np.testing.assert_array_equal(silent.predict_uncertainty(FEW).std, off)
    both = MCDropoutClassifier(model, drop_in_bases=True, random_state=0).fit(FEW)
    assert both.predict_uncertainty(FEW).std.mean() > 1.5 * off.mean()


def test_several_inputs():
    one, two = keras.Input((32,), name="one"), keras.Input((32,), name="two")
    x = layers.Concatenate()([layers.Dropout(0.5)(one), two])
    model = keras.Model([one, two], layers.Dense(3, "softmax")(x))
    given = {"two": FEW[:, 32:], "one": FEW[:, :32]}
    mc = MCDropoutClassifier(model, rate=0.0).fit(given)
    expected = model.predict([FEW[:, :32], FEW[:, 32:]], verbose=0)
    np.testing.assert_allclose(mc.predict_proba(given), expected, atol=1e-6)
    kernel, bias = model.layers[-1].get_weights()
    draws = mc.set_params(rate=None, n_draws=2).sample_proba(given)
    site = type("Site", (), {"kind": "dropout", "shape": (32,)})
    (scale,) = masks_of(site, 0, 0.5, mc.seed_, range(2))
    for draw, mask in zip(draws, scale, strict=True):
        dropped = np.hstack([FEW[:, :32] * mask, FEW[:, 32:]])
        np.testing.assert_allclose(draw, softmax(dropped @ kernel + bias, axis=1), atol=1e-6)


@pytest.mark.parametrize("last", ["sigmoid", "softmax", None, "log_softmax"])
def test_every_ending(last):
    model = one_layer(last)
    if last is None:
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network = FrozenNetwork(model, multilabel=False) if last == "sigmoid" else model
    mc = MCDropoutClassifier(network, n_draws=3, random_state=0).fit(FEW)
    plain = mc.estimator_.predict_proba(FEW)
    np.testing.assert_allclose(mc.sample_proba(FEW).sum(axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(mc.set_params(rate=0.0).predict_proba(FEW), plain, atol=1e-5)


class AlwaysOn(layers.Dropout):
    """What books tell their readers to write."""

    def call(self, inputs):
        return super().call(inputs, training=True)


@pytest.mark.parametrize("baked", [False, True])
def test_dropout_that_is_always_on_is_the_same_dropout(baked):
    def always(x, kind, rate):
        return layers.Dropout(rate)(x, training=True) if baked else AlwaysOn(rate)(x)

    model, _ = with_dropout(dense_net)
    twin = dense_net(always)
    twin.set_weights(model.get_weights())
    before = weights_hash(twin)
    given = FrozenNetwork(twin, classes=range(10))
    draws = MCDropoutClassifier(given, n_draws=3, random_state=0).fit(FEW).sample_proba(FEW)
    assert weights_hash(twin) == before
    expected = MCDropoutClassifier(model, n_draws=3, random_state=0).fit(FEW).sample_proba(FEW)
    np.testing.assert_allclose(draws, expected, atol=1e-6)


def test_attention_without_dropout_is_no_obstacle_to_a_rate():
    x = given = keras.Input((64,))
    x = layers.Reshape((8, 8))(x)
    x = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(x, x))
    model = keras.Model(given, layers.Dense(10, "softmax")(layers.Dropout(0.3)(x)))
    mc = MCDropoutClassifier(model, rate=0.5, random_state=0).fit(FEW)
    assert mc.predict_uncertainty(FEW).std.max() > 0


def certain():
    return keras.Sequential([keras.Input((64,)), layers.Dense(10, "softmax")])


def test_a_network_without_dropout_is_refused():
    with pytest.raises(ValueError, match="no random layer"):
        MCDropoutClassifier(certain()).fit(FEW)


def test_dropout_of_rate_zero_needs_a_rate():
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dropout(0.0), layers.Dense(10, "softmax")]
    )
    with pytest.raises(ValueError, match=r"1 x Dropout are off.*rate=0.1"):
        MCDropoutClassifier(model).fit(FEW)
    result = MCDropoutClassifier(model, rate=0.1).fit(FEW).predict_uncertainty(FEW)
    assert result.std.max() > 0


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("rate", 1.0),
        ("rate", -0.1),
        ("rate", "high"),
        ("rate", []),
        ("rate", [0.1, np.nan]),
        ("rate", True),
        ("n_draws", 0),
        ("n_draws", 2.5),
        ("masks", "own"),
        ("batch_size", 0),
    ],
)
def test_parameters_out_of_range(parameter, value):
    mc = MCDropoutClassifier(one_layer("softmax"), **{parameter: value})
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        mc.fit(FEW)
    mc = MCDropoutClassifier(one_layer("softmax")).fit(FEW).set_params(**{parameter: value})
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        mc.predict_proba(FEW)


def test_wrong_inputs():
    mc = MCDropoutClassifier(one_layer("softmax"), random_state=0).fit(FEW)
    with pytest.raises(ValueError, match=r"shape \(10,\).*takes \(64,\)"):
        mc.predict_proba(FEW[:, :10])
    with pytest.raises(ValueError, match=r"A draw.*NaN"):
        mc.predict_proba(np.full_like(FEW, np.nan))
    for nothing in (FEW[:0], [], None):
        with pytest.raises(ValueError, match="samples"):
            mc.predict_proba(nothing)
