"""
Which of these digits is the network flipping a coin on? Before and after calibration
=====================================================================================

A small convolutional network learns scikit-learn's handwritten digits until it says 0 or 1
for nearly everything. One call calibrates its probabilities. Writes
quickstart.png: reliability before and after, and the six digits it is least sure of.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's messages about the CPU
stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)  # some come before it has read that
try:
    import keras
finally:
    os.dup2(stderr, 2)

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skcalib import TemperatureCalibratedClassifier
from skcalib.metrics import expected_calibration_error, reliability_curve

BEFORE, AFTER = "#d1495b", "#00798c"
FEWEST = 5  # digits in a bin that is drawn


def split_digits():
    """100 images to train on, 500 to calibrate on, 1197 to look at."""
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8, 1) / 16
    X_train, X, y_train, y = train_test_split(X, y, train_size=100, stratify=y, random_state=0)
    X_calib, X_test, y_calib, y_test = train_test_split(
        X, y, train_size=500, stratify=y, random_state=0
    )
    return X_train, y_train, X_calib, y_calib, X_test, y_test


def train(X, y):
    """The usual network, trained for long: it knows its 100 images by heart."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(X, y, epochs=150, batch_size=16, verbose=0)
    return model


def describe(name, y, proba):
    print(
        f"{name:<14}{accuracy_score(y, proba.argmax(axis=1)):>9.1%}"
        f"{proba.max(axis=1).mean():>12.1%}{log_loss(y, proba):>10.3f}"
        f"{expected_calibration_error(y, proba):>12.3f}"
    )


def two_likeliest(proba):
    first, second = proba.argsort()[::-1][:2]
    return f"{first} at {100 * proba[first]:.0f} %", f"{second} at {100 * proba[second]:.0f} %"


def draw(X, y, before, after, unsure):
    fig = plt.figure(figsize=(9.5, 4.4), layout="constrained")
    left, right = fig.subfigures(1, 2, width_ratios=[1.05, 1])
    ax = left.subplots()
    ax.plot([0, 1], [0, 1], color="0.7", lw=1, label="as sure as it is right")
    for proba, when, color in ((before, "before", BEFORE), (after, "after", AFTER)):
        sure, right_in = proba.max(axis=1).mean(), accuracy_score(y, proba.argmax(axis=1))
        name = f"{when}: {100 * sure:.0f} % sure, right in {100 * right_in:.0f} %"
        curve = reliability_curve(y, proba, n_bins=5)
        mean, frequency, count, low, high = np.array(curve)[:, curve.count >= FEWEST]
        ax.vlines(mean, low, high, color=color, alpha=0.35, lw=5)
        ax.plot(mean, frequency, color=color, lw=1.5)
        ax.scatter(mean, frequency, 25 + 250 * count / len(y), color=color, label=name)
    ax.set(
        xlabel="how sure it is", ylabel="how often it is right", xlim=(0, 1.03), ylim=(0, 1.03)
    )
    ax.set_title(f"{len(y)} held-out digits, in bins of {FEWEST} or more", fontsize=11)
    legend = ax.legend(frameon=False, loc="lower right")
    for handle in legend.legend_handles[1:]:
        handle.set_sizes([60])
    right.suptitle("The six that it is least sure of", fontsize=11)
    panels = right.subplots(2, 3, gridspec_kw={"hspace": 0.05}).ravel()
    for panel, row in zip(panels, unsure, strict=False):
        panel.imshow(X[row, :, :, 0], cmap="gray_r")
        panel.set_title("\n".join(two_likeliest(after[row])), fontsize=10)
        panel.set_xlabel(f"is a {y[row]}", fontsize=9)
        panel.set(xticks=[], yticks=[])
    fig.savefig("quickstart.png", dpi=110)


def main():
    X_train, y_train, X_calib, y_calib, X_test, y_test = split_digits()
    model = train(X_train, y_train)
    before = model.predict(X_test, verbose=0)

    calibrated = TemperatureCalibratedClassifier(model).fit(X_calib, y_calib)
    after = calibrated.predict_proba(X_test)

    print(f"{'':<14}{'accuracy':>9}{'confidence':>12}{'log loss':>10}{'calib. error':>14}")
    describe("uncalibrated", y_test, before)
    describe("calibrated", y_test, after)
    print("\nThe six held-out digits it is least sure of:")
    unsure = after.max(axis=1).argsort()[:6]
    for row in unsure:
        first, second = two_likeliest(after[row])
        print(
            f"  number {row}: {first}, {second} (it is a {y_test[row]}; "
            f"uncalibrated it was {100 * before[row].max():.0f} % sure)"
        )
    draw(X_test, y_test, before, after, unsure)
    print("\nPicture: quickstart.png")


if __name__ == "__main__":
    main()
