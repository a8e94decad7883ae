"""Murphy's and the CORP decomposition: identities, slow references, closed forms, edges."""

from math import inf, isfinite, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.isotonic import IsotonicRegression
from support.predictions import SEEDS, STRATEGIES, events, numbers, problems

from skcalib.metrics import (
    brier_score_loss,
    calibration_error,
    corp_decomposition,
    log_loss,
    murphy_decomposition,
)

N_BINS = st.one_of(st.integers(1, 20), st.sampled_from(["cube_root", "sweep"]), st.none())
NOTIONS = ["positive", "confidence", "top-label", "class-wise"]


def brier(codes, proba):
    gap = ((np.eye(proba.shape[1])[codes] - proba) ** 2).sum(axis=1)
    return gap / 2 if proba.shape[1] == 2 else gap


def logarithmic(codes, proba):
    with np.errstate(divide="ignore"):
        return -np.log([row[code] for code, row in zip(codes, proba, strict=True)])


def spherical(codes, proba):
    return 1 - proba[np.arange(len(codes)), codes] / np.sqrt((proba**2).sum(axis=1))


SLOW = {"brier": brier, "log_loss": logarithmic, spherical: spherical}
LOSSES = list(SLOW)


def murphy_groups(codes, proba, weight, n_bins, strategy):
    """Return the group of each row; all weights are positive."""
    if n_bins is None:
        return [str(row.tolist()) for row in proba]
    if proba.shape[1] == 2:
        (event,) = events(codes, proba, weight, "positive")
        return numbers(event, n_bins, strategy)
    top = proba.argmax(axis=1)
    groups = [None] * len(codes)
    for k in np.unique(top):
        rows = np.flatnonzero(top == k)
        (event,) = events(codes[rows], proba[rows], weight[rows], "confidence")
        for row, number in zip(rows, numbers(event, n_bins, strategy), strict=True):
            groups[row] = (int(k), number)
    return groups


def slow_murphy(codes, proba, weight, loss, n_bins, strategy):
    """Replace each row's probabilities by the means of its group, one row after the other."""
    groups = murphy_groups(codes, proba, weight, n_bins, strategy)
    happened = np.eye(proba.shape[1])[codes]
    mean_proba, frequency = np.empty_like(proba), np.empty_like(proba)
    for i, group in enumerate(groups):
        same = [other == group for other in groups]
        mean_proba[i] = np.average(proba[same], axis=0, weights=weight[same])
        frequency[i] = np.average(happened[same], axis=0, weights=weight[same])
    base = np.tile(np.average(happened, axis=0, weights=weight), (len(codes), 1))
    p, bins, best, unc = (
        np.average(SLOW[loss](codes, q), weights=weight)
        for q in (proba, mean_proba, frequency, base)
    )
    return p, bins - best, unc - best, unc, p - bins


@given(
    problem=problems(),
    loss=st.sampled_from(LOSSES),
    n_bins=N_BINS,
    strategy=st.sampled_from(STRATEGIES),
)
def test_murphy_agrees_with_a_slow_reference(problem, loss, n_bins, strategy):
    codes, proba, weight = problem
    codes, proba, weight = codes[weight > 0], proba[weight > 0], weight[weight > 0]
    if loss == "log_loss":  # no zeros, and sums stay exact
        some = {2: [1 / 2, 1 / 2], 3: [1 / 2, 1 / 4, 1 / 4], 4: [1 / 4] * 4}
        proba = (proba + some[proba.shape[1]]) / 2
    parts = murphy_decomposition(
        codes,
        proba,
        loss=loss,
        n_bins=n_bins,
        strategy=strategy,
        labels=range(proba.shape[1]),
        sample_weight=weight,
    )
    expected = slow_murphy(codes, proba, weight, loss, n_bins, strategy)
    assert_allclose(parts, expected, atol=1e-12)


