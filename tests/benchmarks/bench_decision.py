"""Certificates of SelectiveClassifier: violations and coverage, by simulation.

Run ``python tests/benchmarks/bench_decision.py [N_RUNS]``. Beside: one sequence of tests over
100 thresholds that are chosen beforehand, as packages for risk control do it.
"""

import sys

import numpy as np
from scipy.special import softmax
from scipy.stats import binom

from skcalib.decision._certificates import certify, fewest_rows

LEVEL = 0.05
POOL = 400_000


def draw(rng, n_samples, n_classes, sharpness):
    """Draw confidences of a calibrated classifier, and whether it is wrong."""
    logits = sharpness * rng.normal(size=(n_samples, n_classes))
    confidence = softmax(logits, axis=1).max(axis=1)
    return confidence, rng.uniform(size=n_samples) > confidence


def certify_by_grid(score, wrong, max_error):
    """Return the lowest of 100 fixed thresholds that one sequence of tests lets pass."""
    best = np.inf
    for threshold in np.linspace(1, 0, 100, endpoint=False):
        kept = score >= threshold
        if kept.sum() < fewest_rows(max_error, 1 - LEVEL):
            continue
        if binom.cdf(wrong[kept].sum(), kept.sum(), max_error) > LEVEL:
            break
        best = threshold
    return best


def compare(n_samples, max_error, n_classes, n_runs):
    """Return the shares of violations and the mean coverages, ours and the grid's."""
    rng = np.random.default_rng(0)
    sharpness = 12.0
    pool, _ = draw(rng, POOL, n_classes, sharpness)
    broken, coverage = np.zeros(2), np.zeros(2)
    for _ in range(n_runs):
        score, wrong = draw(rng, n_samples, n_classes, sharpness)
        ours = certify(
            score, wrong.astype(float), np.ones(n_samples), max_error, LEVEL, binary=True
        )
        for i, limit in enumerate((ours.threshold, certify_by_grid(score, wrong, max_error))):
            kept = pool >= limit
            coverage[i] += kept.mean() / n_runs
            broken[i] += (kept.any() and (1 - pool[kept]).mean() > max_error) / n_runs
    return broken, coverage


def main():
    """Print a row for each setting."""
    n_runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{n_runs} runs; violations at most .05 wanted")
    print("classes  rows   error  violations (grid)  coverage (grid)")
    for n_classes in (2, 10):
        for n_samples in (400, 2000, 10_000):
            for max_error in (0.01, 0.05):
                broken, coverage = compare(n_samples, max_error, n_classes, n_runs)
                print(
                    f"{n_classes:7} {n_samples:6} {max_error:6}  {broken[0]:9.3f} "
                    f"({broken[1]:.3f})  {coverage[0]:8.3f} ({coverage[1]:.3f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
