"""Warnings are reported at the line that called the package, whatever lies between."""

import pickle
import warnings
from threading import Thread

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skcalib
from skcalib import CalibratedClassifierCV, calibrators, metrics
from skcalib.messages._warnings import Line, call_at_line, find_users_line, warn

RNG = np.random.default_rng(0)
Y = np.arange(60) % 2
X = RNG.normal(size=(60, 2)) + 5 * Y[:, None] * [-1, 1]
Y3 = np.arange(60) % 3
X3 = RNG.normal(size=(60, 3)) + np.eye(3)[Y3]
P3 = np.exp(X3) / np.exp(X3).sum(axis=1, keepdims=True)
SEPARABLE = np.eye(2)[Y] * 9
TINY = np.full(60, 1 / 60)


class NoWeights(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X[:, 0]


class Proba(NoWeights):
    """Its decision values look like probabilities."""

    def decision_function(self, X):
        return np.full((len(X), 3), 1 / 3)


def temperature(**parameters):
    return CalibratedClassifierCV(LogisticRegression(), method="temperature", **parameters)


TEMPERATURE = calibrators.TemperatureScaling()
CASES = {
    "bound": lambda: TEMPERATURE.fit(SEPARABLE, Y),
    "chance": lambda: calibrators.VectorScaling().fit(-X3, Y3),
    "ensemble": lambda: calibrators.EnsembleTemperatureScaling().fit(-X3, Y3),
    "probabilities": lambda: calibrators.PlattScaling().fit(P3, Y3),
    "no class": lambda: calibrators.PlattScaling().fit(X3, Y),
    "few weights": lambda: calibrators.PlattScaling().fit(X3, Y3, TINY),
    "column": lambda: calibrators.PlattScaling().fit(X3, Y3[:, None]),
    "column of a meta-estimator": lambda: CalibratedClassifierCV().fit(X3, Y3[:, None]),
    "weights of a method": lambda: CalibratedClassifierCV(
        GaussianNB(), method=KNeighborsClassifier(), cv=2
    ).fit(X, Y, np.ones(60)),
    "weights of a base": lambda: CalibratedClassifierCV(NoWeights()).fit(X, Y, TINY * 60),
    "answers": lambda: CalibratedClassifierCV(Proba(), cv=2).fit(X3, Y3),
    "folds": lambda: temperature(cv=2).fit(X, Y),
    "folds in threads": lambda: in_threads(temperature(cv=2, n_jobs=2)),
    "missing in folds": lambda: temperature(cv=[(np.arange(59), [0, 59, 1])]).fit(X3, Y3),
    "a pipeline": lambda: make_pipeline(StandardScaler(), TEMPERATURE).fit(SEPARABLE, Y),
    "a search": lambda: GridSearchCV(TEMPERATURE, {}, cv=2).fit(SEPARABLE, Y),
    "scores": lambda: cross_val_score(TEMPERATURE, SEPARABLE, Y, cv=2),
    "a metric": lambda: metrics.calibration_error(
        Y3, P3, sample_weight=TINY, debias=True, norm="l2"
    ),
    "no errors": lambda: metrics.error_detection_auc_score(Y3, np.eye(3)[Y3] * 1.0),
    "a bootstrap": lambda: metrics.bootstrap_interval(
        metrics.murphy_decomposition, Y3, P3, n_resamples=9, random_state=0
    ),
    "recalibration": lambda: metrics.calibration_loss(
        Y, np.c_[1 - Y, Y] * 0.98 + 0.01, calibrator=TEMPERATURE
    ),
}


def in_threads(model):
    with parallel_config(backend="threading"):
        return CalibratedClassifierCV(model, cv=2, n_jobs=2).fit(X, Y)


def caught(function):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function()
    return found


def lines_of(*functions):
    return {line for f in functions for _, _, line in f.__code__.co_lines()}


@pytest.mark.parametrize("name", CASES)
def test_the_users_line(name):
    found = caught(CASES[name])
    assert found
    for warning in found:
        assert warning.filename == __file__, warning.message
        assert warning.lineno in lines_of(CASES[name], in_threads), warning.message


def test_an_old_pickle_warns_where_it_is_loaded(monkeypatch):
    data = pickle.dumps(TEMPERATURE)
    monkeypatch.setattr(skcalib, "__version__", "99.9")

    def load():
        return pickle.loads(data)

    (warning,) = caught(load)
    assert (warning.filename, warning.lineno in lines_of(load)) == (__file__, True)


def fit_here(*_):
    TEMPERATURE.fit(SEPARABLE, Y)


def in_a_thread():
    thread = Thread(target=fit_here)
    thread.start()
    thread.join()


def in_joblib():
    Parallel(n_jobs=2, backend="threading")(delayed(fit_here)(i) for i in range(2))


@pytest.mark.parametrize("function", [fit_here, in_a_thread, in_joblib])
def test_a_users_own_threads_and_jobs(function):
    found = caught(function)
    assert found
    assert {w.lineno for w in found} <= lines_of(fit_here)


def test_a_thread_that_nobody_else_works_in_still_warns():
    def start():
        thread = Thread(target=TEMPERATURE.fit, args=(SEPARABLE, Y))
        thread.start()
        thread.join()

    (warning,) = caught(start)
    assert warning.category is ConvergenceWarning


def test_workers_are_told_the_line():
    line = find_users_line()
    assert line.filename == __file__
    found = caught(lambda: call_at_line(line, warn, "far away"))
    assert [(w.filename, w.lineno) for w in found] == [(__file__, line.number)]
    (after,) = caught(lambda: warn("here again"))
    assert after.lineno != line.number


def test_a_line_is_warned_of_once_by_default():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(2):
            warn("once")
        for _ in range(2):
            call_at_line(Line("elsewhere.py", 3, "elsewhere"), warn, "once there")
    assert [str(w.message) for w in found] == ["once", "once there"]


def test_filters_by_module_see_the_users():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
        TEMPERATURE.fit(SEPARABLE, Y)
    assert found == []
