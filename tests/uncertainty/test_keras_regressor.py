"""Keras networks whose outputs are targets: bare, in wrappers, and refused."""

import copy
import pickle

import joblib
import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import binom
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.networks import BACKEND, weights_hash

from skcalib import FrozenNetwork, MCDropoutClassifier, MCDropoutRegressor
from skcalib.sampling._masks import masks_of

pytestmark = pytest.mark.skipif(BACKEND != "tensorflow", reason="draws run on TensorFlow")


def simulated(n_rows, seed):
    """Return rows, and a smooth function of them with noise of variance .25."""
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-2, 2, (n_rows, 2)).astype(np.float32)
    return rows, np.sin(2 * rows[:, 0]) + rows[:, 1] + rng.normal(0, 0.5, n_rows)


X, Y = simulated(800, 0)
X_OLD, Y_OLD = simulated(500, 1)
X_NEW, Y_NEW = simulated(2000, 2)
FEW = X[:40]


def network(*ends, dropout=layers.Dropout, width=64, rate=0.1):
    given = keras.Input((2,))
    x = dropout(rate)(layers.Dense(width, "relu")(given))
    x = dropout(rate)(layers.Dense(width, "relu")(x))
    for layer in ends or (layers.Dense(1),):
        x = layer(x)
    return keras.Model(given, x)


def compiled(loss="mse", **parameters):
    model = network(**parameters)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = compiled()
    model.fit(X, Y, epochs=40, batch_size=64, verbose=0)
    return model


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)


class Given(layers.Layer):
    """Stands where dropout stood, and does what the mask of one draw says."""

    def __init__(self, rate):
        super().__init__()
        self.scale = 1.0

    def call(self, x):
        return x * self.scale


@pytest.mark.parametrize(
    "ends",
    [
        lambda: (layers.Dense(1),),
        lambda: (layers.Dense(3),),
        lambda: (layers.Dense(1, "softplus"),),
        lambda: (layers.Dense(2, "sigmoid"),),
        lambda: (layers.Dense(1), layers.Rescaling(3, 1)),
    ],
)
def test_the_same_as_a_loop_with_the_same_masks(ends):
    trained, twin = network(*ends()), network(*ends(), dropout=Given)
    twin.set_weights([w.numpy() for w in trained.weights if "seed" not in w.path])
    mc = MCDropoutRegressor(trained, n_draws=7, random_state=3, rate=0.3).fit(FEW)
    places = [layer for layer in twin.layers if isinstance(layer, Given)]
    site = type("Site", (), {"kind": "dropout", "shape": (64,)})
    expected = []
    for draw in range(7):
        for number, place in enumerate(places):
            place.scale = masks_of(site, number, 0.3, mc.seed_, range(draw, draw + 1))[0][0]
        expected.append(np.asarray(twin(FEW, training=False)))
    expected = np.array(expected)
    expected = expected[..., 0] if expected.shape[-1] == 1 else expected
    draws = mc.sample(FEW)
    np.testing.assert_allclose(draws, expected, rtol=1e-5, atol=2e-6)
    assert draws.std(axis=0).max() > 1e-3
    own = np.squeeze(trained.predict(FEW, verbose=0))
    np.testing.assert_allclose(mc.set_params(rate=0.0).predict(FEW), own, rtol=1e-5, atol=1e-6)


def test_the_twin_of_a_perceptron():
    mlp = MLPRegressor(
        hidden_layer_sizes=(64, 64), solver="lbfgs", alpha=1, max_iter=1000, tol=1e-2
    )
    mlp.fit(X, Y)
    given = keras.Input((2,))
    hidden = layers.Dense(64, "relu")(layers.Dense(64, "relu")(given))
    twin = keras.Model(given, layers.Dense(1)(hidden))
    pairs = zip(mlp.coefs_, mlp.intercepts_, strict=True)
    twin.set_weights([array for pair in pairs for array in pair])
    for inject in ("hidden", "last"):
        parameters = {"rate": 0.2, "inject": inject, "noise_variance": 0.25, "random_state": 0}
        ours = MCDropoutRegressor(FrozenEstimator(mlp), **parameters).fit(X)
        mc = MCDropoutRegressor(twin, **parameters).fit(X)
        np.testing.assert_allclose(mc.sample(FEW), ours.sample(FEW), atol=1e-5)
        found, expected = (m.predict_uncertainty(FEW) for m in (mc, ours))
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


def covered(mc):
    result = mc.predict_uncertainty(X_NEW)
    return int(((result.low <= Y_NEW) & (result.high >= Y_NEW)).sum())


