"""Targets that are probabilities, against the cross-entropy minimised directly."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from support.calibrators import all_calibrators

from skcalib import CalibratedClassifierCV, expand_soft_labels, metrics
from skcalib.calibrators import AutoCalibration, TemperatureScaling, VectorScaling


def soft_problem(n_classes, n_samples=200, seed=0, factor=2.0):
    """Draw overconfident logits, targets around the truth, and weights."""
    rng = np.random.default_rng(seed)
    logits = factor * rng.normal(size=(n_samples, n_classes))
    targets = softmax(logits / factor + 0.3 * rng.normal(size=logits.shape), axis=1)
    return logits, targets, rng.uniform(0.2, 3, n_samples)


def cross_entropy(log_proba, targets, weight):
    return -(weight @ (targets * log_proba).sum(axis=1)) / weight.sum()


def test_the_public_example():
    rng = np.random.default_rng(0)
    f = rng.normal(size=500) * 4
    t = np.clip(expit(f / 2) + 0.1 * rng.normal(size=500), 0.01, 0.99)
    rows, y, weight = expand_soft_labels(t)
    found = TemperatureScaling().fit(f[rows, None], y, sample_weight=weight).temperature_
    assert_allclose(found, 2.18656, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_temperature_minimises_the_cross_entropy(n_classes, weighted):
    logits, targets, weight = soft_problem(n_classes)
    weight = weight if weighted else np.ones(len(logits))
    rows, y, entry_weight = expand_soft_labels(targets, weight if weighted else None)
    model = TemperatureScaling().fit(logits[rows], y, sample_weight=entry_weight)

    def loss(log_beta):
        log_proba = log_softmax(logits * np.exp(log_beta), axis=1)
        return cross_entropy(log_proba, targets, weight)

    best = minimize_scalar(loss, bracket=(-2, 1), tol=1e-12)
    assert_allclose(model.temperature_, np.exp(-best.x), rtol=1e-5)
    proba = model.predict_proba(logits)
    measured = metrics.log_loss(y, proba[rows], sample_weight=entry_weight)
    assert_allclose(measured, cross_entropy(np.log(proba), targets, weight), rtol=1e-12)
    assert_allclose(measured, best.fun, rtol=1e-9)


def test_an_affine_map_of_every_class():
    logits, targets, weight = soft_problem(3)
    rows, y, entry_weight = expand_soft_labels(targets, weight)
    model = VectorScaling(penalty=1e-9).fit(logits[rows], y, sample_weight=entry_weight)

    z = log_softmax(logits / model.temperature_, axis=1)

    def loss(theta):
        log_proba = log_softmax(z * theta[:3] + theta[3:], axis=1)
        return cross_entropy(log_proba, targets, weight)

    best = minimize(loss, np.r_[np.full(3, 0.5), np.zeros(3)], tol=1e-12)
    expected = softmax(z * best.x[:3] + best.x[3:], axis=1)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_brier_score_is_the_expected_one(n_classes):
    logits, targets, weight = soft_problem(n_classes)
    proba = softmax(logits, axis=1)
    rows, y, entry_weight = expand_soft_labels(targets, weight)
    distance = ((proba[:, None, :] - np.eye(n_classes)) ** 2).sum(axis=2)
    expected = weight @ (targets * distance).sum(axis=1) / weight.sum()
    found = metrics.brier_score_loss(
        y, proba[rows], sample_weight=entry_weight, scale_by_half=False
    )
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("calibrator", all_calibrators(), ids=repr)
def test_targets_that_are_certain_are_labels(calibrator):
    logits, targets, _ = soft_problem(3, n_samples=60)
    y = targets.argmax(axis=1)
    rows, found, weight = expand_soft_labels(np.eye(3)[y])
    assert_array_equal(rows, np.arange(60))
    assert_array_equal(found, y)
    assert_array_equal(weight, 1)
    soft = clone(calibrator).fit(logits[rows], found, sample_weight=weight)
    hard = clone(calibrator).fit(logits, y)
    assert_array_equal(soft.predict_proba(logits), hard.predict_proba(logits))


# The folds inside the automatic choice depend on the order of rows.
NOT_FOLDED = [c for c in all_calibrators() if not isinstance(c, AutoCalibration)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("calibrator", NOT_FOLDED, ids=repr)
def test_votes_are_repeated_rows(calibrator):
    """A target of 2/3 with weight three is two rows of one label and one of the other."""
    logits, _, _ = soft_problem(3, n_samples=40)
    votes = np.random.default_rng(0).multinomial(3, [0.5, 0.3, 0.2], 40)
    rows, y, weight = expand_soft_labels(votes / 3, np.full(40, 3.0))
    soft = clone(calibrator).fit(logits[rows], y, sample_weight=weight)
    repeated = np.repeat(rows, np.round(weight).astype(int))
    labels = np.repeat(y, np.round(weight).astype(int))
    hard = clone(calibrator).fit(logits[repeated], labels)
    assert_allclose(soft.predict_proba(logits), hard.predict_proba(logits), atol=1e-6)


class Itself(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its logits."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X


def test_the_meta_estimator_around_arrays_of_logits():
    logits, targets, weight = soft_problem(3)
    classes = np.array(["bird", "cat", "dog"])
    rows, y, entry_weight = expand_soft_labels(targets, weight, classes=classes)
    assert set(y) == set(classes)
    trained = Itself().fit(logits, np.resize(classes, 200))
    model = CalibratedClassifierCV(FrozenEstimator(trained), method="temperature")
    model.fit(logits[rows], y, sample_weight=entry_weight)
    alone = TemperatureScaling().fit(logits[rows], y, sample_weight=entry_weight)
    assert_allclose(model.predict_proba(logits), alone.predict_proba(logits))
    assert_array_equal(model.classes_, classes)


def test_folds_that_keep_samples_together():
    logits, targets, _ = soft_problem(2, n_samples=60)
    rows, y, weight = expand_soft_labels(targets)
    splits = list(GroupKFold(3).split(rows, y, groups=rows))
    assert all(not set(rows[train]) & set(rows[test]) for train, test in splits)
    model = CalibratedClassifierCV(LogisticRegression(), cv=splits)
    model.fit(logits[rows], y, sample_weight=weight)
    assert model.predict_proba(logits).shape == (60, 2)


@given(seed=st.integers(0, 1000), n_classes=st.integers(2, 5), n_samples=st.integers(2, 20))
def test_nothing_is_lost(seed, n_classes, n_samples):
    rng = np.random.default_rng(seed)
    targets = rng.multinomial(4, np.full(n_classes, 1 / n_classes), n_samples) / 4
    sample_weight = rng.integers(1, 4, n_samples).astype(float)
    rows, y, weight = expand_soft_labels(targets, sample_weight)
    table = np.zeros((n_samples, n_classes))
    np.add.at(table, (rows, y), weight)
    assert_allclose(table, targets * sample_weight[:, None], atol=1e-15)
    assert (weight > 0).all()
    assert (np.diff(rows) >= 0).all()
    assert_allclose(weight.sum(), sample_weight.sum())


def test_forms_of_targets():
    t = np.array([0.25, 1.0, 0.5])
    matrix = np.stack([1 - t, t], axis=1)
    expected = expand_soft_labels(matrix)
    forms = (t, t[:, None], t.tolist(), matrix.tolist(), pd.Series(t), pd.DataFrame(matrix))
    for form in (*forms, t.astype(np.float32), matrix.astype(np.float16)):
        for ours, theirs in zip(expand_soft_labels(form), expected, strict=True):
            assert_array_equal(ours, theirs)
    assert_array_equal(expand_soft_labels([0, 1, 1]).y, [0, 1, 1])
    nearly = np.array([[0.5, 0.499], [0.3, 0.7]], np.float32)
    assert_allclose(np.bincount(*expand_soft_labels(nearly)[::2]), [1, 1])


@pytest.mark.parametrize(
    ("targets", "keywords", "message"),
    [
        (
            [[0.5, 0.4]],
            {},
            "targets has probabilities that do not sum to one.*divide votes",
        ),
        ([[0.5, 0.5], [3, 2]], {}, r"targets has values outside \[0, 1\].*divide votes"),
        ([-0.1, 0.5], {}, r"targets has values outside \[0, 1\]"),
        ([1.2, 0.5], {}, r"targets has values outside \[0, 1\]"),
        ([np.nan, 0.5], {}, "targets has NaN"),
        ([[0.0, 0.0], [0.5, 0.5]], {}, "do not sum to one"),
        ([], {}, "targets must be a non-empty array"),
        (np.ones((2, 2, 2)), {}, "targets must be a non-empty array"),
        (["a", "b"], {}, "targets is not numeric"),
        ([0.5, 0.2, 0.1], {"sample_weight": [1, -1, 1]}, "Negative values"),
        ([0.5, 0.2, 0.1], {"sample_weight": [0, 0, 0]}, "zero"),
        ([0.5, 0.2, 0.1], {"sample_weight": [1, 1]}, "shape"),
        ([0.5, 0.2], {"classes": ["a"]}, "classes must hold a label for each of the 2"),
        ([0.5, 0.2], {"classes": ["b", "a"]}, "classes must be sorted"),
        ([0.5, 0.2], {"classes": [1, 1]}, "classes must be sorted"),
    ],
)
def test_bad_targets(targets, keywords, message):
    with pytest.raises(ValueError, match=message):
        expand_soft_labels(targets, **keywords)


@pytest.mark.parametrize("targets", [[0.2, 0.7, 0.9], [[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]])
def test_soft_labels_where_labels_belong_are_told_the_way(targets):
    logits = [[1.0, 0.0], [0.0, 2.0], [0.5, 0.0]]
    for fit in (
        TemperatureScaling().fit,
        CalibratedClassifierCV(LogisticRegression()).fit,
        lambda X, y: metrics.log_loss(y, softmax(X, axis=1)),
        lambda X, y: metrics.brier_score_loss(y, softmax(X, axis=1)),
        lambda X, y: metrics.calibration_error(y, softmax(X, axis=1)),
    ):
        with pytest.raises(ValueError, match="expand_soft_labels"):
            fit(logits, targets)


def test_separable_targets_still_warn():
    rows, y, weight = expand_soft_labels([0.0, 1.0])
    with pytest.warns(ConvergenceWarning, match="bound"):
        TemperatureScaling().fit(np.array([[-1.0], [1.0]])[rows], y, sample_weight=weight)
