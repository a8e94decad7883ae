"""What people give to networks, and what networks give: lists of inputs, answers in objects."""

from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.frozen import FrozenEstimator

from skcalib import (
    CalibratedClassifierCV,
    FrozenNetwork,
    MCDropoutClassifier,
    MCDropoutRegressor,
    TemperatureCalibratedClassifier,
)

RNG = np.random.default_rng(0)
SEQ = RNG.normal(size=(90, 7, 3)).astype(np.float32)
FLAT = RNG.normal(size=(90, 2)).astype(np.float32)
Y = (SEQ[:, -1, 0] + RNG.normal(size=90) > 0).astype(int)
DICT = {"seq": SEQ, "flat": FLAT}


def two_inputs(last="sigmoid"):
    seq, flat = keras.Input((7, 3), name="seq"), keras.Input((2,), name="flat")
    drop = layers.Dropout(0.3)(layers.Dense(5, "relu")(flat))
    both = layers.Concatenate()([layers.Flatten()(seq), drop])
    return keras.Model([seq, flat], layers.Dense(1, last)(both))


def one_input():
    return keras.Sequential([keras.Input((2,)), layers.Dense(1, "sigmoid")])


LISTS = {
    "list": [SEQ, FLAT],
    "tuple": (SEQ, FLAT),
    "frame": [SEQ, pd.DataFrame(FLAT)],
    "sparse": [SEQ, csr_array(FLAT)],
    "nested": [SEQ.tolist(), FLAT.tolist()],
    "numbers": {0: SEQ, 1: FLAT},
}


@pytest.mark.parametrize("kind", LISTS)
def test_as_many_arrays_as_inputs(kind):
    model = two_inputs()
    expected = model.predict([SEQ, FLAT], verbose=0)[:, 0]
    given = LISTS[kind]
    assert_allclose(FrozenNetwork(model).predict_proba(given)[:, 1], expected, atol=1e-5)
    assert_array_equal(FrozenNetwork(model).fit(given, Y).classes_, [0, 1])
    for wrapped in (model, FrozenNetwork(model), FrozenEstimator(FrozenNetwork(model))):
        found = CalibratedClassifierCV(wrapped).fit(given, Y).predict_proba(given)
        by_name = CalibratedClassifierCV(wrapped).fit(DICT, Y).predict_proba(DICT)
        assert_allclose(found, by_name, atol=1e-6)
    if kind in ("list", "numbers"):
        folds = CalibratedClassifierCV(model, cv=3, ensemble=True).fit(given, Y)
        assert folds.predict_proba(given).shape == (90, 2)


def test_lists_and_dropout():
    if keras.config.backend() != "tensorflow":
        pytest.skip("draws run on TensorFlow")
    mc = MCDropoutClassifier(two_inputs(), n_draws=5, random_state=0)
    expected = mc.fit(DICT, Y).predict_proba(DICT)
    assert_allclose(mc.fit([SEQ, FLAT], Y).predict_proba([SEQ, FLAT]), expected, atol=1e-6)
    target = SEQ[:, -1, 0]
    mc = MCDropoutRegressor(two_inputs(None), n_draws=5, noise_variance="auto", random_state=0)
    expected = mc.fit(DICT, target).predict(DICT)
    assert_allclose(mc.fit((SEQ, FLAT), target).predict((SEQ, FLAT)), expected, atol=1e-5)


@pytest.mark.parametrize("ask", [FrozenNetwork, TemperatureCalibratedClassifier])
def test_another_number_of_arrays_names_the_inputs(ask):
    for X in ([SEQ], [SEQ, FLAT, FLAT], []):
        with pytest.raises(ValueError, match=r"\['seq', 'flat'\], but X is a list of .* dict"):
            ask(two_inputs()).fit(X, Y)
    with pytest.raises(ValueError, match="one input, and X is a list of arrays of different"):
        ask(one_input()).fit([SEQ, FLAT], Y)
    left = {"b": keras.Input((2,), name="b"), "a": keras.Input((2,), name="a")}
    both = layers.Concatenate()([left["a"], left["b"]])
    by_name = keras.Model(left, layers.Dense(1, "sigmoid")(both))
    with pytest.raises(ValueError, match=r"which have no order.*Give a dict"):
        ask(by_name).fit([FLAT, FLAT], Y)


def test_a_list_of_samples_stays_one_input():
    network = FrozenNetwork(one_input())
    expected = network.predict_proba(FLAT)
    assert_allclose(network.predict_proba(list(FLAT)), expected, atol=1e-6)
    assert_allclose(network.predict_proba([FLAT[0], FLAT[1]]), expected[:2], atol=1e-6)
    assert_allclose(network.predict_proba([FLAT[0]]), expected[:1], atol=1e-6)
    assert_allclose(network.predict_proba(FLAT.tolist()), expected, atol=1e-6)
    assert_allclose(network.predict_proba([FLAT]), expected, atol=1e-6)  # as Keras itself
    calibrated = CalibratedClassifierCV(network).fit([FLAT], Y)
    assert calibrated.predict_proba([FLAT]).shape == (90, 2)


class Joins(keras.Model):
    """A class of the user's that takes a list."""

    def __init__(self):
        super().__init__()
        self.last = layers.Dense(1, "sigmoid")

    def call(self, inputs):
        return self.last(ops.concatenate(inputs, axis=1))


