"""At home in scikit-learn: searches, pipelines, ensembles, routing, pickles."""

import pickle
from copy import deepcopy

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import calibration, config_context
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from support.calibrators import all_calibrators
from support.classifiers import Scores

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import (
    IsotonicCalibration,
    TemperatureScaling,
    VennAbersCalibration,
)

METAS = [
    *(CalibratedClassifierCV(GaussianNB(), method=method) for method in all_calibrators()),
    TemperatureCalibratedClassifier(GaussianNB()),
]
QUICK = ("sigmoid", "isotonic", "temperature", "svs", "venn-abers", "auto", "histogram", "ets")
MANY_METAS = [
    pytest.param(
        meta,
        marks=[]
        if getattr(getattr(meta, "method", None), "short_name", QUICK[0]) in QUICK
        else pytest.mark.slow,
        id=repr(meta),
    )
    for meta in METAS
]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, random_state=0, stratify=y)


@pytest.mark.parametrize("meta", MANY_METAS)
@pytest.mark.parametrize("ensemble", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_better_than_the_base_on_real_digits(digits, meta, ensemble):
    X, X_test, y, y_test = digits
    model = clone(meta).set_params(ensemble=ensemble).fit(X, y)
    proba = model.predict_proba(X_test)
    base = GaussianNB().fit(X, y)
    assert log_loss(y_test, proba) < log_loss(y_test, base.predict_proba(X_test)) / 3
    assert model.score(X_test, y_test) > base.score(X_test, y_test) - 0.02
    too_sure = proba.max(axis=1).mean() - model.score(X_test, y_test)
    assert too_sure < 0.1  # was .15
    cautious = getattr(model, "method", None)
    if not (isinstance(cautious, VennAbersCalibration) and cautious.multiclass == "ovo"):
        assert too_sure > -0.1


@pytest.mark.parametrize("meta", MANY_METAS)
def test_pickle_deepcopy_joblib(digits, meta, tmp_path):
    X, X_test, y, _ = digits
    model = clone(meta).fit(X, y)
    joblib.dump(model, tmp_path / "model")
    for copy in (
        pickle.loads(pickle.dumps(model)),
        deepcopy(model),
        joblib.load(tmp_path / "model"),
    ):
        assert_array_equal(copy.predict_proba(X_test), model.predict_proba(X_test))


LABELS = {
    "strings": np.array([f"digit {k}" for k in [7, 2, 0, 1, 3, 4, 5, 6, 8, 9]]),
    "objects": np.array([f"digit {k}" for k in range(10)], dtype=object),
    "from one": np.arange(1, 11),
    "negative": np.arange(10) - 7,
    "huge": np.arange(10) * 10**12,
    "floats": np.arange(10.0) - 3,
}


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_names_only(kind, method, ensemble):
    X, y = load_digits(return_X_y=True)
    X, y = X[:400], y[:400]
    labels = LABELS[kind]
    options = {"method": method, "ensemble": ensemble, "cv": 3}
    model = CalibratedClassifierCV(GaussianNB(), **options).fit(X, labels[y])
    order = np.argsort(labels)
    assert_array_equal(model.classes_, labels[order])
    same = CalibratedClassifierCV(GaussianNB(), **options).fit(X, np.argsort(order)[y])
    assert_allclose(model.predict_proba(X), same.predict_proba(X), atol=1e-7)
    assert set(model.predict(X)) <= set(labels)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("kind", ["booleans", "categorical", "series", "nullable", "list"])
def test_binary_labels_of_any_container(kind, method, ensemble):
    X, y = load_breast_cancer(return_X_y=True)
    labels = {
        "booleans": y == 1,
        "categorical": pd.Series(pd.Categorical(np.array(["benign", "malignant"])[y])),
        "series": pd.Series(y, index=np.arange(569)[::-1] + 5),
        "nullable": pd.Series(y, dtype="Int64"),
        "list": np.array(["no", "yes"])[y].tolist(),
    }[kind]
    options = {"method": method, "ensemble": ensemble, "cv": 3}
    model = CalibratedClassifierCV(GaussianNB(), **options).fit(X, labels)
    same = CalibratedClassifierCV(GaussianNB(), **options).fit(X, y)
    assert_array_equal(model.predict_proba(X), same.predict_proba(X))
    assert len(model.classes_) == 2


def test_grid_search_over_method_and_its_parameters(digits):
    X, _, y, _ = digits
    X, y = X[:500], y[:500]
    grid = [
        {"method": ["sigmoid", TemperatureScaling()], "estimator__var_smoothing": [1e-9, 1e-3]},
        {"method": [IsotonicCalibration()], "method__smoothing": ["mix", "none"]},
    ]
    search = GridSearchCV(
        CalibratedClassifierCV(GaussianNB(), cv=3), grid, cv=2, scoring="neg_log_loss"
    )
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"][:-1]).all()
    assert search.best_params_["estimator__var_smoothing"] == 1e-3
    scores = cross_val_score(
        TemperatureCalibratedClassifier(GaussianNB()), X, y, scoring="neg_log_loss"
    )
    assert (scores > -1).all()


def test_pipelines_before_and_after(digits):
    X, X_test, y, y_test = digits
    inside = CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()))
    around = make_pipeline(StandardScaler(), CalibratedClassifierCV(LogisticRegression()))
    for model in (inside, around):
        assert model.fit(X, y).score(X_test, y_test) > 0.95
    assert inside.n_features_in_ == 64
    assert_array_equal(around.classes_, np.arange(10))


