"""Temperature scaling with smoothed targets: few rows, all of them right."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from support.calibrators import problems

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import TemperatureScaling, logits_from_proba


def smoothed(logits, y, weight=None):
    """Fit; no warning is expected."""
    return TemperatureScaling(smoothing="targets").fit(logits, y, weight)


def reference(logits, y, weight, amount=0.1):
    """Return the temperature by golden sections on the log loss of the targets written out."""
    n_classes = logits.shape[1]
    share = amount / (weight.sum() + 1)
    targets = (1 - share) * np.eye(n_classes)[y] + share / n_classes

    def loss(log_beta):
        log_proba = log_softmax(np.exp(log_beta) * logits, axis=1)
        return -weight @ (targets * log_proba).sum(axis=1)

    found = minimize_scalar(loss, bounds=(-9, 9), method="bounded", options={"xatol": 1e-12})
    return np.exp(-found.x)


def drawn(n_samples, n_classes, scale, seed=0, *, right=False):
    """Draw logits and labels, from their softmax or all of them right."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n_samples, n_classes)) * 3
    noisy = logits if right else logits + rng.gumbel(size=logits.shape)
    return logits * scale, noisy.argmax(axis=1)


@pytest.mark.filterwarnings("ignore:y has no sample of the classes")
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("n_samples", [12, 250, 5000])
@pytest.mark.parametrize("right", [False, True])
def test_it_minimises_the_log_loss_of_smoothed_targets(n_classes, n_samples, right):
    logits, y = drawn(n_samples, n_classes, 1.7, right=right)
    weight = np.random.default_rng(1).uniform(0.2, 4, n_samples)
    model = smoothed(logits, y, weight)
    assert_allclose(model.temperature_, reference(logits, y, weight), rtol=1e-6)
    assert model.uniform_share_ == 0


def test_closed_form_for_one_margin_and_no_mistake():
    # Always the margin 4, n = 5: sigmoid(4 / T) = 1 - e / 2 with e = 0.1 / 6.
    model = smoothed(4 * np.eye(2)[[0, 0, 0, 1, 1]], [0, 0, 0, 1, 1])
    assert_allclose(4 / model.temperature_, np.log((1 - 1 / 120) * 120), rtol=1e-12)


