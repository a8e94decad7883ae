"""Is an ensemble of five better than one network, both calibrated by one temperature?

Perceptrons of 2 x 128 (Keras, Adam, 30 epochs, batches of 32), splits of 45 % for training,
15 % for the temperature, 40 % for the figures. The plain network is the first member, so that
the differences are paired; below them half the width of the 95 % t-interval over the splits.

    python tests/benchmarks/bench_ensemble_quality.py 10 digits phoneme [snapshots]
"""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from quality.tabular_sets import load
from scipy.stats import t
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skcalib import DeepEnsembleClassifier, TemperatureCalibratedClassifier, TrainableNetwork
from skcalib.metrics import calibration_error, error_detection_auc_score, log_loss
from skcalib.uncertainty import SnapshotCallback

EPOCHS = 30


def split(name, seed):
    X, y = load(name)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=seed)
    X, X_held, y, y_held = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    scaler = StandardScaler().fit(X)
    return [scaler.transform(x).astype(np.float32) for x in (X, X_held, X_test)], [
        *(y, y_held, y_test)
    ]


def figures(members, X_held, y_held, X_test, y_test):
    """Return log loss before and after temperature, calibration error and AUROC of errors."""
    ensemble = DeepEnsembleClassifier.from_members(members)
    calibrated = TemperatureCalibratedClassifier(ensemble).fit(X_held, y_held)
    raw, proba = ensemble.predict_proba(X_test), calibrated.predict_proba(X_test)
    return [
        log_loss(y_test, raw),
        log_loss(y_test, proba),
        calibration_error(y_test, proba),
        error_detection_auc_score(y_test, proba),
    ]


def run(name, seed, snapshots):
    (X, X_held, X_test), (y, y_held, y_test) = split(name, seed)
    held = X_held, y_held, X_test, y_test

    def build():
        model = keras.Sequential(
            [
                keras.Input((X.shape[1],)),
                layers.Dense(128, "relu"),
                layers.Dense(128, "relu"),
                layers.Dense(int(y.max()) + 1, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    network = TrainableNetwork(build, epochs=EPOCHS, random_state=seed)
    members = DeepEnsembleClassifier(network, random_state=seed).fit(X, y).members_
    found = {"plain": figures(members[:1], *held), "ensemble": figures(members, *held)}
    if snapshots:
        network.set_params(callbacks=[SnapshotCallback(5, learning_rate=0.002)]).fit(X, y)
        found["snapshots"] = figures(network.callbacks_[0].members_, *held)
    keras.backend.clear_session()
    return found


def main(n_splits, names, snapshots):
    print("set: of each, log loss raw, after temperature, calibration error, AUROC of errors")
    for name in names:
        found = []
        for seed in range(n_splits):
            found.append(run(name, seed, snapshots))
            print(name, seed, found[-1], file=sys.stderr, flush=True)  # as they come
        plain = np.array([one["plain"] for one in found])
        print(f"{name}: plain {plain.mean(axis=0).round(4)}")
        for kind in list(found[0])[1:]:
            other = np.array([one[kind] for one in found])
            gain = other - plain
            half = t.ppf(0.975, n_splits - 1) * gain.std(axis=0, ddof=1) / n_splits**0.5
            print(f"    {kind} {other.mean(axis=0).round(4)}")
            print(
                f"    minus plain {gain.mean(axis=0).round(4)} +- {half.round(4)}", flush=True
            )


if __name__ == "__main__":
    words = sys.argv[2:]
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10,
        [word for word in words if word != "snapshots"] or ["digits", "breast_cancer"],
        "snapshots" in words,
    )
