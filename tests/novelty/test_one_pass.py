"""One pass of the classifier for its answer and its features; usual rows to the last bit."""

import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skcalib import FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.novelty import DistanceAwareTemperatureClassifier

X, Y = load_digits(n_class=4, return_X_y=True)
X = (X / 16).astype(np.float32)
X_TRAIN, X_CAL, X_NEW = X[:256], X[256:512], X[512:576]  # powers of two: JAX pads to these
Y_TRAIN, Y_CAL = Y[:256], Y[256:512]


TRAINED = MLPClassifier((16,), max_iter=500, tol=1e-2, random_state=0).fit(X_TRAIN, Y_TRAIN)


class Counter:
    """Rows that a network has run for."""

    def __init__(self):
        self.n_rows = 0

    def add(self, n_rows):
        self.n_rows += int(n_rows)

    def take(self):
        """Return the number, and start anew."""
        if "jax" in sys.modules:
            sys.modules["jax"].effects_barrier()
        n_rows, self.n_rows = self.n_rows, 0
        return n_rows


def keras_model(counter):
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    library = keras.config.backend()

    class Counting(keras.layers.Layer):
        def call(self, inputs):
            if library == "tensorflow":
                import tensorflow as tf

                tf.py_function(lambda n: counter.add(n.numpy()), [tf.shape(inputs)[0]], [])
            elif library == "jax":
                import jax

                jax.debug.callback(lambda x: counter.add(len(x)), inputs)
            else:
                counter.add(len(inputs))
            return inputs

    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense
    return keras.Sequential(
        [keras.Input((64,)), Counting(), dense(16, "relu"), dense(4, "softmax")]
    )


def trained_keras(counter):
    model = keras_model(counter)
    kernels_and_biases = zip(TRAINED.coefs_, TRAINED.intercepts_, strict=True)
    model.set_weights([weights for pair in kernels_and_biases for weights in pair])
    return model


def wrapped_keras(counter):
    wrappers = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")
    return FrozenEstimator(
        wrappers.KerasClassifier(
            lambda: keras_model(counter),
            loss="sparse_categorical_crossentropy",
            epochs=5,
            verbose=0,
        ).fit(X_TRAIN, Y_TRAIN)
    )


def torch_module(counter):
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Linear(64, 16), torch.nn.Linear(16, 4)

        def forward(self, x):
            counter.add(len(x))
            return torch.softmax(self.last(torch.relu(self.first(x))), dim=1)

    net = Net()
    with torch.no_grad():
        for layer, kernel, bias in zip(
            (net.first, net.last), TRAINED.coefs_, TRAINED.intercepts_, strict=True
        ):
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(bias))
    return net


def skorch_net(counter):
    skorch = pytest.importorskip("skorch", reason="needs skorch: pip install 'skcalib[torch]'")
    net = skorch.NeuralNetClassifier(torch_module(counter), max_epochs=3, verbose=0)
    return FrozenEstimator(net.fit(X_TRAIN, Y_TRAIN.astype(np.int64)))


class CountingKernel(np.ndarray):
    """Weights of a first layer that count the rows which they are multiplied with."""

    counter = None

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if ufunc is np.matmul:
            self.counter.add(len(inputs[0]))
        return getattr(ufunc, method)(*(np.asarray(x) for x in inputs), **kwargs)


def perceptron(counter, **params):
    mlp = MLPClassifier((16, 8), max_iter=500, tol=1e-2, random_state=0, **params).fit(
        X_TRAIN, Y_TRAIN
    )
    kernel = mlp.coefs_[0].view(CountingKernel)
    kernel.counter = counter
    mlp.coefs_[0] = kernel
    return FrozenEstimator(mlp)


def in_pipeline(counter):
    mlp = perceptron(counter).estimator
    return FrozenEstimator(make_pipeline(StandardScaler().fit(X_TRAIN), mlp))


