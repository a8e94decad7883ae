"""Draw the guide's pictures from the code on its pages.

python docs/_sphinx/page_pictures.py
"""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from skcalib.displays import DecisionCurveDisplay, ReliabilityDisplay

DOCS = Path(__file__).parents[1]
EXPECTED, MADE = "#0072B2", "#D55E00"


def run_page(name, n_blocks):
    """Run the first blocks of Python on a page; return their names."""
    found = re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(), re.M | re.S)
    names = {}
    exec(compile("\n".join(found[:n_blocks]), name, "exec"), names)
    return names


def save(figure, name):
    """Write a picture beside the pages."""
    figure.savefig(DOCS / name, dpi=90)
    plt.close(figure)
    print(name)


def draw_idea(y, before, after):
    """Draw how many errors a model expects and how many it makes, before and after."""
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 2), layout="constrained", sharex=True)
    for ax, proba, when in zip(axes, (before, after), ("Before", "After"), strict=True):
        expected = 100 * (1 - proba.max(axis=1).mean())
        made = 100 * (proba.argmax(axis=1) != y).mean()
        ax.barh([1, 0], [expected, made], color=[EXPECTED, MADE], height=0.7)
        for place, length, verb in ((1, expected, "it expects"), (0, made, "it makes")):
            words = f"{verb} {length:.0f} errors in 100"
            ax.text(length + 0.2, place, words, va="center", fontsize=12)
        ax.set_title(when, loc="left", fontsize=13)
        ax.set(xlim=(0, 19), yticks=[], xticks=[])
        ax.spines[:].set_visible(False)
    save(figure, "idea.png")


def draw_confidence():
    """Draw the page's network, and the idea."""
    names = run_page("confidence.md", 1)
    y, X = names["y_test"], names["X_test"]
    probas = {
        "the network": names["network"].predict_proba(X),
        "with a temperature": names["calibrated"].predict_proba(X),
    }
    draw_idea(y, *probas.values())
    made = ReliabilityDisplay.from_predictions(y, probas, n_bins=6, random_state=0)
    made.figure_.set_size_inches(5, 4.4)
    save(made.figure_, "confidence.png")


def draw_resampled():
    """Draw the page's classifier of a rare class, on log-odds."""
    names = run_page("resampled.md", 1)
    probas = {
        "balanced classes": names["trained"].predict_proba(names["X_test"]),
        "calibrated": names["model"].predict_proba(names["X_test"]),
    }
    made = ReliabilityDisplay.from_predictions(
        names["y_test"],
        probas,
        strategy="quantile",
        n_bins=8,
        scale="log-odds",
        random_state=0,
    )
    made.figure_.set_size_inches(5, 4.4)
    save(made.figure_, "resampled.png")


def draw_acting():
    """Draw what acting on the page's two models is worth, at each threshold."""
    names = run_page("acting.md", 1)
    X, y, X_test, y_test = (names[name] for name in ("X", "y", "X_test", "y_test"))
    models = {"naive Bayes": names["GaussianNB"](), "calibrated": names["calibrated"]}
    probas = {name: model.fit(X, y).predict_proba(X_test) for name, model in models.items()}
    made = DecisionCurveDisplay.from_predictions(y_test, probas)
    made.figure_.set_size_inches(5.6, 3.9)
    save(made.figure_, "acting.png")


def draw_which_method():
    """Draw what three methods make of naive Bayes."""
    from sklearn.datasets import make_classification
    from sklearn.frozen import FrozenEstimator
    from sklearn.naive_bayes import GaussianNB

    from skcalib import CalibratedClassifierCV

    X, y = make_classification(8000, n_informative=5, n_redundant=10, random_state=0)
    parts = np.split(np.arange(len(y)), [1000, 3000])
    trained = FrozenEstimator(GaussianNB().fit(X[parts[0]], y[parts[0]]))
    probas = {"naive Bayes": trained.predict_proba(X[parts[2]])}
    for method in ("temperature", "beta", "isotonic"):
        model = CalibratedClassifierCV(trained, method=method).fit(X[parts[1]], y[parts[1]])
        probas[method] = model.predict_proba(X[parts[2]])
    made = ReliabilityDisplay.from_predictions(y[parts[2]], probas, n_bins=8, random_state=0)
    made.figure_.set_size_inches(5.4, 5)
    save(made.figure_, "which_method.png")


if __name__ == "__main__":
    draw_confidence()
    draw_resampled()
    draw_acting()
    draw_which_method()
