"""How often calibration tests reject: where probabilities are true, and where they are not.

Run ``python tests/benchmarks/bench_calibration_tests.py PART ...`` with parts among ``null
wide groups power many cumulative every peers``; without, all but ``every``, which is for many
cores, and ``peers``, which needs MAPIE and probcal. Seeds are those of a fixed list; nothing is
asserted. Rates are of p-values of at most 0.05; a rate of 0.05 in 2,000 simulations has a
standard error of 0.005.
"""

import sys
import time
import warnings

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit, softmax

from skcalib.metrics import calibration_test, cumulative_calibration_error

SEED = 20261126  # chosen before the first run
KINDS = (
    "cox",
    "cumulative",
    "hosmer-lemeshow",
    "kernel",
    "kolmogorov-smirnov",
    "smooth",
    "spiegelhalter",
    "truthful",
)
LAWS = ("cox", "cumulative", "hosmer-lemeshow", "kolmogorov-smirnov", "spiegelhalter")
N_RESAMPLES = 99  # as exact at 0.05 as more are, with a little less power


def draw(rng, n, n_classes):
    """Return true probabilities, and outcomes."""
    if n_classes == 2:
        proba = expit(rng.normal(0, 1.5, n))
        return proba, (rng.uniform(size=n) < proba).astype(int)
    proba = softmax(rng.normal(0, 2, (n, n_classes)), axis=1)
    return proba, draw_classes(rng, proba)


