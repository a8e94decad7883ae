"""dask's arrays and frames: the answers of the rows in memory, in one pass or three, lazily."""

import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
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
    _row_sample,
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
        self.lazy = da.from_array(values, chunks=(chunks, values.shape[1])).map_blocks(
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


def test_three_looks_where_one_block_of_many_has_the_rows(monkeypatch):
    """Lengths are not known, so that its share of the sample is that of each."""
    monkeypatch.setattr(_row_sample, "MOST_BYTES", 2**16)
    monkeypatch.setattr(_row_sample, "LEAST_BYTES", 2**13)
    counted = Counted(LOGITS, chunks=N // 2)
    kept = da.from_array(np.arange(N) < N // 2, chunks=N // 2)
    parts = [counted.lazy[:0]] * 20
    X = da.concatenate([*parts, counted.lazy[kept]])
    y = da.from_array(CODES, chunks=N // 2)
    found = fit_dask(TemperatureScaling(), X, da.concatenate([*[y[:0]] * 20, y[kept]]))
    assert 2 * 2 <= counted.read <= 2 * 3
    expected = TemperatureScaling().fit(LOGITS[: N // 2], CODES[: N // 2])
    assert found.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)


def test_logits_and_labels_of_one_source_are_computed_together():
    counted = Counted(np.column_stack([LOGITS, CODES]))
    X, y = counted.lazy[:, :3], counted.lazy[:, 3].astype(int)
    weight = counted.lazy[:, 3] * 0 + 2
    fitted = fit_dask(TemperatureScaling(), X, y, weight)
    assert counted.read == 10  # one look, as these rows are few
    expected = TemperatureScaling().fit(LOGITS, CODES)
    assert fitted.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)


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
    columns = {name: LOGITS[:, i] for i, name in enumerate(NAMES.tolist())}
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


def one_file_more(folder):
    """Make the next of the files 0, 1, ... in a folder, and return its number."""
    for number in range(10_000):
        try:
            os.close(os.open(os.path.join(folder, str(number)), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        return number


def make_rows(number):
    """Return logits of the block of that number: 3 MB."""
    rng = np.random.default_rng(number)
    return 2 * rng.normal(size=(20_000, 20)) + 3 * np.eye(20)[labels_of(number)]


def labels_of(number):
    return np.random.default_rng(100 + number).integers(0, 20, size=20_000)


def make_or_die(number, folder, deadly):
    """Make a block; the process ends if it is the one with that number of all that are made."""
    if one_file_more(folder) == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return make_rows(number)


def deadly_rows(folder, deadly):
    """Return ten blocks, and labels in memory."""
    folder.mkdir()
    blocks = [
        da.from_delayed(
            dask.delayed(make_or_die, pure=False)(number, str(folder), deadly),
            (20_000, 20),
            np.float64,
        )
        for number in range(10)
    ]
    return da.concatenate(blocks), np.concatenate([labels_of(number) for number in range(10)])


@contextmanager
def two_workers():
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    here = {"host": "127.0.0.1", "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **here) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
def test_a_worker_that_is_killed_and_replaced(tmp_path):
    """In either look, with answers that it had and that are to be had again: the same bits."""
    expected = fit_dask(TemperatureScaling(), *deadly_rows(tmp_path / "none", None))
    assert len(list((tmp_path / "none").iterdir())) == 20  # two looks at ten blocks
    with two_workers():
        for deadly in (7, 18):
            folder = tmp_path / str(deadly)
            found = fit_dask(TemperatureScaling(), *deadly_rows(folder, deadly))
            assert found.temperature_ == expected.temperature_
            assert 20 < len(list(folder.iterdir())) < 40


def wait_for_leave(block, folder):
    """Say that a block has begun, and wait for a file "go"."""
    one_file_more(folder)
    for _ in range(3000):
        if os.path.exists(os.path.join(folder, "go")):
            break
        time.sleep(0.1)
    return block


def interrupt_at_two(folder):
    """Interrupt this process, as Ctrl+C does, when two blocks have begun."""
    for _ in range(600):
        if len(list(folder.iterdir())) >= 2:
            break
        time.sleep(0.1)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def check_interrupts(folder, hear, finish):
    """Interrupt a fit and a metric: nothing begins after that, and the next fit is right."""
    X, y = da.from_array(LOGITS, chunks=(5_000, 3)), NAMES[CODES]
    expected = TemperatureScaling().fit(LOGITS, y).temperature_
    calibrator = TemperatureScaling()
    calls = {
        "fit": lambda slow: fit_dask(calibrator, slow, y),
        "metric": lambda slow: measure_dask(log_loss, y, slow),
    }
    for name, call in calls.items():
        begun = folder / name
        begun.mkdir()
        slow = X.map_blocks(wait_for_leave, str(begun), dtype=X.dtype, meta=LOGITS[:0])
        watch = threading.Thread(target=interrupt_at_two, args=(begun,))
        watch.start()
        with pytest.raises(KeyboardInterrupt):
            call(slow)
        watch.join()
        hear()
        (begun / "go").touch()
        finish()
        assert sorted(path.name for path in begun.iterdir()) == ["0", "1", "go"]
        assert not hasattr(calibrator, "temperature_")
        again = fit_dask(TemperatureScaling(), X, y)
        assert again.temperature_ == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def keyboard():
    """Let SIGINT interrupt: what runs in the background of a shell is told to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_an_interrupt_on_threads(tmp_path, keyboard):
    with ThreadPoolExecutor(2) as pool, dask.config.set(scheduler="threads", pool=pool):
        behind = lambda: list(pool.map(len, ["what", "runs"]))  # noqa: E731
        check_interrupts(tmp_path, lambda: None, behind)


@pytest.mark.slow
def test_an_interrupt_on_a_cluster(tmp_path, keyboard):
    def left(dask_worker):
        tasks = dask_worker.state.tasks.values()
        return sum(task.state not in ("cancelled", "memory", "released") for task in tasks)

    with two_workers() as client:

        def hear():
            """Wait until both workers have heard of it."""
            for _ in range(600):
                if not any(client.run(left).values()):
                    break
                time.sleep(0.1)

        behind = lambda: client.submit(len, "abc", pure=False).result()  # noqa: E731
        check_interrupts(tmp_path, hear, behind)


@pytest.mark.slow
def test_parquet_on_disk(tmp_path):
    """From a folder of Parquet to probabilities in another; each file is read once a look."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = frame(NAMES[CODES])
    (tmp_path / "logits").mkdir()
    bounds = [0, 7_000, 7_000, 7_001, N]  # one file has no rows, one has one
    for number, (first, last) in enumerate(pairwise(bounds)):
        table[first:last].to_parquet(tmp_path / f"logits/{number}.parquet")
    read = []

    def count(part):
        read.append(len(part))
        return part

    stored = dd.read_parquet(tmp_path / "logits")
    stored = stored.map_partitions(count, meta=table[:0])
    read.clear()
    X, y, weight = stored[list(NAMES)], stored["label"], stored["weight"]
    fitted = fit_dask(TemperatureScaling(), X, y, weight)
    assert sorted(read) == [0, 1, 7_000, 22_999]
    expected = TemperatureScaling().fit(LOGITS, NAMES[CODES], WEIGHT)
    assert fitted.temperature_ == pytest.approx(expected.temperature_, abs=1e-6)
    read.clear()
    proba = predict_proba_dask(fitted, X)
    value = measure_dask(
        expected_calibration_error, y, proba, sample_weight=weight, labels=list(NAMES)
    )
    assert sorted(read) == [0, 1, 7_000, 22_999]
    sure = fitted.predict_proba(table[list(NAMES)])
    assert value == pytest.approx(
        expected_calibration_error(NAMES[CODES], sure, sample_weight=WEIGHT), abs=1e-12
    )
    proba.to_parquet(tmp_path / "proba", write_index=False)
    written = pd.read_parquet(tmp_path / "proba")
    assert list(written.columns) == list(NAMES)
    np.testing.assert_allclose(written, sure, rtol=1e-12)


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