def test_ensembles_and_nesting(digits):
    X, X_test, y, y_test = digits
    X, y = X[:600], y[:600]
    calibrated = CalibratedClassifierCV(GaussianNB(), cv=3)
    for model in (
        VotingClassifier([("a", calibrated), ("b", LinearSVCWithProba())], voting="soft"),
        StackingClassifier([("a", calibrated)], LogisticRegression(max_iter=1000), cv=2),
        BaggingClassifier(calibrated, n_estimators=2, random_state=0),
        TemperatureCalibratedClassifier(calibrated, cv=2),
        CalibratedClassifierCV(FrozenEstimator(calibrated.fit(X, y)), method="isotonic"),
        OneVsRestClassifier(calibrated),
    ):
        assert model.fit(X, y).score(X_test, y_test) > 0.75
        assert_allclose(model.predict_proba(X_test).sum(axis=1), 1)


def LinearSVCWithProba():
    return CalibratedClassifierCV(LinearSVC(random_state=0, max_iter=10000), cv=3)


def test_multioutput():
    X, y = load_iris(return_X_y=True)
    Y = np.stack([y > 0, y > 1], axis=1).astype(int)
    model = MultiOutputClassifier(CalibratedClassifierCV(GaussianNB())).fit(X, Y)
    assert np.mean(model.predict(X) == Y) > 0.9


@pytest.mark.parametrize(
    "method",
    [
        LogisticRegression(),
        make_pipeline(PolynomialFeatures(), StandardScaler(), LogisticRegression()),
        RandomForestClassifier(n_estimators=10, random_state=0),
        GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1]}, cv=2),
    ],
    ids=lambda method: type(method).__name__,
)
@pytest.mark.parametrize("ensemble", [True, False])
def test_any_classifier_is_a_method(method, ensemble):
    X, y = load_iris(return_X_y=True)
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    base = DecisionTreeClassifier(max_depth=3, random_state=0)
    model = CalibratedClassifierCV(base, method=method, ensemble=ensemble).fit(X, y)
    assert model.score(X, y) > 0.9
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_any_classifier_as_method_may_lack_a_class():
    X, y = load_iris(return_X_y=True)
    base = FrozenEstimator(GaussianNB().fit(X, y))
    model = CalibratedClassifierCV(base, method=LogisticRegression())
    with pytest.warns(UserWarning, match=r"calibration rows lack \[0\]"):
        model.fit(X[y > 0], y[y > 0])
    proba = model.predict_proba(X)
    assert_array_equal(proba[:, 0], 0)
    assert_allclose(proba.sum(axis=1), 1)


