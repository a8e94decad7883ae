"""Calibrators with many classes: seconds against a floor, what they weigh, and what they hold.

For maps of one column the floor is one sort of each column (``numpy.argsort``, in double
precision); for matrices it is one pass of their optimiser over all rows, the two products
``Z @ W.T`` and ``R.T @ Z`` in the precision of the logits. Times are the processor's, with one
thread (``OMP_NUM_THREADS=1``), one fit each. Sizes are those of the pickled fitted calibrator,
memory is the most that NumPy's arrays took beyond the logits (tracemalloc, in a second fit).

    python bench_many_classes.py [rows classes [names of calibrators]]
"""

import pickle
import sys
import time
import tracemalloc

import numpy as np

from skcalib import calibrators

MAPS = [
    "PlattScaling",
    "IsotonicCalibration",
    "HistogramBinning",
    "BetaCalibration",
    "VennAbersCalibration",
    "SplineCalibration",
    "BayesianBinning",
]
MATRICES = ["StructuredMatrixScaling", "DirichletCalibration", "AutoCalibration"]
NEW = 20_000  # rows to predict, at most
MOST = 2**24  # logits of which a second fit is worth its time


def mixed_up(n_samples, n_classes, seed=0):
    """Return float32 logits that are too sure, and labels with a bias and a matrix."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_samples, n_classes)).astype(np.float32)
    signal[np.arange(n_samples), rng.integers(0, n_classes, n_samples)] += 4
    matrix = np.eye(n_classes) + rng.normal(size=(n_classes, n_classes)) / n_classes
    scores = signal @ matrix.astype(np.float32) + rng.normal(size=n_classes) / 2
    return 2 * signal, (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


def seconds(function):
    """Return the processor's seconds, and what the function returned."""
    start = time.process_time()
    found = function()
    return time.process_time() - start, found


def sort_columns(logits):
    """Sort each column, as double precision."""
    for column in logits.T:
        np.argsort(column.astype(np.float64))


def pass_once(logits):
    """Multiply as one gradient of a matrix does, block by block."""
    weights, total = np.eye(logits.shape[1], dtype=logits.dtype), 0
    for start in range(0, len(logits), 1024):
        block = logits[start : start + 1024]
        total = total + (block @ weights).T @ block


def measure(name, logits, y, floor):
    """Fit one calibrator, and print its line."""
    make = getattr(calibrators, name)
    fit, model = seconds(lambda: make().fit(logits, y))
    predict, _ = seconds(lambda: model.predict_proba(logits[:NEW]))
    held = "not measured"
    if logits.size <= MOST:
        tracemalloc.start()
        make().fit(logits, y)
        held = f"{tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB"
        tracemalloc.stop()
    print(
        f"{name}: fit {fit:.2f} s = {fit / floor:.1f} floors, predict {predict:.2f} s for "
        f"{min(NEW, len(logits)):,} rows, pickled {len(pickle.dumps(model)) / 1e6:.2f} MB, "
        f"memory {held}",
        flush=True,
    )


def main(n_samples=100_000, n_classes=100, *names):
    """Print the table of one size."""
    logits, y = mixed_up(int(n_samples), int(n_classes))
    floors = [seconds(lambda f=f: f(logits))[0] for f in (sort_columns, pass_once)]
    print(
        f"{len(logits):,} x {logits.shape[1]}: sort of all columns {floors[0]:.2f} s, one pass "
        f"of products {floors[1]:.2f} s"
    )
    for name in names or MAPS + MATRICES:
        measure(name, logits, y, floors[name in MATRICES])


if __name__ == "__main__":
    main(*sys.argv[1:])
