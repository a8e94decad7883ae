"""Three ways to use folds: a map for each, one map and a refit, one map for all of them.

``python tests/benchmarks/bench_folds.py`` trains three classifiers on 1,000 rows of each binary
data set (``--kind multiclass``: of many classes) of the half for development in five folds,
calibrates them by a few methods in the three ways of ``CalibratedClassifierCV(ensemble=...)``,
and prints the mean test log loss and Brier loss, the mean rank, and how often "joined" is
better than the others. It asserts nothing.
"""

import argparse
import warnings

import numpy as np
from quality import tabular_sets
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from skcalib import CalibratedClassifierCV

LEAST = 8  # expected training rows of a class
WAYS = (True, False, "joined")
BASES = {
    "forest": RandomForestClassifier(n_estimators=50, random_state=0),
    "boosting": HistGradientBoostingClassifier(random_state=0, max_iter=50),
    "bayes": GaussianNB(),
}


def losses(X, y, base, methods, n_rows):
    """Return (method, way, loss) of one experiment: log loss and Brier loss."""
    split = train_test_split(X, y, train_size=n_rows, random_state=0, stratify=y)
    X_train, X_test, y_train, y_test = split
    found = []
    for method in methods:
        for way in WAYS:
            model = CalibratedClassifierCV(base, method=method, ensemble=way, cv=5)
            proba = model.fit(X_train, y_train).predict_proba(X_test)
            brier = ((proba - np.eye(proba.shape[1])[y_test]) ** 2).sum(axis=1).mean()
            found.append((log_loss(y_test, np.clip(proba, 1e-15, 1)), brier))
    return np.array(found).reshape(len(methods), len(WAYS), 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--methods", nargs="+", default=["auto", "sms", "beta", "sigmoid"])
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--kind", default="binary", choices=["binary", "multiclass"])
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for name in tabular_sets.half(given.kind, "dev"):
        if not tabular_sets.is_there(name):
            continue
        X, y = tabular_sets.load(name)
        kept = (np.bincount(y) * given.n >= LEAST * len(y))[y]  # a few rows in each fold
        X, y = X[kept], np.unique(y[kept], return_inverse=True)[1]
        if len(y) < given.n + 300:
            continue
        found += [losses(X, y, base, given.methods, given.n) for base in BASES.values()]
        print(name, flush=True)
    found = np.array(found)
    flat = found[..., 0].reshape(len(found), -1)
    ranks = flat.argsort(axis=1).argsort(axis=1).mean(axis=0).reshape(found.shape[1:3]) + 1
    print(f"\n{len(found)} experiments, {given.n} rows\n")
    print("| method | ensemble | log loss | Brier | mean rank | joined is better |")
    print("|---|---|---|---|---|---|")
    for i, method in enumerate(given.methods):
        for j, way in enumerate(WAYS):
            log, brier = found[:, i, j].mean(axis=0)
            better = (found[:, i, 2, 0] < found[:, i, j, 0]).mean() if j < 2 else np.nan
            print(
                f"| {method} | {way} | {log:.4f} | {brier:.4f} | {ranks[i, j]:.1f} "
                f"| {better:.2f} |"
            )


if __name__ == "__main__":
    main()
