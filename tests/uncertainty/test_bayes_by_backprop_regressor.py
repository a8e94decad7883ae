"""Bayes by Backprop as a regressor, on whichever library Keras runs on."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")

from skcalib.uncertainty import BayesByBackpropRegressor  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = 50 + 10 * (X[:, 0] - np.tanh(X[:, 1])) + RNG.normal(0, 3, 60)
TWO = np.stack([Y, X[:, 2] + RNG.normal(0, 0.1, 60)], axis=1)
QUICK = {
    "noise_variance": 9.0,
    "kl_weight": 0.1,
    "max_iter": 2,
    "n_draws": 4,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def bayes():
    return BayesByBackpropRegressor((5,), **QUICK).fit(X, Y)


def drawn(posteriors, seed, number):
    """Return kernels and biases of one draw, written independently."""
    rng = np.random.default_rng([seed, number])
    return [m + s * rng.standard_normal(m.shape, np.float32) for m, s in posteriors]


def log_density(y, draws, noise):
    """Return log p(y | x) of the equal mixture of normal distributions around draws."""
    return logsumexp(norm.logpdf(y, draws, np.sqrt(noise)), axis=0) - np.log(len(draws))


def test_draws_are_networks_in_units_of_the_target(bayes):
    expected = []
    for number in range(4):
        k0, b0, k1, b1 = drawn(bayes.posteriors_, bayes.seed_, number)
        z = np.maximum(X @ k0 + b0, 0) @ k1 + b1
        expected.append(Y.mean() + Y.std() * z[:, 0])
    assert_allclose(bayes.sample(X), expected, rtol=1e-6)
    mean, std = bayes.predict(X, return_std=True)
    assert_allclose(mean, np.mean(expected, axis=0), rtol=1e-6)
    assert_allclose(std**2, np.var(expected, axis=0, ddof=1) + 9, rtol=1e-6)
    result = bayes.predict_uncertainty(X, interval=0.8)
    for end, share in ((result.low, 0.1), (result.high, 0.9)):
        assert_allclose(norm.cdf(end, expected, 3).mean(axis=0), share, atol=1e-6)
    assert bayes.noise_variance_ == 9


def test_the_means_of_the_weights_answer_in_mean_mode(bayes):
    answer = keras.ops.convert_to_numpy(bayes.model_(X.astype(np.float32)))[:, 0]
    means = deepcopy(bayes).set_params(mean_mode=True)
    mean, std = means.predict(X, return_std=True)
    assert_allclose(mean, Y.mean() + Y.std() * answer, rtol=1e-5)
    assert_array_equal(means.predict(X), mean)
    assert_array_equal(std, bayes.predict(X, return_std=True)[1])
    assert np.abs(mean - bayes.predict(X)).max() > 1e-3


def test_copies_answer_alike_and_pruned_ones_differ(bayes):
    expected = bayes.predict(X)
    assert_array_equal(pickle.loads(pickle.dumps(bayes)).predict(X), expected)
    pruned = bayes.prune(0.5)
    gone = np.concatenate([spread.ravel() for _, spread in pruned.posteriors_]) == 0
    assert gone.sum() == len(gone) // 2
    assert np.abs(pruned.predict(X) - expected).max() > 1e-3
    assert pruned.noise_variance_ == 9
    assert_array_equal(bayes.predict(X), expected)
    with pytest.raises(NotFittedError):
        clone(bayes).predict(X)


@pytest.mark.slow
@pytest.mark.parametrize("n_targets", [1, 2])
def test_a_linear_model_has_the_mean_field_posterior_of_the_closed_form(n_targets):
    rng, noise, prior = np.random.default_rng(0), 4.0, 0.7
    A = rng.normal(size=(40, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    B = A @ [[3.0, 20.0], [-2.0, 5.0]] + [10.0, 0.0] + rng.normal(0, 2, (40, 2))
    B = B[:, :n_targets]
    # Rows a hundred times, with a hundredth of the weight: 100 steps in an epoch.
    many = np.tile(A, (100, 1)), np.tile(B, (100, 1)), np.full(4000, 0.01)
    options = {"prior": "gaussian", "prior_scale": prior, "estimator": "local"}
    bayes = BayesByBackpropRegressor(
        (), noise_variance=noise, kl_weight=1.0, warm_start=True, random_state=0, n_draws=1000,
        batch_size=40, max_iter=8, learning_rate_init=0.02, **options,
    )  # fmt: skip
    for rate in (0.02, 0.004, 0.0005):
        bayes.set_params(learning_rate_init=rate).fit(*many)
    # With scaled targets: z = (y - mean) / scale has the noise variance noise / scale^2.
    size = np.sqrt(B.var(axis=0).mean())
    Z, D = (B - B.mean(axis=0)) / size, np.column_stack([A, np.ones(40)])
    precision = D.T @ D * size**2 / noise + np.eye(3) / prior**2
    mean = np.linalg.solve(precision, D.T @ Z * size**2 / noise)
    deviation = np.diag(precision) ** -0.5
    (kernel, kernel_std), (bias, bias_std) = bayes.posteriors_
    found = np.vstack([kernel, bias])
    assert np.abs((found - mean) / deviation[:, None]).max() < 0.3
    assert_allclose(np.vstack([kernel_std, bias_std]), deviation[:, None] + 0 * mean, rtol=0.1)
    # What follows for predictions, also far from the rows.
    E = np.array([[0.5, -0.5], [4.0, 4.0], [-6.0, 3.0]])
    F = np.column_stack([E, np.ones(3)])
    result = bayes.predict_uncertainty(E)
    epistemic = size * np.sqrt(F**2 @ deviation**2)
    shape = (3, n_targets)
    spread = np.broadcast_to(epistemic[:, None], shape)
    middle = result.mean.reshape(shape) - (B.mean(axis=0) + size * (F @ mean))
    assert np.abs(middle / spread).max() < 0.3
    # Of 1,000 draws a standard deviation is off by 2 %.
    assert_allclose(result.epistemic_std.reshape(shape), spread, rtol=0.15)
    assert_allclose(result.std.reshape(shape), np.sqrt(spread**2 + noise), rtol=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("kl_weight", [0.1, "held_out"])
def test_noise_and_log_loss_are_those_of_held_out_rows(kl_weight):
    bayes = BayesByBackpropRegressor(
        (8,), kl_weight=kl_weight, early_stopping=True, validation_fraction=0.4, max_iter=15,
        learning_rate_init=0.05, n_iter_no_change=3, n_draws=6, random_state=0,
    )  # fmt: skip
    weight = RNG.uniform(0.5, 2, 60)
    bayes.fit(X, Y, sample_weight=weight)
    _, held = train_test_split(np.arange(60), test_size=24, random_state=bayes.seed_)
    draws = bayes.sample(X[held])

    def loss(log_noise):
        densities = log_density(Y[held], draws, np.exp(log_noise))
        return -np.average(densities, weights=weight[held])

    best = minimize_scalar(loss, bounds=(-5, 10), method="bounded", options={"xatol": 1e-8})
    assert bayes.noise_variance_ == pytest.approx(np.exp(best.x), rel=1e-4)
    if kl_weight == "held_out":
        assert set(bayes.held_out_log_loss_) == {1.0, 0.1, 0.01}
        least = min(bayes.held_out_log_loss_, key=bayes.held_out_log_loss_.get)
        assert bayes.kl_weight_ == least
        assert bayes.held_out_log_loss_[least] == pytest.approx(best.fun, abs=1e-6)
    else:
        assert not hasattr(bayes, "held_out_log_loss_")
    assert len(bayes.history_["val_loss"]) == bayes.n_iter_ <= 15


@pytest.mark.slow
def test_the_divergence_counts_by_the_noise_of_the_epoch_before():
    options = {"prior": "gaussian", "estimator": "local", "max_iter": 3}
    bayes = BayesByBackpropRegressor((), **{**QUICK, **options, "noise_variance": "auto"})
    bayes.set_params(learning_rate_init=0.05, kl_weight=0.5).fit(X, TWO)
    residuals = bayes.history_["squared_residual"]
    layer = bayes.model_.layers[0]
    # 2 c v / k, which was set before the third epoch.
    expected = 2 * 0.5 * residuals[1] / 2
    assert float(keras.ops.convert_to_numpy(layer.kl_weight)) == pytest.approx(expected)
    assert float(keras.ops.convert_to_numpy(layer.n_rows)) == 60  # trained again on all
    assert bayes.noise_variance_.shape == (2,)
    assert bayes.noise_variance_[0] > 20 * bayes.noise_variance_[1]  # in units of each


@pytest.mark.slow
def test_weights_count_rows():
    # One batch, one draw for all of it: gradients are sums over rows.
    weight = RNG.integers(0, 3, 60)
    options = {**QUICK, "estimator": "shared", "batch_size": 1000, "max_iter": 3}
    bayes = BayesByBackpropRegressor((4,), **options)
    weighted = clone(bayes).fit(X, Y, sample_weight=weight)
    repeated = clone(bayes).fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight))
    for mine, other in zip(weighted.posteriors_, repeated.posteriors_, strict=True):
        assert_allclose(mine[0], other[0], atol=1e-4)
        assert_allclose(mine[1], other[1], rtol=1e-3)
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-4)
    layer = weighted.model_.layers[0]
    assert float(keras.ops.convert_to_numpy(layer.n_rows)) == weight.sum()


@pytest.mark.slow
def test_other_units_of_the_target_change_units_only(bayes):
    other = clone(bayes).set_params(noise_variance=9e-6).fit(X, (Y - 7) / 1000)
    assert_allclose(other.predict(X) * 1000 + 7, bayes.predict(X), rtol=1e-3)


def build_network(n_outputs, last=None):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(6, "tanh")(inputs)
    return keras.Model(inputs, keras.layers.Dense(n_outputs, last)(hidden))


@pytest.mark.slow
@pytest.mark.parametrize("target", [Y / 10, TWO / 10])
def test_a_network_goes_on_from_its_weights_in_units_of_its_own(target):
    model = build_network(1 if target.ndim == 1 else 2)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    model.fit(X, target, epochs=30, verbose=0)
    plain = model.predict(X, verbose=0)
    bayes = BayesByBackpropRegressor.from_network(
        model, **{**QUICK, "noise_variance": "auto", "learning_rate_init": 1e-4}
    ).fit(X, target)
    assert bayes.predict(X).shape == target.shape
    assert_allclose(bayes.predict(X), plain.reshape(target.shape), atol=0.5)
    draws = bayes.sample(X).reshape(4, 60, -1)
    k0, b0, k1, b1 = drawn(bayes.posteriors_, bayes.seed_, 3)
    assert_allclose(draws[3], np.tanh(X @ k0 + b0) @ k1 + b1, rtol=1e-4, atol=1e-4)
    assert_array_equal(model.predict(X, verbose=0), plain)
    bayes.set_params(warm_start=True).fit(X, target)
    assert_allclose(bayes.predict(X), plain.reshape(target.shape), atol=0.5)


@pytest.mark.slow
def test_a_training_goes_on_with_warm_start(bayes):
    again = clone(bayes).set_params(warm_start=True).fit(X, Y)
    first = again.predict(X)
    again.set_params(learning_rate_init=1e-6).fit(X, Y + 1000)  # the scale is that of before
    assert_allclose(again.predict(X), first, atol=0.1)
    with pytest.raises(ValueError, match="goes on with 1 targets, but y has 2"):
        again.fit(X, TWO)


@pytest.mark.slow
def test_intervals_hold_diabetes_about_as_often_as_they_say():
    A, b = load_diabetes(return_X_y=True)
    A, A_new, b, b_new = train_test_split(scale(A), b, test_size=142, random_state=0)
    bayes = BayesByBackpropRegressor(
        (16,), kl_weight=1.0, validation_fraction=0.4, max_iter=40, batch_size=32,
        learning_rate_init=0.005, random_state=0,
    ).fit(A, b)  # fmt: skip
    result = bayes.predict_uncertainty(A_new, interval=0.9)
    covered = ((result.low < b_new) & (b_new < result.high)).mean()
    assert 0.8 < covered < 0.97  # of 142
    ours = -log_density(b_new, bayes.sample(A_new), bayes.noise_variance_).mean()
    ridge = BayesianRidge().fit(A, b)
    theirs = -norm.logpdf(b_new, *ridge.predict(A_new, return_std=True)).mean()
    # A linear model is about the best here; the spread of b alone gives 5.75.
    assert ours < theirs + 0.1
    assert bayes.score(A_new, b_new) > 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_variance": "held_out"}, "noise_variance must be 'auto' or a positive number"),
        ({"noise_variance": 0}, "noise_variance"),
        ({"noise_variance": None}, "noise_variance"),
        ({"noise_variance": np.inf}, "noise_variance"),
        ({"kl_weight": "best"}, "kl_weight"),
        ({"kl_warmup": 1.5}, r"kl_warmup must be a number in \[0, 1\]"),
        ({"kl_warmup": True}, "kl_warmup"),
        ({"hidden_layer_sizes": 128}, "hidden_layer_sizes must be a tuple"),
        ({"mean_mode": "yes"}, "mean_mode"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        BayesByBackpropRegressor(**options).fit(X, Y)


def test_targets_and_networks_that_do_not_fit_are_refused():
    refused = BayesByBackpropRegressor.from_network
    with pytest.raises(ValueError, match="y has 2 targets, but the network has 1"):
        refused(build_network(1), **QUICK).fit(X, TWO)
    model = build_network(1)
    model.compile("adam", "mae")
    with pytest.raises(ValueError, match="compiled with the loss 'mae'"):
        refused(model, **QUICK).fit(X, Y)
    with pytest.raises(ValueError, match="Use BayesByBackpropClassifier"):
        refused(build_network(2, "softmax"), **QUICK).fit(X, TWO)
    made = BayesByBackpropRegressor((), **QUICK)
    with pytest.raises(ValueError, match="requires y to be passed"):
        made.fit(X, None)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        made.fit(X, np.where(Y > 50, np.nan, Y))
    with pytest.raises(ValueError, match="need at least 10"):
        BayesByBackpropRegressor((), kl_weight=1.0).fit(X[:9], Y[:9])


@pytest.mark.parametrize("size", [1e-200, 1e200, 1e308])
def test_targets_whose_squares_are_no_numbers_are_refused(size):
    X = np.linspace(-1, 1, 20)[:, None]
    with pytest.raises(ValueError, match=r"(?s)y differs from its mean by .*Divide y"):
        BayesByBackpropRegressor((2,), max_iter=1).fit(X, X[:, 0] * size)


def test_features_beyond_single_precision_are_refused():
    X = np.linspace(-1, 1, 20)[:, None]
    few = {"max_iter": 1, "kl_weight": 1.0, "noise_variance": 1.0, "random_state": 0}
    with pytest.raises(ValueError, match="too large for dtype"):
        BayesByBackpropRegressor((2,), **few).fit(X * 1e39, X[:, 0])
    model = BayesByBackpropRegressor((2,), **few).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="too large for dtype"):
        model.predict(X * 1e39)
