"""scikeras and Keras's own wrapper: what they get wrong, made right."""

from itertools import product

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from keras.wrappers import SKLearnClassifier
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.networks import (
    BACKEND,
    NAMES,
    X_TWO,
    Y_TWO,
    X,
    Y,
    trained,
    two_class_model,
    weights_hash,
)

from skcalib import CalibratedClassifierCV, FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.folds._responses import response_of

scikeras = pytest.importorskip(
    "scikeras.wrappers", reason="needs scikeras: pip install 'skcalib[scikeras]'"
)
FIT, TEST = slice(0, 900), slice(900, None)
EPOCHS = 12
TWO_NAMES = np.array(["malignant", "benign"])[Y_TWO]  # sorted: the other way round


def network(n_features, n_outputs, hidden, last):
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            layers.Dense(hidden, "relu"),
            layers.Dense(n_outputs, last),
        ]
    )


def digits_net(hidden=16, last="softmax"):
    model = network(64, 10, hidden, last)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=last is None)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def cancer_net(last="sigmoid"):
    model = network(30, 1, 8, last)
    loss = keras.losses.BinaryCrossentropy(from_logits=last is None)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def any_net(X, y, hidden=16):
    model = network(X.shape[1], y.shape[1], hidden, "softmax")
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy")
    return model


def with_scikeras(build=digits_net, **parameters):
    return scikeras.KerasClassifier(build, epochs=EPOCHS, verbose=0, **parameters)


def with_keras(**parameters):
    return SKLearnClassifier(any_net, fit_kwargs={"epochs": EPOCHS, "verbose": 0}, **parameters)


WRAPPERS = {"scikeras": with_scikeras, "keras.wrappers": with_keras}


@pytest.fixture(params=WRAPPERS)
def wrapper(request):
    return WRAPPERS[request.param]()


def check(calibrated, y=NAMES):
    """Fit, and look at rows that were held out: labels, order of columns, one row."""
    calibrated.fit(X[FIT], y[FIT])
    proba = calibrated.predict_proba(X[TEST])
    assert proba.shape == (len(X) - 900, 10)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    assert calibrated.classes_.tolist() == sorted(set(y.tolist()))
    assert calibrated.score(X[TEST], y[TEST]) > 0.75
    assert log_loss(y[TEST], proba) < 0.9
    one = calibrated.predict_proba(X[TEST][:1])
    assert one.shape == (1, 10)
    np.testing.assert_allclose(one, proba[:1], atol=1e-4)
    return calibrated


@pytest.mark.parametrize("ensemble", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "method", ["temperature", pytest.param("sigmoid", marks=pytest.mark.slow)]
)
def test_trained_in_folds(wrapper, method, ensemble):
    check(CalibratedClassifierCV(wrapper, method=method, ensemble=ensemble, cv=2))


@pytest.mark.slow
def test_trained_in_folds_in_other_processes(wrapper):
    check(CalibratedClassifierCV(wrapper, method="temperature", cv=2, n_jobs=2))


@pytest.mark.slow
def test_in_a_pipeline(wrapper):
    check(TemperatureCalibratedClassifier(make_pipeline(StandardScaler(), wrapper), cv=2))


@pytest.mark.slow
def test_the_pipeline_around(wrapper):
    calibrated = TemperatureCalibratedClassifier(wrapper, cv=2)
    check(clone(make_pipeline(StandardScaler(), calibrated)))


@pytest.mark.parametrize(
    "piped",
    [
        pytest.param(False, id="alone"),
        pytest.param(True, id="in a Pipeline", marks=pytest.mark.slow),
    ],
)
def test_frozen(wrapper, piped):
    fitted = make_pipeline(StandardScaler(), wrapper) if piped else wrapper
    fitted.fit(X[:600], NAMES[:600])
    inside = fitted[-1] if piped else fitted
    inputs = fitted[0].transform(X) if piped else X
    before = weights_hash(inside.model_)
    raw = FrozenNetwork(inside.model_).predict_proba(inputs)
    model = TemperatureCalibratedClassifier(FrozenEstimator(fitted))
    model.fit(X[600:900], NAMES[600:900])
    assert weights_hash(inside.model_) == before
    order = np.searchsorted(model.classes_, NAMES[TEST])
    uncalibrated = log_loss(order, raw[TEST], labels=range(10))
    assert log_loss(NAMES[TEST], model.predict_proba(X[TEST])) <= uncalibrated + 0.01
    assert model.score(X[TEST], NAMES[TEST]) > 0.75


