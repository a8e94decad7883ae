"""One experiment: rows of one classifier to calibrate and to test, for all methods to try."""

import time
import warnings

import numpy as np

from quality import base_models, tabular_sets
from quality.methods import UNCALIBRATED

SMALLEST = 1e-15  # probabilities of the true class are raised to this before the logarithm
MEASURES = ("loss", "brier", "accuracy", "gain", "gain_se", "seconds")


def row_losses(proba, y):
    """Return the log loss of each row."""
    true = proba[np.arange(len(y)), y].astype(np.float64)
    return -np.log(np.clip(true, SMALLEST, 1))


def scores(proba, y, before, seconds):
    """Return the measures of one method; `before` are the uncalibrated row losses."""
    losses = row_losses(proba, y)
    gain = before - losses
    truth = np.eye(proba.shape[1])[y]
    return {
        "loss": losses.mean(),
        "brier": ((proba - truth) ** 2).sum(axis=1).mean(),
        "accuracy": (proba.argmax(axis=1) == y).mean(),
        "gain": gain.mean(),
        "gain_se": gain.std(ddof=1) / np.sqrt(len(y)),
        "seconds": seconds,
    }


def tried(methods, data):
    """Return {method: measures} of one experiment; a method that raises has lost it."""
    before = row_losses(data["p_test"], data["y_test"])
    found = {}
    for name, method in methods.items():
        start = time.process_time()
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                proba = method(data["p_cal"], data["y_cal"], data["p_test"])
            seconds = time.process_time() - start
            found[name] = scores(np.asarray(proba), data["y_test"], before, seconds)
        except Exception as error:
            if not name.startswith(("scikit-learn", "probmetrics")):
                raise
            lost = -np.log(SMALLEST)
            found[name] = dict.fromkeys(MEASURES, np.nan) | {"loss": lost, "error": error}
    return found


def subset(data, n_samples, seed):
    """Return the experiment with a random few of its calibration rows, or None.

    The draw is not stratified: classes may go missing. If all but one do, there is no
    experiment, and neither if there are not so many rows.
    """
    if len(data["y_cal"]) < n_samples:
        return None
    rows = np.random.default_rng(seed).permutation(len(data["y_cal"]))[:n_samples]
    if len(np.unique(data["y_cal"][rows])) < 2:
        return None
    return data | {"p_cal": data["p_cal"][rows], "y_cal": data["y_cal"][rows]}


def tabular(kind, which, cache, n_samples=None, models=base_models.MODELS):
    """Yield ((set, model, seed), data) of a half, as far as its packages are installed."""
    for set_name in tabular_sets.half(kind, which):
        if not tabular_sets.is_there(set_name):
            continue
        for model_name in models:
            for seed in base_models.seeds_of(set_name):
                data = base_models.outputs(set_name, model_name, seed, cache)
                if n_samples is not None:
                    data = subset(data, n_samples, seed)
                if data is not None:
                    yield (set_name, model_name, seed), data


def table_of(keys_and_data, methods, n_jobs=1):
    """Try all methods in all experiments; return keys and {measure: (experiment, method)}."""
    from joblib import Parallel, delayed

    keys_and_data = list(keys_and_data)
    found = Parallel(n_jobs=n_jobs)(delayed(tried)(methods, data) for _, data in keys_and_data)
    measures = {
        measure: np.array([[one[name][measure] for name in methods] for one in found])
        for measure in MEASURES
    }
    failures = {name: sum("error" in one[name] for one in found) for name in methods}
    return [key for key, _ in keys_and_data], measures, failures


def before_column(methods):
    """Return the place of the uncalibrated answer among the methods."""
    return list(methods).index(UNCALIBRATED)
