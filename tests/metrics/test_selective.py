"""Ranking by confidence: slow exact references, closed forms, edges."""

from functools import partial
from itertools import permutations
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import roc_auc_score

from skcalib.metrics import (
    augrc_loss,
    aurc_loss,
    error_detection_auc_score,
    excess_aurc_loss,
    risk_coverage_curve,
)

LOSSES = [aurc_loss, excess_aurc_loss, augrc_loss]
GRID = 16  # probabilities are multiples of 1 / 16: 1 - p is exact, and ties are many
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def predictions(draw, max_rows=40, max_classes=4, max_weight=3):
    """Draw column numbers, probabilities, and keywords with weights from 0."""
    n_classes = draw(st.integers(2, max_classes))
    n_samples = draw(st.integers(1, max_rows))
    rng = np.random.default_rng(draw(SEEDS))
    centre = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.3, 1, 10]))), n_samples)
    proba = rng.multinomial(GRID, centre) / GRID
    codes = np.where(rng.uniform(size=n_samples) < 0.4, 0, proba.argmax(axis=1))
    weight = rng.integers(0, max_weight + 1, n_samples)
    weight[rng.integers(n_samples)] = max_weight
    return codes, proba, {"labels": np.arange(n_classes), "sample_weight": weight}


def repeated(codes, proba, labels, sample_weight):
    """Return confidence and whether it is an error, a row for each unit of weight."""
    confidence, wrong = proba.max(axis=1), codes != proba.argmax(axis=1)
    return confidence.repeat(sample_weight), wrong.repeat(sample_weight)


def slow_means(confidence, wrong):
    """Average AURC and AUGRC over all orders that sort the confidences."""
    n = len(wrong)
    orders = np.array(list(permutations(range(n))))
    descending = np.argsort(-confidence[orders], axis=1, kind="stable")
    errors = np.take_along_axis(wrong[orders], descending, axis=1).cumsum(axis=1)
    return (errors / np.arange(1, n + 1)).mean(), (errors / n).mean()


@given(problem=predictions(max_rows=6, max_weight=1))
def test_losses_are_means_over_all_orders_of_ties(problem):
    codes, proba, keywords = problem
    confidence, wrong = repeated(codes, proba, **keywords)
    aurc, augrc = slow_means(confidence, wrong)
    oracle, _ = slow_means(1.0 - wrong, wrong)  # errors last
    assert aurc_loss(codes, proba, **keywords) == pytest.approx(aurc, abs=1e-14)
    assert augrc_loss(codes, proba, **keywords) == pytest.approx(augrc, abs=1e-14)
    excess = excess_aurc_loss(codes, proba, **keywords)
    assert excess == pytest.approx(aurc - oracle, abs=1e-14)


@given(seed=SEEDS, n_rows=st.integers(1, 3))
def test_integer_weights_are_repetition_in_all_orders(seed, n_rows):
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 3, n_rows)
    positive = rng.choice([0.25, 0.5, 0.75, 1.0], n_rows)
    y = rng.integers(0, 2, n_rows)
    proba = np.stack([1 - positive, positive], axis=1)
    aurc, augrc = slow_means(*repeated(y, proba, [0, 1], weight))
    keywords = {"labels": [0, 1], "sample_weight": weight}
    assert aurc_loss(y, positive, **keywords) == pytest.approx(aurc, abs=1e-14)
    assert augrc_loss(y, positive, **keywords) == pytest.approx(augrc, abs=1e-14)


@given(problem=predictions())
def test_ties_are_averaged_as_if_each_row_held_an_equal_share_of_the_errors(problem):
    codes, proba, keywords = problem
    confidence, wrong = repeated(codes, proba, **keywords)
    order = np.argsort(-confidence, kind="stable")
    share = np.array([wrong[confidence == value].mean() for value in confidence])[order]
    kept = np.arange(1, len(wrong) + 1)
    expected = share.cumsum() / kept
    assert aurc_loss(codes, proba, **keywords) == pytest.approx(expected.mean(), abs=1e-12)
    expected = share.cumsum() / len(wrong)
    assert augrc_loss(codes, proba, **keywords) == pytest.approx(expected.mean(), abs=1e-12)
    oracle = np.sort(wrong).cumsum() / kept
    excess = aurc_loss(codes, proba, **keywords) - oracle.mean()
    assert excess_aurc_loss(codes, proba, **keywords) == pytest.approx(excess, abs=1e-12)


