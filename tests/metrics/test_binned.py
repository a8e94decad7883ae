"""Binned calibration: laws, closed forms, independent references, edges, bad input."""

import pickle
from fractions import Fraction
from functools import partial
from math import floor, pi, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom, binomtest
from sklearn.calibration import calibration_curve

from skcalib.metrics import expected_calibration_error as ece
from skcalib.metrics import reliability_curve

STRATEGIES = ["uniform", "quantile"]
GRID = 16  # probabilities are multiples of 1 / 16: sums are exact, and ties are many
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def predictions(draw, min_classes=2, max_classes=5):
    """Draw column numbers, rows of probabilities and keywords, with weights 0, 1, 2, 3."""
    n_classes = draw(st.integers(min_classes, max_classes))
    n_samples = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(SEEDS))
    centre = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.1, 1, 10]))), n_samples)
    proba = rng.multinomial(GRID, centre) / GRID
    codes = rng.integers(0, n_classes, n_samples)
    weight = rng.integers(0, 4, n_samples)
    weight[rng.integers(n_samples)] = 2
    keywords = {
        "n_bins": draw(st.integers(1, 20)),
        "strategy": draw(st.sampled_from(STRATEGIES)),
        "labels": np.arange(n_classes),
        "sample_weight": weight,
    }
    return codes, proba, keywords


def slow_curve(codes, proba, n_bins, strategy, labels, sample_weight):
    """Bin exactly, in fractions, row by row."""
    rows = []
    for code, row, times in zip(codes, proba, sample_weight, strict=True):
        column = 1 if len(labels) == 2 else list(row).index(max(row))
        rows += [(Fraction(row[column]), int(code == column))] * int(times)
    bins = {}
    for value, hit in rows:
        position = value * n_bins
        if strategy == "quantile":
            below = sum(other < value for other, _ in rows)
            ties = sum(other == value for other, _ in rows)
            position = n_bins * (below + Fraction(ties, 2)) / len(rows)
        bins.setdefault(min(floor(position), n_bins - 1), []).append((value, hit))
    members = [np.array(bins[k], dtype=float) for k in sorted(bins)]
    means = np.array([m.mean(axis=0) for m in members])
    return means[:, 0], means[:, 1], np.array([len(m) for m in members])


@given(problem=predictions())
def test_agrees_with_a_slow_reference(problem):
    codes, proba, keywords = problem
    mean_proba, frequency, count = slow_curve(codes, proba, **keywords)
    curve = reliability_curve(codes, proba, **keywords)
    assert_allclose(curve.mean_proba, mean_proba, atol=1e-14)
    assert_allclose(curve.frequency, frequency, atol=1e-14)
    assert_array_equal(curve.count, count)
    expected = np.average(np.abs(frequency - mean_proba), weights=count)
    assert ece(codes, proba, **keywords) == pytest.approx(expected, abs=1e-14)


@given(
    problem=predictions(),
    level=st.floats(0, 1, exclude_min=True, exclude_max=True),
    unit=st.sampled_from([1e-300, 0.1, 7.0, 1e290]),
)
def test_bounds_whatever_the_unit_of_weights(problem, level, unit):
    codes, proba, keywords = problem
    error = ece(codes, proba, **keywords)
    assert type(error) is float
    assert 0 <= error <= 1
    keywords["sample_weight"] = weight = keywords["sample_weight"] * unit
    assert ece(codes, proba, **keywords) == pytest.approx(error, abs=1e-12)
    assert ece(codes, np.eye(proba.shape[1])[codes], **keywords) == 0  # perfect predictions
    curve = reliability_curve(codes, proba, confidence_level=level, **keywords)
    assert 1 <= len(curve.count) <= keywords["n_bins"]
    assert {array.dtype for array in curve} == {np.dtype(float)}
    assert_allclose(curve.count.sum(), weight.sum())
    assert (np.diff(curve.mean_proba) > 0).all()
    assert 0 <= curve.mean_proba.min() <= curve.mean_proba.max() <= 1
    ordered = [0 * curve.low, curve.low, curve.frequency, curve.high, 0 * curve.low + 1]
    assert np.diff(ordered, axis=0).min() >= 0


