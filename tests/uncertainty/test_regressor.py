"""Dropout for regression: NumPy loops, closed forms, mixtures by brute force, coverage."""

import pickle
from inspect import signature

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.sparse import coo_array, csr_array
from scipy.stats import binom, norm
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import MCDropoutClassifier, MCDropoutRegressor
from skcalib.sampling._masks import masks_of
from skcalib.uncertainty._normal_mixtures import likeliest_variance, mixture_quantiles

# Small perceptrons are not trained to the end here.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_diabetes(return_X_y=True)
X, Y = X / X.std(axis=0), (Y - Y.mean()) / Y.std()
FIT, TEST = slice(0, 300), slice(300, 400)
TWO = np.column_stack([Y, X[:, 2] - Y])
ACTIVATIONS = {"identity": lambda x: x, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}


def perceptron(*sizes, **parameters):
    given = {"max_iter": 60, "solver": "lbfgs", "alpha": 1, "random_state": 0, **parameters}
    return MLPRegressor(hidden_layer_sizes=sizes, **given)


@pytest.fixture(scope="module")
def mlp():
    return perceptron(24, 16).fit(X[FIT], Y[FIT])


def around(mlp, **parameters):
    mc = MCDropoutRegressor(FrozenEstimator(mlp), random_state=0, **parameters)
    return mc.fit(X[TEST], Y[TEST])


def by_a_loop(mlp, rows, mc, places, rate):
    """Return the draws of a plain loop over masks, in the layers of these places."""
    draws = []
    for draw in range(mc.n_draws):
        values, number = rows, 0
        for layer, (kernel, bias) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True)):
            values = values @ kernel + bias
            if layer + 1 < len(mlp.coefs_):
                values = ACTIVATIONS[mlp.activation](values)
                if layer in places:
                    shape = {"kind": "dropout", "shape": values.shape[1:]}
                    site = type("Site", (), shape)
                    noise = masks_of(site, number, rate, mc.seed_, range(draw, draw + 1))
                    values = values * noise[0][0].astype(values.dtype)
                    number += 1
        draws.append(values)
    return np.array(draws)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize(("inject", "places"), [(None, [0, 1]), ("last", [1])])
def test_bit_by_bit_as_a_plain_loop(activation, inject, places):
    mlp = perceptron(24, 16, activation=activation, max_iter=5).fit(X[FIT], Y[FIT])
    mc = around(mlp, n_draws=6, rate=0.3, inject=inject)
    expected = by_a_loop(mlp, X[TEST], mc, places, 0.3)[..., 0]
    np.testing.assert_array_equal(mc.sample(X[TEST]), expected)
    assert expected.std(axis=0).max() > 0.01
    np.testing.assert_array_equal(mc.predict(X[TEST]), expected.mean(axis=0))


def test_a_linear_network_has_known_moments():
    """Of y = m h w / (1 - p) + b: mean h w + b, variance p / (1 - p) sum (h w)^2."""
    mlp = perceptron(12, activation="identity").fit(X[FIT], Y[FIT])
    n_draws, p = 4000, 0.2
    result = around(mlp, n_draws=n_draws, rate=p).predict_uncertainty(X[TEST])
    hidden = X[TEST] @ mlp.coefs_[0] + mlp.intercepts_[0]
    std = np.sqrt(p / (1 - p) * ((hidden * mlp.coefs_[1][:, 0]) ** 2).sum(axis=1))
    z = (result.mean - mlp.predict(X[TEST])) / (std / np.sqrt(n_draws))
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(result.epistemic_std, std, rtol=0.06)
    np.testing.assert_allclose(result.standard_error, result.epistemic_std / np.sqrt(n_draws))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("y", [Y, TWO])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_rate_zero_is_the_perceptron(kind, y, loss):
    parameters = {}
    if loss == "poisson":
        if "loss" not in MLPRegressor().get_params():
            pytest.skip("this MLPRegressor has no other loss")
        parameters, y = {"loss": loss, "solver": "adam"}, np.exp(y)
    mlp = perceptron(8, **parameters).fit(X[FIT].astype(kind), y[FIT])
    rows = X[TEST].astype(kind)
    mc = MCDropoutRegressor(FrozenEstimator(mlp), rate=0.0).fit(rows)
    np.testing.assert_allclose(mc.predict(rows), mlp.predict(rows), rtol=1e-5, atol=1e-6)
    assert mc.predict(rows).dtype == np.float64
    assert mc.sample(rows).shape == (50, *y[TEST].shape)
    mean, std = mc.predict(rows, return_std=True)
    assert mean.shape == std.shape == y[TEST].shape
    assert std.max() < 1e-7


