"""What the `caution` of the automatic choice trades: wins against harm.

``python tests/benchmarks/bench_caution.py sets CACHE`` fits the pool to the outputs of
classifiers on real data with two classes (``bench_quality.py`` makes and keeps them in the
folder CACHE), and prints for each `caution` how often it beats the single methods and how often
it is worse than no calibration. On the half for development each data set is calibrated by a
prior that was learned without it. ``--half report`` is the other half; nothing may be chosen by
it. ``--models logistic`` asks about a classifier that is calibrated already.

``python tests/benchmarks/bench_caution.py simulated`` draws scores of classifiers that are
calibrated exactly, and compares exact expected log losses. Nothing is asserted.
"""

import argparse
import warnings

import numpy as np
from quality import base_models, experiments, learned_prior, methods, summary

from skcalib.calibrators import (
    AutoCalibration,
    _hierarchical,
    logits_from_proba,
    probability_floor,
)
from skcalib.calibrators._posterior import prepare_prior

CAUTIONS = (0, 0.37, 0.61, 1, 1.6, 2.7, 7.4)
SINGLE = (
    "sms",
    "svs",
    "vector",
    "ets",
    "temperature",
    "sigmoid",
    "quadratic",
    "beta",
    "isotonic",
    "venn-abers",
)
# Log-odds of calibrated classifiers: (name, function of a generator and a number of rows).
SCORES = {
    "normal, unsure": lambda rng, n: rng.normal(0, 1, n),
    "normal, sure": lambda rng, n: rng.normal(0, 3, n),
    "two groups": lambda rng, n: rng.choice([-2.0, 2.0], n) + rng.normal(0, 0.7, n),
    "rare": lambda rng, n: rng.normal(-3, 1.5, n),
    "skewed": lambda rng, n: 1 - rng.gamma(1.5, 1.5, n),
}


def at_each_caution(p_cal, y_cal, p_test):
    """Return the pool's answers, the input's as it would be returned, and the evidence."""
    floor = probability_floor(p_cal)
    rows = logits_from_proba(p_cal, floor), np.asarray(y_cal, dtype=np.intp)
    model = AutoCalibration(caution=0).fit_columns(*rows, np.ones(len(p_cal)), floor)
    pooled = model.predict_proba(logits_from_proba(p_test, floor))
    model.gated_ = True
    return pooled, model.unchanged_proba(p_test, floor), model.gain_


def priors_without(cache):
    """Return for each data set for development the prior that was learned without it."""
    names, theta = learned_prior.all_maps(cache)
    folds = learned_prior.folds_of_sets()
    return {
        name: prepare_prior(learned_prior.without(names, theta, fold))
        for fold in folds
        for name in fold
    }


def experiment(data, single):
    """Return the test losses of the single methods, of pool and input, and the evidence."""
    tried = experiments.tried(single, data)
    pooled, unchanged, gain = at_each_caution(data["p_cal"], data["y_cal"], data["p_test"])
    own = [experiments.row_losses(p, data["y_test"]).mean() for p in (pooled, unchanged)]
    return [tried[name]["loss"] for name in single] + own + [gain]


def on_sets(given):
    chosen = methods.all_methods()
    single = {name: chosen[name] for name in (methods.UNCALIBRATED, *SINGLE)}
    names = list(single)
    priors = priors_without(given.cache) if given.half == "dev" else {}
    shipped = _hierarchical.PRIOR
    for n_samples in given.n:
        rows, before = [], []
        found = experiments.tabular(
            "binary", given.half, given.cache, n_samples or None, given.models
        )
        for (set_name, _, _), data in found:
            _hierarchical.PRIOR = priors.get(set_name, shipped)
            rows.append(experiment(data, single))
        rows = np.array(rows)
        losses, (pooled, unchanged, gain) = rows[:, : len(names)], rows[:, len(names) :].T
        before = losses[:, 0]
        print(f"\n{given.half} half, n = {n_samples or 'all'}: {len(rows)} experiments\n")
        print("| caution | win | > sms | harm | harm > .1 % | unchanged |")
        print("|---|---|---|---|---|---|")
        for caution in CAUTIONS:
            taken = gain >= (np.log(caution) if caution else -np.inf)
            own = np.where(taken, pooled, unchanged)
            win = summary.win_rates(np.column_stack([losses, own]), [*names, "auto"])[:, -1]
            rival = losses[:, names.index("sms")]
            print(
                f"| {caution} | {win.mean():.3f} "
                f"| {((own < rival) + 0.5 * (own == rival)).mean():.3f} "
                f"| {(own > before + summary.ROUNDING).mean():.3f} "
                f"| {(own > 1.001 * before + summary.ROUNDING).mean():.3f} "
                f"| {(~taken).mean():.2f} |",
                flush=True,
            )
    _hierarchical.PRIOR = shipped


def expected_loss(p, true):
    """Return the expected log loss of p (second class) where `true` is the probability."""
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return -(true * np.log(p) + (1 - true) * np.log1p(-p)).mean()


def simulated(given):
    """Draw calibrated classifiers; compare the exact losses of pool and input."""
    print("| scores | n | caution | harm > .1 % | mean loss above the input's, nats |")
    print("|---|---|---|---|---|")
    for n_samples in given.n:
        everything = []
        for number, (name, draw) in enumerate(SCORES.items()):
            found = []
            for seed in range(given.draws):
                rng = np.random.default_rng([number, n_samples, seed])
                z = draw(rng, n_samples + 20_000)
                p = 1 / (1 + np.exp(-z))
                y = (rng.uniform(size=n_samples) < p[:n_samples]).astype(int)
                if len(np.unique(y)) < 2:
                    continue
                both = np.stack([1 - p, p], axis=1)
                pooled, _, gain = at_each_caution(both[:n_samples], y, both[n_samples:])
                true = p[n_samples:]
                best = expected_loss(true, true)
                found.append((gain, expected_loss(pooled[:, 1], true) - best, best))
            everything += found
            print_simulated(name, n_samples, found, [1])
        print_simulated("all", n_samples, everything, CAUTIONS)


def print_simulated(name, n_samples, found, cautions):
    gain, above, best = np.array(found).T
    for caution in cautions:
        taken = gain >= (np.log(caution) if caution else -np.inf)
        own = np.where(taken, above, 0)
        print(
            f"| {name} | {n_samples} | {caution} | {(own > 0.001 * best).mean():.3f} "
            f"| {own.mean():.5f} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=["sets", "simulated"])
    parser.add_argument("cache", nargs="?", help="folder in which outputs are kept")
    parser.add_argument("--half", choices=["dev", "report"], default="dev")
    parser.add_argument("--n", nargs="+", type=int, default=[100], help="0 for all rows")
    parser.add_argument("--models", nargs="+", default=list(base_models.MODELS[:4]))
    parser.add_argument("--draws", type=int, default=200)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    (on_sets if given.what == "sets" else simulated)(given)


if __name__ == "__main__":
    main()
