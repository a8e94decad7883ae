"""Metrics of blocks: the same as of all rows at once, whatever the blocks are."""

import copy
import inspect
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skcalib import inputs, metrics
from skcalib.inputs import _blocks
from skcalib.metrics import accumulate, check_predictions
from skcalib.metrics._accumulate import BINNED, KNOWN

KINDS = [
    *((metric, {}) for metric in KNOWN),
    *((metric, {"strategy": "quantile"}) for metric in (*BINNED, metrics.reliability_curve)),
    (metrics.reliability_curve, {"band": "consistency", "n_bins": 4}),
    (metrics.brier_score_loss, {"scale_by_half": False}),
    (metrics.calibration_error, {"norm": "l2", "debias": True, "notion": "class-wise"}),
    (metrics.calibration_error, {"norm": "l1", "debias": True, "notion": "top-label"}),
    (metrics.calibration_error, {"norm": "max", "notion": "confidence", "n_bins": "auto"}),
    (metrics.calibration_error, {"norm": "l2_squared", "n_bins": "sweep"}),
    (metrics.calibration_error, {"n_bins": "cube_root", "notion": "class-wise"}),
    (metrics.corp_decomposition, {"notion": "top-label", "loss": "log_loss"}),
    pytest.param(
        metrics.smooth_calibration_error, {"notion": "class-wise"}, marks=pytest.mark.slow
    ),
]
every = pytest.mark.parametrize(
    ("metric", "params"), KINDS, ids=lambda value: getattr(value, "__name__", str(value))
)


