"""Pairs that never saw a class say nothing of it; the answer of all completes them."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from support.classifiers import Scores

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import VennAbersCalibration
from skcalib.folds import average_pairs
from skcalib.metrics import log_loss

PARTLY = "ignore:Some classes have no samples:UserWarning"


class Fixed:
    """A pair that knows some classes and has its answers ready."""

    calibrators = [None]

    def __init__(self, proba, known, geometric=False):
        self.proba, self.known = proba, np.flatnonzero(known)
        self.classes = np.arange(len(known))
        self.pools_by_geometric_mean = geometric

    def predict_proba(self, X):
        return self.proba


def completed(p, q, knows):
    """Complete a pair's answer q by p, as it is defined."""
    return np.where(knows, p[knows].sum() * q, p)


def completions_of_mean(p, pairs, geometric=False):
    """Return the mean of the pairs completed by p."""
    parts = [completed(p, pair.proba[0], np.isin(pair.classes, pair.known)) for pair in pairs]
    if not geometric:
        return np.mean(parts, axis=0)
    mean = np.exp(np.mean(np.log(parts), axis=0))
    return mean / mean.sum()


def simulated(pairs, geometric=False, steps=20_000):
    """Complete the pairs by their mean again and again."""
    p = np.full(len(pairs[0].classes), 1 / len(pairs[0].classes))
    for _ in range(steps):
        before, p = p, completions_of_mean(p, pairs, geometric)
        if np.abs(p / before - 1).max() < 1e-15:
            break
    return p


def linked(known):
    reached, before = known[0], None
    while not np.array_equal(reached, before):
        before = reached
        reached = known[(known & reached).any(axis=1)].any(axis=0)
    return reached.all()


@st.composite
def linked_pairs(draw, geometric=False):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_pairs, n_classes = draw(st.integers(2, 6)), draw(st.integers(2, 6))
    known = rng.random((n_pairs, n_classes)) < draw(st.sampled_from([0.4, 0.6, 0.9]))
    known[0] |= ~known.any(axis=0)
    known[np.arange(n_pairs), rng.integers(0, n_classes, n_pairs)] = True
    if not linked(known):
        known[-1] = True
    pairs = []
    for knows in known:
        q = np.where(knows, rng.dirichlet(np.ones(n_classes)) + 0.01, 0)
        pairs.append(Fixed(q[None] / q.sum(), knows, geometric))
    return pairs


@given(linked_pairs())
def test_the_mean_is_its_own_completion(pairs):
    p = average_pairs(pairs, None)[0]
    assert_allclose(p, simulated(pairs), rtol=1e-11)
    assert_allclose(completions_of_mean(p, pairs), p, rtol=1e-13)


@settings(max_examples=30)
@given(linked_pairs(geometric=True))
def test_so_is_the_geometric_mean(pairs):
    p = average_pairs(pairs, None)[0]
    assert_allclose(p, simulated(pairs, geometric=True), rtol=1e-10)
    assert_allclose(completions_of_mean(p, pairs, geometric=True), p, rtol=1e-12)


@pytest.mark.parametrize("geometric", [False, True])
def test_pairs_that_agree_are_put_together(geometric):
    truth = np.random.default_rng(0).dirichlet(np.ones(5), 4)
    sets = np.array([[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 0, 0, 0, 1]]) > 0
    pairs = [
        Fixed(truth * knows / (truth * knows).sum(axis=1, keepdims=True), knows, geometric)
        for knows in sets
    ]
    assert_allclose(average_pairs(pairs, None), truth, rtol=1e-11)


def ring(*rows):
    """Return pairs that know the classes (0, 1), (1, 2), (2, 0)."""
    knows = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=bool)
    return [Fixed(np.array([row], dtype=float), k) for row, k in zip(rows, knows, strict=True)]


def test_a_ring_of_classes():
    pairs = ring([0.9, 0.1, 0], [0, 0.9, 0.1], [0.1, 0, 0.9])
    assert_allclose(average_pairs(pairs, None), 1 / 3, rtol=1e-15)
    pairs = ring([0.2, 0.8, 0], [0, 0.3, 0.7], [0.6, 0, 0.4])
    # (3 I - sum of completions) p = 0 and sum p = 1, by hand
    system = [[-1.2, 0.2, 0.6], [0.8, -0.9, 0.3], [1, 1, 1]]
    assert_allclose(average_pairs(pairs, None)[0], np.linalg.solve(system, [0, 0, 1]))