@given(
    problem=problems(ties=False),
    loss=st.sampled_from(LOSSES),
    n_bins=N_BINS,
    strategy=st.sampled_from(STRATEGIES),
)
def test_murphy_adds_up(problem, loss, n_bins, strategy):
    codes, proba, weight = problem
    keywords = {"labels": range(proba.shape[1]), "sample_weight": weight}
    parts = murphy_decomposition(
        codes, proba, loss=loss, n_bins=n_bins, strategy=strategy, **keywords
    )
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bin
    assert parts.loss == pytest.approx(total, abs=1e-12)
    assert min(parts[:4]) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12
    if loss == "brier":
        assert parts.loss == pytest.approx(brier_score_loss(codes, proba, **keywords))
    if loss == "log_loss":
        assert parts.loss == pytest.approx(log_loss(codes, proba, **keywords))
    if n_bins is None:
        assert parts.within_bin == 0


def test_murphy_by_hand():
    # 0.2 comes true once in three times, 0.8 always; 3 of 5 in all.
    parts = murphy_decomposition([0, 0, 1, 1, 1], [0.2] * 3 + [0.8] * 2, n_bins=None)
    assert parts.loss == pytest.approx((2 * 0.04 + 0.64 + 2 * 0.04) / 5)
    assert parts.reliability == pytest.approx((3 * (1 / 3 - 0.2) ** 2 + 2 * 0.04) / 5)
    assert parts.resolution == pytest.approx((3 * (1 / 3 - 0.6) ** 2 + 2 * 0.16) / 5)
    assert parts.uncertainty == pytest.approx(0.24)
    # Equal predictions: the base rate is all there is.
    parts = murphy_decomposition([0, 1, 1, 1], [0.5] * 4, loss="log_loss")
    entropy = -(0.25 * log(0.25) + 0.75 * log(0.75))
    assert_allclose(parts, [log(2), log(2) - entropy, 0, entropy, 0], atol=1e-15)
    # Three classes: rows that agree in what is predicted, not in the rest. Each comes true
    # as (1/2, 1/2, 0); the first rows miss that by (0, 1/4, 1/4), their mean by half of it.
    proba = np.array([[0.5, 0.25, 0.25]] * 2 + [[0.5, 0.5, 0]] * 2)
    rows = {"y_true": [0, 1, 0, 1], "y_proba": proba, "labels": [0, 1, 2]}
    apart, together = (murphy_decomposition(n_bins=n_bins, **rows) for n_bins in (None, 15))
    assert_allclose(apart, [0.5625, 0.0625, 0, 0.5, 0], atol=1e-15)
    assert_allclose(together, [0.5625, 0.03125, 0, 0.5, 0.03125], atol=1e-15)


@given(problem=problems(max_classes=2), n_bins=N_BINS, strategy=st.sampled_from(STRATEGIES))
def test_murphy_and_the_squared_calibration_error(problem, n_bins, strategy):
    codes, proba, weight = problem
    keywords = {"strategy": strategy, "labels": [0, 1], "sample_weight": weight}
    parts = murphy_decomposition(codes, proba, n_bins=n_bins, **keywords)
    keywords["n_bins"] = 2**20 if n_bins is None else n_bins
    error = calibration_error(codes, proba, norm="l2_squared", **keywords)
    assert parts.reliability == pytest.approx(error, abs=1e-12)


@given(problem=problems(max_classes=2), n_bins=st.integers(1, 10))
def test_what_is_within_bins(problem, n_bins):
    codes, proba, weight = problem
    codes, proba, weight = codes[weight > 0], proba[weight > 0], weight[weight > 0]
    p = proba[:, 1]
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    expected = 0.0
    for k in np.unique(bins):
        rows = bins == k
        p_gap, y_gap = (
            part[rows] - np.average(part[rows], weights=weight[rows]) for part in (p, codes)
        )
        expected += weight[rows] @ (p_gap**2 - 2 * p_gap * y_gap)
    parts = murphy_decomposition(codes, p, n_bins=n_bins, labels=[0, 1], sample_weight=weight)
    assert parts.within_bin == pytest.approx(expected / weight.sum(), abs=1e-12)


@pytest.mark.parametrize("n_bins", [15, 1, None])
@pytest.mark.parametrize(
    ("y", "p"),
    [([1, 0], [0.0, 0.5]), ([1, 0], [0.0, 0.0]), ([1, 0, 1], [0.0, 0.01, 0.6])],
)
def test_murphy_of_infinite_losses(y, p, n_bins):
    parts = murphy_decomposition(y, p, loss="log_loss", n_bins=n_bins, labels=[0, 1])
    assert parts.loss == inf
    assert not np.isnan(parts).any()
    assert isfinite(parts.resolution)
    assert isfinite(parts.uncertainty)
    assert max(parts.reliability, parts.within_bin) == inf