@pytest.mark.slow
def test_a_trained_network_is_not_trained_and_its_interval_covers(model):
    before = weights_hash(model)
    mc = MCDropoutRegressor(model, noise_variance="auto", random_state=0).fit(X_OLD, Y_OLD)
    assert mc.estimator is model
    assert mc.score(X_NEW, Y_NEW) > 0.8
    error = np.mean((Y_NEW - mc.predict(X_NEW)) ** 2)  # noise, and what the network misses
    assert 0.25 < mc.noise_variance_ < 1.15 * error
    least, most = binom.ppf([0.001, 0.999], 2000, 0.9)
    print(mc.noise_variance_, error, covered(mc), least, most)
    assert least < covered(mc) < most
    assert covered(mc.set_params(noise_variance=None)) < 0.6 * 2000
    assert weights_hash(model) == before


@pytest.mark.slow
def test_it_knows_less_where_no_rows_were(model):
    mc = MCDropoutRegressor(model, random_state=0).fit(X_OLD)
    _, inside = mc.predict(X_NEW, return_std=True)
    _, outside = mc.predict(4 * X_NEW[np.abs(X_NEW).min(axis=1) > 1], return_std=True)
    assert outside.mean() > 2 * inside.mean()


def test_copies_share_the_network_and_pickles_hold_it_once(model, tmp_path):
    mc = MCDropoutRegressor(model, noise_variance=0.25, random_state=0).fit(X_OLD)
    expected = mc.predict(X_NEW)
    assert clone(mc).estimator.model is model
    assert copy.deepcopy(mc).estimator is model
    np.testing.assert_array_equal(clone(mc).fit(X_OLD).predict(X_NEW), expected)
    alone, several = len(pickle.dumps(model)), len(pickle.dumps([mc, clone(mc), mc.estimator_]))
    assert several < 1.5 * alone
    twin = pickle.loads(pickle.dumps(mc))
    np.testing.assert_allclose(twin.predict(X_NEW), expected, atol=1e-5)
    joblib.dump(mc, tmp_path / "mc")
    np.testing.assert_allclose(joblib.load(tmp_path / "mc").predict(X_NEW), expected, atol=1e-5)


def test_the_end_of_a_pipeline_and_a_search(model):
    scaler = StandardScaler(with_mean=False, with_std=False)
    alone = MCDropoutRegressor(model, random_state=0).fit(X_OLD)
    piped = make_pipeline(scaler, MCDropoutRegressor(model, random_state=0)).fit(X_OLD, Y_OLD)
    np.testing.assert_array_equal(piped.predict(X_NEW), alone.predict(X_NEW))
    assert cross_val_score(piped, X_OLD, Y_OLD, cv=2).mean() > 0.7
    grid = {"rate": [0.01, 0.9]}
    search = GridSearchCV(MCDropoutRegressor(model, random_state=0), grid, cv=2)
    search.fit(X_OLD, Y_OLD)
    assert search.best_params_ == {"rate": 0.01}
    assert search.best_estimator_.estimator.model is model
    with pytest.raises(ValueError, match="Wrap only the network in MCDropoutRegressor"):
        MCDropoutRegressor(make_pipeline(scaler, model)).fit(X_OLD, Y_OLD)


def wrapped(kind):
    if kind == "scikeras":
        wrappers = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")

        def build():
            return compiled(width=16)

        return wrappers.KerasRegressor(build, epochs=15, batch_size=32, verbose=0)

    def build_for(X, y):
        return compiled(width=16)

    fit_kwargs = {"epochs": 15, "batch_size": 32, "verbose": 0}
    return keras.wrappers.SKLearnRegressor(build_for, fit_kwargs=fit_kwargs)


