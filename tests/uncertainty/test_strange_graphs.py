"""Keras graphs at the edge: drawn right, or refused with a reason."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.networks import X

from skcalib import FrozenNetwork, MCDropoutClassifier
from skcalib.sampling._masks import masks_of
from skcalib.uncertainty import uncertainty_frame

FEW = X[:40]


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()


def given(*shape, **kwargs):
    return keras.Input(shape or (64,), **kwargs)


def ended(start, x, n_classes=10):
    return keras.Model(start, layers.Dense(n_classes, "softmax")(x))


def fitted(model, X=FEW, **parameters):
    return MCDropoutClassifier(model, random_state=0, **parameters).fit(X)


def masks(mc, place, width, rate):
    site = type("Site", (), {"kind": "dropout", "shape": (width,)})
    return masks_of(site, place, rate, mc.seed_, range(mc.n_draws))[0]


def test_two_outputs_of_one_operation():
    start = given()
    one, two = ops.split(layers.Dropout(0.5)(start), 2, axis=-1)
    model = ended(start, layers.Dropout(0.3)(one) + two)
    mc = fitted(model, n_draws=6)
    kernel, bias = model.layers[-1].get_weights()
    first, second = masks(mc, 0, 64, 0.5), masks(mc, 1, 32, 0.3)
    draws = mc.sample_proba(FEW)
    assert draws.shape == (6, 40, 10)
    for draw in range(6):
        dropped = FEW * first[draw]
        logits = (dropped[:, :32] * second[draw] + dropped[:, 32:]) @ kernel + bias
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected = exponents / exponents.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(draws[draw], expected, atol=1e-5)


def test_rates_that_are_changed_later_are_seen():
    start = given()
    model = ended(start, layers.Dropout(0.1)(start))
    mc = fitted(model)
    before = mc.predict_uncertainty(FEW).std.mean()
    model.layers[1].rate = 0.8
    after = mc.predict_uncertainty(FEW).std.mean()
    assert after > 2 * before
    np.testing.assert_array_equal(fitted(model).sample_proba(FEW), mc.sample_proba(FEW))


@pytest.mark.parametrize("kind", [layers.Dropout, layers.GaussianDropout])
def test_a_nested_model_takes_its_own_type(kind):
    whole = np.random.default_rng(0).integers(0, 256, (40, 10)).astype("int32")
    inside = keras.Sequential([keras.Input((10,)), kind(0.3), layers.Dense(6, "relu")])
    start = keras.Input((10,), dtype="int32")
    mc = fitted(ended(start, inside(start) / 255.0), whole, n_draws=5)
    twin_start = keras.Input((10,))
    twin = ended(twin_start, inside(twin_start) / 255.0)
    twin.layers[-1].set_weights(mc.estimator.layers[-1].get_weights())
    expected = fitted(twin, whole.astype("float32"), n_draws=5).sample_proba(whole)
    np.testing.assert_allclose(mc.sample_proba(whole), expected, atol=1e-6)


def test_a_nested_model_takes_its_own_rank():
    column, start = given(64, 1), given()
    inside = keras.Model(column, layers.Flatten()(layers.Dropout(0.3)(column)))
    mc = fitted(ended(start, inside(start)), rate=0.0)
    expected = mc.estimator.predict(FEW, verbose=0)
    np.testing.assert_allclose(mc.predict_proba(FEW), expected, atol=1e-6)


def test_an_activation_that_replaces_a_freed_one():
    last, start = layers.Dense(8), given()
    model = ended(start, last(layers.Dropout(0.3)(start)))
    mc = fitted(model, rate=0.0)
    for k in range(12):
        last.activation = partial(ops.multiply, k + 1.0)
        expected = keras.ops.convert_to_numpy(model(FEW))
        np.testing.assert_allclose(mc.predict_proba(FEW), expected, atol=1e-5)
        np.testing.assert_allclose(FrozenNetwork(model).predict_proba(FEW), expected, atol=1e-5)


def test_compiling_again_forgets_what_was_traced():
    from skcalib.backends import _keras_models

    start = given()
    model = ended(start, layers.Dropout(0.3)(start))
    for _ in range(4):
        model.compile("adam", "sparse_categorical_crossentropy")
        fitted(model, n_draws=2).predict_proba(FEW)
    _, functions = _keras_models._FUNCTIONS[model]
    assert len(functions) == 2  # the plain network and its draws


def test_what_is_the_same_for_all_rows():
    class Position(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(1, 64))

        def call(self, x):
            return self.w + 0.0

    start = given()
    x = layers.Dropout(0.3)(Position()(start)) + start
    mc = fitted(ended(start, x), n_draws=4)
    draws = mc.sample_proba(FEW)
    np.testing.assert_allclose(mc.set_params(batch_size=7).sample_proba(FEW), draws, atol=1e-6)


def test_sequences_of_any_length():
    start = keras.Input((None,), dtype="int32")
    x = layers.SpatialDropout1D(0.5)(layers.Embedding(20, 4)(start))
    model = ended(start, layers.GlobalAveragePooling1D()(x))
    words = np.random.default_rng(0).integers(0, 20, (30, 7)).astype("int32")
    mc = fitted(model, words, n_draws=4)
    assert mc.sample_proba(words).std(axis=0).max() > 1e-4
    longer = np.hstack([words, words])
    np.testing.assert_allclose(mc.sample_proba(longer), mc.sample_proba(words), atol=1e-5)
    expected = model.predict(words, verbose=0)
    np.testing.assert_allclose(
        mc.set_params(rate=0.0).predict_proba(words), expected, atol=1e-6
    )


def along_the_rows():
    start = given()
    x = layers.Dropout(0.3)(start)
    return ended(start, x - ops.mean(x, axis=0, keepdims=True))


def everything_dropped():
    start = given()
    return ended(start, layers.Dropout(1.0)(start))


def noise_of_another_rank():
    start = given()
    return ended(start, layers.Dropout(0.3, noise_shape=(64,))(start))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (along_the_rows, "depends on the other rows"),
        (everything_dropped, "drops everything"),
        (noise_of_another_rank, "as many entries"),
    ],
)
def test_refused_with_a_reason(build, message):
    with pytest.raises(ValueError, match=message):
        fitted(build())


def test_a_model_whose_call_was_replaced():
    start = given()
    model = ended(start, layers.Dropout(0.3)(start), n_classes=100)
    fitted(model)
    call = model.call
    model.call = lambda *args, **kwargs: ops.flip(call(*args, **kwargs), 1)
    model.compile()
    mc = fitted(model, n_draws=3)
    assert mc.sample_proba(FEW).std(axis=0).max() > 0
    expected = keras.ops.convert_to_numpy(model(FEW))
    np.testing.assert_allclose(mc.set_params(rate=0.0).predict_proba(FEW), expected, atol=1e-6)


def test_a_network_that_got_other_classes():
    model = keras.Sequential([given(), layers.Dropout(0.3), layers.Dense(10, "softmax")])
    mc = fitted(model)
    model.pop()
    model.add(layers.Dense(5, "softmax"))
    with pytest.raises(ValueError, match=r"5 columns.*10 classes"):
        mc.predict_proba(FEW)


def test_inputs_of_different_lengths():
    one, two = keras.Input((32,), name="one"), keras.Input((32,), name="two")
    x = layers.Concatenate()([layers.Dropout(0.5)(one), two])
    model = keras.Model([one, two], layers.Dense(3, "softmax")(x))
    halves = {"one": FEW[:, :32], "two": FEW[:, 32:]}
    mc = fitted(model, halves, batch_size=20)
    with pytest.raises(ValueError, match="lengths"):
        mc.predict_proba({**halves, "two": FEW[:20, 32:]})
    with pytest.raises(ValueError, match="lengths"):
        mc.predict_proba({**halves, "one": FEW[:1, :32]})


def test_numbers_of_numpy_and_tensors():
    tf = pytest.importorskip("tensorflow")
    start = given()
    model = ended(start, layers.Dropout(0.3)(start))
    mc = MCDropoutClassifier(
        model, rate=np.array(0.4), n_draws=np.uint8(200), batch_size=np.int8(9), random_state=0
    )
    proba = mc.fit(tf.constant(FEW)).predict_proba(FEW)
    expected = fitted(model, rate=0.4, n_draws=200).predict_proba(FEW)
    np.testing.assert_allclose(proba, expected, atol=1e-6)


def test_blocks_are_of_the_parameters_when_they_were_asked_for():
    start = given()
    mc = fitted(ended(start, layers.Dropout(0.3)(start)), n_draws=3)
    blocks = mc.sample_proba(FEW, blocks=True)
    expected = mc.sample_proba(FEW)
    mc.set_params(n_draws=7, rate=[0.1, 0.2])
    ((_, draws),) = blocks
    np.testing.assert_array_equal(draws, expected)


def test_a_table_of_one_of_several_levels():
    start = given()
    mc = fitted(ended(start, layers.Dropout(0.3)(start)), rate=[0.1, 0.5])
    result = mc.predict_uncertainty(FEW)
    with pytest.raises(ValueError, match="level=0"):
        uncertainty_frame(result)
    alone = mc.set_params(rate=0.5).predict_uncertainty(FEW)
    assert uncertainty_frame(result, level=1).equals(uncertainty_frame(alone))
