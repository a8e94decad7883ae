"""Bayes by Backprop as a classifier, on whichever library Keras runs on."""

import pickle
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

keras = pytest.importorskip("keras", reason="needs Keras: pip install 'skcalib[keras]'")

from skcalib import TemperatureCalibratedClassifier  # noqa: E402
from skcalib.layers import BayesConv2D, BayesDense  # noqa: E402
from skcalib.uncertainty import BayesByBackpropClassifier  # noqa: E402

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
QUICK = {"kl_weight": 0.1, "max_iter": 2, "n_draws": 4, "random_state": 0}
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(40, 6, 6, 1)).astype(np.float32)
BRIGHT = (IMAGES[:, :, :3].mean(axis=(1, 2, 3)) > 0).astype(int)


@pytest.fixture(scope="module")
def iris():
    return BayesByBackpropClassifier((6, 5), **QUICK).fit(X, NAMES)


def build_network(last):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(2, 3, activation="relu", padding="same", name="pixels")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(x)
    x = keras.Sequential([keras.layers.Dense(4, "tanh"), keras.layers.Dropout(0.3)])(x)
    return keras.Model(inputs, last(x))


@pytest.fixture(scope="module")
def network():
    model = build_network(keras.layers.Dense(2, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)  # else Keras warns when it is unpickled
    return model


@pytest.fixture(scope="module")
def images(network):
    return BayesByBackpropClassifier.from_network(network, **QUICK).fit(IMAGES, BRIGHT)


def drawn(posteriors, seed, number):
    """Return kernels and biases of one draw, written independently."""
    rng = np.random.default_rng([seed, number])
    return [m + s * rng.standard_normal(m.shape, np.float32) for m, s in posteriors]


def test_draws_are_networks_with_weights_drawn_in_numpy(iris):
    expected = []
    for number in range(4):
        k0, b0, k1, b1, k2, b2 = drawn(iris.posteriors_, iris.seed_, number)
        z = np.maximum(np.maximum(X @ k0 + b0, 0) @ k1 + b1, 0) @ k2 + b2
        expected.append(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    assert_allclose(iris.sample_proba(X), expected, atol=1e-6)
    assert_allclose(iris.predict_proba(X), np.mean(expected, axis=0), atol=1e-6)


def test_means_are_the_answer_of_the_model_and_of_mean_mode(iris):
    logits = keras.ops.convert_to_numpy(iris.model_(X.astype(np.float32)))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    means = deepcopy(iris).set_params(mean_mode=True)
    assert_allclose(means.predict_proba(X), expected, atol=1e-5)
    assert_array_equal(means.sample_proba(X), iris.sample_proba(X))


@pytest.mark.slow
def test_a_row_has_one_answer_whatever_block_it_is_in(iris):
    rows, some = np.resize(X, (700, 4)), [0, 255, 256, 699]
    alone = np.concatenate([iris.predict_proba(rows[[row]]) for row in some])
    assert_allclose(iris.predict_proba(rows)[some], alone, rtol=1e-5)


def test_a_network_with_several_kinds_of_layers_becomes_bayesian(network, images):
    before = network.get_weights()
    kinds = [type(layer).__name__ for layer in images.model_.layers]
    assert kinds == [
        "InputLayer", "BayesConv2D", "BatchNormalization", "Flatten", "Sequential",
        "BayesDense",
    ]  # fmt: skip
    assert isinstance(images.model_.get_layer("pixels"), BayesConv2D)
    assert isinstance(images.model_.layers[4].layers[0], BayesDense)
    assert len(images.posteriors_) == 6
    for (mean, _), start in zip(images.posteriors_[:2], before[:2], strict=True):
        assert_allclose(mean, start, atol=0.05)  # trained for few steps from there
    for mine, other in zip(network.get_weights(), before, strict=True):
        assert_array_equal(mine, other)


def test_draws_of_a_network_are_passes_with_these_weights(images):
    first, *_ = images.sample_proba(IMAGES)
    twin = keras.models.clone_model(images.model_)
    twin.set_weights(images.model_.get_weights())
    weights = iter(drawn(images.posteriors_, images.seed_, 0))
    for layer in (twin.layers[1], twin.layers[4].layers[0], twin.layers[5]):
        layer.kernel_mean.assign(next(weights))
        layer.bias_mean.assign(next(weights))
    assert_allclose(first, keras.ops.convert_to_numpy(twin(IMAGES)), atol=1e-5)
    expected = images.predict_proba(IMAGES)
    assert_allclose(images.predict_proba(IMAGES[:7]), expected[:7], atol=1e-5)
    assert_array_equal(images.predict_proba(IMAGES), expected)  # the means are put back


def test_the_means_are_put_back_when_a_pass_fails(images):
    before = images.model_.get_weights()
    with pytest.raises(ValueError):
        images.predict_proba(IMAGES[:, :4])
    for mine, other in zip(images.model_.get_weights(), before, strict=True):
        assert_array_equal(mine, other)


def test_copies_and_clones_of_a_converted_network(network, images):
    expected = images.predict_proba(IMAGES)
    assert_array_equal(pickle.loads(pickle.dumps(images)).predict_proba(IMAGES), expected)
    twin = clone(images)
    assert twin.network is network
    with pytest.raises(NotFittedError):
        twin.predict_proba(IMAGES)


def test_pruning_leaves_the_weights_of_the_largest_ratio(iris):
    expected = iris.predict_proba(X)
    pruned = iris.prune(0.5)
    flat = [
        np.concatenate([a.ravel() for a in arrays])
        for arrays in zip(*iris.posteriors_, strict=True)
    ]
    left = np.concatenate([mean.ravel() for mean, _ in pruned.posteriors_])
    spreads = np.concatenate([spread.ravel() for _, spread in pruned.posteriors_])
    gone = spreads == 0
    assert gone.sum() == len(left) // 2
    ratio = np.abs(flat[0]) / flat[1]
    assert ratio[gone].max() <= ratio[~gone].min()
    assert_array_equal(left[~gone], flat[0][~gone])
    assert_array_equal(left[gone], 0)
    assert_allclose(spreads[~gone], flat[1][~gone], rtol=1e-4)
    assert_array_equal(iris.predict_proba(X), expected)
    assert np.abs(pruned.predict_proba(X) - expected).max() > 1e-3
    assert_allclose(iris.prune(0.0).predict_proba(X), expected, atol=1e-5)


@pytest.mark.slow
def test_it_goes_on_from_where_it_was_with_warm_start():
    bayes = BayesByBackpropClassifier((6,), **{**QUICK, "warm_start": True}).fit(X, NAMES)
    first = [mean for mean, _ in bayes.posteriors_]
    bayes.set_params(learning_rate_init=1e-6).fit(X, NAMES)
    assert (
        max(abs(m - f).max() for (m, _), f in zip(bayes.posteriors_, first, strict=True)) < 1e-4
    )
    with pytest.raises(ValueError, match="warm_start=True goes on with the classes"):
        bayes.fit(X, Y)
    grown = bayes.prune(0.5).fit(X, NAMES)  # weights that were pruned, too
    assert np.isfinite(grown.predict_proba(X)).all()


@pytest.mark.slow
def test_weights_count_rows():
    # One batch, one draw for all of it: gradients are sums over rows.
    weight = RNG.integers(0, 3, len(Y))
    options = {**QUICK, "estimator": "shared", "batch_size": 1000, "max_iter": 3}
    bayes = BayesByBackpropClassifier((4,), **options)
    weighted = clone(bayes).fit(X, NAMES, sample_weight=weight)
    repeated = clone(bayes).fit(np.repeat(X, weight, axis=0), np.repeat(NAMES, weight))
    for mine, other in zip(weighted.posteriors_, repeated.posteriors_, strict=True):
        assert_allclose(mine[0], other[0], atol=1e-4)
        assert_allclose(mine[1], other[1], rtol=1e-3)
    layer = weighted.model_.layers[0]
    assert float(keras.ops.convert_to_numpy(layer.n_rows)) == weight.sum()


@pytest.mark.slow
def test_the_weight_of_the_divergence_is_that_of_the_least_held_out_loss():
    options = {**QUICK, "kl_weight": "held_out", "max_iter": 5}
    bayes = BayesByBackpropClassifier((16,), **options).fit(X, NAMES)
    assert set(bayes.held_out_log_loss_) == {1.0, 0.1, 0.01}
    found = min(bayes.held_out_log_loss_, key=bayes.held_out_log_loss_.get)
    assert bayes.kl_weight_ == found
    # The last training is on all rows.
    layer = bayes.model_.layers[0]
    assert float(keras.ops.convert_to_numpy(layer.n_rows)) == 150
    assert float(keras.ops.convert_to_numpy(layer.kl_weight)) == pytest.approx(found)
    bayes.set_params(kl_weight=0.5).fit(X, NAMES)
    assert bayes.kl_weight_ == 0.5
    assert not hasattr(bayes, "held_out_log_loss_")
    bayes.set_params(kl_weight="held_out")
    with pytest.raises(ValueError, match="at least 10"):
        clone(bayes).fit(X[45:54], Y[45:54])


@pytest.mark.slow
@pytest.mark.parametrize("kl_weight", [0.1, "held_out"])
def test_training_stops_early(kl_weight):
    options = {**QUICK, "kl_weight": kl_weight, "max_iter": 60, "learning_rate_init": 0.1}
    bayes = BayesByBackpropClassifier(
        (16,), **options, early_stopping=True, n_iter_no_change=2, validation_fraction=0.3
    ).fit(X, NAMES)
    assert bayes.n_iter_ < 60
    assert len(bayes.history_["val_loss"]) == bayes.n_iter_
    assert float(keras.ops.convert_to_numpy(bayes.model_.layers[0].n_rows)) == 105


@pytest.mark.slow
def test_the_weight_of_the_divergence_warms_up_epoch_by_epoch():
    # Nothing moves, and outputs hardly have noise: losses differ by what the divergence counts.
    small = X / 20
    options = {**QUICK, "kl_weight": 0.8, "prior": "gaussian", "estimator": "local"}
    options |= {"max_iter": 6, "learning_rate_init": 1e-12}
    bayes = BayesByBackpropClassifier((), kl_warmup=0.5, **options).fit(small, NAMES)
    divergence = sum(
        (np.log(0.3 / s) + (s**2 + m**2) / (2 * 0.3**2) - 0.5).sum()
        for m, s in bayes.posteriors_
    )
    rises = np.diff(bayes.history_["loss"]) / (0.8 * divergence / 150)
    assert_allclose(rises, [1 / 3, 1 / 3, 0, 0, 0], atol=0.02)
    cold = clone(bayes).set_params(kl_warmup=0.0).fit(small, NAMES)
    assert_allclose(cold.history_["loss"], bayes.history_["loss"][-1], atol=0.02)
    again = bayes.set_params(warm_start=True).fit(small, NAMES)  # which does not begin anew
    assert_allclose(again.history_["loss"], bayes.history_["loss"][-1], atol=0.02)


@pytest.mark.slow
def test_early_stopping_waits_for_the_end_of_the_warm_up():
    options = {**QUICK, "max_iter": 12, "learning_rate_init": 1e-12, "early_stopping": True}
    bayes = BayesByBackpropClassifier((), n_iter_no_change=2, **options)
    assert bayes.fit(X, NAMES).n_iter_ == 3
    assert clone(bayes).set_params(kl_warmup=0.5).fit(X, NAMES).n_iter_ == 8


@pytest.mark.slow
def test_a_layer_that_a_network_calls_twice_stays_one():
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    shared = keras.layers.Dense(3, "tanh", name="shared")
    joined = keras.layers.Concatenate()([shared(first), shared(second)])
    model = keras.Model({"first": first, "second": second}, keras.layers.Dense(3)(joined))
    inputs = {"first": X, "second": X[::-1].copy()}
    options = {**QUICK, "prior": "gaussian", "estimator": "local", "learning_rate_init": 1e-12}
    losses = {}
    for kl_weight in (0.0, 1.0):
        bayes = BayesByBackpropClassifier.from_network(model, **options)
        bayes.set_params(kl_weight=kl_weight).fit(inputs, NAMES)
        losses[kl_weight] = bayes.history_["loss"][-1]
    assert len(bayes.posteriors_) == 4  # kernels and biases of two layers
    assert isinstance(bayes.model_.get_layer("shared"), BayesDense)
    divergence = sum(
        (np.log(0.3 / s) + (s**2 + m**2) / (2 * 0.3**2) - 0.5).sum()
        for m, s in bayes.posteriors_
    )
    assert losses[1.0] - losses[0.0] == pytest.approx(divergence / 150, rel=0.02)
    k0, b0, k1, b1 = drawn(bayes.posteriors_, bayes.seed_, 0)
    hidden = [np.tanh(inputs[name] @ k0 + b0) for name in ("first", "second")]
    z = np.hstack(hidden) @ k1 + b1
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert_allclose(bayes.sample_proba(inputs)[0], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("last", ["sigmoid", "logits", "softmax"])
@pytest.mark.parametrize("compiled", [True, False])
def test_networks_end_as_they_like(last, compiled):
    layer = {
        "sigmoid": keras.layers.Dense(1, "sigmoid"),
        "logits": keras.layers.Dense(2),
        "softmax": keras.layers.Dense(2, "softmax"),
    }[last]
    loss = {
        "sigmoid": "binary_crossentropy",
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True),
        "softmax": "sparse_categorical_crossentropy",
    }[last]
    model = build_network(layer)
    if compiled:
        model.compile("sgd", loss)
    bayes = BayesByBackpropClassifier.from_network(model, **QUICK)
    labels = np.array(["dark", "bright"])[BRIGHT]
    bayes.fit(IMAGES, labels)
    assert_array_equal(bayes.classes_, ["bright", "dark"])
    assert_allclose(bayes.predict_proba(IMAGES).sum(axis=1), 1, atol=1e-6)
    assert bayes.predict_uncertainty(IMAGES).epistemic.max() > 0


@pytest.mark.slow
def test_frozen_layers_and_layers_of_ours_stay_as_they_are():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, "relu"),
            keras.layers.Dense(5, "relu"),
            BayesDense(3, n_rows=7, initial_scale=0.2),
        ]
    )
    model.layers[0].trainable = False
    kernel = model.layers[0].get_weights()[0]
    bayes = BayesByBackpropClassifier.from_network(model, **QUICK).fit(X, Y)
    kinds = [type(layer).__name__ for layer in bayes.model_.layers]
    assert kinds == ["Dense", "BayesDense", "BayesDense"]
    assert_array_equal(bayes.model_.layers[0].get_weights()[0], kernel)
    assert bayes.posteriors_[2][1].mean() == pytest.approx(0.2, abs=0.02)
    assert float(keras.ops.convert_to_numpy(model.layers[2].n_rows)) == 7


