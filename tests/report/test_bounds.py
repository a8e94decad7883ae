"""Bounds on p-values and intervals, against enumeration and closed forms."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from skcalib.calibrators import TemperatureScaling
from skcalib.report._bounds import (
    assess_rate,
    fit_beta,
    gap_interval,
    mean_interval,
    share_interval,
)
from skcalib.report._columns import find_order, rank_areas
from skcalib.report._levels import Assessed, Levels
from skcalib.report._ranking import area_interval


def enumerate_outcomes(proba):
    for hit in product([False, True], repeat=len(proba)):
        hit = np.array(hit)
        yield hit, np.prod(np.where(hit, proba, 1 - proba))


@pytest.mark.parametrize("proba", [[0.5] * 10, [0.01] * 9, [0.9, 0.2, 0.6, 0.99, 0.4, 0.7]])
def test_a_rate_is_refuted_as_rarely_as_its_pvalue_says(proba):
    proba, weight = np.array(proba), np.ones(len(proba))
    found = [
        (assess_rate(proba, hit, weight), share) for hit, share in enumerate_outcomes(proba)
    ]
    assert sum(share for _, share in found) == pytest.approx(1)
    for level in (0.001, 0.01, 0.05, 0.2):
        assert sum(share for pvalue, share in found if pvalue <= level) <= level
    assert min(pvalue for pvalue, _ in found) < 0.05  # and it can be refuted


def test_a_rate_in_closed_form():
    # Relative entropy of frequency and probability, which are equal in all rows.
    proba, hit = np.full(200, 0.3), np.arange(200) < 90
    entropy = 0.45 * np.log(0.45 / 0.3) + 0.55 * np.log(0.55 / 0.7)
    assert assess_rate(proba, hit, np.ones(200)) == pytest.approx(2 * np.exp(-200 * entropy))


def test_weights_of_a_rate_are_repeated_rows():
    rng = np.random.default_rng(0)
    proba, times = rng.uniform(size=50), rng.integers(1, 4, size=50)
    hit = rng.uniform(size=50) < proba**2
    repeated = assess_rate(np.repeat(proba, times), np.repeat(hit, times), np.ones(times.sum()))
    assert assess_rate(proba, hit, times.astype(float)) == pytest.approx(repeated)


def test_all_and_none_came_true():
    proba, weight = np.full(20, 0.25), np.ones(20)
    assert assess_rate(proba, np.ones(20, bool), weight) == pytest.approx(2 * 0.25**20)
    assert assess_rate(proba, np.zeros(20, bool), weight) == pytest.approx(2 * 0.75**20)
    assert assess_rate(proba[:0], np.ones(0, bool), weight[:0]) == 1


def test_the_factor_is_one_over_the_temperature():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(800, 4))
    codes = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
    beta, low, high, gain = fit_beta(2.5 * true, codes, np.ones(800))
    temperature = TemperatureScaling().fit(2.5 * true, codes).temperature_
    assert 1 / beta == pytest.approx(temperature, rel=1e-4)
    assert low < 0.4 < high
    # The interval's ends are where the log-likelihood has fallen by 1.92.
    losses = [-log_likelihood(own * 2.5 * true, codes) for own in (beta, low, high, 1.0)]
    np.testing.assert_allclose(np.array(losses[1:3]) - losses[0], 1.9207, rtol=1e-2)
    assert gain == pytest.approx(losses[3] - losses[0])


def log_likelihood(logits, codes):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs[np.arange(len(codes)), codes].sum()


def test_the_interval_of_a_share_holds_what_is_not_refuted():
    low, high = share_interval(0.2, 50)
    for end in (low, high):  # Wilson: the share is 1.96 standard errors of the end from it
        assert abs(0.2 - end) / np.sqrt(end * (1 - end) / 50) == pytest.approx(norm.ppf(0.975))
    assert share_interval(0.0, 10)[0] == 0 < share_interval(0.0, 10)[1]


def test_means_and_gaps():
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=60), rng.integers(1, 4, size=60)
    mean, low, high = mean_interval(values, times.astype(float))
    repeated = np.repeat(values, times)
    assert mean == pytest.approx(repeated.mean())
    spread = repeated.std(ddof=1) / np.sqrt(len(repeated))
    assert high - mean == mean - low == pytest.approx(norm.ppf(0.975) * spread)
    # All right by chance: the interval is as wide as the probabilities say.
    gap, low, high = gap_interval(np.full(100, 0.9), np.ones(100, bool), np.ones(100))
    assert gap == pytest.approx(-0.1)
    assert high - gap == pytest.approx(norm.ppf(0.975) * 0.03)


def test_the_area_under_the_curve():
    rng = np.random.default_rng(0)
    score, truth = rng.normal(size=80).round(1), rng.uniform(size=80) < 0.3
    pairs = score[truth][:, None] - score[~truth][None, :]
    area = ((pairs > 0) + (pairs == 0) / 2).mean()

    def rank_area(score, truth):
        return rank_areas(np.c_[-score, score], truth.astype(int))[1, 1]

    assert rank_area(score, truth) == pytest.approx(area)
    found, low, high = area_interval(score, truth, np.ones(80))
    assert found == pytest.approx(area)
    assert low < area < high
    times = rng.integers(1, 4, size=80)
    weighted = area_interval(score, truth, times.astype(float))[0]
    assert weighted == pytest.approx(
        rank_area(np.repeat(score, times), np.repeat(truth, times))
    )
    assert np.isnan(area_interval(score, np.ones(80, bool), np.ones(80))[0])


def test_adjusted_pvalues_are_holms():
    parts = {"temperature": [0.03], "base_rate": [0.004, 0.5], "groups": [0.2, 0.9, 0.7, 0.8]}
    levels = Levels({name: Assessed(np.array(own)) for name, own in parts.items()})
    # Bonferroni within: .03, .008, .8; then Holm: 3 * .008, max(.024, 2 * .03), max(.06, .8).
    assert levels.pvalue["base_rate"] == pytest.approx(0.024)
    assert levels.pvalue["temperature"] == pytest.approx(0.06)
    assert levels.pvalue["groups"] == pytest.approx(0.8)
    assert levels.rejects("base_rate")
    assert not levels.rejects("temperature")
    assert not levels.rejects("unknown")
    assert levels.parts_off("base_rate").tolist() == [True, False]
    assert levels.calibration == levels.pvalue["base_rate"]


def test_the_order_of_columns():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=300)
    codes = (rng.uniform(size=(300, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    weight = np.ones(300)
    assert find_order(proba, codes, weight).column_of.tolist() == [0, 1, 2]
    found = find_order(proba[:, [2, 0, 1]], codes, weight)
    assert found.column_of.tolist() == [1, 2, 0]
    assert found.is_better
    assert found.gain > 50
    # Classes without rows keep their columns.
    seen = codes < 1
    assert find_order(proba[seen], codes[seen], weight[seen]).column_of.tolist() == [0, 1, 2]