def make_rows(n_samples=400, n_classes=3, dtype=np.float64, seed=0):
    """Return labels, probabilities with ties, and weights, of which some are zero."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    proba = rng.dirichlet(np.ones(n_classes), n_samples) + 0.5 * np.eye(n_classes)[y]
    proba = np.round(proba / 1.5, 2) + 0.01
    proba = (proba / proba.sum(axis=1, keepdims=True)).astype(dtype)
    return y, proba, rng.integers(0, 3, n_samples).astype(float)


def cut(arrays, bounds):
    """Yield the rows between neighbouring bounds, of each array."""
    for first, last in zip([0, *bounds], [*bounds, None], strict=True):
        yield [None if array is None else array[first:last] for array in arrays]


def assert_same(found, expected):
    if isinstance(expected, float):
        assert type(found) is float
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)
        return
    assert type(found) is type(expected)
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=0, atol=1e-12)


@every
@pytest.mark.parametrize("n_classes", [2, 4])
def test_blocks_of_any_size_merged_and_pickled_give_the_value_of_all_rows(
    metric, params, n_classes
):
    if metric is metrics.corp_curve:
        params = {"random_state": 0, "n_resamples": 5}
    for dtype, weighted in ((np.float64, True), (np.float32, False)):
        y, proba, weight = make_rows(n_classes=n_classes, dtype=dtype)
        for w in (weight,) if weighted else (None,):
            expected = metric(y, proba, sample_weight=w, **params)
            both = [accumulate(metric, labels=range(n_classes), **params) for _ in range(2)]
            for number, part in enumerate(cut([y, proba, w], [0, 1, 8, 8, 150, 399])):
                both[number % 2].update(*part)
            first, second = both
            kept = copy.deepcopy(second)
            assert first.merge(pickle.loads(pickle.dumps(second))) is first
            assert_same(first.value(), expected)
            assert_same(first.value(), expected)  # asking changes nothing
            second.merge(kept).merge(kept)  # nor does merging change what is merged
            kept.update(y[:0], proba[:0])
            assert_same(first.value(), expected)


@given(data=st.data())
def test_any_cut_gives_the_same(data):
    y, proba, weight = make_rows(60, seed=data.draw(st.integers(0, 2**32 - 1)))
    bounds = sorted(data.draw(st.lists(st.integers(0, 60), max_size=8)))
    for metric in (metrics.log_loss, metrics.calibration_error, metrics.aurc_loss):
        found = accumulate(metric, labels=[0, 1, 2])
        for part in cut([y, proba, weight + 0.5], bounds):
            found.update(*part)
        assert_same(
            found.value(), metric(y, proba, labels=[0, 1, 2], sample_weight=weight + 0.5)
        )


def test_an_infinite_loss_stays_and_values_may_be_asked_between_updates():
    loss = accumulate(metrics.log_loss, labels=["no", "yes"])
    loss.update(["yes"], [[0.5, 0.5]])
    assert loss.value() == pytest.approx(np.log(2))
    loss.update(["no"], [[0.0, 1.0]]).update(["no"], [[0.5, 0.5]])
    assert loss.value() == np.inf


def test_labels_in_any_order_text_and_a_positive_class():
    y, proba, _ = make_rows(n_classes=2)
    names = np.array(["yes", "no"])
    params = {"labels": ["yes", "no"], "pos_label": "yes"}
    metric = metrics.expected_calibration_error
    for given_proba in (proba, proba[:, 0]):
        found = accumulate(metric, **params)
        for part in cut([names[y], given_proba], [5, 6]):
            found.update(*part)
        assert_same(found.value(), metric(names[y], given_proba, **params))


def test_the_first_block_tells_the_labels_and_a_later_one_may_lack_some():
    proba = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1], [0.5, 0.2, 0.3]])
    y = np.array([3, 7, 9, 7])
    found = accumulate(metrics.log_loss).update([], np.empty((0, 3))).update(y[:3], proba[:3])
    assert_same(found.update(y[3:], proba[3:]).value(), metrics.log_loss(y, proba))
    late = accumulate(metrics.log_loss)
    with pytest.raises(ValueError, match=r"Block 0 .*must hold every class.*labels="):
        late.update(y[3:], proba[3:])
    found = accumulate(metrics.log_loss).update(y[:3], proba[:3]).update(y[3:], proba[3:])
    with pytest.raises(ValueError, match=r"Block 2 .*labels that are not in labels"):
        found.update([8], proba[:1])
    other = accumulate(metrics.log_loss).update([1, 2, 3], proba[:3])
    with pytest.raises(ValueError, match="labels of the two are different"):
        accumulate(metrics.log_loss).update(y[:3], proba[:3]).merge(other)


def test_frames_whose_columns_are_named_by_the_labels():
    pd = pytest.importorskip("pandas", reason="frames of pandas")
    y, proba, _ = make_rows()
    names = np.array(["a", "b", "c"])
    frame = pd.DataFrame(proba[:, [2, 0, 1]], columns=["c", "a", "b"])
    found = accumulate(metrics.brier_score_loss)
    for rows in (slice(0, 200), slice(200, None)):
        found.update(names[y[rows]], frame[rows])
    assert_same(found.value(), metrics.brier_score_loss(y, proba))


def test_a_bad_block_is_named_and_nothing_of_it_is_kept():
    y, proba, weight = make_rows()
    found = accumulate(metrics.log_loss, labels=[0, 1, 2]).update(y, proba, weight)
    before = found.value()
    bad = proba.copy()
    bad[7, 1] = np.nan
    for args, message in (
        ((y, bad), "Block 1 .*row 7.* NaN"),
        ((y, proba, -weight), "Block 1 .*[Nn]egative"),
        ((y, proba, np.full(len(y), np.nan)), "Block 1 .*NaN"),
        ((y[1:], proba), "Block 1 .*inconsistent"),
        ((y, proba * 3), "Block 1 .*logits"),
        ((y, np.full((len(y), 2), 0.5)), "Block 1 .*columns"),
    ):
        with pytest.raises(ValueError, match=message):
            found.update(*args)
        assert found.value() == before
    found.update(y, proba, np.zeros(len(y)))  # rows that do not count
    assert found.value() == before


def test_a_late_part_of_a_long_block_is_named_and_the_early_ones_are_not_kept(monkeypatch):
    monkeypatch.setattr(_blocks, "LONG", 30)
    y, proba, _ = make_rows()
    bad = proba.copy()
    bad[25] = np.nan
    found = accumulate(metrics.log_loss)  # the labels are those of the block, not of its parts
    with pytest.raises(ValueError, match=r"Block 0 .*, rows 20 on: .*row 5.* NaN"):
        found.update(np.sort(y), bad)
    assert_same(found.update(np.sort(y), proba).value(), metrics.log_loss(np.sort(y), proba))


class Stored:
    """An array in a file, as h5py and zarr have them: it counts what is read of it."""

    def __init__(self, array, chunks=None):
        self.array, self.shape, self.dtype, self.n_read = array, array.shape, array.dtype, 0
        self.chunks, self.ndim, self.starts = chunks, array.ndim, []

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        part = self.array[rows]
        self.n_read += part.size
        self.starts.append(rows.start)
        return part

    def __array__(self, *args, **kwargs):
        raise AssertionError("read as a whole")


def test_an_array_in_a_file_is_read_once_and_in_parts(monkeypatch):
    monkeypatch.setattr(_blocks, "LONG", 100)
    y, proba, weight = make_rows()
    for metric in KNOWN[:6]:
        stored = Stored(proba)
        found = accumulate(metric, labels=[0, 1, 2]).update(y, stored, weight)
        assert_same(found.value(), metric(y, proba, sample_weight=weight))
        assert stored.n_read == proba.size


@every
def test_a_metric_reads_an_array_in_a_file_once_and_in_parts(metric, params, monkeypatch):
    if metric is metrics.corp_curve:
        params = {"random_state": np.random.RandomState(0), "n_resamples": 5}
    monkeypatch.setattr(_blocks, "LONG", 100)
    y, proba, weight = make_rows()
    expected = metric(y, proba, sample_weight=weight, **copy.deepcopy(params))
    for labels in (None, [0, 1, 2]):
        stored = Stored(proba, chunks=(7, 2))
        given = {"labels": labels, "sample_weight": weight, **copy.deepcopy(params)}
        assert_same(metric(y_true=y, y_proba=stored, **given), expected)
        assert stored.n_read == proba.size
        assert not np.mod(stored.starts, 7).any()  # no chunk is read twice


@pytest.mark.parametrize("metric", [metrics.log_loss, metrics.maximum_calibration_error])
def test_a_vector_in_a_file(metric, monkeypatch):
    monkeypatch.setattr(_blocks, "LONG", 100)
    y, proba, weight = make_rows(n_classes=2)
    names = np.array(["no", "yes"])[y]
    for column in (proba[:, 1], proba[:, 1:]):
        stored = Stored(column)
        found = metric(names, stored, pos_label="yes", sample_weight=weight)
        assert_same(found, metric(y, proba, sample_weight=weight))
        assert stored.n_read == len(y)
    with pytest.raises(ValueError, match="pos_label is not specified"):
        metric(names, stored)


def test_an_array_in_a_file_is_refused_as_one_in_memory(monkeypatch):
    monkeypatch.setattr(_blocks, "LONG", 100)
    y, proba, weight = make_rows()
    bad = proba.copy()
    bad[397, 1] = np.nan
    masked = np.ma.masked_array(y, y == 1)
    for args, params, message in (
        ((y, bad), {}, r"rows 390 on: .*row 7.* NaN"),
        ((y[1:], proba), {}, "inconsistent"),
        ((y, proba), {"sample_weight": weight[1:]}, "sample_weight.shape"),
        ((y, proba), {"sample_weight": -weight}, "[Nn]egative"),
        ((y, proba), {"sample_weight": 0 * weight}, "[Nn]on-zero|zero for every"),
        ((y, proba), {"labels": [0, 1, 2], "sample_weight": 0 * weight}, "positive weight"),
        ((np.minimum(y, 1), proba), {}, "y_true has 2 classes .*Pass labels="),
        ((masked, proba), {}, "masked array"),
        ((proba, y), {}, "one label for each sample"),
        ((y, proba), {"labels": [0, 1]}, "labels has 2 classes"),
    ):
        stored = Stored(args[1], chunks=(10, 3) if args[1].ndim == 2 else (10,))
        with pytest.raises(ValueError, match=message):
            metrics.log_loss(args[0], stored, **params)
    with pytest.raises(TypeError, match="n_bin"):
        metrics.log_loss(y, Stored(proba), n_bins=3)
    with pytest.raises(TypeError, match="positional"):
        metrics.log_loss(y, Stored(proba), [0, 1, 2])


def test_a_long_file_that_is_mapped_is_read_in_parts(monkeypatch, tmp_path):
    monkeypatch.setattr(_blocks, "LONG", 100)
    y, proba, weight = make_rows(dtype=np.float32)
    np.save(tmp_path / "proba.npy", proba)
    stored = np.load(tmp_path / "proba.npy", mmap_mode="r")
    calls = []
    monkeypatch.setattr(
        "skcalib.metrics._accumulate.check_predictions",
        lambda *args: calls.append(len(args[1])) or check_predictions(*args),
    )
    for metric, params in (
        (metrics.log_loss, {}),
        (metrics.reliability_curve, {}),
        (metrics.expected_calibration_error, {}),
        (metrics.expected_calibration_error, {"strategy": "quantile"}),
        (metrics.aurc_loss, {}),
    ):
        calls.clear()
        expected = metric(y, proba, sample_weight=weight, **params)
        assert_same(metric(y, stored, sample_weight=weight, **params), expected)
        of_tables = params or metric is metrics.aurc_loss  # mapped, they are no less at once
        assert bool(calls) != bool(of_tables)
        assert sum(calls) in (0, len(y))


def test_a_data_set_of_h5py(monkeypatch, tmp_path):
    h5py = pytest.importorskip("h5py", reason="files of HDF5")
    monkeypatch.setattr(_blocks, "LONG", 100)
    y, proba, _ = make_rows()
    with h5py.File(tmp_path / "proba.h5", "w") as file:
        stored = file.create_dataset("proba", data=proba)
        labels = file.create_dataset("y", data=y)
        found = accumulate(metrics.log_loss).update(labels, stored)
        assert_same(found.value(), metrics.log_loss(y, proba))
        monkeypatch.setattr(h5py.Dataset, "__array__", None)  # it would be read as a whole
        for metric in (metrics.log_loss, metrics.expected_calibration_error):
            assert_same(metric(y, stored), metric(y, proba))
            assert_same(metric(labels[:], stored, labels=[0, 1, 2]), metric(y, proba))


def test_masked_and_swapped_arguments_are_refused_in_long_blocks_too(monkeypatch):
    y, proba, _ = make_rows()
    masked = np.ma.masked_array(y, np.arange(len(y)) == 3)
    for long in (30, 10**6):
        monkeypatch.setattr(_blocks, "LONG", long)
        found = accumulate(metrics.log_loss, labels=[0, 1, 2])
        for args in ((masked, proba), (y, np.ma.masked_array(proba, proba > 0.9))):
            with pytest.raises(ValueError, match=r"Block 0 .*masked array"):
                found.update(*args)
        with pytest.raises(ValueError, match=r"Block 0 .*shape \(\)"):
            found.update(0, 0.5)


def test_tensors_and_tables_are_blocks():
    pa = pytest.importorskip("pyarrow", reason="tables of Arrow")
    y, proba, _ = make_rows(dtype=np.float32)
    table = pa.table({str(k): proba[:, k] for k in range(3)} | {"y": y})
    found = accumulate(metrics.log_loss, labels=[0, 1, 2])
    for batch in table.to_batches(max_chunksize=70):
        found.update(batch["y"], batch.select(["0", "1", "2"]))
    assert_same(found.value(), metrics.log_loss(y, proba))


def test_what_cannot_be_accumulated_is_refused_at_once():
    with pytest.raises(ValueError, match=r"log_loss, .*got <function by_group"):
        accumulate(metrics.by_group)
    with pytest.raises(ValueError, match="got 'log_loss'"):
        accumulate("log_loss")
    with pytest.raises(TypeError, match="n_bin"):
        accumulate(metrics.calibration_error, n_bin=3)
    with pytest.raises(ValueError, match="n_bins must lie between"):
        accumulate(metrics.calibration_error, n_bins=0)
    with pytest.raises(ValueError, match="sample_weight"):
        accumulate(metrics.log_loss, sample_weight=[1])
    one = accumulate(metrics.log_loss, labels=[0, 1])
    with pytest.raises(ValueError, match="no row of positive weight"):
        one.update([], np.empty((0, 2))).value()
    with pytest.raises(ValueError, match="other metrics or parameters"):
        one.merge(accumulate(metrics.brier_score_loss))
    with pytest.raises(ValueError, match="must be an accumulator"):
        one.merge(3)
    assert repr(one) == "<log_loss of 1 blocks>"


def test_every_method_says_what_it_does():
    for name in ("update", "merge", "value"):
        method = getattr(type(accumulate(metrics.log_loss)), name)
        text = inspect.getdoc(method)
        assert "Returns\n-------" in text
        for parameter in list(inspect.signature(method).parameters)[1:]:
            assert f"{parameter} : " in text


@pytest.mark.parametrize(
    "metric",
    [
        metrics.log_loss,
        metrics.brier_score_loss,
        metrics.expected_calibration_error,
        metrics.top_k_calibration_error,
        metrics.smooth_calibration_error,
    ],
)
def test_a_file_that_is_only_read_is_not_copied(metric, tmp_path):
    # NumPy's argmax copies a read-only array, and a loss in double precision is twice one.
    rng = np.random.default_rng(0)
    proba = rng.random((40_000, 100), np.float32)
    proba /= proba.sum(axis=1, keepdims=True)
    y = rng.integers(0, 100, len(proba))
    np.save(tmp_path / "proba.npy", proba)
    expected = metric(y, proba)
    stored = np.load(tmp_path / "proba.npy", mmap_mode="r")
    tracemalloc.start()
    try:
        assert metric(y, stored) == pytest.approx(expected, abs=1e-12)  # sums of parts
        assert tracemalloc.get_traced_memory()[1] < 0.9 * proba.nbytes + 2**22
    finally:
        tracemalloc.stop()


def test_a_table_of_scores_keeps_what_it_can():
    rng = np.random.default_rng(0)
    scores = np.r_[0.0, -0.0, rng.normal(size=5000)]
    hit, weight = rng.random(len(scores)) < 0.3, rng.random(len(scores))
    exact, cut_off, in_parts = (inputs.ScoreTable(limit) for limit in (None, 2000, 2000))
    exact.add(scores, hit, weight)
    cut_off.add(scores, hit, weight)
    for rows in np.array_split(rng.permutation(len(scores)), 13):
        in_parts = in_parts + inputs.ScoreTable(2000).add(scores[rows], hit[rows], weight[rows])
    values, index = np.unique(scores, return_inverse=True)
    assert not exact.is_cut
    assert_array_equal(exact.lines().scores, values)
    assert_allclose(exact.lines().hits, np.bincount(index, weight * hit), rtol=1e-12)
    assert_allclose(exact.lines().misses, np.bincount(index, weight * ~hit), rtol=1e-12)
    # Digits are cut off as late as that needs to be, in whatever order the rows come.
    assert cut_off.is_cut
    assert cut_off.digits == in_parts.digits
    assert 1000 < len(cut_off.lines().scores) <= 2000
    for one, other in zip(cut_off.lines(), in_parts.lines(), strict=True):
        assert_allclose(one, other, rtol=1e-12)
    assert cut_off.lines().hits.sum() == pytest.approx((weight * hit).sum())
    step = 2.0 ** -(cut_off.digits + 1)
    places = np.abs(cut_off.lines().scores[:, None] - values).argmin(axis=0)
    nearest = cut_off.lines().scores[places]
    assert (np.abs(nearest - values) <= step * np.abs(values) * 1.01).all()
