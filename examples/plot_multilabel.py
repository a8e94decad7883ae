"""
Several labels for one image: how sure of each?
===============================================

Is this digit even? Greater than four? Does it have a loop? Is it an eight? scikit-learn's
handwritten digits with four labels each: MultiOutputClassifier puts a calibrated classifier on
each. Groups of images are kept together in the folds by metadata routing (20 neighbours each,
because the writers' names are missing), and a rare label is weighed up in training while the
calibration undoes the bias that this brings.
"""

# sphinx_gallery_thumbnail_path = "displays_digits.png"

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.multioutput import MultiOutputClassifier

from skcalib import CalibratedClassifierCV
from skcalib.metrics import expected_calibration_error

LABELS = {
    "even": lambda digit: digit % 2 == 0,
    "greater than 4": lambda digit: digit > 4,
    "has a loop": lambda digit: np.isin(digit, [0, 6, 8, 9]),
    "eight": lambda digit: digit == 8,
}


def labelled_digits():
    """Return images, a column of 0 and 1 for each label, and the group of each image."""
    X, digit = load_digits(return_X_y=True)
    Y = np.column_stack([tell(digit) for tell in LABELS.values()]).astype(int)
    return X, Y, np.arange(len(X)) // 20


def probabilities(model, X):
    """Return the probability of each label: predict_proba has two columns for each."""
    return np.column_stack([proba[:, 1] for proba in model.predict_proba(X)])


def report(name, Y, proba):
    """Print the calibration error and log loss of each label; return their means."""
    found = [
        (expected_calibration_error(y, p), log_loss(y, p))
        for y, p in zip(Y.T, proba.T, strict=True)
    ]
    print(f"{name:28}" + "".join(f"  {error:5.1%} {loss:6.3f}" for error, loss in found))
    return np.mean(found, axis=0)


def main():
    X, Y, groups = labelled_digits()
    train, test = next(GroupShuffleSplit(1, train_size=0.4, random_state=0).split(X, Y, groups))
    print(f"{'calibration error, log loss':28}  " + "  ".join(f"{n:>12}" for n in LABELS))

    forest = RandomForestClassifier(100, random_state=0)
    raw = MultiOutputClassifier(forest).fit(X[train], Y[train])
    bare = report("forest", Y[test], probabilities(raw, X[test]))

    # The groups reach the splitter through both meta-estimators, once routing is on.
    with sklearn.config_context(enable_metadata_routing=True):
        calibrated = CalibratedClassifierCV(forest, method="beta", cv=GroupKFold(5))
        model = MultiOutputClassifier(calibrated).fit(X[train], Y[train], groups=groups[train])
    calm = report("forest, beta", Y[test], probabilities(model, X[test]))

    # Class weights belong to the classifier: they let it find more of a rare label, and lie
    # about how frequent it is. The calibrator, which is not weighted, takes that back.
    balanced = LogisticRegression(class_weight="balanced", C=1e-4, max_iter=1000)
    raw = MultiOutputClassifier(balanced).fit(X[train], Y[train])
    biased = report("balanced logistic", Y[test], probabilities(raw, X[test]))
    with sklearn.config_context(enable_metadata_routing=True):
        calibrated = CalibratedClassifierCV(balanced, method="quadratic", cv=GroupKFold(5))
        linear = MultiOutputClassifier(calibrated).fit(X[train], Y[train], groups=groups[train])
    unbiased = report("balanced logistic, quadratic", Y[test], probabilities(linear, X[test]))

    proba = probabilities(model, X[test])
    unsure = np.abs(proba - 0.5).min(axis=1).argsort()[:3]
    print("\nImages that the calibrated forest is least sure about:")
    for row in unsure:
        told = zip(LABELS, proba[row], Y[test][row], strict=True)
        print(
            "  " + ", ".join(f"{name} {p:.0%} ({'yes' if y else 'no'})" for name, p, y in told)
        )

    print(
        f"\nWhat was learned: over the four labels, calibration takes the mean error of the "
        f"forest from {bare[0]:.1%} to {calm[0]:.1%}\nand its log loss from {bare[1]:.3f} to "
        f"{calm[1]:.3f}; of the weighted logistic regression, from {biased[0]:.1%} to "
        f"{unbiased[0]:.1%}\nand from {biased[1]:.3f} to {unbiased[1]:.3f}."
    )


if __name__ == "__main__":
    main()
