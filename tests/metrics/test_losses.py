"""The proper losses: scikit-learn's figures, infinite ones, small types, bad parameters."""

from functools import partial
from math import inf, log

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from support.predictions import SEEDS, problems

from skcalib.metrics import brier_score_loss, log_loss


@given(
    problem=problems(max_classes=6, ties=False), scale=st.sampled_from(["auto", True, False])
)
def test_agree_with_scikit_learn(problem, scale):
    codes, proba, weight = problem
    for sample_weight in (None, weight):
        keywords = {"labels": range(proba.shape[1]), "sample_weight": sample_weight}
        expected = sklearn.metrics.log_loss(codes, proba, **keywords)
        assert log_loss(codes, proba, **keywords) == pytest.approx(expected, rel=1e-12)
        keywords["scale_by_half"] = scale
        expected = sklearn.metrics.brier_score_loss(codes, proba, **keywords)
        assert brier_score_loss(codes, proba, **keywords) == pytest.approx(expected, rel=1e-12)


@given(problem=problems(max_classes=2, each=1))
def test_agree_with_scikit_learn_on_one_column(problem):
    codes, proba, weight = problem
    names = np.array(["no", "yes"])[codes]
    p = np.clip(proba[:, 1], 1e-3, 1 - 1e-3)
    expected = sklearn.metrics.log_loss(names, p, sample_weight=weight)
    ours = {"sample_weight": weight, "pos_label": "yes"}
    assert log_loss(names, p, **ours) == pytest.approx(expected, rel=1e-12)
    expected = sklearn.metrics.brier_score_loss(names, p, sample_weight=weight, pos_label="yes")
    assert brier_score_loss(names, p, **ours) == pytest.approx(expected)


def test_by_hand():
    assert log_loss([0, 1], [0.25, 0.5]) == pytest.approx((log(4 / 3) + log(2)) / 2)
    assert brier_score_loss([0, 1], [0.25, 0.5]) == (1 / 16 + 1 / 4) / 2
    assert brier_score_loss([0, 1], [0.25, 0.5], scale_by_half=False) == 1 / 16 + 1 / 4
    three, labels = [[0.5, 0.25, 0.25]], [0, 1, 2]
    assert brier_score_loss([0], three, labels=labels) == 0.375
    assert brier_score_loss([2], three, labels=labels) == 0.875
    assert brier_score_loss([2], three, labels=labels, scale_by_half=True) == 0.4375
    for n_classes in (2, 3, 10):
        equal = np.full((1, n_classes), 1 / n_classes)
        assert log_loss([0], equal, labels=range(n_classes)) == pytest.approx(log(n_classes))
    assert brier_score_loss([1, 0], [0, 1]) == 1
    assert brier_score_loss([1, 0, 2], np.eye(3)[[0, 1, 2]]) == pytest.approx(4 / 3)


def test_numpy_booleans_scale():
    for scale in (True, False):
        losses = [
            brier_score_loss([0, 1], [0.2, 0.3], scale_by_half=kind(scale))
            for kind in (bool, np.bool_)
        ]
        assert losses[0] == losses[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_was_called_impossible_costs_infinitely(dtype):
    p = np.array([0.0, 1.0, 0.5], dtype=dtype)
    assert log_loss([0, 1, 1], p) == pytest.approx(log(2) / 3)
    assert log_loss([1, 1, 0], p) == inf
    assert log_loss([0, 0, 1], p) == inf
    assert log_loss([1, 0, 1], np.stack([1 - p, p], axis=1)) == inf
    assert log_loss([1, 1, 0], p, sample_weight=[0, 1, 1]) == pytest.approx(log(2) / 2)
    assert log_loss([1, 1, 0], p, sample_weight=[1e-300, 1, 1]) == inf
    tiny = np.finfo(dtype).smallest_subnormal
    assert log_loss([1, 0], [tiny, dtype(0.5)]) == pytest.approx(
        (log(2) - np.log(float(tiny))) / 2
    )
    assert brier_score_loss([1, 1, 0], p) == (1 + 0 + 0.25) / 3
    three = np.array([[0, 0.5, 0.5], [1, 0, 0]], dtype=dtype)
    assert log_loss([0, 0], three, labels=[0, 1, 2]) == inf


@given(seed=SEEDS, n_classes=st.integers(2, 6))
def test_small_types_are_summed_in_float64(seed, n_classes):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), 500).astype(np.float32)
    codes = rng.integers(0, n_classes, 500)
    for metric in (log_loss, brier_score_loss):
        loss = partial(metric, codes, labels=range(n_classes))
        assert loss(proba) == pytest.approx(loss(proba.astype(np.float64)), rel=1e-12)


def test_many_rows_of_float32_lose_nothing():
    p = np.full(2_000_000, 0.1, dtype=np.float32)
    y, given = np.zeros(len(p), dtype=np.int8), float(1 - p[0])
    assert log_loss(y, p, labels=[0, 1]) == pytest.approx(-log(given), rel=1e-10)
    assert brier_score_loss(y, p, labels=[0, 1]) == pytest.approx((1 - given) ** 2, rel=1e-10)


@given(seed=SEEDS, n_classes=st.integers(2, 5))
def test_the_true_probabilities_have_the_least_mean(seed, n_classes):
    rng = np.random.default_rng(seed)
    truth, other = rng.dirichlet(np.ones(n_classes), 2)
    codes = np.arange(n_classes)
    for metric in (log_loss, brier_score_loss):
        best, worse = (
            metric(codes, np.tile(q, (n_classes, 1)), sample_weight=truth)
            for q in (truth, other)
        )
        assert best < worse
    entropy = -(truth * np.log(truth)).sum()
    found = log_loss(codes, np.tile(truth, (n_classes, 1)), sample_weight=truth)
    assert found == pytest.approx(entropy)


@pytest.mark.parametrize("scale", ["half", None, 1, 0.5])
def test_bad_scales(scale):
    with pytest.raises(ValueError, match="scale_by_half must be True, False or 'auto', got"):
        brier_score_loss([0, 1], [0.2, 0.3], scale_by_half=scale)
