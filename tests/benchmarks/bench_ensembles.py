"""What a deep ensemble costs: five members in one graph against one training.

Processor seconds of `fit` with all that belongs to it (building, tracing, compiling), digits,
Adam, batches of 32; each figure is the least of the repetitions.

    python tests/benchmarks/bench_ensembles.py 30 [stacked separate] [names of networks]
"""

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from skcalib import DeepEnsembleClassifier, TrainableNetwork

REPETITIONS = 2
X, Y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def perceptron(width):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(width, "relu"),
            layers.Dense(width, "relu"),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def normalized():
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(128),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Dense(128, "relu"),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def convolutional():
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Reshape((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


NETWORKS = {
    "2 x 64": lambda: perceptron(64),
    "2 x 128": lambda: perceptron(128),
    "2 x 512": lambda: perceptron(512),
    "2 x 128, normalised, dropout": normalized,
    "two convolutions": convolutional,
}


def seconds_of(fit):
    """Return processor and wall seconds, the least of the repetitions."""
    found = []
    for _ in range(REPETITIONS):
        start = time.process_time(), time.perf_counter()
        fit()
        found.append((time.process_time() - start[0], time.perf_counter() - start[1]))
    return np.min(found, axis=0)


def main(n_epochs, modes, names):
    print(f"{len(X)} rows, {n_epochs} epochs: processor seconds (ratio to one; by the clock)")
    for name in names:
        build = NETWORKS[name]
        one = TrainableNetwork(build, epochs=n_epochs, random_state=0)
        alone = seconds_of(lambda one=one: one.fit(X, Y))
        line = f"{name:30} one {alone[0]:6.2f}"
        for train in modes:
            ensemble = DeepEnsembleClassifier(one, n_members=5, train=train, random_state=0)
            ratio = seconds_of(lambda ensemble=ensemble: ensemble.fit(X, Y)) / alone
            line += f"   {train} {ratio[0]:5.2f} ({ratio[1]:5.2f})"
        print(line, flush=True)


if __name__ == "__main__":
    given = sys.argv[2:]
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 30,
        [word for word in given if word in ("stacked", "separate")] or ["stacked", "separate"],
        [word for word in given if word in NETWORKS] or list(NETWORKS),
    )
