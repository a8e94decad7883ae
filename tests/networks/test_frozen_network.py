"""FrozenNetwork and bare networks: at home in scikit-learn, and never changed."""

import copy
import gc
import pickle
import weakref

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers, ops
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted
from support.networks import (
    BACKEND,
    NAMES,
    WORDS,
    X_TWO,
    Y_TWO,
    WithoutConfig,
    X,
    Y,
    digits_model,
    trained,
    two_class_model,
    weights_hash,
)

from skcalib import CalibratedClassifierCV, FrozenNetwork, TemperatureCalibratedClassifier

FIT, CALIB, TEST = slice(0, 600), slice(600, 1200), slice(1200, None)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return trained(digits_model())


@pytest.fixture(scope="module")
def two():
    keras.utils.set_random_seed(0)
    return trained(two_class_model(), X_TWO, Y_TWO, 1)


def without_config(model):
    """Return a model that Keras cannot save."""
    made = WithoutConfig(ops.softmax)
    made(X[:1])
    made.set_weights(
        [w for layer in model.layers[:1] for w in layer.get_weights()]
        + model.layers[-1].get_weights()
    )
    return made


@pytest.fixture(params=["sequential", "without get_config"])
def any_model(request, model):
    return model if request.param == "sequential" else without_config(model)


def test_what_a_user_types(model):
    before = weights_hash(model)
    calibrated = TemperatureCalibratedClassifier(model).fit(X[CALIB], Y[CALIB])
    proba = calibrated.predict_proba(X[TEST])
    assert weights_hash(model) == before
    assert (
        log_loss(Y[TEST], proba) <= log_loss(Y[TEST], model.predict(X[TEST], verbose=0)) + 0.01
    )
    assert calibrated.score(X[TEST], Y[TEST]) > 0.8
    one = calibrated.predict_proba(X[TEST][:1])
    assert one.shape == (1, 10)
    np.testing.assert_allclose(one, proba[:1], atol=1e-5)


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "FrozenNetwork"])
@pytest.mark.parametrize("ensemble", ["auto", True, False])
def test_nothing_changes_the_network(any_model, wrapped, ensemble):
    before = weights_hash(any_model)
    base = FrozenNetwork(any_model) if wrapped else any_model
    calibrated = CalibratedClassifierCV(base, method="temperature", ensemble=ensemble, cv=3)
    calibrated.fit(X[CALIB], Y[CALIB], sample_weight=np.ones(600))
    assert len(calibrated.calibrated_classifiers_) == (3 if ensemble is True else 1)
    calibrated.predict(X[TEST])
    repr(calibrated), calibrated._repr_html_(), calibrated.get_params()
    cross_val_score(clone(calibrated), X[CALIB], Y[CALIB], cv=3)
    GridSearchCV(clone(calibrated), {"method": ["sigmoid", "isotonic"]}, cv=3).fit(
        X[CALIB], Y[CALIB]
    )
    assert weights_hash(any_model) == before
    inside = clone(calibrated).estimator
    assert inside.model is any_model
    assert clone(inside).model is any_model


def test_at_home_in_scikit_learn(any_model):
    network = FrozenNetwork(any_model, batch_size=100)
    assert network.get_params() == {
        "model": any_model,
        "classes": None,
        "from_logits": "auto",
        "multilabel": None,
        "output": None,
        "batch_size": 100,
    }
    assert repr(network).startswith("FrozenNetwork(batch_size=100")
    frozen = FrozenEstimator(network)
    for estimator in (network, frozen, make_pipeline(StandardScaler(), network)):
        assert is_classifier(estimator)
        assert "FrozenNetwork" in estimator._repr_html_()
        check_is_fitted(network)
    proba = network.predict_proba(X)
    np.testing.assert_array_equal(frozen.predict_proba(X), proba)
    fitted = clone(network).fit(X[CALIB], Y[CALIB])
    assert list(fitted.classes_) == list(range(10))
    assert fitted.score(X[TEST], Y[TEST]) == np.mean(proba[TEST].argmax(axis=1) == Y[TEST])
    assert clone(fitted).model is any_model
    assert not hasattr(clone(fitted), "has_logits_")
    scores = cross_val_score(network, X[CALIB], Y[CALIB], cv=3, scoring="neg_log_loss")
    assert np.isfinite(scores).all()
    for twin in (copy.copy(fitted), copy.deepcopy(fitted), copy.deepcopy(frozen).estimator):
        assert twin.model is any_model
        np.testing.assert_array_equal(twin.predict_proba(X), proba)
    pipe = make_pipeline(FunctionTransformer(lambda x: x / 1), network).fit(X, Y)
    np.testing.assert_array_equal(pipe.predict_proba(X), proba)


