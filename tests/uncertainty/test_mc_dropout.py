"""MCDropoutClassifier as people use it: in wrappers, pipelines, searches, and calibrated."""

import pickle
import sys
from collections import Counter
from pathlib import Path

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.networks import BACKEND, NAMES, X, Y, digits_model, trained, weights_hash

import skcalib
from skcalib import FrozenNetwork, MCDropoutClassifier, TemperatureCalibratedClassifier
from skcalib.uncertainty import uncertainty_frame

pytestmark = pytest.mark.skipif(BACKEND != "tensorflow", reason="draws run on TensorFlow")
FIT, TEST = slice(600, 1200), slice(1200, None)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return trained(digits_model(hidden=32))


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)


def test_the_forum_answer_in_one_line(model):
    """predict_with_uncertainty(f, x, n_iter): mean and standard deviation for each class."""
    mc = MCDropoutClassifier(model, n_draws=200, random_state=0).fit(X)
    result = mc.predict_uncertainty(X[TEST])
    draws = mc.sample_proba(X[TEST])
    np.testing.assert_allclose(result.mean, draws.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(result.std, draws.std(axis=0, ddof=1), atol=1e-6)
    np.testing.assert_allclose(result.mean, mc.predict_proba(X[TEST]), atol=1e-6)
    assert result.std.max() > 0.1  # some digits are a coin's flip


def test_intervals_at_several_levels_of_dropout(model):
    mc = MCDropoutClassifier(model, rate=[0, 0.1, 0.3, 0.6], random_state=0).fit(X)
    result = mc.predict_uncertainty(X[TEST], interval=0.8)
    width = (result.high - result.low).mean(axis=(1, 2))
    assert width[0] == 0
    assert (np.diff(width) > 0).all()
    np.testing.assert_array_equal(result.levels, [0, 0.1, 0.3, 0.6])
    with pytest.raises(ValueError, match="one level"):
        mc.predict_proba(X[TEST])


def test_a_readable_table(model):
    mc = MCDropoutClassifier(FrozenNetwork(model, classes=sorted_names()), random_state=0)
    frame = uncertainty_frame(mc.fit(X, NAMES).predict_uncertainty(X[TEST]))
    assert len(frame) == len(X[TEST])
    unsure = frame.loc[frame.margin.idxmin()]
    assert unsure.says.startswith(f"{unsure['first']} at {100 * unsure.p_first:.0f} % [")


def sorted_names():
    return ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def test_labels_that_are_not_sorted(model):
    named = MCDropoutClassifier(FrozenNetwork(model, classes=sorted_names()), random_state=0)
    plain = MCDropoutClassifier(model, random_state=0).fit(X)
    proba = named.fit(X, NAMES).predict_proba(X[TEST])
    order = np.argsort(sorted_names())
    np.testing.assert_allclose(proba, plain.predict_proba(X[TEST])[:, order], rtol=1e-12)
    assert named.score(X[TEST], NAMES[TEST]) == plain.score(X[TEST], Y[TEST]) > 0.9


def test_temperature_on_top_trains_nothing_and_calibrates(model):
    before = weights_hash(model)
    mc = MCDropoutClassifier(model, rate=0.6, random_state=0)
    calibrated = TemperatureCalibratedClassifier(mc).fit(X[FIT], Y[FIT])
    assert len(calibrated.calibrated_classifiers_) == 1  # all rows at once: it is trained
    raw = log_loss(Y[TEST], mc.fit(X).predict_proba(X[TEST]))
    assert log_loss(Y[TEST], calibrated.predict_proba(X[TEST])) < raw
    assert weights_hash(model) == before


def test_a_search_over_rates_and_draws(model):
    grid = {"rate": [0.01, 0.9], "n_draws": [10, 20]}
    mc = MCDropoutClassifier(model, random_state=0)
    search = GridSearchCV(mc, grid, scoring="neg_log_loss", cv=2).fit(X[FIT], Y[FIT])
    assert search.best_params_["rate"] == 0.01
    assert search.best_estimator_.estimator.model is model


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fitted_pipeline_that_ends_in_the_network_is_not_fitted_again(model, frozen):
    scaler = StandardScaler(with_std=False).fit(X[:1])
    shifted = X + scaler.mean_
    pipeline = make_pipeline(scaler, FrozenNetwork(model))
    given = FrozenEstimator(pipeline) if frozen else pipeline
    alone = MCDropoutClassifier(model, random_state=0).fit(X)
    right = alone.predict_proba(X[TEST])
    mc = MCDropoutClassifier(given, random_state=0).fit(shifted)  # needs no labels
    np.testing.assert_allclose(mc.predict_proba(shifted[TEST]), right, atol=1e-5)
    calibrated = TemperatureCalibratedClassifier(alone).fit(X[FIT], Y[FIT])
    expected = calibrated.predict_proba(X[TEST])
    at_the_end = make_pipeline(scaler, MCDropoutClassifier(model, random_state=0))
    for inside in (MCDropoutClassifier(given, random_state=0), at_the_end):
        found = TemperatureCalibratedClassifier(inside).fit(shifted[FIT], Y[FIT])
        np.testing.assert_allclose(found.predict_proba(shifted[TEST]), expected, atol=1e-4)
    with pytest.raises(NotFittedError, match=r"FrozenEstimator\(pipeline\)"):
        MCDropoutClassifier(clone(pipeline)).fit(shifted, Y)


def test_the_end_of_a_pipeline(model):
    scaler = StandardScaler(with_mean=False, with_std=False)
    pipeline = make_pipeline(scaler, MCDropoutClassifier(model, random_state=0))
    alone = MCDropoutClassifier(model, random_state=0).fit(X)
    pipeline.fit(X[FIT], Y[FIT])
    np.testing.assert_array_equal(pipeline.predict_proba(X[TEST]), alone.predict_proba(X[TEST]))
    assert cross_val_score(pipeline, X[FIT], Y[FIT], cv=2).mean() > 0.9


def test_pickle_joblib_and_clones(model, tmp_path):
    mc = MCDropoutClassifier(model, random_state=0).fit(X)
    proba = mc.predict_proba(X[TEST])
    twin = pickle.loads(pickle.dumps(mc))
    np.testing.assert_allclose(twin.predict_proba(X[TEST]), proba, atol=1e-6)
    joblib.dump(mc, tmp_path / "mc")
    twin = joblib.load(tmp_path / "mc")
    np.testing.assert_allclose(twin.predict_proba(X[TEST]), proba, atol=1e-6)
    np.testing.assert_array_equal(clone(mc).fit(X).predict_proba(X[TEST]), proba)
    with pytest.raises(NotFittedError):
        clone(mc).predict_proba(X)


def wrapped(kind):
    if kind == "scikeras":
        wrappers = pytest.importorskip("scikeras.wrappers", reason="needs scikeras")

        def build():
            return compiled_with("sparse_categorical_crossentropy")

        return wrappers.KerasClassifier(build, epochs=8, verbose=0)

    def build_for(X, y):
        return compiled_with("categorical_crossentropy")

    fit_kwargs = {"epochs": 8, "verbose": 0}
    return keras.wrappers.SKLearnClassifier(build_for, fit_kwargs=fit_kwargs)


def compiled_with(loss):
    model = digits_model(hidden=32)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


@pytest.mark.parametrize(
    ("kind", "piped"),
    [
        ("scikeras", False),
        pytest.param("keras.wrappers", True, marks=pytest.mark.slow),
        pytest.param("scikeras", True, marks=pytest.mark.slow),
        pytest.param("keras.wrappers", False, marks=pytest.mark.slow),
    ],
)
def test_wrappers_are_cloned_and_trained(kind, piped):
    wrapper = wrapped(kind)
    estimator = make_pipeline(StandardScaler(), wrapper) if piped else wrapper
    mc = MCDropoutClassifier(estimator, random_state=0).fit(X[FIT], NAMES[FIT])
    assert not hasattr(wrapper, "model_")
    proba = mc.predict_proba(X[TEST])
    assert mc.score(X[TEST], NAMES[TEST]) > 0.85
    point = mc.set_params(rate=0.0).predict_proba(X[TEST])
    own = mc.estimator_
    expected = (
        own.predict_proba(X[TEST]) if kind == "scikeras" else own.decision_function(X[TEST])
    )
    np.testing.assert_allclose(point, expected, atol=1e-5)
    assert np.abs(point - proba).max() > 0.01
    one = mc.set_params(rate=None).predict_proba(X[1200:1201])
    np.testing.assert_allclose(one, proba[:1], atol=1e-5)


def test_a_fitted_wrapper_that_is_frozen_is_not_trained():
    wrapper = wrapped("scikeras").fit(X[FIT], NAMES[FIT])
    before = weights_hash(wrapper.model_)
    mc = MCDropoutClassifier(FrozenEstimator(wrapper), random_state=0).fit(X[TEST], NAMES[TEST])
    assert mc.score(X[TEST], NAMES[TEST]) > 0.85
    assert weights_hash(wrapper.model_) == before
    assert mc.classes_.tolist() == sorted(set(NAMES.tolist()))


def test_two_classes():
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    mc = MCDropoutClassifier(model, random_state=0, rate=0.0).fit(
        X, np.array(["a", "b"])[Y % 2]
    )
    proba = mc.predict_proba(X[TEST])
    np.testing.assert_allclose(proba[:, 1], model.predict(X[TEST], verbose=0)[:, 0], atol=1e-6)
    assert mc.classes_.tolist() == ["a", "b"]


def test_the_forecast_is_told(model, capsys):
    mc = MCDropoutClassifier(model, random_state=0, verbose=1).fit(X)
    cost = mc.forecast_cost()
    assert cost.loop_ratio == 50
    assert 1 < cost.ratio < 50
    assert 0 < cost.share < 1
    assert f"{cost.ratio:.1f} times" in capsys.readouterr().out
    mc.predict_proba(X)
    assert "MC dropout" in capsys.readouterr().err


def test_memory_is_bounded_by_the_block(model):
    """Draws of a block are reduced before those of the next are made."""
    many = np.concatenate([X, X])
    mc = MCDropoutClassifier(model, n_draws=20, random_state=0, batch_size=500).fit(X)
    blocks = list(mc.sample_proba(many, blocks=True))
    assert [draws.shape for _, draws in blocks] == [
        (20, 1000, 10), (20, 1000, 10), (20, 1000, 10), (20, 594, 10)
    ]  # fmt: skip
    whole = mc.set_params(batch_size=2000).sample_proba(many)
    for rows, draws in blocks:
        np.testing.assert_allclose(draws, whole[:, rows], atol=1e-6)


@pytest.mark.parametrize("estimator", ["a network", StandardScaler()])
def test_what_is_no_network(estimator):
    with pytest.raises(ValueError, match="estimator"):
        MCDropoutClassifier(estimator).fit(X, Y)


def test_other_classifiers_are_refused():
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(ValueError, match="must hold a network"):
        MCDropoutClassifier(LogisticRegression()).fit(X[:50], Y[:50])


def calls_of(work):
    """Return how often each function of this package is entered, by file and name."""
    root, found = Path(skcalib.__file__).parent, Counter()

    def note(frame, event, arg):
        path = Path(frame.f_code.co_filename)
        if event == "call" and root in path.parents:
            found[path.relative_to(root).as_posix(), frame.f_code.co_name] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def test_fit_asks_a_trained_network_at_most_twice(model):
    mc = MCDropoutClassifier(model, random_state=0)
    calls = calls_of(lambda: mc.fit(X, Y))
    assert calls["backends/_keras.py", "forward"] <= 2
    assert calls["sampling/_passes.py", "some"] <= 2  # together, and alone
    network = FrozenNetwork(model).fit(X, Y)
    calls = calls_of(lambda: MCDropoutClassifier(network, random_state=0).fit(X, Y))
    assert calls["backends/_keras.py", "forward"] == 1


def test_a_prediction_checks_parameters_once_and_goes_a_short_way(model):
    mc = MCDropoutClassifier(model, random_state=0).fit(X, Y)
    mc.predict_uncertainty(X[TEST])  # compiled
    calls = calls_of(lambda: mc.predict_uncertainty(X[TEST]))
    assert calls["uncertainty/_dropout_parameters.py", "check_parameters"] == 1
    assert calls["backends/_keras.py", "forward"] == 0
    # Seventeen that draw, and the doors: parameters, names of features, inputs of any kind.
    assert len({path for path, _ in calls}) <= 25, {path for path, _ in calls}
