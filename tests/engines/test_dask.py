"""dask's arrays and frames: the answers of the rows in memory, in one pass or three, lazily."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from skcalib.calibrators import (
    AutoCalibration,
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    VectorScaling,
)
from skcalib.engines import fit_dask, measure_dask, predict_proba_dask
from skcalib.metrics import brier_score_loss, expected_calibration_error, log_loss

dask = pytest.importorskip("dask", reason="the extra dask is not installed")
da = pytest.importorskip("dask.array", reason="the extra dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="the extra dask is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")

RNG = np.random.default_rng(0)
N = 30_000
CODES = RNG.integers(0, 3, size=N)
LOGITS = 3 * RNG.normal(size=(N, 3)) + 4 * np.eye(3)[CODES]
WEIGHT = RNG.integers(0, 3, size=N).astype(float)
NAMES = np.array(["cat", "dog", "eel"])
PROBA = softmax(LOGITS, axis=1)
UNEVEN = (1, 0, 12_000, 5, 17_994)
METRICS = [log_loss, brier_score_loss, expected_calibration_error]


class Counted:
    """Counts the blocks that are computed of an array of 10."""

    def __init__(self, values, chunks=N // 10):
        self.values, self.read = values, 0
        self.lazy = da.from_array(values, chunks=(chunks, 3)).map_blocks(
            self.count, dtype=values.dtype, meta=values[:0]
        )

    def count(self, block):
        self.read += 1
        return block


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_in_one_pass(metric):
    counted = Counted(PROBA)
    found = measure_dask(metric, CODES, counted.lazy, sample_weight=WEIGHT)
    assert found == pytest.approx(metric(CODES, PROBA, sample_weight=WEIGHT), abs=1e-12)
    assert counted.read == 10


@pytest.mark.parametrize("kind", [TemperatureScaling, PlattScaling, IsotonicCalibration])
def test_a_fit_in_three_passes(kind):
    counted = Counted(LOGITS)
    y = da.from_array(NAMES[CODES], chunks=N // 10)
    fitted = fit_dask(kind(), counted.lazy, y, WEIGHT)
    assert counted.read <= 30
    expected = kind().fit(LOGITS, NAMES[CODES], WEIGHT).predict_proba(LOGITS[:99])
    np.testing.assert_allclose(fitted.predict_proba(LOGITS[:99]), expected, atol=1e-6)


def test_vector_scaling():
    X = da.from_array(LOGITS, chunks=(7_000, 2))  # columns are cut, too
    found = fit_dask(VectorScaling(), X, CODES).predict_proba(LOGITS[:99])
    expected = VectorScaling().fit(LOGITS, CODES).predict_proba(LOGITS[:99])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_probabilities_stay_lazy():
    counted = Counted(LOGITS.astype(np.float32))
    fitted = TemperatureScaling().fit(LOGITS, CODES)
    proba = predict_proba_dask(fitted, counted.lazy)
    assert counted.read == 0
    assert proba.shape == (N, 3)
    assert proba.chunks[0] == counted.lazy.chunks[0]
    first = proba[:10].compute()
    assert counted.read == 1
    assert proba.dtype == first.dtype == np.float32
    np.testing.assert_array_equal(first, fitted.predict_proba(counted.values[:10]))
    single = TemperatureScaling().fit(-LOGITS[:, :1], CODES > 0)
    assert predict_proba_dask(single, da.zeros((4, 1), chunks=2)).compute().shape == (4, 2)


def test_uneven_and_empty_blocks():
    """Blocks of one row and of none, of which most lack classes."""
    X = da.from_array(LOGITS, chunks=(UNEVEN, 3))
    found = fit_dask(TemperatureScaling(), X, CODES)
    assert found.temperature_ == pytest.approx(
        TemperatureScaling().fit(LOGITS, CODES).temperature_, abs=1e-6
    )
    proba = predict_proba_dask(found, X)
    np.testing.assert_array_equal(proba.compute(), found.predict_proba(LOGITS))
    value = measure_dask(log_loss, CODES, proba, labels=[0, 1, 2])
    assert value == pytest.approx(log_loss(CODES, found.predict_proba(LOGITS)), abs=1e-12)
    with pytest.raises(ValueError, match=r"In block 0 of dask.*labels="):
        measure_dask(log_loss, CODES, proba)


def test_blocks_that_lack_a_class():
    order = np.argsort(CODES)  # two blocks of one class each, one with two
    X = da.from_array(LOGITS[order], chunks=(12_000, 3))
    found = fit_dask(TemperatureScaling(), X, NAMES[CODES[order]])
    expected = TemperatureScaling().fit(LOGITS, NAMES[CODES])
    assert found.classes_.tolist() == ["cat", "dog", "eel"]
    assert found.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)


def test_unknown_chunk_sizes():
    kept = LOGITS[:, 0] > 0
    X = da.from_array(LOGITS, chunks=(N // 4, 3))
    y = da.from_array(CODES, chunks=N // 4)
    mask = X[:, 0] > 0
    found = fit_dask(TemperatureScaling(), X[mask], y[mask])
    expected = TemperatureScaling().fit(LOGITS[kept], CODES[kept])
    assert found.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)
    assert predict_proba_dask(found, X[mask]).compute().shape == (kept.sum(), 3)
    with pytest.raises(ValueError, match=r"y is a ndarray.*compute_chunk_sizes"):
        fit_dask(TemperatureScaling(), X[mask], CODES[kept])
    with pytest.raises(ValueError, match="X has 4 blocks and y has 3"):
        fit_dask(TemperatureScaling(), X[mask], y.rechunk(N // 3)[mask.rechunk(N // 3)])


def frame(labels):
    columns = {name: LOGITS[:, i] for i, name in enumerate(NAMES)}
    return pd.DataFrame({**columns, "label": labels, "weight": WEIGHT})


LABELS = {
    "python strings": pd.array(NAMES[CODES], dtype=object),
    "pandas strings": pd.array(NAMES[CODES], dtype="string"),
    "arrow strings": pd.array(NAMES[CODES], dtype="string[pyarrow]"),
    "categories": pd.Categorical(NAMES[CODES]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_frames(kind):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = frame(LABELS[kind])
    lazy = dd.from_pandas(table, npartitions=5)
    mixed = lazy[["eel", "cat", "dog"]]  # columns are found by their names
    found = fit_dask(TemperatureScaling(), mixed, lazy["label"], lazy["weight"])
    expected = TemperatureScaling().fit(LOGITS, NAMES[CODES], WEIGHT)
    assert found.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)
    proba = predict_proba_dask(found, mixed)
    assert list(proba.columns) == ["cat", "dog", "eel"]
    np.testing.assert_allclose(proba.head(5), expected.predict_proba(LOGITS[:5]), atol=1e-6)
    value = measure_dask(log_loss, lazy["label"], proba, labels=list(NAMES))
    assert value == pytest.approx(
        log_loss(NAMES[CODES], expected.predict_proba(LOGITS)), abs=1e-6
    )


def test_empty_partitions_and_one_reading_of_each():
    read = []

    def make(number):
        read.append(number)
        table = frame(NAMES[CODES])[number * 10_000 : (number + 1) * 10_000]
        return table[:0] if number == 1 else table

    lazy = dd.from_map(make, range(3), meta=frame(NAMES[CODES])[:0])
    read.clear()
    proba = lazy[list(NAMES)].map_partitions(softmax_rows, meta=frame(NAMES[CODES])[:0][NAMES])
    value = measure_dask(brier_score_loss, lazy["label"], proba, labels=list(NAMES))
    assert sorted(read) == [0, 1, 2]
    rows = np.r_[0:10_000, 20_000:30_000]
    assert value == pytest.approx(brier_score_loss(NAMES[CODES[rows]], PROBA[rows]), abs=1e-9)


def softmax_rows(table):
    values = softmax(table.to_numpy(), axis=1) if len(table) else table.to_numpy()
    return pd.DataFrame(values, columns=table.columns, index=table.index)


def test_errors_name_the_block_and_the_way_out():
    X = da.from_array(np.where(np.arange(N)[:, None] == 25_000, np.nan, LOGITS), chunks=10_000)
    with pytest.raises(ValueError, match=r"Block 2 .*NaN"):
        fit_dask(TemperatureScaling(), X, CODES)
    with pytest.raises(ValueError, match="In block 2 of dask"):
        measure_dask(log_loss, CODES, da.exp(X) / da.exp(X).sum(axis=1, keepdims=True))
    with pytest.raises(ValueError, match=r"X must be a dask\.array.*got a ndarray"):
        fit_dask(TemperatureScaling(), LOGITS, CODES)
    with pytest.raises(ValueError, match="X has 30000 rows, but y has 5"):
        fit_dask(TemperatureScaling(), X, CODES[:5])
    with pytest.raises(AttributeError, match="AutoCalibration cannot be fitted to blocks"):
        fit_dask(AutoCalibration(), X, CODES)


def end_the_worker(block, home):
    if os.getpid() != home:
        os.kill(os.getpid(), signal.SIGKILL)
    return block


def test_on_a_cluster():
    """On the user's client, to the last bit; a worker that dies is reported."""
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    here = {"host": "127.0.0.1", "dashboard_address": None}
    X = da.from_array(LOGITS, chunks=(5_000, 3))
    y = da.from_array(NAMES[CODES], chunks=5_000)
    threads = fit_dask(TemperatureScaling(), X, y).temperature_
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **here) as cluster,
        distributed.Client(cluster) as client,
    ):
        seen = client.scheduler_info(n_workers=-1)["workers"]
        assert len(seen) == 2
        assert fit_dask(TemperatureScaling(), X, y).temperature_ == threads
        deadly = X.map_blocks(end_the_worker, os.getpid(), dtype=X.dtype, meta=LOGITS[:0])
        with pytest.raises(distributed.KilledWorker):
            measure_dask(log_loss, y, deadly)


def test_code_of_the_page():
    page = (Path(__file__).parents[2] / "docs/large.md").read_text()
    (code,) = re.findall(
        r"^```python\n(.*?)^```",
        page.split("## On a cluster")[1].split("\n## ")[0],
        re.M | re.S,
    )
    names = {}
    exec(compile(code, "large.md", "exec"), names)
    shown = float(re.search(r"temperature_  # ([\d.]+)", code)[1])
    assert names["scaling"].temperature_ == pytest.approx(shown, abs=0.006)
    error = expected_calibration_error(names["y"], names["proba"].compute())
    assert error == pytest.approx(
        float(re.search(r"classes_\)  # ([\d.]+)", code)[1]), abs=6e-4
    )