@given(problem=predictions(), seed=SEEDS)
def test_row_order_does_not_matter(problem, seed):
    codes, proba, keywords = problem
    order = np.random.default_rng(seed).permutation(len(codes))
    keywords["sample_weight"] = keywords["sample_weight"] * 0.1
    curve = reliability_curve(codes, proba, **keywords)
    keywords["sample_weight"] = keywords["sample_weight"][order]
    assert_allclose(
        reliability_curve(codes[order], proba[order], **keywords), curve, atol=1e-12
    )


@given(problem=predictions())
def test_names_do_not_matter(problem):
    codes, proba, keywords = problem
    expected, n_classes = ece(codes, proba, **keywords), proba.shape[1]
    names = [
        np.array(["a", "b", "cc", "d", "e"]),
        np.array(["a", "b", "cc", "d", "e"], dtype=object),
        np.array([-128, -1, 3, 100, 127], dtype=np.int8),
        np.arange(2**63, 2**63 + 5, dtype=np.uint64),
        np.array([-(2**63), -1, 0, 1, 2**63 - 1]),
        np.arange(5) * 1000.0,
    ]
    for name in [*names, np.array([False, True])] if n_classes == 2 else names:
        y_true, labels = name[codes], name[:n_classes]
        positive = {"pos_label": labels[1]} if n_classes == 2 else {}
        for given_labels in (labels, labels.tolist()):
            keywords["labels"] = given_labels
            assert ece(y_true, proba, **keywords) == expected
            turned = {**keywords, "labels": given_labels[::-1], **positive}
            given_proba = proba if proba.ndim == 1 else proba[:, ::-1]
            assert ece(y_true, given_proba, **turned) == expected
        with pytest.raises(ValueError, match="the label of each column once"):
            ece(y_true, proba, **{**keywords, "labels": [*labels, labels[0]]})
        if len(np.unique(codes[keywords["sample_weight"] > 0])) == n_classes:
            keywords["labels"] = None
            for y in (y_true[:, None], y_true.tolist(), pd.Series(y_true, dtype="category")):
                assert ece(y, proba, **keywords, **positive) == expected


@given(problem=predictions(min_classes=3), seed=SEEDS)
def test_order_of_classes_does_not_matter(problem, seed):
    codes, proba, keywords = problem
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(proba.shape[1]), len(codes))  # no ties
    order = rng.permutation(proba.shape[1])
    curve = reliability_curve(np.argsort(order)[codes], proba[:, order], **keywords)
    assert_allclose(curve, reliability_curve(codes, proba, **keywords), rtol=1e-12)


@given(problem=predictions())
def test_weight_is_repetition_and_zero_is_no_row(problem):
    codes, proba, keywords = problem
    weighted = reliability_curve(codes, proba, **keywords)
    weight = keywords["sample_weight"]
    junk = np.where(weight > 0, codes, 99)  # a label that no row of weight has
    assert_array_equal(reliability_curve(junk, proba, **keywords), weighted)
    keywords["sample_weight"] = weight[weight > 0]
    kept = reliability_curve(codes[weight > 0], proba[weight > 0], **keywords)
    assert_array_equal(kept, weighted)
    keywords["sample_weight"] = None
    repeated = reliability_curve(codes.repeat(weight), proba.repeat(weight, 0), **keywords)
    assert_allclose(repeated, weighted, atol=1e-12)


@given(problem=predictions(max_classes=2))
def test_forms_of_binary_probabilities_agree(problem):
    codes, proba, keywords = problem
    expected = reliability_curve(codes, proba, **keywords)
    for form in (proba[:, 1], proba[:, [1]], proba[:, 1].tolist(), pd.DataFrame(proba)):
        assert_array_equal(reliability_curve(codes, form, **keywords), expected)


