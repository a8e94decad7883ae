"""What to write instead of SVC(probability=True), which scikit-learn 1.11 removes.

Each data set is split in halves (3,000 rows to train at most); features are scaled; C = 1. The
log loss and the Brier loss of the other half, the share of rows where `predict` is not the
likeliest class, and the processor's time of a fit and of a prediction, in those of a plain SVC
(which has no probabilities). The difference of the log loss from that of SVC(probability=True)
is paired, with half the width of its 95 % t-interval over the splits.

    python tests/benchmarks/bench_svc.py 6 breast_cancer digits
"""

import os
import sys
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from quality.tabular_sets import load
from scipy.stats import t
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.metrics import brier_score_loss, log_loss


def candidates():
    svc = make_pipeline(StandardScaler(), SVC(random_state=0))
    old = make_pipeline(StandardScaler(), SVC(probability=True, random_state=0))
    return {
        "SVC(probability=True)": old,
        '"sigmoid", ensemble=False': CalibratedClassifierCV(svc, ensemble=False),
        '"sigmoid", ensemble=True': CalibratedClassifierCV(svc, ensemble=True),
        "temperature, ensemble=False": TemperatureCalibratedClassifier(svc, ensemble=False),
        '"sms", ensemble=False': CalibratedClassifierCV(svc, method="sms", ensemble=False),
        '"auto" (ensemble="joined")': CalibratedClassifierCV(
            svc, method="auto", ensemble="joined"
        ),
    }


def clock(call):
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def run(name, seed):
    X, y = load(name)
    size = min(3000, len(y) // 2)
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=size, stratify=y, random_state=seed
    )
    plain = make_pipeline(StandardScaler(), SVC(random_state=0))
    fit_unit, _ = clock(lambda: plain.fit(X, y))
    predict_unit, _ = clock(lambda: plain.predict(X_test))
    found = {"plain SVC": [np.nan, np.nan, np.mean(plain.predict(X_test) == y_test), 0, 1, 1]}
    for kind, model in candidates().items():
        fit_time, _ = clock(lambda model=model: model.fit(X, y))
        took, proba = clock(lambda model=model: model.predict_proba(X_test))
        labels = model.predict(X_test)
        found[kind] = [
            log_loss(y_test, proba),
            brier_score_loss(y_test, proba),
            np.mean(labels == y_test),
            np.mean(model.classes_[proba.argmax(axis=1)] != labels),
            fit_time / fit_unit,
            took / predict_unit,
        ]
    print(name, seed, {kind: round(row[0], 4) for kind, row in found.items()}, flush=True)
    return found


def main(n_splits, names):
    warnings.simplefilter("ignore", FutureWarning)
    for name in names:
        all_found = [run(name, seed) for seed in range(n_splits)]
        old = np.array([found["SVC(probability=True)"][0] for found in all_found])
        print(f"\n| {name} | log loss | difference | Brier | right | torn | fit | predict |")
        print("|" + "---|" * 8)
        for kind in all_found[0]:
            rows = np.array([found[kind] for found in all_found])
            gain = rows[:, 0] - old
            half = t.ppf(0.975, n_splits - 1) * gain.std(ddof=1) / n_splits**0.5
            loss, brier, right, torn, fit, predict = rows.mean(axis=0)
            print(
                f"| {kind} | {loss:.4f} | {gain.mean():+.4f} ± {half:.4f} | {brier:.4f} "
                f"| {right:.1%} | {torn:.2%} | {fit:.1f} | {predict:.1f} |"
            )
        print(flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
