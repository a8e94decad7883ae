"""What 100 draws of dropout cost, as ratios to one warmed ``model.predict``, in the same run.

Run ``python tests/benchmarks/bench_mc_dropout.py``; it takes eight minutes on two cores and
2 GiB of memory. "floor" is the compiled network alone in the same batches, "mean" is
`predict_proba`, "all" `predict_uncertainty` with all measures, "loop"
``[model(x, training=True) for _ in range(100)]`` for each batch, compiled on TensorFlow and
timed over 5 of its 100 draws; "gain" is loop / mean, "forecast" what `forecast_cost` says.
Peaks of memory are those of processes of their own that predict, or predict and then draw.
For torch modules the unit is one pass in evaluation mode. Nothing is asserted.

``python bench_mc_dropout.py keras`` (or ``torch``, ``memory``) measures a part, on the library
that KERAS_BACKEND says.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers, ops

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


def recurrent():
    x = start = keras.Input((50, 16))
    x = layers.LSTM(64, dropout=0.3, recurrent_dropout=0.3)(x)
    return keras.Model(start, layers.Dense(10, "softmax")(x))


def recurrent_then_dropout():
    x = start = keras.Input((50, 16))
    x = layers.Dropout(0.3)(layers.LSTM(64)(x))
    return keras.Model(start, layers.Dense(10, "softmax")(x))


def attention(rate=0.2):
    x = start = keras.Input((32, 32))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 8, dropout=rate)(x, x))
    x = layers.GlobalAveragePooling1D()(x + layers.Dense(32)(layers.Dense(64, "relu")(x)))
    return keras.Model(start, layers.Dense(10, "softmax")(layers.Dropout(0.2)(x)))


class Own(keras.Model):
    """A subclassed network."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(256, "relu"), layers.Dropout(0.3)]
        self.more = [
            layers.Dense(256, "relu"),
            layers.Dropout(0.3),
            layers.Dense(10, "softmax"),
        ]

    def call(self, x):
        for part in (*self.parts, *self.more):
            x = part(x)
        return x


def subclassed():
    model = Own()
    model(np.zeros((2, 64), np.float32))
    return model


