"""
Six pictures of how far probabilities can be believed
=====================================================

On data that come with scikit-learn.

A perceptron that has memorised 200 handwritten digits is far too sure of the others; naive
Bayes is far too sure of tumours. Writes displays_digits.png and displays_tumours.png.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.displays import (
    ConfidenceHistogramDisplay,
    DecompositionDisplay,
    ReliabilityDisplay,
    RiskCoverageDisplay,
    ThresholdDisplay,
    UncertaintyDisplay,
)


def digits():
    X, y = load_digits(return_X_y=True)
    X_train, X, y_train, y = train_test_split(X / 16, y, train_size=200, random_state=0)
    X_calib, X_test, y_calib, y_test = train_test_split(X, y, train_size=500, random_state=0)
    network = MLPClassifier((64,), solver="lbfgs", alpha=0, max_iter=2000, random_state=0)
    network.fit(X_train, y_train)
    after = TemperatureCalibratedClassifier(FrozenEstimator(network)).fit(X_calib, y_calib)
    models = {"before": network, "after": after}

    figure = plt.figure(figsize=(13, 4.8), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=[1, 1, 0.9])
    shown = ReliabilityDisplay.from_estimator(
        models, X_test, y_test, ax=left.subplots(), random_state=0
    )
    for name, (error, low, high) in zip(shown.name, shown.error, strict=True):
        print(f"{name}: calibration error {error:.3f} [{low:.3f}, {high:.3f}]")
    upper, lower = middle.subplots(2, 1)
    ConfidenceHistogramDisplay.from_estimator(network, X_test, y_test, ax=upper, name="before")
    RiskCoverageDisplay.from_estimator(
        models, X_test, y_test, ax=lower, risk=0.02, random_state=0
    )
    images = X_test.reshape(-1, 8, 8)
    UncertaintyDisplay.from_estimator(
        after,
        X_test,
        y_test,
        images=images,
        n_samples=6,
        ax=right,
        name="What it is least sure of, after",
    )
    figure.savefig("displays_digits.png", dpi=85)
    return dict(zip(shown.name, shown.error, strict=True))


def tumours():
    X, y = load_breast_cancer(return_X_y=True)
    y = np.where(y == 0, "malignant", "benign")
    X, X_test, y, y_test = train_test_split(X, y, train_size=0.5, random_state=0)
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    models = {
        "naive Bayes": GaussianNB(),
        "naive Bayes, Platt": CalibratedClassifierCV(GaussianNB(), method="sigmoid"),
        "logistic": logistic,
    }
    models = {name: model.fit(X, y) for name, model in models.items()}
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    DecompositionDisplay.from_estimator(models, X_test, y_test, ax=left)
    two = {name: models[name] for name in ("naive Bayes", "logistic")}
    ReliabilityDisplay.from_estimator(two, X_test, y_test, ax=middle, random_state=0)
    chosen = models["logistic"]
    shown = ThresholdDisplay.from_estimator(
        chosen, X_test, y_test, cost_fp=1, cost_fn=20, ax=right, name="logistic"
    )
    print(f"A missed tumour costs 20 checks: check from {100 * shown.threshold_:.1f} % on")
    figure.savefig("displays_tumours.png", dpi=85)
    return shown.threshold_


def main():
    errors = digits()
    threshold = tumours()
    print("Pictures: displays_digits.png, displays_tumours.png")
    (before, least, _), (after, _, most) = errors["before"], errors["after"]
    print(
        f"\nWhat was learned: the network's confidence is off by {before:.3f}, surely by more "
        f"than {least:.3f};\nafter one temperature by {after:.3f}, at most {most:.3f}. With "
        f"probabilities that hold, costs alone say\nwhere to act: here from {threshold:.1%} on."
    )


if __name__ == "__main__":
    main()
