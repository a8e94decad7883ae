"""Groups that a tree finds: their error, its p-value, what is said of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from skcalib.metrics import multicalibration_error


def problem(n=1500, seed=0, shift=0.2):
    """Return outcomes that are right on the whole, and wrong by a hidden column."""
    rng = np.random.default_rng(seed)
    proba, X = rng.uniform(0.3, 0.7, n), rng.uniform(size=(n, 3))
    truth = proba + np.where(X[:, 1] > 0.5, shift, -shift)
    return (rng.uniform(size=n) < truth).astype(int), proba, X


def test_hidden_groups_are_found_and_described():
    y, p, X = problem()
    frame = pd.DataFrame(X, columns=["age", "dose", "site"])
    found = multicalibration_error(y, p, X=frame, max_depth=1, random_state=0)
    assert found.p_value == 0.001
    assert found.error == pytest.approx(0.2, abs=0.04)
    assert len(found.group_rule) == 2
    pairs = zip(found.group_rule, found.group_residual, strict=True)
    rules = {rule[:7]: own for rule, own in pairs}
    assert rules["dose > "] == pytest.approx(0.2, abs=0.05)
    assert rules["dose <="] == pytest.approx(-0.2, abs=0.05)
    assert found.group_count.sum() == 750
    plain = multicalibration_error(y, p, X=X, max_depth=1, random_state=0)
    assert plain.error == found.error
    assert plain.group_rule[0].startswith("x1 ")
    deeper = multicalibration_error(y, p, X=X, max_depth=2, min_group=0.3, random_state=0)
    assert len(deeper.group_rule) <= 3
    unseen = multicalibration_error(y, p, X=X[:, [0]], random_state=0)
    assert unseen.p_value > 0.01


def test_five_per_cent_are_rejected_where_probabilities_are_true():
    found = []
    for seed in range(100):
        y, p, X = problem(120, seed, shift=0)
        how = {"X": X, "n_resamples": 39, "random_state": seed}
        found.append(multicalibration_error(y, p, **how))
    rejected = sum(own.p_value <= 0.05 for own in found)
    assert rejected <= binom.ppf(1 - 1e-4, 100, 0.05)
    assert sum(own.error == 0 for own in found) > 25  # the debiased square is below zero


def test_probabilities_of_all_classes_are_looked_at_without_features():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), 2000)
    y = (rng.uniform(size=(2000, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    fine = multicalibration_error(y, proba, random_state=0)
    assert fine.p_value > 0.01
    sharper = proba**3 / (proba**3).sum(axis=1, keepdims=True)
    wrong = multicalibration_error(y, sharper, random_state=0)
    assert wrong.p_value == 0.001
    assert set("".join(wrong.group_rule).split()) & {"p0", "p1", "p2"}


def test_weights_and_rows_without_weight():
    y, p, X = problem(300)
    weight = np.arange(300) % 3
    used = weight > 0
    how = {"random_state": 0, "n_resamples": 50}
    junk = np.where(used[:, None], X, 99.0)
    found = multicalibration_error(y, p, X=junk, sample_weight=weight, **how)
    expected = multicalibration_error(
        y[used], p[used], X=X[used], sample_weight=weight[used], **how
    )
    assert found.error == expected.error
    assert found.p_value == expected.p_value
    assert found.group_count.sum() == pytest.approx(weight.sum() / 2, rel=0.2)
    missing = X.copy()
    missing[::7, 0] = np.nan
    assert 0 <= multicalibration_error(y, p, X=missing, **how).error <= 1


def test_few_rows_and_perfect_ones():
    how = {"random_state": 0, "n_resamples": 20}
    for y, p in (([0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0]), ([0, 1, 1, 0], [0.4] * 4)):
        found = multicalibration_error(y, p, **how)
        assert 0 <= found.error <= 1
        assert 0 < found.p_value <= 1
    assert multicalibration_error([0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0], **how).error == 0
    with pytest.raises(ValueError, match="3 rows cannot be parted"):
        multicalibration_error([0, 1, 1], [0.2, 0.3, 0.4], **how)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"X": [["a"]] * 40}, "X must hold numbers; encode text"),
        ({"X": np.zeros(40)}, r"X must be of shape \(n_samples, n_features\), got \(40,\)"),
        ({"X": np.zeros((40, 0))}, "X must be of shape"),
        ({"X": np.zeros((39, 2))}, "inconsistent numbers of samples"),
        ({"X": np.full((40, 1), np.inf)}, "X holds infinite values"),
        ({"X": np.ma.masked_array(np.zeros((40, 1)), np.ones((40, 1)))}, "X is a masked array"),
        ({"max_depth": 0}, "max_depth must be an integer of at least 1"),
        ({"min_group": 0}, "min_group must be a number between 0 and 1"),
        ({"test_size": 1}, "test_size must be a number between 0 and 1"),
        ({"n_resamples": 5}, "n_resamples must be an integer of at least 20"),
        ({"notion": "class-wise"}, "'class-wise' is several events"),
        ({"notion": "rows"}, "notion must be one of"),
    ],
)
def test_bad_input(params, message):
    rng = np.random.default_rng(0)
    p = rng.uniform(size=40)
    with pytest.raises(ValueError, match=message):
        multicalibration_error(np.arange(40) % 2, p, **params)
