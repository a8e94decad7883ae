"""dask's arrays and frames as they are, given to fit, metrics and predictions: lazily."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from skcalib.calibrators import (
    IsotonicCalibration,
    MatrixScaling,
    PlattScaling,
    TemperatureScaling,
    VectorScaling,
    _row_sample,
)
from skcalib.inputs import _blocks
from skcalib.metrics import (
    bootstrap_interval,
    corp_curve,
    expected_calibration_error,
    log_loss,
    reliability_curve,
)
from skcalib.metrics._accumulate import KNOWN

dask = pytest.importorskip("dask", reason="the extra dask is not installed")
da = pytest.importorskip("dask.array", reason="the extra dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="the extra dask is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")

RNG = np.random.default_rng(0)
N, N_BLOCKS = 6000, 10
CODES = RNG.integers(0, 3, size=N)
LOGITS = 2 * RNG.normal(size=(N, 3)) + 2 * np.eye(3)[CODES]
WEIGHT = RNG.integers(0, 3, size=N).astype(float)
NAMES = np.array(["cat", "dog", "eel"])
LABELS = NAMES[CODES]
PROBA = softmax(LOGITS, axis=1)
KEPT = LOGITS[:, 0] > 0


@pytest.fixture(autouse=True)
def few_kept(monkeypatch):
    """Keep few rows, and compute two blocks of ten at once, as if there were many."""
    monkeypatch.setattr(_row_sample, "MOST_BYTES", 2**12)
    monkeypatch.setattr(_blocks, "LONG", 4000)


@pytest.fixture
def never_whole(monkeypatch):
    def refuse(self, *args, **kwargs):
        raise AssertionError("read as a whole")

    monkeypatch.setattr(da.Array, "__array__", refuse)


class Counted:
    """Counts how often each block is computed of an array of ten."""

    def __init__(self, values):
        self.read = []
        chunks = (N // N_BLOCKS, *values.shape[1:])
        self.lazy = da.from_array(values, chunks=chunks).map_blocks(
            self.count, dtype=values.dtype, meta=values[:0]
        )

    def count(self, block, block_info=None):
        self.read.append(block_info[0]["chunk-location"][0] if block_info else None)
        return block

    def count_looks(self):
        """Return how often all blocks were computed, two neighbours at a time."""
        looks = len(self.read) // N_BLOCKS
        pairs = [sorted(self.read[i : i + 2]) for i in range(0, len(self.read), 2)]
        assert pairs == looks * [[k, k + 1] for k in range(0, N_BLOCKS, 2)]
        return looks


def flat(value):
    """Return the numbers of a float or of a named tuple of floats or vectors."""
    return np.hstack(value if isinstance(value, tuple) else [value])


def in_dask(values, chunks=777):
    return da.from_array(values, chunks=(chunks, *values.shape[1:]))


def table():
    frame = {name: LOGITS[:, number] for number, name in enumerate(NAMES.tolist())}
    return pd.DataFrame({**frame, "label": LABELS, "weight": WEIGHT}, index=range(7, N + 7))


@pytest.mark.parametrize(
    "kind", [TemperatureScaling, PlattScaling, IsotonicCalibration, VectorScaling]
)
def test_a_fit_reads_block_by_block(kind, never_whole):
    counted = Counted(LOGITS)
    expected = kind().fit(LOGITS, LABELS, WEIGHT)
    found = kind().fit(counted.lazy, LABELS, WEIGHT)
    looks = counted.count_looks()
    assert looks <= {VectorScaling: 8}.get(kind, 3)
    assert_allclose(
        found.predict_proba(LOGITS), expected.predict_proba(LOGITS), rtol=0, atol=1e-6
    )
    assert vars(found).keys() == vars(expected).keys()


def test_labels_and_weights_of_any_kind(never_whole):
    expected = TemperatureScaling().fit(LOGITS, LABELS, WEIGHT).temperature_
    X = da.from_array(LOGITS, chunks=(700, 2))  # columns are cut, too
    for y, weight in (
        (LABELS, WEIGHT),
        (LABELS.tolist(), WEIGHT.tolist()),
        (pd.Series(LABELS, index=range(5, N + 5)), pd.Series(WEIGHT)),
        (pd.Series(pd.Categorical(LABELS)), in_dask(WEIGHT, 100)),
        (in_dask(LABELS), in_dask(WEIGHT)),
        (in_dask(LABELS[:, None], 700), WEIGHT),
    ):
        found = TemperatureScaling().fit(X, y, weight)
        assert found.temperature_ == pytest.approx(expected, rel=1e-6)
        assert found.classes_.tolist() == NAMES.tolist()


def test_uneven_and_empty_blocks_that_lack_classes(never_whole):
    order = np.argsort(CODES)
    X = da.from_array(LOGITS[order], chunks=((1, 0, 2400, 5, 3594), 3))
    found = TemperatureScaling().fit(X, LABELS[order])
    expected = TemperatureScaling().fit(LOGITS, LABELS)
    assert found.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)
    proba = found.predict_proba(X)
    assert_array_equal(proba.compute(), found.predict_proba(LOGITS[order]))
    value = log_loss(LABELS[order], proba)
    assert value == pytest.approx(log_loss(LABELS, found.predict_proba(LOGITS)), abs=1e-12)


def test_unknown_lengths(never_whole):
    X, y, weight = (in_dask(values) for values in (LOGITS, LABELS, WEIGHT))
    mask = X[:, 0] > 0
    expected = TemperatureScaling().fit(LOGITS[KEPT], LABELS[KEPT], WEIGHT[KEPT]).temperature_
    for own, w in (
        (y[mask], weight[mask]),
        (LABELS[KEPT], weight[mask]),
        (in_dask(LABELS[KEPT], 99), WEIGHT[KEPT]),
    ):
        found = TemperatureScaling().fit(X[mask], own, w)
        assert found.temperature_ == pytest.approx(expected, rel=1e-6)
    proba = softmax(LOGITS[KEPT], axis=1)
    found = log_loss(y[mask], in_dask(PROBA)[mask])
    assert found == pytest.approx(log_loss(LABELS[KEPT], proba), abs=1e-12)
    found = log_loss(y[mask], in_dask(PROBA)[mask], labels=NAMES)
    assert found == pytest.approx(log_loss(LABELS[KEPT], proba), abs=1e-12)
    other = y.rechunk(3000)[mask.rechunk(3000)]
    with pytest.raises(ValueError, match=r"X has 8 blocks and y has 2.*compute_chunk_sizes"):
        TemperatureScaling().fit(X[mask], other)
    with pytest.raises(ValueError, match=f"X has {KEPT.sum()} rows, but y has 6000"):
        TemperatureScaling().fit(X[mask], LABELS)


def test_what_does_not_suit_is_refused():
    X = in_dask(LOGITS)
    bad = LOGITS.copy()
    bad[1600, 1] = np.nan
    for args, message in (
        ((X, LABELS[1:]), "X has 6000 rows, but y has 5999"),
        ((X, in_dask(LABELS[1:])), "X has 6000 rows, but y has 5999"),
        ((X, LABELS, WEIGHT[1:]), "but sample_weight has 5999"),
        ((X, 3), "y must have an entry for each row, got"),
        ((X, None), "y to be passed"),
        ((X, np.ma.masked_array(CODES, CODES == 1)), "y is a masked array"),
        ((in_dask(bad), LABELS), r"Block 2 \(the first is 0\): .*NaN"),
        ((X, LABELS, -WEIGHT), "Block 0 .*[Nn]egative"),
        ((X[:, 0], LABELS), "Expected 2D array, got 1D"),
        ((X, np.zeros(N)), "one class only"),
    ):
        with pytest.raises(ValueError, match=message):
            TemperatureScaling().fit(*args)
    with pytest.raises(ValueError, match="y_proba has 6000 rows, but y_true has 5999"):
        log_loss(LABELS[1:], in_dask(PROBA))
    with pytest.raises(ValueError, match=r"Block 0 .*logits"):
        log_loss(LABELS, X)
    with pytest.raises(ValueError, match=r"y_true has 2 classes .*labels="):
        log_loss(np.minimum(CODES, 1), in_dask(PROBA))


@pytest.mark.parametrize("metric", KNOWN)
def test_a_metric_reads_each_block_once(metric, never_whole):
    params = {}
    if metric is corp_curve:
        params = {"random_state": np.random.RandomState(0), "n_resamples": 5}
    expected = metric(LABELS, PROBA, sample_weight=WEIGHT, **copy.deepcopy(params))
    for y, labels in ((LABELS, None), (in_dask(LABELS), None), (in_dask(LABELS), NAMES)):
        counted = Counted(PROBA)
        given = {"sample_weight": in_dask(WEIGHT), "labels": labels, **copy.deepcopy(params)}
        found = metric(y, counted.lazy, **given)
        assert type(found) is type(expected)
        assert_allclose(flat(found), flat(expected), rtol=0, atol=1e-12)
        assert counted.count_looks() == 1


def test_labels_are_computed_once():
    counted = Counted(LABELS)
    log_loss(counted.lazy, in_dask(PROBA))
    assert sorted(counted.read) == list(range(N_BLOCKS))


def test_a_column_for_two_classes(never_whole):
    yes = CODES == 1
    for column in (in_dask(PROBA[:, 1]), in_dask(PROBA[:, 1:2])):
        expected = expected_calibration_error(yes, PROBA[:, 1])
        assert expected_calibration_error(yes, column) == pytest.approx(expected, abs=1e-12)
        found = expected_calibration_error(NAMES[yes * 1], column, pos_label="dog")
        assert found == pytest.approx(expected, abs=1e-12)
        with pytest.raises(ValueError, match="pos_label is not specified"):
            log_loss(NAMES[yes * 1], column)
    decision = in_dask(LOGITS[:, 1:2])
    found = TemperatureScaling().fit(decision, yes)
    expected = TemperatureScaling().fit(LOGITS[:, 1:2], yes)
    assert found.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)
    assert found.predict_proba(decision).compute().shape == (N, 2)


@pytest.mark.parametrize("kind", [TemperatureScaling, IsotonicCalibration, MatrixScaling])
def test_predictions_stay_lazy(kind, never_whole):
    fitted = kind().fit(LOGITS, LABELS)
    counted = Counted(LOGITS.astype(np.float32))
    for method in (fitted.predict_proba, fitted.predict_log_proba, fitted.predict):
        answer = method(counted.lazy)
        assert isinstance(answer, da.Array)
        assert counted.read == []
        expected = method(LOGITS.astype(np.float32))
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype)
        first = answer[:10].compute()
        assert len(counted.read) == 1
        assert first.dtype == expected.dtype
        assert_array_equal(first, expected[:10])
        assert_array_equal(answer.compute(), expected)
        counted.read.clear()


def test_predictions_of_what_does_not_suit():
    fitted = TemperatureScaling().fit(LOGITS, LABELS)
    with pytest.raises(ValueError, match="4 features"):
        fitted.predict_proba(da.zeros((6, 4), chunks=3))  # now, not when it is computed
    with pytest.raises(ValueError, match="1D"):
        fitted.predict_proba(da.zeros(6, chunks=3))
    unknown = in_dask(LOGITS)[in_dask(LOGITS)[:, 0] > 0]
    found = fitted.predict_proba(unknown)
    assert_array_equal(found.compute(), fitted.predict_proba(LOGITS[KEPT]))
    cut = fitted.predict_proba(da.from_array(LOGITS, chunks=(999, 2)))
    assert_array_equal(cut.compute(), fitted.predict_proba(LOGITS))


def test_frames():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = dd.from_pandas(table(), npartitions=5)
    mixed = frame[["eel", "cat", "dog"]]  # columns are found by their names
    expected = TemperatureScaling().fit(table()[NAMES.tolist()], LABELS, WEIGHT)
    for y, weight in ((frame["label"], frame["weight"]), (LABELS, WEIGHT)):
        found = TemperatureScaling().fit(mixed, y, weight)
        assert found.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)
        assert found.feature_names_in_.tolist() == NAMES.tolist()
    answer = found.predict_proba(mixed)  # an array, whose lengths are not known yet
    assert isinstance(answer, da.Array)
    assert_array_equal(answer.compute(), found.predict_proba(table()[["eel", "dog", "cat"]]))
    assert_array_equal(found.predict(mixed).compute(), NAMES[answer.compute().argmax(axis=1)])
    value = log_loss(frame["label"], answer, labels=NAMES)
    assert value == pytest.approx(log_loss(LABELS, answer.compute()), abs=1e-12)
    proba = pd.DataFrame(PROBA, columns=NAMES.tolist())[["eel", "cat", "dog"]]
    lazy = dd.from_pandas(proba, npartitions=5)
    expected = reliability_curve(LABELS, PROBA)
    for y in (LABELS, dd.from_pandas(pd.Series(LABELS), npartitions=5)):
        found = reliability_curve(y, lazy)
        assert_allclose(flat(found), flat(expected), rtol=0, atol=1e-12)
    two = dd.from_pandas(pd.Series(PROBA[:, 1], name="yes"), npartitions=3)
    found = log_loss(CODES == 1, two)
    assert found == pytest.approx(log_loss(CODES == 1, PROBA[:, 1]), abs=1e-12)


def test_what_needs_all_rows_reads_the_array_as_a_whole():
    expected = MatrixScaling().fit(LOGITS, LABELS).predict_proba(LOGITS)
    found = MatrixScaling().fit(in_dask(LOGITS), in_dask(LABELS)).predict_proba(LOGITS)
    assert_allclose(found, expected, rtol=1e-9)
    options = {"random_state": 0, "n_resamples": 20}
    found = bootstrap_interval(log_loss, LABELS, in_dask(PROBA), **options)
    expected = bootstrap_interval(log_loss, LABELS, PROBA, **options)
    assert_allclose(found[:3], expected[:3], rtol=1e-12)