def test_a_method_that_was_fitted_elsewhere_is_refused():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    fitted = FrozenEstimator(LogisticRegression().fit(X[:, :3], names))
    with pytest.raises(ValueError, match="must learn its classes in fit"):
        CalibratedClassifierCV(GaussianNB(), method=fitted).fit(X, names)


def test_a_method_without_weights_says_so():
    X, y = load_iris(return_X_y=True)
    model = CalibratedClassifierCV(
        FrozenEstimator(GaussianNB().fit(X, y)), method=KNeighborsClassifier()
    )
    model.fit(X, y)
    with pytest.warns(UserWarning, match="does not take sample_weight"):
        model.fit(X, y, sample_weight=y + 1)


def test_base_without_weights_says_so():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(UserWarning, match="KNeighborsClassifier does not appear to accept"):
        CalibratedClassifierCV(KNeighborsClassifier()).fit(X, y, sample_weight=y + 1)


def test_metadata_routing_of_weights_and_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    y = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 2)) + y[:, None] + rng.normal(size=(20, 2))[groups]
    weight = rng.uniform(size=200)
    base = LogisticRegression()
    with config_context(enable_metadata_routing=True):
        model = CalibratedClassifierCV(
            base.set_fit_request(sample_weight=True), cv=GroupKFold(4)
        )
        model.fit(X, y, sample_weight=weight, groups=groups)
        with pytest.raises(UnsetMetadataPassedError):
            CalibratedClassifierCV(LogisticRegression()).fit(X, y, sample_weight=weight)
        CalibratedClassifierCV().fit(X, y, sample_weight=weight)
        nested = cross_val_predict(
            model.set_fit_request(sample_weight=True),
            X,
            y,
            cv=GroupKFold(3),
            params={"sample_weight": weight, "groups": groups},
            method="predict_proba",
        )
    expected = CalibratedClassifierCV(
        LogisticRegression(), cv=list(GroupKFold(4).split(X, y, groups))
    ).fit(X, y, sample_weight=weight)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert nested.shape == (200, 2)


