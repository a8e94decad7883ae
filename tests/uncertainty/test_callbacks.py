"""Callbacks: snapshots of one training run, and calibration at each epoch (Keras)."""

import pickle
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from scikeras.wrappers import KerasClassifier
from sklearn.base import clone
from support.networks import BACKEND, NAMES, X, Y

from skcalib import DeepEnsembleClassifier, FrozenNetwork, TrainableNetwork, uncertainty
from skcalib.backends._cycles import plan_cycles, share_of_rate
from skcalib.metrics import calibration_error, log_loss
from skcalib.uncertainty import CalibrationCallback, SnapshotCallback

ROWS, REST = slice(0, 200), slice(200, 300)


def build(learning_rate=0.02):
    model = keras.Sequential([keras.Input((64,)), layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    return model


class Spy(keras.callbacks.Callback):
    """Notes the learning rate of each step, and the weights at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.rates, self.weights = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


@pytest.mark.parametrize(("n_epochs", "n_cycles"), [(10, 5), (7, 3), (4, 4), (9, 1)])
def test_cycles_begin_at_the_top_and_end_near_zero(n_epochs, n_cycles):
    starts = plan_cycles(n_epochs, n_cycles)
    assert len(starts) == n_cycles + 1
    assert (starts[0], starts[-1]) == (0, n_epochs)
    assert min(np.diff(starts)) >= 1
    assert max(np.diff(starts)) - min(np.diff(starts)) <= 1
    for start, end in pairwise(starts):
        assert share_of_rate(starts, start) == 1
        assert_allclose(share_of_rate(starts, (start + end) / 2), 0.5, atol=1e-15)
        assert share_of_rate(starts, end - 1e-6) < 1e-9
    with pytest.raises(ValueError, match="needs at least as many epochs"):
        plan_cycles(n_cycles - 1, n_cycles)
    for wrong in (0, 2.0, True):
        with pytest.raises(ValueError, match="'n_snapshots' parameter"):
            plan_cycles(9, wrong)


def test_snapshots_of_one_run():
    keras.utils.set_random_seed(0)
    model, snapshots, spy = build(), SnapshotCallback(2), Spy()
    assert snapshots.members_ == []
    model.fit(X[ROWS], Y[ROWS], epochs=6, batch_size=50, callbacks=[snapshots, spy], verbose=0)
    assert len(snapshots.members_) == 2
    for member, epoch in zip(snapshots.members_, (2, 5), strict=True):
        for found, expected in zip(member.get_weights(), spy.weights[epoch], strict=True):
            assert_array_equal(found, expected)
    if BACKEND != "jax":
        expected = [0.01 * (np.cos(np.pi * step / 12) + 1) for step in range(12)]
        assert_allclose(spy.rates, 2 * expected, rtol=1e-5)
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    assert_allclose(rate, 0.02, rtol=1e-6)
    ensemble = DeepEnsembleClassifier.from_members(snapshots.members_)
    expected = [FrozenNetwork(m).predict_proba(X[REST]) for m in snapshots.members_]
    assert_allclose(ensemble.predict_proba(X[REST]), np.mean(expected, axis=0), atol=1e-6)
    assert ensemble.predict_uncertainty(X[REST]).epistemic.max() > 0
    model.fit(X[ROWS], Y[ROWS], epochs=2, callbacks=[snapshots], verbose=0)
    assert len(snapshots.members_) == 2  # of this run


@pytest.mark.slow
def test_measures_of_held_out_rows_at_each_epoch():
    model, spy = build(), Spy()
    report = CalibrationCallback(X[REST], Y[REST])
    found = model.fit(X[ROWS], Y[ROWS], epochs=2, callbacks=[report, spy], verbose=0).history
    assert found["val_log_loss"] == report.history_["val_log_loss"]
    for epoch, weights in enumerate(spy.weights):
        model.set_weights(weights)
        proba = model.predict(X[REST], verbose=0)
        expected = log_loss(Y[REST], proba, labels=range(10))
        assert_allclose(found["val_log_loss"][epoch], expected, rtol=1e-5)
        expected = calibration_error(Y[REST], proba, labels=range(10))
        assert_allclose(found["val_calibration_error"][epoch], expected, rtol=1e-4)


@pytest.mark.slow
def test_measures_can_be_monitored_and_take_names_and_one_hot():
    stop = keras.callbacks.EarlyStopping("val_log_loss", mode="min", min_delta=100.0)
    for labels in (np.eye(10)[Y[REST]], NAMES[REST]):
        report = CalibrationCallback(X[REST], labels, sample_weight=np.arange(100))
        history = build().fit(X[ROWS], Y[ROWS], epochs=9, callbacks=[report, stop], verbose=0)
        assert len(history.history["val_log_loss"]) == 2


@pytest.mark.slow
def test_through_scikeras_and_a_trainable_network():
    wrapped = KerasClassifier(
        build, epochs=4, callbacks=[SnapshotCallback(2)], verbose=0, random_state=0
    )
    twin = clone(wrapped).fit(X[ROWS], NAMES[ROWS])
    members = twin.callbacks[0].members_
    ensemble = DeepEnsembleClassifier.from_members(members, classes=twin.classes_)
    assert ensemble.score(X[REST], NAMES[REST]) > 0.5
    assert_allclose(ensemble.sample_proba(X[REST])[-1], twin.predict_proba(X[REST]), atol=1e-5)
    network = TrainableNetwork(build, epochs=4, callbacks=[SnapshotCallback(4)])
    assert len(network.fit(X[ROWS], Y[ROWS]).callbacks_[0].members_) == 4


@pytest.mark.slow
def test_misuse_of_snapshots():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
    with pytest.raises(ValueError, match="the optimizer has a ExponentialDecay"):
        build(schedule).fit(X[ROWS], Y[ROWS], epochs=5, callbacks=[SnapshotCallback()])
    for wrong in (0, -1.0, "high", True):
        snapshots = SnapshotCallback(1, learning_rate=wrong)
        with pytest.raises(ValueError, match="'learning_rate' parameter must be positive"):
            build().fit(X[ROWS], Y[ROWS], callbacks=[snapshots])
    with pytest.raises(ValueError, match="n_snapshots=5 needs at least as many epochs"):
        build().fit(X[ROWS], Y[ROWS], epochs=4, callbacks=[SnapshotCallback()])


def test_the_classes_are_found_where_pickles_look_for_them():
    assert pickle.loads(pickle.dumps(SnapshotCallback)) is SnapshotCallback
    assert pickle.loads(pickle.dumps(CalibrationCallback)) is uncertainty.CalibrationCallback
    assert "SkorchSnapshotCallback" in dir(uncertainty)
    with pytest.raises(AttributeError, match="no attribute 'Snapshot'"):
        uncertainty.Snapshot  # noqa: B018
