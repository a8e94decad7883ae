"""Temperature and calibration error on dask, against a plain loop over the same blocks.

``python tests/benchmarks/bench_engines.py`` writes random logits (``--rows 1000000``,
``--classes 100``: 400 MB of float32) to a temporary file, and prints seconds of the wall and
ratios: the plain loop over a memmap (``fit_blocks``, ``accumulate``), dask's threads, and a
``LocalCluster`` of one worker and of two, each with one thread. It needs dask and distributed,
and asserts nothing. Processors that are busy with something else make two workers look like
one.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from skcalib.calibrators import TemperatureScaling
from skcalib.engines import fit_dask, measure_dask
from skcalib.metrics import accumulate, expected_calibration_error

BLOCK = 50_000


def write_logits(folder, n_rows, n_classes):
    """Write logits and labels to files; return both as memmaps."""
    shape = (n_rows, n_classes)
    path = Path(folder) / "logits.npy"
    logits = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, size=n_rows)
    for start in range(0, n_rows, BLOCK):
        part = 2 * rng.normal(size=logits[start : start + BLOCK].shape)
        part[np.arange(len(part)), y[start : start + BLOCK]] += 5
        logits[start : start + BLOCK] = part
    logits.flush()
    return path, y


def slices(n_rows):
    """Return the rows of each block."""
    return [slice(start, start + BLOCK) for start in range(0, n_rows, BLOCK)]


def softmax(logits):
    """Return probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def run_loop(path, y):
    """Return the seconds of a fit and of a metric, by a loop, and both values."""

    def read():
        logits = np.load(path, mmap_mode="r")
        for rows in slices(len(y)):
            yield logits[rows], y[rows]

    start = time.perf_counter()
    temperature = TemperatureScaling().fit_blocks(read).temperature_
    middle = time.perf_counter()
    running = accumulate(expected_calibration_error, labels=np.unique(y))
    for logits, labels in read():
        running.update(labels, softmax(logits))
    value = running.value()
    return middle - start, time.perf_counter() - middle, temperature, value


def read_rows(path, start, stop):
    """Read a block where it is wanted."""
    return np.load(path, mmap_mode="r")[start:stop]


def run_dask(path, y):
    """Return the same, by dask, on whatever scheduler it has."""
    import dask.array as da
    from dask import delayed

    n_classes = np.load(path, mmap_mode="r").shape[1]
    parts = []
    for rows in slices(len(y)):
        start, stop = rows.start, min(rows.stop, len(y))
        block = delayed(read_rows, pure=True)(str(path), start, stop)
        parts.append(da.from_delayed(block, (stop - start, n_classes), np.float32))
    X = da.concatenate(parts)
    labels = da.from_array(y, chunks=BLOCK)
    start = time.perf_counter()
    temperature = fit_dask(TemperatureScaling(), X, labels).temperature_
    middle = time.perf_counter()
    proba = X.map_blocks(softmax, dtype=np.float32, meta=np.empty((0, 0), np.float32))
    value = measure_dask(expected_calibration_error, labels, proba, labels=np.unique(y))
    return middle - start, time.perf_counter() - middle, temperature, value


def run_cluster(path, y, n_workers):
    """Return the same, on a cluster of one or two processes; the second of two runs."""
    from distributed import Client, LocalCluster

    here = {"host": "127.0.0.1", "dashboard_address": None, "threads_per_worker": 1}
    with LocalCluster(n_workers=n_workers, **here) as cluster, Client(cluster):
        run_dask(path, y)  # imports
        return run_dask(path, y)


def main():
    """Print a line for each engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, y = write_logits(folder, options.rows, options.classes)
        run_loop(path, y)  # the file into the cache
        plain = run_loop(path, y)
        print(
            "engine           fit s  ratio   metric s  ratio   temperature  error", flush=True
        )
        found = {"plain loop": lambda: plain, "dask, threads": lambda: run_dask(path, y)}
        for n in (1, 2):
            found[f"{n} workers"] = lambda n=n: run_cluster(path, y, n)
        for name, run in found.items():
            fit, metric, temperature, value = run()
            print(
                f"{name:14} {fit:7.2f} {fit / plain[0]:6.2f} {metric:10.2f} "
                f"{metric / plain[1]:6.2f} {temperature:13.8f} {value:.12f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
