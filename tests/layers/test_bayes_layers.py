"""Bayesian layers for Keras, on whichever library Keras runs on."""

import doctest
import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")

from skcalib import layers  # noqa: E402
from skcalib.layers import BayesConv1D, BayesConv2D, BayesDense  # noqa: E402

ESTIMATORS = ("flipout", "local", "shared")
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(2, 4)).astype(np.float32)


def numbers(x):
    return np.array(keras.ops.convert_to_numpy(x), np.float64)


def spread(rho):
    return np.log1p(np.exp(numbers(rho)))


def dense(**options):
    options = {"n_rows": 10, "prior": "gaussian", "initial_scale": 0.3, "seed": 1, **options}
    layer = BayesDense(3, bias_initializer="random_normal", **options)
    layer(ROWS)
    return layer


def gaussian_divergence(layer, scale):
    total = 0
    for mean, rho in layer.posteriors():
        m, s = numbers(mean), spread(rho)
        total += (np.log(scale / s) + (s**2 + m**2) / (2 * scale**2) - 0.5).sum()
    return total


@pytest.mark.parametrize(
    "estimator",
    ["flipout", *(pytest.param(name, marks=pytest.mark.slow) for name in ("local", "shared"))],
)
def test_outputs_have_the_mean_and_variance_of_the_weights(estimator):
    layer = dense(estimator=estimator)
    draws = np.stack([numbers(layer(ROWS, training=True)) for _ in range(200)])
    mean = ROWS @ numbers(layer.kernel_mean) + numbers(layer.bias_mean)
    variance = ROWS**2 @ spread(layer.kernel_rho) ** 2 + spread(layer.bias_rho) ** 2
    z = (draws.mean(axis=0) - mean) / np.sqrt(variance / 200)
    assert np.abs(z).max() < 4
    # A variance of 200 draws is off by a tenth.
    assert_allclose(draws.var(axis=0) / variance, 1, atol=0.4)
    assert_allclose(numbers(layer(ROWS)), mean, rtol=1e-5, atol=1e-5)  # at prediction


def test_the_divergence_of_a_gaussian_is_the_closed_form():
    layer = dense(prior_scale=0.7)
    assert_allclose(numbers(layer.divergence()), gaussian_divergence(layer, 0.7), rtol=1e-5)


@pytest.mark.slow
def test_a_mixture_of_equal_parts_is_a_gaussian():
    layer = dense(prior="mixture", prior_scale=(0.7, 0.7), prior_mix=0.3)
    draws = [numbers(layer.divergence()) for _ in range(200)]
    error = np.std(draws) / np.sqrt(200)
    assert abs(np.mean(draws) - gaussian_divergence(layer, 0.7)) < 4 * error
    assert error < 0.5


def test_the_divergence_of_a_mixture_is_what_monte_carlo_says():
    layer = dense(prior="mixture", prior_scale=(1.0, 0.1), prior_mix=0.25)
    rng, found = np.random.default_rng(1), 0
    for mean, rho in layer.posteriors():
        m, s = numbers(mean), spread(rho)
        w = m + s * rng.normal(size=(4000, *m.shape))
        q = -0.5 * ((w - m) / s) ** 2 - np.log(s)
        p = np.log(0.25 * np.exp(-0.5 * w**2) + 0.75 / 0.1 * np.exp(-0.5 * (w / 0.1) ** 2))
        found += (q - p).mean(axis=0).sum()
    draws = [numbers(layer.divergence()) for _ in range(200)]
    assert_allclose(np.mean(draws), found, atol=5 * np.std(draws) / np.sqrt(200))


def test_the_divergence_counts_once_for_all_rows_whatever_the_batch():
    layer = dense(n_rows=50, kl_weight=0.5, estimator="local", prior_scale=0.3)
    expected = 0.5 * gaussian_divergence(layer, 0.3) / 50
    for rows in (ROWS, np.repeat(ROWS, 7, axis=0)):
        model = keras.Sequential([keras.Input((4,)), layer])
        model(rows, training=True)
        (loss,) = model.losses
        assert_allclose(numbers(loss), expected, rtol=1e-5)
    model(ROWS)
    assert model.losses == []  # at prediction


@pytest.mark.parametrize("inside", [False, True])
def test_a_layer_that_a_model_calls_twice_counts_its_divergence_once(inside):
    layer = dense(n_rows=50, kl_weight=0.5, estimator="local", prior_scale=0.3)
    called = keras.Sequential([keras.Input((4,)), layer]) if inside else layer
    first, second = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([first, second], called(first) - called(second))
    expected = 0.5 * gaussian_divergence(layer, 0.3) / 50
    for _ in range(2):
        model([ROWS, ROWS + 1], training=True)
        (loss,) = model.losses
        assert_allclose(numbers(loss), expected, rtol=1e-5)
    model.compile(keras.optimizers.SGD(0.0), lambda y, z: 0 * z)  # and in a traced step
    found = model.train_on_batch([ROWS, ROWS], np.zeros((2, 3)))
    assert_allclose(float(found), expected, rtol=1e-5)