def test_pickle_and_joblib(model, tmp_path):
    calibrated = TemperatureCalibratedClassifier(FrozenNetwork(model)).fit(X[CALIB], Y[CALIB])
    bare = TemperatureCalibratedClassifier(model).fit(X[CALIB], Y[CALIB])
    network = FrozenNetwork(model).fit(X, NAMES)
    for estimator in (network, FrozenEstimator(network), calibrated, bare):
        proba = estimator.predict_proba(X)
        again = pickle.loads(pickle.dumps(estimator))
        np.testing.assert_allclose(again.predict_proba(X), proba, atol=1e-6)
        joblib.dump(estimator, tmp_path / "file")
        again = joblib.load(tmp_path / "file")
        np.testing.assert_allclose(again.predict_proba(X), proba, atol=1e-6)
        np.testing.assert_array_equal(again.classes_, estimator.classes_)
    for ours, theirs in zip(again.estimator.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_that_keras_cannot_save_says_so(model):
    network = FrozenNetwork(without_config(model))
    calibrated = TemperatureCalibratedClassifier(network).fit(X[CALIB], Y[CALIB])
    for estimator in (network, FrozenEstimator(network), calibrated):
        with pytest.raises(TypeError, match="cannot be pickled, because Keras cannot save it"):
            pickle.dumps(estimator)


@pytest.mark.slow
def test_folds_in_other_processes(model):
    calibrated = TemperatureCalibratedClassifier(model)
    alone = cross_val_score(calibrated, X[CALIB], Y[CALIB], cv=3)
    together = cross_val_score(calibrated, X[CALIB], Y[CALIB], cv=3, n_jobs=2)
    np.testing.assert_allclose(alone, together, atol=0.01)


def test_a_bare_network_in_a_pipeline_is_refused(model):
    pipe = make_pipeline(StandardScaler(), model)
    before = weights_hash(model)
    for estimator in (
        TemperatureCalibratedClassifier(pipe),
        CalibratedClassifierCV(FrozenEstimator(pipe)),
    ):
        with pytest.raises(ValueError, match=r"bare Sequential, .* in skcalib.FrozenNetwork"):
            estimator.fit(X, Y)
        with pytest.raises(ValueError, match="FrozenNetwork"):
            clone(estimator)
    assert weights_hash(model) == before


def test_frozen_estimator_around_a_bare_network(model):
    # FrozenEstimator(model) alone breaks on its tags; inside ours it is what it means.
    frozen = TemperatureCalibratedClassifier(FrozenEstimator(model)).fit(X[CALIB], Y[CALIB])
    bare = TemperatureCalibratedClassifier(model).fit(X[CALIB], Y[CALIB])
    np.testing.assert_array_equal(frozen.predict_proba(X), bare.predict_proba(X))


def test_in_a_pipeline_that_scales(two):
    raw = X_TWO * 100 + 7
    pipe = make_pipeline(StandardScaler(), FrozenNetwork(two))
    with pytest.raises(NotFittedError, match=r"FrozenEstimator\(pipeline\)"):
        CalibratedClassifierCV(pipe, cv=3).fit(raw, Y_TWO)  # nobody has fitted its scaler
    fitted = clone(pipe).fit(raw, Y_TWO)
    for estimator in (fitted, FrozenEstimator(fitted)):
        calibrated = CalibratedClassifierCV(estimator, cv=3).fit(raw, Y_TWO)
        assert roc_auc_score(Y_TWO, calibrated.predict_proba(raw)[:, 1]) > 0.95


def test_labels(two):
    proba = FrozenNetwork(two).predict_proba(X_TWO)
    words = np.array(["malignant", "benign"])[Y_TWO]
    flipped = FrozenNetwork(two, classes=["malignant", "benign"]).fit(X_TWO, words)
    assert list(flipped.classes_) == ["benign", "malignant"]
    np.testing.assert_array_equal(flipped.predict_proba(X_TWO), proba[:, ::-1])
    np.testing.assert_array_equal(
        flipped.decision_function(X_TWO), -FrozenNetwork(two).decision_function(X_TWO)
    )
    for y, classes in [
        (Y_TWO, [0, 1]),
        (np.zeros(569, int), [0, 1]),
        (Y_TWO.astype(float), [0, 1]),
        (Y_TWO.astype(bool), [False, True]),
        (Y_TWO * 5 - 7, [-7, -2]),
        (np.array(["a", "b"])[Y_TWO], ["a", "b"]),
        (np.eye(2)[Y_TWO], [0, 1]),
        (pd.get_dummies(pd.Series(words)), [0, 1]),
        (None, [0, 1]),
    ]:
        network = FrozenNetwork(two).fit(X_TWO, y)
        assert network.classes_.tolist() == classes
        assert set(network.predict(X_TWO).tolist()) == set(classes)
    for target in (words, Y_TWO, np.eye(2)[Y_TWO], Y_TWO.astype(bool), Y_TWO * 5 - 7):
        network = flipped if target is words else two
        calibrated = CalibratedClassifierCV(network).fit(X_TWO, target)
        truth = Y_TWO == 1
        positive = 0 if target is words else 1
        assert roc_auc_score(truth, calibrated.predict_proba(X_TWO)[:, positive]) > 0.95


def test_one_hot_labels_of_ten_classes(model):
    one_hot = np.eye(10)[Y[CALIB]]
    calibrated = TemperatureCalibratedClassifier(model).fit(X[CALIB], one_hot)
    plain = TemperatureCalibratedClassifier(model).fit(X[CALIB], Y[CALIB])
    np.testing.assert_array_equal(calibrated.predict_proba(X), plain.predict_proba(X))
    with pytest.raises(ValueError, match="is not one-hot: each row must hold a single 1"):
        TemperatureCalibratedClassifier(model).fit(X[CALIB], one_hot * 2)


def test_missing_classes(model):
    few = Y[CALIB] < 7
    with pytest.warns(UserWarning, match=r"calibration rows lack \[7, 8, 9\]"):
        calibrated = TemperatureCalibratedClassifier(model).fit(X[CALIB][few], Y[CALIB][few])
    assert calibrated.classes_.tolist() == list(range(10))
    assert calibrated.score(X[TEST], Y[TEST]) > 0.8
    with pytest.raises(ValueError, match=r"y holds 7 labels .* has 10 outputs. Give classes="):
        TemperatureCalibratedClassifier(model).fit(X[CALIB][few], NAMES[CALIB][few])
    named = TemperatureCalibratedClassifier(FrozenNetwork(model, classes=WORDS))
    with pytest.warns(UserWarning, match="Some classes have no samples"):
        named.fit(X[CALIB][few], NAMES[CALIB][few])
    assert named.score(X[TEST], NAMES[TEST]) == calibrated.score(X[TEST], Y[TEST])


def test_labels_that_may_count_from_one(model):
    few = Y < 9
    with pytest.warns(UserWarning, match="If these labels count from 1, give FrozenNetwork"):
        FrozenNetwork(model).fit(X[few], Y[few] + 1)
    counted = FrozenNetwork(model, classes=range(1, 11)).fit(X[few], Y[few] + 1)
    assert counted.classes_.tolist() == list(range(1, 11))
    # Labels that a network has learnt stay, where they cover those of the calibration.
    learnt = FrozenNetwork(model).fit(X, Y + 1)
    with pytest.warns(UserWarning, match=r"calibration rows lack \[10\]"):
        calibrated = TemperatureCalibratedClassifier(learnt).fit(X[few], Y[few] + 1)
    assert calibrated.score(X, Y + 1) > 0.8


@pytest.mark.parametrize(
    ("classes", "y", "message"),
    [
        (list("abc"), None, "classes has 3 labels .* has 10 outputs"),
        (list("aabcdefghi"), None, "different labels"),
        (list("abcdefghij"), NAMES, "labels 'eight', .* not in classes"),
        (None, np.arange(len(Y)) % 12, "y holds 12 labels"),
    ],
)
def test_labels_that_do_not_match(model, classes, y, message):
    with pytest.raises(ValueError, match=message):
        FrozenNetwork(model, classes=classes).fit(X, y)


def test_parameters_that_are_wrong(model):
    with pytest.raises(ValueError, match=r"must be a keras.Model .* Got \[1\] instead"):
        FrozenNetwork([1]).fit(X, Y)
    for size in (0, -1, 2.5, "all"):
        with pytest.raises(ValueError, match=r"'batch_size' parameter .* at least 1 or None"):
            FrozenNetwork(model, batch_size=size).predict(X)


def test_a_network_without_weights_is_refused():
    unbuilt = keras.Sequential([layers.Dense(10, "softmax")])
    with pytest.raises(ValueError, match=r"has no weights yet. Train it, or load"):
        TemperatureCalibratedClassifier(unbuilt).fit(X, Y)
    assert not unbuilt.built


def test_inputs(model):
    network = FrozenNetwork(model)
    proba = network.predict_proba(X)
    for same in (
        X.astype(float),
        pd.DataFrame(X),
        X.tolist(),
        csr_array(X),
        X.astype(object),
        np.asfortranarray(X),
        X.astype(np.longdouble),
        ops.convert_to_tensor(X),
    ):
        np.testing.assert_allclose(network.predict_proba(same), proba, atol=1e-6)
    for size in (1, 7, 1797, 10_000):
        batched = FrozenNetwork(model, batch_size=size).predict_proba(X[:50])
        np.testing.assert_allclose(batched, proba[:50], atol=1e-6)
    with pytest.raises(ValueError, match="one or more samples"):
        network.predict(X[:0])
    with pytest.raises(ValueError, match="one or more samples"):
        network.predict({"a": X, "b": X[:3]})
    with pytest.raises(Exception, match=r"(?s)(shape|dimension|dot_general)"):  # Keras's own
        network.predict(X[:, :5])


def test_nan_in_the_answers():
    model = trained(
        keras.Sequential([keras.Input((64,)), layers.Dense(10, "softmax")]), epochs=1
    )
    spoilt = X[CALIB].copy()
    spoilt[3, 5] = np.nan
    with pytest.raises(ValueError, match="output of Sequential has NaN"):
        FrozenNetwork(model).predict(spoilt)
    with pytest.raises(ValueError, match=r"output of Sequential has NaN.* in 1 of 600 rows"):
        TemperatureCalibratedClassifier(model).fit(spoilt, Y[CALIB])


def test_four_dimensional_images():
    images = X.reshape(-1, 8, 8, 1)
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )
    trained(net, images)
    raw = net.predict(images[TEST], verbose=0)
    calibrated = TemperatureCalibratedClassifier(net).fit(images[CALIB], Y[CALIB])
    after = log_loss(Y[TEST], calibrated.predict_proba(images[TEST]))
    assert after <= log_loss(Y[TEST], raw) + 0.01


