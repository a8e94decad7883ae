"""Rare cases after training on resampled or re-weighted rows: how many are said, and how well.

``python tests/benchmarks/bench_base_rate.py`` draws data sets of which 1 % of the rows are
positive, trains classifiers as people do against the imbalance (negatives left out until 10 %
or 50 % are positive; positives repeated with noise as SMOTE does; ``class_weight="balanced"``),
calibrates them on 500 rows at the true base rate by several methods, and prints how many
positives are said for each true one of the test rows, divided by the share among the
calibration rows over the true share; the mean test log loss, and by how much it is higher than
Platt's with its standard error. ``--resampled-calibration`` calibrates on rows that are
resampled like the training rows, which is the mistake. ``--real`` takes rows of real data sets
with two classes instead (those of ``bench_quality.py`` for development, with 3,000 rows or
more), positives of which are left out until 1 % remain. Nothing is asserted.
"""

import argparse
import warnings

import numpy as np
from quality import tabular_sets
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestNeighbors

from skcalib import CalibratedClassifierCV

RATE = 0.01
BASES = (
    LogisticRegression(max_iter=1000),
    RandomForestClassifier(100, min_samples_leaf=5, random_state=0),
    GaussianNB(),
)


def population(seed, n_rows=60_000):
    """Draw a data set of which one row in a hundred is positive."""
    rng = np.random.default_rng(seed)
    X, y = make_classification(
        n_rows,
        n_features=8,
        n_informative=int(rng.integers(3, 7)),
        n_redundant=1,
        n_clusters_per_class=int(rng.integers(1, 3)),
        class_sep=rng.uniform(0.6, 1.8),
        weights=[1 - RATE],
        flip_y=0.002,
        random_state=seed,
    )
    return X, y


def rare_rows(X, y, seed):
    """Return a real data set in random order, with one row in a hundred positive."""
    rng = np.random.default_rng(seed)
    y = (y == np.bincount(y).argmin()).astype(int)
    hits, misses = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    kept = rng.choice(hits, min(len(hits), round(RATE * len(misses) / (1 - RATE))), False)
    rows = rng.permutation(np.concatenate([misses, kept]))
    return X[rows], y[rows]


def data_sets(given):
    """Yield X, y, a number, and how many rows train, and how many may calibrate."""
    if not given.real:
        for seed in range(given.sets):
            yield *population(seed), seed, 20_000, 20_000
        return
    number = 0
    for name in tabular_sets.half("binary", "dev"):
        if not tabular_sets.is_there(name):
            continue
        X, y = tabular_sets.load(name)
        if (y == np.bincount(y).argmax()).sum() < 3_000 / 2:
            continue
        for seed in range(len(BASES) * given.repeats):
            rows = rare_rows(X, y, seed)
            n_train = int(0.4 * len(rows[1]))
            yield *rows, number, n_train, (len(rows[1]) - n_train) // 2
            number += 1
        print(name, len(y), flush=True)


def resampled(X, y, way, rng):
    """Return training rows, and their weights or None, after what is done to them."""
    hits, misses = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    if way == "as they are":
        return X, y, None
    if way == "class_weight":
        return X, y, np.where(y == 1, len(misses) / len(hits), 1.0)
    if way.startswith("undersampled"):
        share = int(way.split()[-2]) / 100
        kept = rng.choice(misses, int(len(hits) * (1 - share) / share), replace=False)
        rows = np.concatenate([hits, kept])
        return X[rows], y[rows], None
    near = NearestNeighbors(n_neighbors=min(6, len(hits))).fit(X[hits])
    first = rng.integers(0, len(hits), len(misses) - len(hits))
    other = near.kneighbors(X[hits], return_distance=False)[
        first, rng.integers(1, 6, len(first))
    ]
    made = X[hits[first]] + rng.uniform(size=(len(first), 1)) * (
        X[hits[other]] - X[hits[first]]
    )
    return np.vstack([X, made]), np.append(y, np.ones(len(made), int)), None


def log_loss_of(proba, y):
    return -np.log(np.clip(proba[np.arange(len(y)), y], 1e-15, 1)).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sets", type=int, default=60)
    parser.add_argument("--ways", nargs="+", default=["undersampled to 10 %"])
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["sigmoid", "beta", "quadratic", "sms", "svs", "matrix", "isotonic", "auto"],
    )
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--resampled-calibration", action="store_true")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    names = ["uncalibrated", *given.methods]
    print("| training rows | method | said / true | log loss | above sigmoid |")
    print("|---|---|---|---|---|")
    for way in given.ways:
        said, true, share, losses = [], [], [], []
        for X, y, seed, n_train, n_more in data_sets(given):
            rng = np.random.default_rng(seed)
            X_train, y_train, weight = resampled(X[:n_train], y[:n_train], way, rng)
            base = BASES[seed % len(BASES)]
            takes = {} if weight is None else {"sample_weight": weight}
            fitted = type(base)(**base.get_params()).fit(X_train, y_train, **takes)
            rows = n_train + rng.permutation(n_more)[: given.n]
            X_cal, y_cal = X[rows], y[rows]
            X_test, y_test = X[n_train + n_more :], y[n_train + n_more :]
            if y_cal.sum() < 2:
                continue
            if given.resampled_calibration:
                more = slice(n_train, n_train + n_more)
                X_cal, y_cal, _ = resampled(X[more], y[more], way, rng)
                rows = rng.permutation(len(y_cal))[: given.n]
                X_cal, y_cal = X_cal[rows], y_cal[rows]
            answers = [fitted.predict_proba(X_test)]
            for method in given.methods:
                model = CalibratedClassifierCV(FrozenEstimator(fitted), method=method)
                answers.append(model.fit(X_cal, y_cal).predict_proba(X_test))
            said.append([proba[:, 1].mean() for proba in answers])
            losses.append([log_loss_of(proba, y_test) for proba in answers])
            true.append(y_test.mean())
            share.append(y_cal.mean())
        said, losses = np.array(said), np.array(losses)
        over = 1.0 if given.resampled_calibration else np.mean(share) / np.mean(true)
        ratio = said.mean(axis=0) / np.mean(true) / over
        reference = losses[:, names.index("sigmoid")] if "sigmoid" in names else losses[:, 0]
        above = losses - reference[:, None]
        error = above.std(axis=0) / np.sqrt(len(above))
        for j, name in enumerate(names):
            print(
                f"| {way} | {name} | {ratio[j]:.2f} | {losses[:, j].mean():.4f} "
                f"| {above[:, j].mean():+.4f} ± {error[j]:.4f} |",
                flush=True,
            )
        print(f"({len(said)} data sets)", flush=True)


if __name__ == "__main__":
    main()
