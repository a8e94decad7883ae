"""Networks with their calibration behind them, as one Keras model."""

from contextlib import nullcontext

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")

from keras import layers, ops  # noqa: E402
from sklearn.frozen import FrozenEstimator  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from support.networks import (  # noqa: E402
    BACKEND,
    NAMES,
    WORDS,
    X_TWO,
    Y_TWO,
    Known,
    WithoutConfig,
    X,
    Y,
    compiled,
    digits_model,
    trained,
    two_class_model,
    weights_hash,
)

from skcalib import (  # noqa: E402
    CalibratedClassifierCV,
    FrozenNetwork,
    TemperatureCalibratedClassifier,
    TrainableNetwork,
)
from skcalib.decision import PriorShiftClassifier  # noqa: E402
from skcalib.deploy import load_keras, to_keras, to_torch  # noqa: E402
from skcalib.novelty import DistanceAwareTemperatureClassifier  # noqa: E402

EXACT = 1e-6  # of temperature, which magnifies no rounding
WHOLE = 1e-5  # of a network and a smooth map
AT_STEPS = 1e-4
NEW = X[700:]
LEFT, RIGHT = keras.Input((32,), name="left"), keras.Input((32,), name="right")
PARTS = {"left": X[:, :32], "right": X[:, 32:]}


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session()


def answers_of(model, given):
    return keras.ops.convert_to_numpy(model(given, training=False))


def labels_for(model, given=X, y=Y):
    """Labels of which two thirds are what an untrained network says."""
    answers = answers_of(model, given)
    said = answers.argmax(axis=1) if answers.shape[1] > 1 else (answers[:, 0] > 0.5).astype(int)
    return np.where(np.arange(len(y)) % 3 > 0, said, y)


def temper(model, given=X, y=Y):
    return TemperatureCalibratedClassifier(model).fit(given, labels_for(model, given, y))


def compare(calibrated, given=NEW, expected_from=None, atol=EXACT):
    model = to_keras(calibrated)
    found = answers_of(model, given)
    right = calibrated.predict_proba(given if expected_from is None else expected_from)
    assert np.abs(found - right).max() <= atol
    return model


def known_model(n_outputs=10, last="softmax"):
    """A network that is sure: a temperature far from 1, saturated rows."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(16, "relu", use_bias=False),
            layers.Dense(n_outputs, last),
        ]
    )
    return Known(n_outputs).fill(model)


@pytest.mark.parametrize("method", ["temperature", "sms", "beta"])
def test_a_bare_network(method):
    model = compiled(digits_model())
    before = weights_hash(model)
    calibrated = CalibratedClassifierCV(model, method=method).fit(X, labels_for(model))
    compare(calibrated, atol=WHOLE)
    assert weights_hash(model) == before


@pytest.mark.slow
@pytest.mark.parametrize("method", ["isotonic", "spline", "quadratic", "auto", "hierarchical"])
def test_a_trained_network(method):
    model = trained(digits_model())
    calibrated = CalibratedClassifierCV(model, method=method).fit(X[600:1200], Y[600:1200])
    # A spline may be steep: in single precision 6e-5 were seen, which double precision mends.
    compare(calibrated, X[1200:], atol=AT_STEPS if method in ("isotonic", "spline") else WHOLE)
    if method != "isotonic" and BACKEND != "jax":  # which has no float64 unless asked for
        exact = answers_of(to_keras(calibrated, dtype="float64"), X[1200:])
        assert np.abs(exact - calibrated.predict_proba(X[1200:])).max() <= WHOLE


def test_true_logits_of_a_saturated_network():
    truth = Known(10)
    y = truth.proba.argmax(axis=1)
    y[::5] = Y[::5]
    calibrated = TemperatureCalibratedClassifier(known_model()).fit(X, y)
    assert calibrated.temperature_ > 10
    tempered = truth.logits / calibrated.temperature_
    right = np.exp(tempered - tempered.max(axis=1, keepdims=True))
    right /= right.sum(axis=1, keepdims=True)
    found = answers_of(to_keras(calibrated), X)
    assert np.abs(found - right).max() <= 1e-5


@pytest.mark.parametrize("method", ["temperature", "sigmoid"])
def test_one_output_for_two_classes(method):
    network = two_class_model()
    y = labels_for(network, X_TWO, Y_TWO)
    calibrated = CalibratedClassifierCV(network, method=method).fit(X_TWO, y)
    model = compare(calibrated, X_TWO)
    assert all(type(x).__module__.split(".")[0] == "keras" for x in model.layers)


def test_other_labels_in_another_order():
    model = digits_model()
    network = FrozenNetwork(model, classes=WORDS)
    names = np.array(WORDS)[labels_for(model)]
    calibrated = CalibratedClassifierCV(network, method="temperature").fit(X, names)
    compare(calibrated)


def left_and_right(inputs):
    hidden = layers.Concatenate()([layers.Dense(4, "relu")(LEFT), RIGHT])
    return keras.Model(inputs, layers.Dense(10, "softmax")(hidden))


@pytest.mark.parametrize("named", [False, True])
def test_several_inputs(named):
    model = left_and_right({"left": LEFT, "right": RIGHT} if named else [LEFT, RIGHT])
    given = PARTS if named else list(PARTS.values())
    calibrated = TemperatureCalibratedClassifier(model).fit(PARTS, labels_for(model, given))
    exported = compare(calibrated, given, PARTS)
    assert [x.name for x in exported.inputs] == ["left", "right"]


class Subclassed(keras.Model):
    """A network as many write it: layers, and an activation in `call`."""

    def __init__(self, activation):
        super().__init__()
        self.hidden, self.out = layers.Dense(8, "relu"), layers.Dense(10)
        self.activation = activation

    def build(self, shape):
        self.hidden.build(shape)
        self.out.build((None, 8))

    def call(self, x, training=None):
        return self.activation(self.out(self.hidden(x)))


class Head(layers.Layer):
    """A layer of the user's that ends in a softmax."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.out = layers.Dense(10)

    def build(self, shape):
        self.out.build(shape)

    def call(self, x):
        return keras.activations.softmax(self.out(x))


