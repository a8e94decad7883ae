"""
How sure is a network where it has seen nothing?
================================================

A small network learns three groups of points in the plane. Far from all of them it is as sure
as among them: its logits grow with the distance, and a temperature only makes all of them
smaller by the same factor. A temperature that grows with the distance from the training rows
keeps the answers near them and loses its confidence elsewhere. Writes far_from_data.png.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skcalib import TemperatureCalibratedClassifier
from skcalib.novelty import DistanceAwareTemperatureClassifier

CENTERS = [(-2.5, -1.5), (2.5, -1.5), (0.0, 2.8)]
COLORS = ["#00798c", "#d1495b", "#edae49"]
BEFORE, AFTER = "One temperature for all rows", "A temperature that grows with distance"
REACH = 12


def fit_models():
    """Return both calibrated networks, their training rows, and rows to test them."""
    X, y = make_blobs(1500, centers=CENTERS, cluster_std=1.1, random_state=0)
    X_train, X, y_train, y = train_test_split(X, y, train_size=500, random_state=0)
    X_held_out, X_test, y_held_out, y_test = train_test_split(X, y, random_state=0)
    network = MLPClassifier((64, 64), max_iter=500, random_state=0).fit(X_train, y_train)
    frozen = FrozenEstimator(network)
    before = TemperatureCalibratedClassifier(frozen).fit(X_held_out, y_held_out)
    after = DistanceAwareTemperatureClassifier(frozen)
    after.fit(X_held_out, y_held_out, X_train=X_train, y_train=y_train)
    return {BEFORE: before, AFTER: after}, X_train, X_test, y_test


def make_grid():
    side = np.linspace(-REACH, REACH, 241)
    return side, np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def draw(models, X_train):
    side, grid = make_grid()
    figure, axes = plt.subplots(
        1, 2, figsize=(8.2, 3.9), layout="constrained", sharex=True, sharey=True
    )
    for ax, (name, model) in zip(axes, models.items(), strict=True):
        proba = model.predict_proba(grid).reshape(len(side), len(side), -1)
        largest = proba.max(axis=2)
        mesh = ax.pcolormesh(side, side, largest, cmap="viridis", vmin=1 / 3, vmax=1)
        classes = model.predict(X_train)
        for label, color in enumerate(COLORS):
            own = X_train[classes == label]
            ax.plot(*own.T, "o", ms=4, color=color, mec="white", mew=0.4)
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.set_title(name, fontsize=11)
    figure.colorbar(mesh, ax=axes, label="largest probability", shrink=0.85)
    figure.savefig("far_from_data.png", dpi=90)


def main():
    models, X_train, X_test, y_test = fit_models()
    _, grid = make_grid()
    far = np.abs(grid).max(axis=1) > 9
    print(f"{'':40}log loss, new rows   mean confidence far away")
    for name, model in models.items():
        loss = log_loss(y_test, model.predict_proba(X_test))
        confidence = model.predict_proba(grid[far]).max(axis=1).mean()
        print(f"{name:40}{loss:18.3f}{confidence:27.1%}")
    draw(models, X_train)
    print("\nPicture: far_from_data.png")
    (plain, aware) = (m.predict_proba(grid[far]).max(axis=1) for m in models.values())
    print(
        f"\nWhat was learned: far from all training rows the calibrated network is more than\n"
        f"99 % sure of {np.mean(plain > 0.99):.0%} of the points; with the distance, of "
        f"{np.mean(aware > 0.99):.0%}. Near them both answer alike."
    )


if __name__ == "__main__":
    main()
