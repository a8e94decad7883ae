"""Ensembles of regressors: mixtures of normal distributions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.neural_network import MLPRegressor
from sklearn.tree import DecisionTreeRegressor

from skcalib.uncertainty import DeepEnsembleRegressor
from skcalib.uncertainty._normal_mixtures import mixture_quantiles

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = X[:, 0] - X[:, 1] ** 2 + RNG.normal(0, 0.3, 120)
TRAIN, TEST = slice(0, 80), slice(80, None)
MLP = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=15)


def test_the_mixture_of_members_that_say_their_variance():
    fitted = DeepEnsembleRegressor(BayesianRidge(), n_members=4, bootstrap=True, random_state=0)
    result = fitted.fit(X[TRAIN], Y[TRAIN]).predict_uncertainty(X[TEST], interval=0.8)
    means, stds = zip(*[m.predict(X[TEST], return_std=True) for m in fitted.members_])  # noqa: B905
    means, stds = np.array(means), np.array(stds)
    assert_allclose(result.mean, means.mean(axis=0), rtol=1e-12)
    assert_allclose(result.epistemic_std, means.std(axis=0, ddof=1), rtol=1e-12)
    assert_allclose(result.noise_std**2, (stds**2).mean(axis=0), rtol=1e-12)
    assert_allclose(result.std**2, result.epistemic_std**2 + result.noise_std**2, rtol=1e-12)
    mean, std = fitted.predict(X[TEST], return_std=True)
    assert_array_equal(mean, result.mean)
    assert_array_equal(std, result.std)
    for row in range(5):
        for share, found in ((0.1, result.low[row]), (0.9, result.high[row])):

            def excess(q, i=row, s=share):
                return norm.cdf(q, means[:, i], stds[:, i]).mean() - s

            assert_allclose(found, brentq(excess, -50, 50, xtol=1e-12), atol=1e-9)


def test_quantiles_of_mixtures_whose_parts_differ():
    draws, variance = RNG.normal(size=(5, 7)), RNG.gamma(1, size=(5, 7)) + 1e-4
    low, high = mixture_quantiles(draws, variance, (0.05, 0.95))
    for found, share in ((low, 0.05), (high, 0.95)):
        assert_allclose(norm.cdf(found, draws, variance**0.5).mean(axis=0), share, atol=1e-9)
    same = list(mixture_quantiles(draws, np.full((5, 7), 0.3), (0.2,)))
    assert_allclose(same, list(mixture_quantiles(draws, 0.3, (0.2,))), atol=1e-9)


def test_members_are_the_regressor_by_other_seeds():
    fitted = DeepEnsembleRegressor(MLP, n_members=3, noise_variance=0.04, random_state=0)
    fitted.fit(X[TRAIN], Y[TRAIN])
    draws = fitted.sample(X[TEST])
    for member, draw in zip(fitted.members_, draws, strict=True):
        twin = clone(MLP).set_params(random_state=member.random_state).fit(X[TRAIN], Y[TRAIN])
        assert_array_equal(twin.predict(X[TEST]), draw)
    assert draws.std(axis=0).min() > 0
    result = fitted.predict_uncertainty(X[TEST])
    assert_allclose(result.std**2, draws.var(axis=0, ddof=1) + 0.04, rtol=1e-9)
    assert_array_equal(result.noise_std, 0.2)
    assert fitted.noise_variance_ == 0.04


class Distribution(LinearRegression):
    """Says its distribution as NGBoost does."""

    def pred_dist(self, X):
        return norm(self.predict(X), 0.7)


def test_members_that_say_a_distribution():
    fitted = DeepEnsembleRegressor(Distribution(), n_members=3, bootstrap=True, random_state=0)
    result = fitted.fit(X, Y).predict_uncertainty(X)
    assert_allclose(result.noise_std, 0.7, rtol=1e-12)
    assert_allclose(result.mean, fitted.predict(X), rtol=1e-12)


def test_several_targets_weights_and_a_warm_start():
    both = np.stack([Y, -Y], axis=1)
    trees = DecisionTreeRegressor(max_depth=3, max_features=1)
    ensemble = DeepEnsembleRegressor(trees, n_members=2, random_state=0, warm_start=True)
    ensemble.fit(X, both, sample_weight=np.ones(120))
    assert ensemble.predict(X).shape == (120, 2)
    assert ensemble.predict_uncertainty(X).low.shape == (120, 2)
    first = ensemble.members_[0]
    ensemble.set_params(n_members=4).fit(X, both)
    assert ensemble.members_[0] is first
    whole = DeepEnsembleRegressor(trees, n_members=4, random_state=0).fit(X, both)
    assert_array_equal(ensemble.sample(X), whole.sample(X))


class Failing(DecisionTreeRegressor):
    """Fails, or is interrupted, in the second of all trainings."""

    error, log = None, ()

    def fit(self, X, y):
        self.log.append(0)
        if len(self.log) == 2:
            raise self.error
        return super().fit(X, y)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no")])
def test_what_is_trained_is_not_lost(error, monkeypatch):
    trees = DecisionTreeRegressor(max_depth=3, max_features=1)
    expected = DeepEnsembleRegressor(trees, n_members=4, random_state=0).fit(X, Y).sample(X)
    monkeypatch.setattr(Failing, "error", error)
    monkeypatch.setattr(Failing, "log", [])
    broken = DeepEnsembleRegressor(
        Failing(max_depth=3, max_features=1), n_members=4, random_state=0
    )
    with pytest.raises(type(error)) as caught:
        broken.fit(X, Y)
    kept = [0] if isinstance(error, KeyboardInterrupt) else [0, 2, 3]
    assert_array_equal(broken.sample(X), expected[kept])
    if len(kept) == 3:
        assert (
            "members number 1 of 0 to 3 of DeepEnsembleRegressor" in caught.value.__notes__[0]
        )
    broken.set_params(warm_start=True).fit(X, Y)
    assert_array_equal(broken.sample(X), expected)
    assert len(Failing.log) == 5  # the one that failed, again


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_members": 0}, "'n_members' parameter"),
        ({"noise_variance": -1}, "'noise_variance' parameter .* got -1"),
        ({"noise_variance": "auto"}, "'noise_variance' parameter"),
        ({"bootstrap": 1}, "'bootstrap' parameter"),
        ({"estimator": LogisticRegression()}, "must be a regressor"),
        ({"estimator": LinearRegression}, "must be a regressor"),
        ({"estimator": FrozenEstimator(LinearRegression())}, "is trained already"),
    ],
)
def test_misuse(parameters, message):
    with pytest.raises(ValueError, match=message):
        DeepEnsembleRegressor(**parameters).fit(X, Y)
    with pytest.raises(NotFittedError):
        DeepEnsembleRegressor(RandomForestRegressor()).predict(X)


def test_members_that_cannot_differ_are_warned_of():
    with pytest.warns(UserWarning, match="nothing in the training of LinearRegression"):
        DeepEnsembleRegressor(LinearRegression()).fit(X, Y)


@pytest.mark.slow
def test_a_network_with_a_variance_output_learns_where_the_noise_is():
    keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")
    from skcalib.uncertainty import GaussianLoss

    def build(loss=None):
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(2)]
        )
        model.compile(keras.optimizers.Adam(0.02), loss or GaussianLoss())
        return model

    x = RNG.uniform(-1, 1, (1000, 1)).astype(np.float32)
    noise = np.where(x[:, 0] > 0, 0.5, 0.1)
    y = np.sin(3 * x[:, 0]) + noise * RNG.normal(size=1000)
    ensemble = DeepEnsembleRegressor(build, n_members=3, random_state=0)
    ensemble.fit(x[:600], y[:600], epochs=40, batch_size=64)
    result = ensemble.predict_uncertainty(x[600:])
    right = x[600:, 0] > 0.2
    left = x[600:, 0] < -0.2
    assert 0.4 < np.median(result.noise_std[right]) < 0.65
    assert 0.06 < np.median(result.noise_std[left]) < 0.2
    covered = (result.low < y[600:]) & (y[600:] < result.high)
    assert 0.84 < covered.mean() < 0.96  # 400 rows: 4 standard errors are .06
    outputs = ensemble.members_[0].model_.predict(x[:5], verbose=0)
    variance = np.logaddexp(0, outputs[:, 1]) + 1e-6
    expected = 0.5 * (np.log(variance) + (y[:5] - outputs[:, 0]) ** 2 / variance)
    loss = keras.ops.convert_to_numpy(GaussianLoss(reduction=None)(y[:5, None], outputs))
    assert_allclose(loss, expected, rtol=1e-4)
    plain = DeepEnsembleRegressor(lambda: build("mse"), n_members=2, random_state=0)
    plain.fit(x[:100], np.stack([y[:100]] * 2, axis=1))
    assert plain.predict(x).shape == (1000, 2)
    with pytest.raises(ValueError, match="compile it with GaussianLoss"):
        plain.members_[0].predict(x, return_std=True)
