"""How many labels does a judge's calibration need, and which method makes most of them?

Simulated judges: the true log-odds of an outcome are normal (0.5, 1.5); a judge says them times
a slope plus a shift, as a probability with two decimals. A map is fitted to n labels, and its
log loss on 20,000 others is compared with that of the true probabilities.

Run: python tests/benchmarks/bench_judges.py
"""

import sys
import warnings

import numpy as np
from scipy.special import expit
from sklearn.frozen import FrozenEstimator

from skcalib import CalibratedClassifierCV, metrics
from skcalib.cli._fit import GivenProbabilities

JUDGES = {"too sure": (2.5, 0.0), "lenient": (1.5, 1.5), "honest": (1.0, 0.0)}
METHODS = ("none", "temperature", "sigmoid", "isotonic", "hierarchical", "auto")
SIZES = (50, 100, 200, 500)
N_REPEATS, N_TEST = 40, 20_000


def draw(judge, n_rows, rng):
    """Return outcomes, what the judge said, and the true probabilities."""
    slope, shift = JUDGES[judge]
    odds = rng.normal(0.5, 1.5, size=n_rows)
    said = expit(slope * odds + shift).round(2).clip(0.01, 0.99)
    return (rng.uniform(size=n_rows) < expit(odds)).astype(int), said, expit(odds)


def two_columns(p):
    """Return both classes' probabilities."""
    return np.stack([1 - p, p], axis=1)


def bench(n_repeats):
    """Print excess log loss in thousandths of a nat, and widths of intervals."""
    for judge in JUDGES:
        print(f"{judge}: excess log loss, thousandths of a nat (mean of {n_repeats})")
        print(
            f"{'labels':>8}" + "".join(f"{method:>14}" for method in METHODS) + "   ece upper"
        )
        for n_rows in SIZES:
            rng = np.random.default_rng(n_rows)
            excess, upper = np.zeros(len(METHODS)), []
            for _ in range(n_repeats):
                y, said, _ = draw(judge, n_rows, rng)
                y_test, said_test, truth = draw(judge, N_TEST, rng)
                floor = metrics.log_loss(y_test, truth)
                found = metrics.calibration_error_interval(y, said, random_state=0)
                upper.append(found.high)
                for k, method in enumerate(METHODS):
                    answer = two_columns(said_test)
                    if method != "none":
                        base = FrozenEstimator(GivenProbabilities(np.array([0, 1])))
                        model = CalibratedClassifierCV(base, method=method)
                        answer = model.fit(two_columns(said), y).predict_proba(answer)
                    excess[k] += metrics.log_loss(y_test, answer) - floor
            cells = "".join(f"{1000 * value / n_repeats:14.0f}" for value in excess)
            print(f"{n_rows:8d}{cells}{np.median(upper):12.3f}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    bench(int(sys.argv[1]) if len(sys.argv) > 1 else N_REPEATS)
