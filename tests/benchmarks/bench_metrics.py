"""How long metrics take, as ratios to passes that cannot be avoided, timed in the same run.

Run ``python tests/benchmarks/bench_metrics.py``; it needs 3 GiB of memory. Packages that
happen to be installed (torchmetrics, netcal) are timed, too. Nothing is asserted.
"""

import gc
import importlib.util
import time

import numpy as np
from sklearn.calibration import calibration_curve

from skcalib import metrics

REPEATS = 5


def seconds(function, repeats=REPEATS):
    """Return the best time of a few, after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def unavoidable_passes(y_true, y_proba, n_bins=15):
    """Check, find the bin, and add up: what every binned error does, once, and no more."""
    assert np.isfinite(y_proba).all()
    assert y_proba.min() >= 0
    assert y_proba.max() <= 1
    value, hit = y_proba, y_true
    if y_proba.ndim == 2:
        value, hit = y_proba.max(axis=1), y_proba.argmax(axis=1) == y_true
    bins = np.minimum((value * n_bins).astype(np.intp), n_bins - 1)
    np.bincount(bins, value)
    np.bincount(bins, hit)


def show(name, ours, floor, floor_name):
    print(f"{name:52} {ours * 1000:8.0f} ms = {ours / floor:5.2f} x {floor_name}")


def binary(rng, n=10_000_000):
    y_proba = rng.uniform(size=n)
    y_true = (rng.uniform(size=n) < y_proba).astype(np.int64)
    floor = seconds(lambda: unavoidable_passes(y_true, y_proba))
    bincount = seconds(lambda: np.bincount((y_proba * 15).astype(np.intp), y_proba))
    print(f"\n{n:,} binary rows; unavoidable passes {floor * 1000:.0f} ms")
    two = np.stack([1 - y_proba, y_proba], axis=1)
    ece = metrics.expected_calibration_error
    own = seconds(lambda: ece(y_true, y_proba))
    show("ECE, one column", own, floor, "these passes")
    show("ECE, one column", own, bincount, "one binning and bincount")
    show("ECE, two columns", seconds(lambda: ece(y_true, two)), floor, "these passes")
    quantile = seconds(lambda: ece(y_true, y_proba, strategy="quantile"), 2)
    sort = seconds(lambda: y_proba[np.argsort(y_proba)], 2)
    show("ECE, bins of equal mass", quantile, sort, "one argsort and gather")
    smooth = seconds(lambda: metrics.smooth_calibration_error(y_true, y_proba), 2)
    show("smooth calibration error", smooth, floor, "these passes")
    curve = seconds(lambda: calibration_curve(y_true, y_proba, n_bins=15), 2)
    show("scikit-learn's calibration_curve", curve, own, "our ECE")
    for name, peer in peers(y_true, y_proba, two):
        show(name, seconds(peer, 2), own, "our ECE")


def peers(y_true, y_proba, two):
    """Yield the peers that are installed; both bin the confidence or the positive class."""
    if importlib.util.find_spec("torchmetrics"):
        import torch
        from torchmetrics.functional.classification import binary_calibration_error

        proba, target = torch.from_numpy(y_proba), torch.from_numpy(y_true)
        yield "torchmetrics", lambda: binary_calibration_error(proba, target, n_bins=15)
    if importlib.util.find_spec("netcal"):
        from netcal.metrics import ECE

        yield "netcal", lambda: ECE(15).measure(two, y_true)


def many_classes(rng, n=1_000_000, n_classes=10):
    y_proba = rng.dirichlet(np.ones(n_classes), size=n)
    y_true = rng.integers(n_classes, size=n)
    floor = seconds(lambda: unavoidable_passes(y_true, y_proba))
    print(f"\n{n:,} x {n_classes}; unavoidable passes {floor * 1000:.0f} ms")
    own = seconds(lambda: metrics.expected_calibration_error(y_true, y_proba))
    show("ECE", own, floor, "these passes")
    for notion in ("top-label", "class-wise"):
        own = seconds(lambda n=notion: metrics.calibration_error(y_true, y_proba, notion=n))
        show(f"{notion} error", own, floor, "these passes")


def sorted_rows(rng, n=1_000_000):
    y_proba = rng.uniform(size=n)
    y_true = (rng.uniform(size=n) < y_proba).astype(np.int64)
    sort = seconds(lambda: (order := np.argsort(y_proba), y_proba[order], y_true[order]))
    print(f"\n{n:,} binary rows; one argsort with its gathers {sort * 1000:.0f} ms")
    for name in ("corp_decomposition", "aurc_loss", "augrc_loss"):
        own = seconds(lambda name=name: getattr(metrics, name)(y_true, y_proba))
        show(name, own, sort, "that")


def bootstrap(rng, n=100_000):
    y_proba = rng.uniform(size=n)
    y_true = (rng.uniform(size=n) < y_proba**1.3).astype(np.int64)
    once = seconds(lambda: metrics.expected_calibration_error(y_true, y_proba))
    print(f"\n1,000 resamples of {n:,} rows; one ECE {once * 1000:.2f} ms")
    for name in ("expected_calibration_error", "brier_score_loss"):
        for method in ("percentile", "BCa"):
            metric = getattr(metrics, name)
            own = seconds(
                lambda metric=metric, method=method: metrics.bootstrap_interval(
                    metric, y_true, y_proba, method=method, random_state=0
                ),
                1,
            )
            show(f"{name}, {method}", own, 1000 * once, "1,000 ECEs")


if __name__ == "__main__":
    for part in (binary, many_classes, sorted_rows, bootstrap):
        part(np.random.default_rng(0))