def slow_corp(codes, proba, weight, loss, notion):
    """Recalibrate each event by scikit-learn's isotonic regression."""
    total, sums = weight.sum(), np.zeros(3)
    for event in events(codes, proba, weight, notion):
        p, hit, w = (np.array(part, dtype=float) for part in zip(*event, strict=True))
        q = IsotonicRegression(y_min=0, y_max=1).fit(p, hit, w).predict(p)
        base = np.full_like(p, np.average(hit, weights=w))
        scores = [
            w @ SLOW[loss](hit.astype(int), np.stack([1 - r, r], axis=1)) / total
            for r in (p, q, base)
        ]
        sums += scores
    p, q, base = sums
    return p, p - q, base - q, base


@given(problem=problems(), loss=st.sampled_from(LOSSES), notion=st.sampled_from(NOTIONS))
def test_corp_agrees_with_isotonic_regression(problem, loss, notion):
    codes, proba, weight = problem
    n_classes = proba.shape[1]
    if notion == "positive" and n_classes > 2:
        notion = "class-wise"
    if loss == "log_loss":
        proba = (proba + 1 / 16) / (1 + n_classes / 16)
    keywords = {"loss": loss, "labels": range(n_classes), "sample_weight": weight}
    parts = corp_decomposition(codes, proba, notion=notion, **keywords)
    # q = 0 with a hit is impossible, but scikit-learn's rounding can make it 1 - 1e-16.
    assert_allclose(parts, slow_corp(codes, proba, weight, loss, notion), atol=1e-10)
    if notion == ("positive" if n_classes == 2 else "class-wise"):
        assert corp_decomposition(codes, proba, **keywords) == parts


@given(
    problem=problems(ties=False), loss=st.sampled_from(LOSSES), notion=st.sampled_from(NOTIONS)
)
def test_corp_adds_up(problem, loss, notion):
    codes, proba, weight = problem
    n_classes = proba.shape[1]
    keywords = {"labels": range(n_classes), "sample_weight": weight}
    if n_classes == 2 or notion != "positive":
        parts = corp_decomposition(codes, proba, loss=loss, notion=notion, **keywords)
        assert parts.loss == pytest.approx(
            parts.miscalibration - parts.discrimination + parts.uncertainty, abs=1e-12
        )
        assert min(parts) >= 0
    total = corp_decomposition(codes, proba, loss=loss, **keywords).loss
    if loss == "brier":
        assert total == pytest.approx(brier_score_loss(codes, proba, **keywords))
    if loss == "log_loss":
        columns = range(1, 2) if n_classes == 2 else range(n_classes)
        found = [
            log_loss(codes == k, proba[:, k], labels=[False, True], sample_weight=weight)
            for k in columns
        ]
        assert total == pytest.approx(sum(found))
        if n_classes == 2:
            assert total == pytest.approx(log_loss(codes, proba, **keywords))


def test_corp_of_log_loss_where_the_impossible_came_true():
    parts = corp_decomposition([1, 0, 1], [0.0, 0.4, 0.6], loss="log_loss")
    assert parts.loss == parts.miscalibration == inf
    # Pooled: (1, 0) at 1 / 2, then 1.
    assert parts.uncertainty == pytest.approx(-(2 * log(2 / 3) + log(1 / 3)) / 3)
    assert parts.discrimination == pytest.approx(parts.uncertainty - 2 * log(2) / 3)
    for notion in ("confidence", "top-label", "class-wise"):
        proba = [[1, 0, 0], [0.5, 0.25, 0.25], [0, 0, 1]]
        found = corp_decomposition([1, 0, 2], proba, loss="log_loss", notion=notion)
        assert found.loss == found.miscalibration == inf
        assert np.isfinite(found[2:]).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_corp_of_rows_that_are_told_apart(loss, n_classes):
    codes = np.arange(20) % n_classes
    proba = np.full((20, n_classes), 0.4 / n_classes) + 0.6 * np.eye(n_classes)[codes]
    parts = corp_decomposition(codes, proba, loss=loss)
    assert parts.discrimination == pytest.approx(parts.uncertainty)
    assert parts.miscalibration == pytest.approx(parts.loss)
    perfect = corp_decomposition(codes, np.eye(n_classes)[codes], loss=loss)
    assert perfect[:2] == (0, 0)
    constant = corp_decomposition(codes, np.full((20, n_classes), 1 / n_classes), loss=loss)
    assert constant.discrimination == 0