class Backwards(Scores):
    """Its classes are not sorted; its positive class is the first in the alphabet."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        self.classes_ = self.classes_[::-1]
        return self


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_order_of_the_columns_is_that_of_classes(n_classes, ensemble):
    rng = np.random.default_rng(0)
    y = np.arange(150) % n_classes
    X = rng.normal(size=(150, n_classes)) + 2 * np.eye(n_classes)[y]
    X = X[:, 1:] - X[:, :1] if n_classes == 2 else X
    backwards = -X if n_classes == 2 else X[:, ::-1]
    y = np.array(["a", "b", "c"])[y]
    model = CalibratedClassifierCV(Backwards(), ensemble=ensemble).fit(backwards, y)
    expected = CalibratedClassifierCV(Scores(), ensemble=ensemble).fit(X, y)
    assert_array_equal(model.classes_, expected.classes_)
    assert_allclose(model.predict_proba(backwards), expected.predict_proba(X), atol=1e-7)
    assert model.score(backwards, y) > 0.8


def test_tags_follow_the_base():
    tags = get_tags(CalibratedClassifierCV(LogisticRegression()))
    assert tags.input_tags.sparse
    assert is_classifier(CalibratedClassifierCV())
    nan = get_tags(CalibratedClassifierCV(DecisionTreeClassifier())).input_tags.allow_nan
    assert nan
    assert not get_tags(CalibratedClassifierCV(GaussianNB())).input_tags.sparse
    assert not get_tags(
        CalibratedClassifierCV(DecisionTreeClassifier())
    ).classifier_tags.multi_label


def test_repr_and_html_of_all():
    model = CalibratedClassifierCV(GaussianNB(), method=IsotonicCalibration(smoothing="none"))
    assert "smoothing='none'" in repr(model)
    assert "IsotonicCalibration" in model._repr_html_()


def test_one_vs_one_decisions_are_passed_over_or_refused():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="'ovr', not 'ovo'"):
        CalibratedClassifierCV(SVC(decision_function_shape="ovo")).fit(X, y)

    class Both(SVC):
        def predict_proba(self, X):
            return GaussianNB().fit(self.shape_fit_X, self.shape_fit_y).predict_proba(X)

        def fit(self, X, y, sample_weight=None):
            self.shape_fit_X, self.shape_fit_y = X, y
            return super().fit(X, y, sample_weight)

    model = CalibratedClassifierCV(Both(decision_function_shape="ovo"))
    with pytest.warns(UserWarning, match="predict_proba is used"):
        model.fit(X, y)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize(
    "base", [SVC(kernel="precomputed"), KNeighborsClassifier(metric="precomputed")]
)
def test_precomputed_kernels_and_distances(base):
    X, y = load_iris(return_X_y=True)
    square = X @ X.T
    if not isinstance(base, SVC):
        square = np.linalg.norm(X[:, None] - X[None], axis=2)
    model = CalibratedClassifierCV(base, ensemble=False).fit(square, y)
    assert model.score(square, y) > 0.9
    with pytest.raises(ValueError, match="ensemble=False"):
        CalibratedClassifierCV(base).fit(square, y)


@pytest.mark.parametrize("ensemble", [True, False])
def test_a_classifier_whose_fit_returns_something_else(ensemble):
    class History(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            super().fit(X, y, sample_weight)
            return {"loss": [0.3]}

    X, y = load_iris(return_X_y=True)
    assert CalibratedClassifierCV(History(), ensemble=ensemble).fit(X, y).score(X, y) > 0.9


@pytest.mark.filterwarnings("ignore:The temperature is at its bound")
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_classifiers_that_answer_with_a_row_of_zeros(method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    base = OneVsRestClassifier(DecisionTreeClassifier(max_depth=4, random_state=0))
    model = CalibratedClassifierCV(base, method=method).fit(X, y)
    assert model.score(X, y) > 0.8


@pytest.mark.filterwarnings("ignore:The temperature is at its bound")
def test_the_likeliest_class_stays_likeliest_after_hard_calibration_rows():
    X, y = load_digits(return_X_y=True)
    knn = KNeighborsClassifier(3).fit(X[:300], y[:300])
    proba = knn.predict_proba(X[300:900])
    sure = 300 + np.flatnonzero(proba.max(axis=1) == 1)[:120]
    model = TemperatureCalibratedClassifier(FrozenEstimator(knn)).fit(X[sure], y[sure])
    assert_array_equal(model.predict(X[900:]), knn.predict(X[900:]))


def test_members_of_adaboost_are_as_sure_as_with_scikit_learn():
    """AdaBoost's weights sum to one, which is no number of samples."""
    X, y = load_breast_cancer(return_X_y=True)
    X = X / X.std(axis=0)

    def sureness(calibrated):
        boosted = AdaBoostClassifier(calibrated, n_estimators=2).fit(X, y)
        return [member.predict_proba(X).max(axis=1).mean() for member in boosted.estimators_]

    base = GaussianNB()
    theirs = sureness(calibration.CalibratedClassifierCV(base, method="isotonic", cv=3))
    ours = CalibratedClassifierCV(base, method="isotonic", cv=3, weights="relative")
    assert_allclose(sureness(ours), theirs, atol=0.01)
    with pytest.warns(UserWarning, match="weights='relative'"):
        frequencies = sureness(CalibratedClassifierCV(base, method="isotonic", cv=3))
    assert frequencies[0] < theirs[0] - 0.2


@pytest.mark.parametrize("model", [CalibratedClassifierCV, TemperatureCalibratedClassifier])
def test_relative_weights_do_not_depend_on_their_unit(model):
    X, y = load_iris(return_X_y=True)
    X = X[:, :2]  # in which the classes overlap
    weight = np.random.default_rng(0).uniform(size=150)
    expected = model(GaussianNB()).fit(X, y, weight * 150 / weight.sum()).predict_proba(X)
    for factor in (1e-6, 1, 1e6):
        relative = model(GaussianNB(), weights="relative").fit(X, y, weight * factor)
        assert_allclose(relative.predict_proba(X), expected, atol=1e-7)
