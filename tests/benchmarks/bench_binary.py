"""How long the binary calibrators take, in units of scikit-learn's isotonic regression.

Run ``python tests/benchmarks/bench_binary.py``. Nothing is asserted.

The unit is ``IsotonicRegression(out_of_bounds="clip").fit(z, y)`` on the same column of
log-odds, timed in turns with what is measured; best of five each, ratios of these. It is the
processor's time, all of one thread. A fit is ``fit(logits, y)`` whole, with its checks of
logits, labels and weights. Targets: isotonic and histogram within 2 units; Venn-Abers within 3
units and a sort. The last lines are what many classes cost Platt scaling, step by step.
"""

import time

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from skcalib.calibrators import (
    BayesianBinning,
    BetaCalibration,
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    QuadraticScaling,
    ScalingBinning,
    SplineCalibration,
    VennAbersCalibration,
)
from skcalib.calibrators._log_odds import log_odds_columns, merge_near_ties, rounding_of

METHODS = [
    IsotonicCalibration(),
    IsotonicCalibration(curve="smooth"),
    HistogramBinning(),
    HistogramBinning(strategy="uniform"),
    VennAbersCalibration(),
    PlattScaling(),
    BetaCalibration(),
    QuadraticScaling(),
    ScalingBinning(),
    SplineCalibration(),
    BayesianBinning(),
]


def seconds(*functions, repeats=5, clock=time.process_time):
    """Return the best time of each, all timed in turns."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, times, strict=True):
            start = clock()
            function()
            taken.append(clock() - start)
    return [min(taken) for taken in times]


def binary(n_samples):
    rng = np.random.default_rng(0)
    z = rng.normal(size=n_samples) * 2
    y = (rng.uniform(size=n_samples) < expit(z)).astype(int)
    decision, target = z[:, None], y.astype(float)
    unit, sort = seconds(
        lambda: IsotonicRegression(out_of_bounds="clip").fit(z, target), lambda: np.argsort(z)
    )
    print(
        f"\n{n_samples} rows, two classes: unit {1000 * unit:.1f} ms, a sort {sort / unit:.2f}"
    )
    for method in METHODS:
        again, fit, predict = seconds(
            lambda: IsotonicRegression(out_of_bounds="clip").fit(z, target),
            lambda m=method: m.fit(decision, y),
            lambda m=method: m.predict_proba(decision),
        )
        print(f"  {method!r:45} fit {fit / again:5.2f}   predict {predict / again:5.2f}")


def many(n_samples, n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    logits = rng.normal(size=(n_samples, n_classes)) * 3 + 2 * np.eye(n_classes)[y]
    precision = rounding_of(logits)
    platt = PlattScaling().fit(logits, y)
    columns = [z for _, z in log_odds_columns(logits)]
    split, ties, fit, predict = seconds(
        lambda: list(log_odds_columns(logits)),
        lambda: [merge_near_ties(z, precision) for z in columns],
        lambda: platt.fit(logits, y),
        lambda: platt.predict_proba(logits),
        repeats=3,
    )
    print(
        f"{n_samples} x {n_classes}: log-odds {1000 * split:.0f} ms and ties "
        f"{1000 * ties:.0f} ms, of a fit of {1000 * fit:.0f} ms and predictions of "
        f"{1000 * predict:.0f} ms"
    )


if __name__ == "__main__":
    for rows in (1_000, 100_000, 1_000_000):
        binary(rows)
    print("\nPlatt scaling one-vs-rest:")
    for rows, classes in ((100_000, 3), (100_000, 10), (10_000, 100)):
        many(rows, classes)
