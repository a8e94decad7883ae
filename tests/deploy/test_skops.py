"""Models that skops and mlflow save and load."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from support.calibrators import all_calibrators

from skcalib import (
    CalibratedClassifierCV,
    DeepEnsembleClassifier,
    DeepEnsembleRegressor,
    MCDropoutClassifier,
    MCDropoutRegressor,
    TemperatureCalibratedClassifier,
)
from skcalib.calibrators import PlattScaling
from skcalib.decision import (
    CostSensitiveClassifier,
    PriorShiftClassifier,
    SelectiveClassifier,
)
from skcalib.deploy import DescribedCalibrator, describe, trusted_types
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty
from skcalib.uncertainty import EnsembleMembersClassifier, LaplaceClassifier

X, Y = load_digits(n_class=3, return_X_y=True)
X = (X[:240, ::4] + np.random.default_rng(0).normal(size=(240, 16))) / 16
Y = Y[:240]


def read_by_skops(model, more=()):
    sio = pytest.importorskip("skops.io", reason="needs skops: pip install 'skcalib[skops]'")
    return sio.loads(sio.dumps(model), trusted=[*trusted_types(), *more])


def perceptron():
    return MLPClassifier((5,), max_iter=5, random_state=0)


def estimators():
    """Return fitted estimators, by what they are tried for, and what their classifier needs."""
    line, forest = LogisticRegression(), RandomForestClassifier(3, random_state=0)
    tree = ["sklearn.tree._tree.Tree"]
    adam = ["sklearn.neural_network._stochastic_optimizers.AdamOptimizer"]
    of_inputs = {"on": "inputs"}
    numbers = MLPRegressor(hidden_layer_sizes=(5,), max_iter=5)
    calibrated = TemperatureCalibratedClassifier(GaussianNB(), cv=2)
    return {
        "frozen": (CalibratedClassifierCV(FrozenEstimator(line.fit(X, Y))), []),
        "temperature": (calibrated, []),
        "auto": (CalibratedClassifierCV(line, method="auto", cv=2), []),
        "spline": (CalibratedClassifierCV(line, method="spline", ensemble="joined", cv=2), []),
        "forest": (CalibratedClassifierCV(forest, method="isotonic", cv=2), tree),
        "costs": (CostSensitiveClassifier(line, cost_matrix=1 - np.eye(3)), []),
        "shift": (PriorShiftClassifier(line, priors=[0.5, 0.3, 0.2]), []),
        "selective": (SelectiveClassifier(line), []),
        "members": (EnsembleMembersClassifier(forest), tree),
        "dropout": (MCDropoutClassifier(perceptron()), adam),
        "dropout of numbers": (MCDropoutRegressor(numbers), adam),
        "laplace": (LaplaceClassifier(line, cv=2), []),
        "full": (LaplaceClassifier(line, structure="full", prior_precision=1.0), []),
        "ensemble": (DeepEnsembleClassifier(forest, n_members=2), tree),
        "ensemble of numbers": (DeepEnsembleRegressor(LinearRegression(), n_members=2), []),
        "distance": (DistanceAwareTemperatureClassifier(line, cv=2, **of_inputs), []),
        "nearest": (FeatureNovelty(line, density="nearest", **of_inputs), []),
        "relative": (FeatureNovelty(line, density="relative_mahalanobis", **of_inputs), []),
        "detector": (
            FeatureNovelty(line, density=IsolationForest(n_estimators=5), **of_inputs),
            tree,
        ),
        "leaves": (FeatureNovelty(clone(forest).fit(X, Y)), tree),
    }


NAMES = list(estimators())


@pytest.mark.filterwarnings("ignore")  # five rounds of training are few
@pytest.mark.parametrize("name", NAMES)
def test_estimators_load_with_the_public_list(name):
    model, more = estimators()[name]
    model.fit(X, Y)
    found = read_by_skops(model, more)
    for method in ("predict_proba", "score_samples", "predict"):
        if hasattr(model, method):
            assert_array_equal(getattr(found, method)(X), getattr(model, method)(X))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("calibrator", all_calibrators(), ids=str)
def test_calibrators_load_with_the_public_list(calibrator, n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 60)
    logits = rng.normal(size=(60, n_classes)) + 2 * np.eye(n_classes)[y]
    calibrator.fit(logits, y)
    assert_array_equal(
        read_by_skops(calibrator).predict_proba(logits), calibrator.predict_proba(logits)
    )


def test_described_calibrators_are_saved_as_their_description():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    logits = rng.normal(size=(60, 2)) + 2 * np.eye(2)[y]
    described = DescribedCalibrator(describe(PlattScaling().fit(logits, y)))
    expected = described.predict_proba(logits)
    for found in (pickle.loads(pickle.dumps(described)), clone(described)):
        assert_array_equal(found.predict_proba(logits), expected)
    assert_array_equal(read_by_skops(described).predict_proba(logits), expected)
    assert described.fit(logits, y) is described


def test_the_list_names_classes_that_exist():
    from importlib import import_module

    for name in trusted_types():
        module, _, last = name.rpartition(".")
        assert hasattr(import_module(module), last), name
    assert trusted_types() is not trusted_types()


@pytest.mark.filterwarnings("ignore")
def test_mlflow(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow: pip install mlflow-skinny")
    pytest.importorskip("skops.io", reason="needs skops: pip install 'skcalib[skops]'")
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2).fit(X, Y)
    how = {"pip_requirements": ["skcalib"], "skops_trusted_types": trusted_types()}
    before = mlflow.get_tracking_uri()
    try:
        mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
        with mlflow.start_run():
            logged = mlflow.sklearn.log_model(model, name="model", **how)
        found = mlflow.sklearn.load_model(logged.model_uri)
    finally:
        mlflow.set_tracking_uri(before)
    assert list((tmp_path / "runs").rglob("*.skops"))
    assert_array_equal(found.predict_proba(X), model.predict_proba(X))
