"""What 100 draws of dropout cost, as ratios to one warmed ``model.predict``, in the same run.

Run ``python tests/benchmarks/bench_mc_dropout.py``; it takes ten minutes on two cores and
2 GiB of memory. The loop that it is compared with is timed over 5 of its 100 draws. Peaks of
memory are those of processes of their own, above one warmed predict. Nothing is asserted.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
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


CASES = {  # name: network, rows, rows in a batch
    "dropout before the output": (mnist_cnn, 2048, 256),
    "dropout on 25,600 values, too": (lambda: mnist_cnn(True), 2048, 256),
    "VGG16, dropout in the head": (vgg16, 256, 32),
}


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

    def loop():
        for start in range(0, n_rows, batch_size):
            for _ in range(LOOP):
                model(X[start : start + batch_size], training=True)

    looped = best(loop, 1) * N_DRAWS / LOOP
    print(
        f"{name:32}{one * 1000:9.0f} ms{ours / one:9.2f}{all_measures / one:9.2f}"
        f"{looped / one:9.1f}{looped / ours:9.1f}{mc.forecast_cost().ratio:9.1f}",
        flush=True,
    )


def peak_of(name, what):
    """Return the peak of memory of a process that runs this, in MiB."""
    found = subprocess.run(
        [sys.executable, __file__, what, name], capture_output=True, text=True, check=True
    )
    return float(found.stdout.split()[-1])


def run_alone(what, name):
    import resource

    build, n_rows, batch_size = CASES[name]
    model = build()
    X = inputs(model, n_rows)
    model.predict(X, batch_size=batch_size, verbose=0)
    if what != "predict":
        mc = MCDropoutClassifier(model, n_draws=N_DRAWS, batch_size=batch_size).fit(X)
        mc.predict_proba(X) if what == "mean" else mc.predict_uncertainty(X)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main():
    print(f"{'':32}{'predict':>12}{'mean':>9}{'all':>9}{'loop':>9}{'gain':>9}{'forecast':>9}")
    for name in CASES:
        measure(name)
    print(f"\n{'MiB above one warmed predict':32}{'mean':>12}{'all':>9}")
    for name in CASES:
        plain = peak_of(name, "predict")
        peaks = [peak_of(name, what) - plain for what in ("mean", "all")]
        print(f"{name:32}{peaks[0]:12.0f}{peaks[1]:9.0f}", flush=True)


if __name__ == "__main__":
    run_alone(*sys.argv[1:]) if len(sys.argv) > 2 else main()