@given(seed=SEEDS, n_bins=st.integers(1, 20))
def test_swapped_classes_mirror_the_curve(seed, n_bins):
    rng = np.random.default_rng(seed)
    proba, y = rng.uniform(size=101), rng.integers(0, 2, 101)
    curve = reliability_curve(y, proba, n_bins=n_bins, labels=[0, 1])
    mirror = reliability_curve(1 - y, 1 - proba, n_bins=n_bins, labels=[0, 1])
    assert_allclose(1 - mirror.mean_proba[::-1], curve.mean_proba)
    assert_allclose(1 - mirror.low[::-1], curve.high, atol=1e-14)


@given(problem=predictions(min_classes=3))
def test_more_classes_are_the_binary_question_whether_the_prediction_is_right(problem):
    codes, proba, keywords = problem
    expected = reliability_curve(codes, proba, **keywords)
    right, confidence = codes == proba.argmax(axis=1), proba.max(axis=1)
    keywords["labels"] = [False, True]
    assert_array_equal(reliability_curve(right, confidence, **keywords), expected)


@given(seed=SEEDS, n_bins=st.integers(1, 20), times=st.integers(2, 5))
def test_agrees_with_scikit_learn(seed, n_bins, times):
    rng = np.random.default_rng(seed)
    proba = rng.uniform(size=n_bins * times)  # ties and edges are treated otherwise there
    y = (rng.uniform(size=len(proba)) < proba).astype(int)
    y[0] = 1 - y[1]
    for strategy in STRATEGIES:
        frequency, mean = calibration_curve(y, proba, n_bins=n_bins, strategy=strategy)
        curve = reliability_curve(y, proba, n_bins=n_bins, strategy=strategy)
        assert_allclose(curve.frequency, frequency)
        assert_allclose(curve.mean_proba, mean)


@given(seed=SEEDS, n_classes=st.integers(2, 6), n_bins=st.integers(1, 20))
def test_smaller_types_give_the_same(seed, n_classes, n_bins):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), 200)
    codes = rng.integers(0, n_classes, 200)
    for strategy in STRATEGIES:
        keywords = {"strategy": strategy, "n_bins": n_bins, "labels": range(n_classes)}
        error = ece(codes, proba.astype(np.float32), **keywords)
        assert error == pytest.approx(ece(codes, proba, **keywords), abs=1e-5)
        half = proba.astype(np.float16)  # its rows sum to one roughly
        assert ece(codes, half, **keywords) == ece(codes, half.astype(np.float32), **keywords)


def test_what_is_given_is_not_changed():
    y, proba = np.array([1, 0, 1]), np.array([1 + 1e-9, -1e-9, 0.3])
    curve = reliability_curve(y, proba, sample_weight=[1, 1, 1])
    assert_array_equal(proba, [1 + 1e-9, -1e-9, 0.3])
    assert_array_equal(curve.mean_proba, [0, 0.3, 1])  # rounding errors are taken away
    assert_array_equal(pickle.loads(pickle.dumps(curve)), curve)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_closed_forms(strategy):
    n = 200_000
    rng = np.random.default_rng(0)
    p, u = rng.uniform(size=(2, n))
    # True probability p**2: of one sign everywhere, so the binned error is E(p - p**2).
    bound = 4 * sqrt((1 / 3 - 1 / 5) / n)
    assert ece(u < p**2, p, strategy=strategy) == pytest.approx(1 / 6, abs=bound)
    # True probability 1/2: the distance of the bins' centres from 1/2, none in one bin.
    for n_bins in (1, 2, 15):
        error = ece(u < 0.5, p, strategy=strategy, n_bins=n_bins)
        assert error == pytest.approx((n_bins**2 - n_bins % 2) / (2 * n_bins) ** 2, abs=0.005)
    # Three classes, confidence 0.1 too high.
    confidence, top = (1 + p) / 2, rng.integers(0, 3, n)
    proba = np.repeat((1 - confidence[:, None]) / 2, 3, axis=1)
    proba[np.arange(n), top] = confidence
    error = ece(np.where(u < confidence - 0.1, top, (top + 1) % 3), proba, strategy=strategy)
    assert error == pytest.approx(0.1, abs=4 * 0.5 / sqrt(n))