def network_in_pipeline(counter):
    network = FrozenNetwork(trained_keras(counter))
    return FrozenEstimator(make_pipeline(StandardScaler().fit(X_TRAIN), network))


KINDS = [
    trained_keras,
    pytest.param(wrapped_keras, marks=pytest.mark.slow),
    pytest.param(network_in_pipeline, marks=pytest.mark.slow),
    torch_module,
    pytest.param(skorch_net, marks=pytest.mark.slow),
    perceptron,
    in_pipeline,
]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(
    "density", ["gaussian", pytest.param("nearest", marks=pytest.mark.slow)]
)
def test_an_answer_takes_one_pass(make, density):
    counter = Counter()
    estimator = make(counter)
    known = {"X_train": X_TRAIN, "y_train": Y_TRAIN}
    plain = TemperatureCalibratedClassifier(estimator).fit(X_CAL, Y_CAL)
    aware = DistanceAwareTemperatureClassifier(estimator, density=density)
    aware.fit(X_CAL, Y_CAL, **known)
    everything = np.vstack([X_NEW, 1 - X_NEW])
    expected = plain.predict_proba(everything)  # compiles, too
    counter.take()
    plain.predict_proba(everything)
    assert counter.take() == len(everything)
    aware.predict_proba(everything)
    counter.take()
    answered = aware.predict_proba(everything)
    assert counter.take() == len(everything)
    assert_usual_rows_are_as_before(aware, everything, answered, expected)


def assert_usual_rows_are_as_before(aware, rows, answered, expected):
    (pair,) = aware.calibrated_classifiers_
    inside = pair.distance.score(rows) >= pair.distance.limit
    assert 0.2 < inside.mean() < 0.9
    assert np.array_equal(answered[inside], expected[inside])
    could_be_less_sure = expected.max(axis=1) > expected.min(axis=1)
    strange = ~inside & could_be_less_sure
    assert (answered[strange].max(axis=1) < expected[strange].max(axis=1)).all()


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_perceptrons_of_every_activation(activation):
    dtype = np.float32 if activation in ("tanh", "relu") else np.float64
    for last, hidden in ((1, (9, 5)), (3, (7,)), (3, ())):
        used = last >= Y_TRAIN
        mlp = MLPClassifier(
            hidden, activation=activation, max_iter=500, tol=1e-2, random_state=0
        )
        mlp.fit(X_TRAIN[used].astype(dtype), Y_TRAIN[used])
        frozen, used = FrozenEstimator(mlp), last >= Y_CAL
        plain = TemperatureCalibratedClassifier(frozen).fit(X_CAL[used], Y_CAL[used])
        aware = DistanceAwareTemperatureClassifier(frozen).fit(X_CAL[used], Y_CAL[used])
        rows = np.vstack([X_CAL[used], 1 - X_CAL[used]]).astype(dtype)
        answered, expected = aware.predict_proba(rows), plain.predict_proba(rows)
        assert_usual_rows_are_as_before(aware, rows, answered, expected)


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_forests_look_for_leaves_once(kind, monkeypatch):
    forest = kind(20, max_leaf_nodes=20, random_state=0, class_weight="balanced")
    frozen = FrozenEstimator(forest.fit(X_TRAIN, Y_TRAIN))
    plain = TemperatureCalibratedClassifier(frozen).fit(X_CAL, Y_CAL)
    aware = DistanceAwareTemperatureClassifier(frozen)
    aware.fit(X_CAL, Y_CAL, X_train=X_TRAIN, y_train=Y_TRAIN)
    rows = np.vstack([X_CAL, 1 - X_CAL])
    expected = plain.predict_proba(rows)
    asked = []
    apply = kind.apply
    monkeypatch.setattr(kind, "apply", lambda self, X: asked.append(len(X)) or apply(self, X))
    answered = aware.predict_proba(rows)
    assert asked == [len(rows)]
    assert_usual_rows_are_as_before(aware, rows, answered, expected)


