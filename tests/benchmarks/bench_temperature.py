"""How long temperature scaling takes, in units of the exponential that it cannot do without.

Run ``python tests/benchmarks/bench_temperature.py [many | few | hundred | memory | threads |
pipeline ...]``; without names, all parts. It needs 3 GiB of memory. Nothing is asserted.

The unit is ``np.exp(logits)``, with the array that it returns, timed in turns with what is
measured; best of five each, ratios of these. But for the part about threads all is done by one,
and times are the processor's, which other processes disturb less than the clock's. A fit is
``TemperatureScaling().fit(logits, y)`` whole, with its checks of logits, labels and weights;
scikit-learn's is that of the private class that its
``CalibratedClassifierCV(method="temperature")`` fits, on the same logits.
Results and the machine they are from: ``README.md`` beside this file.
"""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from skcalib import CalibratedClassifierCV
from skcalib.calibrators import TemperatureScaling
from skcalib.inputs._blocks import row_blocks

SIZES = {
    "many": (50_000, 1000, np.float32),
    "few": (1_000_000, 10, np.float64),
    "hundred": (10_000, 100, np.float64),
}


def overconfident(n_samples, n_classes, dtype, seed):
    """Draw logits of which 1.5 is the true temperature."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n_samples, n_classes), dtype=dtype)
    y = np.empty(n_samples, dtype=np.intp)
    for block in row_blocks(n_samples, n_classes):
        y[block] = (logits[block] + rng.gumbel(size=logits[block].shape)).argmax(axis=1)
    logits *= dtype(1.5)
    return logits, y


def seconds(*functions, repeats=5, clock=time.process_time):
    """Return the best time of each, all timed in turns."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, times, strict=True):
            start = clock()
            function()
            taken.append(clock() - start)
    return [min(taken) for taken in times]


def size(name, seed=None):
    """Fit and predict one size, ours and scikit-learn's."""
    from sklearn.calibration import _TemperatureScaling  # from scikit-learn 1.8

    n_samples, n_classes, dtype = SIZES[name]
    logits, y = overconfident(n_samples, n_classes, dtype, seed)
    model = TemperatureScaling().fit(logits, y)
    unit, fit, predict = seconds(
        lambda: np.exp(logits),
        lambda: TemperatureScaling().fit(logits, y),
        lambda: model.predict_proba(logits),
        repeats=6 if logits.size > 1e6 else 50,
    )
    peer, fit_again = seconds(
        lambda: _TemperatureScaling().fit(logits, y),
        lambda: TemperatureScaling().fit(logits, y),
        repeats=2,
    )
    print(
        f"| {n_samples:,} x {n_classes} {dtype.__name__} | {unit * 1000:.1f} ms "
        f"| {fit / unit:.2f} | {predict / unit:.2f} | {peer / unit:.0f} "
        f"| {peer / min(fit, fit_again):.1f} |"
    )


def memory():
    """Print the peak of a fresh process beyond the logits and labels, by its own accounting."""
    for name in SIZES:
        done = subprocess.run(
            [sys.executable, __file__, "peak", name], capture_output=True, text=True, check=True
        )
        print(done.stdout, end="")


def peak(name):
    """Fit and predict in this process, which has done nothing else."""
    n_samples, n_classes, dtype = SIZES[name]
    logits = np.zeros((n_samples, n_classes), dtype)
    for start in range(0, n_samples, 1000):  # in place, so that nothing is left to reuse
        few, y = overconfident(1000, n_classes, dtype, start)
        logits[start : start + 1000] = few
    y = logits.argmax(axis=1)
    y[::2] = np.arange(len(y[::2])) % n_classes
    for weight in (None, np.arange(n_samples) % 3):
        before = resident("VmRSS")
        model = TemperatureScaling().fit(logits, y, weight)
        print(f"{name}: peak of fit {resident('VmHWM') - before:.0f} MiB beyond its input")
    before = resident("VmRSS")
    proba = model.predict_proba(logits)
    more = resident("VmHWM") - before - proba.nbytes / 2**20
    print(f"{name}: peak of predict_proba {max(more, 0):.0f} MiB beyond input and output")


