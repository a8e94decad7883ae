"""Structured matrix scaling against its floor, and against probmetrics where that is installed.

The floor is the two products of one evaluation of the gradient, ``Z @ W.T`` and ``R.T @ Z``, in
double precision. Logits are random and too sure, with a bias and classes that are mixed up.
Times are the processor's; the best of several, in turns. Run it with one thread
(``OMP_NUM_THREADS=1``): on a busy machine more of them measure the waiting.
"""

import sys
import time

import numpy as np

from skcalib.calibrators import (
    DirichletCalibration,
    EnsembleTemperatureScaling,
    MatrixScaling,
    StructuredMatrixScaling,
    StructuredVectorScaling,
    TemperatureScaling,
    VectorScaling,
)

SIZES = {"ten": (5_000, 10), "hundred": (5_000, 100)}
OTHERS = [
    TemperatureScaling,
    EnsembleTemperatureScaling,
    VectorScaling,
    StructuredVectorScaling,
    MatrixScaling,
    DirichletCalibration,
]


def mixed_up(n_samples, n_classes, seed=0):
    """Return logits and labels that agree up to a temperature, a bias and a matrix."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_samples, n_classes))
    signal[np.arange(n_samples), rng.integers(0, n_classes, n_samples)] += 4
    matrix = np.eye(n_classes) + rng.normal(size=(n_classes, n_classes)) / n_classes
    scores = signal @ matrix + rng.normal(size=n_classes) / 2
    y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    return 2 * signal, y


def seconds(*functions, repeats=5):
    """Return the best time of each, all timed in turns."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            taken.append(time.process_time() - start)
    return [min(taken) for taken in times]


def peer(logits, y):
    """Return a function that fits probmetrics' method, or None."""
    try:
        from probmetrics.calibrators import SMSCalibrator
    except ImportError:
        return None
    proba = np.exp(logits - logits.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    return lambda: SMSCalibrator().fit(proba, y)


def size(name):
    """Fit one size: ours, theirs, and our other methods."""
    n_samples, n_classes = SIZES[name]
    logits, y = mixed_up(n_samples, n_classes)
    weights = np.eye(n_classes)

    def products():
        return (logits @ weights.T).T @ logits

    theirs = peer(logits, y)
    functions = [products, lambda: StructuredMatrixScaling().fit(logits, y)]
    unit, ours, *peers = seconds(*functions, *([theirs] if theirs else []))
    ratio = f"{peers[0] / ours:.1f}" if peers else "not installed"
    print(
        f"{n_samples:,} x {n_classes}: floor {unit * 1000:.1f} ms, StructuredMatrixScaling "
        f"{ours * 1000:.0f} ms = {ours / unit:.0f} floors; probmetrics' time / ours: {ratio}"
    )
    for other in OTHERS:
        (taken,) = seconds(lambda other=other: other().fit(logits, y), repeats=1)
        print(f"    {other.__name__} {taken * 1000:.0f} ms, {taken / ours:.2f} of it")


if __name__ == "__main__":
    for name in sys.argv[1:] or SIZES:
        size(name)