def test_a_subclassed_model_that_takes_a_list():
    model = Joins()
    left, right = FLAT, SEQ[:, 0]
    expected = ops.convert_to_numpy(model([left, right]))[:, 0]
    for X in ([left, right], {0: left, 1: right}):
        assert_allclose(FrozenNetwork(model).predict_proba(X)[:, 1], expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"has the inputs \[0, 1\], but X is a list of 1"):
        FrozenNetwork(model).predict_proba([left])


@dataclass
class Answer:
    logits: Any
    hidden: Any = None


Pair = namedtuple("Pair", "logits hidden")
ANSWERS = {
    "dict": lambda z: {"logits": z},
    "dict of several": lambda z: {"loss": ops.sum(z), "logits": z, "hidden": z},
    "dict of one": lambda z: {"out": z},
    "dict in a dict": lambda z: {"out": {"logits": z}},
    "list": lambda z: [z],
    "named tuple": lambda z: Pair(z, 2 * z),
    "dataclass": lambda z: Answer(z),
    "dataclass of several": lambda z: Answer(z, 2 * z),
    "object": lambda z: SimpleNamespace(logits=z),
}


class Answering(keras.Model):
    def __init__(self, how):
        super().__init__()
        self.how = how
        self.last = layers.Dense(3)

    def call(self, inputs):
        return self.how(self.last(inputs))


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_in_objects(kind):
    model = Answering(ANSWERS[kind])
    model(FLAT[:2])
    z = FLAT @ ops.convert_to_numpy(model.last.kernel)
    network = FrozenNetwork(model).fit(FLAT)
    assert network.has_logits_
    assert_allclose(network.predict_proba(FLAT), softmax(z, axis=1), atol=1e-5)
    y = RNG.integers(0, 3, 90)
    assert CalibratedClassifierCV(model).fit(FLAT, y).predict(FLAT).shape == (90,)


def test_the_softmax_of_an_answer_in_a_dict_is_found():
    model = Answering(lambda z: {"hidden": z, "logits": ops.softmax(z)})
    model(FLAT[:2])
    z = FLAT @ ops.convert_to_numpy(model.last.kernel)
    found = FrozenNetwork(model).fit(FLAT).decision_function(FLAT)
    assert_allclose(found, z, atol=1e-5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda z: {"a": z, "b": z}, r"2 outputs; a classifier has one.*logits \(here: a, b\)"),
        (lambda z: (z, z), "2 outputs; a classifier has one"),
        (lambda z: SimpleNamespace(scores=z), "returned a SimpleNamespace.*'logits'"),
    ],
)
def test_answers_that_name_no_logits_say_how(how, message):
    model = Answering(how)
    model(FLAT[:2])
    way_out = "[Pp]ass a network that ends at the output"
    with pytest.raises(ValueError, match=f"{message}.*{way_out}"):
        FrozenNetwork(model).fit(FLAT)


@pytest.mark.parametrize("path", ["net.keras", "weights/net.pt", Path("net.pkl")])
def test_a_path_instead_of_a_model_says_how_to_load(path):
    for ask in (
        lambda: FrozenNetwork(path).fit(FLAT, Y),
        lambda: FrozenNetwork(path).predict(FLAT),
        lambda: TemperatureCalibratedClassifier(path).fit(FLAT, Y),
        lambda: CalibratedClassifierCV(path).fit(FLAT, Y),
        lambda: CalibratedClassifierCV(FrozenNetwork(path)).fit(FLAT, Y),
        lambda: MCDropoutClassifier(path).fit(FLAT, Y),
        lambda: MCDropoutRegressor(path).fit(FLAT, Y),
    ):
        with pytest.raises(ValueError, match=r"where it is saved.*keras.saving.load_model"):
            ask()


def test_weights_instead_of_a_model():
    with pytest.raises(ValueError, match="state_dict of torch, it holds weights only"):
        FrozenNetwork({"last.weight": FLAT}).fit(FLAT, Y)


class Masked(keras.Model):
    """Options of a question: the last input says which there are."""

    def __init__(self, low):
        super().__init__()
        self.low = low

    def call(self, inputs):
        return ops.where(inputs[:, 3:] > 0, inputs[:, :3], self.low)


@pytest.mark.parametrize("low", [-np.inf, float(np.finfo(np.float32).min)])
def test_a_network_that_masks_classes(low):
    rng = np.random.default_rng(0)
    z = 3 * rng.normal(size=(400, 3))
    open_ = rng.random(z.shape) < 0.6
    open_[np.arange(400), rng.integers(0, 3, 400)] = True
    X = np.hstack([z, open_]).astype(np.float32)
    p = softmax(np.where(open_, z / 3, -np.inf), axis=1)
    y = (p.cumsum(axis=1) < rng.uniform(size=(400, 1))).sum(axis=1)
    model = Masked(low)
    model(X[:2])
    network = FrozenNetwork(model, from_logits=True)
    assert_array_equal(network.predict_proba(X) == 0, ~open_)
    assert_array_equal(np.isneginf(network.decision_function(X)), ~open_)
    calibrated = TemperatureCalibratedClassifier(network).fit(X, y)
    proba = calibrated.predict_proba(X)
    assert (proba[~open_] == 0).all()
    assert 2.2 < calibrated.calibrated_classifiers_[0].calibrators[0].temperature_ < 4
    assert np.abs(proba - p).max() < 0.1
    with pytest.raises(ValueError, match="mixes the columns"):
        CalibratedClassifierCV(network, method="matrix").fit(X, y)
