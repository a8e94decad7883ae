"""Fits to blocks: the map that is fitted to all rows at once, whatever the blocks are."""

import gc
import pickle
import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skcalib import calibrators
from skcalib.calibrators import (
    BetaCalibration,
    BinaryCalibrator,
    Calibrator,
    DirichletCalibration,
    HierarchicalCalibration,
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    SplineCalibration,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
    VennAbersCalibration,
    _affine_looks,
    _binary_looks,
    _row_sample,
)
from skcalib.inputs import _blocks

CAN = [
    TemperatureScaling(),
    TemperatureScaling(smoothing="targets"),
    TemperatureScaling(smoothing="mix"),
    VectorScaling(),
    VectorScaling(intercept_penalty=0),
    StructuredVectorScaling(),
    PlattScaling(),
    PlattScaling(multiclass="ovo"),
    BetaCalibration(),
    calibrators.QuadraticScaling(),
    pytest.param(HierarchicalCalibration(), marks=pytest.mark.slow),
    IsotonicCalibration(),
    IsotonicCalibration(curve="smooth"),
    VennAbersCalibration(),
    HistogramBinning(),
    HistogramBinning(strategy="uniform"),
    calibrators.ScalingBinning(),
    pytest.param(calibrators.BayesianBinning(), marks=pytest.mark.slow),
    pytest.param(SplineCalibration(), marks=pytest.mark.slow),
]
every = pytest.mark.parametrize("calibrator", CAN, ids=str)


@pytest.fixture
def few_kept(monkeypatch):
    """Keep no more than some rows of the first look, as if there were many more."""
    monkeypatch.setattr(_row_sample, "MOST_BYTES", 2**11)