def test_a_forest_with_a_will_of_its_own_is_asked_itself():
    class Sure(RandomForestClassifier):
        def predict_proba(self, X):
            return np.round(super().predict_proba(X))

    frozen = FrozenEstimator(Sure(20, random_state=0).fit(X_TRAIN, Y_TRAIN))
    plain = TemperatureCalibratedClassifier(frozen).fit(X_CAL, Y_CAL)
    aware = DistanceAwareTemperatureClassifier(frozen, strength=0).fit(X_CAL, Y_CAL)
    assert np.array_equal(aware.predict_proba(X_NEW), plain.predict_proba(X_NEW))


def test_the_features_of_forests_are_leaves_not_inputs():
    forest = RandomForestClassifier(30, random_state=0).fit(X_TRAIN, Y_TRAIN)
    frozen = FrozenEstimator(forest)
    known = {"X_train": X_TRAIN, "y_train": Y_TRAIN}
    aware = DistanceAwareTemperatureClassifier(frozen).fit(X_CAL, Y_CAL, **known)
    (pair,) = aware.calibrated_classifiers_
    features = pair.distance.reader.read(X_NEW)
    assert features.shape == (64, 65)
    assert np.allclose((features[:, :-1] ** 2).sum(axis=1), 1)
    monotone = X_NEW**3  # moves the inputs, and hardly any of them over a threshold
    same = (forest.apply(monotone) == forest.apply(X_NEW)).all(axis=1)
    assert np.array_equal(pair.distance.reader.read(monotone)[same], features[same])
    assert (
        np.median(aware.score_samples(1 - X_NEW)) < -1 < np.median(aware.score_samples(X_NEW))
    )


@pytest.mark.parametrize(
    "estimator",
    [
        BaggingClassifier(DecisionTreeClassifier(max_depth=4), 3, random_state=0),
        RFE(LogisticRegression(max_iter=300), n_features_to_select=40, step=10),
        OneVsRestClassifier(LogisticRegression(max_iter=300)),
    ],
)
def test_what_holds_several_classifiers_or_selects_is_measured_by_its_inputs(estimator):
    frozen = FrozenEstimator(estimator.fit(X_TRAIN, Y_TRAIN))
    aware = DistanceAwareTemperatureClassifier(frozen).fit(X_CAL, Y_CAL)
    (pair,) = aware.calibrated_classifiers_
    assert np.array_equal(pair.distance.reader.read(X_NEW), X_NEW)
    assert np.allclose(aware.predict_proba(X_NEW).sum(axis=1), 1)


def test_searches_and_pipelines_transform_once():
    class Counting(StandardScaler):
        n_asked = 0

        def transform(self, X):
            Counting.n_asked += 1
            return super().transform(X)

    pipeline = make_pipeline(
        Counting(), MLPClassifier((8,), max_iter=500, tol=1e-2, random_state=0)
    )
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4]}, cv=2)
    search.fit(X_TRAIN, Y_TRAIN)
    for on in ("features", "inputs"):
        aware = DistanceAwareTemperatureClassifier(FrozenEstimator(search), on=on)
        aware.fit(X_CAL, Y_CAL)
        before = Counting.n_asked
        aware.predict_proba(X_NEW)
        assert Counting.n_asked == before + 1


def test_a_wrapper_with_its_own_predictions_is_measured_by_its_inputs():
    skorch = pytest.importorskip("skorch", reason="needs skorch: pip install 'skcalib[torch]'")

    class Own(skorch.NeuralNetClassifier):
        def predict_proba(self, X):
            return super().predict_proba(X)

    net = Own(torch_module(Counter()), max_epochs=3, verbose=0)
    frozen = FrozenEstimator(net.fit(X_TRAIN, Y_TRAIN.astype(np.int64)))
    one, other = (
        DistanceAwareTemperatureClassifier(frozen, on=on).fit(X_CAL, Y_CAL)
        for on in ("features", "inputs")
    )
    assert np.array_equal(one.score_samples(X_NEW), other.score_samples(X_NEW))
    assert clone(one).on == "features"
