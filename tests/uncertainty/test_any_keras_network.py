"""Keras networks that are no plain graph: drawn as a loop of passes in training draws them."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.networks import BACKEND, weights_hash

from skcalib import FrozenNetwork, MCDropoutClassifier, TemperatureCalibratedClassifier

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(12, 10)).astype("float32")
SEQUENCES = RNG.normal(size=(12, 6, 8)).astype("float32")
WORDS = RNG.integers(1, 20, (12, 6)).astype("int32")
WORDS[:, 4:] = 0  # padding
N_DRAWS, N_LOOPS = 500, 200


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()


def ended(start, x):
    return keras.Model(start, layers.Dense(4, "softmax")(x))


def hidden_between(*parts):
    start = keras.Input((10,))
    x = layers.Dense(16, "relu")(start)
    for part in parts:
        x = part(x)
    return ended(start, x), ROWS


def of_own(function):
    return layers.Lambda(function, output_shape=(16,))


class WithoutSeed(layers.Layer):
    """Drops as most people write it, without a generator of its own."""

    def call(self, x, training=False):
        return keras.random.dropout(x, 0.5) if training else x


class WholeRows(layers.Dropout):
    """A subclass of Dropout by another law: all of a row, or nothing."""

    def call(self, x, training=False):
        if not training:
            return x
        shape = (ops.shape(x)[0], 1)
        return keras.random.dropout(x, self.rate, noise_shape=shape, seed=self.seed_generator)


class Block(layers.Layer):
    """Layers inside a layer, with a normalisation that must stay as it is."""

    def __init__(self):
        super().__init__()
        self.dense, self.drop = layers.Dense(16), layers.Dropout(0.4)
        self.norm = layers.BatchNormalization(trainable=False)

    def call(self, x):
        return ops.relu(self.drop(self.norm(self.dense(x)))) + x


class Own(keras.Model):
    """A model without a graph; its call takes no `training`."""

    def __init__(self):
        super().__init__()
        self.block, self.drop, self.out = Block(), layers.Dropout(0.3), layers.Dense(4)

    def call(self, x):
        return ops.softmax(self.out(self.drop(self.block(x))))


def without_seed():
    return hidden_between(WithoutSeed(), layers.Dense(16, "relu"), layers.Dropout(0.1))


def whole_rows():
    return hidden_between(WholeRows(0.3))


def own_block():
    return hidden_between(Block())


def subclassed():
    model = Own()
    X = np.pad(ROWS, ((0, 0), (0, 6)))
    model(X)
    return model, X


def always_on():
    return hidden_between(
        layers.Lambda(lambda x: keras.random.dropout(x, 0.5), output_shape=(16,))
    )


def recurrent():
    start = keras.Input((6, 8))
    return ended(start, layers.LSTM(8, dropout=0.3, recurrent_dropout=0.3)(start)), SEQUENCES


def both_ways():
    start = keras.Input((6, 8))
    x = layers.Bidirectional(layers.GRU(6, dropout=0.3, return_sequences=True))(start)
    return ended(start, layers.LSTM(6)(layers.Dropout(0.2)(x))), SEQUENCES


def attention():
    start = keras.Input((6, 8))
    x = layers.MultiHeadAttention(2, 4, dropout=0.3)(start, start)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x + start))
    return ended(start, layers.Dropout(0.2)(x)), SEQUENCES


def each_step():
    start = keras.Input((6, 8))
    x = layers.TimeDistributed(layers.Dropout(0.4))(start)
    return ended(start, layers.Flatten()(x)), SEQUENCES


def padded():
    start = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 6, mask_zero=True)(start)
    return ended(start, layers.LSTM(8)(layers.Dropout(0.4)(x))), WORDS


def any_length():
    start = keras.Input((None,), dtype="int32")
    x = layers.Dropout(0.4)(layers.Embedding(20, 6)(start))
    return ended(start, layers.GlobalAveragePooling1D()(x)), WORDS


def rows_in_parts():
    start = keras.Input((10,))
    x = layers.Dropout(0.3)(layers.Dense(8)(ops.reshape(start, (-1, 5))))
    return ended(start, ops.reshape(x, (-1, 16))), ROWS


def several_answers():
    start = keras.Input((10,))
    x = layers.Dropout(0.4)(layers.Dense(16, "relu")(start))
    outputs = {"logits": layers.Dense(4)(x), "features": x}
    return keras.Model(start, outputs), ROWS


QUICK = [without_seed, whole_rows, always_on, subclassed, recurrent]
SLOW = [own_block, both_ways, attention, each_step, padded, any_length, rows_in_parts]
NETS = [*QUICK, *[pytest.param(net, marks=pytest.mark.slow) for net in SLOW]]


def larger_weights(model, rng=RNG):
    for weight in model.trainable_weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def by_a_loop(model, X):
    """Return the answers of passes in training, compiled where that is quick and allowed."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        once = tf.function(lambda: model(X, training=True))
        return np.array([once() for _ in range(N_LOOPS)])
    if BACKEND == "jax" and any(isinstance(part, layers.RNN) for part in model.layers):
        import jax

        once = jax.jit(lambda *state: model.stateless_call(*state, X, training=True))
        fixed = [x.value for x in model.trainable_variables]
        moving = [x.value for x in model.non_trainable_variables]
        draws = []
        for _ in range(N_LOOPS):
            out, moving = once(fixed, moving)
            draws.append(np.asarray(out))
        return np.array(draws)
    return np.array([ops.convert_to_numpy(model(X, training=True)) for _ in range(N_LOOPS)])