def make_rows(n_samples=1200, n_classes=3, dtype=np.float64, seed=0):
    """Return logits that are not calibrated, with ties; labels; weights, some of them zero."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    logits = 1.5 * rng.normal(size=(n_samples, n_classes)) + 2 * np.eye(n_classes)[y]
    logits[:, 0] += 1
    logits[: n_samples // 3] = np.round(logits[: n_samples // 3])
    return logits.astype(dtype), y, rng.integers(0, 3, n_samples).astype(float)


def cut(arrays, bounds):
    """Return the rows between neighbouring bounds, of each array."""
    pairs = zip([0, *bounds], [*bounds, None], strict=True)
    return [tuple(array[first:last] for array in arrays) for first, last in pairs]


UNEVEN = [0, 1, 2, 90, 90, 500, 1199]


@every
@pytest.mark.parametrize("n_classes", [2, 4])
def test_blocks_give_the_map_of_all_rows(calibrator, n_classes, few_kept):
    logits, y, weight = make_rows(n_classes=n_classes)
    for arrays in ((logits, y, weight),):
        expected = clone(calibrator).fit(*arrays)
        found = clone(calibrator)
        assert found.fit_blocks(cut(arrays, UNEVEN)) is found
        assert_allclose(
            found.predict_proba(logits), expected.predict_proba(logits), rtol=0, atol=1e-6
        )
        assert_array_equal(found.classes_, expected.classes_)
        assert vars(found).keys() == vars(expected).keys()


@pytest.mark.parametrize("kind", [TemperatureScaling, VectorScaling, IsotonicCalibration])
def test_few_rows_are_fitted_as_if_at_hand(kind):
    logits, y, weight = make_rows()
    names, weight = np.array(["b", "a", "c"])[y], weight + 0.5
    expected = kind().fit(logits, names, weight).predict_proba(logits)
    found = kind().fit_blocks(cut((logits, names, weight), [7, 700]))
    assert_array_equal(found.predict_proba(logits), expected)


def test_how_often_blocks_are_read(few_kept):
    logits, y, _ = make_rows(20_000)
    reads = []

    def blocks():
        reads.append(1)
        yield from cut((logits, y), [3000, 11_000])

    for calibrator, most in (
        (TemperatureScaling(), 3),
        (TemperatureScaling(smoothing="targets"), 3),
        (PlattScaling(), 2),
        (IsotonicCalibration(), 2),
        (VectorScaling(), 8),
    ):
        reads.clear()
        calibrator.fit_blocks(blocks)
        assert 2 <= len(reads) <= most, calibrator


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("kind", [TemperatureScaling, StructuredVectorScaling, PlattScaling])
def test_half_and_single_precision(kind, dtype, few_kept):
    logits, y, _ = make_rows(dtype=dtype)
    expected = kind().fit(logits, y).predict_proba(logits)
    found = kind().fit_blocks(cut((logits, y), [400, 401])).predict_proba(logits)
    assert found.dtype == np.float32
    assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_masked_classes_and_rows_that_can_be_of_one_class_only(few_kept):
    logits, y, weight = make_rows(n_classes=4)
    others = np.arange(4) != y[:, None]
    logits[::5][others[::5] & (np.arange(4) > 1)] = -np.inf
    logits[7::50][others[7::50]] = np.finfo(np.float32).min  # each sure of its class
    logits[logits == np.finfo(np.float32).min] = -np.inf
    for calibrator in (
        TemperatureScaling(),
        TemperatureScaling(smoothing="targets"),
        VectorScaling(),
        StructuredVectorScaling(),
        IsotonicCalibration(),
    ):
        expected = clone(calibrator).fit(logits, y, weight).predict_proba(logits)
        found = clone(calibrator).fit_blocks(cut((logits, y, weight), UNEVEN))
        assert_allclose(found.predict_proba(logits), expected, rtol=0, atol=1e-6)
    bad = logits.copy()
    bad[500, y[500]] = -np.inf
    with pytest.raises(ValueError, match="y is a class that X masks"):
        TemperatureScaling().fit_blocks(cut((bad, y), UNEVEN))


@pytest.mark.parametrize("scale", [1e-12, 1e12])
@pytest.mark.parametrize("smoothing", ["none", "targets"])
def test_extreme_scales(scale, smoothing, few_kept):
    logits, y, _ = make_rows()
    logits *= scale
    for kind in (partial(TemperatureScaling, smoothing=smoothing), VectorScaling):
        expected, found = kind(), kind()
        if smoothing == "none" and kind is not VectorScaling:
            for fit in (expected.fit, lambda X, y, f=found: f.fit_blocks(cut((X, y), UNEVEN))):
                with pytest.warns(ConvergenceWarning, match="at its bound"):
                    fit(logits, y)
        else:
            expected.fit(logits, y)
            found.fit_blocks(cut((logits, y), UNEVEN))
        assert found.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)


def test_rows_that_are_all_right_or_constant_or_no_better_than_chance(few_kept):
    y = np.arange(1200) % 3
    right = np.eye(3)[y] * (1 + np.arange(1200)[:, None] % 7)
    for kind, message in ((TemperatureScaling, "at its bound"), (VectorScaling, "classified")):
        with pytest.warns(ConvergenceWarning, match=message):
            kind().fit_blocks(cut((right, y), UNEVEN))
        with pytest.warns(ConvergenceWarning, match=message):
            expected = kind().fit(right, y)
        with pytest.warns(ConvergenceWarning, match=message):
            found = kind().fit_blocks(cut((right, y), UNEVEN))
        assert found.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)
    smoothed = TemperatureScaling(smoothing="targets")
    expected = clone(smoothed).fit(right, y).temperature_
    assert smoothed.fit_blocks(cut((right, y), UNEVEN)).temperature_ == pytest.approx(
        expected, rel=1e-6
    )
    constant = np.tile(np.arange(1200.0)[:, None], 3)
    for smoothing in ("none", "targets"):
        found = TemperatureScaling(smoothing=smoothing).fit_blocks(cut((constant, y), UNEVEN))
        assert found.temperature_ == 1
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        TemperatureScaling().fit_blocks(cut((-right, y), UNEVEN))


def test_a_single_column_and_text(few_kept):
    logits, y, _ = make_rows(n_classes=2)
    decision, names = np.diff(logits, axis=1), np.array(["no", "yes"])[y]
    for kind in (TemperatureScaling, PlattScaling):
        expected = kind().fit(decision, names).predict_proba(decision)
        found = kind().fit_blocks(cut((decision, names), UNEVEN))
        assert_allclose(found.predict_proba(decision), expected, rtol=0, atol=1e-6)


def test_a_class_without_rows_in_some_blocks_or_in_all(few_kept):
    logits, y, _ = make_rows()
    order = np.argsort(y, kind="stable")  # each block has one class or two
    expected = TemperatureScaling().fit(logits, y).temperature_
    found = TemperatureScaling().fit_blocks(cut((logits[order], y[order]), [300, 600, 900]))
    assert found.temperature_ == pytest.approx(expected, rel=1e-6)
    some = y != 1
    with pytest.warns(UserWarning, match="no sample of the classes"):
        expected = TemperatureScaling().fit(logits[some], y[some]).temperature_
    with pytest.warns(UserWarning, match="no sample of the classes"):
        found = TemperatureScaling().fit_blocks(cut((logits[some], y[some]), [300]))
    assert found.temperature_ == pytest.approx(expected, rel=1e-6)
    assert_array_equal(found.classes_, [0, 1, 2])
    with pytest.raises(ValueError, match="one class only"):
        TemperatureScaling().fit_blocks(cut((logits, np.ones(1200, int)), [300]))


def test_frames_named_by_the_labels(few_kept):
    pd = pytest.importorskip("pandas", reason="frames of pandas")
    logits, y, _ = make_rows()
    names = np.array(["a", "b", "c"])[y]
    frame = pd.DataFrame(logits[:, [2, 0, 1]], columns=["c", "a", "b"])
    expected = TemperatureScaling().fit(frame, names)
    found = TemperatureScaling().fit_blocks(
        [(frame[:500], names[:500]), (frame[500:], names[500:])]
    )
    assert_array_equal(found.feature_names_in_, expected.feature_names_in_)
    assert_allclose(found.predict_proba(frame), expected.predict_proba(frame), atol=1e-6)
    renamed = frame[500:].rename(columns={"a": "d"})
    with pytest.raises(ValueError, match="different names"):
        TemperatureScaling().fit_blocks([(frame[:500], names[:500]), (renamed, names[500:])])
    assert not hasattr(found.fit_blocks([(logits, y)]), "feature_names_in_")


def test_bad_blocks_are_named():
    logits, y, weight = make_rows()
    bad = logits.copy()
    bad[700, 1] = np.nan
    for blocks, message in (
        (cut((bad, y), [100, 600]), "Block 2 .*NaN.*row 100"),
        (cut((logits, y, -weight), [5]), "Block 0 .*[Nn]egative"),
        ([(logits, y), (logits, y[1:])], "Block 1 .*inconsistent"),
        ([(logits, y), (logits, np.where(y == 1, np.nan, y))], "Block 1 .*NaN"),
        ([(logits, y), (logits, y + 0.5)], "Block 1 .*fractions"),
        ([(logits, y), logits], "Block 1 .*a block is .*ndarray"),
        ([(logits, y), (y, y)], "Block 1 .*column for each class"),
        ([(logits, y), (logits[:, :2], y)], "different numbers of columns"),
        ([(logits, y), (logits, y.astype(str))], "of different kinds"),
        ([(logits, y), (logits, y + 1)], "4 classes, but X has 3 columns"),
        ([(logits[:0], y[:0])], "no row of positive weight"),
        ([(logits, y, np.zeros(len(y)))], "no row of positive weight"),
        ([], "no row of positive weight"),
    ):
        with pytest.raises(ValueError, match=message):
            TemperatureScaling().fit_blocks(blocks)


def test_what_can_be_read_once_only_is_refused_with_the_way_out():
    logits, y, _ = make_rows()
    with pytest.raises(ValueError, match=r"generator, which can be read once only.*function"):
        TemperatureScaling().fit_blocks(block for block in [(logits, y)])
    for blocks in (None, 3, logits[0, 0]):
        with pytest.raises(ValueError, match="must be an iterable of"):
            TemperatureScaling().fit_blocks(blocks)
    with pytest.raises(ValueError, match="smoothing"):
        TemperatureScaling(smoothing="no").fit_blocks([(logits, y)])


def test_blocks_that_change_between_looks_are_found_out(few_kept):
    logits, y, _ = make_rows()
    labels = [y, y + 1]

    def blocks():
        yield logits, labels.pop(0)

    with pytest.raises(ValueError, match="did not have at the first look"):
        TemperatureScaling().fit_blocks(blocks)


def test_probabilities_taken_for_logits_warn():
    logits, y, _ = make_rows()
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    with pytest.warns(UserWarning, match="looks like probabilities"):
        TemperatureScaling().fit_blocks(cut((proba, y), UNEVEN))


def test_methods_that_need_all_rows_have_none_and_say_who_has():
    for kind in (DirichletCalibration, calibrators.AutoCalibration, calibrators.MatrixScaling):
        assert not hasattr(kind(), "fit_blocks")
        with pytest.raises(AttributeError) as raised:
            kind().fit_blocks([])
        assert "TemperatureScaling, VectorScaling" in str(raised.value.__cause__)
        assert f"{kind.__name__} cannot" in str(raised.value.__cause__)


def test_methods_of_users():
    class Shift(BinaryCalibrator):
        def _fit_map(self, z, target, weight):
            return np.average(target, weights=weight) - 0.5

        def _apply_map(self, fitted, z):
            return z + fitted

    class Other(PlattScaling):
        def _fit(self, logits, codes, weight):
            super()._fit(logits, codes, weight)

    class Whole(Calibrator):
        _fit = _proba = None

    logits, y, weight = make_rows()
    expected = Shift().fit(logits, y, weight).predict_proba(logits)
    found = Shift().fit_blocks(cut((logits, y, weight), UNEVEN)).predict_proba(logits)
    assert_allclose(found, expected, atol=1e-6)
    assert not hasattr(Other(), "fit_blocks")  # what it learns otherwise, nobody knows
    assert not hasattr(Whole, "fit_blocks") or not hasattr(Whole(), "fit_blocks")


def test_looks_are_taken_elsewhere(few_kept):
    logits, y, weight = make_rows()
    blocks = cut((logits, y, weight), UNEVEN)

    def look_at_all(look):
        """Answer in other processes, and join the answers in pairs."""
        sent = [pickle.dumps(pickle.loads(pickle.dumps(look))(block)) for block in blocks]
        answers = [pickle.loads(answer) for answer in sent]
        while len(answers) > 1:
            pairs = [answers[i : i + 2] for i in range(0, len(answers), 2)]
            answers = [look.merge(*pair) if len(pair) > 1 else pair[0] for pair in pairs]
        return answers[0]

    for calibrator in (TemperatureScaling(), VectorScaling(), VennAbersCalibration()):
        expected = clone(calibrator).fit(logits, y, weight).predict_proba(logits)
        found = clone(calibrator).fit_by_looks(look_at_all).predict_proba(logits)
        assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_what_an_engine_asks_for_again_is_the_same():
    logits, y, weight = make_rows()
    blocks = cut((logits, y, weight), UNEVEN)

    def look_at_all(look):
        answer = None
        for block in blocks:
            found = look.of_share(0.3)(block)
            look.merge(answer, found)  # lost
            answer = look.merge(answer, found)
        return answer

    for calibrator in (TemperatureScaling(), IsotonicCalibration()):
        expected = clone(calibrator).fit(logits, y, weight).predict_proba(logits)
        found = clone(calibrator).fit_by_looks(look_at_all).predict_proba(logits)
        assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_too_many_scores_keep_fewer_digits_and_a_warning_says_so(few_kept, monkeypatch):
    monkeypatch.setattr(_binary_looks, "MOST_LINES", 1000)
    monkeypatch.setattr(_binary_looks, "FEWEST_LINES", 10)
    logits, y, _ = make_rows(20_000, n_classes=2)
    for kind in (IsotonicCalibration, PlattScaling):
        expected = kind().fit(logits, y).predict_proba(logits)
        with pytest.warns(UserWarning, match=r"more than 1,000 distinct .* binary digits"):
            found = kind().fit_blocks(cut((logits, y), [9000])).predict_proba(logits)
        assert np.abs(found - expected).mean() < 2e-3


def test_many_classes_are_refused_where_a_matrix_of_them_is_needed(few_kept, monkeypatch):
    monkeypatch.setattr(_affine_looks, "MOST_CLASSES", 2)
    logits, y, _ = make_rows()
    with pytest.raises(ValueError, match=r"more than 2 classes.*TemperatureScaling.fit_blocks"):
        VectorScaling().fit_blocks(cut((logits, y), UNEVEN))


def test_a_long_file_is_one_block_and_read_in_parts(tmp_path, few_kept, monkeypatch):
    monkeypatch.setattr(_blocks, "LONG", 1000)
    logits, y, _ = make_rows(dtype=np.float32)
    np.save(tmp_path / "logits.npy", logits)
    stored = np.load(tmp_path / "logits.npy", mmap_mode="r")
    expected = TemperatureScaling().fit(logits, y).temperature_
    found = TemperatureScaling().fit_blocks([(stored, y)])
    assert found.temperature_ == pytest.approx(expected, rel=1e-6)
    logits[700, 0] = np.inf
    with pytest.raises(ValueError, match=r"Block 0 \(the first is 0\), rows 666 on: .*row 34"):
        TemperatureScaling().fit_blocks([(logits, y)])
    with pytest.raises(ValueError, match=r"Block 0 .*different lengths"):
        TemperatureScaling().fit_blocks([(logits, y[1:])])
    masked = np.ma.masked_array(y, y == 1)
    with pytest.raises(ValueError, match=r"Block 0 .*masked array"):
        TemperatureScaling().fit_blocks([(logits, masked)])


def peak_of_fit(path, n_samples):
    """Return the size of a file of logits, and the most memory that a fit to it took."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 50, n_samples)
    logits = rng.random((n_samples, 50), np.float32)
    logits[np.arange(n_samples), y] += 0.3
    np.save(path, logits)
    size = logits.nbytes
    del logits
    stored = np.load(path, mmap_mode="r")
    gc.collect()
    tracemalloc.start()
    try:
        TemperatureScaling().fit_blocks([(stored, y)])
        return size, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_data_set_of_h5py(tmp_path, few_kept, monkeypatch):
    h5py = pytest.importorskip("h5py", reason="files of HDF5")
    monkeypatch.setattr(_blocks, "LONG", 1000)
    logits, y, _ = make_rows(dtype=np.float32)
    expected = PlattScaling().fit(logits, y).predict_proba(logits)
    with h5py.File(tmp_path / "logits.h5", "w") as file:
        stored = file.create_dataset("logits", data=logits)
        labels = file.create_dataset("y", data=y)
        found = PlattScaling().fit_blocks([(stored, labels)])
    assert_allclose(found.predict_proba(logits), expected, rtol=0, atol=1e-6)


