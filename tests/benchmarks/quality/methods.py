"""All that is compared: our calibrators, scikit-learn's three, probmetrics' where installed."""

import importlib.util
import inspect

import numpy as np

from skcalib import calibrators
from skcalib.calibrators import logits_from_proba, probability_floor

UNCALIBRATED = "uncalibrated"


def uncalibrated(p_cal, y_cal, p_test):
    """Leave probabilities as they are."""
    return p_test


def ours(calibrator):
    """Return a method that learns the floor from the calibration rows, as in practice."""

    def method(p_cal, y_cal, p_test):
        floor = probability_floor(p_cal)
        rows = logits_from_proba(p_cal, floor), np.asarray(y_cal, dtype=np.intp)
        model = calibrator.fit_columns(*rows, np.ones(len(p_cal)), floor)
        unchanged = model.unchanged_proba(p_test, floor)  # as in CalibratedClassifierCV
        if unchanged is not None:
            return unchanged
        return model.predict_proba(logits_from_proba(p_test, floor))

    return method


def scikit_learn(name):
    """Return scikit-learn's method of that name, on probabilities."""
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    class Given(ClassifierMixin, BaseEstimator):
        """A classifier whose features are its probabilities."""

        def fit(self, X, y):
            self.classes_ = np.arange(X.shape[1])
            return self

        def predict(self, X):
            return X.argmax(axis=1)

        def predict_proba(self, X):
            return X

    def method(p_cal, y_cal, p_test):
        frozen = FrozenEstimator(Given().fit(p_cal, y_cal))
        model = CalibratedClassifierCV(frozen, method=name).fit(p_cal, y_cal)
        return model.predict_proba(p_test)

    return method


def probmetrics(name):
    """Return a method of probmetrics by its name there."""

    def method(p_cal, y_cal, p_test):
        from probmetrics.calibrators import get_calibrator

        return get_calibrator(name).fit(p_cal, y_cal).predict_proba(p_test)

    return method


def all_methods():
    """Return {name: function of (p_cal, y_cal, p_test)}."""
    methods = {UNCALIBRATED: uncalibrated}
    for name in calibrators.__all__:
        thing = getattr(calibrators, name)
        if inspect.isclass(thing) and not inspect.isabstract(thing):
            methods[thing.short_name] = ours(thing())
    for name in ("sigmoid", "isotonic", "temperature"):
        methods[f"scikit-learn {name}"] = scikit_learn(name)
    if importlib.util.find_spec("probmetrics"):
        for name in ("sms", "svs", "ts-mix", "quadratic"):
            methods[f"probmetrics {name}"] = probmetrics(name)
    return methods