@given(problem=predictions(), unit=st.sampled_from([1, 0.37]))
def test_curve_agrees_with_a_slow_reference(problem, unit):
    codes, proba, keywords = problem
    confidence, wrong = repeated(codes, proba, **keywords)
    threshold = np.unique(confidence)[::-1]
    kept = confidence >= threshold[:, None]
    keywords["sample_weight"] = keywords["sample_weight"] * unit
    curve = risk_coverage_curve(codes, proba, **keywords)
    assert {array.dtype for array in curve} == {np.dtype(float)}
    assert_array_equal(curve.threshold, threshold)
    assert_allclose(curve.coverage, kept.mean(axis=1), rtol=1e-13)
    assert_allclose(curve.risk, (kept & wrong).sum(axis=1) / kept.sum(axis=1), atol=1e-14)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx(wrong.mean(), abs=1e-14)  # the error rate
    assert 0 <= curve.risk.min() <= curve.risk.max() <= 1
    assert (np.diff(curve.coverage) > 0).all()


@given(problem=predictions(), fractions=st.booleans())
def test_error_detection_agrees_with_scikit_learn(problem, fractions):
    codes, proba, keywords = problem
    right, weight = codes == proba.argmax(axis=1), keywords["sample_weight"]
    if fractions:
        weight = weight * np.random.default_rng(0).uniform(size=len(weight))
    if len(set(right[weight > 0])) == 2:
        expected = roc_auc_score(right, proba.max(axis=1), sample_weight=weight)
        keywords["sample_weight"] = weight
        score = error_detection_auc_score(codes, proba, **keywords)
        assert score == pytest.approx(expected, abs=1e-12)


@given(seed=SEEDS)
def test_only_the_order_of_confidences_matters_for_two_classes(seed):
    rng = np.random.default_rng(seed)
    rank, says_one, y = rng.integers(0, [[30], [2], [2]], (3, 50))
    # Two increasing sequences of confidences above 1/2; 1 - p is exact.
    plain = 0.5 + (1 + np.arange(30)) / 64
    other = 0.5 + np.sort(1 + rng.choice(500, 30, replace=False)) / 1024
    weight = rng.uniform(0.1, 2, 50)
    figures = []
    for confidence in (plain[rank], other[rank]):
        proba = np.where(says_one, confidence, 1 - confidence)
        arguments = partial(dict, y_true=y, y_proba=proba, sample_weight=weight, labels=[0, 1])
        curve = risk_coverage_curve(**arguments())
        assert_array_equal(curve.threshold, np.unique(confidence)[::-1])
        losses = [loss(**arguments()) for loss in [*LOSSES, error_detection_auc_score]]
        figures.append(np.r_[losses, curve.coverage, curve.risk])
    assert_array_equal(*figures)


@given(seed=SEEDS)
def test_large_fractional_weights_tend_to_the_integral(seed):
    rng = np.random.default_rng(seed)
    confidence = np.linspace(0.9, 0.6, 8)
    wrong = rng.integers(0, 2, 8)
    weight = rng.uniform(0.1, 5, 8) * 1e9
    after = weight.cumsum()
    before, total = after - weight, after[-1]
    errors = (weight * wrong).cumsum() - weight * wrong
    # The integral of (E + e (x - a)) / x over x from a to b.
    slope = wrong * weight
    slope[1:] += (errors - before * wrong)[1:] * np.log(after[1:] / before[1:])
    keywords = {"sample_weight": weight, "labels": [0, 1]}
    found = aurc_loss(1 - wrong, confidence, **keywords)
    assert found == pytest.approx(slope.sum() / total, abs=1e-7)
    area = (weight * errors + wrong * weight**2 / 2).sum() / total**2
    assert augrc_loss(1 - wrong, confidence, **keywords) == pytest.approx(area, abs=1e-7)


@pytest.mark.filterwarnings("ignore:sample_weight sums to")
@given(problem=predictions(), seed=SEEDS, unit=st.sampled_from([1e-12, 1e-3, 1.0, 1e12]))
def test_fractional_weights_are_finite_and_in_bounds(problem, seed, unit):
    codes, proba, keywords = problem
    fractions = np.random.default_rng(seed).uniform(0.01, 1, len(codes)) * unit
    keywords["sample_weight"] = keywords["sample_weight"] * fractions
    for loss in (aurc_loss, excess_aurc_loss):
        found = loss(codes, proba, **keywords)
        assert type(found) is float
        assert 0 <= found <= 1
    total = keywords["sample_weight"].sum()
    assert 0 <= augrc_loss(codes, proba, **keywords) <= (1 + 1 / total) / 2 * (1 + 1e-12)


