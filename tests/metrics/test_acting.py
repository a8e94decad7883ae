"""What acting gains and costs: the published formulas, brute force, and coverage."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import norm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from skcalib.decision import CostSensitiveClassifier
from skcalib.metrics import (
    brier_score_loss,
    cost_curve,
    net_benefit_curve,
    value_of_abstaining,
)

SEEDS = st.integers(0, 2**32 - 1)
RATES = {"ant": 0.2, "bee": 0.7, "cat": 0.1}
NAMES = np.array(["cat", "ant", "bee"])  # in no order


def rows(seed, n=60, n_classes=2):
    """Draw labels and probabilities with ties; each class has a row."""
    rng = np.random.default_rng(seed)
    proba = rng.multinomial(16, rng.dirichlet(np.ones(n_classes), n)) / 16
    y = (rng.uniform(size=(n, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return y, proba


@given(seed=SEEDS)
def test_net_benefit_is_vickers_and_elkins(seed):
    y, proba = rows(seed)
    p, thresholds = proba[:, 1], [0.5, 0.0, 0.125, 0.9]
    curve = net_benefit_curve(y, p, thresholds=thresholds)
    for t, found, on_all in zip(thresholds, curve.net_benefit, curve.act_on_all, strict=True):
        true, false = ((p >= t) & (y == 1)).sum(), ((p >= t) & (y == 0)).sum()
        assert found == pytest.approx(true / 60 - false / 60 * t / (1 - t))
        assert on_all == pytest.approx(y.mean() - (1 - y.mean()) * t / (1 - t))
    assert_array_equal(curve.threshold, thresholds)
    assert (curve.low <= curve.net_benefit).all()
    assert (curve.net_benefit <= curve.high).all()


def test_what_net_benefit_leaves_out_is_the_brier_score():
    # Twice the mean over thresholds of (1 - t) (prevalence - net benefit).
    y, proba = rows(0, 300)
    t = (np.arange(20_000) + 0.5) / 20_000
    curve = net_benefit_curve(y, proba, thresholds=t)
    lost = 2 * np.mean((1 - t) * (y.mean() - curve.net_benefit))
    assert lost == pytest.approx(brier_score_loss(y, proba[:, 1]), abs=1e-4)


@given(seed=SEEDS)
def test_costs_are_drummond_and_holtes(seed):
    y, proba = rows(seed)
    p, rate = proba[:, 1], y.mean()
    curve = cost_curve(y, p, probability_cost=[0.7, 0.2, 0.0, 1.0])
    for point, t, cost, lowest in zip(
        curve.probability_cost, curve.threshold, curve.cost, curve.envelope, strict=True
    ):
        # of a miss 1 - t, of acting in vain t
        if 0 < point < 1:
            assert rate * (1 - t) / (rate * (1 - t) + (1 - rate) * t) == pytest.approx(point)

        def paid(level, point=point):
            missed = (p < level)[y == 1].mean()
            return point * missed + (1 - point) * (p >= level)[y == 0].mean()

        if not np.isclose(p, t).any():
            assert cost == pytest.approx(paid(t))
        every = [paid(level) for level in (*p, 0, 2)]
        assert lowest == pytest.approx(min(every))
    assert (curve.envelope <= curve.cost + 1e-12).all()
    assert (curve.low <= curve.cost).all()
    assert (curve.cost <= curve.high).all()


class Fixed(ClassifierMixin, BaseEstimator):
    """Answers with what it is asked."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return X


@given(seed=SEEDS)
def test_abstaining_is_worth_what_decisions_by_costs_save(seed):
    y, proba = rows(seed, n_classes=3)
    rng = np.random.default_rng(seed)
    costs = rng.integers(0, 9, (3, 3)).astype(float)
    costs[np.diag_indices(3)] = costs.min(axis=1) - 1  # gains, too
    frozen = FrozenEstimator(Fixed().fit(proba, y))
    price = float(rng.uniform(0, 5))

    def paid(abstain_cost):
        model = CostSensitiveClassifier(frozen, cost_matrix=costs, abstain_cost=abstain_cost)
        decided = model.fit(proba, y).predict(proba)
        table = np.column_stack([costs, np.full(3, price)])
        return table[y, np.where(decided == -1, 3, decided)], decided == -1

    without, with_option = paid(None)[0], paid(price)
    found = value_of_abstaining(y, proba, abstain_cost=price, cost_matrix=costs)
    assert type(found.value) is float
    assert found.value == pytest.approx(without.mean() - with_option[0].mean())
    assert found.share == pytest.approx(with_option[1].mean())
    assert found.cost == pytest.approx(with_option[0].mean())
    assert found.low <= found.value <= found.high
    several = value_of_abstaining(y, proba, abstain_cost=[9.0, price], cost_matrix=costs)
    assert several.value[1] == found.value