class RawHead(layers.Layer):
    """The same with weights of its own, which Keras does not see in a graph."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 10))

    def call(self, x):
        return ops.softmax(ops.matmul(x, self.kernel))


def sequential(*parts):
    return keras.Sequential([keras.Input((64,)), *parts])


def functional():
    x = keras.Input((64,))
    return keras.Model(x, ops.softmax(layers.Dense(10)(x)))


def bottom_and_top():
    top = keras.Sequential([keras.Input((8,)), layers.Dense(10, "softmax")])
    return sequential(layers.Dense(8, "relu"), top)


def subclassed():
    model = Subclassed(ops.softmax)
    model(X[:2])
    return model


def without_config():
    model = WithoutConfig(layers.Softmax())
    model.build((None, 64))
    model(X[:2])
    return model


ENDINGS = {
    "activation": lambda: sequential(layers.Dense(10), layers.Activation("softmax")),
    "layer": lambda: sequential(layers.Dense(10), layers.Softmax()),
    "operation": functional,
    "own layer": lambda: sequential(Head()),
    "nested": bottom_and_top,
    "subclassed": subclassed,
    "convolution": lambda: sequential(
        layers.Reshape((8, 8, 1)), layers.Conv2D(10, 8, activation="softmax"), layers.Flatten()
    ),
    "logits": lambda: digits_model(last=None),
    "log_softmax": lambda: digits_model(last="log_softmax"),
    "linear then dropout": lambda: sequential(layers.Dense(10, "softmax"), layers.Dropout(0.5)),
    "half precision": lambda: sequential(
        layers.Dense(10, dtype="mixed_float16"), layers.Activation("softmax", dtype="float32")
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_endings(ending):
    model = ENDINGS[ending]()
    # On JAX the activation must be the last operation, else its probabilities are calibrated.
    lost = BACKEND == "jax" and ending == "convolution"
    with pytest.warns(UserWarning, match="logits") if lost else nullcontext():
        calibrated = temper(model)
    before = weights_hash(model)
    compare(calibrated)
    assert weights_hash(model) == before


@pytest.mark.filterwarnings("ignore:`build\\(\\)` was called")
def test_a_network_whose_end_is_hidden():
    model = sequential(RawHead())
    calibrated = temper(model)
    with pytest.warns(UserWarning, match="cannot be written in Keras's own layers"):
        exported = to_keras(calibrated)
    assert np.abs(answers_of(exported, NEW) - calibrated.predict_proba(NEW)).max() <= EXACT


@pytest.mark.slow
def test_a_network_that_gives_probabilities_only():
    model = compiled(digits_model())
    model.run_eagerly = True
    with (
        pytest.warns(UserWarning, match="logits") if BACKEND == "tensorflow" else nullcontext()
    ):
        calibrated = temper(model)
    compare(calibrated)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["temperature", "beta"])
def test_sigmoids_as_one_against_the_rest(method):
    model = digits_model(last="sigmoid")
    network = FrozenNetwork(model, multilabel=False)
    calibrated = CalibratedClassifierCV(network, method=method).fit(X, labels_for(model))
    compare(calibrated, atol=WHOLE)


def make_digits(meta=None):
    return compiled(digits_model())


@pytest.mark.slow
@pytest.mark.parametrize("ensemble", [True, False, "joined"])
@pytest.mark.parametrize("method", ["temperature", "venn-abers"])
def test_networks_of_folds(method, ensemble):
    scikeras = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")
    wrapped = scikeras.KerasClassifier(make_digits, epochs=2, verbose=0)
    calibrated = CalibratedClassifierCV(wrapped, method=method, cv=2, ensemble=ensemble)
    calibrated.fit(X[:600], NAMES[:600])
    model = to_keras(calibrated)
    found, right = answers_of(model, NEW), calibrated.predict_proba(NEW)
    # A score may fall on the other side of a knot.
    wrong = (np.abs(found - right) > EXACT).any(axis=1).mean()
    assert wrong <= (0.01 if method == "venn-abers" else 0)


@pytest.mark.slow
def test_the_wrapper_of_keras(tmp_path):
    def build(X, y):
        model = digits_model()
        model.compile("adam", "categorical_crossentropy")
        return model

    wrapped = keras.wrappers.SKLearnClassifier(build, fit_kwargs={"epochs": 2, "verbose": 0})
    calibrated = CalibratedClassifierCV(wrapped, method="beta", cv=2).fit(X[:600], NAMES[:600])
    model = compare(calibrated, atol=WHOLE)
    model.save(tmp_path / "model.keras")
    again = answers_of(load_keras(tmp_path / "model.keras"), NEW)
    assert np.abs(again - answers_of(model, NEW)).max() <= 1e-6


def test_other_base_rates():
    calibrated = temper(two_class_model(), X_TWO, Y_TWO)
    frozen = FrozenEstimator(calibrated)
    compare(PriorShiftClassifier(frozen, priors=[0.9, 0.1]).fit(X_TWO, Y_TWO), X_TWO)


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "jax", reason="JAX has no float64 unless it is asked for")
def test_float64_behind_a_network_in_float32():
    """Rows that it was calibrated on stand on the steps: one bit would move them."""
    model = digits_model(last=None)
    calibrated = CalibratedClassifierCV(model, method="histogram").fit(X, labels_for(model))
    found = answers_of(to_keras(calibrated, dtype="float64"), X)
    assert found.dtype == np.float64
    assert np.abs(found - calibrated.predict_proba(X)).max() <= EXACT


def test_what_cannot_be_exported():
    scaled = make_pipeline(StandardScaler().fit(X), FrozenNetwork(digits_model()))
    calibrated = CalibratedClassifierCV(scaled, method="sms").fit(X[:700], Y[:700])
    with pytest.raises(ValueError, match=r"'standardscaler'.*Normalization"):
        to_keras(calibrated)
    several = FrozenNetwork(digits_model(last="sigmoid"), multilabel=True)
    y = np.eye(10, dtype=int)[Y]
    with pytest.raises(ValueError, match="several labels"):
        to_keras(CalibratedClassifierCV(several).fit(X[:700], y[:700]))


@pytest.mark.slow
def test_distances_are_no_part_of_a_network():
    model = digits_model()
    calibrated = DistanceAwareTemperatureClassifier(model).fit(X, labels_for(model))
    with pytest.raises(ValueError, match="how usual each row is"):
        to_keras(calibrated)


@pytest.mark.slow
def test_libraries_are_told_apart():
    pytest.importorskip("torch", reason="needs torch")
    calibrated = temper(digits_model())
    with pytest.raises(TypeError, match="is not a network of torch"):
        to_torch(calibrated)


# What a few steps learn depends on the library; that both answer alike does not.
@pytest.mark.filterwarnings("ignore:The temperature is at its bound")
@pytest.mark.slow
def test_a_network_that_is_trained_by_its_function():
    def build():
        model = keras.Sequential(
            [keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)).astype("float32")
    y = X[:, :3].argmax(axis=1)
    network = TrainableNetwork(build, epochs=30, random_state=0)
    calibrated = TemperatureCalibratedClassifier(network, cv=2, ensemble=False).fit(X, y)
    found = to_keras(calibrated).predict(X, verbose=0)
    np.testing.assert_allclose(found, calibrated.predict_proba(X), atol=1e-6)