def test_what_is_kept_of_a_file_is_little(tmp_path, few_kept, monkeypatch):
    monkeypatch.setattr(_blocks, "LONG", 2**16)
    size, peak = peak_of_fit(tmp_path / "logits.npy", 40_000)
    assert peak < size / 2


@pytest.mark.slow
def test_what_is_kept_of_a_large_file_is_less_than_64_megabytes(tmp_path):
    size, peak = peak_of_fit(tmp_path / "logits.npy", 600_000)
    assert peak < 2**26 < size


@pytest.mark.slow
def test_a_loader_of_torch_is_blocks(few_kept):
    torch = pytest.importorskip("torch", reason="tensors of torch")
    logits, y, _ = make_rows(dtype=np.float32)
    rows = torch.utils.data.TensorDataset(torch.tensor(logits), torch.tensor(y))
    loader = torch.utils.data.DataLoader(rows, batch_size=170, shuffle=True)
    found = TemperatureScaling().fit_blocks(loader)
    expected = TemperatureScaling().fit(logits, y).temperature_
    assert found.temperature_ == pytest.approx(expected, rel=1e-6)


def test_names_that_scikit_learn_does_not_count_as_names():
    """Strings of NumPy are none for it, and older versions of pandas keep them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)))
    frame.columns = pd.Index([np.str_("cat"), np.str_("dog")], dtype=object)
    y = np.where(rng.random(60) < 0.5, "cat", "dog")
    fitted = TemperatureScaling().fit_blocks([(frame[:30], y[:30]), (frame[30:], y[30:])])
    at_once = TemperatureScaling().fit(frame, y)
    assert hasattr(fitted, "feature_names_in_") == hasattr(at_once, "feature_names_in_")
    assert_allclose(fitted.predict_proba(frame), at_once.predict_proba(frame), atol=1e-6)