def test_a_network_trained_on_is_asked_anew(model):
    other = trained(digits_model(), epochs=1)
    network = FrozenNetwork(other)
    first = network.predict_proba(X)
    other.fit(X[FIT], Y[FIT], epochs=3, verbose=0)
    second = network.predict_proba(X)
    assert np.abs(first - second).max() > 0.01
    np.testing.assert_allclose(second, other.predict(X, verbose=0), atol=1e-5)
    if BACKEND != "torch":  # where Keras keeps the old layers of a shortened model
        other.pop()
        other.add(layers.Dense(10, "sigmoid"))
        other.add(layers.Softmax())
        np.testing.assert_allclose(network.predict_proba(X), np.asarray(other(X)), atol=1e-5)


@pytest.mark.parametrize("nested", [False, True])
def test_a_network_that_is_changed_is_compiled_anew(nested):
    inner = keras.Sequential([layers.Dense(16, "tanh"), layers.Dense(10, "softmax")])
    net = keras.Sequential([keras.Input((64,)), inner]) if nested else inner
    net(X[:1])
    network = FrozenNetwork(net)
    for activation in ("relu", "sigmoid", "tanh"):
        own = ops.convert_to_numpy(net(X, training=False))
        np.testing.assert_allclose(network.predict_proba(X), own, atol=1e-5)
        inner.layers[0].activation = keras.activations.get(activation)
        inner.layers[0].set_weights([-2 * w for w in inner.layers[0].get_weights()])