def test_a_layer_leaves_the_losses_of_others_alone():
    # What JAX's traces may come to: an id of an earlier trace is that of another loss now.
    first, second = dense(), dense()
    for _ in range(2):
        with keras.StatelessScope(collect_losses=True) as scope:
            first(ROWS, training=True)
            second._loss_ids.add(id(scope.losses[0]))
            second(ROWS, training=True)
            assert len(scope.losses) == 2
            second(ROWS, training=True)  # its own is replaced
            assert len(scope.losses) == 2


def made(estimator, rate):
    keras.utils.set_random_seed(0)
    layer = BayesDense(
        1, n_rows=5, prior="gaussian", estimator=estimator, initial_scale=0.5, seed=3
    )
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model, layer


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_gradients_are_those_of_finite_differences(estimator):
    X, y = RNG.normal(size=(5, 2)).astype(np.float32), RNG.normal(size=(5, 1))
    model, layer = made(estimator, 1.0)
    variables = [layer.kernel_mean, layer.kernel_rho, layer.bias_rho]
    state = [numbers(x) for x in model.variables]

    def loss(rate):
        model.optimizer.learning_rate.assign(rate)
        return float(model.train_on_batch(X, y))

    def restore():
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)

    before = [numbers(x) for x in variables]
    loss(1.0)
    gradients = [b - numbers(x) for b, x in zip(before, variables, strict=True)]
    for variable, value, gradient in zip(variables, before, gradients, strict=True):
        step = np.zeros_like(value)
        step.flat[0] = 1e-2
        found = []
        for sign in (1, -1):
            restore()
            variable.assign(value + sign * step)
            found.append(loss(0.0))
        numeric = (found[0] - found[1]) / 2e-2
        assert_allclose(gradient.flat[0], numeric, rtol=0.02, atol=2e-3)


def test_the_weight_of_the_divergence_is_not_baked_into_the_training_step():
    model, layer = made("local", 0.0)
    X, y = np.zeros((5, 2), np.float32), np.zeros((5, 1))
    divergence = gaussian_divergence(layer, 0.3)
    layer.kl_weight.assign(0.0)
    layer.bias_rho.assign(layer.bias_rho * 0 - 30.0)  # nothing of the output is noise
    divergence = gaussian_divergence(layer, 0.3)
    losses = []
    for weight in (0.0, 1.0, 0.25):
        layer.kl_weight.assign(weight)
        losses.append(float(model.train_on_batch(X, y)))
    assert_allclose(losses, [0, divergence / 5, divergence / 20], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("kind", "plain", "shape", "options"),
    [
        (BayesConv1D, keras.layers.Conv1D, (2, 9, 4), {"padding": "causal"}),
        (BayesConv1D, keras.layers.Conv1D, (2, 9, 4), {"strides": 2, "padding": "same"}),
        (BayesConv2D, keras.layers.Conv2D, (2, 6, 6, 4), {"padding": "same"}),
        (BayesConv2D, keras.layers.Conv2D, (2, 6, 7, 4), {"dilation_rate": 2}),
    ],
)
def test_a_convolution_is_that_of_keras_with_drawn_weights(
    estimator, kind, plain, shape, options
):
    x = RNG.normal(size=shape).astype(np.float32)
    layer = kind(3, 3, n_rows=5, prior="gaussian", estimator=estimator, seed=0, **options)
    theirs = plain(3, 3, **options)
    theirs.build(shape)
    expected = None
    layer.build(shape)
    theirs.set_weights([numbers(layer.kernel_mean), numbers(layer.bias_mean)])
    expected = numbers(theirs(x))
    assert_allclose(numbers(layer(x)), expected, atol=1e-5)
    noisy = numbers(layer(x, training=True))
    assert noisy.shape == expected.shape
    assert 1e-4 < np.abs(noisy - expected).max() < 0.5  # spreads of 0.0067


def small_model(**options):
    options = {"n_rows": 20, **options}
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            BayesConv2D(2, 3, activation="relu", **options),
            keras.layers.Flatten(),
            BayesDense(2, activation="softmax", **options),
        ]
    )


IMAGES = RNG.normal(size=(20, 6, 6, 1)).astype(np.float32)


def test_a_saved_model_is_loaded_bit_by_bit(tmp_path):
    model = small_model(prior_scale=(0.9, 0.01), prior_mix=0.3, kl_weight=0.2)
    model.layers[0].kl_weight.assign(0.7)
    expected = numbers(model(IMAGES))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_array_equal(numbers(again(IMAGES)), expected)
    assert again.layers[0].get_config() == model.layers[0].get_config()
    assert again.layers[0].get_config()["kl_weight"] == pytest.approx(0.7)
    for mine, other in zip(model.get_weights(), again.get_weights(), strict=True):
        assert_array_equal(mine, other)


