"""Outlier detectors have scores and no classes; boosters have an interface of their own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import IsotonicCalibration, PlattScaling

RNG = np.random.default_rng(0)
ODD = RNG.random(600) < 0.15
X = RNG.normal(size=(600, 2)) * np.where(ODD, 4, 1)[:, None]
LABELS = {
    "scikit-learn's": np.where(ODD, -1, 1),
    "one is odd": ODD.astype(int),
    "zero is odd": 1 - ODD,
    "names": np.where(ODD, "fraud", "usual"),
    "booleans": ODD,
}
DETECTORS = [
    IsolationForest(n_estimators=20, random_state=0),
    OneClassSVM(),
    LocalOutlierFactor(novelty=True),
    make_pipeline(StandardScaler(), OneClassSVM()),
]


def odd_probability(model, kind):
    typical = LABELS[kind][ODD][0]
    return model.predict_proba(X)[:, model.classes_.tolist().index(typical)]


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature", "beta"])
def test_a_frozen_detector_by_all_labels(method, kind):
    detector = IsolationForest(n_estimators=20, random_state=0).fit(X)
    model = CalibratedClassifierCV(FrozenEstimator(detector), method=method)
    model.fit(X, LABELS[kind])
    assert_array_equal(model.classes_, np.unique(LABELS[kind]))
    proba = odd_probability(model, kind)
    assert roc_auc_score(ODD, proba) > 0.8
    same = CalibratedClassifierCV(FrozenEstimator(detector), method=method)
    right = same.fit(X, LABELS["scikit-learn's"]).predict_proba(X)[:, 0]
    assert_allclose(proba, right, rtol=1e-6)
    if method != "temperature":  # which cannot move the threshold
        assert abs(proba.mean() - ODD.mean()) < 0.02


def test_the_way_by_arrays_gives_the_same():
    detector = IsolationForest(n_estimators=20, random_state=0).fit(X)
    model = CalibratedClassifierCV(FrozenEstimator(detector)).fit(X, ODD.astype(int))
    scores = -detector.decision_function(X)[:, None]
    for method, calibrator in (
        ("sigmoid", PlattScaling()),
        ("isotonic", IsotonicCalibration()),
    ):
        model = CalibratedClassifierCV(FrozenEstimator(detector), method=method).fit(X, ODD)
        right = calibrator.fit(scores, ODD).predict_proba(scores)
        assert_allclose(model.predict_proba(X), right, rtol=1e-7)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("base", DETECTORS, ids=lambda base: type(base).__name__)
def test_detectors_trained_in_folds(base, ensemble):
    for kind in ("scikit-learn's", "names"):
        model = CalibratedClassifierCV(base, ensemble=ensemble, cv=3).fit(X, LABELS[kind])
        proba = odd_probability(model, kind)
        assert roc_auc_score(ODD, proba) > 0.75
        assert abs(proba.mean() - ODD.mean()) < 0.05
        assert model.n_features_in_ == 2
    assert clone(model).fit(X, LABELS[kind]).score(X, LABELS[kind]) > 0.85


def test_a_detector_needs_no_outliers_to_train():
    # As in a time series whose first outlier comes late.
    order = np.concatenate([np.flatnonzero(~ODD)[:250], RNG.permutation(np.flatnonzero(ODD))])
    rest = np.flatnonzero(~ODD)[250:]
    order = np.concatenate([order[:250], RNG.permutation(np.concatenate([order[250:], rest]))])
    model = CalibratedClassifierCV(OneClassSVM(), cv=TimeSeriesSplit(3))
    model.fit(X[order], ODD[order])
    assert roc_auc_score(ODD, model.predict_proba(X)[:, 1]) > 0.75


def test_scores_of_a_detector_in_a_search():
    search = GridSearchCV(
        CalibratedClassifierCV(IsolationForest(n_estimators=10, random_state=0), cv=3),
        {"estimator__max_samples": [32, 64]},
        scoring="neg_log_loss",
        cv=2,
        error_score="raise",
    )
    assert search.fit(X, ODD).best_score_ > -0.5


class Scored(OutlierMixin, BaseEstimator):
    """A detector whose scores are the one feature."""

    def fit(self, X, y=None, sample_weight=None):
        self.weighted_ = sample_weight is not None
        return self

    def decision_function(self, X):
        return np.asarray(X)[:, 0]


def test_weights_reach_detectors_and_decide_the_side():
    z = RNG.normal(size=400)
    y = RNG.random(400) < expit(2 * z)
    weight = np.where((z > 0) == y, 0.01, 1.0)  # what counts is the other way round
    model = TemperatureCalibratedClassifier(Scored()).fit(z[:, None], y, sample_weight=weight)
    assert model.calibrated_classifiers_[0].estimator.detector.weighted_
    assert model.predict_proba([[2.0], [-2.0]])[0, 1] < 0.5


def test_detectors_tell_two_classes_apart():
    data, species = load_iris(return_X_y=True)
    for base in (IsolationForest(), FrozenEstimator(IsolationForest().fit(data))):
        with pytest.raises(
            ValueError, match=r"IsolationForest is an outlier detector.*3 classes"
        ):
            CalibratedClassifierCV(base).fit(data, species)


def fake(library, name, **methods):
    return type(name, (), {"__module__": f"{library}.basic", **methods})()


@pytest.mark.parametrize(
    ("library", "name", "call"),
    [
        ("lightgbm", "Booster", r"raw_score=True"),
        ("xgboost", "Booster", r"xgboost.DMatrix\(X\), output_margin=True"),
        ("catboost", "CatBoost", 'prediction_type="RawFormulaVal"'),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_boosters_are_named_with_the_way_by_arrays(library, name, call, frozen):
    booster = fake(library, name, predict=lambda self, X: X, fit=lambda self, X, y: self)
    with pytest.raises(ValueError, match=rf"holds a {library}.{name}, which(.|\n)*{call}"):
        CalibratedClassifierCV(FrozenEstimator(booster) if frozen else booster).fit(X, ODD)


@pytest.mark.parametrize(
    ("library", "name"), [("catboost", "Pool"), ("lightgbm", "Dataset"), ("xgboost", "DMatrix")]
)
def test_data_of_boosters_are_no_X(library, name):
    with pytest.raises(ValueError, match=f"X is a {library}.{name}, which cannot be split"):
        CalibratedClassifierCV().fit(fake(library, name), ODD)


def test_a_real_booster_by_the_way_that_is_shown():
    lightgbm = pytest.importorskip("lightgbm", reason="needs LightGBM: pip install lightgbm")
    import skcalib

    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(X[:300], ODD[:300]), 5)
    for estimator in (booster, FrozenEstimator(booster)):
        with pytest.raises(ValueError, match="calibrate on arrays") as error:
            CalibratedClassifierCV(estimator).fit(X[300:], ODD[300:])
    way = str(error.value).split("\n\n", 1)[1]
    names = {"booster": booster, "skcalib": skcalib, "X_calib": X[300:], "y_calib": ODD[300:]}
    names["X_new"] = X[:5]
    exec("\n".join(line[4:] for line in way.splitlines()), names)
    assert names["scaling"].score(names["scores"](X), ODD) > 0.8


def test_generators_are_no_X_in_predictions_either():
    model = CalibratedClassifierCV().fit(X, ODD)
    with pytest.raises(ValueError, match="generator"):
        model.predict_proba(row for row in X)
