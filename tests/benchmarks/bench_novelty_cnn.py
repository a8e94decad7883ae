"""Strangers to convolutional networks: digits at 32 x 32 pixels, on Keras and on torch.

Run with ``python tests/benchmarks/bench_novelty_cnn.py [keras|torch] [n_splits]``; prints, and
asserts nothing.
"""

import sys
import time
import warnings

import numpy as np
from bench_novelty import auroc, interval, letters, rotated, split
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

from skcalib import FrozenNetwork, TemperatureCalibratedClassifier
from skcalib.novelty import DistanceAwareTemperatureClassifier

SCORES = ("gaussian", "mahalanobis", "relative_mahalanobis", "nearest", "nearest inputs")
EPOCHS, BATCH = 12, 32


def enlarged(X):
    """Return images of 32 x 32 pixels and one channel."""
    images = zoom(X.reshape(-1, 8, 8), (1, 4, 4), order=1, grid_mode=True, mode="nearest")
    return images[..., np.newaxis].astype(np.float32)


def train_keras(X, y, n_classes, seed):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([keras.Input((32, 32, 1))])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dense(128, "relu"), layers.Dropout(0.3)):
        model.add(layer)
    model.add(layers.Dense(n_classes, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return FrozenNetwork(model), X


def train_torch(X, y, n_classes, seed):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    parts, channels = [], 1
    for filters in (32, 64, 128):
        parts += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    dense = nn.Linear(16 * channels, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, n_classes)
    model = nn.Sequential(*parts, nn.Flatten(), *dense)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    rows, labels = torch.tensor(to_channels_first(X)), torch.tensor(y)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(rows)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(rows[batch]), labels[batch]).backward()
            optimizer.step()
    return FrozenNetwork(model, from_logits=True), to_channels_first(X)


def to_channels_first(X):
    return np.ascontiguousarray(np.moveaxis(X, -1, 1))


def fit_scores(network, X_cal, y_cal, known):
    """Return the default model, and a score of each kind."""
    models = {}
    for name in SCORES:
        density, _, on = name.partition(" ")
        model = DistanceAwareTemperatureClassifier(
            network, density=density, on=on or "features"
        )
        models[name] = model.fit(X_cal, y_cal, **known)
    scores = {"largest probability": lambda V: network.predict_proba(V).max(axis=1)}
    return models["gaussian"], scores | {n: m.score_samples for n, m in models.items()}


def study(library, n_splits=3):
    """Print AUROC, log loss, false alarms and cost."""
    train = {"keras": train_keras, "torch": train_torch}[library]
    prepare = enlarged if library == "keras" else lambda X: to_channels_first(enlarged(X))
    X, y = load_digits(return_X_y=True)
    X = X / 16
    found, losses, alarms, ratios = {}, [], [], []
    for seed in range(n_splits):
        X_train, y_train, X_cal, y_cal, X_test, y_test = split(X, y, seed)
        network, rows = train(enlarged(X_train), y_train, 10, seed)
        known = {"X_train": rows, "y_train": y_train}
        aware, scores = fit_scores(network, prepare(X_cal), y_cal, known)
        plain = TemperatureCalibratedClassifier(network).fit(prepare(X_cal), y_cal)
        rng = np.random.default_rng(seed)
        usual = prepare(X_test)
        strange = {
            "turned 90": prepare(np.rot90(X_test.reshape(-1, 8, 8), axes=(1, 2))),
            "permuted": rng.permuted(usual.reshape(len(usual), -1), axis=1).reshape(
                usual.shape
            ),
            "noise": rng.random(usual.shape).astype(np.float32),
            "negative": 1 - usual,
            "letters": prepare(letters()),
        }
        wrong = network.predict(usual) != y_test
        for name, score in scores.items():
            own = score(usual)
            row = [auroc(own, score(V)) for V in strange.values()]
            found.setdefault(name, []).append([*row, auroc(own[~wrong], own[wrong])])
        shifts = [usual, *(prepare(rotated(X_test, d)) for d in (15, 30, 45))]
        losses.append(
            [[log_loss(y_test, m.predict_proba(V)) for V in shifts] for m in (plain, aware)]
        )
        alarms.append((aware.novelty_pvalue(usual) <= 0.05).mean())
        ratios += cost_ratios(plain, aware, usual)
        out = rng.choice(10, 2, replace=False)
        for name, value in held_out_classes(train, prepare, X, y, out, seed).items():
            found[name][-1].append(value)
        print(f"({seed + 1} of {n_splits}: accuracy {1 - wrong.mean():.3f})", flush=True)
    report(library, n_splits, [*strange, "own errors", "2 classes"], found, losses)
    print(f"false alarms at .05: {np.mean(alarms):.3f}")
    print(f"cost in predictions of temperature scaling: {np.median(ratios):.3f}")


def held_out_classes(train, prepare, X, y, out, seed):
    """Return the AUROC of each score for rows of classes that nobody taught."""
    strange = np.isin(y, out)
    codes = np.unique(y[~strange], return_inverse=True)[1]
    X_train, y_train, X_cal, y_cal, X_test, _ = split(X[~strange], codes, seed)
    network, rows = train(enlarged(X_train), y_train, 8, seed)
    known = {"X_train": rows, "y_train": y_train}
    _, scores = fit_scores(network, prepare(X_cal), y_cal, known)
    new, unknown = prepare(X_test), prepare(X[strange])
    return {name: auroc(score(new), score(unknown)) for name, score in scores.items()}


def cost_ratios(plain, aware, X, n_times=5):
    """Return processor time of the one over that of the other, measured in turns."""
    ratios = []
    for model in (plain, aware):
        model.predict_proba(X)  # compiles
    for _ in range(n_times):
        times = []
        for model in (plain, aware):
            start = time.process_time()
            model.predict_proba(X)
            times.append(time.process_time() - start)
        ratios.append(times[1] / times[0])
    return ratios


def report(library, n_splits, columns, found, losses):
    print(f"digits at 32 x 32, CNN of three convolutions, {library}, {n_splits} splits: AUROC")
    print(f"{'':22}" + "".join(f"{name:>12}" for name in columns))
    for name, rows in found.items():
        print(f"{name:22}" + "".join(f"{value:12.3f}" for value in np.mean(rows, axis=0)))
    print("log loss: in distribution, rotated by 15, 30, 45 degrees")
    for name, row in zip(
        ("temperature", "distance-aware"), np.mean(losses, axis=0), strict=True
    ):
        print(f"{name:22}" + "".join(f"{value:12.3f}" for value in row))
    print("difference in distribution:", interval(np.diff(losses, axis=1)[:, 0, 0]))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    libraries = [name for name in sys.argv[1:] if not name.isdigit()] or ["keras", "torch"]
    counts = [int(name) for name in sys.argv[1:] if name.isdigit()] or [3]
    for name in libraries:
        study(name, counts[0])
