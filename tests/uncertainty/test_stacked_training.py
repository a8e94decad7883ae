"""All members in one graph: the same members as one training after the other gives."""

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.naive_bayes import GaussianNB
from support.networks import BACKEND, NAMES, X, Y

from skcalib import DeepEnsembleClassifier, TrainableNetwork
from skcalib.backends import CannotStack

tensorflow_only = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="members are stacked on TensorFlow only"
)
ROWS = slice(0, 230)  # the last batch of 50 is shorter
SPARSE = "sparse_categorical_crossentropy"


def compiled(model, loss=SPARSE, optimizer=None):
    model.compile(optimizer or keras.optimizers.SGD(0.1, momentum=0.5), loss)
    return model


def perceptron(optimizer=None):
    return compiled(
        keras.Sequential(
            [
                keras.Input((64,)),
                layers.Dense(12, "relu"),
                layers.Dense(9, "tanh", use_bias=False),
                layers.Dense(10, "softmax"),
            ]
        ),
        optimizer=optimizer,
    )


def residual():
    """Normalised, with dropout, a penalty, an addition, and a layer that is not stacked."""
    inputs = keras.Input((64,))
    x = layers.Dense(12, kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Dropout(0.3)(layers.ReLU()(x))
    x = layers.Add()([x, layers.Dense(12, layers.LeakyReLU())(x)])
    outputs = layers.Dense(10)(layers.LayerNormalization()(x))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    return compiled(keras.Model(inputs, outputs), loss)


def convolutional():
    return compiled(
        keras.Sequential(
            [
                keras.Input((64,)),
                layers.Reshape((8, 8, 1)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.Conv2D(6, 2, strides=2, padding="same", use_bias=False),
                layers.BatchNormalization(scale=False),
                layers.Activation("relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(10),
                layers.Softmax(),
            ]
        )
    )


def sequences():
    """Dense layers on sequences, a recurrent one, a frozen one, an operation."""
    inputs = keras.Input((64,))
    x = layers.Reshape((8, 8))(inputs)
    x = layers.GRU(5)(layers.Dense(6, "relu")(x))
    frozen = layers.Dense(5, trainable=False)
    return compiled(keras.Model(inputs, layers.Dense(10, "softmax")(frozen(x) + x)))


def unusual():
    """Activations of the user's own, and another axis of normalisation."""
    return compiled(
        keras.Sequential(
            [
                keras.Input((64,)),
                layers.Dense(12, "relu"),
                layers.PReLU(),
                layers.Dense(8, lambda t: t - keras.ops.mean(t, axis=1, keepdims=True)),
                layers.Reshape((4, 2, 1)),
                layers.BatchNormalization(axis=1),
                layers.Flatten(),
                layers.Activation(lambda t: t - keras.ops.max(t, axis=1, keepdims=True)),
                layers.Dense(10, "softmax"),
            ]
        )
    )


def binary():
    model = keras.Sequential([keras.Input((64,)), layers.Dense(8, "relu"), layers.Dense(1)])
    model.add(layers.Activation("sigmoid"))
    return compiled(model, "binary_crossentropy")


def ensembles(build, labels=Y, n_members=3, bootstrap=False, **fit_params):
    """Return the same ensemble, trained in one graph and one after the other."""
    found = []
    for train in ("stacked", "separate"):
        ensemble = DeepEnsembleClassifier(
            build, n_members=n_members, train=train, bootstrap=bootstrap, random_state=0
        )
        options = {"epochs": 3, "batch_size": 50, **fit_params}
        found.append(ensemble.fit(X[ROWS], labels[ROWS], **options))
        assert ensemble.train_ == train
    return found


def assert_same(one, other, atol=1e-6):
    draws = one.sample_proba(X[ROWS])
    assert_allclose(draws, other.sample_proba(X[ROWS]), atol=atol)
    assert np.abs(draws[0] - draws[1]).max() > 1e-3
    for mine, its in zip(one.members_, other.members_, strict=True):
        assert_allclose(mine.history_["loss"], its.history_["loss"], rtol=1e-4)
        pairs = zip(mine.model_.get_weights(), its.model_.get_weights(), strict=True)
        for weights, expected in pairs:
            assert_allclose(weights, expected, atol=atol)


@tensorflow_only
def test_stacked_members_are_those_of_separate_trainings():
    assert_same(*ensembles(perceptron, n_members=2, epochs=2))


@tensorflow_only
@pytest.mark.slow
@pytest.mark.parametrize("build", [perceptron, convolutional, sequences, unusual])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_each_kind_of_network(build, bootstrap):
    assert_same(*ensembles(build, NAMES, bootstrap=bootstrap))


@tensorflow_only
@pytest.mark.slow
def test_normalisation_dropout_and_penalties():
    """Rounding of the first steps grows behind a normalisation: a little wider."""
    assert_same(*ensembles(residual, NAMES, batch_size=64), atol=5e-6)


@tensorflow_only
@pytest.mark.slow
def test_weights_two_classes_and_no_shuffle():
    weight = np.linspace(0, 3, 230)
    assert_same(*ensembles(binary, Y < 5, sample_weight=weight, shuffle=False))


@tensorflow_only
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Adam", "AdamW", "RMSprop", "Nadam"])
def test_optimizers_that_work_weight_by_weight(kind):
    optimizer = getattr(keras.optimizers, kind)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)
    assert_same(*ensembles(lambda: perceptron(optimizer(schedule, clipvalue=0.5))), atol=1e-4)


@tensorflow_only
@pytest.mark.slow
def test_one_member_and_a_warm_start():
    one, other = ensembles(perceptron, n_members=1)
    assert_allclose(one.predict_proba(X[ROWS]), other.predict_proba(X[ROWS]), atol=1e-6)
    one.set_params(n_members=3, warm_start=True).fit(X[ROWS], Y[ROWS], epochs=3, batch_size=50)
    whole = ensembles(perceptron)[1]
    assert_allclose(one.sample_proba(X[ROWS]), whole.sample_proba(X[ROWS]), atol=1e-6)


@tensorflow_only
@pytest.mark.slow
def test_an_interruption_loses_no_member_of_an_earlier_training():
    built = []

    def build():
        built.append(0)
        if len(built) == 3:
            raise KeyboardInterrupt
        return perceptron()

    options = {"epochs": 3, "batch_size": 50}
    whole = ensembles(perceptron)[0].sample_proba(X[ROWS])
    grown = DeepEnsembleClassifier(build, n_members=2, train="stacked", random_state=0)
    grown.fit(X[ROWS], Y[ROWS], **options).set_params(n_members=3, warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        grown.fit(X[ROWS], Y[ROWS], **options)
    assert_allclose(grown.sample_proba(X[ROWS]), whole[:2], atol=1e-6)
    grown.fit(X[ROWS], Y[ROWS], **options)
    assert_allclose(grown.sample_proba(X[ROWS]), whole, atol=1e-6)


@tensorflow_only
@pytest.mark.slow
def test_a_member_that_diverges_harms_no_other():
    bad = DeepEnsembleClassifier(
        lambda: perceptron(keras.optimizers.SGD(1e30)), n_members=2, train="stacked"
    )
    with pytest.raises(ValueError, match=r"diverged|NaN"):
        bad.fit(X[ROWS], Y[ROWS], epochs=3)


class Own(keras.layers.Layer):
    def call(self, x):
        return x


class OwnStep(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


def with_layer(layer):
    return compiled(keras.Sequential([keras.Input((64,)), layer, layers.Dense(10, "softmax")]))


@tensorflow_only
@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: with_layer(Own()), "Own is a layer of your own"),
        (
            lambda: with_layer(layers.Dense(4, activity_regularizer="l2")),
            "activity regularizer",
        ),
        (lambda: with_layer(layers.Dense(4, kernel_constraint="non_neg")), "a constraint"),
        (lambda: with_layer(layers.Dense(4, layers.PReLU())), "PReLU has no weights before"),
        (lambda: with_layer(layers.Dense(4, dtype="mixed_bfloat16")), "mixed_bfloat16"),
        (lambda: perceptron(keras.optimizers.Lamb()), "Lamb may look at whole layers"),
        (lambda: perceptron(keras.optimizers.Adam(clipnorm=1.0)), "clipnorm=1.0"),
        (lambda: perceptron(keras.optimizers.SGD(use_ema=True)), "use_ema=True"),
        (
            lambda: compiled(OwnStep([keras.Input((64,)), layers.Dense(10, "softmax")])),
            "its own train_step",
        ),
    ],
)
def test_what_cannot_be_stacked(build, reason):
    from skcalib.backends import _keras_stacking

    with pytest.raises(CannotStack, match=reason):
        _keras_stacking.check_models([build(), build()], X)


@tensorflow_only
def test_models_of_different_shapes_cannot_be_stacked():
    from skcalib.backends import _keras_stacking

    models = [with_layer(layers.Dense(width)) for width in (4, 5)]
    with pytest.raises(CannotStack, match="different shapes"):
        _keras_stacking.check_models(models, X)
    with pytest.raises(CannotStack, match="X is not the array"):
        _keras_stacking.check_models(models[:1], X.reshape(-1, 8, 8))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"validation_split": 0.1}, "validation_split of fit"),
        ({"callbacks": [keras.callbacks.EarlyStopping()]}, "callbacks of fit"),
        ({"class_weight": {0: 2.0}}, "class_weight of fit"),
        ({"shuffle": "batch"}, "shuffle='batch'"),
    ],
)
def test_trainings_that_cannot_be_stacked(options, reason):
    from skcalib.backends import _keras_stacking

    with pytest.raises(CannotStack, match=reason):
        _keras_stacking.check_options({"epochs": 1, **options})


def test_what_is_not_stacked_says_so():
    ensemble = DeepEnsembleClassifier(GaussianNB(), train="stacked", bootstrap=True)
    with pytest.warns(UserWarning, match="GaussianNB is not a function that builds a Keras"):
        ensemble.fit(X[ROWS] + 0.0, Y[ROWS])
    assert ensemble.train_ == "separate"


@pytest.mark.slow
def test_automatic_choice():
    network = TrainableNetwork(perceptron, epochs=1, fit_kwargs={"validation_split": 0.2})
    ensemble = DeepEnsembleClassifier(network, n_members=2).fit(X[ROWS], Y[ROWS])
    assert ensemble.train_ == "separate"
    assert "val_loss" in ensemble.members_[0].history_
    ensemble.set_params(estimator__fit_kwargs=None).fit(X[ROWS], Y[ROWS])
    assert ensemble.train_ == ("stacked" if BACKEND == "tensorflow" else "separate")
    assert_array_equal(ensemble.classes_, np.arange(10))
