"""Rate and temperature chosen on held-out rows, and the honest comparison."""

import warnings

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import MCDropoutClassifier
from skcalib.uncertainty._dropout_scale import Scale, scale_draws
from skcalib.uncertainty._dropout_tuning import RATES, choose

NOT_WORTH_IT = "ignore:The plain network .* is at least as good"
X, Y = load_digits(return_X_y=True)
NAMES = np.array(list("jihgfedcba"))[Y]
FIT, HELD, TEST = slice(0, 300), slice(300, 900), slice(900, None)


@pytest.fixture(scope="module")
def mlp():
    model = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=800, random_state=0))
    return model.fit(X[FIT], NAMES[FIT])


def chosen_around(mlp, **parameters):
    mc = MCDropoutClassifier(FrozenEstimator(mlp), rate="auto", random_state=0, **parameters)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The plain network", UserWarning)
        return mc.fit(X[HELD], NAMES[HELD])


def simulated(rates_that_help, n_rows=400, n_classes=3):
    """Log-draws that hold the true probabilities at some rates, and noise at others."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, (n_rows, n_classes))
    p = np.exp(truth) / np.exp(truth).sum(axis=1, keepdims=True)
    codes = np.array([rng.choice(n_classes, p=row) for row in p])
    spoilt = truth + rng.normal(0, 1.5, truth.shape)

    def log_draws(rate):
        logits = truth if rate in rates_that_help else spoilt
        logits = logits + rate * rng.normal(0, 0.3, (20, *truth.shape))
        return logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))

    return log_draws, codes


def test_the_best_rate_is_found_and_the_comparison_tells_it():
    log_draws, codes = simulated({0.2})
    scale, comparison = choose(log_draws, codes, centered=False, seed=0)
    assert scale.rate == 0.2
    assert 0.8 < scale.temperature < 1.25
    losses = {name: figures["log_loss"] for name, figures in comparison.items()}
    assert losses["dropout"] < losses["plain, temperature"] - 0.1 < losses["plain"] - 0.1
    assert comparison["dropout"]["error_auroc"] > comparison["plain"]["error_auroc"]


def test_a_plain_network_that_is_better_is_said_to_be():
    log_draws, codes = simulated({0.0})
    _, comparison = choose(log_draws, codes, centered=False, seed=0)
    losses = {name: figures["log_loss"] for name, figures in comparison.items()}
    assert losses["plain, temperature"] < losses["dropout"] - 0.1


def test_brute_force_agrees(mlp):
    mc = chosen_around(mlp, n_draws=20)
    best = []
    for rate in RATES:
        draws = mc.set_params(rate=rate).sample_proba(X[HELD])

        def loss(log_t, draws=draws):
            powers = draws ** np.exp(-log_t)
            mean = (powers / powers.sum(axis=2, keepdims=True)).mean(axis=0)
            return log_loss(NAMES[HELD], mean)

        found = minimize_scalar(loss, bounds=(-2, 2), method="bounded")
        best.append((found.fun, rate, np.exp(found.x)))
    _, rate, temperature = min(best)
    assert mc.scale_.rate == rate
    assert mc.scale_.temperature == pytest.approx(temperature, rel=0.02)


def test_predictions_are_at_the_chosen_scale(mlp):
    mc = chosen_around(mlp, n_draws=20)
    proba = mc.predict_proba(X[TEST])
    rate, spread, temperature = mc.scale_
    assert spread is None
    draws = mc.set_params(rate=rate).sample_proba(X[TEST]) ** (1 / temperature)
    expected = (draws / draws.sum(axis=2, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(proba, expected, atol=1e-6)
    assert np.abs(proba - mc.predict_proba(X[TEST])).max() > 1e-3  # which has no temperature


@pytest.mark.slow
def test_centred_draws_keep_the_prediction(mlp):
    mc = MCDropoutClassifier(
        FrozenEstimator(mlp), rate=0.3, centered=True, n_draws=40, random_state=0
    )
    draws = mc.fit(X[HELD], NAMES[HELD]).sample_proba(X[TEST])
    plain = mlp.predict_proba(X[TEST])
    logs = np.log(draws).mean(axis=0)
    expected = np.log(plain)
    np.testing.assert_allclose(
        logs - logs[:, :1], expected - expected[:, :1], rtol=1e-5, atol=1e-5
    )
    agree = (draws.mean(axis=0).argmax(axis=1) == plain.argmax(axis=1)).mean()
    free = mc.set_params(centered=False).predict_proba(X[TEST])
    assert agree > 0.98
    assert agree > (free.argmax(axis=1) == plain.argmax(axis=1)).mean()
    mc.set_params(rate=[0.0, 0.3], centered=True)
    np.testing.assert_allclose(mc.sample_proba(X[TEST])[1], draws, atol=1e-12)
    assert chosen_around(mlp, centered=True).scale_.spread > 0


@pytest.mark.slow
@pytest.mark.filterwarnings(NOT_WORTH_IT)
def test_nothing_is_chosen_on_training_rows():
    """Labels at random: on its own rows a network looks perfect, on others it is not."""
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(150, 20)), rng.integers(0, 2, 150)
    mlp = MLPClassifier((64,), max_iter=2000, random_state=0)
    mc = MCDropoutClassifier(mlp, rate="auto", random_state=0)
    with pytest.warns(ConvergenceWarning, match="at its bound"):
        mc.fit(rows, y)
    assert log_loss(y, mc.set_params(rate=0.0).predict_proba(rows)) < 0.1
    assert all(figures["log_loss"] > np.log(2) - 0.03 for figures in mc.comparison_.values())


@pytest.mark.filterwarnings(NOT_WORTH_IT)
def test_cross_validation_follows_cv_and_weights():
    mlp = MLPClassifier((16,), max_iter=400, learning_rate_init=0.01, random_state=0)
    pipe = make_pipeline(StandardScaler(), mlp)
    splits = StratifiedKFold(3, shuffle=True, random_state=1)
    mc = MCDropoutClassifier(pipe, rate="auto", cv=splits, n_draws=10, random_state=0)
    mc.fit(X[FIT], NAMES[FIT])
    by_hand = []
    for train, test in splits.split(X[FIT], NAMES[FIT]):
        one = MCDropoutClassifier(pipe, rate=0.0, random_state=0).fit(X[train], NAMES[train])
        truth = np.searchsorted(one.classes_, NAMES[test])
        by_hand.append(one.predict_proba(X[test])[np.arange(len(test)), truth])
    plain = -np.log(np.maximum(np.concatenate(by_hand), 1e-38)).mean()
    assert mc.comparison_["plain"]["log_loss"] == pytest.approx(plain, rel=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings(NOT_WORTH_IT)
def test_the_warning_comes_when_it_should(mlp):
    mc = MCDropoutClassifier(FrozenEstimator(mlp), rate="auto", random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mc.fit(X[HELD], NAMES[HELD])
    losses = {name: figures["log_loss"] for name, figures in mc.comparison_.items()}
    warned = any("The plain network" in str(w.message) for w in caught)
    assert warned == (min(losses["plain"], losses["plain, temperature"]) <= losses["dropout"])
    assert not warned  # on these digits dropout is worth it, but
    rows, y = load_breast_cancer(return_X_y=True)
    mlp = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1000, random_state=0))
    mc.set_params(estimator=FrozenEstimator(mlp.fit(rows[:250], y[:250])))
    with pytest.warns(UserWarning, match="network unchanged is at least as good as dropout"):
        mc.fit(rows[250:], y[250:])


@pytest.mark.slow
def test_keras_too():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    if keras.config.backend() != "tensorflow":
        pytest.skip("draws of Keras models run on TensorFlow")
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(32, "relu")
    model = keras.Sequential([keras.Input((64,)), hidden, keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(X[FIT], Y[FIT], epochs=40, verbose=0)
    before = model.get_weights()
    for centered in (False, True):
        mc = MCDropoutClassifier(
            model, inject="hidden", rate="auto", centered=centered, n_draws=20, random_state=0
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The plain network", UserWarning)
            mc.fit(X[HELD], Y[HELD])
        own = mc.comparison_["plain"]["log_loss"]
        proba = model.predict(X[HELD], verbose=0).astype(float)
        truth = proba[np.arange(600), Y[HELD]]
        assert own == pytest.approx(-np.log(np.maximum(truth, 1.2e-38)).mean(), rel=1e-3)
        assert mc.comparison_["dropout"]["log_loss"] < own
        loss = log_loss(Y[TEST], mc.predict_proba(X[TEST]))
        assert loss < log_loss(Y[TEST], model.predict(X[TEST], verbose=0))
    for array, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, other)


def test_scaling_by_one_changes_nothing():
    rng = np.random.default_rng(0)
    draws = rng.dirichlet(np.ones(4), (3, 5))

    np.testing.assert_allclose(scale_draws(draws, Scale(0.1), None, None), draws, atol=1e-12)
    sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    np.testing.assert_allclose(
        scale_draws(sure, Scale(0.1, None, 2.0), None, None), sure, atol=1e-12
    )


@pytest.mark.filterwarnings(NOT_WORTH_IT)
def test_a_network_that_is_always_right_has_no_area_of_errors():
    rows, y = np.r_[np.full((30, 2), -5.0), np.full((30, 2), 5.0)], np.repeat([0, 1], 30)
    mlp = MLPClassifier((4,), max_iter=2000, random_state=0).fit(rows, y)
    mc = MCDropoutClassifier(FrozenEstimator(mlp), rate="auto", random_state=0).fit(rows, y)
    assert np.isnan(mc.comparison_["plain"]["error_auroc"])
    assert mc.comparison_["plain"]["log_loss"] < 0.1


def test_a_rate_that_was_not_chosen_is_not_used(mlp):
    mc = MCDropoutClassifier(FrozenEstimator(mlp), rate=0.1, random_state=0)
    mc.fit(X[HELD], NAMES[HELD]).set_params(rate="auto")
    with pytest.raises(ValueError, match="is chosen by fit"):
        mc.predict_proba(X[TEST])
    with pytest.raises(ValueError, match="got 4"):
        mc.fit(X[:4], NAMES[:4])
    with pytest.raises(ValueError, match="is chosen by fit"):
        mc.predict_uncertainty(X[TEST])


def test_bad_input(mlp):
    auto = MCDropoutClassifier(FrozenEstimator(mlp), rate="auto", random_state=0)
    with pytest.raises(ValueError, match=r"'auto'.*got 4"):
        auto.fit(X[:4], NAMES[:4])
    with pytest.raises(ValueError, match="needs y"):
        auto.fit(X[HELD])
    with pytest.raises(ValueError, match=r"\['z'\].*does not know"):
        auto.fit(X[HELD], np.r_[["z"], NAMES[HELD][1:]])
    with pytest.raises(ValueError, match="'rate' parameter"):
        MCDropoutClassifier(FrozenEstimator(mlp), rate="best").fit(X[HELD], NAMES[HELD])
    with pytest.raises(ValueError, match="'centered' parameter"):
        MCDropoutClassifier(FrozenEstimator(mlp), centered="yes").fit(X[HELD], NAMES[HELD])