@pytest.fixture(scope="module")
def perceptron():
    """Return logits and labels of 1,097 held-out digits from a perceptron of 96 %."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    order = np.random.default_rng(0).permutation(len(y))
    fit, held = order[:700], order[700:]
    net = MLPClassifier((32,), max_iter=600, random_state=0).fit(X[fit], y[fit])
    assert 0.95 < net.score(X[held], y[held]) < 0.98
    return logits_from_proba(net.predict_proba(X[held])), y[held]


@pytest.mark.parametrize("n_samples", [20, 40, 60])
def test_few_rows_all_right_give_nearly_the_best_temperature(perceptron, n_samples):
    logits, y = perceptron
    rows = np.arange(len(y))

    def loss(log_beta):
        return -log_softmax(np.exp(log_beta) * logits, axis=1)[rows, y].mean()

    best = minimize_scalar(loss, bounds=(-4, 4), method="bounded").fun
    right = np.flatnonzero(logits.argmax(axis=1) == y)
    losses, plain = [], []
    for seed in range(8):
        few = np.random.default_rng(seed).choice(right, n_samples, replace=False)
        new = np.setdiff1d(rows, few)
        fit = logits[few], y[few], np.ones(n_samples)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the optimum is nothing to warn of
            model = TemperatureScaling(smoothing="targets").fit_columns(*fit)
        losses.append(log_loss(y[new], model.predict_proba(logits[new])))
        with pytest.warns(ConvergenceWarning, match="Are these the training rows"):
            model = TemperatureScaling().fit_columns(*fit)
        with np.errstate(divide="ignore"):
            plain.append(-np.log(model.predict_proba(logits[new])[np.arange(len(new)), y[new]]))
    assert np.mean(losses) < best + 0.03
    assert max(losses) < best + 0.05
    assert np.mean(plain) == np.inf


def test_with_a_thousand_rows_and_mistakes_it_hardly_moves(perceptron):
    logits, y = perceptron
    for seed in range(5):
        some = np.random.default_rng(seed).permutation(len(y))[:1000]
        plain = TemperatureScaling().fit(logits[some], y[some])
        with_targets = smoothed(logits[some], y[some])
        moved = np.log(with_targets.temperature_ / plain.temperature_)
        assert 0 < moved < 0.01
        losses = [log_loss(y, m.predict_proba(logits)) for m in (with_targets, plain)]
        assert_allclose(*losses, atol=1e-4)


def fitted(logits, y, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # no better than chance
        return smoothed(logits, y, weight)


@given(problem=problems(), factor=st.sampled_from([1e-200, 1e-30, 0.037, 8.0, 1e4, 1e25]))
@settings(max_examples=60)
def test_scaled_logits_scale_the_temperature(problem, factor):
    logits, y, weight = problem
    one, other = fitted(logits, y, weight), fitted(logits * factor, y, weight)
    if np.ptp(logits, axis=1).any():
        assert_allclose(other.temperature_, factor * one.temperature_, rtol=1e-9)
    assert_allclose(other.predict_proba(logits * factor), one.predict_proba(logits), atol=1e-9)


@given(problem=problems(), seed=st.integers(0, 1000), shift=st.integers(-400, 400))
@settings(max_examples=60)
def test_shifts_permutations_and_repetitions(problem, seed, shift):
    logits, y, weight = problem
    one = fitted(logits, y, weight)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(y)), rng.permutation(logits.shape[1])
    shifted = logits + shift * np.arange(len(y))[:, None] / 8
    moved = fitted(shifted[rows][:, columns], np.argsort(columns)[y[rows]], weight[rows])
    assert_allclose(moved.temperature_, one.temperature_, rtol=1e-9)
    times = np.repeat(np.arange(len(y)), weight.astype(int))
    assert_allclose(fitted(logits[times], y[times]).temperature_, one.temperature_, rtol=1e-9)


@given(problem=problems())
def test_the_optimum_is_inside_or_chance_is_named(problem):
    logits, y, weight = problem
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = TemperatureScaling(smoothing="targets").fit(logits, y, weight)
    assert all("no better than chance" in str(w.message) for w in caught)
    log_proba = model.predict_log_proba(logits)
    assert np.isfinite(log_proba[np.arange(len(y)), y]).all()


@pytest.mark.parametrize("mask", [-1e3, -1e4, -1e9, -1e29])
@pytest.mark.parametrize("right", [False, True])
def test_the_size_of_a_mask_decides_nothing(mask, right):
    """Classes that a row cannot be of are masked by something hugely negative."""
    rng = np.random.default_rng(0)
    logits, _ = drawn(600, 6, 2.5)
    absent = np.arange(6) >= rng.integers(3, 7, 600)[:, None]
    noise = 0 if right else 2.5 * rng.gumbel(size=logits.shape)
    y = np.where(absent, -np.inf, logits + noise).argmax(axis=1)
    model = smoothed(np.where(absent, mask, logits), y)
    one = smoothed(np.where(absent, -500.0, logits), y)  # far beyond 30 gaps as well
    assert_allclose(model.temperature_, one.temperature_, rtol=1e-9)
    if not right:
        plain = TemperatureScaling().fit(np.where(absent, mask, logits), y)
        assert_allclose(model.temperature_, plain.temperature_, rtol=0.05)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e12, 1e29])
@pytest.mark.parametrize("right", [False, True])
def test_an_outlier_on_its_class_side_decides_nothing(size, right):
    logits, y = drawn(100, 3, 1.0, right=right)
    others = smoothed(logits, y).temperature_
    spoilt = logits.copy()
    spoilt[0] = size * np.eye(3)[y[0]]
    assert_allclose(smoothed(spoilt, y).temperature_, others, rtol=0.1)


def test_the_meta_estimator_has_it_by_default():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(y))
    X, y = X[order] / 16, y[order]
    net = MLPClassifier((32,), max_iter=600, random_state=0).fit(X[:700], y[:700])
    right = 700 + np.flatnonzero(net.predict(X[700:]) == y[700:])[:40]
    frozen = FrozenEstimator(net)
    model = TemperatureCalibratedClassifier(frozen).fit(X[right], y[right])
    new = np.setdiff1d(np.arange(700, len(y)), right)
    raw = log_loss(y[new], net.predict_proba(X[new]))
    assert log_loss(y[new], model.predict_proba(X[new])) < raw + 0.03
    assert isinstance(model.temperature_, float)
    assert model.temperature_ == model.calibrated_classifiers_[0].calibrators[0].temperature_
    with pytest.warns(ConvergenceWarning, match="Are these the training rows"):
        plain = TemperatureCalibratedClassifier(frozen, smoothing="none").fit(
            X[right], y[right]
        )
    assert_allclose(plain.temperature_, np.exp(-10))
    with pytest.warns(ConvergenceWarning, match="Are these the training rows"):
        CalibratedClassifierCV(frozen, method="temperature").fit(X[right], y[right])
