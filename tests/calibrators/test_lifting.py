"""Many classes from binary maps, against the formulas written out."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logsumexp, softmax
from sklearn.base import clone
from support.calibrators import all_calibrators

from skcalib.calibrators import (
    BetaCalibration,
    BinaryCalibrator,
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    VennAbersCalibration,
    _binary,
    _log_odds,
    _masks,
)
from skcalib.inputs import _logits

ONE_VS_REST = [
    calibrator
    for calibrator in all_calibrators()
    if isinstance(calibrator, BinaryCalibrator) and calibrator.multiclass == "ovr"
]


class Unchanged(BinaryCalibrator):
    def __init__(self, multiclass="ovo"):
        self.multiclass = multiclass

    def _fit_map(self, z, target, weight):
        return None if len(z) == 0 else ()

    def _apply_map(self, fitted, z):
        return z


def problem(n_samples=200, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    return rng.normal(size=(n_samples, n_classes)) + 2 * np.eye(n_classes)[y], y


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_pairs_that_change_nothing_give_the_softmax(scale):
    logits, y = problem()
    proba = Unchanged().fit(logits, y).predict_proba(scale * logits)
    assert_allclose(proba, softmax(scale * logits, axis=1), atol=1e-12)


@pytest.mark.parametrize("method", [PlattScaling, BetaCalibration, IsotonicCalibration])
def test_pairs_are_fitted_to_their_rows_and_coupled(method):
    logits, y = problem()
    weight = np.random.default_rng(1).uniform(0.5, 2, len(y))
    model = method(multiclass="ovo").fit(logits, y, weight)
    assert len(model.maps_) == 6
    inverse = np.zeros((len(y), 4))  # sums of 1 / r_kj
    for j, k in combinations(range(4), 2):
        rows = (y == j) | (y == k)
        z = (logits[:, k] - logits[:, j])[:, None]
        binary = method().fit(z[rows], y[rows] == k, weight[rows])
        r = binary.predict_proba(z)
        inverse[:, j] += 1 / r[:, 0]
        inverse[:, k] += 1 / r[:, 1]
    expected = 1 / (inverse - (4 - 2))
    expected /= expected.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(logits), expected, atol=1e-8)


def test_zeros_of_pairs_are_zeros_and_all_zero_is_uniform():
    class Circle(Unchanged):
        def _apply_map(self, fitted, z):
            return np.where(z > 0, np.inf, -np.inf)

    logits, y = problem(n_classes=3)
    proba = Circle().fit(logits, y).predict_proba([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0]])
    assert_allclose(proba, [[0, 0, 1], [1, 0, 0]])

    class Never(Unchanged):
        def _apply_map(self, fitted, z):
            return np.where(np.arange(len(z)) % 2, -np.inf, np.inf)

    model = Never("ovr").fit(logits, y)
    assert_allclose(model.predict_proba(np.zeros((2, 3))), 1 / 3)


@pytest.mark.parametrize("multiclass", ["ovr", "ovo"])
def test_mixing_is_exact_in_both_tails(multiclass):
    class Mixed(Unchanged):
        smoothing = "mix"

    logits, y = problem(99, 3)
    model = Mixed(multiclass).fit(logits, y)
    far = np.array([[90.0, 0, 0], [0, 0, 0]])
    odds = np.array([far[:, k] - logsumexp(np.delete(far, k, 1), axis=1) for k in range(3)]).T
    if multiclass == "ovr":
        proba = expit(odds) * 99 / 100 + 1 / 100 / 3
        expected = proba / proba.sum(axis=1, keepdims=True)
        assert_allclose(model.predict_proba(far), expected, rtol=1e-12)
    sizes = [np.sum((y == j) | (y == k)) for j, k in combinations(range(3), 2)]
    shares = [1 / 100] * 3 if multiclass == "ovr" else [1 / (n + 1) for n in sizes]
    assert_allclose(model.uniform_shares_, shares)


def test_two_classes_do_not_care():
    logits, y = problem(n_classes=2)
    expected = VennAbersCalibration().fit(logits, y).predict_proba(logits)
    pairs = VennAbersCalibration(multiclass="ovo").fit(logits, y)
    assert_allclose(pairs.predict_proba(logits), expected, rtol=0)


def test_unknown_lifting():
    logits, y = problem()
    for method in (PlattScaling, Unchanged):
        with pytest.raises(ValueError, match=r"multiclass must be one of .* got 'all'"):
            method(multiclass="all").fit(logits, y)


def test_pairs_of_many_classes_warn_and_of_too_many_are_refused():
    def problem(n_classes):
        y = np.arange(2 * n_classes) % n_classes
        return np.random.default_rng(0).normal(size=(len(y), n_classes)), y

    for calibrator in (PlattScaling(multiclass="ovo"), IsotonicCalibration(multiclass="ovo")):
        with pytest.raises(ValueError, match=r"124,750 maps .* Use multiclass='ovr'"):
            calibrator.fit(*problem(500))
    with pytest.warns(UserWarning, match="5,050 maps for the pairs of 101 classes"):
        HistogramBinning(n_bins=1, multiclass="ovo").fit(*problem(101))


def short_blocks(n_samples, n_classes):
    step = 2**14 // n_classes
    return [slice(start, start + step) for start in range(0, n_samples, step)]


def memory_of_many_classes(calibrator, n_classes, masks, monkeypatch):
    """Return the bytes that a fit and a prediction took beyond what they return.

    Only two maps are fitted, to a hundred rows: it is what lies around them that may grow.
    """
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(800, n_classes)).astype(np.float32)
    y = rng.integers(0, 8, 800)
    logits[np.arange(800), y] += 3
    if masks:
        logits[:, 8:][rng.random((800, n_classes - 8)) < 0.3] = -np.inf
    fit_map, maps = calibrator._fit_map, []

    def fit_few(z, target, weight):
        if len(maps) < 2:
            maps.append(fit_map(z[:100], target[:100], weight[:100]))
        return maps[-1]

    monkeypatch.setattr(calibrator, "_fit_map", fit_few, raising=False)
    tracemalloc.start()
    try:
        calibrator.fit(logits, y)
        kept, fit = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        proba = calibrator.predict_proba(logits)
        predict = tracemalloc.get_traced_memory()[1] - proba.nbytes
    finally:
        tracemalloc.stop()
    return np.array([fit - kept, predict - kept])


def check_memory(calibrator, masks, monkeypatch):
    """Columns go one by one, rows in blocks: half a byte more for each logit would show."""
    for module in (_binary, _log_odds, _masks, _logits):
        monkeypatch.setattr(module, "row_blocks", short_blocks)
    few, many = (
        memory_of_many_classes(clone(calibrator), n_classes, masks, monkeypatch)
        for n_classes in (40, 120)
    )
    assert (many - few < 800 * (120 - 40) / 2).all()


@pytest.mark.filterwarnings("ignore:y has no sample of the classes")
@pytest.mark.parametrize("masks", [False, True])
def test_memory_does_not_grow_with_rows_times_classes(masks, monkeypatch):
    check_memory(HistogramBinning(), masks, monkeypatch)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:y has no sample of the classes")
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("calibrator", ONE_VS_REST, ids=repr)
def test_memory_of_no_method_grows_with_rows_times_classes(calibrator, masks, monkeypatch):
    check_memory(calibrator, masks, monkeypatch)