@pytest.mark.slow
def test_the_best_of_a_fitted_search():
    search = GridSearchCV(with_scikeras(hidden=8), {"hidden": [4, 16]}, cv=2)
    search.fit(X[:600], NAMES[:600])
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(search))
    calibrated.fit(X[600:900], NAMES[600:900])
    assert calibrated.score(X[TEST], NAMES[TEST]) > 0.75
    assert response_of(FrozenEstimator(search), X).network == "Sequential"  # its logits


@pytest.mark.slow
def test_the_best_of_a_search_over_keras_own_wrapper():
    search = GridSearchCV(SKLearnClassifier(any_net), {"model_kwargs": [{"hidden": 16}]}, cv=2)
    search.fit(X[:600], NAMES[:600], epochs=EPOCHS, verbose=0)
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(search))
    calibrated.fit(X[600:900], NAMES[600:900])
    assert calibrated.score(X[TEST], NAMES[TEST]) > 0.75
    assert response_of(FrozenEstimator(search), X).network == "Sequential"


@pytest.mark.slow
def test_a_search_over_the_network_inside():
    calibrated = TemperatureCalibratedClassifier(with_scikeras(hidden=8), cv=2)
    search = GridSearchCV(calibrated, {"estimator__hidden": [1, 16]}, cv=2)
    check(search)
    assert search.best_params_ == {"estimator__hidden": 16}


TWO_CLASSES = {
    "scikeras": lambda: with_scikeras(cancer_net),
    "logits": lambda: with_scikeras(cancer_net, last=None),
    "keras.wrappers": with_keras,
    "in a Pipeline": lambda: make_pipeline(StandardScaler(), with_scikeras(cancer_net)),
}
LABELS = {"0 1": Y_TWO, "str": TWO_NAMES, "bool": Y_TWO.astype(bool)}


QUICK = [
    ("scikeras", "str", False),  # the one that scikit-learn inverts
    ("logits", "0 1", True),
]


@pytest.mark.parametrize(
    ("kind", "labels", "ensemble"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow)
        for case in product(TWO_CLASSES, LABELS, [True, False])
    ],
)
def test_two_classes_are_never_inverted(kind, labels, ensemble):
    y = LABELS[labels]
    calibrated = CalibratedClassifierCV(TWO_CLASSES[kind](), ensemble=ensemble, cv=2)
    calibrated.fit(X_TWO[:400], y[:400])
    proba = calibrated.predict_proba(X_TWO[400:])
    positive = y[400:] == calibrated.classes_[1]
    assert roc_auc_score(positive, proba[:, 1]) > 0.95
    assert calibrated.score(X_TWO[400:], y[400:]) > 0.9
    assert calibrated.predict_proba(X_TWO[:1]).shape == (1, 2)


def test_true_logits_of_wrappers(wrapper):
    fitted = wrapper.fit(X[:600], NAMES[:600])
    expected = FrozenNetwork(fitted.model_).decision_function(X)
    response = response_of(FrozenEstimator(fitted), X)
    assert not response.is_proba
    np.testing.assert_array_equal(response.values, expected)
    np.testing.assert_array_equal(response.classes, sorted(set(NAMES)))


@pytest.mark.slow
def test_logits_at_the_end():
    check(TemperatureCalibratedClassifier(with_scikeras(last=None), cv=2))


