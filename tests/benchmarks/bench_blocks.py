"""What a temperature and a calibration error take of a file of logits, beside reading it.

Run ``python tests/benchmarks/bench_blocks.py [--rows=N] [--classes=K] [--folder=PATH]
[--from-disk]``. It writes a file of float32 logits (and one of probabilities) to a temporary
folder, by default 20,000,000 numbers (80 MB each), and removes them in the end. Nothing is
asserted.

The unit is reading the file once: the sum of each block of half a million numbers, of a
:class:`numpy.memmap`. Files are in the system's cache, so that the disk does not count: what is
printed is the work beyond. Times are the processor's, the best of two (one
of a large file), of one thread unless the environment says
otherwise; memory is the most that NumPy and Python had allocated beyond what they had before,
looked at in a run of its own. "at hand" is the same on the whole array in memory, which is not
counted.

With ``--from-disk`` the system forgets a file before each measurement (Linux only), and times
are by the clock: the unit is reading the file from the disk once. Memory is the most that the
process had in its own pages (those of files do not count).
"""

import argparse
import gc
import os
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np

from skcalib.calibrators import (
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    VectorScaling,
)
from skcalib.metrics import (
    accumulate,
    brier_score_loss,
    expected_calibration_error,
    log_loss,
)

ENTRIES = 2**19  # in a block
DRAWN = 40  # blocks of random numbers, which are repeated in a longer file
MANY = 5e7  # numbers in a file that is measured once, not twice


def write_files(folder, n_rows, n_classes):
    """Write logits of which 1.5 is the true temperature, and their softmax; return labels."""
    rng = np.random.default_rng(0)
    shape = {"shape": (n_rows, n_classes), "dtype": np.float32, "mode": "w+"}
    logits, proba = (
        np.lib.format.open_memmap(folder / name, **shape)
        for name in ("logits.npy", "proba.npy")
    )
    y = np.empty(n_rows, dtype=np.intp)
    drawn = []
    for number, rows in enumerate(cut(n_rows, n_classes)):
        if number < DRAWN:
            part = 2 * rng.standard_normal((len(y[rows]), n_classes), dtype=np.float32)
            truth = (part + rng.gumbel(size=part.shape)).argmax(axis=1)
            mass = np.exp(1.5 * part)
            drawn.append((1.5 * part, mass / mass.sum(axis=1, keepdims=True), truth))
        length = len(y[rows])
        for out, values in zip((logits, proba, y), drawn[number % DRAWN], strict=True):
            out[rows] = values[:length]
    return y


def cut(n_rows, n_classes):
    """Return slices of rows."""
    step = max(1, ENTRIES // n_classes)
    return [slice(start, start + step) for start in range(0, n_rows, step)]


def seconds(function, repeats):
    """Return the processor's seconds, the best of some, and what the function returns."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        value = function()
        taken.append(time.process_time() - start)
    return min(taken), value


def megabytes(function):
    """Return the most memory beyond what there was."""
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def main():
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--from-disk", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        y = write_files(Path(folder), options.rows, options.classes)
        (measure_from_disk if options.from_disk else measure)(Path(folder), y, options.classes)


def forget(path):
    """Write a file to the disk, and let the system forget its pages."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class OwnPages:
    """The most of a process's own pages beyond what it had, looked at again and again."""

    def __enter__(self):
        gc.collect()
        self.before = self.most = self.now()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.most -= self.before

    def watch(self):
        """Look until it is over."""
        while not self.over.wait(0.01):
            self.most = max(self.most, self.now())

    @staticmethod
    def now():
        """Return the megabytes of the process's own pages."""
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) / 1e3