@given(problem=problems(max_classes=2), loss=st.sampled_from(LOSSES), power=st.floats(0.2, 5))
def test_a_strictly_monotone_map_does_not_change_discrimination(problem, loss, power):
    codes, proba, weight = problem
    p = proba[:, 1]
    keywords = {"loss": loss, "labels": [0, 1], "sample_weight": weight}
    before = corp_decomposition(codes, p, **keywords)
    after = corp_decomposition(codes, 0.1 + 0.7 * p**power, **keywords)
    assert after[2:] == before[2:]
    reverse = corp_decomposition(codes, 1 - p, **keywords)
    assert reverse.uncertainty == pytest.approx(before.uncertainty)


def test_corp_of_perfect_probabilities_is_as_documented():
    rng = np.random.default_rng(0)
    for n, times, expected in ((1_000, 200, 0.0055), (10_000, 40, 0.0012)):
        p, u = rng.uniform(size=(2, times, n))
        found = [corp_decomposition(*pair)[1] for pair in zip(u < p, p, strict=True)]
        assert np.mean(found) == pytest.approx(expected, rel=0.1)


@given(seed=SEEDS)
def test_corp_beats_every_other_monotone_map(seed):
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=30)
    y = rng.integers(0, 2, 30)
    for loss in LOSSES:
        parts = corp_decomposition(y, p, loss=loss, labels=[0, 1])
        other = np.sort(rng.uniform(size=30))[p.argsort().argsort()]
        assert corp_decomposition(y, other, loss=loss, labels=[0, 1]).loss >= (
            parts.loss - parts.miscalibration - 1e-12
        )


@pytest.mark.parametrize("decompose", [murphy_decomposition, corp_decomposition])
def test_what_a_function_for_a_loss_is_asked(decompose):
    asked = []

    def recorded(codes, proba):
        asked.append((codes, proba))
        return brier(codes, proba)

    y, p = ["a", "b", "b", "b"], [0.2, 0.2, 0.6, 0.9]
    found = decompose(y, p, loss=recorded, pos_label="b")
    assert_allclose(found, decompose(y, p, pos_label="b"), atol=1e-15)
    for codes, proba in asked:
        assert proba.shape == (len(codes), 2)
        assert set(codes.tolist()) <= {0, 1}
        assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("decompose", [murphy_decomposition, corp_decomposition])
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("squared", r"loss must be one of \('brier', 'log_loss'\) or a function.*'squared'"),
        (None, "loss must be one of"),
        (["brier"], "loss must be one of"),
        (lambda codes, proba: 0.5, r"loss must return a number for each row.*shape \(\)"),
        (
            lambda codes, proba: proba,
            r"loss must return a number for each row.*shape \(\d, 2\)",
        ),
        (lambda codes, proba: codes[1:] * 0.5, "loss must return a number for each row"),
        (lambda codes, proba: codes * np.nan, "without NaN"),
    ],
)
def test_bad_losses(decompose, loss, message):
    with pytest.raises(ValueError, match=message):
        decompose([0, 1, 1], [0.2, 0.4, 0.6], loss=loss)


def test_bad_bins_and_notions():
    for bad in ({"n_bins": 0}, {"n_bins": "none"}, {"strategy": "width"}):
        with pytest.raises(ValueError, match="must"):
            murphy_decomposition([0, 1], [0.2, 0.4], **bad)
    with pytest.raises(ValueError, match="notion must be one of"):
        corp_decomposition([0, 1], [0.2, 0.4], notion="top")
    with pytest.raises(ValueError, match="notion='positive' is for two classes"):
        corp_decomposition([0, 1, 2], np.eye(3), notion="positive")