@given(problem=predictions())
def test_weights_are_continuous_at_whole_numbers(problem):
    codes, proba, keywords = problem
    expected = [loss(codes, proba, **keywords) for loss in LOSSES]
    for factor in (1 - 1e-9, 1 + 1e-9):
        moved = {**keywords, "sample_weight": keywords["sample_weight"] * factor}
        assert_allclose([f(codes, proba, **moved) for f in LOSSES], expected, atol=1e-7)


def test_oracle_has_no_excess():
    rng = np.random.default_rng(0)
    confidence = rng.permutation(np.linspace(0.51, 0.99, 97))
    for n_errors in (0, 1, 40, 96, 97):
        wrong = confidence < np.sort(np.r_[confidence, 1])[n_errors]
        keywords = {"labels": [0, 1], "sample_weight": rng.uniform(0.5, 3, 97)}
        assert excess_aurc_loss(~wrong, confidence, **keywords) == pytest.approx(0, abs=1e-14)
        if 0 < n_errors < 97:
            assert error_detection_auc_score(~wrong, confidence, **keywords) == pytest.approx(1)
            assert error_detection_auc_score(wrong, confidence, **keywords) == pytest.approx(0)
            assert excess_aurc_loss(wrong, confidence, **keywords) > 0.01


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_oracle_is_near_its_closed_form(rate):
    n = 100_000
    wrong = np.arange(n) >= n - round(rate * n)
    confidence = np.linspace(1, 0.5, n, endpoint=False)
    expected = rate + (1 - rate) * log(1 - rate)
    assert aurc_loss(~wrong, confidence) == pytest.approx(expected, abs=2e-5)
    # Worst: errors first, so that the risk is 1, then falls as rate / coverage.
    worst = rate - rate * log(rate)
    assert aurc_loss(wrong, confidence[::-1]) != pytest.approx(worst, abs=0.01)
    wrong = wrong[::-1]
    assert aurc_loss(~wrong, confidence) == pytest.approx(worst, abs=1e-4)
    excess = excess_aurc_loss(~wrong, confidence)
    assert excess == pytest.approx(worst - expected, abs=2e-4)
    assert augrc_loss(~wrong, confidence) == pytest.approx(rate - rate**2 / 2, abs=2e-5)


@pytest.mark.filterwarnings("ignore:sample_weight sums to")
@given(seed=SEEDS, n_samples=st.integers(2, 60))
def test_confidences_without_information(seed, n_samples):
    rng = np.random.default_rng(seed)
    wrong = rng.integers(0, 2, n_samples)
    wrong[:2] = 0, 1
    for weight in (None, rng.integers(1, 4, n_samples), rng.uniform(0.1, 2, n_samples)):
        arguments = {
            "y_true": 1 - wrong,
            "y_proba": np.full(n_samples, 0.7),
            "sample_weight": weight,
        }
        rate = np.average(wrong, weights=weight)
        total = n_samples if weight is None else weight.sum()
        assert aurc_loss(**arguments) == pytest.approx(rate)
        assert augrc_loss(**arguments) == pytest.approx(rate / 2 * (1 + 1 / total))
        assert error_detection_auc_score(**arguments) == pytest.approx(0.5)
        curve = risk_coverage_curve(**arguments)
        assert_allclose(np.transpose(curve), [[1, rate, 0.7]])


@pytest.mark.parametrize(("y", "rate"), [([0, 1, 2], 0), ([1, 2, 0], 1)])
def test_without_errors_or_with_nothing_else(y, rate):
    proba = np.eye(3) * [[0.5], [0.4], [0.1]] + [[1 / 6], [0.2], [0.3]]
    with pytest.warns(UndefinedMetricWarning, match="every prediction" if rate else "no pred"):
        assert np.isnan(error_detection_auc_score(y, proba))
    assert aurc_loss(y, proba) == rate
    assert excess_aurc_loss(y, proba) == 0
    assert augrc_loss(y, proba) == pytest.approx(rate * 2 / 3)
    assert_array_equal(risk_coverage_curve(y, proba).risk, [rate] * 3)


def test_one_error_among_three_rows():
    proba = [[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]
    surest, least_sure = [1, 1, 2], [0, 1, 0]
    for loss, expected in (
        (aurc_loss, ((1 + 1 / 2 + 1 / 3) / 3, 1 / 9)),
        (excess_aurc_loss, ((1 + 1 / 2) / 3, 0)),
        (augrc_loss, (1 / 3, 1 / 9)),
    ):
        assert loss(surest, proba, labels=[0, 1, 2]) == pytest.approx(expected[0])
        assert loss(least_sure, proba, labels=[0, 1, 2]) == pytest.approx(expected[1])