def test_few_rows_are_biased_as_documented_and_intervals_cover():
    rng = np.random.default_rng(0)
    p, u = rng.uniform(size=(2, 400, 1000))
    for strategy in STRATEGIES:
        errors = [ece(*pair, strategy=strategy) for pair in zip(u < p, p, strict=True)]
        assert np.mean(errors) == pytest.approx(sqrt(30 / (pi * 1000)) * pi / 8, rel=0.05)
    curves = [reliability_curve(*pair, n_bins=5) for pair in zip(u < p, p, strict=True)]
    covered = sum(((c.low <= c.mean_proba) & (c.mean_proba <= c.high)).sum() for c in curves)
    # Bins of 200 rows, so a count of hits is nearly normal; its jumps widen the bound.
    low, high = binom.ppf([1e-4, 1 - 1e-4], 5 * 400, [0.94, 0.965])
    assert low <= covered <= high


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_intervals_agree_with_scipy(level):
    y, proba = np.repeat([0, 0, 1, 1], [10, 7, 3, 4]), np.repeat([0.1, 0.5, 0.9], [10, 10, 4])
    curve = reliability_curve(y, proba, n_bins=3, confidence_level=level)
    for i, (hits, count) in enumerate([(0, 10), (3, 10), (4, 4)]):
        expected = binomtest(hits, count).proportion_ci(level, method="wilson")
        assert_allclose([curve.low[i], curve.high[i]], expected, atol=1e-12)
    assert (curve.low[0], curve.high[2]) == (0, 1)


def test_edges_of_bins():
    # 1 is in the last bin (torchmetrics 1.9 opens another one for it, and says 0.525).
    assert ece([1, 0], [0.95, 1.0], n_bins=10) == pytest.approx(0.475)
    curve = reliability_curve([0, 0, 1, 1], [0.0, 0.5, 0.5, 1.0], n_bins=2)
    assert_allclose(curve.mean_proba, [0, 2 / 3])
    for dtype in (np.float32, np.float64):
        curve = reliability_curve([0, 1] * 5 + [0], dtype(np.arange(11) / 10), n_bins=10)
        assert_array_equal(curve.count, [1] * 9 + [2])


