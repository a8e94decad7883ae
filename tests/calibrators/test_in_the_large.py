"""Calibration in the large: what is said sums to what happens on the calibration rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support.calibrators import problems

from skcalib.calibrators import (
    BetaCalibration,
    DirichletCalibration,
    IsotonicCalibration,
    MatrixScaling,
    PlattScaling,
    QuadraticScaling,
    SplineCalibration,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    VectorScaling,
    VennAbersCalibration,
)

# By how many rows the sums may differ: Platt's targets and the uniform mixture move less than
# one row in all, fits to the optimum of a free intercept next to nothing.
ONE, NONE = 1.0, 1e-3
TOLERANCES = [
    (PlattScaling(), ONE),
    (BetaCalibration(), ONE),
    (BetaCalibration(smoothing="none"), NONE),
    (BetaCalibration(variant="am", smoothing="none"), NONE),
    (QuadraticScaling(), ONE),
    (QuadraticScaling(smoothing="none"), NONE),
    (QuadraticScaling(monotone=False, smoothing="none"), NONE),
    (SplineCalibration(), ONE),
    (SplineCalibration(smoothing="none"), NONE),
    (IsotonicCalibration(), ONE),
    (IsotonicCalibration(smoothing="none"), NONE),
    (StructuredMatrixScaling(), NONE),
    (StructuredMatrixScaling(penalty=10.0), NONE),
    (StructuredVectorScaling(), NONE),
    (MatrixScaling(), NONE),
    (VectorScaling(), NONE),
    (DirichletCalibration(), NONE),
    (DirichletCalibration(penalty=0.1), NONE),
    (VennAbersCalibration(point="base_rate"), NONE),
]


def excess(calibrator, logits, y, weight):
    """Return by how many rows too many each class is said."""
    proba = calibrator.fit(logits, y, weight).predict_proba(logits)
    return weight @ proba - np.bincount(y, weight, logits.shape[1])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:X looks like probabilities")
@pytest.mark.parametrize(("calibrator", "rows"), TOLERANCES, ids=repr)
@settings(max_examples=10)
@given(problem=problems(max_classes=2, max_samples=40), bias=st.sampled_from([0, -6, 6, 20]))
def test_two_classes_sum_to_what_happens(calibrator, rows, problem, bias):
    logits, y, weight = problem
    logits[:, 1] += bias
    assert np.abs(excess(calibrator, logits, y, weight)).max() <= rows


def rare(n_samples, rate, said, seed=0, separation=2.0):
    """Draw log-odds of a classifier trained where the class was as frequent as `said`."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n_samples) < rate).astype(int)
    x = rng.normal(size=n_samples) + separation * y
    odds = separation * x - separation**2 / 2 + np.log(said / (1 - said))
    return np.stack([np.zeros(n_samples), odds], axis=1), y


@pytest.mark.parametrize(("calibrator", "rows"), TOLERANCES, ids=repr)
def test_rare_cases_after_resampling_are_said_as_often_as_they_occur(calibrator, rows):
    logits, y = rare(500, 0.01, 0.1)
    assert 2 <= y.sum() <= 9
    assert np.abs(excess(calibrator, logits, y, np.ones(500))).max() <= rows


@pytest.mark.parametrize(
    "kind", [StructuredMatrixScaling, StructuredVectorScaling, MatrixScaling, VectorScaling]
)
def test_many_classes_with_free_intercepts(kind):
    rng = np.random.default_rng(0)
    y = rng.choice(4, p=[0.7, 0.2, 0.08, 0.02], size=300)
    logits = rng.normal(size=(300, 4)) + 2 * np.eye(4)[y]
    weight = rng.uniform(0.5, 2, 300)
    free = excess(kind(intercept_penalty=0), logits, y, weight)
    assert_allclose(free, 0, atol=1e-3)
    held = excess(kind(intercept_penalty=10.0), logits, y, weight)
    assert np.abs(held).max() > 1


def test_no_intercept_runs_away_for_a_class_without_rows():
    rng = np.random.default_rng(0)
    y = rng.choice([0, 2], size=100)
    logits = rng.normal(size=(100, 3)) + 2 * np.eye(3)[y]
    for kind in (StructuredMatrixScaling, StructuredVectorScaling, MatrixScaling):
        model = kind(intercept_penalty=0).fit_columns(logits, y, np.ones(100))
        proba = model.predict_proba(logits)
        assert np.isfinite(model.intercept_).all()
        assert (proba > 0).all()
        assert proba[:, 1].max() < 0.01


def test_the_published_penalty_is_the_default_with_many_classes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    logits = rng.normal(size=(90, 3)) + np.eye(3)[y]
    for kind in (StructuredMatrixScaling, StructuredVectorScaling):
        proba = kind().fit(logits, y).predict_proba(logits)
        same = kind(intercept_penalty=1.0).fit(logits, y).predict_proba(logits)
        assert_allclose(proba, same, atol=1e-12)


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, "none", True])
def test_bad_penalties_of_intercepts(value):
    y = np.arange(30) % 3
    kinds = StructuredMatrixScaling, StructuredVectorScaling, MatrixScaling, VectorScaling
    for kind in (*kinds, DirichletCalibration):
        with pytest.raises(ValueError, match=f"intercept_penalty must be .*{value!r}"):
            kind(intercept_penalty=value).fit(np.eye(3)[y] * 2.5, y)
