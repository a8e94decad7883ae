"""
Which calibrator is best for my classifier?
===========================================

Measure it: every method of :mod:`skcalib.calibrators` that has a short name, on four
classifiers that are miscalibrated in different ways. They are compared by proper losses, with
the uncertainty of the differences.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from skcalib import CalibratedClassifierCV, calibrators
from skcalib.metrics import bootstrap_difference, brier_score_loss

# %%
# Four classifiers, ten digits
# ----------------------------
# A third of the rows to train on, a third to calibrate on, a third to compare on.

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=1 / 3, stratify=y, random_state=0)
X_train, X_calib, y_train, y_calib = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
classifiers = {
    "naive Bayes": GaussianNB(),
    "forest": RandomForestClassifier(50, random_state=0),
    "linear SVM": LinearSVC(random_state=0),
    "perceptron": MLPClassifier((100,), max_iter=1000, random_state=0),
}
methods = {
    name: cls
    for name, cls in ((name, getattr(calibrators, name)) for name in calibrators.__all__)
    if getattr(cls, "short_name", None)
}
print("Methods:", ", ".join(methods))

# %%
# Every method on every classifier
# --------------------------------

loss = np.full((len(methods), len(classifiers)), np.nan)
probas = {}
for column, (name, classifier) in enumerate(classifiers.items()):
    trained = FrozenEstimator(clone(classifier).fit(X_train, y_train))
    for row, (method, cls) in enumerate(methods.items()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = CalibratedClassifierCV(trained, method=cls()).fit(X_calib, y_calib)
        probas[method, name] = model.predict_proba(X_test)
        loss[row, column] = brier_score_loss(y_test, probas[method, name])

# %%
# The losses
# ----------
# A method that differs from the best one of its column by less than the noise of these rows
# (a 95 % interval of the difference that holds zero) is as good as that one, for all we know:
# marked by a dot.

as_good = np.zeros(loss.shape, dtype=bool)
for column, name in enumerate(classifiers):
    best = list(methods)[loss[:, column].argmin()]
    for row, method in enumerate(methods):
        difference = bootstrap_difference(
            brier_score_loss,
            y_test,
            probas[method, name],
            probas[best, name],
            n_resamples=200,
            random_state=0,
        )
        as_good[row, column] = method == best or difference.low <= 0

relative = loss / loss.min(axis=0)
fig, ax = plt.subplots(figsize=(7, 1.2 + 0.36 * len(methods)), layout="constrained")
darkest = min(2, relative.max())
ax.imshow(relative, cmap="Blues", vmin=1, vmax=darkest, aspect="auto")
for (row, column), value in np.ndenumerate(loss):
    text = f"{value:.3f}{' •' if as_good[row, column] else ''}"
    dark = relative[row, column] > (1 + darkest) / 2
    ax.text(column, row, text, ha="center", va="center", color="w" if dark else "k", fontsize=9)
ax.set_xticks(range(len(classifiers)), classifiers)
ax.set_yticks(range(len(methods)), methods)
ax.set_title("Brier loss; • as good as the best, within noise", fontsize=10)
plt.show()

# %%
# What was learned
# ----------------

for column, name in enumerate(classifiers):
    order = loss[:, column].argsort()
    names = list(methods)
    print(
        f"{name}: {names[order[0]]} is best ({loss[order[0], column]:.3f}), "
        f"{names[order[-1]]} worst ({loss[order[-1], column]:.3f}); "
        f"{as_good[:, column].sum()} of {len(methods)} cannot be told from the best."
    )
