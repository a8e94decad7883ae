"""
A tour: look at probabilities, measure them, calibrate them
===========================================================

First two classes, then ten, then the same ten after calibration: each question with the
picture that shows it and the number that measures it. Nothing here is specific to these data;
use your own ``y_test`` and ``proba``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import CalibratedClassifierCV, metrics
from skcalib.displays import (
    ConfidenceHistogramDisplay,
    DecompositionDisplay,
    ReliabilityDisplay,
    RiskCoverageDisplay,
)

# %%
# Two classes: is 90 % right nine times in ten?
# ---------------------------------------------
# Naive Bayes and logistic regression on tumours. The diagram has intervals, for there are 285
# rows, and between 0.1 and 0.9 there are hardly any.

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, train_size=0.5, random_state=0)
tumours = {
    "naive Bayes": GaussianNB().fit(X, y),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y),
}
ReliabilityDisplay.from_estimator(tumours, X_test, y_test, random_state=0)
plt.show()

# %%
# The calibration error in figures: in bins (ECE), without bins, and in bins with the part
# taken off that chance alone would give.

for name, model in tumours.items():
    proba = model.predict_proba(X_test)
    ece = metrics.expected_calibration_error(y_test, proba)
    smooth = metrics.smooth_calibration_error(y_test, proba)
    debiased = metrics.calibration_error(y_test, proba, norm="l2", debias=True)
    print(f"{name:12} ECE {ece:.3f}, smooth {smooth:.3f}, root mean square {debiased:.3f}")

# %%
# Which model is better, and by what?
# -----------------------------------
# A calibration error is no judge of models: the base rate for everybody has none. A proper
# loss is, and it falls into what calibration could mend and what it could not. Is the
# difference more than luck?

DecompositionDisplay.from_estimator(tumours, X_test, y_test)
plt.show()

parts = {}
for name, model in tumours.items():
    parts[name] = metrics.corp_decomposition(y_test, model.predict_proba(X_test))
    _, miscalibration, discrimination, _ = parts[name]
    print(f"{name:12} miscalibration {miscalibration:.3f}, discrimination {discrimination:.3f}")
difference = metrics.bootstrap_difference(
    metrics.brier_score_loss,
    y_test,
    *(model.predict_proba(X_test) for model in tumours.values()),
    random_state=0,
)
print(f"difference in Brier loss: {difference.difference:.3f}, ", end="")
print(f"95 % interval [{difference.low:.3f}, {difference.high:.3f}]")

# %%
# Ten classes: how sure is it of what it gets wrong?
# --------------------------------------------------
# A perceptron that knows 200 handwritten digits by heart.

X, y = load_digits(return_X_y=True)
X_train, X, y_train, y = train_test_split(X / 16, y, train_size=200, random_state=0)
X_calib, X_test, y_calib, y_test = train_test_split(X, y, train_size=500, random_state=0)
network = MLPClassifier((64,), solver="lbfgs", alpha=0, max_iter=2000, random_state=0)
network.fit(X_train, y_train)
raw = network.predict_proba(X_test)
ConfidenceHistogramDisplay.from_predictions(y_test, raw, name="perceptron")
plt.show()

# %%
# With many classes there are several errors of calibration, and they answer different
# questions: of the confidence, of each class's probability, of each predicted class.

for notion in ("confidence", "class-wise", "top-label"):
    print(f"{notion:11} {metrics.expected_calibration_error(y_test, raw, notion=notion):.3f}")
ReliabilityDisplay.from_predictions(
    y_test, raw, notion="class-wise", random_state=0, name="perceptron"
)
plt.show()

# %%
# The same after calibration
# --------------------------
# 500 further digits; a temperature, and the automatic choice.

models = {"perceptron": network}
for method in ("temperature", "auto"):
    model = CalibratedClassifierCV(FrozenEstimator(network), method=method)
    models[method] = model.fit(X_calib, y_calib)
ReliabilityDisplay.from_estimator(models, X_test, y_test, random_state=0)
plt.show()

choice = models["auto"].calibrated_classifiers_[0].calibrators[0].describe()
print(choice)

# %%
# What may be answered, if 2 % errors are allowed? Calibration changes how sure it is, and
# hardly the order in which it is sure.

RiskCoverageDisplay.from_estimator(models, X_test, y_test, risk=0.02, random_state=0)
plt.show()

# %%
# What was learned
# ----------------

losses, errors = {}, {}
for name, model in models.items():
    proba = model.predict_proba(X_test)
    losses[name] = metrics.log_loss(y_test, proba)
    errors[name] = metrics.expected_calibration_error(y_test, proba)
naive = parts["naive Bayes"]
print(
    f"Of the Brier loss of naive Bayes, {naive.miscalibration:.3f} is miscalibration; of the "
    f"logistic regression's, {parts['logistic'].miscalibration:.3f}.\n"
    "Ten classes, calibration error and log loss: "
    + "; ".join(f"{name} {errors[name]:.3f}, {losses[name]:.3f}" for name in models)
    + "."
)