def test_equal_mass_bins_never_split_ties():
    proba, y = np.r_[[0.2] * 50, [0.1] * 3, np.linspace(0.5, 0.9, 47)], np.arange(100) // 60
    curve = reliability_curve(y, proba, n_bins=10, strategy="quantile")
    assert_array_equal(curve.count, [3, 50, 7, 10, 10, 10, 10])
    assert_allclose(curve.mean_proba[:2], [0.1, 0.2])
    spread = partial(reliability_curve, y, np.linspace(0, 1, 100), strategy="quantile")
    assert set(spread(n_bins=7).count) == {14, 15}
    assert len(spread(n_bins=500).count) == 100
    for n_bins in range(1, 100):  # sums of 0.7 are rounded, which moves no row to another bin
        rounded = spread(n_bins=n_bins, sample_weight=[0.7] * 100)
        assert_allclose(rounded.mean_proba, spread(n_bins=n_bins).mean_proba)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_few_bins_few_rows_few_values(strategy):
    error = partial(ece, strategy=strategy, labels=[0, 1])
    assert error([1], [0.75]) == 0.25
    assert error([1], [1]) == 0
    assert error([0, 0], [True, True]) == 1
    assert error([0, 1, 0, 0], [0.25] * 4) == 0
    assert error([0, 1, 1], [0.25, 0.5, 0], n_bins=1) == pytest.approx(2 / 3 - 0.25)
    assert error([0, 1, 1], [0.25, 0.5, 0], n_bins=2**20) == pytest.approx(1.75 / 3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"y_proba": [0.1, np.nan]}, r"1 of 2 rows.*row 1, has NaN or infinite"),
        ({"y_proba": [1.2, -0.5]}, r"2 of 2 rows.*row 1, has -0.5, outside \[0, 1\].*logits"),
        ({"y_proba": [[0.5, 0.5], [0.5, 1.5]]}, "1 of 2 rows.*row 1, has 1.5, outside"),
        ({"y_proba": [[0.5, 0.55], [0.2, 0.2]]}, "2 of 2 rows.*row 1, .* sum to 0.4, not to"),
        ({"y_true": [], "y_proba": []}, "non-empty"),
        ({"y_true": [0], "y_proba": [[[0.5, 0.5]]]}, r"shape \(1, 1, 2\)"),
        ({"y_true": [0], "y_proba": 0.5}, r"shape \(\)"),
        ({"y_proba": ["a", "b"]}, "not numeric"),
        ({"y_proba": [1j, 1]}, "complex"),
        ({"y_true": [0, 1, 1]}, "inconsistent numbers of samples"),
        ({"y_true": None}, r"one label for each sample, got shape \(\)"),
        ({"y_true": [[0, 1], [1, 0]]}, "one-hot"),
        ({"y_true": [0, np.nan]}, "NaN"),
        ({"y_true": [0.2, 0.9]}, "order of arguments is y_true, y_proba"),
        ({"y_true": np.array(["a", None], dtype=object)}, "none may be missing"),
        ({"y_true": np.array([1, "a"], dtype=object)}, "sort together"),
        ({"y_true": np.array([1.0, np.nan], dtype=object)}, "NaN"),
        ({"y_true": pd.array([1, None], dtype="Int64")}, "missing|NaN"),
        (
            {"y_true": [1, 1], "y_proba": [1, 1]},
            "1 classes.*column counts as two.*Pass labels=",
        ),
        ({"y_true": ["a", "c"], "y_proba": [[0, 0, 1]] * 2}, r"2 classes \('a', 'c'\).*3 col"),
        ({"y_true": range(8), "y_proba": [1] * 8}, r"8 classes \(0, 1, 2, 3, 4, 5, \.\.\.\)"),
        ({"labels": [0, 1, 2]}, r"labels has 3 classes \(0, 1, 2\), but y_proba has 2 columns"),
        ({"labels": [0, 5]}, r"not in labels: 1; labels are 0, 5"),
        ({"labels": ["0", "1"]}, "not in labels: 0, 1; labels are '0', '1'"),
        ({"labels": [[0, 1]]}, "list of labels"),
        ({"sample_weight": [1]}, "sample_weight"),
        ({"sample_weight": [1, -1]}, "Negative values"),
        ({"sample_weight": [1, np.nan]}, "NaN"),
        ({"sample_weight": [0, 0]}, "zero"),
        ({"sample_weight": [1, 1e300]}, "overflows"),
        ({"n_bins": 0}, "between 1 and"),
        ({"n_bins": 10**9}, "between 1 and 1048576"),
        ({"n_bins": 10.0}, "n_bins must be an integer or one of .*, got 10.0"),
        ({"n_bins": True}, "integer"),
        ({"strategy": "width"}, "strategy must be one of .*'uniform', 'quantile'.*'width'"),
    ],
)
def test_bad_input(bad, message):
    for function in (ece, reliability_curve):
        with pytest.raises(ValueError, match=message):
            function(**{"y_true": [0, 1], "y_proba": [0.6, 0.7], **bad})


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, np.nan, None, "0.95"])
def test_unusable_confidence_levels(level):
    with pytest.raises(ValueError, match="confidence_level must be a number between 0 and 1"):
        reliability_curve([0, 1], [0.6, 0.7], confidence_level=level)
