"""
Does the model help those who act on it?
========================================

A biopsy for each suspected tumour, or for none, needs no model. At which thresholds does a
model do better than both, is that more than luck, and does calibration matter? Decision curves
answer in units of tumours found, cost curves for every ratio of costs, both with intervals;
what a second opinion may cost is a question of its own.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

from skcalib import CalibratedClassifierCV
from skcalib.decision import PriorShiftClassifier
from skcalib.displays import CostDisplay, DecisionCurveDisplay
from skcalib.metrics import cost_curve, net_benefit_curve, value_of_abstaining

# %%
# Two models on held-out rows
# ---------------------------
# Naive Bayes on five of the thirty features (means of radius, texture and the like) is much too
# sure; beta calibration mends that.

X, y = load_breast_cancer(return_X_y=True)
X, y = X[:, :5], 1 - y  # 1: malignant
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
models = {
    "naive Bayes": GaussianNB().fit(X, y),
    "calibrated": CalibratedClassifierCV(GaussianNB(), method="beta").fit(X, y),
}

# %%
# Decision curves
# ---------------
# On the left net benefit with pointwise 95 % bands; acting on all is the dashed line. Bands
# overlap, but both models judge the same rows: on the right their paired difference, whose band
# is narrow where only few rows are judged differently.

figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
DecisionCurveDisplay.from_estimator(models, X_test, y_test, ax=left)
paired = DecisionCurveDisplay.from_estimator(
    models, X_test, y_test, reference="naive Bayes", thresholds=np.arange(1, 81) / 100, ax=right
)

# %%
# Where fewer have it
# -------------------
# Among these rows, 37 % are malignant. Where it is 2 %, probabilities have to be those for 2 %
# (``PriorShiftClassifier``), and benefits have to be counted for 2 %: `prevalence`.

rates = {0: 0.98, 1: 0.02}
rare = {
    name: PriorShiftClassifier(FrozenEstimator(model), priors=rates).fit(X, y)
    for name, model in models.items()
}
DecisionCurveDisplay.from_estimator(rare, X_test, y_test, prevalence=0.02)

# %%
# Cost curves
# -----------
# The thin lines take the best threshold, found on these very rows. The thick ones take it from
# the costs, as one does without such a search; what lies between is the price of
# miscalibration.

CostDisplay.from_estimator(models, X_test, y_test)

# %%
# What may a second opinion cost?
# -------------------------------
# A missed tumour costs 20, a biopsy in vain 1. The value of leaving the unsure cases to
# somebody else falls with what that costs for each case.

costs = [[0, 1], [20, 0]]
prices = np.array([0.1, 0.2, 0.4, 0.6])
proba = models["calibrated"].predict_proba(X_test)
second = value_of_abstaining(y_test, proba, abstain_cost=prices, cost_matrix=costs)
for price, value, low, high, share in zip(*second[:5], strict=True):
    print(
        f"at {price:.2f}: saves {value:.3f} [{low:.3f}, {high:.3f}], {share:.0%} left undecided"
    )

# %%
# What was learned
# ----------------

better = paired.curve[0]
sure = better.threshold[better.low > 0]
print(f"The calibrated model is better, band above zero, at {len(sure)} of 80 thresholds.")
for name, model in rare.items():
    proba = model.predict_proba(X_test)
    curve = net_benefit_curve(y_test, proba, prevalence=0.02)
    useful = curve.net_benefit > np.maximum(curve.act_on_all, 0)
    print(f"{name}: at 2 %, better than acting on all or none at {useful.sum()} of 99.")
    curve = cost_curve(y_test, models[name].predict_proba(X_test))
    lost = (curve.cost - curve.envelope).mean()
    print(f"{name}: mean cost that the best thresholds would save: {lost:.3f}.")