def test_tiny_probabilities_and_zeros():
    tiny = 1e-200
    pairs = ring([1, tiny, 0], [0, 1, tiny], [0.5, 0, 0.5])
    # p_1 = p_01 tiny / 2 + p_12 / 2 with p_02 = 1, p_2 = (p_12 tiny + 1 / 2) / 2 ...
    p = average_pairs(pairs, None)[0]
    assert_allclose(completions_of_mean(p, pairs), p, rtol=1e-14)
    for rows, right in (
        (([1, 0, 0], [0, 0, 1], [0, 0, 1]), [0, 0, 1]),
        (([1, 0, 0], [0, 0, 1], [0.5, 0, 0.5]), [0.5, 0, 0.5]),
        (([1, 0, 0], [0, 1, 0], [0, 0, 1]), [1 / 3, 1 / 3, 1 / 3]),
        (([0, 1, 0], [0, 1, 0], [0.5, 0, 0.5]), [0, 1, 0]),
    ):
        p = average_pairs(ring(*rows), None)[0]
        assert_allclose(p, right, atol=1e-15)
    # Two pairs whose shared class is impossible: nothing tells, so they count alike.
    first = Fixed(np.array([[1.0, 0, 0]]), np.array([True, True, False]))
    other = Fixed(np.array([[0.0, 0, 1]]), np.array([False, True, True]))
    assert_allclose(average_pairs([first, other], None), [[0.5, 0, 0.5]], atol=1e-15)
    chain = [
        Fixed(np.array([[0.0] * k + [1.0] + [0.0] * (5 - k)]), np.isin(range(6), [k, k + 1]))
        for k in range(5)
    ]
    p = average_pairs(chain, None)[0]
    assert np.isfinite(p).all()
    assert_allclose(completions_of_mean(p, chain), p, atol=1e-15)


def test_classes_that_all_pairs_know_are_averaged_as_ever():
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        pairs = [
            Fixed(rng.dirichlet(np.ones(4), 3).astype(dtype), np.ones(4, bool))
            for _ in range(3)
        ]
        proba = average_pairs(pairs, None)
        assert proba.dtype == dtype
        assert_array_equal(proba, (pairs[0].proba + pairs[1].proba + pairs[2].proba) / 3)


def test_a_pair_that_knows_one_class_changes_nothing():
    rng = np.random.default_rng(0)
    both = [Fixed(rng.dirichlet([1, 1], 5), [True, True]) for _ in range(2)]
    single = Fixed(np.tile([1.0, 0.0], (5, 1)), [True, False])
    assert_array_equal(average_pairs([single, *both], None), average_pairs(both, None))


