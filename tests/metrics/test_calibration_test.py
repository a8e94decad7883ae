"""Calibration tests against plain loops, known laws and simulation."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from scipy.stats import binom, chi2, norm
from sklearn.exceptions import UndefinedMetricWarning

from skcalib.metrics import (
    _canonical_kernel,
    _tested_events,
    calibration_test,
    kernel_calibration_error,
    smooth_calibration_error,
    truthful_calibration_error,
)
from skcalib.metrics._cumulative_laws import tail_of_maximum, tail_of_range
from skcalib.metrics._test_statistics import STATISTICS

KINDS = sorted(STATISTICS)
every_kind = pytest.mark.parametrize("kind", KINDS)


def two_classes(n=80, seed=0, power=1.0, ties=False):
    rng = np.random.default_rng(seed)
    proba = rng.integers(1, 16, n) / 16 if ties else rng.uniform(size=n)
    return (rng.uniform(size=n) < proba**power).astype(int), proba


def many_classes(n=60, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    proba = softmax(rng.normal(0, 2, (n, n_classes)), axis=1)
    y = (rng.uniform(size=(n, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return y, proba


def slow_cumulative(y, p):
    sums = [0.0]
    for value in np.unique(p):
        sums.append((y - p)[p <= value].sum())
    return np.array(sums) / np.sqrt((p * (1 - p)).sum())


def slow_hosmer_lemeshow(y, p, n_bins=10):
    order = np.argsort(p, kind="stable")
    total = 0.0
    for rows in np.array_split(order, n_bins):
        expected = p[rows].sum()
        spread = expected * (1 - expected / len(rows))
        total += (y[rows].sum() - expected) ** 2 / spread
    return total


def slow_cox(y, p):
    z = np.log(p / (1 - p))
    score = np.array([(y - p).sum(), ((y - p) * z).sum()])
    information = sum(
        q * (1 - q) * np.outer([1, own], [1, own]) for q, own in zip(p, z, strict=True)
    )
    return score @ np.linalg.solve(information, score)


def slow_kernel(y, p):
    width = np.sqrt(np.mean((p[:, None] - p) ** 2))
    pairs = np.exp(-np.abs(p[:, None] - p) / width) * np.outer(y - p, y - p)
    return pairs.mean()


@pytest.mark.parametrize("ties", [False, True])
def test_statistics_are_those_of_plain_loops(ties):
    y, p = two_classes(ties=ties)
    sums = slow_cumulative(y, p)
    expected = {
        "cumulative": sums.max() - sums.min(),
        "kolmogorov-smirnov": np.abs(sums).max(),
        "cox": slow_cox(y, p),
        "kernel": slow_kernel(y, p),
        "spiegelhalter": ((y - p) * (1 - 2 * p)).sum()
        / np.sqrt((p * (1 - p) * (1 - 2 * p) ** 2).sum()),
        "truthful": truthful_calibration_error(y, p),
    }
    if not ties:
        expected["hosmer-lemeshow"] = slow_hosmer_lemeshow(y, p)
    for kind, value in expected.items():
        found = calibration_test(y, p, kind=kind, n_resamples=20, random_state=0).statistic
        assert found == pytest.approx(value, rel=1e-9), kind
    smooth = calibration_test(y, p, kind="smooth", n_resamples=20, random_state=0).statistic
    assert smooth == pytest.approx(smooth_calibration_error(y, p), abs=1e-3)
    biased = kernel_calibration_error(y, p, norm="l2_squared", debias=False)
    assert biased == pytest.approx(expected["kernel"], rel=1e-9)


def test_p_value_is_the_rank_among_outcomes_that_were_drawn():
    """Two rows have four outcomes: the exact p-value is a sum of their probabilities."""
    p, y = np.array([0.3, 0.6]), np.array([1, 1])
    outcomes = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    chance = np.prod(np.where(outcomes == 1, p, 1 - p), axis=1)
    for kind in ("cumulative", "kernel", "truthful"):
        own = [
            calibration_test(row, p, kind=kind, labels=[0, 1], n_resamples=20).statistic
            for row in outcomes
        ]
        exact = chance[np.array(own) >= own[3] - 1e-9].sum()
        found = calibration_test(
            y, p, kind=kind, labels=[0, 1], n_resamples=4000, random_state=0
        )
        assert found.p_value == pytest.approx(exact, abs=0.03), kind


@pytest.mark.parametrize(
    ("kind", "tail"),
    [
        ("spiegelhalter", lambda t: 2 * norm.sf(abs(t))),
        ("cox", lambda t: chi2.sf(t, 2)),
        ("hosmer-lemeshow", lambda t: chi2.sf(t, 10)),
        ("cumulative", tail_of_range),
        ("kolmogorov-smirnov", tail_of_maximum),
        ("kernel", None),
        ("smooth", None),
        ("truthful", None),
    ],
)
def test_laws_for_many_rows(kind, tail):
    y, p = two_classes(2000, seed=3)
    how = {"kind": kind, "n_resamples": 499, "random_state": 0}
    drawn = calibration_test(y, p, **how)
    limit = calibration_test(y, p, null="asymptotic", **how)
    assert limit.statistic == drawn.statistic
    assert limit.p_value == pytest.approx(drawn.p_value, abs=0.08)
    if tail is not None:
        assert limit.p_value == pytest.approx(tail(drawn.statistic), abs=1e-12)


def test_laws_of_brownian_motion():
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((4000, 1000)) / np.sqrt(1000)
    path = np.cumsum(steps, axis=1)
    top, bottom = np.maximum(path.max(axis=1), 0), np.minimum(path.min(axis=1), 0)
    for reach in (0.5, 1.0, 1.5, 2.2):
        found = (np.maximum(top, -bottom) > reach).mean()
        assert found == pytest.approx(tail_of_maximum(reach), abs=0.03)
        assert (top - bottom > reach).mean() == pytest.approx(tail_of_range(reach), abs=0.03)
    assert tail_of_maximum(2.2414) == pytest.approx(0.05, abs=1e-4)  # four times a normal tail
    assert tail_of_maximum(2.999) == pytest.approx(tail_of_maximum(3.001), rel=0.02)
    assert tail_of_maximum(0.01) == tail_of_range(0.01) == 1
    assert 0 < tail_of_range(9) < tail_of_range(8) < 1e-13


def rejected(kind, n_simulations, draw, **keywords):
    rng = np.random.default_rng(12345)
    found = [
        calibration_test(*draw(rng), kind=kind, random_state=seed, **keywords).p_value
        for seed in range(n_simulations)
    ]
    return int((np.array(found) <= 0.05).sum())


def true_rows(n, rng):
    p = expit(rng.normal(0, 1.5, n))
    return (rng.uniform(size=n) < p).astype(int), p


def within_binomial(count, n, rate):
    return binom.ppf(1e-4, n, rate) <= count <= binom.ppf(1 - 1e-4, n, rate)


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] * (k == "smooth")) for k in KINDS]
)
def test_five_per_cent_are_rejected_where_probabilities_are_true(kind):
    draw = partial(true_rows, 40)
    count = rejected(kind, 150, draw, labels=[0, 1], n_resamples=39)
    assert within_binomial(count, 150, 0.05)


@pytest.mark.slow
@every_kind
def test_five_per_cent_are_rejected_of_many(kind):
    count = rejected(kind, 500, partial(true_rows, 200), labels=[0, 1], n_resamples=99)
    assert within_binomial(count, 500, 0.05)


def true_groups(n_groups, n_rows, rng):
    number = np.repeat(np.arange(n_groups), n_rows)
    p = expit(rng.normal(0, 1.5, n_groups * n_rows))
    return (rng.uniform(size=n_groups)[number] < p).astype(int), p


@pytest.mark.parametrize(
    "kind", ["cumulative", "cox", *(pytest.param(k, marks=pytest.mark.slow) for k in KINDS)]
)
def test_rows_that_belong_together(kind):
    draw = partial(true_groups, 60, 4)
    number = np.repeat(np.arange(60), 4)
    how = {"labels": [0, 1], "n_resamples": 39}
    alone = rejected(kind, 100, draw, **how)
    together = rejected(kind, 100, draw, groups=number, **how)
    assert alone > 12 or kind == "spiegelhalter"  # of five: too sure of what it sees
    assert together <= binom.ppf(1 - 1e-3, 100, 0.07)


def test_groups_of_the_rows_of_positive_weight_and_few_groups():
    y, p = two_classes(60)
    number, weight = np.arange(60) // 3, np.arange(60) % 4
    used = weight > 0
    how = {"kind": "cumulative", "random_state": 0, "n_resamples": 99}
    found = calibration_test(y, p, groups=number, sample_weight=weight, **how)
    expected = calibration_test(
        y[used], p[used], groups=number[used], sample_weight=weight[used], **how
    )
    assert found == expected
    with pytest.warns(UserWarning, match="only 4 groups, whose signs can be drawn in 16 ways"):
        calibration_test(y, p, groups=np.arange(60) % 4, **how)
    with pytest.raises(ValueError, match="'asymptotic' takes rows for independent"):
        calibration_test(y, p, groups=number, null="asymptotic", **how)


@every_kind
@pytest.mark.parametrize("notion", ["auto", "class-wise", "top-label"])
def test_weights_are_rows(kind, notion):
    y, p = many_classes(40, 3)
    weight = np.arange(40) % 3
    how = {"kind": kind, "notion": notion, "n_resamples": 30, "random_state": 1}
    found = calibration_test(y, p, sample_weight=weight, labels=range(3), **how)
    repeated = calibration_test(
        y.repeat(weight), p.repeat(weight, axis=0), labels=range(3), **how
    )
    assert_allclose(found, repeated, rtol=1e-9)
    if notion != "auto":
        assert_array_equal(found.class_p_values, repeated.class_p_values)


@every_kind
def test_weights_are_rows_to_the_law_for_many_and_to_groups(kind):
    y, p = two_classes(60, ties=True)
    weight = np.arange(60) % 4
    for params in ({"null": "asymptotic"}, {"groups": np.arange(60) // 3}):
        how = {"kind": kind, "n_resamples": 50, "random_state": 1, **params}
        found = calibration_test(y, p, sample_weight=weight, **how)
        if "groups" in how:
            how["groups"] = how["groups"].repeat(weight)
        repeated = calibration_test(y.repeat(weight), p.repeat(weight), **how)
        assert found.statistic == pytest.approx(repeated.statistic, rel=1e-9)
        assert found.p_value == pytest.approx(repeated.p_value, abs=0.1)


def test_weights_that_stand_for_too_many_rows():
    y, p = two_classes(60)
    how = {"kind": "cox", "sample_weight": np.full(60, 1e9)}
    assert calibration_test(y, p, **how).p_value < 1e-9  # by the law for many
    with pytest.raises(ValueError, match=r"sums to 6e\+10, and an outcome would be drawn"):
        calibration_test(y, p, null="simulated", **how)


def test_the_class_that_is_wrong_is_named():
    rng = np.random.default_rng(0)
    true = softmax(rng.normal(0, 1.5, (1500, 5)), axis=1)
    y = (rng.uniform(size=(1500, 1)) > true.cumsum(axis=1)[:, :-1]).sum(axis=1)
    said = true.copy()
    said[:, 3] *= np.where(true[:, 3] > 0.3, 1.6, 1)
    said /= said.sum(axis=1, keepdims=True)
    names = np.array(["a", "b", "c", "d", "e"])
    found = calibration_test(names[y], said, kind="cox", notion="class-wise", random_state=0)
    assert found.p_value == found.class_p_values.min() <= 0.01
    assert found.classes[found.class_p_values.argmin()] == "d"
    assert (found.class_p_values[[0, 1, 2, 4]] > 0.01).all()
    assert found.statistic == found.class_statistics.max()
    statistic, p_value = found  # two, for whoever unpacks them
    assert (statistic, p_value) == (found.statistic, found.p_value)
    assert calibration_test(names[y], said, kind="cox", random_state=0).classes is None


def slow_canonical(y, p, width):
    residual = np.eye(p.shape[1])[y] - p
    total = 0.0
    for i in range(len(y)):
        for j in range(len(y)):
            near = np.exp(-np.sqrt(((p[i] - p[j]) ** 2).sum()) / width)
            total += near * (residual[i] @ residual[j])
    return total / len(y) ** 2


def test_whole_rows_by_the_kernel(monkeypatch):
    y, p = many_classes(25, 3)
    width = np.sqrt(((p[:, None] - p) ** 2).sum(axis=2).mean())
    how = {"kind": "kernel", "notion": "canonical", "n_resamples": 199, "random_state": 0}
    found = calibration_test(y, p, **how)
    assert found.statistic == pytest.approx(slow_canonical(y, p, width), rel=1e-9)
    biased = partial(kernel_calibration_error, notion="canonical", norm="l2_squared")
    assert biased(y, p, debias=False) == pytest.approx(found.statistic, rel=1e-9)
    # by picking pairs instead of products, and by landmarks: every row is one
    monkeypatch.setattr(_canonical_kernel, "FEW_CLASSES", 0)
    assert_allclose(calibration_test(y, p, **how), found, rtol=1e-6)
    monkeypatch.setattr(_canonical_kernel, "MOST_ROWS", 0)
    monkeypatch.setattr(_canonical_kernel, "N_LANDMARKS", 25)
    near = calibration_test(y, p, **how)
    assert near.statistic == pytest.approx(found.statistic, rel=1e-6)
    assert near.p_value == pytest.approx(found.p_value, abs=0.1)  # other draws
    both = calibration_test(y, p, groups=np.arange(25), **how)
    monkeypatch.setattr(_canonical_kernel, "MOST_ROWS", 5000)
    assert_allclose(calibration_test(y, p, groups=np.arange(25), **how)[0], both[0], rtol=1e-6)


def test_canonical_of_two_classes_is_twice_that_of_one():
    y, p = two_classes(50)
    how = {"kind": "kernel", "n_resamples": 99, "random_state": 0}
    one = calibration_test(y, p, **how)
    both = calibration_test(y, np.stack([1 - p, p], axis=1), notion="canonical", **how)
    assert both.statistic == pytest.approx(2 * one.statistic, rel=1e-12)
    assert both.p_value == one.p_value
    width = np.sqrt(2 * np.mean((p[:, None] - p) ** 2))
    slow = slow_canonical(y, np.stack([1 - p, p], axis=1), width)
    assert both.statistic == pytest.approx(slow, rel=1e-9)


@every_kind
@pytest.mark.parametrize("notion", ["auto", "class-wise"])
def test_wrong_probabilities_are_found(kind, notion):
    y, p = two_classes(800)
    sharper = p**2 / (p**2 + (1 - p) ** 2)
    found = calibration_test(
        y, sharper, kind=kind, notion=notion, n_resamples=39, random_state=0
    )
    assert found.p_value == 1 / 40


@every_kind
def test_what_is_impossible_settles_it_and_what_is_certain_tells_nothing(kind):
    p = np.array([0.0, 1.0, 0.25, 0.75])
    how = {"kind": kind, "random_state": 0, "n_resamples": 20, "labels": [0, 1]}
    assert calibration_test([1, 1, 0, 1], p, **how).p_value == 0
    assert calibration_test([0, 0, 0, 1], p, null="asymptotic", **how).p_value == 0
    assert calibration_test([0, 1, 0, 1], p, **how).p_value > 0
    assert calibration_test([0, 1], p[:2], **how)[:2] == (0, 1)
    assert calibration_test([0, 1], p[:2], null="asymptotic", **how)[:2] == (0, 1)


def test_what_is_impossible_is_not_lost_in_cells_of_many_rows(monkeypatch):
    monkeypatch.setattr(_tested_events, "N_CELLS", 4)
    y, p = two_classes(100)
    for kind in ("kernel", "smooth", "truthful"):
        how = {"kind": kind, "null": "asymptotic", "n_resamples": 50, "random_state": 0}
        assert calibration_test(y, p, **how).p_value > 0
        found = calibration_test(np.r_[y, 1, 0], np.r_[p, 0.0, 0.0], **how)
        assert found.p_value == 0


def test_impossible_classes_of_whole_rows():
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    how = {"kind": "kernel", "notion": "canonical", "labels": range(3), "random_state": 0}
    assert calibration_test([2, 1], p, **how).p_value == 0
    assert calibration_test([0, 1], p, **how).p_value > 0


def test_spiegelhalter_is_undefined_where_the_brier_score_cannot_vary():
    how = {"kind": "spiegelhalter", "labels": [0, 1], "random_state": 0}
    with pytest.warns(UndefinedMetricWarning, match=r"all probabilities are 0, 0.5 or 1"):
        found = calibration_test([0, 1, 1], [0.5, 0.5, 1.0], **how)
    assert found.statistic == 0
    assert np.isnan(found.p_value)


@every_kind
@pytest.mark.parametrize("notion", ["auto", "class-wise", "top-label"])
def test_single_rows_and_constant_probabilities(kind, notion):
    how = {"kind": kind, "notion": notion, "labels": range(3), "random_state": 0}
    for y, p in (([0], [[0.6, 0.3, 0.1]]), ([0, 1, 2] * 4, [[0.6, 0.3, 0.1]] * 12)):
        found = calibration_test(y, p, n_resamples=50, **how)
        assert 0 < found.p_value <= 1
        assert np.isfinite(found.statistic)


def test_too_many_outcomes_are_summed_by_their_limit(monkeypatch):
    y, p = many_classes(300, 4)
    how = {"notion": "class-wise", "n_resamples": 99, "random_state": 0}
    for kind in ("cox", "cumulative", "kernel"):
        drawn = calibration_test(y, p, kind=kind, **how)
        with monkeypatch.context() as patch:
            patch.setattr(_tested_events, "MOST_DRAWS", 0)
            limit = calibration_test(y, p, kind=kind, **how)
        assert limit.statistic == pytest.approx(drawn.statistic)
        assert limit.p_value == pytest.approx(drawn.p_value, abs=0.15)
        exact = calibration_test(y, p, kind=kind, null="simulated", **how)
        assert exact == drawn


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kind": "chi2"}, "kind must be one of 'spiegelhalter'"),
        ({"notion": "label"}, "notion must be one of .*'canonical'"),
        ({"kind": "cox", "notion": "canonical"}, "'canonical' looks at whole rows"),
        ({"kind": "kernel", "notion": "canonical", "null": "asymptotic"}, "not known for"),
        ({"notion": "positive"}, "for two classes"),
        ({"null": "exact"}, "null must be one of"),
        ({"n_resamples": 10}, "n_resamples must be an integer of at least 20"),
        ({"n_bins": 1}, "n_bins must be an integer of at least 2"),
        ({"groups": [0, 1]}, "inconsistent numbers of samples"),
        ({"groups": np.ma.masked_array(np.zeros(60), np.ones(60))}, "groups is a masked"),
        ({"sample_weight": np.full(60, 1e-3)}, "sample_weight sums to"),
        ({"random_state": "a"}, "seed"),
    ],
)
def test_bad_input(params, message):
    with pytest.raises(ValueError, match=message):
        calibration_test(*many_classes(), **{"kind": "cumulative", **params})


@pytest.mark.parametrize("case", ["plain", "weighted", "certain", "refuted", "constant"])
def test_cox_of_very_many_rows_is_added_up_without_sorting(case, monkeypatch):
    y, p = two_classes(2000, seed=3)
    how = {"kind": "cox", "null": "asymptotic"}
    if case == "weighted":
        how["sample_weight"] = np.arange(2000) % 3 + np.where(np.arange(2000) < 100, 0.5, 0)
    if case in ("certain", "refuted"):
        p[:10] = y[:10] if case == "certain" else 1 - y[:10]
    if case == "constant":
        p[:] = 0.4
    expected = calibration_test(y, p, **how)
    monkeypatch.setattr(_tested_events, "MANY_ROWS", 1000)
    monkeypatch.setattr("skcalib.metrics._added_cox.BLOCK", 300)
    monkeypatch.delattr(_tested_events, "order_event")
    assert_allclose(calibration_test(y, p, **how), expected, rtol=1e-9)
