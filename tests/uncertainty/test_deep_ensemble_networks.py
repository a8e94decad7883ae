"""Deep ensembles of networks: functions that build Keras models, wrappers, torch, boosters."""

import random

import keras
import numpy as np
import pytest
from joblib import parallel_config
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from scikeras.wrappers import KerasClassifier
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from support.networks import BACKEND, NAMES, X, Y, digits_model

from skcalib import (
    CalibratedClassifierCV,
    DeepEnsembleClassifier,
    FrozenNetwork,
    TemperatureCalibratedClassifier,
    TrainableNetwork,
)

HALF, REST = slice(0, 400), slice(400, 600)


def build(last="softmax", loss="sparse_categorical_crossentropy", n_outputs=10):
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(16, "relu"), layers.Dense(n_outputs, last)]
    )
    model.compile(keras.optimizers.Adam(0.02), loss)
    return model


def trained(seed):
    """What a Keras user would write."""
    keras.utils.set_random_seed(seed)
    model = build()
    model.fit(X[HALF], Y[HALF], epochs=3, batch_size=50, verbose=0)
    return model


@pytest.mark.slow
def test_a_function_that_builds_a_model():
    keras.utils.set_random_seed(5)
    expected_next = [random.random(), np.random.random(), keras.random.normal((1,))]  # noqa: NPY002
    keras.utils.set_random_seed(5)
    ensemble = DeepEnsembleClassifier(build, n_members=2, train="separate", random_state=0)
    ensemble.fit(X[HALF], NAMES[HALF], epochs=3, batch_size=50)
    found = [random.random(), np.random.random(), keras.random.normal((1,))]  # noqa: NPY002
    assert_allclose(found[:2], expected_next[:2])
    assert_allclose(*[keras.ops.convert_to_numpy(x[2]) for x in (found, expected_next)])
    assert_array_equal(ensemble.classes_, np.unique(NAMES))
    draws = ensemble.sample_proba(X[REST])
    for member, draw in zip(ensemble.members_, draws, strict=True):
        assert isinstance(member, TrainableNetwork)
        assert draw.shape == (200, 10)
        assert_allclose(draw, member.predict_proba(X[REST]), atol=1e-6)
        assert len(member.history_["loss"]) == 3
    assert np.abs(draws[0] - draws[1]).max() > 0.01
    assert ensemble.score(X[REST], NAMES[REST]) > 0.5


@pytest.mark.slow
def test_a_member_is_what_keras_itself_would_train():
    network = TrainableNetwork(build, epochs=3, batch_size=50, random_state=7)
    own = trained(7).predict(X[REST], verbose=0)
    assert_allclose(network.fit(X[HALF], Y[HALF]).predict_proba(X[REST]), own, atol=1e-6)
    again = clone(network).fit(X[HALF], Y[HALF])
    assert_allclose(again.predict_proba(X[REST]), own, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "loss", "n_outputs"),
    [
        ("softmax", "categorical_crossentropy", 10),
        (None, keras.losses.SparseCategoricalCrossentropy(from_logits=True), 10),
        ("sigmoid", "binary_crossentropy", 1),
        ("softmax", keras.losses.CategoricalFocalCrossentropy(), 2),
    ],
)
def test_labels_reach_each_loss_as_it_takes_them(last, loss, n_outputs):
    two = n_outputs < 10
    labels = np.where(Y < 5, "few", "many") if two else Y
    network = TrainableNetwork(
        lambda: build(last, loss, n_outputs), epochs=8, batch_size=50, random_state=0
    ).fit(X[HALF], labels[HALF])
    assert_array_equal(network.classes_, np.unique(labels))
    assert network.score(X[REST], labels[REST]) > 0.6
    logits = network.decision_function(X[REST])
    assert logits.ndim == (1 if two else 2)
    calibrated = TemperatureCalibratedClassifier(network, cv=2).fit(X[HALF], labels[HALF])
    assert calibrated.score(X[REST], labels[REST]) > 0.5


@pytest.mark.slow
def test_one_hot_labels_weights_and_callbacks():
    class Count(keras.callbacks.Callback):
        n_epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            Count.n_epochs += 1

    network = TrainableNetwork(build, epochs=2, callbacks=[Count()], random_state=0)
    weight = (np.arange(400) < 200).astype(float)
    weighted = clone(network).fit(X[HALF], np.eye(10)[Y[HALF]], sample_weight=weight)
    assert Count.n_epochs == 2
    garbage = np.where(weight > 0, Y[HALF], 0)
    other = clone(network).fit(X[HALF], garbage, sample_weight=weight)
    assert_allclose(other.predict_proba(X), weighted.predict_proba(X), atol=1e-6)
    made = TrainableNetwork(build, callbacks=lambda: [Count()], random_state=0)
    made.fit(X[HALF], Y[HALF], epochs=3, validation_split=0.2)
    assert Count.n_epochs == 7
    assert "val_loss" in made.history_


@pytest.mark.slow
@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("full")])
def test_an_interruption_or_a_failure_loses_no_trained_model(error):
    epochs = []

    def stop(epoch, logs):
        epochs.append(epoch)
        if len(epochs) == 3:  # the first epoch of the second member
            raise error

    def ensemble(callbacks=None):
        network = TrainableNetwork(build, epochs=2, batch_size=50, callbacks=callbacks)
        return DeepEnsembleClassifier(network, n_members=3, train="separate", random_state=0)

    expected = ensemble().fit(X[HALF], Y[HALF]).sample_proba(X[REST])
    broken = ensemble(lambda: [keras.callbacks.LambdaCallback(on_epoch_end=stop)])
    with pytest.raises(type(error)) as caught:
        broken.fit(X[HALF], Y[HALF])
    kept = [0] if isinstance(error, KeyboardInterrupt) else [0, 2]
    assert_allclose(broken.sample_proba(X[REST]), expected[kept], atol=1e-6)
    if len(kept) == 2:
        assert "The 2 trained ones are kept in members_" in caught.value.__notes__[0]
    n_epochs = len(epochs)
    broken.set_params(warm_start=True).fit(X[HALF], Y[HALF])
    assert len(epochs) - n_epochs == 2 * (3 - len(kept))
    assert_allclose(broken.sample_proba(X[REST]), expected, atol=1e-6)