@pytest.mark.slow
def test_a_pickle_is_loaded_in_another_process(images, tmp_path):
    path = tmp_path / "bayes.pickle"
    path.write_bytes(pickle.dumps(images))
    np.save(tmp_path / "images.npy", IMAGES)
    code = (
        "import pickle, numpy as np; "
        f"bayes = pickle.load(open({str(path)!r}, 'rb')); "
        f"images = np.load({str(tmp_path / 'images.npy')!r}); "
        "print(repr(float(bayes.predict_proba(images)[3, 0])))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    expected = images.predict_proba(IMAGES)[3, 0]
    assert float(found.stdout.split()[-1]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_it_works_in_a_pipeline_a_search_and_under_a_temperature():
    learns = {**QUICK, "max_iter": 10, "learning_rate_init": 0.05}
    pipeline = make_pipeline(StandardScaler(), BayesByBackpropClassifier((6,), **learns))
    grid = {"bayesbybackpropclassifier__prior": ["mixture", "gaussian"]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss").fit(X, NAMES)
    assert search.predict_proba(X).shape == (150, 3)
    calibrated = TemperatureCalibratedClassifier(pipeline, cv=2).fit(X, NAMES)
    assert calibrated.predict_proba(X).shape == (150, 3)


@pytest.mark.slow
def test_digits_are_learned_and_strangers_are_found():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X / 16, y, train_size=600, test_size=300, stratify=y, random_state=0
    )
    bayes = BayesByBackpropClassifier(
        (64,), kl_weight=0.01, prior="gaussian", max_iter=40, n_draws=20, random_state=0
    ).fit(X, y)
    assert log_loss(y_test, bayes.predict_proba(X_test)) < 0.35
    assert bayes.score(X_test, y_test) > 0.9
    strange = np.random.default_rng(0).permuted(X_test, axis=1)
    known, unknown = (bayes.predict_uncertainty(Z).epistemic for Z in (X_test, strange))
    auroc = roc_auc_score(np.repeat([0, 1], 300), np.concatenate([known, unknown]))
    assert auroc > 0.85


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kl_weight": "best"}, "kl_weight"),
        ({"kl_weight": -1.0}, "kl_weight"),
        ({"kl_warmup": 1.1}, r"kl_warmup must be a number in \[0, 1\]"),
        ({"hidden_layer_sizes": 128}, "hidden_layer_sizes must be a tuple"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"prior": "mixture", "estimator": "local"}, "prior='gaussian'"),
        ({"prior": "mixture", "prior_scale": 0.3}, "must hold two numbers"),
        ({"prior": "gaussian", "prior_scale": (1.0, 0.1)}, "prior_scale must be a positive"),
        ({"n_draws": 0}, "n_draws"),
        ({"max_iter": 0}, "max_iter"),
        ({"activation": "gelu"}, "activation"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"early_stopping": "yes"}, "early_stopping"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        BayesByBackpropClassifier(**options).fit(X, Y)


def test_networks_that_cannot_be_converted_are_refused(iris):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(TypeError, match="got a str"):
        BayesByBackpropClassifier.from_network("model.keras").fit(X, Y)
    with pytest.raises(TypeError, match="neither sequential nor functional"):
        BayesByBackpropClassifier.from_network(Own()).fit(X, Y)
    flat = keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])
    with pytest.raises(ValueError, match="no trainable Dense"):
        BayesByBackpropClassifier.from_network(flat).fit(X, Y)
    with pytest.raises(ValueError, match="one class only"):
        clone(iris).fit(X[:50], Y[:50])
    with pytest.raises(ValueError, match="share must be a number"):
        iris.prune(1.0)