def test_bits_that_belong_together(mlp):
    mc = around(mlp, n_draws=30, noise_variance=0.25)
    result, draws = mc.predict_uncertainty(X[TEST]), mc.sample(X[TEST])
    mean, std = mc.predict(X[TEST], return_std=True)
    np.testing.assert_array_equal(result.mean, mean)
    np.testing.assert_array_equal(result.std, std)
    np.testing.assert_allclose(result.epistemic_std, draws.std(axis=0, ddof=1))
    np.testing.assert_allclose(std**2, draws.var(axis=0, ddof=1) + 0.25)
    for p, end in ((0.05, result.low), (0.95, result.high)):
        np.testing.assert_allclose(norm.cdf((end - draws) / 0.5).mean(axis=0), p, atol=1e-10)
    mc.set_params(noise_variance=None)  # read at each prediction
    result = mc.predict_uncertainty(X[TEST], interval=0.8)
    low, high = np.quantile(draws, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(result.low, low)
    np.testing.assert_allclose(result.high, high)
    np.testing.assert_array_equal(result.std, result.epistemic_std)


@pytest.mark.parametrize("spread", [1e-3, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("far", [0.0, 30.0, 1e6])
def test_quantiles_of_mixtures_by_brute_force(spread, far):
    draws = np.random.default_rng(0).normal(size=(21, 30))
    draws[:4] += far
    shares = (0.001, 0.05, 0.5, 0.8, 0.95)  # none a multiple of 1 / 21
    for share, found in zip(shares, mixture_quantiles(draws, spread**2, shares), strict=True):
        for i, q in enumerate(found):
            ends = draws[:, i].min() - 40 * spread, draws[:, i].max() + 40 * spread
            expected = brentq(
                lambda x, i=i, share=share: norm.cdf((x - draws[:, i]) / spread).mean() - share,
                *ends,
                xtol=1e-12,
            )
            assert q == pytest.approx(expected, rel=1e-9, abs=1e-8 * spread + 1e-9)


def test_quantiles_of_one_normal_distribution_and_on_a_plateau():
    (found,) = mixture_quantiles(np.full((5, 3), 2.0), 9.0, [0.95])
    np.testing.assert_allclose(found, 2 + 3 * norm.ppf(0.95), rtol=1e-12)
    draws = np.array([[0.0], [100.0]])
    (middle,) = mixture_quantiles(draws, 1.0, [0.5])
    assert 10 < middle[0] < 90  # every point there is a median
    (high,) = mixture_quantiles(draws, 1e-200, [0.75])
    np.testing.assert_allclose(high, 100)


@pytest.mark.parametrize("variance", [0.25, 4.0])
def test_the_likeliest_noise_is_the_noise(variance):
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        draws = rng.normal(size=(50, 1000))
        own = draws[rng.integers(50, size=1000), np.arange(1000)]
        y = own + np.sqrt(variance) * rng.normal(size=1000)
        found.append(likeliest_variance((y - draws) ** 2))
    error = np.std(found, ddof=1) / np.sqrt(10)
    assert abs(np.mean(found) - variance) < 4 * error
    assert error < 0.06 * variance
    grid = np.exp(np.linspace(-4, 3, 2000))
    residuals = (y - draws)[:, :100]
    likelihoods = [
        np.log(norm.pdf(residuals, scale=np.sqrt(v)).mean(axis=0)).sum() for v in grid
    ]
    best = grid[int(np.argmax(likelihoods))]
    assert likeliest_variance(residuals**2) == pytest.approx(best, rel=0.004)


def test_noise_of_a_network_without_errors():
    assert likeliest_variance(np.zeros((4, 3))) == 0
    flat = perceptron(3).fit(X[FIT], Y[FIT])
    for array in (*flat.coefs_, *flat.intercepts_):
        array[:] = 0
    mc = MCDropoutRegressor(FrozenEstimator(flat), noise_variance="auto", n_draws=5)
    result = mc.fit(X[:20], np.zeros(20)).predict_uncertainty(X[:20])
    assert mc.noise_variance_ == 0
    np.testing.assert_array_equal(result.high - result.low, np.zeros(20))


def simulated(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-2, 2, (n_rows, 2))
    return rows, np.sin(rows[:, 0]) + rows[:, 1] + rng.normal(size=n_rows)


def covered(result, y):
    return int(((result.low <= y) & (y <= result.high)).sum())


@pytest.mark.parametrize("trained", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_ninety_percent_of_new_observations_are_in_the_interval(trained):
    rows, y = simulated(3000)
    fit, held_out, new = slice(0, 500), slice(500, 1000), slice(1000, None)
    mlp = perceptron(20, max_iter=500, alpha=10)
    if trained:
        mlp, fit = FrozenEstimator(mlp.fit(rows[fit], y[fit])), held_out
    mc = MCDropoutRegressor(mlp, rate=0.02, noise_variance="auto", random_state=0)
    mc.fit(rows[fit], y[fit])
    assert mc.noise_variance_ == pytest.approx(1, rel=0.25)
    least, most = binom.ppf([0.001, 0.999], 2000, 0.9)
    assert least < covered(mc.predict_uncertainty(rows[new]), y[new]) < most
    without = mc.set_params(noise_variance=None).predict_uncertainty(rows[new])
    assert covered(without, y[new]) < 0.5 * 2000


def test_noise_from_folds_is_that_of_a_plain_loop(mlp):
    cv = KFold(3, shuffle=True, random_state=0)
    own = perceptron(8)
    mc = MCDropoutRegressor(own, noise_variance="auto", cv=cv, random_state=0, n_draws=10)
    mc.fit(X[FIT], Y[FIT])
    squares = []
    for train, test in cv.split(X[FIT]):
        member = FrozenEstimator(clone(own).fit(X[FIT][train], Y[FIT][train]))
        member = MCDropoutRegressor(member, random_state=0, n_draws=10).fit(X[FIT])
        squares.append((Y[FIT][test] - member.sample(X[FIT][test])) ** 2)
    expected = likeliest_variance(np.concatenate(squares, axis=1))
    assert mc.noise_variance_ == pytest.approx(expected, rel=1e-9)
    in_sample = around(mlp).set_params(noise_variance="auto").fit(X[FIT], Y[FIT])
    assert in_sample.noise_variance_ < 0.5 * mc.noise_variance_  # why rows must be new


def test_noise_belongs_to_a_rate(mlp):
    mc = around(mlp, noise_variance="auto", rate=0.1)
    one = mc.noise_variance_
    assert isinstance(one, float)
    mc.set_params(rate=0.2)
    mc.predict(X[TEST])  # needs none
    for ask in (mc.predict_uncertainty, lambda rows: mc.predict(rows, return_std=True)):
        with pytest.raises(ValueError, match="has not been learned for this rate"):
            ask(X[TEST])
    with pytest.raises(ValueError, match="has not been learned"):
        around(mlp).set_params(noise_variance="auto").predict_uncertainty(X[TEST])
    mc.set_params(rate=[0.1, 0.2]).fit(X[TEST], Y[TEST])
    assert mc.noise_variance_.shape == (2,)
    assert mc.noise_variance_[0] == one
    result = mc.predict_uncertainty(X[TEST])
    np.testing.assert_allclose(
        result.std**2 - result.epistemic_std**2,
        np.repeat(mc.noise_variance_[:, None], 100, axis=1),
        rtol=1e-9,
    )


def test_several_targets():
    mlp = perceptron(16).fit(X[FIT], TWO[FIT])
    mc = MCDropoutRegressor(FrozenEstimator(mlp), noise_variance="auto", random_state=0)
    mc.fit(X[TEST], TWO[TEST])
    assert mc.noise_variance_.shape == (2,)
    result, draws = mc.predict_uncertainty(X[TEST]), mc.sample(X[TEST])
    assert draws.shape == (50, 100, 2)
    for k, variance in enumerate(mc.noise_variance_):
        expected = list(mixture_quantiles(draws[..., k], variance, [0.05, 0.95]))
        np.testing.assert_allclose(
            [result.low[:, k], result.high[:, k]], expected, rtol=1e-12, atol=1e-12
        )
    assert mc.predict(X[TEST]).shape == (100, 2)
    mc.set_params(rate=[0.1, 0.2]).fit(X[TEST], TWO[TEST])
    assert mc.noise_variance_.shape == (2, 2)
    result = mc.predict_uncertainty(X[TEST])
    assert result.low.shape == mc.sample(X[TEST]).mean(axis=1).shape == (2, 100, 2)
    with pytest.raises(ValueError, match="y has 1 targets, but the network has 2 outputs"):
        mc.fit(X[TEST], Y[TEST])


def test_several_levels(mlp):
    mc = around(mlp, rate=[0, 0.1, 0.5], n_draws=20)
    result = mc.predict_uncertainty(X[TEST])
    width = (result.high - result.low).mean(axis=1)
    assert width[0] < 1e-12
    assert (np.diff(width) > 0).all()
    np.testing.assert_array_equal(result.levels, [0, 0.1, 0.5])
    assert mc.sample(X[TEST]).shape == (3, 20, 100)
    with pytest.raises(ValueError, match="predict needs one level"):
        mc.predict(X[TEST])
    mc.set_params(rate=0.5)
    np.testing.assert_array_equal(mc.predict(X[TEST]), result.mean[2])


def test_sparse_rows_batches_and_order(mlp):
    mc = around(mlp, n_draws=5, noise_variance=0.1)
    expected, ends = mc.sample(X[TEST]), mc.predict_uncertainty(X[TEST])
    for kind in (csr_array, coo_array):
        np.testing.assert_allclose(mc.sample(kind(X[TEST])), expected, atol=1e-12)
    order = np.random.default_rng(0).permutation(100)
    mc.set_params(batch_size=7)
    np.testing.assert_allclose(mc.sample(X[TEST][order]), expected[:, order], atol=1e-12)
    other = mc.predict_uncertainty(X[TEST][order])
    for name in ends:
        np.testing.assert_allclose(other[name], ends[name][order], atol=1e-9)
    parts = list(mc.sample(X[TEST], blocks=True))
    joined = np.concatenate([draws for _, draws in parts], axis=1)
    np.testing.assert_allclose(joined, expected, atol=1e-12)
    mc.set_params(masks="independent")
    several = mc.sample(X[TEST])
    np.testing.assert_allclose(mc.set_params(batch_size=100).sample(X[TEST]), several)
    assert np.abs(several - expected).max() > 0.01
    auto = around(mlp, noise_variance="auto", n_draws=5)
    for kind in (csr_array, coo_array):
        again = clone(auto).fit(kind(X[TEST]), Y[TEST])
        assert again.noise_variance_ == pytest.approx(auto.noise_variance_, rel=1e-6)
    own = MCDropoutRegressor(perceptron(4), noise_variance="auto", cv=2, random_state=0)
    dense = clone(own).fit(X[FIT], Y[FIT]).noise_variance_
    assert own.fit(coo_array(X[FIT]), Y[FIT]).noise_variance_ == pytest.approx(dense, rel=0.05)


def test_trained_in_searches_and_pipelines():
    mlp = perceptron(16, alpha=10)
    grid = {"estimator__alpha": [1e1, 1e5], "rate": [0.02, 0.8]}
    search = GridSearchCV(MCDropoutRegressor(mlp, random_state=0), grid, cv=2)
    search.fit(X[FIT], Y[FIT])
    assert search.best_params_ == {"estimator__alpha": 10, "rate": 0.02}
    piped = make_pipeline(StandardScaler(), MCDropoutRegressor(mlp, random_state=0))
    inside = MCDropoutRegressor(make_pipeline(StandardScaler(), mlp), random_state=0)
    np.testing.assert_allclose(
        piped.fit(X[FIT], Y[FIT]).predict(X[TEST]),
        inside.fit(X[FIT], Y[FIT]).predict(X[TEST]),
        atol=1e-12,
    )
    mean, std = piped.predict(X[TEST], return_std=True)
    assert mean.shape == std.shape == (100,)
    assert cross_val_score(piped, X[FIT], Y[FIT], cv=2).mean() > 0.3
    searched = GridSearchCV(mlp, {"alpha": [10, 1e5]}, cv=2)
    mc = MCDropoutRegressor(searched, rate=0.02, random_state=0).fit(X[FIT], Y[FIT])
    assert mc.estimator_.best_params_ == {"alpha": 10}
    assert mc.score(X[TEST], Y[TEST]) > 0.3


def test_weights_are_split_like_the_rows():
    """Rows of weight zero are as good as absent in training, in the folds, too."""
    if "sample_weight" not in signature(MLPRegressor.fit).parameters:
        pytest.skip("this MLPRegressor takes no weights")
    cv = ShuffleSplit(2, random_state=0)
    mc = MCDropoutRegressor(perceptron(4), noise_variance="auto", cv=cv, random_state=0)
    wrong = np.where(np.arange(300) < 150, Y[FIT], 50.0)
    weight = (np.arange(300) < 150).astype(float)
    mc.fit(X[FIT], wrong, sample_weight=weight)
    assert mc.score(X[TEST], Y[TEST]) > 0.2
    assert mc.noise_variance_ > 100  # residuals are not weighted
    with pytest.raises(ValueError, match=r"\(299,\), expected \(300,\)"):
        mc.fit(X[FIT], wrong, sample_weight=weight[:-1])


def test_folds_by_groups_with_metadata_routing():
    groups = np.arange(300) % 3
    with config_context(enable_metadata_routing=True):
        own = perceptron(4)
        mc = MCDropoutRegressor(own, noise_variance="auto", cv=GroupKFold(3), random_state=0)
        found = mc.fit(X[FIT], Y[FIT], groups=groups).noise_variance_
    splits = list(GroupKFold(3).split(X[FIT], Y[FIT], groups))
    assert found == mc.set_params(cv=splits).fit(X[FIT], Y[FIT]).noise_variance_


def test_pickle_and_clone(mlp):
    mc = around(mlp, noise_variance="auto")
    expected = mc.predict_uncertainty(X[TEST])
    twin = pickle.loads(pickle.dumps(mc)).predict_uncertainty(X[TEST])
    for name in expected:
        np.testing.assert_array_equal(twin[name], expected[name])
    again = clone(mc)
    with pytest.raises(NotFittedError):
        again.predict(X[TEST])
    np.testing.assert_array_equal(again.fit(X[TEST], Y[TEST]).predict(X[TEST]), expected.mean)
    assert again.noise_variance_ == mc.noise_variance_


def test_the_default_is_a_perceptron():
    mc = MCDropoutRegressor(random_state=0).fit(X[FIT], Y[FIT])
    assert isinstance(mc.estimator_, MLPRegressor)
    assert mc.noise_variance_ == 0
    assert mc.n_features_in_ == 10
    assert mc.score(X[TEST], Y[TEST]) > 0.2
    again = MCDropoutRegressor(random_state=0).fit(X[FIT], Y[FIT])
    np.testing.assert_array_equal(mc.predict(X[TEST]), again.predict(X[TEST]))
    assert 1 < mc.forecast_cost().ratio < 50


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"noise_variance": -1.0}, "'noise_variance' parameter of MCDropoutRegressor"),
        ({"noise_variance": "automatic"}, "'noise_variance' parameter"),
        ({"noise_variance": True}, "'noise_variance' parameter"),
        ({"noise_variance": np.nan}, "'noise_variance' parameter"),
        ({"rate": 1.0}, "'rate' parameter of MCDropoutRegressor"),
        ({"n_draws": 0}, "'n_draws' parameter"),
        ({"masks": "none"}, "'masks' parameter"),
        ({"inject": ["dense"]}, "has no names of layers"),
    ],
)
def test_bad_parameters(mlp, parameters, message):
    with pytest.raises(ValueError, match=message):
        around(mlp, **parameters)