CASES = {  # name: network, rows, rows in a batch
    "dropout before the output": (mnist_cnn, 2048, 256),
    "dropout on 25,600 values, too": (lambda: mnist_cnn(True), 2048, 256),
    "VGG16, dropout in the head": (vgg16, 256, 32),
    "Keras's example on MNIST": (keras_example, 2048, 256),
    "two hidden layers, dropout twice": (mlp, 4096, 256),
    "LSTM, then dropout": (recurrent_then_dropout, 1024, 256),
    "LSTM, dropout inside": (recurrent, 1024, 256),
    "attention, dropout inside": (attention, 1024, 256),
    "attention block, dropout behind": (lambda: attention(0.0), 1024, 256),
    "subclassed, dropout twice": (subclassed, 4096, 256),
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
    shape = model.input_shape[1:] if hasattr(model, "input_shape") else (64,)
    return rng.uniform(size=(n_rows, *shape)).astype(np.float32)


def measure(name):
    build, n_rows, batch_size = CASES[name]
    model = build()
    X = inputs(model, n_rows)
    mc = MCDropoutClassifier(model, n_draws=N_DRAWS, random_state=0, batch_size=batch_size)
    mc.fit(X)
    one = best(lambda: model.predict(X, batch_size=batch_size, verbose=0))
    ours = best(lambda: mc.predict_proba(X))
    all_measures = best(lambda: mc.predict_uncertainty(X), 2)
    starts = range(0, n_rows, batch_size)
    once, dropped = (compiled(model, training) for training in (False, True))
    forward = best(lambda: [once(X[start : start + batch_size]) for start in starts])

    def loop():
        for start in starts:
            for _ in range(LOOP):
                dropped(X[start : start + batch_size])

    looped = best(loop, 1) * N_DRAWS / LOOP
    forecast = mc.forecast_cost()
    print(
        f"{name:32}{one * 1000:9.0f} ms{forward / one:9.2f}{ours / one:9.2f}"
        f"{all_measures / one:9.2f}{looped / one:9.1f}{looped / ours:9.1f}"
        f"{forecast.ratio:9.1f} {forecast.path}",
        flush=True,
    )


def compiled(model, training):
    """Return one pass, compiled where the library compiles."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        run = tf.function(lambda x: model(x, training=training), reduce_retracing=True)
        return lambda x: run(x).numpy()
    return lambda x: ops.convert_to_numpy(model(x, training=training))


def torch_cases():
    """Return {name: (module, rows)}."""
    import torch
    from torch import nn

    def convolutions(*end, first=nn.Identity):
        return nn.Sequential(
            *(nn.Conv2d(1, 32, 3), nn.ReLU(), first(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), *end),
        )

    class Recurrent(nn.Module):
        def __init__(self, before):
            super().__init__()
            self.lstm, self.drop = nn.LSTM(16, 64, batch_first=True), nn.Dropout(0.3)
            self.last, self.before = nn.Linear(64, 10), before

        def forward(self, x):
            x = self.lstm(self.drop(x) if self.before else x)[0][:, -1]
            return self.last(x if self.before else self.drop(x))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.TransformerEncoderLayer(32, 4, 64, 0.2, batch_first=True)
            self.last = nn.Linear(32, 10)

        def forward(self, x):
            return self.last(self.first(x).mean(1))

    hidden = [nn.Linear(64, 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 512)]
    sequences, images, rows = (50, 16), (1, 28, 28), (64,)
    return torch, {
        "Keras's example, dropout last": (
            convolutions(nn.Dropout(0.5), nn.Linear(1600, 10)),
            images,
            512,
        ),
        "CNN, dropout before the output": (
            convolutions(nn.Linear(1600, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)),
            images,
            512,
        ),
        "CNN, early Dropout2d": (
            convolutions(nn.Linear(1600, 10), first=lambda: nn.Dropout2d(0.2)),
            images,
            128,
        ),
        "2 x 512, dropout after both": (
            nn.Sequential(*hidden, nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 10)),
            rows,
            1024,
        ),
        "LSTM, then dropout": (Recurrent(False), sequences, 512),
        "dropout, then LSTM": (Recurrent(True), sequences, 256),
        "encoder, dropout .2": (Encoder(), (32, 32), 256),
    }


def measure_torch():
    from skcalib import FrozenNetwork

    torch, cases = torch_cases()
    print(f"{'torch':32}{'a pass':>12}{'mean':>9}{'loop':>9}{'gain':>9}{'forecast':>9}")
    for name, (module, shape, n_rows) in cases.items():
        X = np.random.default_rng(0).uniform(size=(n_rows, *shape)).astype(np.float32)
        network = FrozenNetwork(module.eval(), from_logits=True)
        mc = MCDropoutClassifier(network, n_draws=N_DRAWS, random_state=0, batch_size=n_rows)
        mc.fit(X)
        ours = best(lambda mc=mc, X=X: mc.predict_proba(X), 3)
        given = torch.from_numpy(X)

        def one_pass(module=module, given=given):
            with torch.inference_mode():
                return module(given).softmax(-1).numpy()

        one = best(one_pass)
        module.train()
        looped = best(lambda f=one_pass: [f() for _ in range(LOOP)], 2) * N_DRAWS / LOOP
        module.eval()
        forecast = mc.forecast_cost()
        print(
            f"{name:32}{one * 1000:9.1f} ms{ours / one:9.2f}{looped / one:9.1f}"
            f"{looped / ours:9.1f}{forecast.ratio:9.1f} {forecast.path}",
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


def measure_keras():
    print(
        f"{keras.config.backend():32}{'predict':>12}{'floor':>9}{'mean':>9}{'all':>9}"
        f"{'loop':>9}{'gain':>9}{'forecast':>9}"
    )
    for name in CASES:
        measure(name)


def measure_memory():
    print(f"\n{'peak of the process, MiB':32}{'predict':>12}{'mean':>9}{'all':>9}")
    for name in CASES | MANY:
        peaks = [peak_of(name, what) for what in ("predict", "mean", "all")]
        print(f"{name:32}{peaks[0]:12.0f}{peaks[1]:9.0f}{peaks[2]:9.0f}", flush=True)


PARTS = {"keras": measure_keras, "torch": measure_torch, "memory": measure_memory}

if __name__ == "__main__":
    if len(sys.argv) > 2:
        run_alone(*sys.argv[1:])
    else:
        for part in sys.argv[1:] or ["keras", "memory"]:
            PARTS[part]()
