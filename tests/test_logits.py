"""Probabilities to logits and back, log-odds, and what classifiers answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit, logsumexp
from scipy.special import softmax as reference_softmax
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from support.calibrators import problems
from support.classifiers import Probabilities, Scores

from skcalib import logits_from_proba, probability_floor
from skcalib.calibrators import PlattScaling
from skcalib.calibrators._log_odds import log_odds, log_odds_columns, merge_near_ties
from skcalib.folds._responses import logits_from_response, response_of
from skcalib.inputs import _logits
from skcalib.inputs._logits import sigmoid, softmax


@given(problem=problems())
def test_softmax_leads_back(problem):
    logits, _, _ = problem
    proba = reference_softmax(logits, axis=1)
    assert_allclose(softmax(logits_from_proba(proba)), proba, atol=1e-12)
    assert_allclose(softmax(logits, 0.3), reference_softmax(0.3 * logits, axis=1), atol=1e-14)


@given(p=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=20))
def test_one_column_is_the_positive_class(p):
    p = np.array(p)
    two = logits_from_proba(np.stack([1 - p, p], axis=1))
    assert_array_equal(logits_from_proba(p), two)
    assert_array_equal(logits_from_proba(p[:, None]), two)
    floor = probability_floor(p)
    assert floor == min(p.min(), (1 - p).min()) / 2
    assert_allclose(two[:, 1] - two[:, 0], logit(p), rtol=1e-6, atol=1e-12)


def test_zeros_rise_to_the_floor_only():
    proba = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]])
    assert probability_floor(proba) == 0.05
    assert_allclose(np.exp(logits_from_proba(proba)), np.maximum(proba, 0.05))
    assert_allclose(np.exp(logits_from_proba(proba, 0.01)), np.maximum(proba, 0.01))
    assert probability_floor(proba, [0, 1]) == 0.1
    assert probability_floor([[0.0, 1.0]]) == 0.25  # the likeliest class stays likeliest


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_types_and_subnormal_numbers(dtype):
    proba = np.array([[1, 0], [1, np.finfo(dtype).smallest_subnormal]], dtype=dtype)
    logits = logits_from_proba(proba)
    assert logits.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert np.isfinite(logits).all()
    assert probability_floor(proba) >= np.finfo(np.float32).tiny
    assert np.isfinite(logits_from_proba(proba, floor=1e-300)).all()


@pytest.mark.parametrize("container", [list, pd.DataFrame, np.asfortranarray])
def test_containers(container):
    proba = [[0.25, 0.75], [0.5, 0.5]]
    assert_allclose(logits_from_proba(container(proba)), np.log(proba))


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        ([[np.nan, 1]], r"NaN.*1 of 1 rows"),
        ([[np.inf, 0]], "NaN or infinite"),
        ([[0.5, 0.5], [0.5, 0.6]], r"do not sum to one.*1 of 2 rows \(the first is row 1\)"),
        ([[-0.5, 1.5]], r"outside \[0, 1\]"),
        ([1.5], r"outside \[0, 1\]"),
        ([], "non-empty"),
        ([[]], "non-empty"),
        ([[[0.5, 0.5]]], "shape"),
        (["a"], "not numeric"),
        ([[1j, 1]], "complex"),
    ],
)
def test_what_is_no_probability(proba, message):
    for function in (logits_from_proba, probability_floor):
        with pytest.raises(ValueError, match=message):
            function(proba)


def test_what_is_no_floor():
    for floor in (0, 1, -0.1, 2, np.nan, "a", [0.1]):
        with pytest.raises(ValueError, match="floor must be a number between 0 and 1"):
            logits_from_proba([[0.5, 0.5]], floor)
    with pytest.raises(ValueError, match="no positive entry"):
        probability_floor([[0.5, 0.5]], [0])
    with pytest.raises(ValueError, match="inconsistent"):
        probability_floor([[0.5, 0.5]], [1, 1])


@given(problem=problems(), shift=st.integers(-8000, 8000))
def test_log_odds(problem, shift):
    logits, _, _ = problem
    n_classes = logits.shape[1]
    for moved in (logits, logits + shift / 8, logits.astype(np.float32)):
        columns = dict(log_odds_columns(moved))
        assert list(columns) == ([1] if n_classes == 2 else list(range(n_classes)))
        for k, z in columns.items():
            others = logsumexp(np.delete(logits, k, axis=1), axis=1)
            assert_allclose(z, logits[:, k] - others, atol=1e-10)
            assert z.dtype == np.float64
        whole = log_odds(moved)
        assert_allclose(whole, np.stack(list(columns.values())), atol=1e-10)


def test_sigmoid_is_precise_in_both_tails():
    z = np.r_[np.linspace(-700, 700, 9999), 0, 1e30, -1e30, np.inf, -np.inf]
    assert_allclose(sigmoid(z), expit(z), rtol=1e-15)


def test_log_odds_of_saturated_rows():
    logits = np.array([[900.0, 0, -900], [0, 0, -900], [1e29, -1e29, 0]])
    expected = np.array([[900, -900, -1800], [0, 0, -900 - np.log(2)], [1e29, -2e29, -1e29]])
    z = np.stack([z for _, z in log_odds_columns(logits)], axis=1)
    assert_allclose(z, expected, rtol=1e-12)
    assert_allclose(log_odds(logits).T, expected, rtol=1e-12)


def test_one_vs_one_is_found_inside_searches_and_pipelines():
    X, y = load_iris(return_X_y=True)
    ovo = SVC(decision_function_shape="ovo")
    pipeline = make_pipeline(StandardScaler(), ovo)
    search = GridSearchCV(pipeline, {"svc__C": [1.0]}, cv=2)
    for model in (ovo, pipeline, search, FrozenEstimator(pipeline.fit(X, y))):
        with pytest.raises(ValueError, match="'ovr', not 'ovo'"):
            response_of(model.fit(X, y), X)
    two = y < 2
    assert response_of(ovo.fit(X[two], y[two]), X).values.shape == (150, 2)


def test_answers_of_other_types():
    X = np.array([[1, 2, 3], [3, 2, 1], [0, 0, 5]])
    y = [0, 1, 2]
    assert response_of(Scores().fit(X, y), X).values.dtype == np.float64

    class Listing(Probabilities):
        def predict_proba(self, X):
            return [[0.2, 0.3, 0.5]] * len(X)

    assert_array_equal(response_of(Listing().fit(X, y), X).values, [[0.2, 0.3, 0.5]] * 3)
    half = np.full((3, 3), 1 / 3, dtype=np.float16)
    assert response_of(Probabilities().fit(half, y), half).values.dtype == np.float32


def test_an_integer_answer_is_not_changed_in_place():
    X = np.random.default_rng(0).normal(size=(5, 2))
    kept = X.copy()
    response = response_of(Scores().fit(X, [0, 1, 0, 1, 0]), X)
    softmax(response.values)
    assert_array_equal(X, kept)


def test_near_ties_merge_and_nothing_else():
    step = 1e-15
    z = np.array([3.0, 1.0, 1.0 + step, 2.0, 1.0 - step, 2.0 + 1e-9])
    merged = merge_near_ties(z, np.full(6, 1e-14))
    assert_array_equal(merged, [3, 1 - step, 1 - step, 2, 1 - step, 2 + 1e-9])
    # Exact log-odds are rounded all the same: by eight of their own units in the last place.
    assert_array_equal(merge_near_ties(z, np.zeros(6)), merged)
    apart = np.array([3.0, 1.0, 1.0 + 1e-14, 2.0, 1.0 - 1e-14, 2.0 + 1e-9])
    assert_array_equal(merge_near_ties(apart, np.zeros(6)), apart)
    chain = np.arange(100) * 0.5
    pieces = merge_near_ties(chain, np.ones(100))
    assert len(np.unique(pieces)) == 25
    assert np.abs(pieces - chain).max() <= 2
    assert merge_near_ties(np.zeros(1), np.zeros(1)) == 0


def test_small_logits_of_many_classes_keep_their_information():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 500)
    logits = rng.normal(size=(500, 3)) + np.eye(3)[y]
    losses = []
    for scale in (1e-6, 1e-10):
        model = PlattScaling().fit(logits * scale, y)
        losses.append(-model.predict_log_proba(logits * scale)[np.arange(500), y].mean())
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)


def test_a_row_of_zeros_is_uniform_where_a_classifier_gives_it():
    X = np.array([[0.2, 0.3, 0.5], [0, 0, 0], [0.6, 0.2, 0.2]])
    response = response_of(Probabilities().fit(X, [0, 1, 2]), X)
    assert_allclose(softmax(logits_from_response(response, 0.1))[1], 1 / 3)
    with pytest.raises(ValueError, match="sum to one"):
        logits_from_proba(X)


def test_masks_are_checked_in_blocks_of_rows(monkeypatch):
    """Only lowest numbers need a copy; errors name the row, whatever its block."""
    monkeypatch.setattr(
        _logits, "row_blocks", lambda n, k: [slice(i, i + 2) for i in range(0, n, 2)]
    )
    logits = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    logits[4, 1] = -np.inf
    assert _logits.check_logits(logits, "X") is logits
    lowest = logits.copy()
    lowest[[2, 6], [0, 2]] = np.finfo(np.float32).min
    expected = np.where(lowest < -1e30, np.float32(-np.inf), lowest)
    given = lowest.copy()
    assert_array_equal(_logits.check_logits(lowest, "X"), expected)
    assert_array_equal(lowest, given)
    lowest[6] = -np.inf
    with pytest.raises(ValueError, match=r"every class masked .* in 1 of 7 .* row 6"):
        _logits.check_logits(lowest, "X")
    lowest[5, 0] = np.nan
    with pytest.raises(ValueError, match=r"NaN.* in 1 of 7 rows .*row 5"):
        _logits.check_logits(lowest, "X")
    with pytest.raises(ValueError, match=r"in 1 of 7 rows .*row 4"):
        _logits.check_logits(logits[:, 1:2], "X")
