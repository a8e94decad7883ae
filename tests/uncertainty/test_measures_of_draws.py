"""Measures of draws: laws, references, and a sampler that is no network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from support.checks import parametrize_with_checks

from skcalib import TemperatureCalibratedClassifier
from skcalib.inputs._logits import softmax
from skcalib.uncertainty import (
    Draws,
    SamplingClassifier,
    expected_entropy,
    mutual_information,
    predictive_entropy,
    summarize_draws,
    uncertainty_frame,
    variation_ratio,
)

ALL = (expected_entropy, mutual_information, predictive_entropy, variation_ratio)


@st.composite
def some_draws(draw):
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(2, 6)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0, 1, 5, 500]))  # ties; mild; sharp; exact 0 and 1
    return softmax(np.round(size * rng.normal(size=shape), 1).reshape(-1, shape[2])).reshape(
        shape
    )


@given(some_draws())
def test_parts_add_up_and_stay_within_bounds(draws):
    n_classes = draws.shape[2]
    result = summarize_draws(draws)
    total = predictive_entropy(draws)
    np.testing.assert_allclose(result.predictive_entropy, total)
    np.testing.assert_allclose(result.aleatoric + result.epistemic, total, atol=1e-12)
    np.testing.assert_allclose(result.aleatoric, expected_entropy(draws), atol=1e-12)
    np.testing.assert_allclose(result.epistemic, mutual_information(draws), atol=1e-12)
    for part in (result.aleatoric, result.epistemic, total):
        assert (part >= 0).all()
        assert (part <= np.log(n_classes) + 1e-12).all()
    assert (result.low <= result.high).all()
    assert ((result.swap >= 0) & (result.swap <= 1)).all()
    assert (result.margin >= 0).all()
    assert (result.variation_ratio <= 1 - 1 / n_classes + 1e-12).all()


@given(some_draws())
def test_references(draws):
    result = summarize_draws(draws, interval=0.8)
    np.testing.assert_allclose(
        predictive_entropy(draws), entropy(draws.mean(0), axis=1), atol=1e-12
    )
    means = [entropy(draw, axis=1) for draw in draws]
    np.testing.assert_allclose(expected_entropy(draws), np.mean(means, axis=0), atol=1e-12)
    np.testing.assert_allclose(result.low, np.percentile(draws, 10, axis=0))
    np.testing.assert_allclose(result.high, np.percentile(draws, 90, axis=0))
    if len(draws) > 1:
        np.testing.assert_allclose(result.std, draws.std(axis=0, ddof=1), atol=1e-12)
    else:
        assert np.isnan(result.std).all()
    for row in range(draws.shape[1]):
        votes = np.bincount(draws[:, row].argmax(axis=1))
        assert variation_ratio(draws)[row] == pytest.approx(1 - votes.max() / len(draws))
        one, two = result.likeliest[row]
        turned = [0.5 * (d[one] == d[two]) + (d[two] > d[one]) for d in draws[:, row]]
        assert result.swap[row] == pytest.approx(np.mean(turned))
        assert result.mean[row].max() == result.mean[row, one]


@given(some_draws(), st.integers(0, 2**32 - 1))
def test_order_does_not_matter(draws, seed):
    rng = np.random.default_rng(seed)
    one, two, three = (rng.permutation(size) for size in draws.shape)
    for measure in ALL:
        expected = measure(draws)[two]
        np.testing.assert_allclose(measure(draws[one][:, two]), expected, atol=1e-12)
        if measure is not variation_ratio:  # ties go to the first class
            found = measure(draws[one][:, two][..., three])
            np.testing.assert_allclose(found, expected, atol=1e-12)


@given(some_draws())
def test_equal_draws_know_all_that_can_be_known(draws):
    same = np.repeat(draws[:1], 4, axis=0)
    result = summarize_draws(same)
    for zero in (
        result.epistemic,
        result.std,
        result.high - result.low,
        result.variation_ratio,
    ):
        np.testing.assert_allclose(zero, 0, atol=1e-12)


@given(some_draws())
def test_float32_agrees(draws):
    narrow = draws.astype(np.float32)
    for name, array in summarize_draws(draws).items():
        if name not in ("likeliest", "swap", "margin", "variation_ratio"):  # ties
            np.testing.assert_allclose(summarize_draws(narrow)[name], array, atol=1e-5)


def test_errors_fall_as_one_over_the_root():
    rng = np.random.default_rng(0)
    errors = []
    for n_draws in (100, 10_000):
        p = rng.beta(2, 3, (n_draws, 400))
        result = summarize_draws(np.stack([1 - p, p], axis=2))
        z = (result.mean[:, 1] - 0.4) / result.standard_error[:, 1]
        assert 0.85 < z.std() < 1.15
        errors.append(result.standard_error.mean())
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.05)


def test_chosen_measures():
    draws = np.full((3, 2, 2), 0.5)
    assert set(summarize_draws(draws, measures="epistemic")) == {"epistemic"}
    assert set(summarize_draws(draws, measures=["interval", "std"])) == {"low", "high", "std"}
    names = {"likeliest", "margin", "swap"}
    assert set(summarize_draws(draws, measures=["likeliest"])) == names


GOOD = np.full((3, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        (GOOD[0], "n_draws, n_samples, n_classes"),
        (GOOD[:0], "none of them 0"),
        (GOOD * np.nan, "NaN"),
        (GOOD * 0.9, "sum"),
        (GOOD - 1, "draws"),
        ([[["a", "b"]]], "draws"),
    ],
)
def test_what_are_no_draws(draws, message):
    for measure in (*ALL, summarize_draws):
        with pytest.raises(ValueError, match=message):
            measure(draws)


@pytest.mark.parametrize("interval", [0, 1, -0.5, np.nan, None, "wide", [0.5]])
def test_intervals_that_are_none(interval):
    with pytest.raises(ValueError, match="interval"):
        summarize_draws(GOOD, interval=interval)


@pytest.mark.parametrize("measures", ["variance", ["mean", "x"], 3, None])
def test_measures_that_are_none(measures):
    with pytest.raises(ValueError, match="measures"):
        summarize_draws(GOOD, measures=measures)


def test_a_table_needs_its_columns():
    frame = uncertainty_frame(summarize_draws(GOOD))
    assert frame.says.tolist() == ["0 at 50 % [.50, .50], 1 at 50 %"] * 2
    with pytest.raises(ValueError, match="interval"):
        uncertainty_frame(summarize_draws(GOOD, measures=["mean", "likeliest"]))


class NoisyRegression(SamplingClassifier):
    """Logistic regression with noise on its decision values: a sampler without a network."""

    def __init__(self, n_draws=20, levels=None, random_state=None):
        self.n_draws = n_draws
        self.levels = levels
        self.random_state = random_state

    def fit(self, X, y):
        X, y = validate_data(self, X, y)
        self.model_ = LogisticRegression().fit(X, y)
        self.classes_ = self.model_.classes_
        self.seed_ = check_random_state(self.random_state).randint(2**31 - 1)
        return self

    def _draws(self, X):
        return Draws(self._blocks(X), levels=self.levels)

    def _blocks(self, X):
        values = self.model_.decision_function(validate_data(self, X, reset=False))
        values = np.stack([-values / 2, values / 2], axis=1) if values.ndim == 1 else values
        noise = np.random.default_rng(self.seed_).normal(
            size=(self.n_draws, 1, values.shape[1])
        )
        for start in range(0, len(values), 7):
            rows = values[start : start + 7]
            levels = [rows + 0.3 * level * noise for level in self.levels or [1]]
            draws = np.array([[softmax(draw) for draw in level] for level in levels])
            yield slice(start, start + len(rows)), draws


@parametrize_with_checks([NoisyRegression(random_state=0)])
def test_a_sampler_passes_the_checks(estimator, check):
    check(estimator)


def test_a_sampler_in_use():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = np.array(["no", "yes"])[(X[:, 0] + 0.5 * rng.normal(size=90) > 0).astype(int)]
    sampler = NoisyRegression(random_state=0)
    with pytest.raises(NotFittedError):
        sampler.sample_proba(X)
    draws = sampler.fit(X, y).sample_proba(X)
    assert draws.shape == (20, 90, 2)
    np.testing.assert_allclose(sampler.predict_proba(X), draws.mean(axis=0))
    for rows, block in sampler.sample_proba(X, blocks=True):
        np.testing.assert_array_equal(block, draws[:, rows])
    result, expected = sampler.predict_uncertainty(X), summarize_draws(draws)
    for name in expected:
        labels = sampler.classes_[expected.likeliest]
        right = labels if name == "likeliest" else expected[name]
        np.testing.assert_array_equal(result[name], right)
    assert cross_val_score(sampler, X, y, cv=3).mean() > 0.7
    assert TemperatureCalibratedClassifier(sampler).fit(X, y).score(X, y) > 0.7
    levels = clone(sampler).set_params(levels=[1, 2]).fit(X, y)
    assert levels.predict_uncertainty(X).low.shape == (2, 90, 2)
    np.testing.assert_array_equal(levels.sample_proba(X)[0], draws)
    with pytest.raises(ValueError, match="one level"):
        levels.predict_proba(X)
