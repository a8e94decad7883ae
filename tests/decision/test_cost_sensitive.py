"""Decisions by costs against brute force."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skcalib import CalibratedClassifierCV
from skcalib.decision import CostSensitiveClassifier

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
BASE = FrozenEstimator(LogisticRegression(max_iter=1000).fit(X, Y))


def cheapest(proba, costs):
    """Try each decision for each row."""
    decided = []
    for row in proba:
        totals = [
            sum(p * costs[true][decision] for true, p in enumerate(row))
            for decision in range(len(costs[0]))
        ]
        decided.append(totals.index(min(totals)))
    return decided


@given(seed=st.integers(0, 2**32 - 1), abstains=st.booleans())
def test_brute_force(seed, abstains):
    rng = np.random.default_rng(seed)
    costs = rng.integers(-3, 9, (3, 3)).astype(float)
    costs[np.diag_indices(3)] = costs.min(axis=1) - rng.integers(0, 2, 3)
    price = float(rng.integers(0, 4)) if abstains else None
    model = CostSensitiveClassifier(BASE, cost_matrix=costs, abstain_cost=price).fit(X, Y)
    if abstains:
        costs = np.column_stack([costs, np.full(3, price)])
    expected = np.array(cheapest(BASE.predict_proba(X), costs.tolist()))
    found = np.searchsorted([0, 1, 2, 3], np.where(model.predict(X) == -1, 3, model.predict(X)))
    totals = model.expected_cost(X)
    rows = np.arange(len(X))
    assert_allclose(totals[rows, found], totals[rows, expected], atol=1e-12)  # but for ties
    clear = np.sort(totals, axis=1)[:, 1] - totals.min(axis=1) > 1e-9
    assert_array_equal(found[clear], expected[clear])


@given(in_vain=st.floats(0.01, 100), missed=st.floats(0.01, 100), gain=st.floats(-5, 5))
def test_the_threshold_is_where_decisions_change(in_vain, missed, gain):
    y = Y == 2
    model = CostSensitiveClassifier(
        LogisticRegression(max_iter=1000),
        cost_matrix=[[gain, gain + in_vain], [missed, 0]],
    ).fit(X, y)
    p = model.predict_proba(X)[:, 1]
    clear = np.abs(p - model.threshold_) > 1e-9
    assert_array_equal(model.predict(X)[clear], (p >= model.threshold_)[clear])
    assert_allclose(model.threshold_, in_vain / (in_vain + missed), rtol=1e-9)


def test_thresholds_at_the_ends():
    y = Y == 2
    for costs, threshold in [
        ([[0, 0], [1, 0]], 0.0),
        ([[0, 1], [0, 0]], np.inf),
        ([[1, 0], [1, 0]], 0.0),
    ]:
        with pytest.warns(UserWarning, match="dearer") if costs[0][0] else NothingSaid():
            model = CostSensitiveClassifier(cost_matrix=costs).fit(X, y)
        assert model.threshold_ == threshold


class NothingSaid:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def test_without_costs_it_is_the_classifier():
    model = CostSensitiveClassifier(GaussianNB()).fit(X, NAMES)
    base = GaussianNB().fit(X, NAMES)
    assert_array_equal(model.predict(X), base.predict(X))
    assert_array_equal(model.predict_proba(X), base.predict_proba(X))
    assert not hasattr(model, "threshold_")


def test_frames_named_by_the_labels_are_put_in_order():
    order = ["virginica", "setosa", "versicolor"]
    rng = np.random.default_rng(0)
    costs = rng.uniform(1, 9, (3, 3)) * (1 - np.eye(3))
    frame = pd.DataFrame(costs, index=order, columns=order)
    model = CostSensitiveClassifier(GaussianNB(), cost_matrix=frame).fit(X, NAMES)
    place = [order.index(label) for label in model.classes_]
    assert_array_equal(model.cost_matrix_, costs[np.ix_(place, place)])


def test_labels_that_sort_the_wrong_way():
    y = Y == 2
    text = np.where(y, "fraud", "honest")
    costs = np.array([[-2.0, 5.0], [100.0, 0.0]])  # true: honest, fraud; a gain, and a zero
    expected = CostSensitiveClassifier(GaussianNB(), cost_matrix=costs).fit(X, y)
    order = ["honest", "fraud"]
    for matrix in (costs[::-1, ::-1], pd.DataFrame(costs, index=order, columns=order)):
        model = CostSensitiveClassifier(GaussianNB(), cost_matrix=matrix).fit(X, text)
        assert_array_equal(model.predict(X) == "fraud", expected.predict(X))
        assert_allclose(model.expected_cost(X)[:, ::-1], expected.expected_cost(X))
        assert model.threshold_ == pytest.approx(1 - expected.threshold_)  # of "honest"
        search = GridSearchCV(model, {"abstain_cost": [None, 0.01]}, cv=3).fit(X, text)
        assert search.best_params_ == {"abstain_cost": None}  # decides more rows rightly


def test_costs_of_each_row():
    rng = np.random.default_rng(1)
    costs = rng.uniform(0, 1, (len(X), 3, 3)) * (1 - np.eye(3))
    expected = [
        cheapest([p], c.tolist())[0] for p, c in zip(BASE.predict_proba(X), costs, strict=True)
    ]
    model = CostSensitiveClassifier(BASE).fit(X, Y)
    assert_array_equal(model.predict(X, costs=costs), expected)
    by_function = CostSensitiveClassifier(BASE, cost_matrix=lambda X: costs[: len(X)])
    assert_array_equal(by_function.fit(X, Y).predict(X), expected)
    with pytest.raises(ValueError, match=r"costs must have shape \(150, 3, 3\)"):
        model.predict(X, costs=costs[0])


def test_costs_of_each_row_are_routed_through_a_pipeline():
    costs = np.random.default_rng(2).uniform(0, 1, (len(X), 3, 3)) * (1 - np.eye(3))
    with sklearn.config_context(enable_metadata_routing=True):
        model = CostSensitiveClassifier(GaussianNB()).set_predict_request(costs=True)
        pipe = make_pipeline(StandardScaler(), model).fit(X, Y)
        found = pipe.predict(X, costs=costs)
        assert_array_equal(found, pipe[-1].predict(pipe[0].transform(X), costs=costs))
        assert (found != pipe.predict(X, costs=np.tile(1 - np.eye(3), (150, 1, 1)))).any()


def test_in_a_search_with_a_calibrator_inside():
    model = CostSensitiveClassifier(
        CalibratedClassifierCV(GaussianNB(), method="beta", cv=3), cost_matrix=[[0, 1], [5, 0]]
    )
    search = GridSearchCV(model, {"estimator__method": ["beta", "sigmoid"]}, cv=3)
    search.fit(X, Y == 2)
    assert search.best_estimator_.threshold_ == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("labels", "abstained"),
    [([0, 1, 2], -1), ([-1, 1, 2], -2), (["a", "b", "c"], None), ([1.0, 2.0, 3.0], -1.0)],
)
def test_labels_of_abstaining(labels, abstained):
    model = CostSensitiveClassifier(BASE.estimator, abstain_cost=0.0).fit(
        X, np.array(labels)[Y]
    )
    assert set(model.predict(X).tolist()) == {abstained}
    assert model.decisions_.tolist() == [*labels, abstained]


def test_huge_unsigned_labels_stay_as_they_are():
    labels = np.array([2**63 + 1, 2**63 + 3, 2**63 + 5], dtype=np.uint64)  # no float has them
    model = CostSensitiveClassifier(BASE.estimator, abstain_cost=0.3).fit(X, labels[Y])
    assert set(model.predict(X).tolist()) == {*labels.tolist(), -1}


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"cost_matrix": np.eye(2)}, r"shape \(3, 3\)"),
        ({"cost_matrix": [[0, np.nan, 1]] * 3}, "NaN"),
        ({"cost_matrix": "cheap"}, "must hold numbers"),
        ({"abstain_cost": np.inf}, "abstain_cost must be a finite number"),
        ({"abstain_cost": True}, "abstain_cost must be a finite number"),
        ({"abstain_label": -1}, "no use without abstain_cost"),
        ({"abstain_cost": 1.0, "abstain_label": 2}, "abstain_label=2 is a class of y"),
        ({"estimator": LinearSVC()}, "'predict_proba'.*CalibratedClassifierCV"),
    ],
)
def test_errors(params, match):
    with pytest.raises(ValueError, match=match):
        CostSensitiveClassifier(**{"estimator": BASE, **params}).fit(X, Y)


def test_gains_taken_for_costs_are_warned_of():
    with pytest.warns(UserWarning, match="class 0 is dearer.*negate"):
        CostSensitiveClassifier(GaussianNB(), cost_matrix=np.eye(3)).fit(X, Y)
