"""Calibrators with many classes: seconds against a floor, what they weigh, and what they hold.

For maps of one column the floor is one sort of each column (``numpy.argsort``, in double
precision); for matrices it is one pass of their optimiser over all rows, the two products
``Z @ W.T`` and ``R.T @ Z`` in the precision of the logits. Times are the processor's, with one
thread (``OMP_NUM_THREADS=1``), one fit each, in a process of its own. Memory is the most that
this process held beyond the logits and what it held before; in the prediction, beyond the
answer, too. Sizes are those of the pickled fitted calibrator.

    python bench_many_classes.py                    # 100,000 x 100, and 20,000 x 1,000
    python bench_many_classes.py rows classes [names of calibrators]

Without arguments it takes some four minutes and a gigabyte.
"""

import multiprocessing
import pickle
import resource
import sys
import time

import numpy as np

from skcalib import calibrators

MAPS = [
    "PlattScaling",
    "IsotonicCalibration",
    "HistogramBinning",
    "ScalingBinning",
    "BetaCalibration",
    "QuadraticScaling",
    "VennAbersCalibration",
    "SplineCalibration",
    "BayesianBinning",
    "HierarchicalCalibration",
]
MATRICES = ["StructuredMatrixScaling", "DirichletCalibration", "AutoCalibration"]
NEW = 20_000  # rows to predict, at most


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


def most_held():
    """Return the most MiB that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def measure(name, logits, y, floor):
    """Fit one calibrator, and print its line."""
    few = np.arange(60) % 3
    model = getattr(calibrators, name)().fit(logits[:60, :3], few)  # what is loaded once
    model.predict_proba(logits[:60, :3])
    before = most_held()
    fit, model = seconds(lambda: getattr(calibrators, name)().fit(logits, y))
    of_fit = most_held() - before
    rows = logits[:NEW]
    predict, proba = seconds(lambda: model.predict_proba(rows))
    of_both = most_held() - before - proba.nbytes / 2**20
    print(
        f"| `{name}` | {fit:.1f} s | {fit / floor:.1f} | {of_fit:.0f} MiB | {predict:.1f} s | "
        f"{max(of_both, 0):.0f} MiB | {len(pickle.dumps(model)) / 1e6:.2f} MB |",
        flush=True,
    )


def print_table(n_samples, n_classes, names):
    """Print the table of one size."""
    logits, y = mixed_up(n_samples, n_classes)
    floors = [seconds(lambda f=f: f(logits))[0] for f in (sort_columns, pass_once)]
    print(
        f"{n_samples:,} x {n_classes:,}: sort of all columns {floors[0]:.2f} s, one pass of "
        f"products {floors[1]:.2f} s; {min(NEW, n_samples):,} rows are predicted\n\n"
        f"| | fit | in floors | memory | predict | memory of both | pickled |\n{7 * '|---'}|",
        flush=True,
    )
    for name in names:
        args = name, logits, y, floors[name in MATRICES]
        child = multiprocessing.get_context("fork").Process(target=measure, args=args)
        child.start()
        child.join()
    print()


def main(n_samples=None, n_classes=None, *names):
    """Print the table of one size, or both of the documentation."""
    if n_samples is None:
        print_table(100_000, 100, MAPS + MATRICES)
        print_table(20_000, 1_000, MAPS)
    else:
        print_table(int(n_samples), int(n_classes), names or MAPS + MATRICES)


if __name__ == "__main__":
    main(*sys.argv[1:])