@pytest.mark.parametrize(
    "call",
    [
        partial(net_benefit_curve, notion="class-wise"),
        partial(cost_curve, notion="class-wise", probability_cost=[0.3, 0.6]),
        value_of_abstaining,
    ],
)
def test_prevalence_is_the_weight_of_each_class(call):
    y, proba = rows(1, 200, 3)
    proba = np.random.default_rng(0).dirichlet(np.ones(3), 200)
    y, labels = NAMES[y], NAMES.tolist()
    rates = np.array([RATES[label] for label in y])
    weight = rates / pd.Series(y).map(pd.Series(y).value_counts(normalize=True)).to_numpy()
    expected = call(y, proba, labels=labels, sample_weight=weight)
    for prevalence in (RATES, [RATES[label] for label in labels]):
        found = call(y, proba, labels=labels, prevalence=prevalence)
        for name in set(found._fields) - {"low", "high"}:
            assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-12)
        assert (found.low <= found[1 if call is value_of_abstaining else -4] + 1e-12).all()
    two = net_benefit_curve(y == "ant", proba[:, 1], prevalence=0.2)
    assert two.net_benefit.max() <= 0.2


@pytest.mark.parametrize("call", [net_benefit_curve, cost_curve])
def test_each_class_against_all_others(call):
    y, proba = rows(2, 100, 3)
    found = call(NAMES[y], proba, labels=NAMES, notion="class-wise")
    for place, label in enumerate(sorted(NAMES)):
        column = NAMES.tolist().index(label)
        alone = call(NAMES[y] == label, proba[:, column])
        for part, own in zip(found[1:], alone[1:], strict=True):
            np.testing.assert_allclose(part[place] if part.ndim == 2 else part, own)
    # Without a notion to act is to answer: in vain if that is wrong.
    answers = call(y, proba)
    alone = call(proba.argmax(axis=1) == y, proba.max(axis=1), labels=[False, True])
    for part, own in zip(answers, alone, strict=True):
        assert_array_equal(part, own)


@pytest.mark.parametrize("call", [net_benefit_curve, cost_curve])
@pytest.mark.parametrize("prevalence", [None, 0.05])
def test_with_a_reference_the_curve_is_the_difference(call, prevalence):
    y, proba = rows(3, 150)
    other = rows(4, 150)[1]
    call = partial(call, prevalence=prevalence)
    found = call(y, proba, reference=other)
    ours, theirs = call(y, proba), call(y, other)
    difference = found.net_benefit if hasattr(found, "net_benefit") else found.cost
    parts = [c.net_benefit if hasattr(c, "net_benefit") else c.cost for c in (ours, theirs)]
    assert_allclose(difference, parts[0] - parts[1], atol=1e-12)
    last = found[-1]  # acting on all, or the envelope
    gone = parts[1] if hasattr(found, "net_benefit") else theirs[-1]
    assert_allclose(last, ours[-1] - gone, atol=1e-12)
    assert ((found.low <= difference) & (difference <= found.high)).all()
    same = call(y, proba, reference=proba.astype(np.float32))
    assert_array_equal(same[2 if "cost" in same._fields else 1], 0)
    # Paired: nearer than two intervals that know nothing of each other.
    y, proba = rows(3, 2000)
    near, ours = call(y, np.clip(proba[:, 1] + 0.01, 0, 1), reference=proba), call(y, proba)
    assert np.median((near.high - near.low) / (ours.high - ours.low)) < 0.4
    with pytest.raises(ValueError, match=r"reference, another model's y_proba: .*inconsistent"):
        call(y, proba, reference=other)


