"""Logits and probabilities in files: the answers of memory, without the memory."""

import subprocess
import sys
import textwrap
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skcalib.calibrators import (
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    _row_sample,
)
from skcalib.inputs import _blocks
from skcalib.metrics import (
    accumulate,
    brier_score_loss,
    corp_decomposition,
    expected_calibration_error,
    log_loss,
)

METRICS = [log_loss, brier_score_loss, expected_calibration_error, corp_decomposition]
NAMES = ["cat", "dog", "eel"]


@pytest.fixture
def small_parts(monkeypatch):
    """Read files in small parts, and keep few rows, as if they were large."""
    monkeypatch.setattr(_blocks, "LONG", 1000)
    monkeypatch.setattr(_row_sample, "MOST_BYTES", 2**11)


def make_rows(n_samples=3000):
    """Return logits, probabilities of their softmax, labels and weights."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n_samples)
    logits = (1.5 * rng.normal(size=(n_samples, 3)) + 2 * np.eye(3)[y]).astype(np.float32)
    proba = np.exp(logits, dtype=np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    return logits, proba, y, rng.integers(0, 3, n_samples).astype(float)


def store_in_zarr(folder, **arrays):
    zarr = pytest.importorskip("zarr", reason="arrays of zarr")
    found = []
    for name, array in arrays.items():
        chunks = (350, 2)[: array.ndim]  # the columns are cut, too
        stored = zarr.create_array(
            store=f"{folder}/{name}.zarr", shape=array.shape, chunks=chunks, dtype=array.dtype
        )
        stored[...] = array
        found.append(zarr.open_array(f"{folder}/{name}.zarr", mode="r"))
    return found


def store_in_hdf5(folder, **arrays):
    h5py = pytest.importorskip("h5py", reason="files of HDF5")
    file = h5py.File(folder / "arrays.h5", "w")
    return [
        file.create_dataset(name, data=array, chunks=(350, 2)[: array.ndim])
        for name, array in arrays.items()
    ]


@pytest.mark.parametrize("store", [store_in_zarr, store_in_hdf5])
@pytest.mark.parametrize(
    "kind",
    [
        TemperatureScaling,
        pytest.param(PlattScaling, marks=pytest.mark.slow),
        pytest.param(IsotonicCalibration, marks=pytest.mark.slow),
    ],
)
def test_fits(store, kind, tmp_path, small_parts):
    logits, _, y, weight = make_rows()
    X, labels, weights = store(tmp_path, X=logits, y=y, weight=weight)
    expected = kind().fit(logits, y, weight).predict_proba(logits)
    halves = slice(None, 1000), slice(1000, None)
    for fitted in (
        kind().fit(X, y, weight),
        kind().fit(X, labels, weights),
        kind().fit_blocks([(X, labels, weights)]),
        kind().fit_blocks([(X[rows], y[rows], weight[rows]) for rows in halves]),
    ):
        assert_allclose(fitted.predict_proba(X), expected, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="different lengths"):
        kind().fit(X, y[1:])


@pytest.mark.parametrize("store", [store_in_zarr, store_in_hdf5])
@pytest.mark.parametrize("metric", METRICS)
def test_metrics(store, metric, tmp_path, small_parts):
    _, proba, y, weight = make_rows()
    stored, labels, weights = store(tmp_path, proba=proba, y=y, weight=weight)
    expected = metric(y, proba, sample_weight=weight)
    assert_allclose(metric(y, stored, sample_weight=weight), expected, rtol=0, atol=1e-12)
    found = metric(labels, stored, sample_weight=weights, labels=[0, 1, 2])
    assert_allclose(found, expected, rtol=0, atol=1e-12)
    found = accumulate(metric).update(labels, stored, weights).value()
    assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("store", [store_in_zarr, store_in_hdf5])
def test_short_files_and_some_in_memory(store, tmp_path):
    """Files that are no longer than a part; logits, labels and weights here or there."""
    logits, proba, y, weight = make_rows(400)
    stored = store(tmp_path, X=logits, proba=proba, y=y, weight=weight)
    temperature = TemperatureScaling().fit(logits, y, weight).temperature_
    loss = log_loss(y, proba, sample_weight=weight)
    for X, P, labels, weights in product(*zip((logits, proba, y, weight), stored, strict=True)):
        found = TemperatureScaling().fit(X, labels, weights).temperature_
        assert found == pytest.approx(temperature, rel=1e-6)
        found = log_loss(labels, P, sample_weight=weights)
        assert found == pytest.approx(loss, abs=1e-12)
        found = accumulate(log_loss).update(labels, P, weights).value()
        assert found == pytest.approx(loss, abs=1e-12)


@pytest.mark.parametrize("store", [store_in_zarr, store_in_hdf5])
def test_no_file_is_read_as_a_whole(store, tmp_path, small_parts, monkeypatch):
    logits, proba, y, _ = make_rows()
    X, P = store(tmp_path, X=logits, proba=proba)
    read = []
    kind, whole = type(X), type(X).__getitem__
    monkeypatch.setattr(
        kind, "__getitem__", lambda self, rows: read.append(rows) or whole(self, rows)
    )
    monkeypatch.setattr(kind, "__array__", None)
    TemperatureScaling().fit(X, y)
    once = [slice(start, start + 350) for start in range(0, 3000, 350)]  # a chunk each
    assert read in (2 * once, 3 * once)
    read.clear()
    log_loss(y, P)
    assert read == once


def test_methods_without_sums_read_a_file_as_a_whole(tmp_path):
    from skcalib.calibrators import MatrixScaling

    logits, _, y, _ = make_rows(400)
    (X,) = store_in_hdf5(tmp_path, X=logits)
    expected = MatrixScaling().fit(logits, y).predict_proba(logits)
    assert_allclose(MatrixScaling().fit(X, y).predict_proba(X), expected, rtol=1e-12)


def test_a_folder_of_parquet(tmp_path, small_parts):
    pa = pytest.importorskip("pyarrow", reason="tables of Arrow")
    dataset = pytest.importorskip("pyarrow.dataset", reason="folders of Parquet")
    logits, proba, y, _ = make_rows()
    text = np.array(NAMES)[y]
    columns = {name: logits[:, k] for k, name in enumerate(NAMES)}
    columns |= {f"p_{name}": proba[:, k] for k, name in enumerate(NAMES)} | {"label": text}
    dataset.write_dataset(
        pa.table(columns),
        tmp_path,
        format="parquet",
        max_rows_per_file=900,
        max_rows_per_group=900,
    )
    folder = dataset.dataset(tmp_path, format="parquet")
    assert len(folder.files) == 4

    def read_blocks(names):
        for batch in folder.to_batches(batch_size=250):
            yield batch.select(names), batch["label"]

    table = folder.to_table()  # the order of the files
    X, labels = table.select(NAMES), table["label"]
    expected = TemperatureScaling().fit(logits, text)
    for fitted in (
        TemperatureScaling().fit(X, labels),
        TemperatureScaling().fit_blocks(lambda: read_blocks(NAMES)),
    ):
        assert fitted.temperature_ == pytest.approx(expected.temperature_, rel=1e-6)
    for metric in METRICS:
        found = accumulate(metric, labels=NAMES)
        for part, label in read_blocks([f"p_{name}" for name in NAMES]):
            found.update(label, part)
        assert_allclose(found.value(), metric(text, proba), rtol=0, atol=1e-12)


LIMITED = """
import resource, sys
import numpy as np
from skcalib.calibrators import TemperatureScaling
from skcalib.metrics import brier_score_loss, expected_calibration_error, log_loss

