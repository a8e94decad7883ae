"""n_draws="exact": closed forms of the moments, many ordinary draws, and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import expit
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from support.networks import BACKEND, NAMES, X_TWO, Y_TWO, X, Y, digits_model, trained

from skcalib import FrozenNetwork, MCDropoutClassifier
from skcalib.sampling import _gaussian_logits

pytestmark = [
    pytest.mark.skipif(BACKEND != "tensorflow", reason="draws run on TensorFlow"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
FIT, TEST = slice(0, 600), slice(1200, 1500)


@pytest.fixture(autouse=True)
def same_start():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    hidden = [layers.Dense(128, "relu"), layers.Dropout(0.5)]
    return trained(keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(10, "softmax")]))


@pytest.fixture(scope="module")
def mlp():
    return MLPClassifier((128,), max_iter=60, random_state=0).fit(X[FIT].astype(float), Y[FIT])


def exact(estimator, **parameters):
    return MCDropoutClassifier(estimator, n_draws="exact", random_state=0, **parameters)


def moments(hidden, kernel, bias, rate):
    mean = hidden @ kernel + bias
    terms = np.einsum("nj,jk,jl->nkl", hidden**2, kernel, kernel)
    return mean, rate / (1 - rate) * terms


def assert_moments(draws, mean, covariance, rtol):
    """Compare differences of log-probabilities, which are those of the logits."""
    logits = np.log(draws.astype(float))
    logits = (logits - logits[..., :1])[..., 1:]
    np.testing.assert_allclose(logits.mean(axis=0), mean[:, 1:] - mean[:, :1], rtol=rtol)
    change = np.eye(mean.shape[1])[1:] - np.eye(mean.shape[1])[0]
    expected = change @ covariance @ change.T
    for row, right in enumerate(expected):
        found = np.cov(logits[:, row].T, ddof=0)
        np.testing.assert_allclose(found, right, atol=rtol * np.abs(right).max())


@pytest.mark.parametrize("kind", [layers.Dropout, layers.GaussianDropout])
def test_moments_of_logits_in_keras(kind):
    output = layers.Dense(10, "softmax", bias_initializer="normal")
    hidden = layers.Dense(32, "relu")
    network = keras.Sequential([keras.Input((64,)), hidden, kind(0.3), output])
    draws = exact(network).fit(X).sample_proba(X[:20])
    assert draws.shape == (64, 20, 10)
    values = np.maximum(X[:20] @ hidden.kernel.numpy(), 0).astype(float)
    kernel, bias = (weights.astype(float) for weights in output.get_weights())
    assert_moments(draws, *moments(values, kernel, bias, 0.3), rtol=2e-4)


@pytest.mark.parametrize("rate", [None, 0.4])
def test_moments_of_logits_in_a_perceptron(mlp, rate):
    mc = exact(FrozenEstimator(mlp), rate=rate).fit(X, Y)
    rows = X[:20].astype(float)
    hidden = np.maximum(rows @ mlp.coefs_[0] + mlp.intercepts_[0], 0)
    known = moments(hidden, mlp.coefs_[1], mlp.intercepts_[1], 0.1 if rate is None else rate)
    assert_moments(mc.sample_proba(rows), *known, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["keras", "perceptron"])
def test_agrees_with_many_draws(model, mlp, backend):
    """Root mean squares of the errors, measured in Keras and in the perceptron.

    mean .0021, .0025; std .011, .010; low .014, .017; high .016, .026; aleatoric .009, .014;
    epistemic .016, .015. All are smaller than those of 64 ordinary draws.
    """
    network = model if backend == "keras" else FrozenEstimator(mlp)
    mc = exact(network, rate=0.5).fit(X, Y)
    result = mc.predict_uncertainty(X[TEST])
    many = mc.set_params(n_draws=20_000).predict_uncertainty(X[TEST])
    few = mc.set_params(n_draws=64).predict_uncertainty(X[TEST])
    bounds = {
        "mean": 0.004,
        "std": 0.015,
        "low": 0.02,
        "high": 0.03,
        "aleatoric": 0.015,
        "epistemic": 0.02,
    }
    for name, bound in bounds.items():
        error, of_few = (np.sqrt(np.mean((r[name] - many[name]) ** 2)) for r in (result, few))
        assert error < bound, name
        assert error < of_few, name
    assert np.corrcoef(result.epistemic, many.epistemic)[0, 1] > 0.98


def test_rate_zero_is_the_network(model, mlp):
    proba = exact(model, rate=0.0).fit(X).predict_proba(X[TEST])
    np.testing.assert_allclose(proba, model.predict(X[TEST], verbose=0), atol=1e-6)
    mc = exact(FrozenEstimator(mlp), rate=0.0).fit(X, Y)
    expected = mlp.predict_proba(X[TEST])
    np.testing.assert_allclose(mc.predict_proba(X[TEST]), expected, atol=1e-12)
    assert mc.predict_uncertainty(X[TEST]).std.max() < 1e-12


def test_levels_are_the_single_rates(model, mlp):
    for network in (model, FrozenEstimator(mlp)):
        mc = exact(network, rate=[0.0, 0.2, 0.6]).fit(X, Y)
        levels = mc.predict_uncertainty(X[TEST])
        width = (levels.high - levels.low).mean(axis=(1, 2))
        assert (np.diff(width) > 0.01).all()
        draws = mc.sample_proba(X[TEST])
        assert draws.shape == (3, 64, 300, 10)
        one = mc.set_params(rate=0.2).sample_proba(X[TEST])
        np.testing.assert_array_equal(one, draws[1])


@pytest.mark.parametrize("backend", ["keras", "perceptron"])
def test_two_classes_are_an_integral_over_one_logit(backend):
    """Root mean squares, measured: .0006 (mean) and .003 (standard deviation) at most."""
    if backend == "keras":
        output = layers.Dense(1, "sigmoid")
        hidden = [layers.Dense(16, "relu"), layers.Dropout(0.4)]
        network = keras.Sequential([keras.Input((30,)), *hidden, output])
        values, (kernel, bias) = hidden[0](X_TWO).numpy(), output.get_weights()
    else:
        network = MLPClassifier((16,), max_iter=20, random_state=0).fit(X_TWO, Y_TWO)
        values = np.maximum(X_TWO @ network.coefs_[0] + network.intercepts_[0], 0)
        kernel, bias = network.coefs_[1], network.intercepts_[1]
        network = FrozenEstimator(network)
    result = exact(network, rate=0.4).fit(X_TWO, Y_TWO).predict_uncertainty(X_TWO)
    mean, variance = moments(values.astype(float), kernel.astype(float), bias, 0.4)
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    points = expit(mean + np.sqrt(variance[:, 0]) * nodes)
    weights = weights / weights.sum()
    expected = points @ weights
    spread = np.sqrt((points - expected[:, None]) ** 2 @ weights)
    for found, right, bound in ((result.mean, expected, 0.001), (result.std, spread, 0.004)):
        error = np.sqrt(np.mean((found[:, 1] - right) ** 2))
        assert error < bound
    assert spread.max() > 0.1


def test_neither_batches_nor_order_nor_kinds_of_masks_matter(model, mlp):
    for network, atol in ((model, 1e-5), (FrozenEstimator(mlp), 1e-9)):
        mc = exact(network).fit(X, Y)
        draws = mc.sample_proba(X[TEST])
        np.testing.assert_array_equal(mc.sample_proba(X[TEST]), draws)
        np.testing.assert_allclose(mc.sample_proba(X[TEST][::-1])[:, ::-1], draws, atol=atol)
        np.testing.assert_allclose(mc.sample_proba(X[1200:1201]), draws[:, :1], atol=atol)
        mc.set_params(batch_size=7, masks="independent")
        np.testing.assert_allclose(mc.sample_proba(X[TEST]), draws, atol=atol)
        other = mc.set_params(random_state=1).fit(X, Y).sample_proba(X[TEST])
        assert np.abs(other - draws).max() > 0.01


def test_large_layers_are_taken_piece_by_piece(mlp, monkeypatch):
    mc = exact(FrozenEstimator(mlp)).fit(X, Y)
    draws = mc.sample_proba(X[TEST])
    monkeypatch.setattr(_gaussian_logits, "HELD", 1000)
    np.testing.assert_allclose(mc.sample_proba(X[TEST]), draws, atol=1e-9)


def flattened(x):
    x = layers.Dropout(0.3)(layers.Reshape((8, 8, 1))(x))
    return layers.Dense(10, "softmax")(layers.Dropout(0.0)(layers.Flatten()(x)))


def softmax_layer(x):
    return layers.Softmax()(layers.Dropout(0.0)(layers.Dense(10)(layers.Dropout(0.3)(x))))


def activation_layer(x):
    return layers.Activation("sigmoid")(layers.Dense(10)(layers.Dropout(0.3)(x)))


def operation(x):
    return keras.ops.softmax(layers.Dense(10)(layers.Dropout(0.3)(x)) / 2)


def few_features(x):
    x = layers.Dropout(0.3)(layers.Dense(4, "tanh")(x))
    return layers.Dense(10, "log_softmax", use_bias=False)(x)


ENDINGS = [
    flattened,
    operation,
    *[
        pytest.param(net, marks=pytest.mark.slow)
        for net in (softmax_layer, activation_layer, few_features)
    ],
]


@pytest.mark.parametrize("build", ENDINGS)
def test_every_ending_agrees_with_draws(build):
    given = keras.Input((64,))
    network = keras.Model(given, build(given))
    if build is activation_layer:  # ten sigmoids, of which each sample has one
        network = FrozenNetwork(network, multilabel=False)
    mc = exact(network).fit(X)
    result = mc.predict_uncertainty(X[TEST])
    many = mc.set_params(n_draws=5000).predict_uncertainty(X[TEST])
    assert many.std.mean() > 0.004
    np.testing.assert_allclose(result.mean, many.mean, atol=0.012)
    np.testing.assert_allclose(result.std, many.std, atol=0.015)
    plain = mc.estimator_.predict_proba(X[TEST])
    mc.set_params(rate=0.0, n_draws="exact")
    if build not in (flattened, softmax_layer):  # there a rate turns on another dropout
        np.testing.assert_allclose(mc.predict_proba(X[TEST]), plain, atol=1e-5)


def test_dropout_that_is_put_in(mlp):
    plain = keras.Sequential([keras.Input((64,)), layers.Dense(128, "relu"), layers.Dense(10)])
    plain.add(layers.Softmax())
    plain.set_weights(
        [w for pair in zip(mlp.coefs_, mlp.intercepts_, strict=True) for w in pair]
    )
    expected = exact(FrozenEstimator(mlp), inject="last", rate=0.3).fit(X, Y)
    expected = expected.sample_proba(X[TEST])
    for inject in ("last", "hidden"):
        draws = exact(plain, inject=inject, rate=0.3).fit(X).sample_proba(X[TEST])
        np.testing.assert_allclose(draws, expected, atol=1e-5)


def test_rows_that_nothing_can_move_and_rows_of_nan():
    network = keras.Sequential(
        [keras.Input((64,)), layers.Dropout(0.5), layers.Dense(10, "softmax")]
    )
    mc = exact(network).fit(X)
    rows = np.concatenate([X[:3], np.zeros((1, 64), np.float32), X[3:4] * 1e-18])
    result = mc.predict_uncertainty(rows)
    assert (result.std[:3] > 1e-3).any(axis=1).all()
    np.testing.assert_allclose(result.mean[3:], 0.1, atol=1e-7)
    np.testing.assert_allclose(result.std[3:], 0, atol=1e-7)
    for value in (np.nan, np.inf):
        rows[1, 5:7] = value
        with pytest.raises(ValueError, match=r"A draw.*NaN"):
            mc.predict_proba(rows)


def test_there_is_no_standard_error_and_the_cost_is_small(model, mlp, capsys):
    mc = exact(model, verbose=1).fit(X)
    assert "about 2.4 times as long" in capsys.readouterr().out
    mc.set_params(verbose=0)
    result = mc.predict_uncertainty(X[TEST], measures=["standard_error", "std"])
    assert np.isnan(result.standard_error).all()
    assert (result.std > 0).any()
    assert mc.forecast_cost().share == 0
    mc.set_params(n_draws=50)
    assert np.isfinite(mc.predict_uncertainty(X[TEST]).standard_error).all()
    images = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(64, 3), layers.Conv2D(64, 3), layers.Flatten()]
    )
    for layer in (layers.Dense(128, "relu"), layers.Dropout(0.5), layers.Dense(10, "softmax")):
        images.add(layer)
    mc = exact(images).fit(X.reshape(-1, 8, 8, 1))
    assert 1 < mc.forecast_cost().ratio < 1.05
    deep = MCDropoutClassifier(mlp).fit(X[FIT], Y[FIT])
    deep.set_params(estimator__hidden_layer_sizes=(8, 8)).fit(X[FIT], Y[FIT])
    assert np.isnan(deep.set_params(n_draws="exact").forecast_cost().ratio)


def test_a_network_that_is_trained_and_named():
    mc = exact(MLPClassifier((32,), max_iter=60, random_state=0)).fit(X[FIT], NAMES[FIT])
    assert mc.score(X[TEST], NAMES[TEST]) > 0.85
    assert set(mc.predict_uncertainty(X[TEST]).likeliest.ravel()) <= set(mc.classes_)


def two_dropouts(x):
    x = layers.Dense(8, "relu")(layers.Dropout(0.5)(x))
    return layers.Dense(10, "softmax")(layers.Dropout(0.5)(x))


def alpha(x):
    return layers.Dense(10, "softmax")(layers.AlphaDropout(0.5)(x))


def all_or_nothing(x):
    return layers.Dense(10, "softmax")(layers.Dropout(0.5, noise_shape=(None, 1))(x))


def spatial(x):
    x = layers.SpatialDropout1D(0.5)(layers.Reshape((8, 8))(x))
    return layers.Dense(10, "softmax")(layers.Flatten()(x))


def not_the_last(x):
    x = layers.Dense(8, "relu")(layers.Dropout(0.5)(x))
    return layers.Dense(10, "softmax")(x)


def activation_between(x):
    return layers.Dense(10, "softmax")(layers.ReLU(name="mine")(layers.Dropout(0.5)(x)))


def skip_connection(x):
    x = layers.Concatenate(name="both")([layers.Dropout(0.5)(x), x])
    return layers.Dense(10, "softmax")(x)


def skip_to_the_end(x):
    scores = layers.Add(name="sum")([layers.Dense(10)(layers.Dropout(0.5)(x)), x[:, :10]])
    return layers.Softmax()(scores)


def nothing_after(x):
    return layers.Softmax()(layers.Dropout(0.5)(layers.Dense(10)(x)))


def on_each_step(x):
    x = layers.Dense(10)(layers.Dropout(0.5)(layers.Reshape((8, 8))(x)))
    return layers.Softmax()(layers.GlobalAveragePooling1D()(x))


def many_classes(x):
    return layers.Dense(201, "softmax")(layers.Dropout(0.5)(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (two_dropouts, "has 2 random layers"),
        (alpha, "has an AlphaDropout"),
        (all_or_nothing, "several features share"),
        (spatial, "several features share"),
        (not_the_last, "after the dense layer"),
        (activation_between, "has 'mine' between"),
        (skip_connection, "has a way around its dropout, to 'both'"),
        (skip_to_the_end, "has a way around its dropout"),
        (nothing_after, "has no dense layer after its dropout"),
        (on_each_step, "has no dense layer after its dropout"),
        (many_classes, "at most 200 classes.*has 201"),
    ],
)
def test_networks_of_another_form(build, message):
    given = keras.Input((64,))
    network = keras.Model(given, build(given))
    with pytest.raises(ValueError, match=rf"n_draws='exact' needs.*{message}.*n_draws=50"):
        exact(network).fit(X)
    mc = MCDropoutClassifier(network).fit(X).set_params(n_draws="exact")
    with pytest.raises(ValueError, match=message):
        mc.predict_proba(X)


def test_a_deep_perceptron_is_told_where_to_put_its_dropout():
    mlp = MLPClassifier((8, 8), max_iter=5, random_state=0).fit(X[FIT], Y[FIT])
    with pytest.raises(ValueError, match="2 hidden layers; inject='last'"):
        exact(FrozenEstimator(mlp)).fit(X, Y)
    assert exact(FrozenEstimator(mlp), inject="last").fit(X, Y).predict_proba(X).shape[1] == 10


@pytest.mark.parametrize("value", ["Exact", "", 0, None, True, np.array([3, 4])])
def test_other_numbers_of_draws(model, value):
    with pytest.raises(ValueError, match=r"'n_draws' parameter.* at least 1 or 'exact'"):
        MCDropoutClassifier(model, n_draws=value).fit(X)


@pytest.mark.parametrize("n_dimensions", [1, 10, 63, 64, 200])
def test_points_have_the_moments_of_normal_numbers(n_dimensions):
    points = _gaussian_logits.normal_points(n_dimensions, seed=3)
    assert points.shape == (64, n_dimensions)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-12)
    spread = np.linalg.eigvalsh(points.T @ points / 64)[-63:]  # all of rank 63, if there are
    np.testing.assert_allclose(spread, max(1, n_dimensions / 63), rtol=1e-9)
    assert np.abs(points - _gaussian_logits.normal_points(n_dimensions, seed=4)).max() > 0.1


@pytest.mark.slow
def test_digits_with_batch_normalisation_and_few_units():
    network = trained(digits_model(hidden=32))
    mc = exact(network).fit(X)
    assert mc.score(X[TEST], Y[TEST]) > 0.9