def test_the_interval_of_one_frequency_is_wilsons():
    y = [1] * 30 + [0] * 70
    one = value_of_abstaining(y, np.full(100, 0.5), abstain_cost=0.0)  # decides the first
    low, high = proportion_confint(30, 100)
    assert_allclose([one.value, one.low, one.high], [0.3, low, high])
    curve = net_benefit_curve(y, [0.9] * 100, thresholds=0.0)
    assert_allclose([curve.low[0], curve.high[0]], [low, high])


def proportion_confint(hits, n):
    """Solve (share - p)^2 = z^2 p (1 - p) / n, Wilson's equation."""
    z = norm.ppf(0.975)
    return np.sort(np.roots([1 + z**2 / n, -(2 * hits + z**2) / n, (hits / n) ** 2]))


class Population:
    """A pool from which rows are drawn; the truth is its mean."""

    def __init__(self, slope=1.6, shift=-2.0, size=50_000):
        rng = np.random.default_rng(7)
        score, extra = slope * rng.normal(size=size) + shift, rng.normal(size=size)
        self.true = expit(score + extra)
        self.models = [expit(0.9 * score + 0.2), expit(1.2 * score + 0.8 * extra)]

    def draw(self, n, seed):
        rng = np.random.default_rng(seed)
        place = rng.integers(0, len(self.true), n)
        y = (rng.uniform(size=n) < self.true[place]).astype(int)
        return y, *(model[place] for model in self.models)

    def outcomes(self):
        """Return rows of the whole pool, with both outcomes by their probability."""
        y = np.repeat([1, 0], len(self.true))
        weight = np.r_[self.true, 1 - self.true]
        return y, *(np.tile(model, 2) for model in self.models), weight


def held(call, n, n_runs, value, **params):
    """Return how often intervals hold the truth, where at least 20 rows lie beyond."""
    pool = Population()
    y, one, other, weight = pool.outcomes()
    truth = [
        getattr(call(y, one, sample_weight=weight, **params, **pair), value)
        for pair in ({}, {"reference": other})
    ]
    found = []
    for seed in range(n_runs):
        y, one, other = pool.draw(n, seed)
        for true, pair in zip(truth, ({}, {"reference": other}), strict=True):
            curve = call(y, one, **params, **pair)
            far = true != 0
            if value == "net_benefit":
                far = (one[:, np.newaxis] >= curve.threshold).sum(axis=0) >= 20
            inside = (curve.low <= true) & (true <= curve.high)
            found.append(np.where(far, inside, np.nan))
    found = np.array(found).reshape(n_runs, 2, -1)
    return np.nanmean(found, axis=0), (~np.isnan(found)).sum(axis=0)


def check_held(found, counts):
    """Compare with 93 to 97 %, and three standard errors of a simulation."""
    used = counts >= counts.max() / 2
    spread = 3 * np.sqrt(0.05 * 0.95 / counts)
    assert (found > 0.93 - spread)[used].all(), found
    assert (found < 0.97 + spread)[used].all(), found


@pytest.mark.parametrize(
    ("n", "prevalence", "n_runs"),
    [
        (400, None, 300),
        *[
            pytest.param(n, prevalence, 1500, marks=pytest.mark.slow)
            for n, prevalence in ((250, None), (1000, 0.03))
        ],
    ],
)
def test_bands_of_net_benefit_hold_it(n, prevalence, n_runs):
    params = {"thresholds": [0.05, 0.1, 0.2, 0.3, 0.5], "prevalence": prevalence}
    found, counts = held(net_benefit_curve, n, n_runs, "net_benefit", **params)
    check_held(found[0], counts[0])
    # Of differences, which only few rows make, these hold at least as much.
    assert (found[1] > 0.93 - 3 * np.sqrt(0.05 * 0.95 / counts[1])).all(), found[1]


@pytest.mark.slow
def test_bands_of_costs_hold_them():
    params = {"probability_cost": [0.2, 0.4, 0.6, 0.8], "prevalence": 0.2}
    found, counts = held(cost_curve, 500, 1500, "cost", **params)
    check_held(found[0], counts[0])
    check_held(found[1], counts[1])


