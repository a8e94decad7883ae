"""Venn-Abers calibration against isotonic fits with the test point added both ways."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import gmean
from sklearn.exceptions import NotFittedError
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import VennAbersCalibration


def by_brute_force(z, y, weight, new):
    """Fit isotonic regression to the rows and (new, 0), then (new, 1), for each new score."""
    pairs = []
    for score in new:
        for label in (0.0, 1.0):
            rows = np.append(z, score), np.append(y, label)
            fit = IsotonicRegression().fit(*rows, np.append(weight, 1.0))
            pairs.append(fit.predict([score])[0])
    return np.reshape(pairs, (-1, 2)).T


@pytest.mark.parametrize(
    "weights", ["any", *(pytest.param(w, marks=pytest.mark.slow) for w in ("one", "integer"))]
)
def test_interval_is_that_of_two_isotonic_fits(weights):
    for seed in range(15):
        rng = np.random.default_rng(seed)
        n = rng.integers(2, 40)
        z = rng.integers(-rng.integers(1, 30), 30, n) / 4  # from many ties to few
        y = rng.uniform(size=n) < expit(z * rng.normal())
        y[:2] = [False, True]
        weight = {
            "one": np.ones(n),
            "integer": rng.integers(1, 5, n).astype(float),
            "any": rng.uniform(0.05, 3, n) + (2 if n == 2 else 0),
        }[weights]
        new = np.concatenate([np.unique(z), np.unique(z) + 0.1, [-100, 100]])
        model = VennAbersCalibration().fit(z[:, None], y, weight)
        p0, p1 = model.predict_interval(new[:, None])
        expected = by_brute_force(z, y, weight, new)
        assert_allclose(p0[:, 1], expected[0], atol=1e-12)
        assert_allclose(p1[:, 1], expected[1], atol=1e-12)
        assert_allclose(p0[:, 0], 1 - p1[:, 1], atol=1e-15)


def test_the_number_lies_in_the_interval_and_is_minimax():
    rng = np.random.default_rng(0)
    z = rng.normal(size=60)
    y = rng.uniform(size=60) < expit(z)
    new = np.linspace(-5, 5, 50)[:, None]
    model = VennAbersCalibration().fit(z[:, None], y)
    p0, p1 = (bound[:, 1] for bound in model.predict_interval(new))
    assert (p0 < p1).all()
    assert p0.min() == 0  # below all scores of misses
    assert p1.max() == 1
    grid = np.linspace(0.0005, 0.9995, 1000)[:, None]

    # The loss beyond that of p0 if the label is 0, of p1 if it is 1, whichever is worse.
    log = np.maximum(np.log1p(-p0) - np.log1p(-grid), np.log(p1) - np.log(grid))
    assert_allclose(model.predict_proba(new)[:, 1], grid[log.argmin(axis=0), 0], atol=1e-3)
    brier = VennAbersCalibration(point="brier").fit(z[:, None], y).predict_proba(new)[:, 1]
    square = np.maximum(grid**2 - p0**2, (1 - grid) ** 2 - (1 - p1) ** 2)
    assert_allclose(brier, grid[square.argmin(axis=0), 0], atol=1e-3)


def test_never_certain_and_on_average_right():
    rng = np.random.default_rng(0)
    z, new = rng.normal(size=(2, 3000)) * 3
    y, new_y = (rng.uniform(size=3000) < expit(s / 2) for s in (z, new))
    model = VennAbersCalibration().fit(z[:, None], y)
    proba = model.predict_proba(new[:, None])[:, 1]
    assert proba.min() > 0
    assert proba.max() < 1
    assert log_loss(new_y, proba) < log_loss(new_y, expit(new)) - 0.02
    p0, p1 = (bound[:, 1].mean() for bound in model.predict_interval(new[:, None]))
    assert p0 - 0.02 < new_y.mean() < p1 + 0.02
    assert p1 - p0 < 0.03


def test_many_rows_at_once_and_float32():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(200_000, 2)).astype(np.float32)
    y = rng.uniform(size=len(z)) < expit(z[:, 1] - z[:, 0])
    model = VennAbersCalibration().fit(z, y)
    p0, p1 = model.predict_interval(z)
    assert p0.dtype == p1.dtype == np.float32
    assert (p0 <= p1).all()
    assert_allclose(p0 + p1[:, ::-1], 1, atol=1e-6)


def test_many_classes_have_an_interval_each():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    logits = rng.normal(size=(300, 3)) + 2 * np.eye(3)[y]
    model = VennAbersCalibration().fit(logits, y)
    p0, p1 = model.predict_interval(logits)
    assert p0.shape == p1.shape == (300, 3)
    odds = logits[:, 1] - np.logaddexp(logits[:, 0], logits[:, 2])
    binary = VennAbersCalibration().fit(odds[:, None], y == 1)
    expected = binary.predict_interval(odds[:, None])
    assert_allclose(p0[:, 1], expected[0][:, 1], atol=1e-12)
    assert_allclose(p1[:, 1], expected[1][:, 1], atol=1e-12)
    pairs = VennAbersCalibration(multiclass="ovo").fit(logits, y)
    with pytest.raises(ValueError, match="multiclass='ovr'"):
        pairs.predict_interval(logits)


def test_labels_shapes_and_bad_input():
    """What the venn-abers package does not do: labels, all columns, NaN refused."""
    rng = np.random.default_rng(0)
    y = rng.choice([0, 2], 60)
    logits = rng.normal(size=(60, 3)) + np.eye(3)[y]
    with pytest.warns(UserWarning, match="no sample of the classes"):
        model = VennAbersCalibration().fit(logits, y)
    assert model.predict_proba(logits).shape == (60, 3)
    assert_array_equal(model.predict(logits), model.predict_proba(logits).argmax(axis=1))
    with pytest.raises(ValueError, match="NaN"):
        model.predict_interval(np.full((1, 3), np.nan))
    with pytest.raises(NotFittedError):
        VennAbersCalibration().predict_interval(logits)
    with pytest.raises(ValueError, match=r"point must be one of .* got 'mean'"):
        VennAbersCalibration(point="mean").fit(logits, y)


@pytest.mark.parametrize("point", ["log_loss", "brier"])
def test_folds_make_a_cross_venn_abers_predictor(point):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    X = rng.normal(size=(300, 3)) + y[:, None]
    method = VennAbersCalibration(point=point)
    model = CalibratedClassifierCV(LogisticRegression(), method=method, cv=4).fit(X, y)
    p0, p1 = [], []
    for pair in model.calibrated_classifiers_:
        decision = pair.estimator.decision_function(X)
        logits = np.stack([-decision, decision], axis=1) / 2
        bounds = pair.calibrators[0].predict_interval(logits)
        p0.append(bounds[0][:, 1])
        p1.append(bounds[1][:, 1])
    hit, miss = gmean(p1, axis=0), gmean(1 - np.array(p0), axis=0)
    proba = model.predict_proba(X)
    mean = np.mean([pair.predict_proba(X) for pair in model.calibrated_classifiers_], axis=0)
    assert 0.001 < np.abs(proba - mean).max() < 0.1
    if point == "log_loss":
        assert_allclose(proba[:, 1], hit / (hit + miss), atol=1e-12)


def test_a_fold_without_a_class_is_completed_by_the_others():
    rng = np.random.default_rng(0)
    y = np.tile([0, 1, 2], 60)
    X = rng.normal(size=(180, 3)) + 2 * np.eye(3)[y]
    splits = list(KFold(3).split(X))
    splits[0] = (splits[0][0][y[splits[0][0]] < 2], splits[0][1])  # never saw a 2
    model = CalibratedClassifierCV(LogisticRegression(), method="venn-abers", cv=splits)
    with pytest.warns(UserWarning, match="Some classes have no samples"):
        model.fit(X, y)
    proba = model.predict_proba(X)
    # The answer is the normalised geometric mean of the pairs, the first completed by itself.
    first, *others = (pair.predict_proba(X) for pair in model.calibrated_classifiers_)
    completed = first * proba[:, :2].sum(axis=1, keepdims=True)
    completed[:, 2] = proba[:, 2]
    mean = np.exp(np.mean(np.log([completed, *others]), axis=0))
    assert_allclose(proba, mean / mean.sum(axis=1, keepdims=True), atol=1e-9)
    assert (first[:, 2] == 0).all()
    assert (proba[:, 2] > 0).any()


@pytest.mark.parametrize("thinning", [1e-3, 0.03])
def test_thinning_widens_the_interval_by_no_more_and_is_symmetric(thinning):
    rng = np.random.default_rng(0)
    z = rng.normal(size=4000) - 3
    y = rng.uniform(size=4000) < expit(z)
    new = np.append(z, [-30.0, 30.0])[:, None]
    exact = VennAbersCalibration().fit(z[:, None], y)
    model = VennAbersCalibration(thinning=thinning).fit(z[:, None], y)
    p0, p1 = (bound[:, 1] for bound in exact.predict_interval(new))
    low, high = (bound[:, 1] for bound in model.predict_interval(new))
    assert (low <= p0).all()
    assert (low > p0 - thinning).all()
    assert (high >= p1).all()
    assert (high < p1 + thinning).all()
    turned = VennAbersCalibration(thinning=thinning).fit(-z[:, None], ~y)
    assert_allclose(turned.predict_interval(-new)[0][:, 1], 1 - high, atol=1e-12)
    (steps,), (whole,) = model.maps_, exact.maps_
    assert max(len(steps.lower_levels), len(steps.upper_levels)) <= 1 / thinning + 2
    assert len(steps.upper_knots) == len(steps.upper_levels) - 1
    assert len(steps.lower_knots) == len(steps.lower_levels) - 1
    assert len(steps.upper_levels) < len(whole.upper_levels)
    assert len(pickle.dumps(model)) < len(pickle.dumps(exact)) / 2


@pytest.mark.parametrize("thinning", [-1e-9, 0.11, np.nan, "1", None, True])
def test_thinning_that_is_none_is_refused(thinning):
    with pytest.raises(ValueError, match="thinning must be a number from 0"):
        VennAbersCalibration(thinning=thinning).fit([[1.0], [2.0]], [0, 1])
