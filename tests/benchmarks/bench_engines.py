"""Temperature and calibration error on dask, against a plain loop over the same blocks.

``python tests/benchmarks/bench_engines.py`` takes a minute or two; the least of ``--repeats 5``
runs each, of random float32 logits (``--rows 1000000 --classes 20``) in 20 blocks, which are

* made anew by the task that looks at them, and by the loop, too (``made``);
* in memory, that of the workers or of the loop (``kept``);
* read from a file by whoever wants them (``file``, by ``--kinds`` only);
* one array of the user's, from which dask sends each block to a worker at each look (``sent``):
  what that takes is moving, not computing; threads move nothing.

It prints seconds of the wall, their ratio to the plain loop (``fit_blocks``, ``accumulate``),
seconds of all processors together (which tell more where the machine is busy), and megabytes
that workers sent to each other and to the user; for dask's threads, and a ``LocalCluster`` of
one worker and of two, each with one thread. It needs dask and distributed, and asserts nothing.
"""

import argparse
import os
import tempfile
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from skcalib.calibrators import TemperatureScaling
from skcalib.engines import fit_dask, measure_dask
from skcalib.metrics import accumulate, expected_calibration_error

N_BLOCKS = 20
KINDS = ("made", "kept", "file", "sent")
DEFAULT = ("made", "kept", "sent")


class Blocks:
    """Rows in blocks, however they come."""

    def __init__(self, kind, n_rows, n_classes, folder):
        self.kind, self.n_classes = kind, n_classes
        self.n_rows = n_rows // N_BLOCKS  # of a block
        self.path = str(Path(folder) / f"{kind}.npy")
        self.y = np.concatenate([self.labels(number) for number in range(N_BLOCKS)])
        if kind in ("file", "sent"):
            shape = (len(self.y), n_classes)
            stored = np.lib.format.open_memmap(self.path, "w+", np.float32, shape)
            for number in range(N_BLOCKS):
                stored[self.places(number)] = self.make(number)
        if kind == "sent":
            self.array = np.load(self.path)
        if kind == "kept":
            self.list = [self.make(number) for number in range(N_BLOCKS)]

    def places(self, number):
        """Return which rows are in a block."""
        return slice(number * self.n_rows, (number + 1) * self.n_rows)

    def labels(self, number):
        """Return the labels of a block."""
        rng = np.random.default_rng(number)
        return rng.integers(0, self.n_classes, self.n_rows)

    def make(self, number):
        """Return the logits of a block."""
        return make_block(number, self.labels(number), self.n_classes)

    def read(self):
        """Yield the blocks, for a loop."""
        for number in range(N_BLOCKS):
            rows = self.places(number)
            if self.kind == "made":
                y = self.labels(number)
                logits = make_block(number, y, self.n_classes)
            elif self.kind == "kept":
                logits, y = self.list[number], self.y[rows]
            elif self.kind == "file":
                logits, y = np.load(self.path, mmap_mode="r")[rows], self.y[rows]
            else:
                logits, y = self.array[rows], self.y[rows]
            yield logits, y

    def to_dask(self):
        """Return logits and labels as arrays of dask."""
        import dask
        import dask.array as da

        shape = (self.n_rows, self.n_classes)
        if self.kind == "sent":
            return da.from_array(self.array, chunks=shape), self.y
        logits, labels = [], []
        for number in range(N_BLOCKS):
            if self.kind == "file":
                rows = self.places(number)
                block = dask.delayed(read_rows, pure=True)(self.path, rows.start, rows.stop)
                logits.append(da.from_delayed(block, shape, np.float32))
                continue
            y = dask.delayed(make_labels, pure=True)(number, self.n_classes, self.n_rows)
            block = dask.delayed(make_block, pure=True)(number, y, self.n_classes)
            logits.append(da.from_delayed(block, shape, np.float32))
            labels.append(da.from_delayed(y, (self.n_rows,), np.int64))
        X, y = da.concatenate(logits), da.concatenate(labels) if labels else self.y
        if self.kind == "kept":
            X, y = dask.persist(X, y)
            dask.compute(X.sum(), y.sum())  # now they are there
        return X, y


def make_labels(number, n_classes, n_rows):
    """Return the labels of a block."""
    return np.random.default_rng(number).integers(0, n_classes, n_rows)