@pytest.mark.parametrize("build", NETS)
def test_in_distribution_as_a_loop_of_passes(build):
    model, X = build()
    larger_weights(model)
    given = FrozenNetwork(model, from_logits=False) if build is subclassed else model
    before = weights_hash(model)
    mc = MCDropoutClassifier(given, n_draws=N_DRAWS, random_state=0).fit(X)
    draws = mc.sample_proba(X)
    assert weights_hash(model) == before
    loop = by_a_loop(model, X)
    error = np.sqrt(draws.var(axis=0) / N_DRAWS + loop.var(axis=0) / N_LOOPS)
    z = (draws.mean(axis=0) - loop.mean(axis=0)) / np.maximum(error, 1e-6)
    assert 0.5 < np.sqrt((z**2).mean()) < 1.5
    assert 0.85 < draws.var(axis=0).mean() / loop.var(axis=0).mean() < 1.15
    np.testing.assert_allclose(
        mc.set_params(batch_size=5, n_draws=3).sample_proba(X), draws[:3], atol=1e-5
    )
    backwards = mc.sample_proba(X[::-1])[:, ::-1]
    np.testing.assert_allclose(backwards, draws[:3], atol=1e-5)


class OwnNoise(layers.Layer):
    """Stochastic depth of its own making: random numbers that are no dropout."""

    def call(self, x, training=False):
        return ops.where(keras.random.uniform(()) > 0.1, x, 0.0) if training else x


class Halves(layers.Layer):
    """Computes something else in training."""

    def call(self, x, training=False):
        return x / 2 if training else x


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (OwnNoise, "random numbers that are no dropout"),
        (Halves, "something else in training"),
        (
            lambda: of_own(lambda x: x + keras.random.normal((1,))),
            "also at prediction",
        ),
        (
            lambda: layers.Lambda(
                lambda x: x / (1 + 0.5 * ops.mean(ops.abs(x))), output_shape=(16,)
            ),
            "depends on the other rows",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(part, message):
    model, X = hidden_between(part(), layers.Dropout(0.3))
    larger_weights(model, np.random.default_rng(1))
    before = weights_hash(model)
    with pytest.raises(ValueError, match=message):
        MCDropoutClassifier(model).fit(X)
    assert weights_hash(model) == before


def test_several_outputs_of_which_one_is_called_logits():
    model, X = several_answers()
    plain = keras.Model(model.input, model.output["logits"])
    both = [
        MCDropoutClassifier(FrozenNetwork(m, from_logits=True), n_draws=4, random_state=0)
        for m in (model, plain)
    ]
    one, other = (mc.fit(X).sample_proba(X) for mc in both)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_nothing_is_left_behind_after_an_exception():
    from skcalib.backends import _keras_dropout_calls as patched

    model, X = recurrent()
    expected = model.predict(X, verbose=0)  # which moves the seed of the recurrent layer
    before = weights_hash(model)
    replaced = [vars(owner)[name] for owner, name, _ in patched._list_replacements()]
    mc = MCDropoutClassifier(model, random_state=0).fit(X)
    with pytest.raises(ValueError):
        mc.predict_proba(X[:, :, :3])
    assert weights_hash(model) == before
    np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
    now = [vars(owner)[name] for owner, name, _ in patched._list_replacements()]
    assert all(one is other for one, other in zip(now, replaced, strict=True))


def test_a_network_that_is_random_at_prediction_is_told_once():
    model, X = always_on()
    y = np.arange(12) % 4
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        TemperatureCalibratedClassifier(model).fit(X, y)
        FrozenNetwork(model).fit(X, y)
    found = [str(warning.message) for warning in told]
    assert sum("random at prediction" in text for text in found) == 2  # each once
    mc = MCDropoutClassifier(model, random_state=0).fit(X, y)  # warns of nothing
    np.testing.assert_array_equal(mc.predict_proba(X), mc.predict_proba(X))


def test_what_is_random_is_listed():
    start = keras.Input((6, 8))
    x = layers.LSTM(4, dropout=0.3, name="words")(start)
    inside = keras.Sequential([layers.Dense(5, "relu"), layers.GaussianDropout(0.1, name="g")])
    model = ended(start, layers.Dropout(0.2, name="d")(inside(x)))
    mc = MCDropoutClassifier(model, random_state=0).fit(SEQUENCES)
    found = [(site.name, site.kind, site.rate, site.shape) for site in mc.sites_]
    # The four gates of a cell share the mask of its inputs.
    assert found == [
        ("words", "dropout", 0.3, (8,)),
        ("g", "gaussian", 0.1, (5,)),
        ("d", "dropout", 0.2, (4 + 1,)),
    ]
    assert mc.sites_[1].path == f"{inside.name}/g"
    assert mc.forecast_cost().path == "whole"
    inside.build((None, 4))
    start = keras.Input((4,))
    split = MCDropoutClassifier(ended(start, inside(start))).fit(ROWS[:, :4])
    assert split.forecast_cost().path == "split"
    assert [site.path for site in split.sites_] == [f"{inside.name}/g"]