def test_what_a_models_own_code_reads_is_read_again_after_compile():
    class Tempered(WithoutConfig):
        t = 1.0

        def call(self, x):
            return ops.softmax(self.out(self.hidden(x)) / self.t)

    net = Tempered(None)
    net(X[:1])
    network = FrozenNetwork(net)
    first = network.predict_proba(X)
    net.t = 5.0
    net.compile("adam", "sparse_categorical_crossentropy")
    own = ops.convert_to_numpy(net(X, training=False))
    assert np.abs(own - first).max() > 0.01
    np.testing.assert_allclose(network.predict_proba(X), own, atol=1e-5)


def test_layers_without_weights_are_refused():
    class Lazy(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(10, "softmax")

        def build(self, shape):
            self.built = True

        def call(self, x):
            return self.out(x)

    net = Lazy()
    net.build((None, 64))
    with pytest.raises(ValueError, match="has no weights yet"):
        FrozenNetwork(net).fit(X, Y)
    assert not net.weights


def test_one_network_asked_with_arrays_and_dicts():
    x = keras.Input((64,), name="pixels")
    net = keras.Model(x, layers.Dense(10, "softmax")(x))
    network = FrozenNetwork(net)
    proba = network.predict_proba({"pixels": X})
    np.testing.assert_array_equal(network.predict_proba(X), proba)
    np.testing.assert_array_equal(network.predict_proba({"pixels": X}), proba)


def test_copies_and_pickles_of_a_bare_network(model):
    calibrated = TemperatureCalibratedClassifier(model).fit(X[CALIB], Y[CALIB])
    twin = copy.deepcopy(calibrated)
    assert twin.estimator is model
    assert copy.copy(calibrated).estimator is model
    np.testing.assert_array_equal(twin.predict_proba(X), calibrated.predict_proba(X))
    alone = len(pickle.dumps(FrozenNetwork(model)))
    assert len(pickle.dumps(calibrated)) < 1.5 * alone  # it is in there once
    again = pickle.loads(pickle.dumps(calibrated))
    assert again.calibrated_classifiers_[0].estimator.model is again.estimator
    unsaved = TemperatureCalibratedClassifier(without_config(model)).fit(X[CALIB], Y[CALIB])
    assert copy.deepcopy(unsaved).estimator is unsaved.estimator
    with pytest.raises(TypeError, match="cannot be pickled, because Keras cannot save it"):
        pickle.dumps(unsaved)


def test_odd_labels(two):
    words = np.array(["no", "yes"])[Y_TWO]
    named = FrozenNetwork(two, classes=["no", "yes"])
    calibrated = CalibratedClassifierCV(named).fit(X_TWO, np.eye(2)[Y_TWO])  # one-hot
    assert calibrated.score(X_TWO, words) > 0.9
    assert FrozenNetwork(two).fit(X_TWO, np.zeros(569, object)).classes_.tolist() == [0, 1]
    network = named.fit(X_TWO, words)
    before = network.predict(X_TWO)
    network.set_params(classes=["yes", "no"])  # needs another fit
    np.testing.assert_array_equal(network.predict(X_TWO), before)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        network.fit(X_TWO, words[:4])


@pytest.mark.parametrize("kind", ["dataset", "generator", "loader", "sequence"])
def test_streams_are_refused_and_the_way_is_shown(model, kind):
    batches = [(X[s : s + 100], Y[s : s + 100]) for s in range(600, 1200, 100)]
    if kind == "dataset":
        stream = pytest.importorskip("tensorflow").data.Dataset.from_tensor_slices((X, Y))
    elif kind == "generator":
        stream = (batch for batch in batches)
    elif kind == "loader":
        torch = pytest.importorskip("torch", reason="needs torch: skcalib[torch]")
        stream = torch.utils.data.DataLoader(batches)
    else:

        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return len(batches)

            def __getitem__(self, i):
                return batches[i]

        stream = Batches()
    for call in (
        lambda: TemperatureCalibratedClassifier(model).fit(stream),
        lambda: CalibratedClassifierCV(model).fit(stream, Y),
        lambda: FrozenNetwork(model).fit(stream),
        lambda: FrozenNetwork(model).predict_proba(stream),
    ):
        with pytest.raises(
            ValueError, match=r"yields batches(.|\n)*TemperatureScaling\(\).fit"
        ):
            call()


@pytest.mark.parametrize("n_outputs", [10, 1])
def test_the_way_that_is_shown(model, two, n_outputs):
    from skcalib.inputs._rows import WAY_OUT

    net, samples, labels = (model, X, Y) if n_outputs == 10 else (two, X_TWO, Y_TWO)
    names = {
        "FrozenNetwork": FrozenNetwork,
        "model": net,
        "np": np,
        "data": [(samples[s : s + 50], labels[s : s + 50]) for s in range(0, 500, 50)],
        "x_new": samples[500:],
    }
    exec("from skcalib.calibrators import TemperatureScaling", names)
    code = "\n".join(line[4:] for line in WAY_OUT.splitlines() if line.startswith("    "))
    exec(code.replace("scaling.predict_proba", "proba = scaling.predict_proba"), names)
    direct = CalibratedClassifierCV(net, method="temperature")
    direct.fit(samples[:500], labels[:500])
    np.testing.assert_allclose(names["proba"], direct.predict_proba(samples[500:]), atol=1e-5)


class Counts(keras.Model):
    """Counts how often its Python code runs: once for each function that is built."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(10, "softmax")
        self.runs = 0

    def call(self, x):
        self.runs += 1
        return self.out(x)


@pytest.mark.skipif(BACKEND == "torch", reason="torch runs as it is and builds nothing")
def test_no_retracing():
    model = trained(Counts(), epochs=2)
    model.runs = 0
    for n_rows in (1797, 600, 37, 1):
        network = FrozenNetwork(model, batch_size=256)
        network.predict_proba(X[:n_rows])
    # JAX knows no unknown number of rows: powers of two, here 256, 64, 8 and 1.
    expected = 1 if BACKEND == "tensorflow" else 5
    assert model.runs <= expected
    network.fit(X[:50], Y[:50])  # which looks, once, at whether it is random
    runs = model.runs
    for _ in range(3):
        calibrated = CalibratedClassifierCV(model, method="temperature", ensemble=True, cv=3)
        cross_val_score(calibrated, X[:600], Y[:600], cv=3)
    assert model.runs <= runs + (0 if BACKEND == "tensorflow" else 3)


def test_a_network_is_not_kept_alive():
    model = trained(digits_model(), epochs=2)
    TemperatureCalibratedClassifier(model).fit(X[CALIB], Y[CALIB]).predict_proba(X)
    there = weakref.ref(model)
    del model
    keras.utils.clear_session()
    gc.collect()
    assert there() is None


@pytest.mark.slow
def test_compiled_functions_do_not_pile_up():
    from skcalib.backends import _keras_models

    gc.collect()
    before = len(_keras_models._FUNCTIONS)
    for _ in range(5):
        model = trained(digits_model(), epochs=1)
        calibrated = CalibratedClassifierCV(model, method="isotonic").fit(X[CALIB], Y[CALIB])
        calibrated.predict_proba(X[TEST])
    _, functions = _keras_models._FUNCTIONS[model]
    assert len(functions) == 1
    del model, calibrated
    gc.collect()
    assert len(_keras_models._FUNCTIONS) <= before


@pytest.mark.slow
def test_a_vgg16():
    vgg = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), classes=10)
    images = np.repeat(np.kron(X[:60].reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 1))), 3, axis=3)
    before = weights_hash(vgg)
    network = FrozenNetwork(vgg).fit(images, Y[:60])
    assert network.has_logits_
    np.testing.assert_allclose(
        network.predict_proba(images), vgg.predict(images, verbose=0), atol=1e-6
    )
    calibrated = CalibratedClassifierCV(vgg, cv=2).fit(images, Y[:60])
    assert calibrated.predict_proba(images[:1]).shape == (1, 10)
    assert weights_hash(vgg) == before
    assert clone(calibrated).estimator.model is vgg