def make_block(number, y, n_classes):
    """Return logits of a temperature of about 0.8."""
    rng = np.random.default_rng(1000 + number)
    logits = rng.standard_normal((len(y), n_classes), dtype=np.float32)
    logits *= 2
    logits[np.arange(len(y)), y] += 5
    return logits


def read_rows(path, start, stop):
    """Read a block where it is wanted."""
    return np.load(path, mmap_mode="r")[start:stop]


def softmax(logits):
    """Return probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def loop_tasks(blocks):
    """Return a fit and a metric by a loop."""
    labels = range(blocks.n_classes)

    def measure():
        running = accumulate(expected_calibration_error, labels=labels)
        for logits, y in blocks.read():
            running.update(y, softmax(logits))
        return running.value()

    return lambda: TemperatureScaling().fit_blocks(blocks.read).temperature_, measure


def dask_tasks(blocks):
    """Return the same by dask, on whatever scheduler it has."""
    X, y = blocks.to_dask()
    proba = X.map_blocks(softmax, dtype=np.float32, meta=np.empty((0, 0), np.float32))
    labels = range(blocks.n_classes)
    return (
        lambda: fit_dask(TemperatureScaling(), X, y).temperature_,
        lambda: measure_dask(expected_calibration_error, y, proba, labels=labels),
    )


def processor_seconds(dask_worker=None):
    """Return the seconds of this process."""
    times = os.times()
    return times.user + times.system


def sent_bytes(dask_worker=None):
    """Return what a worker has sent."""
    return dask_worker.transfer_outgoing_bytes_total


class Meter:
    """Measures calls, on workers, too, if there is a client."""

    def __init__(self, client, repeats):
        self.client, self.repeats = client, repeats

    def read(self):
        """Return seconds of all processors, and bytes sent, so far."""
        if self.client is None:
            return np.array([processor_seconds(), 0])
        seconds = sum(self.client.run(processor_seconds).values()) + processor_seconds()
        return np.array([seconds, sum(self.client.run(sent_bytes).values())])

    def measure(self, call):
        """Return seconds of the wall, of processors, and bytes: the least; and the answer."""
        found = []
        for _ in range(self.repeats):
            before, start = self.read(), time.perf_counter()
            value = call()
            wall = time.perf_counter() - start
            found.append((wall, *(self.read() - before)))
        return (*np.min(found, axis=0), value)


def cluster_of(n_workers):
    """Return a client of a cluster of so many processes."""
    from distributed import Client, LocalCluster

    options = {"host": "127.0.0.1", "dashboard_address": None, "threads_per_worker": 1}
    return Client(LocalCluster(n_workers=n_workers, **options))


def print_engine(name, client, tasks, kinds, repeats, loop):
    """Print a line for each kind of blocks; return the seconds of the wall."""
    walls = {}
    for kind, blocks in kinds.items():
        meter = Meter(client, repeats)
        line = f"{kind:5} {name:12}"
        for what, task in zip(("fit", "metric"), tasks(blocks), strict=True):
            if client is not None:
                task()  # workers import
            wall, seconds, sent, value = meter.measure(task)
            walls[kind, what] = wall
            ratio = wall / loop[kind, what] if loop else 1
            line += f" |{wall:7.3f}{ratio:6.2f}{seconds:7.2f}{sent / 1e6:6.1f}{value:11.7f}"
        print(line, flush=True)
    return walls


def main():
    """Print a table, and how much faster two workers are than one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=DEFAULT, choices=KINDS)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "Sending large graph")  # that is what `sent` measures
    with tempfile.TemporaryDirectory() as folder:
        kinds = {k: Blocks(k, options.rows, options.classes, folder) for k in options.kinds}
        print("                   | fit s ratio  proc.    MB temperature | metric ...")
        loop = print_engine("plain loop", None, loop_tasks, kinds, options.repeats, None)
        print_engine("threads", None, dask_tasks, kinds, options.repeats, loop)
        walls = {}
        for n in (1, 2):
            with cluster_of(n) as client, client.cluster or nullcontext():
                found = print_engine(
                    f"workers: {n}", client, dask_tasks, kinds, options.repeats, loop
                )
                walls[n] = found
    print("\none worker's seconds over those of two:")
    for kind, what in walls[1]:
        print(f"{kind:5} {what:7} {walls[1][kind, what] / walls[2][kind, what]:5.2f}")


if __name__ == "__main__":
    main()