def later_class(start, n=2000):
    """Return samples among which those of class 1 begin at one row, as in a time series."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    later = np.arange(n) >= start
    y = (X[:, 0] + rng.logistic(size=(3, n))[2] > 1) & later
    return X, y.astype(int), later


@pytest.mark.filterwarnings(PARTLY)
@pytest.mark.parametrize("method", ["sigmoid", "temperature"])
def test_a_class_that_begins_late(method):
    X, y, later = later_class(900)
    splits = TimeSeriesSplit(4)
    model = CalibratedClassifierCV(GaussianNB(), method=method, cv=splits).fit(X, y)
    proba = model.predict_proba(X[later])
    # The last two of four classifiers know both classes; the same by hand:
    by_hand = []
    for train, test in list(splits.split(X))[2:]:
        base = FrozenEstimator(GaussianNB().fit(X[train], y[train]))
        pair = CalibratedClassifierCV(base, method=method).fit(X[test], y[test])
        by_hand.append(pair.predict_proba(X[later]))
    assert_allclose(proba, np.mean(by_hand, axis=0), rtol=1e-9)
    blind = model.calibrated_classifiers_[0].predict_proba(X)
    assert_array_equal(blind, np.tile([1.0, 0.0], (len(X), 1)))
    if method == "sigmoid":
        assert abs(y[later].mean() - 0.321) < 0.0005
        assert abs(proba[:, 1].mean() - 0.326) < 0.0005  # was .163
        assert abs(log_loss(y[later], proba) - 0.560) < 0.0005  # was .647


@pytest.mark.filterwarnings(PARTLY)
def test_a_split_of_one_class_is_not_trained():
    X, y, _ = later_class(900)
    splits = TimeSeriesSplit(4)  # logistic regression refuses a single class
    model = CalibratedClassifierCV(LogisticRegression(), cv=splits).fit(X, y)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.n_features_in_ == 3
    rare = CalibratedClassifierCV(LogisticRegression(), cv=splits, ensemble=False).fit(X, y)
    pairs = [pair for pair in model.calibrated_classifiers_ if len(pair.known) == 2]
    kept = CalibratedClassifierCV(
        LogisticRegression(), cv=list(splits.split(X))[2:], ensemble=False
    ).fit(X, y)
    assert len(pairs) == 2
    assert_allclose(rare.predict_proba(X), kept.predict_proba(X), rtol=1e-12)


def three_sets(sets, n=900, seed=0):
    """Return samples, and splits each of whose training rows are of some classes only."""
    rng = np.random.default_rng(seed)
    n_classes = max(map(max, sets)) + 1
    logits = 2 * rng.normal(size=(n, n_classes))
    y = np.array([rng.choice(n_classes, p=p) for p in softmax(logits, axis=1)])
    held = np.arange(n) % len(sets)
    splits = [
        (np.flatnonzero((held != k) & np.isin(y, list(known))), np.flatnonzero(held == k))
        for k, known in enumerate(sets)
    ]
    return logits, y, splits


@pytest.mark.filterwarnings(PARTLY)
@pytest.mark.parametrize("method", ["sigmoid", "temperature", "isotonic", "venn-abers"])
def test_real_pairs_on_a_ring(method):
    X, y, splits = three_sets([(0, 1), (1, 2), (2, 0)])
    names = np.array(["one", "three", "two"])[y]  # sorted
    model = CalibratedClassifierCV(GaussianNB(), method=method, cv=splits).fit(X, names)
    pairs = model.calibrated_classifiers_
    proba = model.predict_proba(X[:5])
    geometric = method == "venn-abers"
    for row in range(5):
        fixed = [
            Fixed(pair.predict_proba(X[row : row + 1]), np.isin([0, 1, 2], pair.known))
            for pair in pairs
        ]
        assert_allclose(proba[row], simulated(fixed, geometric), rtol=1e-9)
    everywhere = CalibratedClassifierCV(GaussianNB(), method=method).fit(X, names)
    assert log_loss(names, model.predict_proba(X)) < 1.1 * log_loss(
        names, everywhere.predict_proba(X)
    )


@pytest.mark.filterwarnings(PARTLY)
def test_a_method_that_saw_no_row_of_a_class_says_nothing_of_it():
    X, y, _ = three_sets([(0, 1, 2)])
    rows = np.arange(900)
    first = rows[(rows < 450) & (y < 2)]  # calibration rows of the first split lack class 2
    splits = [(rows[450:], first), (rows[:450], rows[450:])]
    model = CalibratedClassifierCV(GaussianNB(), method=LogisticRegression(), cv=splits)
    model.fit(X, y)
    assert_array_equal(model.calibrated_classifiers_[0].predict_proba(X)[:, 2], 0)
    own = model.calibrated_classifiers_[1].predict_proba(X)[:, 2]
    assert_allclose(model.predict_proba(X)[:, 2], own, rtol=1e-9)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("base", [GaussianNB(), LogisticRegression()])
def test_a_class_that_no_pair_knows_is_refused(base, ensemble):
    X, y, _ = later_class(1700)
    model = CalibratedClassifierCV(base, cv=TimeSeriesSplit(4), ensemble=ensemble)
    with pytest.raises(ValueError, match="Stratify the splits"):
        model.fit(X, y)
    X, y, splits = three_sets([(0, 1), (0, 1)])
    y[::10] = 2
    splits = [(train[y[train] < 2], test) for train, test in splits]
    with pytest.raises(ValueError, match=r"y holds the classes \[2\].*trained without"):
        CalibratedClassifierCV(base, cv=splits).fit(X, y)
    zero = (y < 2).astype(float)  # samples that do not count
    with pytest.warns(UserWarning, match="training rows lack"):
        model = CalibratedClassifierCV(base, cv=splits).fit(X, y, sample_weight=zero)
    assert_array_equal(model.predict_proba(X)[:, 2], 0)


def test_pairs_that_share_no_class_are_refused():
    X, y, splits = three_sets([(0, 1), (2, 3), (0, 1)])
    with pytest.raises(ValueError, match=r"separate groups: \[2, 3\]; \[0, 1\].*Stratify"):
        CalibratedClassifierCV(GaussianNB(), cv=splits).fit(X, y)
    X, y, splits = three_sets([(0, 1), (2, 3), (1, 2)])
    with pytest.warns(UserWarning, match="from the other pairs"):
        model = CalibratedClassifierCV(GaussianNB(), cv=splits).fit(X, y)
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("ensemble", [True, False])
def test_nothing_to_calibrate_with_is_refused(ensemble):
    X, y, _ = three_sets([(0, 1, 2)])
    each = PredefinedSplit(y)  # what is held out was never seen
    model = CalibratedClassifierCV(Scores(), cv=each, ensemble=ensemble)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="nothing to calibrate with"):
            CalibratedClassifierCV(GaussianNB(), cv=each, ensemble=ensemble).fit(X, y)
    with pytest.raises(ValueError, match="a column for each class"):
        model.fit(X, y)


def test_venn_abers_says_how_it_pools():
    X, y, splits = three_sets([(0, 1, 2), (0, 1, 2)])
    model = CalibratedClassifierCV(GaussianNB(), method=VennAbersCalibration(), cv=splits)
    pairs = model.fit(X, y).calibrated_classifiers_
    logs = np.mean([np.log(pair.predict_proba(X)) for pair in pairs], axis=0)
    assert_allclose(model.predict_proba(X), softmax(logs, axis=1), rtol=1e-12)