@pytest.mark.slow
def test_images_in_scikeras():
    def build():
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(8, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(10, "softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        return model

    images = X.reshape(-1, 8, 8, 1)
    calibrated = TemperatureCalibratedClassifier(with_scikeras(build), cv=2)
    calibrated.fit(images[FIT], NAMES[FIT])
    assert calibrated.score(images[TEST], NAMES[TEST]) > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("name", WRAPPERS)
def test_one_hot_labels(name):
    def build():
        return any_net(X, np.eye(10))

    wrapper = with_scikeras(build) if name == "scikeras" else with_keras()
    calibrated = TemperatureCalibratedClassifier(wrapper, cv=2)
    calibrated.fit(X[FIT], np.eye(10)[Y[FIT]])
    assert calibrated.score(X[TEST], Y[TEST]) > 0.75


@pytest.mark.slow
@pytest.mark.parametrize("piped", [False, True])
def test_clones_keep_the_fit_kwargs(piped):
    wrapper = with_keras()
    assert not clone(wrapper).fit_kwargs  # Keras's own clone
    estimator = make_pipeline(StandardScaler(), wrapper) if piped else wrapper
    calibrated = clone(TemperatureCalibratedClassifier(estimator, cv=2))
    check(calibrated)
    for pair in calibrated.calibrated_classifiers_:
        inside = pair.estimator[-1] if piped else pair.estimator
        assert inside.history_.epoch == list(range(EPOCHS))
        assert inside.fit_kwargs is not wrapper.fit_kwargs
    if piped:
        scores = cross_val_score(calibrated, X[FIT], NAMES[FIT], cv=2)
        assert scores.min() > 0.6


@pytest.mark.slow
def test_what_another_clones_is_named():
    search = GridSearchCV(with_keras(), {"warm_start": [False]}, cv=2)
    calibrated = TemperatureCalibratedClassifier(search, cv=2)
    with pytest.warns(
        UserWarning, match=r"GridSearchCV clones .* loses fit_kwargs.* to fit instead"
    ):
        calibrated.fit(X[FIT], NAMES[FIT], epochs=EPOCHS, verbose=0)
    assert calibrated.score(X[TEST], NAMES[TEST]) > 0.75  # the way out


@pytest.mark.slow
def test_weights_go_to_the_wrapper():
    weight = np.where(Y == 3, 0.0, 1.0)
    calibrated = TemperatureCalibratedClassifier(with_scikeras(), cv=2, ensemble=False)
    with pytest.warns(UserWarning, match="calibration rows lack"):
        calibrated.fit(X[FIT], Y[FIT], sample_weight=weight[FIT])
    assert calibrated.predict_proba(X[TEST])[:, 3].max() < 0.5


@pytest.mark.parametrize("method", ["predict_proba", "_predict_raw"])
def test_a_customised_wrapper_is_asked_itself(method):
    def halved(self, X, **kwargs):
        return getattr(scikeras.KerasClassifier, method)(self, X, **kwargs) / 2 + 0.05

    custom = type("Halved", (scikeras.KerasClassifier,), {method: halved})
    fitted = custom(digits_net, epochs=2, verbose=0).fit(X[:600], Y[:600])
    response = response_of(fitted, X)
    assert response.is_proba
    np.testing.assert_allclose(response.values, fitted.predict_proba(X))


@pytest.mark.slow
def test_the_wrappers_own_checks_of_X():
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    fitted = with_keras().fit(frame[:600], NAMES[:600])
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(fitted))
    calibrated.fit(frame[600:900], NAMES[600:900])
    assert calibrated.score(frame[900:], NAMES[900:]) > 0.75
    with pytest.raises(ValueError, match="feature names"):
        calibrated.predict_proba(frame[frame.columns[::-1]])
    fitted = with_scikeras().fit(X[:600].tolist(), NAMES[:600])
    calibrated = TemperatureCalibratedClassifier(FrozenEstimator(fitted))
    calibrated.fit(X[600:900].tolist(), NAMES[600:900])
    assert calibrated.score(X[900:].tolist(), NAMES[900:]) > 0.75
    with pytest.raises(ValueError, match="is expecting X of shape"):
        calibrated.predict_proba(X[:, :9])


def test_a_trained_network_in_a_wrapper():
    model = trained(two_class_model(), X_TWO, Y_TWO, 1)
    before = weights_hash(model)
    wrapper = scikeras.KerasClassifier(model).initialize(X_TWO, Y_TWO)
    calibrated = CalibratedClassifierCV(FrozenEstimator(wrapper)).fit(X_TWO[:400], Y_TWO[:400])
    assert weights_hash(model) == before
    proba = calibrated.predict_proba(X_TWO[400:])
    assert roc_auc_score(Y_TWO[400:], proba[:, 1]) > 0.95


@pytest.mark.skipif(BACKEND != "tensorflow", reason="once is enough")
def test_scikeras_alone_still_has_what_we_mend():
    """When this fails, scikeras has been repaired and the table in the README is old."""
    fitted = with_scikeras().fit(X[:300], Y[:300])
    assert fitted.predict_proba(X[:1]).ndim == 1
    assert fitted.__sklearn_tags__().estimator_type is None