def resident(which):
    with open("/proc/self/status") as status:
        return int(re.search(rf"{which}:\s+(\d+)", status.read()).group(1)) / 1024


def threads():
    """Fit and predict with one thread and with two, the unit with as many; by the clock."""
    print("| logits | threads | unit | fit | predict | times as fast as one: fit | predict |")
    print("|---|---|---|---|---|---|---|")
    with ThreadPoolExecutor(2) as pool:
        for n_samples, n_classes, dtype in SIZES.values():
            logits, y = overconfident(n_samples, n_classes, dtype, None)
            for n_threads in (1, 2):
                with threadpool_limits(n_threads):
                    unit, fit, predict = by_the_clock(logits, y, pool, n_threads)
                if n_threads == 1:
                    fit_of_one, predict_of_one = fit, predict
                print(
                    f"| {n_samples:,} x {n_classes} | {n_threads} | {unit * 1000:.1f} ms "
                    f"| {fit / unit:.2f} | {predict / unit:.2f} "
                    f"| {fit_of_one / fit:.2f} | {predict_of_one / predict:.2f} |"
                )


def by_the_clock(logits, y, pool, n_threads):
    """Return the seconds of the unit, of a fit and of a prediction."""
    bounds = np.linspace(0, len(logits), n_threads + 1, dtype=int)
    shares = [slice(*pair) for pair in pairwise(bounds)]
    model = TemperatureScaling().fit(logits, y)

    def unit():
        out = np.empty_like(logits)
        list(pool.map(lambda share: np.exp(logits[share], out=out[share]), shares))

    return seconds(
        unit if n_threads > 1 else lambda: np.exp(logits),
        lambda: TemperatureScaling().fit(logits, y),
        lambda: model.predict_proba(logits),
        repeats=6 if logits.size > 1e6 else 50,
        clock=time.perf_counter,
    )


def pipeline():
    """Compare CalibratedClassifierCV with the fits and predictions of its classifiers."""
    for n_classes in (2, 10):
        X, y = make_classification(
            100_000, 20, n_informative=12, n_classes=n_classes, random_state=0
        )
        folds = [np.arange(100_000) % 5 != i for i in range(5)]
        rows = [(X[fold], y[fold]) for fold in folds]
        bases = [LogisticRegression().fit(*part) for part in rows]
        for method in ("temperature", "sigmoid"):
            cv = [(np.flatnonzero(fold), np.flatnonzero(~fold)) for fold in folds]
            model = CalibratedClassifierCV(LogisticRegression(), method=method, cv=cv)
            base, ours = seconds(
                lambda rows=rows: [LogisticRegression().fit(*part) for part in rows],
                lambda model=model, X=X, y=y: model.fit(X, y),
                repeats=1,
            )
            base_proba, our_proba = seconds(
                lambda bases=bases, X=X: [base.predict_proba(X) for base in bases],
                lambda model=model, X=X: model.predict_proba(X),
            )
            print(
                f"{method}, {n_classes} classes: fit {ours / base:.2f}, predict_proba "
                f"{our_proba / base_proba:.2f} times what its five classifiers take"
            )


PARTS = {"memory": memory, "threads": threads, "pipeline": pipeline}


def main(names):
    sizes = [name for name in names if name in SIZES]
    if sizes:
        print("| logits | unit | fit | predict | scikit-learn's fit | its time / ours |")
        print("|---|---|---|---|---|---|")
    with threadpool_limits(1):
        for name in sizes:
            size(name)
    for name in names:
        if name in PARTS:
            PARTS[name]()


if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2])
    else:
        main(sys.argv[1:] or [*SIZES, *PARTS])