def draw_classes(rng, proba):
    return (rng.uniform(size=(len(proba), 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1)


def p_value(kind, y_true, y_proba, seed, n_classes=2, **keywords):
    return calibration_test(
        y_true,
        y_proba,
        kind=kind,
        labels=np.arange(n_classes),
        n_resamples=N_RESAMPLES,
        random_state=seed,
        **keywords,
    ).p_value


def rate(found):
    return np.mean(np.array(found) <= 0.05, axis=0)


def print_rate(title, own, n_simulations):
    print(f"{title}: {own:.4f} of {n_simulations}", flush=True)


NULL = (
    (2, 100, 2000),
    (2, 1000, 2000),
    (10, 100, 2000),
    (100, 100, 2000),
    (10, 1000, 500),
    (100, 1000, 500),
    (2, 10_000, 200),
)


def null(sizes=NULL):
    """True probabilities of an event, of two classes and of the likeliest of many."""
    names = [*KINDS, *(f"{kind}, asymptotic" for kind in LAWS)]
    for n_classes, n, n_simulations in sizes:
        rng = np.random.default_rng([SEED, n_classes, n])
        found = []
        for seed in range(n_simulations):
            proba, y = draw(rng, n, n_classes)
            row = [p_value(kind, y, proba, seed, n_classes) for kind in KINDS]
            row += [
                p_value(kind, y, proba, seed, n_classes, null="asymptotic") for kind in LAWS
            ]
            found.append(row)
        for name, own in zip(names, rate(found), strict=True):
            print_rate(f"null K={n_classes} n={n} {name}", own, n_simulations)


EVERY = tuple((n_classes, n) for n in (100, 1000, 10_000) for n_classes in (2, 10, 100))


def every(sizes=EVERY, n_simulations=2000):
    """True probabilities again, each simulation by its own seed, on all cores."""
    for wide_too in (False, True):
        names = WIDE if wide_too else [(kind, "auto") for kind in KINDS]
        for n_classes, n in sizes:
            if wide_too and (n_classes == 2 or n > 1000):
                continue
            found = Parallel(n_jobs=-1)(
                delayed(simulate)(n_classes, n, seed, names) for seed in range(n_simulations)
            )
            for (kind, notion), own in zip(names, rate(found), strict=True):
                print_rate(f"null K={n_classes} n={n} {kind} {notion}", own, n_simulations)


def simulate(n_classes, n, seed, names):
    """Return the p-values of one simulation."""
    proba, y = draw(np.random.default_rng([SEED, 7, n_classes, n, seed]), n, n_classes)
    return [p_value(kind, y, proba, seed, n_classes, notion=own) for kind, own in names]


WIDE = (
    ("cumulative", "class-wise"),
    ("cox", "class-wise"),
    ("kernel", "class-wise"),
    ("cumulative", "top-label"),
    ("kernel", "canonical"),
)


def wide(sizes=((10, 100, 2000), (100, 100, 300), (10, 1000, 200), (100, 1000, 40))):
    """True probabilities of many classes, each or all of them looked at."""
    for n_classes, n, n_simulations in sizes:
        rng = np.random.default_rng([SEED, 1, n_classes, n])
        found = []
        for seed in range(n_simulations):
            proba, y = draw(rng, n, n_classes)
            found.append(
                [p_value(kind, y, proba, seed, n_classes, notion=own) for kind, own in WIDE]
            )
        for (kind, notion), own in zip(WIDE, rate(found), strict=True):
            print_rate(f"null K={n_classes} n={n} {kind} {notion}", own, n_simulations)


def groups(sizes=((50, 10, 2000),)):
    """True probabilities, outcomes that depend on each other inside of a group."""
    for n_groups, n_rows, n_simulations in sizes:
        rng = np.random.default_rng([SEED, 2, n_groups])
        number = np.repeat(np.arange(n_groups), n_rows)
        found = []
        for seed in range(n_simulations):
            proba = expit(rng.normal(0, 1.5, n_groups * n_rows))
            shared, own = rng.uniform(size=n_groups)[number], rng.uniform(size=len(number))
            y = np.where(rng.uniform(size=len(number)) < 0.7, shared, own) < proba
            found.append(
                [p_value(kind, y, proba, seed, groups=number) for kind in KINDS]
                + [p_value(kind, y, proba, seed) for kind in KINDS]
            )
        for name, own in zip(
            [*KINDS, *(f"{k} without groups=" for k in KINDS)], rate(found), strict=True
        ):
            print_rate(f"groups {n_groups} x {n_rows} {name}", own, n_simulations)


def wrong(rng, name, n):
    """Return what is said and what is true for two classes, at the size of an alternative."""
    odds = rng.normal(0, 1.5, n)
    true = expit(odds)
    if name == "temperature":
        return expit(1.25 * odds), true
    if name == "bias":
        return expit(odds + 0.25), true
    if name == "region":
        return np.where((true > 0.6) & (true < 0.8), true + 0.1, true), true
    if name == "group":
        return true, np.where(rng.uniform(size=n) < 0.3, expit(odds - 0.6), true)
    if name == "noise":
        return expit(odds + rng.normal(0, 0.7, n)), true
    return expit(odds + 0.3 * np.sin(4 * odds)), true  # a wave


TWO = ("temperature", "bias", "region", "group", "noise", "wave")


def power(sizes=((100, 400), (1000, 400), (10_000, 40))):
    """Two classes, probabilities that are wrong in six ways."""
    for name in TWO:
        for n, n_simulations in sizes:
            rng = np.random.default_rng([SEED, 3, n])
            found = []
            for seed in range(n_simulations):
                said, true = wrong(rng, name, n)
                y = (rng.uniform(size=n) < true).astype(int)
                found.append([p_value(kind, y, said, seed) for kind in KINDS])
            show_power(f"power K=2 n={n} {name}", KINDS, found)


def show_power(title, names, found):
    words = [f"{name} {own:.2f}" for name, own in zip(names, rate(found), strict=True)]
    print(title, *words, sep="; ", flush=True)


def wrong_classes(rng, name, n, n_classes):
    """Return what is said and what is true for many classes."""
    logits = rng.normal(0, 2, (n, n_classes))
    true = softmax(logits, axis=1)
    if name == "temperature":
        return softmax(1.25 * logits, axis=1), true
    if name == "bias":
        return softmax(logits + 0.3 * np.cos(np.arange(n_classes)), axis=1), true
    if name == "one class":
        return softmax(logits + 0.6 * (np.arange(n_classes) == 0), axis=1), true
    if name == "region":
        sure = true.max(axis=1, keepdims=True) > 0.7
        return softmax(np.where(sure, 1.5, 1) * logits, axis=1), true
    if name == "group":
        rows = rng.uniform(size=(n, 1)) < 0.3
        return true, softmax(np.where(rows, 0.6, 1) * logits, axis=1)
    return softmax(logits + rng.normal(0, 0.7, logits.shape), axis=1), true  # noise


MANY = (
    ("cox", "confidence"),
    ("cumulative", "confidence"),
    ("cumulative", "top-label"),
    ("cumulative", "class-wise"),
    ("cox", "class-wise"),
    ("kernel", "canonical"),
)


def many(sizes=((10, 100, 100), (10, 1000, 50), (100, 1000, 15))):
    """Many classes, probabilities that are wrong in six ways."""
    for name in ("temperature", "bias", "one class", "region", "group", "noise"):
        for n_classes, n, n_simulations in sizes:
            rng = np.random.default_rng([SEED, 4, n_classes, n])
            found = []
            for seed in range(n_simulations):
                said, true = wrong_classes(rng, name, n, n_classes)
                y = draw_classes(rng, true)
                found.append(
                    [p_value(kind, y, said, seed, n_classes, notion=own) for kind, own in MANY]
                )
            names = [f"{kind} {own}" for kind, own in MANY]
            show_power(f"power K={n_classes} n={n} {name}", names, found)


def cumulative(n=10_000_000):
    """The time of the cumulative error, in sorts."""
    rng = np.random.default_rng(SEED)
    proba = rng.uniform(size=n)
    y = (rng.uniform(size=n) < proba).astype(np.int64)

    def seconds(function):
        times = []
        for _ in range(5):
            start = time.process_time()
            function()
            times.append(time.process_time() - start)
        return min(times)

    sort = seconds(lambda: np.sort(proba))
    own = seconds(lambda: cumulative_calibration_error(y, proba))
    print(f"{n:,} rows: a sort {sort:.2f} s, cumulative error {own / sort:.1f} sorts")


def peers(sizes=((100, 400), (1000, 400))):
    """Power of tests of other packages on the same data, and paired differences."""
    import mapie.metrics.calibration as mapie
    import probcal.metrics as probcal

    warnings.simplefilter("ignore")
    others = {
        "kolmogorov-smirnov": mapie.kolmogorov_smirnov_p_value,
        "cumulative": mapie.kuiper_p_value,
        "spiegelhalter": lambda y, p: probcal.spiegelhalter_z(y, p).p_value,
        "hosmer-lemeshow": lambda y, p: probcal.hosmer_lemeshow(y, p).p_value,
        "cox": lambda y, p: probcal.calibration_test(y, p).p_value,
    }
    for name in ("none", *TWO):
        for n, n_simulations in sizes:
            rng = np.random.default_rng([SEED, 5, n])
            found = []
            for seed in range(n_simulations):
                said, true = wrong(rng, name, n)
                true = said if name == "none" else true
                y = (rng.uniform(size=n) < true).astype(int)
                row = [p_value(kind, y, said, seed) for kind in KINDS]
                found.append(row + [other(y, said) for other in others.values()])
            names = [*KINDS, *(f"peer {kind}" for kind in others)]
            show_power(f"peers K=2 n={n} {name}", names, found)


PARTS = {f.__name__: f for f in (null, wide, groups, power, many, cumulative, every, peers)}

if __name__ == "__main__":
    for part in sys.argv[1:] or list(PARTS)[:-2]:
        PARTS[part]()
