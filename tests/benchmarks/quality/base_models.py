"""What classifiers say of held-out rows of real sets, kept on disk once it is made."""

import time
import warnings
from pathlib import Path

import numpy as np

from quality import tabular_sets

SEEDS = (0, 1)
MODELS = ("forest", "boosting", "bayes", "perceptron", "logistic")


def model_of(name, seed):
    """Return an unfitted classifier."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "forest": lambda: RandomForestClassifier(random_state=seed, n_jobs=1),
        "boosting": lambda: HistGradientBoostingClassifier(random_state=seed),
        "bayes": GaussianNB,
        "perceptron": lambda: make_pipeline(StandardScaler(), MLPClassifier(random_state=seed)),
        "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }[name]()


def seeds_of(set_name):
    """Return the seeds of a set."""
    return SEEDS[:1] if set_name in tabular_sets.HEAVY else SEEDS


def outputs(set_name, model_name, seed, cache):
    """Return calibration and test probabilities and labels: p_cal, y_cal, p_test, y_test.

    Half of the rows train the model, a quarter calibrates, a quarter tests (stratified).
    """
    path = Path(cache) / f"{set_name}__{model_name}__{seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **_made(set_name, model_name, seed))
    with np.load(path) as kept:
        return {key: kept[key] for key in ("p_cal", "y_cal", "p_test", "y_test")}


def _made(set_name, model_name, seed):
    from sklearn.model_selection import train_test_split

    X, y = tabular_sets.load(set_name)
    split = {"test_size": 0.5, "random_state": seed}
    X_train, X_rest, y_train, y_rest = train_test_split(X, y, stratify=y, **split)
    X_cal, X_test, y_cal, y_test = train_test_split(X_rest, y_rest, stratify=y_rest, **split)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some perceptrons stop before they converge
        model = model_of(model_name, seed).fit(X_train, y_train)
    made = {"p_cal": model.predict_proba(X_cal), "p_test": model.predict_proba(X_test)}
    made |= {"y_cal": y_cal, "y_test": y_test, "seconds": time.perf_counter() - start}
    return made


def make_all(cache, verbose=True):
    """Make what is not on disk yet, the half for development first."""
    jobs = [
        (set_name, model_name, seed)
        for which in ("dev", "report")
        for kind in ("multiclass", "binary")
        for set_name in tabular_sets.half(kind, which)
        if tabular_sets.is_there(set_name)
        for seed in seeds_of(set_name)
        for model_name in MODELS
    ]
    for job in jobs:
        start = time.perf_counter()
        outputs(*job, cache)
        if verbose and time.perf_counter() - start > 1:
            print(*job, f"{time.perf_counter() - start:.0f} s", flush=True)