@pytest.mark.slow
def test_a_search_over_what_a_function_builds():
    network = TrainableNetwork(build, batch_size=50, random_state=0)
    search = GridSearchCV(network, {"epochs": [1, 6]}, cv=2).fit(X[HALF], Y[HALF])
    assert search.best_params_ == {"epochs": 6}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda: None, TypeError, "must return a keras.Model, got a NoneType"),
        (digits_model, ValueError, "is not compiled"),
        (lambda: build(n_outputs=4), ValueError, "10 labels"),
    ],
)
def test_functions_that_build_something_else(function, error, message):
    with pytest.raises(error, match=message):
        DeepEnsembleClassifier(function, n_members=2).fit(X[HALF], NAMES[HALF])
    with pytest.raises(error, match=message):
        TrainableNetwork(function).fit(X[HALF], NAMES[HALF])


def test_a_trained_model_is_no_recipe():
    with pytest.raises(ValueError, match="a function that builds and compiles it"):
        DeepEnsembleClassifier(build()).fit(X[HALF], Y[HALF])
    with pytest.raises(ValueError, match="'build' parameter of TrainableNetwork"):
        TrainableNetwork(build()).fit(X[HALF], Y[HALF])


@pytest.mark.slow
def test_networks_that_are_trained_already():
    models = [trained(0), trained(1)]
    ensemble = DeepEnsembleClassifier.from_members(models)
    expected = np.mean([model.predict(X[REST], verbose=0) for model in models], axis=0)
    assert_allclose(ensemble.predict_proba(X[REST]), expected, atol=1e-6)
    named = [FrozenNetwork(model, classes=[f"d{k}" for k in range(10)]) for model in models]
    assert DeepEnsembleClassifier.from_members(named).classes_[3] == "d3"
    calibrated = TemperatureCalibratedClassifier(ensemble).fit(X[HALF], Y[HALF])
    assert len(calibrated.calibrated_classifiers_) == 1
    assert calibrated.predict_uncertainty(X[REST]).epistemic.max() > 0
    weights = [model.get_weights() for model in models]
    for model, before in zip(models, weights, strict=True):
        for a, b in zip(model.get_weights(), before, strict=True):
            assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [Y, NAMES], ids=["numbers", "names"])
def test_wrappers_of_keras(labels):
    wrapped = make_pipeline(
        MinMaxScaler(), KerasClassifier(build, epochs=3, batch_size=50, verbose=0)
    )
    ensemble = DeepEnsembleClassifier(wrapped, n_members=2, random_state=0)
    draws = ensemble.fit(X[HALF], labels[HALF]).sample_proba(X[REST])
    for member, draw in zip(ensemble.members_, draws, strict=True):
        assert_allclose(draw, member.predict_proba(X[REST]), atol=1e-5)
    assert np.abs(draws[0] - draws[1]).max() > 0.01
    again = clone(ensemble).fit(X[HALF], labels[HALF])
    assert_allclose(again.sample_proba(X[REST]), draws, atol=1e-5)
    assert ensemble.predict_proba(X[:1]).shape == (1, 10)


@pytest.mark.slow
def test_keras_own_wrapper():
    def for_data(X, y):
        return build(loss="categorical_crossentropy")

    wrapped = keras.wrappers.SKLearnClassifier(
        for_data, fit_kwargs={"epochs": 3, "batch_size": 50, "verbose": 0}
    )
    ensemble = DeepEnsembleClassifier(wrapped, n_members=2, random_state=0)
    draws = ensemble.fit(X[HALF], NAMES[HALF]).sample_proba(X[REST])
    assert np.abs(draws[0] - draws[1]).max() > 0.01
    assert ensemble.score(X[REST], NAMES[REST]) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_members_do_not_depend_on_how_they_are_run(backend):
    ensemble = DeepEnsembleClassifier(build, n_members=3, train="separate", random_state=0)
    expected = ensemble.fit(X[HALF], Y[HALF], epochs=2).sample_proba(X[REST])
    with parallel_config(backend=backend, n_jobs=2):
        found = clone(ensemble).fit(X[HALF], Y[HALF], epochs=2).sample_proba(X[REST])
    assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_in_the_folds_of_a_calibration():
    ensemble = DeepEnsembleClassifier(TrainableNetwork(build, epochs=3), n_members=2)
    calibrated = CalibratedClassifierCV(ensemble, method="temperature", cv=2, ensemble=False)
    calibrated.fit(X[HALF], NAMES[HALF])
    result = calibrated.predict_uncertainty(X[REST])
    assert_allclose(result.mean, calibrated.predict_proba(X[REST]), atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "tensorflow", reason="looks at TensorFlow's state")
def test_tensorflow_has_its_seed_back():
    import tensorflow as tf

    tf.random.set_seed(11)
    expected = [tf.random.uniform(()).numpy() for _ in range(2)]
    tf.random.set_seed(11)
    first = tf.random.uniform(()).numpy()
    TrainableNetwork(build, random_state=3).fit(X[:50], Y[:50])
    assert [first, tf.random.uniform(()).numpy()] == expected
