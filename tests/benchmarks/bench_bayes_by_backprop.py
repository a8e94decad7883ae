"""Bayes by Backprop beside the same network without it, paired over seeds.

``python tests/benchmarks/bench_bayes_by_backprop.py`` trains networks on half of the rows, in
60 epochs of batches of 64, once deterministic and once by Bayes by Backprop with its defaults:
two hidden layers of 128 units on scikit-learn's digits and breast cancer data, and a small
convolutional network on the digits, which `from_network` converts when it is trained, and which
is then trained for as many epochs again. Beside them: the deterministic network with one
temperature, for each half of the test rows from the other half, which is to its advantage; and
the means of the weights alone.

Printed are means over seeds of accuracy, log loss, the paired difference of log loss from the
deterministic network with its 95 % t-interval, and the area under the ROC curve of strangers,
test rows whose pixels are permuted, each image by itself (of the table: rows whose columns are,
each by itself): by entropy, and by the epistemic part; and the held-out log loss of each weight
of the divergence. Costs are processor time over that of the deterministic network: of a
training that chooses this weight, of one with a given weight (one split), and of a prediction.
What is in the file `--save` is not computed again. Nothing is asserted.
"""

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy.stats import t as student
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skcalib import TrainableNetwork
from skcalib.calibrators import TemperatureScaling
from skcalib.uncertainty import BayesByBackpropClassifier, predictive_entropy

EPOCHS, BATCH, RATE, HIDDEN = 60, 64, 0.002, (128, 128)
SETS = ("digits", "breast cancer", "convolutional")
TIMED_ROWS, REPEATS = 4096, 5
PLAIN, BAYES = "deterministic", "Bayes by Backprop"
FIGURES = ("accuracy", "log loss", "by entropy", "by epistemic", "training")


def load(name, seed):
    """Return rows for training and for the figures, their labels, and strangers."""
    if name == "breast cancer":
        X, y = load_breast_cancer(return_X_y=True)
    else:
        X, y = load_digits(return_X_y=True)
        X = X / 16
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    if name == "breast cancer":
        scaler = StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    # Pixels change places within an image; a column of a table stays where it is.
    axis = 0 if name == "breast cancer" else 1
    strange = np.random.default_rng(seed).permuted(X_test, axis=axis)
    shape = (-1, 8, 8, 1) if name == "convolutional" else X.shape[-1:]
    shape = shape if len(shape) > 1 else (-1, *shape)
    rows = [part.reshape(shape).astype(np.float32) for part in (X, X_test, strange)]
    return *rows, y, y_test


