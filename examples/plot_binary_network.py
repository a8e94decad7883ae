"""
How sure is this binary network, and how sure is it of that?
============================================================

A network with one sigmoid says 0.97. Is that a confidence? Three answers to the same
question, on tumours that it has not seen: ``predict_proba`` as it is, the same after
calibration, and Monte Carlo dropout, which runs sub-networks at several dropout rates
and shows how much they disagree.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skcalib import MCDropoutClassifier, TemperatureCalibratedClassifier
from skcalib.metrics import error_detection_auc_score, expected_calibration_error, log_loss

# %%
# A network with dropout, trained for long on 100 rows
# ----------------------------------------------------
# 200 rows are kept to calibrate on, the rest to look at.

X, y = load_breast_cancer(return_X_y=True)
X_train, X, y_train, y = train_test_split(X, y, train_size=100, stratify=y, random_state=0)
X_calib, X_test, y_calib, y_test = train_test_split(
    X, y, train_size=200, stratify=y, random_state=0
)
scaler = StandardScaler().fit(X_train)
X_train, X_calib, X_test = map(scaler.transform, (X_train, X_calib, X_test))

keras.utils.set_random_seed(0)
network = keras.Sequential(
    [
        keras.Input((30,)),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(1, "sigmoid"),
    ]
)
network.compile(keras.optimizers.Adam(0.005), "binary_crossentropy")
network.fit(X_train, y_train, epochs=50, verbose=0)

# %%
# Three answers
# -------------

plain = network.predict(X_test, verbose=0)[:, 0]
calibrated = TemperatureCalibratedClassifier(network).fit(X_calib, y_calib)
dropout = MCDropoutClassifier(network, n_draws=200, random_state=0).fit(X_calib, y_calib)
both = TemperatureCalibratedClassifier(dropout).fit(X_calib, y_calib)
answers = {
    "predict_proba": plain,
    "calibrated": calibrated.predict_proba(X_test)[:, 1],
    "MC dropout": dropout.predict_proba(X_test)[:, 1],
    "MC dropout, calibrated": both.predict_proba(X_test)[:, 1],
}


def describe(proba):
    right = accuracy_score(y_test, proba > 0.5)
    sure = np.maximum(proba, 1 - proba).mean()
    error = expected_calibration_error(y_test, proba)
    return right, sure, log_loss(y_test, proba), error


print(f"{'':24}accuracy  confidence  log loss  calib. error")
figures = {name: describe(proba) for name, proba in answers.items()}
for name, (right, sure, loss, error) in figures.items():
    print(f"{name:24}{right:8.1%}{sure:12.1%}{loss:10.3f}{error:14.3f}")

# %%
# How to read this table. The log loss is the judge: it is infinite where a network says 0 of
# what happens then, and calibration lowers it. The calibration error tells little: a handful of
# mistakes are too few to tell these four apart by it, and in bins a single 0.0000 that was
# wrong counts as one row among many. Accuracy stays, since a temperature changes no decision.

# %%
# Levels of dropout, with intervals
# ---------------------------------
# The five tumours that the sub-networks disagree about most, and one of which all are sure.
# The band holds 90 % of the sub-networks. It grows with the level that *we* choose, so it is
# no confidence interval of the probability.

levels = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
result = dropout.set_params(rate=levels).predict_uncertainty(X_test)
trained_with = levels.index(0.3)
width = (result.high - result.low)[trained_with, :, 1]
rows = [*width.argsort()[::-1][:5], width.argmin()]

fig, axes = plt.subplots(2, 3, figsize=(9, 5), sharex=True, sharey=True, layout="constrained")
for ax, row in zip(axes.flat, rows, strict=True):
    low, high = result.low[:, row, 1], result.high[:, row, 1]
    ax.fill_between(levels, low, high, alpha=0.25, lw=0, label="90 % of sub-networks")
    ax.plot(levels, result.mean[:, row, 1], "o-", ms=4, label="their mean")
    ax.axhline(plain[row], color="#d1495b", ls="--", label="predict_proba")
    ax.axhline(answers["calibrated"][row], color="0.4", ls=":", label="calibrated")
    ax.set_title(f"number {row}: {'benign' if y_test[row] else 'malignant'}", fontsize=10)
    ax.set_ylim(-0.03, 1.03)
axes[1, 1].set_xlabel("level of dropout")
axes[0, 0].set_ylabel("P(benign)")
axes[1, 0].set_ylabel("P(benign)")
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %%
# What was learned
# ----------------

wrong = (plain > 0.5) != y_test
sure_and_wrong = np.maximum(plain, 1 - plain)[wrong]
best = min(figures, key=lambda name: figures[name][2])
found = {name: error_detection_auc_score(y_test, proba) for name, proba in answers.items()}
print(
    f"predict_proba: {wrong.sum()} mistakes among {len(y_test)}, in the median of them "
    f"{np.median(sure_and_wrong):.0%} sure.\n"
    f"On average {figures['predict_proba'][1]:.1%} sure, and right in "
    f"{figures['predict_proba'][0]:.1%}; calibrated {figures['calibrated'][1]:.1%} sure.\n"
    f"Lowest log loss: {best}, {figures[best][2]:.3f} instead of "
    f"{figures['predict_proba'][2]:.3f}.\n"
    f"As a detector of mistakes: predict_proba {found['predict_proba']:.2f}, MC dropout "
    f"{found['MC dropout']:.2f} (area under the ROC curve).\n"
    f"Mean width of the interval at level {levels[0]}: "
    f"{(result.high - result.low)[0, :, 1].mean():.3f}, at {levels[-1]}: "
    f"{(result.high - result.low)[-1, :, 1].mean():.3f}."
)
