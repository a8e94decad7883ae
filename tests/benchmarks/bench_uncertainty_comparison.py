"""Which method says best how sure a network is, and at what price? All of them, side by side.

Perceptrons of 2 x 64 (Keras, Adam, 30 epochs, batches of 32) on sets that come with
scikit-learn; splits of 45 % for training, 15 % held out, 40 % for the figures. Every method
but the first gets one temperature from the held-out rows (arXiv:2002.06470: without it, log
losses of ensembles cannot be compared). Strangers: rows of the two digits that a split leaves
out, other ones each time; in tables, rows whose columns are permuted, each by itself. Shift:
digits turned by 20 degrees; in tables, noise of half a standard deviation.
Costs are processor time over that of the plain network in the first split, in which Keras
itself trains; a training that several methods share counts for each. In the other splits all
but the snapshots are trained in one graph, which gives the same networks up to rounding.

    python tests/benchmarks/bench_uncertainty_comparison.py --splits 10 --save figures.jsonl

What is in the file already is not computed again, so that a run can be continued, and a method
that is new in METHODS is added to it.
"""

import argparse
import json
import os
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy.ndimage import rotate
from scipy.stats import t as student
from sklearn import datasets
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skcalib import (
    DeepEnsembleClassifier,
    FrozenNetwork,
    MCDropoutClassifier,
    TemperatureCalibratedClassifier,
    TrainableNetwork,
)
from skcalib.metrics import calibration_error, error_detection_auc_score, log_loss
from skcalib.novelty import DistanceAwareTemperatureClassifier
from skcalib.uncertainty import (
    BayesByBackpropClassifier,
    LaplaceClassifier,
    SnapshotCallback,
)

EPOCHS, BATCH, WIDTH, RATE, N_MEMBERS, N_DRAWS = 30, 32, 64, 0.3, 5, 64
DEGREES, NOISE = 20, 0.5
TIMED_ROWS, SPLITS_FOR_COSTS = 4096, 1
SETS = ("digits", "breast_cancer", "diabetes")
AGAINST = "temperature"


class Problem:
    """One split of a set, and the trainings that methods share."""

    def __init__(self, name, seed):
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.timed = seed < SPLITS_FOR_COSTS
        X, y = load(name)
        strange = np.zeros(len(y), dtype=bool)
        if name == "digits":
            strange = np.isin(y, self.rng.choice(10, 2, replace=False))
        known, y = X[~strange], np.unique(y[~strange], return_inverse=True)[1]
        self.n_classes = int(y.max()) + 1
        known, test, y, self.y_test = halve(known, y, 0.4, seed)
        train, held, self.y, self.y_held = halve(known, y, 0.25, seed)
        scaler = StandardScaler().fit(train)

        def scale(rows):  # pixels have one scale, and those at the edges hardly any spread
            rows = rows / 16 if name == "digits" else scaler.transform(rows)
            return rows.astype(np.float32)

        self.X, self.X_held, self.X_test = map(scale, (train, held, test))
        if name == "digits":
            self.strange, self.shifted = scale(X[strange]), scale(turn(test))
        else:
            self.strange = self.rng.permuted(self.X_test, axis=0)
            noise = self.rng.normal(scale=NOISE, size=test.shape)
            self.shifted = self.X_test + noise.astype(np.float32)
        self._shared, self.credit = {}, 0.0

    @property
    def learned_from(self):
        return {"X_train": self.X, "y_train": self.y}

    def share(self, kind, train):
        """Return what `train` gives; from the second time on, at the time it took once."""
        if kind in self._shared:
            self.credit += self._shared[kind][1]
        else:
            start = time.process_time()
            self._shared[kind] = train(), time.process_time() - start
        return self._shared[kind][0]

    def network(self, rates=(0, 0), **parameters):
        """Return an untrained network, with dropout of these rates behind its hidden layers."""
        shape, n_classes = self.X.shape[1:], self.n_classes

        def build():
            model = keras.Sequential([keras.Input(shape)])
            for rate in rates:
                model.add(keras.layers.Dense(WIDTH, "relu"))
                if rate:
                    model.add(keras.layers.Dropout(rate))
            model.add(keras.layers.Dense(n_classes, "softmax"))
            model.compile("adam", "sparse_categorical_crossentropy")
            return model

        return TrainableNetwork(build, epochs=EPOCHS, random_state=self.seed, **parameters)

    def train_members(self, n_members, train="separate", rates=(0, 0)):
        network = self.network(rates)
        ensemble = DeepEnsembleClassifier(
            network, n_members=n_members, train=train, random_state=self.seed
        )
        return ensemble.fit(self.X, self.y).members_

    def trained(self, rates=(0, 0)):
        """Return a trained network; without dropout it is the first member of the ensembles."""
        if self.timed:
            return self.share(rates, lambda: self.train_members(1, rates=rates)[0].model_)
        return self.stacked(rates, 1 if any(rates) else N_MEMBERS)[0].model_

    def stacked(self, rates=(0, 0), n_members=N_MEMBERS):
        kind = "stacked", rates
        return self.share(kind, lambda: self.train_members(n_members, "stacked", rates))