def build(name, shape, n_outputs):
    """Return a function that builds the deterministic network, as the Bayesian one starts."""

    def function():
        hidden = [keras.layers.Dense(units, "relu", True, "he_normal") for units in HIDDEN]
        if name == "convolutional":
            hidden = [
                keras.layers.Conv2D(16, 3, activation="relu"),
                keras.layers.MaxPooling2D(),
                keras.layers.Flatten(),
                keras.layers.Dense(64, "relu"),
            ]
        model = keras.Sequential([keras.Input(shape), *hidden, keras.layers.Dense(n_outputs)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(RATE), loss)
        return model

    return function


def time_of(function, repeats=0):
    """Return the processor time of a call, or the median of several after a first one."""
    taken = []
    for _ in range(1 + repeats):  # what is compiled at first is no part of a prediction
        start = time.process_time()
        function()
        taken.append(time.process_time() - start)
    return np.median(taken[1:] if repeats else taken)


def auroc(usual, strange):
    truth = np.repeat([0, 1], [len(usual), len(strange)])
    return roc_auc_score(truth, np.concatenate([usual, strange]))


def entropy(proba):
    return predictive_entropy(proba[None])


def temper(logits, y):
    """Return calibrated probabilities of rows, each by a temperature from the other half."""
    halves = np.arange(len(y)) % 2
    proba = np.empty(logits.shape)
    for half in (0, 1):
        rows, others = halves == half, halves != half
        scaling = TemperatureScaling().fit(logits[others], y[others])
        proba[rows] = scaling.predict_proba(logits[rows])
    return proba


def make(name, seed):
    """Return rows, the deterministic network and a Bayesian one, not yet trained."""
    rows = load(name, seed)
    parameters = {"batch_size": BATCH, "random_state": seed}
    function = build(name, rows[0].shape[1:], len(np.unique(rows[3])))
    plain = TrainableNetwork(function, epochs=EPOCHS, **parameters)
    return rows, plain, BayesByBackpropClassifier(HIDDEN, max_iter=EPOCHS, **parameters)


def measure(name, seed):
    """Yield the figures of each method on one split."""
    (X, X_test, strange, y, y_test), plain, bayes = make(name, seed)

    def judge(proba, far, training, epistemic=None):
        return {
            "accuracy": accuracy_score(y_test, proba.argmax(axis=1)),
            "log loss": log_loss(y_test, proba),
            "by entropy": np.nan if far is None else auroc(*map(entropy, (proba, far))),
            "by epistemic": np.nan if epistemic is None else auroc(*epistemic),
            "training": training,
        }

    both = X_test, strange
    once = time_of(lambda: plain.fit(X, y))
    proba, far = map(plain.predict_proba, both)
    yield PLAIN, judge(proba, far, once)
    tempered = temper(plain.model_.predict(X_test, verbose=0), y_test)
    yield f"{PLAIN}, temperature", judge(tempered, None, once)
    if name == "convolutional":
        bayes.set_params(network=plain.model_)
    training = time_of(lambda: bayes.fit(X, y))
    epistemic = [bayes.predict_uncertainty(rows).epistemic for rows in both]
    found = judge(*map(bayes.predict_proba, both), training, epistemic)
    tried = bayes.held_out_log_loss_.items()
    yield BAYES, {**found, "held out": {f"{key:g}": loss for key, loss in tried}}
    bayes.set_params(mean_mode=True)
    yield f"{BAYES}, means of the weights", judge(*map(bayes.predict_proba, both), training)


def print_costs(name):
    """Print what a training with a given weight and a prediction cost, of one split."""
    (X, X_test, _, y, _), plain, bayes = make(name, 0)
    once = time_of(lambda: plain.fit(X, y))
    if name == "convolutional":
        bayes.set_params(network=plain.model_)
    training = time_of(lambda: bayes.set_params(kl_weight=0.01).fit(X, y))
    rows = np.resize(X_test, (TIMED_ROWS, *X_test.shape[1:]))
    unit, draws = (
        time_of(lambda model=model: model.predict_proba(rows), REPEATS)
        for model in (plain, bayes)
    )
    bayes.set_params(mean_mode=True)
    means = time_of(lambda: bayes.predict_proba(rows), REPEATS)
    print(
        f"training with a given weight {training / once:.1f}; prediction of {TIMED_ROWS} rows "
        f"({1000 * unit:.1f} ms): {bayes.n_draws} draws {draws / unit:.1f}, means of the "
        f"weights {means / unit:.1f}"
    )


def summarize(name, found):
    """Print a table; found: {method: [figures, ...]}, in the order of the seeds."""
    plain = {key: np.array([one[key] for one in found[PLAIN]]) for key in FIGURES}
    print(f"\n{name}, {len(found[PLAIN])} seeds")
    print("| | accuracy | log loss | difference | by entropy | by epistemic | training |")
    print("|---|---|---|---|---|---|---|")
    for method, rows in found.items():
        own = {key: np.array([one[key] for one in rows]) for key in FIGURES}
        off = own["log loss"] - plain["log loss"]
        half = np.nan
        if len(off) > 1:
            half = student.ppf(0.975, len(off) - 1) * off.std(ddof=1) / len(off) ** 0.5
        accuracy, loss, entropy, epistemic, _ = (own[key].mean() for key in FIGURES)
        paid = np.mean(own["training"] / plain["training"])
        print(
            f"| {method} | {accuracy:.3f} | {loss:.4f} | {off.mean():+.4f} ± {half:.4f} | "
            f"{entropy:.3f} | {epistemic:.3f} | {paid:.1f} |"
        )
    tried = [one["held out"] for one in found[BAYES]]
    chosen = Counter(min(losses, key=losses.get) for losses in tried)
    for weight in tried[0]:
        loss = np.mean([losses[weight] for losses in tried])
        print(
            f"kl_weight {weight}: chosen {chosen[weight]} times, held-out log loss {loss:.4f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--save", type=Path, default=Path("bayes_by_backprop.jsonl"))
    given = parser.parse_args()
    saved = given.save.read_text().splitlines() if given.save.exists() else []
    known = {(one["set"], one["seed"]): one["figures"] for one in map(json.loads, saved)}
    for name in given.sets:
        found = {}
        for seed in range(given.first, given.first + given.seeds):
            if (name, seed) not in known:
                known[name, seed] = dict(measure(name, seed))
                one = {"set": name, "seed": seed, "figures": known[name, seed]}
                with given.save.open("a") as file:
                    file.write(json.dumps(one) + "\n")
                keras.backend.clear_session()
            for method, figures in known[name, seed].items():
                found.setdefault(method, []).append(figures)
        summarize(name, found)
        print_costs(name)


if __name__ == "__main__":
    main()
