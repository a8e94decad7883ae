"""Pipelines of fitted steps that end in a trained network are not trained again."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import shuffle

from skcalib import CalibratedClassifierCV, FrozenNetwork, TemperatureCalibratedClassifier

torch = pytest.importorskip("torch", reason="needs torch: pip install 'skcalib[torch]'")

X, Y = shuffle(*load_breast_cancer(return_X_y=True), random_state=0)
Y = np.where(np.random.default_rng(0).random(len(Y)) < 0.05, 1 - Y, Y)  # none is perfect
NAMES = np.array(["malignant", "benign"])[Y]
FIT, CALIB, TEST = slice(0, 200), slice(200, 350), slice(350, None)
SCALER = StandardScaler().fit(X[FIT])
METAS = [TemperatureCalibratedClassifier, CalibratedClassifierCV]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    model = torch.nn.Linear(30, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    inputs = torch.tensor(SCALER.transform(X[FIT]), dtype=torch.float32)
    targets = torch.tensor(Y[FIT])
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return model


class Nothing(TransformerMixin, BaseEstimator):
    """A transformer that learns nothing, and so never looks fitted."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def fitted_pipelines(net):
    network = FrozenNetwork(net)
    half = ColumnTransformer([("scale", StandardScaler(), list(range(30)))]).fit(X[FIT])
    union = FeatureUnion([("a", StandardScaler())]).fit(X[FIT])
    steps = [("scale", SCALER), ("net", network)]
    return {
        "plain": Pipeline(steps),
        "passed through": Pipeline([("p", "passthrough"), ("n", None), *steps]),
        "no state": Pipeline([("f", FunctionTransformer()), *steps]),
        "columns": Pipeline([("c", half), ("net", network)]),
        "union": Pipeline([("u", union), ("net", network)]),
        "frozen step": Pipeline([("s", FrozenEstimator(SCALER)), ("net", network)]),
        "nested": Pipeline([("first", make_pipeline(SCALER)), ("net", network)]),
        "nested at the end": make_pipeline(FunctionTransformer(), Pipeline(steps)),
        "frozen network": Pipeline([("s", SCALER), ("net", FrozenEstimator(network))]),
        "frozen": FrozenEstimator(Pipeline(steps)),
    }


@pytest.mark.parametrize("cls", METAS)
@pytest.mark.parametrize("kind", fitted_pipelines(None))
def test_nothing_is_fitted_again(net, cls, kind):
    pipeline = fitted_pipelines(net)[kind]
    by_hand = cls(net).fit(SCALER.transform(X[CALIB]), Y[CALIB])
    right = by_hand.predict_proba(SCALER.transform(X[TEST]))
    mean = SCALER.mean_.copy()
    model = cls(pipeline).fit(X[CALIB], Y[CALIB])
    assert_allclose(model.predict_proba(X[TEST]), right, rtol=1e-5)
    assert len(model.calibrated_classifiers_) == 1
    assert_array_equal(SCALER.mean_, mean)


def test_labels_are_learned_without_touching_what_was_given(net):
    network = FrozenNetwork(net, classes=["malignant", "benign"])
    pipeline = Pipeline([("scale", SCALER), ("net", network)])
    for given in (pipeline, FrozenEstimator(pipeline)):
        model = TemperatureCalibratedClassifier(given).fit(X[CALIB], NAMES[CALIB])
        assert_array_equal(model.classes_, ["benign", "malignant"])
        assert model.score(X[TEST], NAMES[TEST]) > 0.85
        assert not hasattr(network, "has_logits_")
    sorted_names = FrozenEstimator(Pipeline([("scale", SCALER), ("net", FrozenNetwork(net))]))
    model = TemperatureCalibratedClassifier(sorted_names).fit(X[CALIB], 1 + Y[CALIB] * 2)
    assert_array_equal(model.classes_, [1, 3])


@pytest.mark.parametrize("cls", METAS)
def test_a_step_that_is_not_fitted_is_named_with_the_way_out(net, cls):
    way = r"step 'scale' \(StandardScaler\) is not fitted.*FrozenEstimator\(pipeline\)"
    pipeline = Pipeline([("scale", SCALER), ("net", FrozenNetwork(net))])
    inside = make_pipeline(FunctionTransformer(), clone(pipeline))
    for unfitted in (clone(pipeline), inside):
        with pytest.raises(NotFittedError, match=way):
            cls(unfitted).fit(X[CALIB], Y[CALIB])
    model = cls(pipeline)
    assert model.fit(X[CALIB], Y[CALIB]).score(X[TEST], Y[TEST]) > 0.85
    with pytest.raises(ValueError, match=way):
        cross_val_score(model, X[TEST], Y[TEST], error_score="raise")
    with pytest.raises(ValueError, match=way):
        GridSearchCV(model, {"ensemble": [False]}, error_score="raise").fit(X, Y)
    frozen = cls(FrozenEstimator(pipeline))
    assert cross_val_score(frozen, X[TEST], Y[TEST], error_score="raise").min() > 0.8
    step = cls(Pipeline([("s", FrozenEstimator(SCALER)), ("net", FrozenNetwork(net))]))
    assert cross_val_score(step, X[TEST], Y[TEST], error_score="raise").min() > 0.8


def test_a_step_without_state_goes_into_a_frozen_estimator(net):
    pipeline = Pipeline([("s", SCALER), ("no", Nothing()), ("net", FrozenNetwork(net))])
    with pytest.raises(NotFittedError, match=r"'no' \(Nothing\).*FrozenEstimator\(pipeline\)"):
        TemperatureCalibratedClassifier(pipeline).fit(X[CALIB], Y[CALIB])
    model = TemperatureCalibratedClassifier(FrozenEstimator(pipeline)).fit(X[CALIB], Y[CALIB])
    assert model.score(X[TEST], Y[TEST]) > 0.85