def load(name):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if name == "diabetes":  # how far it got within a year, in thirds
        y = np.searchsorted(np.quantile(y, [1 / 3, 2 / 3]), y)
    return X, y


def halve(X, y, share, seed):
    return train_test_split(X, y, test_size=share, stratify=y, random_state=seed)


def turn(X):
    images = rotate(X.reshape(-1, 8, 8), DEGREES, axes=(1, 2), reshape=False, order=1)
    return images.reshape(len(X), -1)


def frozen(p, model):
    return FrozenNetwork(model).fit(p.X_held, p.y_held)


def draw(p, rates, n_draws):
    mc = MCDropoutClassifier(p.trained(rates), n_draws=n_draws, random_state=p.seed)
    return mc.fit(p.X_held, p.y_held)


def join(members):
    return DeepEnsembleClassifier.from_members(members)


def take_snapshots(p):
    network = p.network(callbacks=[SnapshotCallback(N_MEMBERS, learning_rate=0.002)])
    ensemble = join(network.fit(p.X, p.y).callbacks_[0].members_)
    return ensemble.fit(p.X_held, p.y_held)


def approximate(p):
    laplace = LaplaceClassifier(p.trained(), random_state=p.seed)
    return laplace.fit(p.X_held, p.y_held, **p.learned_from)


def learn_spreads(p):
    options = {"max_iter": EPOCHS, "batch_size": BATCH, "kl_weight": 0.1}
    bayes = BayesByBackpropClassifier((WIDTH, WIDTH), random_state=p.seed, **options)
    return bayes.fit(p.X, p.y)


def measure_distance(p):
    model = DistanceAwareTemperatureClassifier(FrozenNetwork(p.trained()))
    return model.fit(p.X_held, p.y_held, **p.learned_from)


# A method is one entry: from a Problem to a fitted classifier.
METHODS = {
    "plain": lambda p: frozen(p, p.trained()),
    "temperature": lambda p: frozen(p, p.trained()),
    "trained with dropout": lambda p: frozen(p, p.trained((RATE, RATE))),
    "MC dropout, 64 draws": lambda p: draw(p, (RATE, RATE), N_DRAWS),
    "dropout before the output, exact": lambda p: draw(p, (0, RATE), "exact"),
    "deep ensemble, separate": lambda p: join(p.train_members(N_MEMBERS)),
    "deep ensemble, stacked": lambda p: join(p.stacked()),
    "snapshots": take_snapshots,
    "Laplace": approximate,
    "Bayes by Backprop": learn_spreads,
    "distance-aware temperature": measure_distance,
}
AS_IT_IS = {"plain"}  # gets no temperature
# Its members are the stacked ones, up to rounding: what is left to see is what it costs.
COSTS_ONLY = "deep ensemble, separate"


def rank_strangers(classifier, X):
    """Return a method's own measure of how strange rows are, or None if it has none."""
    if hasattr(classifier, "score_samples"):
        return -classifier.score_samples(X)
    if hasattr(classifier, "predict_uncertainty"):
        return classifier.predict_uncertainty(X).epistemic
    return None


def auroc(usual, strange):
    truth = np.repeat([0, 1], [len(usual), len(strange)])
    return roc_auc_score(truth, np.concatenate([usual, strange]))


def time_prediction(classifier, X):
    rows = np.resize(X, (TIMED_ROWS, X.shape[1]))
    classifier.predict_proba(rows)  # what is compiled at first is no part of a prediction
    start = time.process_time()
    classifier.predict_proba(rows)
    return time.process_time() - start


