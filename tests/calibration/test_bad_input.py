"""Bad input gets a clear error or a warning, never silently wrong probabilities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, LeaveOneOut, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from support.classifiers import Probabilities, Scores

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import IsotonicCalibration, TemperatureScaling

METHODS = ["sigmoid", "isotonic", "temperature"]
X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("base", [Scores(), Probabilities()])
def test_answers_that_are_not_finite(base, value, ensemble):
    rng = np.random.default_rng(0)
    bad = rng.dirichlet([1, 1, 1], 150)
    good = bad.copy()
    bad[77] = value
    masked = value == -np.inf and isinstance(base, Scores)
    name = f"{type(base).__name__}.*{'every class masked' if masked else 'NaN'}"
    with pytest.raises(ValueError, match=name):
        CalibratedClassifierCV(base, ensemble=ensemble).fit(bad, Y)
    model = CalibratedClassifierCV(FrozenEstimator(Probabilities().fit(good, Y))).fit(good, Y)
    model.calibrated_classifiers_[0].estimator = base.fit(good, Y)
    with pytest.raises(ValueError, match=rf"{name}.*1 of 150 rows \(the first is row 77\)"):
        model.predict_proba(bad)


def test_probabilities_that_are_none():
    proba = np.random.default_rng(0).dirichlet([1, 1, 1], 150)
    spoilt = (proba * 2, "outside"), (proba / 2, "sum to one"), (-proba, "outside")
    for bad, message in spoilt:
        with pytest.raises(ValueError, match=message):
            CalibratedClassifierCV(Probabilities()).fit(bad, Y)
    negative = proba - [0.5, -0.5, 0]
    with pytest.raises(ValueError, match="outside"):
        CalibratedClassifierCV(Probabilities()).fit(negative, Y)


@pytest.mark.parametrize("n_columns", [1, 2, 4])
@pytest.mark.parametrize("base", [Scores(), Probabilities()])
def test_wrong_number_of_columns(base, n_columns):
    proba = np.random.default_rng(0).dirichlet(np.ones(n_columns), 150)
    with pytest.raises(ValueError, match="a column for each class"):
        CalibratedClassifierCV(base).fit(proba, Y)


@pytest.mark.parametrize("method", METHODS)
def test_empty(method):
    for data, labels in ((X[:0], Y[:0]), ([], [])):
        with pytest.raises(ValueError, match=r"empty|at least one|minimum"):
            CalibratedClassifierCV(method=method).fit(data, labels)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_one_class(method, ensemble):
    model = CalibratedClassifierCV(GaussianNB(), method=method, ensemble=ensemble)
    with pytest.raises(ValueError, match="one class"):
        model.fit(X, 0 * Y)
    with pytest.raises(ValueError, match="one class"):
        model.fit(X, Y, sample_weight=(Y == 2).astype(float))
    frozen = CalibratedClassifierCV(FrozenEstimator(GaussianNB().fit(X, Y)), method=method)
    with pytest.raises(ValueError, match="one class"):
        frozen.fit(X[Y == 1], Y[Y == 1])


@pytest.mark.parametrize("ensemble", [True, False])
def test_classes_that_the_base_does_not_know(ensemble):
    base = FrozenEstimator(GaussianNB().fit(X[Y < 2], Y[Y < 2]))
    model = CalibratedClassifierCV(base, ensemble=ensemble, cv=3)
    with pytest.raises(ValueError, match=r"classes \[2\].*it knows \[0, 1\]"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match="does not know"):
        model.fit(X[Y < 2], np.array(["a", "b", "c"])[Y][Y < 2])


@pytest.mark.parametrize("method", METHODS)
def test_calibration_set_without_a_class_warns_once(method):
    base = FrozenEstimator(LogisticRegression(max_iter=1000).fit(X[:, :2], Y))
    rows = Y != 1
    model = CalibratedClassifierCV(base, method=method)
    with pytest.warns(UserWarning, match=r"calibration rows lack \[1\]") as record:
        model.fit(X[rows, :2], Y[rows])
    assert len([w for w in record if "lack" in str(w.message)]) == 1
    proba = model.predict_proba(X[:, :2])
    assert proba.shape == (150, 3)
    assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_sorted_folds_hold_what_their_models_never_saw(method, ensemble):
    # Each model is trained on two species and asked about the third.
    model = CalibratedClassifierCV(GaussianNB(), method=method, cv=KFold(3), ensemble=ensemble)
    with pytest.raises(ValueError, match=r"nothing to calibrate with.*Stratify the splits"):
        model.fit(X, Y)


def test_a_class_that_some_training_rows_lack_when_folds_are_joined():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 0, 1, 2], 30)  # class 2 is in the second fold only
    data = rng.normal(size=(150, 3)) + 2 * np.eye(3)[y]
    for base in (LogisticRegression(), GaussianNB()):
        model = CalibratedClassifierCV(base, method="temperature", cv=KFold(2), ensemble=False)
        with pytest.warns(UserWarning, match="30 calibration samples of classes") as record:
            model.fit(data, y)
        assert len(record) == 1
        stratified = CalibratedClassifierCV(
            base, method="temperature", cv=StratifiedKFold(5), ensemble=False
        ).fit(data, y)
        temperatures = [
            m.calibrated_classifiers_[0].calibrators[0].temperature_
            for m in (model, stratified)
        ]
        assert 0.5 < temperatures[0] / temperatures[1] < 2


WEIGHTS = {
    "negative": (np.where(Y == 0, -1.0, 1.0), "[Nn]egative"),
    "all zero": (np.zeros(150), "zero"),
    "NaN": (np.where(np.arange(150) == 3, np.nan, 1.0), "NaN"),
    "infinite": (np.where(np.arange(150) == 3, np.inf, 1.0), "infinity"),
    "too few": (np.ones(149), "shape"),
    "two columns": (np.ones((150, 2)), "1D"),
}


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("ensemble", [True, False])
def test_weights(kind, ensemble):
    weight, message = WEIGHTS[kind]
    model = CalibratedClassifierCV(GaussianNB(), ensemble=ensemble)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, sample_weight=weight)


def test_weights_that_sum_to_one_are_not_a_sample_size():
    with pytest.warns(UserWarning, match="sums to 1.*weights='relative'"):
        CalibratedClassifierCV(GaussianNB()).fit(X, Y, sample_weight=np.full(150, 1 / 150))


@pytest.mark.parametrize("weights", ["relatve", None, True, np.ones(150)])
def test_unknown_meaning_of_weights(weights):
    for model in (CalibratedClassifierCV, TemperatureCalibratedClassifier):
        with pytest.raises(ValueError, match="weights must be one of 'frequency', 'relative'"):
            model(GaussianNB(), weights=weights).fit(X, Y)


def test_fewer_samples_of_a_class_than_folds():
    few = np.concatenate([np.arange(100), [100, 101, 102]])
    for cv in (5, KFold(5), StratifiedKFold(5)):
        with pytest.raises(ValueError, match="Requesting 5-fold cross-validation"):
            CalibratedClassifierCV(GaussianNB(), cv=cv).fit(X[few], Y[few])


def test_leave_one_out():
    with pytest.raises(ValueError, match="LeaveOneOut"):
        CalibratedClassifierCV(GaussianNB(), cv=LeaveOneOut()).fit(X, Y)


@pytest.mark.parametrize("y", [X[:, 0], X[:, 0].astype(np.float32)])
def test_regression_targets(y):
    with pytest.raises(ValueError, match="continuous"):
        CalibratedClassifierCV(GaussianNB()).fit(X, y)


def test_multilabel_targets():
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        CalibratedClassifierCV(GaussianNB()).fit(X, np.eye(3, dtype=int)[Y])


def test_missing_labels():
    with pytest.raises(ValueError, match="NaN"):
        CalibratedClassifierCV(GaussianNB()).fit(X, np.where(Y == 0, np.nan, Y))


def test_unfitted_frozen_estimator():
    with pytest.raises(NotFittedError):
        CalibratedClassifierCV(FrozenEstimator(GaussianNB())).fit(X, Y)
    with pytest.raises(NotFittedError):
        CalibratedClassifierCV(GaussianNB()).predict_proba(X)


@pytest.mark.parametrize(
    "base",
    [
        LinearRegression(),
        VotingClassifier([("a", GaussianNB())], voting="hard"),
        "LogisticRegression",
        42,
    ],
    ids=repr,
)
@pytest.mark.parametrize("cls", [CalibratedClassifierCV, TemperatureCalibratedClassifier])
def test_estimators_that_give_no_scores(cls, base):
    with pytest.raises(ValueError, match=r"'predict_proba'.*'decision_function'"):
        cls(base).fit(X, Y)


def test_an_estimator_without_classes():
    class Nameless(Scores):
        def fit(self, X, y):
            return self

    with pytest.raises(AttributeError, match="classes_"):
        CalibratedClassifierCV(Nameless()).fit(X[:, :3], Y)


def test_unknown_method_lists_the_known():
    with pytest.raises(ValueError, match=r"'platt'.*'sigmoid' \(PlattScaling\), 'sms"):
        CalibratedClassifierCV(method="platt").fit(X, Y)
    for method in (None, 3, TemperatureScaling, LinearRegression()):
        with pytest.raises(ValueError, match="method must be"):
            CalibratedClassifierCV(method=method).fit(X, Y)


def test_parameters_are_checked_before_anything_is_trained():
    class Expensive(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            raise RuntimeError("trained")

    for parameters, message in (
        ({"method": IsotonicCalibration(smoothing="laplace")}, "smoothing"),
        ({"ensemble": "yes"}, "ensemble"),
        ({"ensemble": None}, "ensemble"),
        ({"cv": "prefit"}, "FrozenEstimator"),
        ({"cv": "kfold"}, "number of folds"),
        ({"cv": []}, "no split"),
        ({"n_jobs": "2"}, "n_jobs"),
        ({"n_jobs": 1.5}, "n_jobs"),
    ):
        with pytest.raises(ValueError, match=message):
            CalibratedClassifierCV(Expensive(), **parameters).fit(X, Y)


def test_separable_data_have_a_finite_temperature_and_a_warning():
    separable = np.where(Y[:100] == 1, 1.0, -1.0)[:, None] * np.linspace(1, 2, 100)[:, None]
    with pytest.warns(ConvergenceWarning, match="bound"):
        model = CalibratedClassifierCV(
            FrozenEstimator(Scores().fit(separable, Y[:100])), method="temperature"
        ).fit(separable, Y[:100])
    temperature = model.calibrated_classifiers_[0].calibrators[0].temperature_
    assert_allclose(temperature, np.exp(-10))
    assert np.isfinite(model.predict_proba(separable)).all()


def test_anti_correlated_decisions():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    data = rng.normal(size=(300, 1)) - 3 * y[:, None]
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        flat = CalibratedClassifierCV(
            FrozenEstimator(Scores().fit(data, y)), method="temperature"
        ).fit(data, y)
    assert_allclose(flat.predict_proba(data), 0.5, atol=1e-3)
    turned = CalibratedClassifierCV(FrozenEstimator(Scores().fit(data, y))).fit(data, y)
    assert turned.calibrated_classifiers_[0].calibrators[0].slope_[0] < 0
    assert turned.score(data, y) > 0.8


@pytest.mark.parametrize("method", METHODS)
def test_constant_scores(method):
    y = np.array([0, 1, 1, 1] * 25)
    data = np.zeros((100, 1))
    model = CalibratedClassifierCV(Scores(), method=method).fit(data, y)
    expected = 0.5 if method == "temperature" else 0.75
    assert_allclose(model.predict_proba(data)[:, 1], expected, atol=0.02)


def test_decision_function_that_answers_with_probabilities_warns():
    proba = np.random.default_rng(0).dirichlet([1, 1, 1], 150)
    with pytest.warns(UserWarning, match="hide decision_function"):
        CalibratedClassifierCV(Scores()).fit(proba, Y)


@pytest.mark.filterwarnings("ignore:Some classes have no samples")
@pytest.mark.parametrize("ensemble", [True, False])
def test_decision_values_and_probabilities_are_not_mixed(ensemble):
    class Fickle(Probabilities):
        """One-dimensional decision values however many classes; right for two only."""

        def decision_function(self, X):
            return np.asarray(X)[:, 0]

        def predict_proba(self, X):
            return np.asarray(X)[:, : len(self.classes_)] / 2 + 1 / len(self.classes_) / 2

    proba = np.random.default_rng(0).dirichlet([1, 1, 1], 150)
    y = np.repeat([0, 1, 2], [60, 60, 30])
    rows = np.arange(150)
    splits = [(rows[::2], rows[1::2]), (rows[:120], rows[120:])]
    model = CalibratedClassifierCV(Fickle(), cv=splits, ensemble=ensemble)
    if ensemble:  # each pair is of one kind
        with pytest.warns(UserWarning, match="predict_proba is used"):
            model.fit(proba, y)
        assert [pair.floor is None for pair in model.calibrated_classifiers_] == [False, True]
    else:
        with (
            pytest.raises(ValueError, match="stratify"),
            pytest.warns(UserWarning, match="predict_proba is used"),
        ):
            model.fit(proba, y)
