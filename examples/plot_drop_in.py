"""
Does it fit into my Pipeline and my GridSearchCV?
=================================================

``CalibratedClassifierCV`` is scikit-learn's, with more methods and fewer defects: one import
changes. Its place is around a pipeline, inside one, inside a search, and around a search.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn.calibration
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skcalib import CalibratedClassifierCV, metrics

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

# %%
# Around a pipeline
# -----------------
# The scaler is then trained in each fold, too, so that held-out rows are held out from
# everything. Both classes take the same arguments.

pipeline = make_pipeline(StandardScaler(), LinearSVC(random_state=0))
losses, probas = {}, {}
for method in ("sigmoid", "isotonic", "temperature"):
    for source in (sklearn.calibration, None):
        maker = CalibratedClassifierCV if source is None else source.CalibratedClassifierCV
        name = f"{method}, {'skcalib' if source is None else 'scikit-learn'}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what scikit-learn's class warns about
            try:
                model = maker(pipeline, method=method, cv=5).fit(X, y)
            except ValueError:  # scikit-learn before 1.8 has no temperature
                continue
        probas[name] = model.predict_proba(X_test)
        losses[name] = metrics.log_loss(y_test, probas[name])
for name, loss in losses.items():
    print(f"{name:28}log loss {loss:.3f}")

# %%
# In a search
# -----------
# A method is a parameter like any other, and so are the parameters of the pipeline within.
# Scorers come from ``make_proba_scorer``.

search = GridSearchCV(
    CalibratedClassifierCV(pipeline, cv=3),
    {
        "method": ["sigmoid", "isotonic", "temperature"],
        "estimator__linearsvc__C": [0.01, 0.1, 1.0],
    },
    scoring=metrics.make_proba_scorer(metrics.log_loss),
    cv=3,
)
search.fit(X, y)
print("Best of", len(search.cv_results_["params"]), "pairs:", search.best_params_)

# %%
# In a Pipeline, and under cross-validation
# -----------------------------------------

calibrated = CalibratedClassifierCV(LinearSVC(random_state=0), method="temperature", cv=3)
scoring = {
    "log loss": metrics.make_proba_scorer(metrics.log_loss),
    "smooth error": metrics.make_proba_scorer(metrics.smooth_calibration_error),
}
found = cross_validate(make_pipeline(StandardScaler(), calibrated), X, y, scoring=scoring, cv=3)
for name in scoring:
    print(f"{name:14}{-found[f'test_{name}'].mean():.3f}")

# %%
# How often is it right?
# ----------------------

fig, ax = plt.subplots(figsize=(5, 4.2), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.7", lw=1)
for name, proba in probas.items():
    if name.endswith("skcalib"):
        curve = metrics.reliability_curve(y_test, proba, n_bins=8)
        often = curve.count >= 5
        ax.plot(curve.mean_proba[often], curve.frequency[often], "o-", label=name)
ax.set(xlabel="how sure it is", ylabel="how often it is right")
ax.legend(frameon=False)
plt.show()

# %%
# What was learned
# ----------------

chosen = metrics.log_loss(y_test, search.predict_proba(X_test))
ours = {name: loss for name, loss in losses.items() if name.endswith("skcalib")}
infinite = [name for name, loss in losses.items() if not np.isfinite(loss)]
print(
    f"Of three methods, {min(ours, key=ours.get)} has the lowest log loss: "
    f"{min(ours.values()):.3f}; the search over C and method reaches {chosen:.3f}.\n"
    f"Infinite log loss, from calling the truth impossible: {infinite or 'none'}."
)
