"""
Which digits is the network flipping a coin on, and does it know what it does not know?
=======================================================================================

A small convolutional network with dropout learns scikit-learn's handwritten digits. Monte
Carlo dropout runs 100 of its sub-networks on each held-out digit: where do they disagree,
does the disagreement find mistakes, and does it find images that are not digits at all?
Writes mc_dropout.png.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's messages about the CPU

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skcalib import MCDropoutClassifier
from skcalib.uncertainty import uncertainty_frame

FIRST, SECOND = "#00798c", "#d1495b"
LEVELS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def train(X, y):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(X, y, epochs=60, batch_size=32, verbose=0)
    return model


def strangers(X):
    """Images that the network has never seen the like of."""
    rng = np.random.default_rng(0)
    pixels = X.reshape(len(X), -1)
    return {
        "rotated by 90 degrees": rotate(X, 90, axes=(1, 2), reshape=False, order=1),
        "pixels permuted": pixels[:, rng.permutation(64)].reshape(X.shape),
        "noise": rng.choice(pixels.ravel(), X.shape),
    }


def scores(result):
    """How uncertain each row is, in three ways."""
    return {
        "1 - max": 1 - result.mean.max(axis=1),
        "total": result.predictive_entropy,
        "epistemic": result.epistemic,
    }


def print_aurocs(mc, result, X, y):
    """Print how well three scores find mistakes and strangers; return that for mistakes."""
    print("\nHow well does it rank them? AUROC     1 - max     total  epistemic")
    wrong = mc.classes_[result.mean.argmax(axis=1)] != y
    mistakes = [roc_auc_score(wrong, score) for score in scores(result).values()]
    print(
        f"  {'mistakes (' + str(wrong.sum()) + ')':32}"
        + "".join(f"{area:10.3f}" for area in mistakes)
    )
    known = scores(result)
    for name, strange in strangers(X).items():
        new = scores(mc.predict_uncertainty(strange))
        is_new = np.repeat([0, 1], [len(X), len(strange)])
        found = [roc_auc_score(is_new, np.concatenate([known[k], new[k]])) for k in known]
        print(f"  {name:32}" + "".join(f"{area:10.3f}" for area in found))
    return mistakes


def print_levels(levels, y):
    print("\nlevel of dropout   accuracy   log loss   mean width of the 90 % interval")
    rows = np.arange(len(y))
    for rate, mean, low, high in zip(
        levels.levels, levels.mean, levels.low, levels.high, strict=True
    ):
        top = mean.argmax(axis=1)
        loss = -np.log(mean[rows, y]).mean()
        width = (high - low)[rows, top].mean()
        print(f"{rate:16.1f}{(top == y).mean():11.1%}{loss:11.3f}{width:14.3f}")


def draw(X, y, frame, unsure, draws, levels):
    fig = plt.figure(figsize=(10.5, 7.2), layout="constrained")
    upper, lower = fig.subfigures(2, 1, height_ratios=[1.6, 1])
    images, histograms = upper.subplots(2, 5, height_ratios=[1, 0.8])
    for column, row in enumerate(unsure):
        ax = images[column]
        ax.imshow(X[row, :, :, 0], cmap="gray_r")
        ax.set_title(frame.says[row].replace("], ", "],\n"), fontsize=9.5)
        ax.set_xlabel(f"is a {y[row]}", fontsize=9)
        ax.set(xticks=[], yticks=[])
        ax = histograms[column]
        bins = np.linspace(0, 1, 16)
        for digit, color in ((frame["first"][row], FIRST), (frame.second[row], SECOND)):
            ax.hist(draws[:, row, digit], bins, color=color, alpha=0.6, label=f"a {digit}")
        ax.set(xlim=(0, 1), yticks=[], xticks=[0, 0.5, 1])
        ax.set_xlabel("probability", fontsize=9)
        ax.legend(frameon=False, fontsize=8)
        if column == 0:
            ax.set_ylabel("sub-networks", fontsize=9)
    panels = lower.subplots(1, 2)
    for column, row in enumerate((unsure[0], frame.margin.idxmax())):
        ax = panels[column]
        for digit, color in ((frame["first"][row], FIRST), (frame.second[row], SECOND)):
            low, high = levels.low[:, row, digit], levels.high[:, row, digit]
            ax.fill_between(levels.levels, low, high, color=color, alpha=0.2, lw=0)
            ax.plot(levels.levels, levels.mean[:, row, digit], "o-", color=color)
            ax.plot([], [], color=color, label=f"a {digit}")
        name = "the first of these digits" if column == 0 else "the surest of all"
        ax.set_title(f"{name}: mean and 90 % interval", fontsize=10)
        ax.set(xlabel="level of dropout", ylabel="probability", ylim=(-0.03, 1.03))
        ax.legend(frameon=False, loc="center right" if column else "upper right")
    fig.savefig("mc_dropout.png", dpi=110)


def main():
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8, 1) / 16
    X_train, X, y_train, y = train_test_split(X, y, train_size=400, stratify=y, random_state=0)
    model = train(X_train, y_train)

    mc = MCDropoutClassifier(model, n_draws=100, random_state=0, verbose=1).fit(X, y)
    mc.set_params(verbose=0)
    result = mc.predict_uncertainty(X)
    frame = uncertainty_frame(result)
    unsure = frame.margin.to_numpy().argsort()[:5]

    print("The five held-out digits that it flips a coin on:")
    for row in unsure:
        print(
            f"  number {row}: {frame.says[row]} (is a {y[row]}); they change places in "
            f"{frame.swap[row]:.0%} of the sub-networks"
        )
    of_mistakes = print_aurocs(mc, result, X, y)
    levels = mc.set_params(rate=LEVELS).predict_uncertainty(X)
    print_levels(levels, y)
    draws = mc.set_params(rate=None).sample_proba(X)
    draw(X, y, frame, unsure, draws, levels)
    print("\nPicture: mc_dropout.png")
    shares = result.epistemic[unsure] / result.predictive_entropy[unsure]
    print(
        f"\nWhat was learned: of {len(X)} digits, {(frame.margin < 0.2).sum()} have two "
        f"classes within 20 points; of the uncertainty\nof the first five, {shares.mean():.0%} "
        "is the network's ignorance, the rest lies in the images. Mistakes\nare found with "
        f"an AUROC of {of_mistakes[0]:.3f} by the mean's confidence, {of_mistakes[1]:.3f} by "
        f"the total, {of_mistakes[2]:.3f} by the ignorance."
    )


if __name__ == "__main__":
    main()