def test_parameters_set_after_fit_are_checked(mlp):
    with pytest.raises(ValueError, match="'noise_variance' parameter"):
        around(mlp).set_params(noise_variance=-1).predict_uncertainty(X[TEST])
    for interval in (0, 1, "all", None):
        with pytest.raises(ValueError, match="interval must be"):
            around(mlp).predict_uncertainty(X[TEST], interval=interval)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Ridge(), "must hold a network: a Keras model, a torch module, scikeras"),
        (StandardScaler(), "must hold a network"),
        ("a network", "must be a Keras model"),
        (MLPClassifier(), "is a classifier: use MCDropoutClassifier"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "is a classifier"),
    ],
)
def test_what_is_no_regressor(estimator, message):
    with pytest.raises(ValueError, match=message):
        MCDropoutRegressor(estimator).fit(X[FIT], Y[FIT])


def test_bad_input(mlp):
    mc = around(mlp)
    with pytest.raises(ValueError, match="NaN"):
        mc.predict(np.full((2, 10), np.nan))
    with pytest.raises(ValueError, match="features"):
        mc.predict(X[:, :5])
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        MCDropoutRegressor(perceptron(4)).fit(X)
    auto = MCDropoutRegressor(FrozenEstimator(mlp), noise_variance="auto")
    with pytest.raises(ValueError, match="noise_variance='auto' requires y"):
        auto.fit(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        auto.fit(X, Y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        auto.fit(X[:3], [1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="no hidden layer"):
        around(perceptron().fit(X[FIT], Y[FIT]))
    with pytest.raises(NotFittedError):
        around(perceptron(4))
    with pytest.raises(ValueError, match="n_splits=9"):
        MCDropoutRegressor(perceptron(4), noise_variance="auto", cv=9).fit(X[:5], Y[:5])
    with pytest.raises(ValueError, match="must hold a network"):
        MCDropoutClassifier(perceptron(4)).fit(X[FIT], np.sign(Y[FIT]))


def test_answers_that_are_no_numbers(mlp):
    broken = pickle.loads(pickle.dumps(mlp))
    broken.coefs_[0][3] = 1e200
    broken.coefs_[1][:] = 1e200
    broken.coefs_[2][:] = 1.0
    rows = np.where(np.arange(10) == 3, X[:8], 0.0)
    rows[:5] = 0
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match=r"A draw has NaN or infinite values in \d of 8 rows"),
    ):
        MCDropoutRegressor(FrozenEstimator(broken)).fit(rows).predict(rows)