@pytest.mark.parametrize(
    ("kind", "piped"),
    [
        pytest.param("scikeras", False, marks=pytest.mark.slow),
        pytest.param("keras.wrappers", True, marks=pytest.mark.slow),
        pytest.param("scikeras", True, marks=pytest.mark.slow),
        pytest.param("keras.wrappers", False, marks=pytest.mark.slow),
    ],
)
def test_wrappers_are_cloned_and_trained(kind, piped):
    wrapper = wrapped(kind)
    estimator = make_pipeline(StandardScaler(), wrapper) if piped else wrapper
    noise = None if piped else "auto"
    mc = MCDropoutRegressor(estimator, noise_variance=noise, cv=2, random_state=0)
    mc.fit(X, Y)
    assert not hasattr(wrapper, "model_")
    assert mc.score(X_NEW, Y_NEW) > 0.6
    assert piped or 0.2 < mc.noise_variance_ < 0.7
    mean = mc.predict(X_NEW)
    mc.set_params(rate=0.0)
    np.testing.assert_allclose(mc.predict(X_NEW), mc.estimator_.predict(X_NEW), atol=1e-5)
    assert np.abs(mc.predict(X_NEW) - mean).max() > 0.01
    one = mc.set_params(rate=None).predict(X_NEW[:1])
    np.testing.assert_allclose(one, mean[:1], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scikeras", "keras.wrappers"])
def test_a_fitted_wrapper_that_is_frozen_is_not_trained(kind):
    wrapper = wrapped(kind)
    wrapper.fit(X, Y)
    before = weights_hash(wrapper.model_)
    mc = MCDropoutRegressor(FrozenEstimator(wrapper), random_state=0).fit(X_OLD)
    assert mc.score(X_NEW, Y_NEW) > 0.6
    assert weights_hash(wrapper.model_) == before
    with pytest.raises(ValueError, match=r"frozen but was never fitted"):
        MCDropoutRegressor(FrozenEstimator(wrapped(kind))).fit(X_OLD)


def test_several_targets():
    model = network(layers.Dense(2))
    y = np.column_stack([Y_OLD, -Y_OLD])
    mc = MCDropoutRegressor(model, noise_variance="auto", random_state=0).fit(X_OLD, y)
    assert mc.noise_variance_.shape == (2,)
    assert mc.predict_uncertainty(X_NEW).low.shape == (2000, 2)
    with pytest.raises(ValueError, match="y has 1 targets, but the network has 2 outputs"):
        mc.fit(X_OLD, Y_OLD)


def test_a_dict_of_inputs():
    given = {name: keras.Input((1,), name=name) for name in ("one", "two")}
    x = layers.Concatenate()(list(given.values()))
    x = layers.Dropout(0.2)(layers.Dense(32, "relu")(x))
    model = keras.Model(given, layers.Dense(1)(x))
    rows = {"one": X_OLD[:, :1], "two": X_OLD[:, 1:]}
    mc = MCDropoutRegressor(model, noise_variance="auto", random_state=0).fit(rows, Y_OLD)
    residual = np.mean((Y_OLD - mc.predict(rows)) ** 2)
    assert 0.5 * residual < mc.noise_variance_ < 1.2 * residual
    with pytest.raises(ValueError, match="inconsistent numbers of samples: 500 and 499"):
        mc.fit(rows, Y_OLD[:-1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: network(layers.Dense(3, "softmax")),
            "ends in a softmax: that is a classifier",
        ),
        (
            lambda: network(layers.Dense(3), layers.Activation("log_softmax")),
            "ends in a log_softmax: that is a classifier, use MCDropoutClassifier",
        ),
        (lambda: compiled("binary_crossentropy"), "a loss for classes: that is a classifier"),
        (
            lambda: keras.Sequential([keras.Input((2,)), layers.Dense(1)]),
            "no random layer",
        ),
        (lambda: FrozenNetwork(network()), "a FrozenNetwork, which is a classifier"),
        (lambda: keras.Sequential([layers.Dense(1)]), "no weights yet"),
        (lambda: network(layers.Dense(6), layers.Reshape((3, 2))), "returned an array"),
    ],
)
def test_what_is_no_regression(build, message):
    with pytest.raises(ValueError, match=message):
        MCDropoutRegressor(build()).fit(X_OLD, Y_OLD)


@pytest.mark.slow
def test_wrappers_of_the_other_kind():
    wrappers = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")
    classifier = wrappers.KerasClassifier(lambda: compiled(), epochs=1, verbose=0)
    with pytest.raises(ValueError, match="KerasClassifier is a classifier"):
        MCDropoutRegressor(classifier).fit(X_OLD, Y_OLD)
    with pytest.raises(ValueError, match="must hold a network"):
        MCDropoutClassifier(wrapped("scikeras")).fit(X_OLD, (Y_OLD > 0).astype(int))


def test_answers_that_are_no_numbers(model):
    broken = network(layers.Dense(1), layers.Rescaling(np.float32(3e38)))
    mc = MCDropoutRegressor(broken, random_state=0)
    with pytest.raises(ValueError, match=r"Functional has NaN or infinite values in \d of 2"):
        mc.fit(1e6 * X)
    with pytest.raises(ValueError, match=r"A draw has NaN or infinite values in \d+ of 40"):
        mc.fit(np.zeros((2, 2), np.float32)).predict(1e6 * FEW)


def test_the_forecast_is_told(model, capsys):
    mc = MCDropoutRegressor(model, random_state=0, verbose=1).fit(X_OLD)
    assert f"{mc.forecast_cost().ratio:.1f} times" in capsys.readouterr().out
    mc.predict(X_NEW)
    assert "MC dropout" in capsys.readouterr().err