folder, kind, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
if kind == "npy":
    X, P = (np.load(f"{folder}/{name}.npy", mmap_mode="r") for name in ("X", "proba"))
elif kind == "dask":
    import dask.array
    mapped = (np.load(f"{folder}/{name}.npy", mmap_mode="r") for name in ("X", "proba"))
    X, P = (dask.array.from_array(array, chunks=(20_000, -1)) for array in mapped)
elif kind == "hdf5":
    import h5py
    file = h5py.File(f"{folder}/arrays.h5")
    X, P = file["X"], file["proba"]
else:
    import zarr
    X, P = (zarr.open_array(f"{folder}/{name}.zarr", mode="r") for name in ("X", "proba"))
y = np.load(f"{folder}/y.npy")
few = np.zeros((8, 2)), np.arange(8) % 2
TemperatureScaling().fit(*few)  # whatever is loaded late
np.asarray(X[:9]), np.asarray(P[:9])
taken = next(line for line in open("/proc/self/status") if line.startswith("VmData"))
limit = int(taken.split()[1]) * 1024 + room
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.load(f"{folder}/X.npy") if kind == "npy" else np.asarray(X[...])
except MemoryError:
    pass
else:
    sys.exit("a copy fits, which proves nothing")
scaling = TemperatureScaling().fit(X, y)
blocks = TemperatureScaling().fit_blocks([(X, y)])
print(scaling.temperature_, blocks.temperature_)
print(*(metric(y, P) for metric in (expected_calibration_error, log_loss, brier_score_loss)))
"""


def write_large_files(folder, kind, n_samples=400_000, n_classes=100):
    """Write logits and probabilities of the same few rows over and over; return the rows."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 10_000)
    X = rng.normal(size=(len(y), n_classes)).astype(np.float32)
    X[np.arange(len(y)), y] += 2
    proba = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    np.save(folder / "y.npy", np.tile(y, n_samples // len(y)))
    for name, few in (("X", X), ("proba", proba)):
        options = {"shape": (n_samples, n_classes), "dtype": np.float32}
        if kind in ("npy", "dask"):
            stored = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", **options)
        elif kind == "hdf5":
            h5py = pytest.importorskip("h5py", reason="files of HDF5")
            stored = h5py.File(folder / "arrays.h5", "a").create_dataset(name, **options)
        else:
            zarr = pytest.importorskip("zarr", reason="arrays of zarr")
            path = f"{folder}/{name}.zarr"
            options |= {"chunks": (10_000, n_classes), "compressors": None}
            stored = zarr.create_array(store=path, **options)
        for start in range(0, n_samples, len(few)):
            stored[start : start + len(few)] = few
        if kind == "hdf5":
            stored.file.close()
    return X, proba, y


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
@pytest.mark.parametrize(
    ("kind", "megabytes"), [("npy", 64), ("hdf5", 64), ("zarr", 96), ("dask", 96)]
)
def test_files_of_160_megabytes_with_little_room(kind, megabytes, tmp_path):
    """Those of zarr and dask have buffers and threads of their own."""
    if kind == "dask":
        pytest.importorskip("dask.array", reason="the extra dask is not installed")
    X, proba, y = write_large_files(tmp_path, kind)
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(LIMITED)]
    done = subprocess.run(
        [*command, str(tmp_path), kind, str(megabytes * 2**20)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    temperatures, values = (list(map(float, line.split())) for line in done.stdout.splitlines())
    expected = TemperatureScaling().fit(X, y).temperature_  # of rows that are repeated
    assert_allclose(temperatures, expected, rtol=1e-6)
    metrics = (expected_calibration_error, log_loss, brier_score_loss)
    assert_allclose(values, [metric(y, proba) for metric in metrics], rtol=0, atol=1e-9)
