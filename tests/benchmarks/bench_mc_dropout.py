"""What 100 draws of dropout cost, as ratios to one warmed ``model.predict``, in the same run.

Run ``python tests/benchmarks/bench_mc_dropout.py``; it takes eight minutes on two cores and
2 GiB of memory. "floor" is the compiled network alone in the same batches, "mean" is
`predict_proba`, "all" `predict_uncertainty` with all measures, "loop"
``[model(x, training=True) for _ in range(100)]`` for each batch, timed over 5 of its 100
draws; "gain" is loop / mean, "forecast" what `forecast_cost` says. Peaks of memory are those
of processes of their own that predict, or predict and then draw. Nothing is asserted.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from skcalib import MCDropoutClassifier

REPEATS = 5
N_DRAWS = 100
LOOP = 5


def mnist_cnn(second_dropout=False):
    """Convolutions to 25,600 values, one hidden layer, a softmax."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *[layers.Conv2D(64, 3, activation="relu") for _ in range(4)],
            layers.Flatten(),
            *([layers.Dropout(0.25)] if second_dropout else []),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def vgg16():
    """VGG16 without its weights, on 64 x 64 pixels, with a head of its own."""
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3))
    head = [layers.Flatten(), layers.Dense(256, "relu"), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((64, 64, 3)), base, *head, layers.Dense(2, "softmax")])


def keras_example():
    """The network of Keras's own example on MNIST."""
    hidden = [
        part
        for filters in (32, 64)
        for part in (layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D())
    ]
    head = [layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *hidden, *head])


def mlp():
    hidden = [
        part for _ in range(2) for part in (layers.Dense(512, "relu"), layers.Dropout(0.2))
    ]
    return keras.Sequential([keras.Input((784,)), *hidden, layers.Dense(10, "softmax")])


CASES = {  # name: network, rows, rows in a batch
    "dropout before the output": (mnist_cnn, 2048, 256),
    "dropout on 25,600 values, too": (lambda: mnist_cnn(True), 2048, 256),
    "VGG16, dropout in the head": (vgg16, 256, 32),
    "Keras's example on MNIST": (keras_example, 2048, 256),
    "two hidden layers, dropout twice": (mlp, 4096, 256),
}
MANY = {"Keras's example, 50,000 rows": (keras_example, 50_000, 256)}


def best(function, repeats=REPEATS):
    """Return the best time of a few, after one to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def inputs(model, n_rows):
    rng = np.random.default_rng(0)
    return rng.uniform(size=(n_rows, *model.input_shape[1:])).astype(np.float32)


def measure(name):
    build, n_rows, batch_size = CASES[name]
    model = build()
    X = inputs(model, n_rows)
    mc = MCDropoutClassifier(model, n_draws=N_DRAWS, random_state=0, batch_size=batch_size)
    mc.fit(X)
    one = best(lambda: model.predict(X, batch_size=batch_size, verbose=0))
    ours = best(lambda: mc.predict_proba(X))
    all_measures = best(lambda: mc.predict_uncertainty(X), 2)
    once = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    starts = range(0, n_rows, batch_size)
    forward = best(lambda: [once(X[start : start + batch_size]) for start in starts])

    def loop():
        for start in starts:
            for _ in range(LOOP):
                model(X[start : start + batch_size], training=True)

    looped = best(loop, 1) * N_DRAWS / LOOP
    print(
        f"{name:32}{one * 1000:9.0f} ms{forward / one:9.2f}{ours / one:9.2f}"
        f"{all_measures / one:9.2f}{looped / one:9.1f}{looped / ours:9.1f}"
        f"{mc.forecast_cost().ratio:9.1f}",
        flush=True,
    )


def peak_of(name, what):
    """Return the peak of memory of a process that runs this, in MiB."""
    found = subprocess.run(
        [sys.executable, __file__, what, name], capture_output=True, text=True, check=True
    )
    return float(found.stdout.split()[-1])


def run_alone(what, name):
    build, n_rows, batch_size = (CASES | MANY)[name]
    model = build()
    X = inputs(model, n_rows)
    model.predict(X, batch_size=batch_size, verbose=0)
    if what != "predict":
        mc = MCDropoutClassifier(model, n_draws=N_DRAWS, batch_size=batch_size).fit(X)
        mc.predict_proba(X) if what == "mean" else mc.predict_uncertainty(X)
    # Not getrusage, whose peak is that of the parent if that was larger.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def main():
    print(
        f"{'':32}{'predict':>12}{'floor':>9}{'mean':>9}{'all':>9}{'loop':>9}{'gain':>9}{'forecast':>9}"
    )
    for name in CASES:
        measure(name)
    print(f"\n{'peak of the process, MiB':32}{'predict':>12}{'mean':>9}{'all':>9}")
    for name in CASES | MANY:
        peaks = [peak_of(name, what) for what in ("predict", "mean", "all")]
        print(f"{name:32}{peaks[0]:12.0f}{peaks[1]:9.0f}{peaks[2]:9.0f}", flush=True)


if __name__ == "__main__":
    run_alone(*sys.argv[1:]) if len(sys.argv) > 2 else main()