def measure_from_disk(folder, y, n_classes):
    """Print seconds by the clock, in units of reading the file from the disk once."""

    def blocks(name):
        stored = np.load(folder / name, mmap_mode="r")  # anew, as it has been forgotten
        for rows in cut(*stored.shape):
            yield stored[rows], y[rows]

    def fit():
        TemperatureScaling().fit_blocks(lambda: blocks("logits.npy"))

    def add_up(metric):
        found = accumulate(metric, labels=range(n_classes))
        for proba, labels in blocks("proba.npy"):
            found.update(labels, proba)
        found.value()

    def read(name):
        return sum(float(block.sum()) for block, _ in blocks(name))

    size = (folder / "logits.npy").stat().st_size
    unit = by_the_clock(folder / "logits.npy", lambda: read("logits.npy"))[0]
    print(f"{len(y):,} x {n_classes} float32, {size / 1e6:.0f} MB")
    print(f"reading once from the disk: {unit:.2f} s, {size / 1e6 / unit:.0f} MB a second\n")
    print("| | clock | processor | own memory |")
    print("|---|---|---|---|")
    print_clock("TemperatureScaling()", unit, *by_the_clock(folder / "logits.npy", fit))
    for metric in (expected_calibration_error, log_loss, brier_score_loss):
        taken = by_the_clock(folder / "proba.npy", lambda m=metric: add_up(m))
        print_clock(metric.__name__, unit, *taken)


def by_the_clock(path, function):
    """Return the seconds (clock, processor) that a forgotten file takes, and megabytes."""
    forget(path)
    with OwnPages() as pages:
        clock, processor = time.perf_counter(), time.process_time()
        function()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return clock, processor, pages.most


def print_clock(name, unit, clock, processor, most):
    """Print one line of that table."""
    print(
        f"| {name} | {clock / unit:.2f} | {processor / unit:.2f} | {most:.0f} MB |", flush=True
    )


def measure(folder, y, n_classes):
    """Print times in units of reading a file, and memory."""
    logits, proba = (
        np.load(folder / name, mmap_mode="r") for name in ("logits.npy", "proba.npy")
    )
    slices = cut(*logits.shape)

    def blocks():
        for rows in slices:
            yield logits[rows], y[rows]

    def add_up(metric):
        found = accumulate(metric, labels=range(n_classes))
        for rows in slices:
            found.update(y[rows], proba[rows])
        return found.value()

    repeats = 1 if logits.size > MANY else 2
    unit, _ = seconds(lambda: sum(float(logits[rows].sum()) for rows in slices), 5)
    print(f"{logits.shape[0]:,} x {n_classes} float32, {logits.nbytes / 1e6:.0f} MB")
    print(f"reading once: {unit:.3f} s\n", flush=True)
    print("| | blocks | at hand | memory of blocks | largest difference |")
    print("|---|---|---|---|---|")
    few = slice(0, 1000)
    for calibrator in (TemperatureScaling(), TemperatureScaling(smoothing="targets")):
        taken, fitted = seconds(lambda c=calibrator: c.fit_blocks(blocks), repeats)
        answer = fitted.predict_proba(logits[few])
        peak = megabytes(lambda c=calibrator: c.fit_blocks(blocks))
        whole = np.array(logits)
        taken_at_hand, fitted = seconds(lambda c=calibrator, X=whole: c.fit(X, y), repeats)
        del whole
        off = np.abs(fitted.predict_proba(logits[few]) - answer).max()
        print_row(str(calibrator), unit, taken, taken_at_hand, peak, off)
    for metric in (expected_calibration_error, log_loss, brier_score_loss):
        taken, value = seconds(lambda m=metric: add_up(m), repeats)
        peak = megabytes(lambda m=metric: add_up(m))
        whole = np.array(proba)
        taken_at_hand, expected = seconds(lambda m=metric, p=whole: m(y, p), repeats)
        del whole
        print_row(metric.__name__, unit, taken, taken_at_hand, peak, abs(value - expected))
    if logits.size <= MANY:
        for calibrator in (VectorScaling(), PlattScaling(), IsotonicCalibration()):
            taken, _ = seconds(lambda c=calibrator: c.fit_blocks(blocks), repeats)
            peak = megabytes(lambda c=calibrator: c.fit_blocks(blocks))
            print_row(str(calibrator), unit, taken, np.nan, peak, np.nan)


def print_row(name, unit, blocks, at_hand, peak, off):
    """Print one line of the table."""
    print(
        f"| {name} | {blocks / unit:.1f} | {at_hand / unit:.1f} | {peak:.0f} MB | {off:.1g} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
