"""
Which threshold, now that probabilities mean something?
=======================================================

Missing a case costs twenty times as much as a false alarm. Decision theory has a formula for
the threshold, 1 / (1 + 20), and needs no data: but it holds for probabilities, not for scores.
The formula on raw scores, the formula on calibrated ones, and a threshold tuned by
scikit-learn are compared on held-out rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    StratifiedShuffleSplit,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB

from skcalib import CalibratedClassifierCV

MISS, ALARM = 20, 1
THRESHOLD = ALARM / (ALARM + MISS)

# %%
# Is it an eight?
# ---------------
# Naive Bayes finds them, and is far too sure. ``FixedThresholdClassifier`` decides by the
# threshold of the formula, ``TunedThresholdClassifierCV`` searches for the cheapest one; both
# are scikit-learn's, and take calibrated classifiers as any other.

X, digit = load_digits(return_X_y=True)
y = (digit == 8).astype(int)


def cost(y_true, y_pred):
    """Mean cost of a row."""
    (_, alarms), (misses, _) = confusion_matrix(y_true, y_pred, labels=[0, 1])
    return (MISS * misses + ALARM * alarms) / len(y_true)


raw = GaussianNB()
calibrated = CalibratedClassifierCV(GaussianNB(), method="isotonic")
cheapest = make_scorer(cost, greater_is_better=False)
by_formula = {"threshold": THRESHOLD, "response_method": "predict_proba"}
tuned = {"scoring": cheapest, "response_method": "predict_proba", "cv": 5}
policies = {
    "raw, 1/2": raw,
    "raw, formula": FixedThresholdClassifier(raw, **by_formula),
    "raw, tuned": TunedThresholdClassifierCV(raw, **tuned),
    "calibrated, 1/2": calibrated,
    "calibrated, formula": FixedThresholdClassifier(calibrated, **by_formula),
    "calibrated, tuned": TunedThresholdClassifierCV(calibrated, **tuned),
}

# %%
# Ten random halves
# -----------------

splits = list(StratifiedShuffleSplit(10, test_size=0.5, random_state=0).split(X, y))
costs = {name: [] for name in policies}
chosen = {"raw, tuned": [], "calibrated, tuned": []}
for train, test in splits:
    for name, policy in policies.items():
        policy.fit(X[train], y[train])
        costs[name].append(cost(y[test], policy.predict(X[test])))
        if name in chosen:
            chosen[name].append(policy.best_threshold_)
print(f"{'':22}cost of a row, mean of ten halves (standard error)")
for name, values in costs.items():
    print(f"{name:22}{np.mean(values):.3f} ({np.std(values, ddof=1) / len(values) ** 0.5:.3f})")
for name, thresholds in chosen.items():
    print(f"{name}: thresholds from {min(thresholds):.2g} to {max(thresholds):.2g}")

# %%
# Where the cheapest threshold lies
# ---------------------------------
# On calibrated probabilities it lies where the formula says. On raw ones the cost hardly
# depends on the threshold, for nearly all of them are 0 or 1.

train, test = splits[0]
thresholds = np.linspace(0.005, 0.995, 199)
fig, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for model, name, color in ((raw, "raw", "#d1495b"), (calibrated, "calibrated", "#00798c")):
    proba = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    ax.plot(
        thresholds, [cost(y[test], proba >= t) for t in thresholds], color=color, label=name
    )
ax.axvline(THRESHOLD, color="0.6", ls=":", label="the formula")
ax.set(xlabel="threshold", ylabel="cost of a row", ylim=(0, None))
ax.legend(frameon=False)
plt.show()

# %%
# What was learned
# ----------------

mean = {name: np.mean(values) for name, values in costs.items()}
best = min(mean, key=mean.get)
print(
    f"The formula on raw scores costs {mean['raw, formula']:.3f} for a row, on calibrated "
    f"ones {mean['calibrated, formula']:.3f}.\n"
    f"Tuning costs {mean['raw, tuned']:.3f} on raw scores and {mean['calibrated, tuned']:.3f} "
    f"on calibrated ones, and must be repeated when the costs change; the formula need not.\n"
    f"The threshold of 1/2, which predict uses, costs {mean['raw, 1/2']:.3f} and "
    f"{mean['calibrated, 1/2']:.3f}. Cheapest here: {best}."
)