@pytest.mark.slow
def test_a_saved_model_is_loaded_in_another_process(tmp_path):
    path = tmp_path / "model.keras"
    small_model().save(path)
    code = (
        "from skcalib.layers import BayesDense; import keras; "
        f"print(len(keras.saving.load_model({str(path)!r}).weights))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(found.stdout.split()[-1]) == len(small_model().weights)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["flipout", "local"])
def test_mixed_precision_trains_and_keeps_the_divergence_in_full_precision(estimator):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = small_model(prior="gaussian", estimator=estimator)
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(IMAGES, np.arange(20) % 2, epochs=1, verbose=0).history
        layer = model.layers[0]
        assert numbers(layer(IMAGES, training=True)).shape == (20, 4, 4, 2)
        assert keras.backend.standardize_dtype(layer.divergence().dtype) == "float32"
        assert np.isfinite(history["loss"]).all()
        assert keras.backend.standardize_dtype(model(IMAGES).dtype) == "bfloat16"
    finally:
        keras.mixed_precision.set_global_policy(before)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_linear_regression_has_the_posterior_of_the_closed_form(estimator):
    rng, noise, prior = np.random.default_rng(0), 0.5, 1.0
    X = rng.normal(size=(40, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    y = X @ [0.8, -0.5] + rng.normal(size=40) * noise
    layer = BayesDense(
        1, n_rows=40, prior="gaussian", prior_scale=prior, estimator=estimator,
        use_bias=False, initial_scale=0.05, seed=0,
    )  # fmt: skip
    model = keras.Sequential([keras.Input((2,)), layer])
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.03, 1500))
    model.compile(optimizer, lambda y, z: keras.ops.square(y - z) / (2 * noise**2))
    X, y = X.astype(np.float32), y.astype(np.float32)[:, None]
    many = np.tile(X, (500, 1)), np.tile(y, (500, 1))
    model.fit(*many, batch_size=40, epochs=3, shuffle=False, verbose=0)
    precision = X.T @ X / noise**2 + np.eye(2) / prior**2
    mean = np.linalg.solve(precision, X.T @ y / noise**2)
    # The best independent Gaussian: the mean, and the diagonal of the precision.
    assert_allclose(numbers(layer.kernel_mean), mean, atol=0.03)
    assert_allclose(spread(layer.kernel_rho)[:, 0], np.diag(precision) ** -0.5, rtol=0.15)


@pytest.mark.parametrize(("prior", "expected"), [("gaussian", 0.02), ("mixture", 0.0067)])
def test_spreads_start_where_the_prior_expects_them(prior, expected):
    layer = dense(prior=prior, initial_scale=None)
    for _, rho in layer.posteriors():
        assert_allclose(spread(rho), expected, rtol=1e-5)
    assert BayesDense.from_config(layer.get_config()).initial_scale == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_rows": None}, "needs n_rows"),
        ({"n_rows": 0}, "n_rows must be a positive"),
        ({"kl_weight": -1}, "kl_weight must be a non-negative"),
        ({"prior": "laplace"}, "prior must be one of"),
        ({"estimator": "dropout"}, "estimator must be one of"),
        ({"estimator": "local"}, "prior='gaussian'"),
        ({"prior_scale": 1.0}, "must hold two numbers"),
        ({"prior_scale": (1.0, 0.0)}, "prior_scale must be a positive"),
        ({"prior_mix": 1.0}, "prior_mix"),
        ({"initial_scale": np.nan}, "initial_scale must be a positive"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        BayesDense(3, **{"n_rows": 10, **options})


def test_names_are_loaded_when_asked_for():
    assert dir(layers) == ["BayesConv1D", "BayesConv2D", "BayesDense"] == layers.__all__
    with pytest.raises(AttributeError, match="no attribute 'BayesGRU'"):
        layers.BayesGRU  # noqa: B018
    assert BayesDense.__module__ == "skcalib.layers"


@pytest.mark.parametrize("name", layers.__all__)
def test_docstrings_name_every_parameter(name):
    layer = getattr(layers, name)
    text = inspect.getdoc(layer)
    for cls in layer.__mro__:
        if not cls.__module__.startswith("skcalib"):
            continue
        for parameter in inspect.signature(cls.__init__).parameters:
            if parameter != "self":
                assert re.search(rf"(^|, )\**{parameter}(, \w+)* : ", text, re.M), parameter
    assert not re.search(r"<\w+>", text)
    for section in ("Attributes", "References", "Examples"):
        assert f"{section}\n{'-' * len(section)}\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", layers.__all__)
def test_examples_run(name):
    text = inspect.getdoc(getattr(layers, name))
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0
