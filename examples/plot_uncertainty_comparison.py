"""
Which method knows best how sure it is, and what does it cost?
==============================================================

The same small network, nine ways: as it is, with one temperature, dropout drawn and dropout
computed, snapshots of one training, five trainings, a Laplace approximation of its last layer,
weights with a spread (Bayes by Backprop), and a temperature that grows with the distance from
the training rows. It learns the digits 0 to 7; rows of 8 and 9 are strangers. Each way but the
first gets a temperature from the same held-out rows, because log losses cannot be compared
without. Writes uncertainty_comparison.png.
"""

import time
import warnings

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from skcalib import (
    DeepEnsembleClassifier,
    FrozenNetwork,
    MCDropoutClassifier,
    TemperatureCalibratedClassifier,
    TrainableNetwork,
)
from skcalib.novelty import DistanceAwareTemperatureClassifier
from skcalib.uncertainty import (
    BayesByBackpropClassifier,
    LaplaceClassifier,
    SnapshotCallback,
)

PLAIN = "plain"


def load_rows():
    """Return training, held-out and test rows of the digits 0 to 7, and strangers."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    strangers, X, y = X[y > 7], X[y < 8], y[y < 8]
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
    X, X_held, y, y_held = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    return (X, y), (X_held, y_held), (X_test, y_test), strangers


def make_network(rates=(0, 0), **parameters):
    """Return a network of two hidden layers, with dropout of these rates behind them."""

    def build():
        model = keras.Sequential([keras.Input((64,))])
        for rate in rates:
            model.add(keras.layers.Dense(64, "relu"))
            if rate:
                model.add(keras.layers.Dropout(rate))
        model.add(keras.layers.Dense(8, "softmax"))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    return TrainableNetwork(build, epochs=30, random_state=0, **parameters)


def fit_all(train, held):
    """Return {name: (fitted classifier, the number of trainings that it takes)}."""
    members = DeepEnsembleClassifier(make_network(), random_state=0).fit(*train).members_
    plain = members[0].model_
    dropped = make_network((0.3, 0.3)).fit(*train).model_
    one_dropped = make_network((0, 0.3)).fit(*train).model_
    snapshots = make_network(callbacks=[SnapshotCallback(5, learning_rate=0.002)])
    kept = snapshots.fit(*train).callbacks_[0].members_
    options = {"kl_weight": 0.1, "max_iter": 30, "batch_size": 32, "random_state": 0}
    known = dict(zip(("X_train", "y_train"), train, strict=True))
    return {
        PLAIN: (FrozenNetwork(plain).fit(*held), 1),
        "temperature": (FrozenNetwork(plain).fit(*held), 1),
        "MC dropout, 64 draws": (
            MCDropoutClassifier(dropped, n_draws=64, random_state=0).fit(*held),
            1,
        ),
        "dropout before the output, exact": (
            MCDropoutClassifier(one_dropped, n_draws="exact").fit(*held),
            1,
        ),
        "five snapshots": (DeepEnsembleClassifier.from_members(kept).fit(*held), 1),
        "deep ensemble of five": (DeepEnsembleClassifier.from_members(members), 5),
        "Laplace": (LaplaceClassifier(plain, random_state=0).fit(*held, **known), 1),
        "Bayes by Backprop": (BayesByBackpropClassifier((64, 64), **options).fit(*train), 1),
        "distance-aware temperature": (
            DistanceAwareTemperatureClassifier(FrozenNetwork(plain)).fit(*held, **known),
            1,
        ),
    }


def rank(classifier, X):
    """Return how strange rows are by a method's own measure."""
    if hasattr(classifier, "score_samples"):
        return -classifier.score_samples(X)
    if hasattr(classifier, "predict_uncertainty"):
        return classifier.predict_uncertainty(X).epistemic
    return 1 - classifier.predict_proba(X).max(axis=1)


def measure(name, fitted, held, test, strangers):
    """Return log loss, AUROC of own errors and of strangers, and the time of a prediction."""
    X, y = test
    model = fitted
    if name != PLAIN:
        model = TemperatureCalibratedClassifier(FrozenEstimator(fitted)).fit(*held)
    proba = model.predict_proba(X)
    start = time.process_time()
    model.predict_proba(X)
    taken = time.process_time() - start
    wrong = proba.argmax(axis=1) != y
    strange = np.repeat([0, 1], [len(X), len(strangers)])
    own = np.concatenate([rank(fitted, X), rank(fitted, strangers)])
    errors = roc_auc_score(wrong, -proba.max(axis=1))
    return log_loss(y, proba), errors, roc_auc_score(strange, own), taken


def draw(names, losses, aurocs):
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), sharey=True, layout="constrained")
    places = np.arange(len(names))[::-1]
    for ax, values, title in (
        (axes[0], losses, "log loss (less is better)"),
        (axes[1], aurocs, "AUROC of strangers (more is better)"),
    ):
        ax.axvline(values[names.index("temperature")], color="0.8", lw=1, zorder=0)
        ax.plot(values, places, "o", color="#00798c")
        ax.set_title(title, fontsize=11)
        ax.set_yticks(places, names)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig("uncertainty_comparison.png", dpi=90)


def main():
    warnings.filterwarnings("ignore", "The plain network", UserWarning)  # the table says it
    train, held, test, strangers = load_rows()
    models = fit_all(train, held)
    found = {
        name: measure(name, fitted, held, test, strangers)
        for name, (fitted, _) in models.items()
    }
    print(f"{'':34}{'log loss':>9}{'own errors':>11}{'strangers':>11}{'trainings':>11}")
    for name, (loss, errors, strange, _) in found.items():
        print(f"{name:34}{loss:9.3f}{errors:11.3f}{strange:11.3f}{models[name][1]:11}")
    losses, _, aurocs, taken = (list(column) for column in zip(*found.values(), strict=True))
    draw(list(found), losses, aurocs)
    best, ranks_best = (
        min(found, key=lambda name: found[name][0]),
        max(found, key=lambda name: found[name][2]),
    )
    slowest = max(found, key=lambda name: found[name][3])
    print(
        f"\nWhat was learned: on this split the best probabilities are those of '{best}' "
        f"({min(losses):.3f};\none temperature alone: {found['temperature'][0]:.3f}), and "
        f"strangers are found best by '{ranks_best}'\n({max(aurocs):.3f}; the largest "
        f"probability alone: {found['temperature'][2]:.3f}). The slowest prediction is that "
        f"of\n'{slowest}', {max(taken) / taken[0]:.0f} times that of the plain network. One "
        "split decides nothing:\nthe guide has ten of three sets, with intervals."
    )


if __name__ == "__main__":
    main()