@pytest.mark.slow
def test_intervals_of_the_value_of_abstaining_hold_it():
    pool, held_true = Population(), []
    y, one, _, weight = pool.outcomes()
    params = {"abstain_cost": [0.1, 0.25, 0.5], "cost_matrix": [[0, 1], [4, -0.5]]}
    truth = value_of_abstaining(y, one, sample_weight=weight, **params).value
    for seed in range(2000):
        y, one, _ = pool.draw(500, seed)
        found = value_of_abstaining(y, one, **params)
        held_true.append((found.low <= truth) & (truth <= found.high))
    assert (np.abs(np.mean(held_true, axis=0) - 0.95) < 0.02).all()


def test_costs_are_in_the_order_of_labels():
    y, proba = rows(5, 80, 3)
    costs = np.random.default_rng(0).uniform(1, 9, (3, 3)) * (1 - np.eye(3))
    order = np.argsort(NAMES)
    expected = value_of_abstaining(y, proba, cost_matrix=costs)
    found = [
        value_of_abstaining(NAMES[y], proba, labels=NAMES, cost_matrix=costs),
        value_of_abstaining(NAMES[y], proba[:, order], cost_matrix=costs[np.ix_(order, order)]),
        value_of_abstaining(
            NAMES[y],
            proba,
            labels=NAMES,
            cost_matrix=pd.DataFrame(costs, index=NAMES, columns=NAMES),
        ),
    ]
    for own in found:
        for part, true in zip(own, expected, strict=True):
            assert_allclose(part, true, atol=1e-12)


@pytest.mark.parametrize("call", [net_benefit_curve, cost_curve])
def test_the_positive_class_may_sort_first(call):
    y, proba = rows(6, 80)
    text = np.where(y == 1, "fraud", "honest")
    expected = call(y, proba[:, 1], prevalence=0.1)
    for found in (
        call(text, proba[:, 1], pos_label="fraud", prevalence=0.1),
        call(text, proba[:, ::-1], pos_label="fraud", prevalence=0.1),
        call(text, proba[:, ::-1], pos_label="fraud", prevalence={"honest": 0.9, "fraud": 0.1}),
        call(text, proba, labels=["honest", "fraud"], prevalence=[0.9, 0.1]),
    ):
        for part, own in zip(found, expected, strict=True):
            assert_allclose(part, own, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "params", "match"),
    [
        (net_benefit_curve, {"thresholds": [0.5, 1.0]}, r"thresholds must be .* \[0, 1\)"),
        (net_benefit_curve, {"thresholds": "all"}, "thresholds must be"),
        (net_benefit_curve, {"thresholds": []}, "thresholds must be"),
        (net_benefit_curve, {"notion": "top-label"}, "notion must be one of"),
        (net_benefit_curve, {"prevalence": 1.5}, "prevalence must be a number between"),
        (net_benefit_curve, {"prevalence": {0: 0.5, 1: 0.2}}, "sum to 0.7"),
        (net_benefit_curve, {"prevalence": {"a": 1}}, "its keys are"),
        (net_benefit_curve, {"confidence_level": 95}, "confidence_level must be"),
        (cost_curve, {"probability_cost": 2}, "probability_cost must be"),
        (value_of_abstaining, {"abstain_cost": np.nan}, "abstain_cost must be"),
        (value_of_abstaining, {"cost_matrix": [[0, 1]]}, r"shape \(2, 2\)"),
    ],
)
def test_errors(call, params, match):
    with pytest.raises(ValueError, match=match):
        call(*rows(0), **params)


def test_a_prevalence_needs_its_classes():
    y, proba = rows(0, 60, 3)
    with pytest.raises(ValueError, match=r"with more than two classes.*class-wise"):
        net_benefit_curve(y, proba, prevalence=[0.1, 0.1, 0.8])
    with pytest.raises(ValueError, match="one number, but there are 3 classes"):
        net_benefit_curve(y, proba, notion="class-wise", prevalence=0.2)
    for call in (partial(cost_curve, notion="class-wise"), value_of_abstaining):
        with pytest.raises(ValueError, match="no row of the class 1"):
            call(np.where(y == 1, 0, y), proba, labels=[0, 1, 2], prevalence=[0.1, 0.1, 0.8])