def measure(p, name):
    """Return the figures of one method on one split."""
    p.credit, start = 0.0, time.process_time()
    fitted = METHODS[name](p)
    training = time.process_time() - start + p.credit
    calibrated = fitted
    if name not in AS_IT_IS:
        calibrated = TemperatureCalibratedClassifier(FrozenEstimator(fitted))
        calibrated.fit(p.X_held, p.y_held)
    raw, proba, strange, shifted = (
        fitted.predict_proba(p.X_test),
        *(calibrated.predict_proba(rows) for rows in (p.X_test, p.strange, p.shifted)),
    )
    labels = range(p.n_classes)
    found = {
        "accuracy": accuracy_score(p.y_test, proba.argmax(axis=1)),
        "raw log loss": log_loss(p.y_test, raw, labels=labels),
        "log loss": log_loss(p.y_test, proba, labels=labels),
        "calibration error": calibration_error(p.y_test, proba, labels=labels),
        "own errors": error_detection_auc_score(p.y_test, proba, labels=labels),
        "strangers": auroc(1 - proba.max(axis=1), 1 - strange.max(axis=1)),
        "accuracy, shifted": accuracy_score(p.y_test, shifted.argmax(axis=1)),
        "log loss, shifted": log_loss(p.y_test, shifted, labels=labels),
        "calibration error, shifted": calibration_error(p.y_test, shifted, labels=labels),
        "training": training,
    }
    ranks = [rank_strangers(fitted, rows) for rows in (p.X_test, p.strange)]
    found["strangers, own measure"] = np.nan if ranks[0] is None else auroc(*ranks)
    found["predict"] = time_prediction(calibrated, p.X_test) if p.timed else np.nan
    return {key: float(value) for key, value in found.items()}


def compute(sets, n_splits, path):
    """Add what is missing to the file, and return all figures: {(set, method): {seed: ...}}."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        one = json.loads(line)
        found.setdefault((one["set"], one["method"]), {})[one["seed"]] = one["figures"]
    for seed, name in ((seed, name) for seed in range(n_splits) for name in sets):
        wanted = [m for m in METHODS if m != COSTS_ONLY or seed < SPLITS_FOR_COSTS]
        missing = [m for m in wanted if seed not in found.get((name, m), {})]
        problem = Problem(name, seed) if missing else None
        for method in missing:
            figures = measure(problem, method)
            found.setdefault((name, method), {})[seed] = figures
            one = {"set": name, "method": method, "seed": seed, "figures": figures}
            with path.open("a") as file:
                file.write(json.dumps(one) + "\n")
        keras.backend.clear_session()
    return found


USUAL = (
    "accuracy",
    "raw log loss",
    "log loss",
    "calibration error",
    "own errors",
    "strangers",
    "strangers, own measure",
)
SHIFTED = ("accuracy, shifted", "log loss, shifted", "calibration error, shifted")
COMPARED = {*USUAL[2:6], *SHIFTED[1:]}


def interval(values):
    """Return the mean of differences and half the width of its 95 % t-interval, as text."""
    values = np.asarray(values)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return ""
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():+.3f} ± {half:.3f}"


def print_set(name, found, n_splits, columns):
    """Print means, and in brackets paired differences from one temperature's."""
    print(f"\n| {name}, {n_splits} splits | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 1))
    for method in METHODS:
        if method == COSTS_ONLY:
            continue
        cells = []
        for key in columns:
            own, other = (
                np.array([found[name, m][seed][key] for seed in range(n_splits)])
                for m in (method, AGAINST)
            )
            cells.append("" if np.isnan(own).all() else f"{np.nanmean(own):.3f}")
            if method != AGAINST and key in COMPARED and (own != other).any():
                cells[-1] += f" ({interval(own - other)})"
        print(f"| {method} | " + " | ".join(cells) + " |")


def print_costs(sets, found):
    print("\nProcessor time over that of the plain network, training and prediction\n")
    print("| | " + " | ".join(sets) + " |\n|" + "---|" * (len(sets) + 1))
    for method in METHODS:
        cells = []
        for name in sets:
            own, plain = found[name, method], found[name, "plain"]
            ratios = [
                np.mean([own[s][key] / plain[s][key] for s in range(SPLITS_FOR_COSTS)])
                for key in ("training", "predict")
            ]
            cells.append(f"{ratios[0]:.2f}, {ratios[1]:.1f}")
        print(f"| {method} | " + " | ".join(cells) + " |")
    for name in sets:
        stacked, separate = found[name, "deep ensemble, stacked"], found[name, COSTS_ONLY]
        off = max(abs(separate[s]["log loss"] - stacked[s]["log loss"]) for s in separate)
        print(f"{name}: log losses of separate and stacked ones differ by at most {off:.2g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--save", type=Path, default=Path("uncertainty_comparison.jsonl"))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    found = compute(given.sets, given.splits, given.save)
    for columns in (USUAL, SHIFTED):
        for name in given.sets:
            print_set(name, found, given.splits, columns)
    print_costs(given.sets, found)


if __name__ == "__main__":
    main()
