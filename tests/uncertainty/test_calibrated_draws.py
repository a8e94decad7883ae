"""Calibrated classifiers around those that predict by draws keep their draws."""

import numpy as np
import pytest
from scipy.optimize import root
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils import shuffle

from skcalib import (
    CalibratedClassifierCV,
    MCDropoutClassifier,
    TemperatureCalibratedClassifier,
)
from skcalib.sampling import _moved_draws, move_draws
from skcalib.uncertainty import EnsembleMembersClassifier

X, Y = shuffle(*load_iris(return_X_y=True), random_state=0)
NAMES = np.array(["a", "b", "c"])[Y]
FIT, TEST = slice(75), slice(75, None)


@pytest.fixture(scope="module")
def trained():
    mlp = MLPClassifier((16,), solver="lbfgs", max_iter=1000, random_state=0)
    return FrozenEstimator(mlp.fit(X[FIT], Y[FIT]))


def drawn(trained, **parameters):
    return MCDropoutClassifier(trained, rate=0.4, n_draws=30, random_state=0, **parameters)


def check_laws(calibrated, X):
    proba = calibrated.predict_proba(X)
    draws = calibrated.sample_proba(X)
    np.testing.assert_allclose(draws.mean(axis=0), proba, atol=1e-6)
    np.testing.assert_allclose(draws.sum(axis=-1), 1, atol=1e-6)
    assert draws.min() >= 0
    result = calibrated.predict_uncertainty(X)
    np.testing.assert_allclose(result.mean, proba, atol=1e-6)
    np.testing.assert_allclose(
        result.predictive_entropy, result.aleatoric + result.epistemic, atol=1e-6
    )
    assert result.classes.tolist() == calibrated.classes_.tolist()
    np.testing.assert_array_equal(calibrated.sample_proba(X), draws)
    return draws, result


@pytest.mark.parametrize("method", ["temperature", "isotonic", "sigmoid", "auto", "venn-abers"])
def test_the_mean_of_the_draws_is_the_calibrated_answer(trained, method):
    calibrated = CalibratedClassifierCV(drawn(trained), method=method)
    draws, result = check_laws(calibrated.fit(X[TEST], Y[TEST]), X)
    assert draws.std(axis=0).max() > 0.01
    assert (result.low <= result.high).all()


def test_one_vector_of_logits_moves_all_draws_of_a_row():
    mlp = MLPClassifier((16,), solver="lbfgs", alpha=3.0, max_iter=1000, random_state=0)
    named = drawn(FrozenEstimator(mlp.fit(X[FIT], NAMES[FIT]))).set_params(rate=0.1)
    calibrated = TemperatureCalibratedClassifier(named).fit(X[TEST], NAMES[TEST])
    draws, result = check_laws(calibrated, X[TEST])
    plain = calibrated.calibrated_classifiers_[0].estimator.sample_proba(X[TEST])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.log(draws.astype(float)) - np.log(plain.astype(float))
    moved = moved[..., 1:] - moved[..., :1]
    sure = (plain.min(axis=(0, 2)) > 1e-5) & (draws.min(axis=(0, 2)) > 1e-5)
    assert sure.sum() > 3
    assert moved[:, sure].std(axis=0).max() < 1e-2
    assert set(result.likeliest.ravel().tolist()) <= {"a", "b", "c"}


def test_the_vector_is_that_of_a_general_solver():
    rng = np.random.default_rng(0)
    draws, target = rng.dirichlet(np.ones(4), (20, 3)), rng.dirichlet(np.ones(4), 3)
    moved = move_draws(draws, target)
    for row in range(3):
        logs = np.log(draws[:, row])

        def distance(v, logs=logs, row=row):
            mean = softmax(logs + np.append(v, 0.0), axis=1).mean(axis=0)
            return (mean - target[row])[:-1]

        v = np.append(root(distance, np.zeros(3), tol=1e-12).x, 0.0)
        np.testing.assert_allclose(moved[:, row], softmax(logs + v, axis=1), atol=1e-7)


@pytest.mark.parametrize(
    ("draws", "target"),
    [
        (np.tile([1.0, 0.0, 0.0], (9, 1, 1)), [[0.7, 0.3, 0.0]]),
        (np.tile([[1.0, 0.0]], (9, 1, 1)), [[0.0, 1.0]]),
        (np.stack([[[1.0, 0.0]], [[0.0, 1.0]]]), [[0.3, 0.7]]),
        (np.tile([[0.5, 0.5]], (2, 1, 1)), [[1.0, 0.0]]),
    ],
)
def test_saturated_draws_and_answers(draws, target):
    moved = move_draws(draws, np.array(target))
    np.testing.assert_allclose(moved.mean(axis=0), target, atol=1e-6)
    assert np.isfinite(moved).all()


def test_members_of_several_splits_and_early_stops(trained):
    forest = EnsembleMembersClassifier(RandomForestClassifier(8, random_state=0))
    calibrated = TemperatureCalibratedClassifier(forest, cv=3).fit(X, Y)
    draws, _ = check_laws(calibrated, X[:40])
    assert draws.shape == (24, 40, 3)
    stops = TemperatureCalibratedClassifier(drawn(trained, tol=0.1)).fit(X[TEST], Y[TEST])
    with pytest.raises(ValueError, match="different numbers of draws"):
        stops.sample_proba(X)
    proba, seen = stops.predict_proba(X), []
    for rows, block in stops.sample_proba(X, blocks=True):
        np.testing.assert_allclose(block.mean(axis=0), proba[rows], atol=1e-6)
        seen.extend(rows)
    assert sorted(seen) == list(range(len(X)))
    assert stops.predict_uncertainty(X).n_draws.min() < 30


def test_exact_has_no_standard_error_and_others_have_no_draws(trained):
    exact = drawn(trained, inject="last").set_params(n_draws="exact")
    calibrated = TemperatureCalibratedClassifier(exact).fit(X[TEST], Y[TEST])
    assert np.isnan(calibrated.predict_uncertainty(X).standard_error).all()
    plain = TemperatureCalibratedClassifier(LogisticRegression())
    assert not hasattr(plain, "sample_proba")
    assert not hasattr(plain, "predict_uncertainty")


def test_draws_that_could_not_be_moved_are_warned_of(monkeypatch):
    monkeypatch.setattr(_moved_draws, "N_STEPS", 1)
    draws = np.random.default_rng(0).dirichlet([0.1, 0.1, 0.1], (20, 5))
    with pytest.warns(ConvergenceWarning, match="their mean is off by up"):
        move_draws(draws, np.tile([0.2, 0.3, 0.5], (5, 1)))
