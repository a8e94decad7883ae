"""Equal to scikit-learn's class where that is right; the differences, pinned."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn import calibration as theirs
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, RepeatedStratifiedKFold, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from support.classifiers import Scores

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import IsotonicCalibration, PlattScaling, TemperatureScaling

DECIDERS = {
    "linear": make_pipeline(StandardScaler(), LinearSVC(random_state=0)),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "boosting": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "kernel": make_pipeline(StandardScaler(), SVC()),
}
FIVE_SCIKIT_LEARN_NAMES = {"estimator", "method", "cv", "n_jobs", "ensemble"}


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return train_test_split(X, y, random_state=0)


def test_signature():
    ours, other = CalibratedClassifierCV(), theirs.CalibratedClassifierCV()
    assert set(other.get_params()) == FIVE_SCIKIT_LEARN_NAMES
    # Two more, which change nothing unless they are asked for.
    more = {"verbose": 0, "weights": "frequency"}
    assert ours.get_params() == {**other.get_params(), **more}


@pytest.mark.filterwarnings("ignore:The temperature is at its bound")  # kernel separates
@pytest.mark.parametrize("base", DECIDERS)
@pytest.mark.parametrize(
    "ensemble", [True, False, pytest.param("auto", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_binary_decision_values_agree(cancer, base, ensemble, method):
    if method == "temperature" and not hasattr(theirs, "_TemperatureScaling"):
        pytest.skip("this scikit-learn has no temperature scaling")
    X, X_test, y, _ = cancer
    options = {"cv": 3, "ensemble": ensemble}
    other = theirs.CalibratedClassifierCV(DECIDERS[base], method=method, **options)
    ours = IsotonicCalibration(smoothing="none") if method == "isotonic" else method
    model = CalibratedClassifierCV(DECIDERS[base], method=ours, **options)
    expected = other.fit(X, y).predict_proba(X_test)
    assert_allclose(model.fit(X, y).predict_proba(X_test), expected, atol=1e-5)
    assert len(model.calibrated_classifiers_) == len(other.calibrated_classifiers_)


@pytest.mark.parametrize("ensemble", [True, False])
def test_weighted_binary_decision_values_agree(cancer, ensemble):
    X, X_test, y, _ = cancer
    X, X_test = X[:, :5], X_test[:, :5]
    weight = np.random.default_rng(0).uniform(size=len(y))
    base = GradientBoostingClassifier(n_estimators=10, random_state=0)
    other = theirs.CalibratedClassifierCV(base, ensemble=ensemble).fit(X, y, weight)
    model = CalibratedClassifierCV(base, ensemble=ensemble).fit(X, y, weight)
    assert_allclose(model.predict_proba(X_test), other.predict_proba(X_test), atol=1e-5)


def test_difference_sigmoid_reaches_the_optimum(cancer):
    X, _, y, _ = cancer
    base = FrozenEstimator(DECIDERS["boosting"].fit(X[:200], y[:200]))
    z, y = base.decision_function(X[200:]), y[200:]
    target = np.where(y == 1, (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2))

    def steepness(slope, intercept):
        error = expit(slope * z + intercept) - target
        return max(abs(error @ z), abs(error.sum())) / len(z)

    ours = CalibratedClassifierCV(base).fit(X[200:], y).calibrated_classifiers_[0]
    other = theirs.CalibratedClassifierCV(base).fit(X[200:], y).calibrated_classifiers_[0]
    ours, other = ours.calibrators[0], other.calibrators[0]
    assert steepness(ours.slope_[0], ours.intercept_[0]) < 1e-9
    assert steepness(ours.slope_[0], ours.intercept_[0]) < steepness(-other.a_, -other.b_)
    assert_allclose([-other.a_, -other.b_], [ours.slope_[0], ours.intercept_[0]], rtol=1e-3)


def test_difference_isotonic_has_no_exact_zeros(cancer):
    X, X_test, y, _ = cancer
    options = {"method": "isotonic", "ensemble": False}
    other = theirs.CalibratedClassifierCV(DECIDERS["boosting"], **options).fit(X, y)
    model = CalibratedClassifierCV(DECIDERS["boosting"], **options).fit(X, y)
    expected = other.predict_proba(X_test)
    assert (expected == 0).any()
    n = len(y)
    assert_allclose(model.predict_proba(X_test), (n * expected + 0.5) / (n + 1), atol=1e-12)


def test_difference_many_classes_use_log_odds():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)
    base = LinearSVC(random_state=0)
    other = theirs.CalibratedClassifierCV(base).fit(X, y).predict_proba(X_test)
    model = CalibratedClassifierCV(base).fit(X, y).predict_proba(X_test)
    assert np.abs(model - other).max() > 0.01
    assert log_loss(y_test, model) < log_loss(y_test, other) - 0.02


def test_difference_sigmoid_of_probabilities_uses_log_odds(cancer):
    X, X_test, y, y_test = cancer
    other = theirs.CalibratedClassifierCV(GaussianNB()).fit(X, y).predict_proba(X_test)
    ours = CalibratedClassifierCV(GaussianNB(), ensemble=False).fit(X, y)
    z = np.diff(np.log(np.maximum(GaussianNB().fit(X, y).predict_proba(X_test), 1e-38)))
    pair = ours.calibrated_classifiers_[0]
    z = np.clip(z, np.log(pair.floor), -np.log(pair.floor))
    calibrator = pair.calibrators[0]
    expected = expit(calibrator.slope_ * z + calibrator.intercept_)
    assert_allclose(ours.predict_proba(X_test)[:, 1:], expected, atol=1e-12)
    assert log_loss(y_test, ours.predict_proba(X_test)) < log_loss(y_test, other)


def test_attributes(cancer):
    X, X_test, y, _ = cancer
    model = CalibratedClassifierCV(LogisticRegression(max_iter=10000), cv=3).fit(X, y)
    assert model.n_features_in_ == 30
    assert not hasattr(model, "feature_names_in_")
    pairs = model.calibrated_classifiers_
    assert len(pairs) == 3
    assert all(isinstance(pair.estimator, LogisticRegression) for pair in pairs)
    assert all(isinstance(pair.calibrators[0], PlattScaling) for pair in pairs)
    mean = np.mean([pair.predict_proba(X_test) for pair in pairs], axis=0)
    assert_allclose(model.predict_proba(X_test), mean, atol=1e-15)
    assert_allclose(model.predict_log_proba(X_test), np.log(mean), atol=1e-12)


def test_attributes_of_an_earlier_fit_do_not_linger():
    frame = load_breast_cancer(as_frame=True)
    model = CalibratedClassifierCV(GaussianNB()).fit(frame.data, frame.target)
    assert hasattr(model, "feature_names_in_")
    model.fit(frame.data.to_numpy(), frame.target)
    assert not hasattr(model, "feature_names_in_")


def test_default_estimator(cancer):
    X, _, y, _ = cancer
    X = StandardScaler().fit_transform(X)
    for model in (CalibratedClassifierCV(), TemperatureCalibratedClassifier()):
        pair = model.fit(X, y).calibrated_classifiers_[0]
        assert isinstance(pair.estimator, LinearSVC)


@pytest.mark.parametrize("smoothing", ["none", "targets", "mix"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_temperature_classifier_is_a_method_under_its_own_name(cancer, smoothing, ensemble):
    X, X_test, y, _ = cancer
    scaling = TemperatureScaling(smoothing=smoothing)
    named = CalibratedClassifierCV(GaussianNB(), method=scaling, ensemble=ensemble).fit(X, y)
    own = TemperatureCalibratedClassifier(
        GaussianNB(), smoothing=smoothing, ensemble=ensemble
    ).fit(X, y)
    assert_array_equal(own.predict_proba(X_test), named.predict_proba(X_test))
    each = [pair.calibrators[0].temperature_ for pair in named.calibrated_classifiers_]
    assert_array_equal(own.temperature_, each if ensemble else each[0])
    assert np.ndim(own.temperature_) == ensemble
    plain = CalibratedClassifierCV(GaussianNB(), method="temperature", ensemble=ensemble)
    proba = plain.fit(X, y).predict_proba(X_test)
    if smoothing == "none":
        assert_array_equal(own.predict_proba(X_test), proba)
    else:
        assert_allclose(own.predict_proba(X_test), proba, atol=0.01)


def test_temperature_classifier_smooths_targets_unless_told_otherwise(cancer):
    X, X_test, y, _ = cancer
    default = TemperatureCalibratedClassifier(GaussianNB()).fit(X, y)
    named = TemperatureCalibratedClassifier(GaussianNB(), smoothing="targets").fit(X, y)
    assert_array_equal(default.predict_proba(X_test), named.predict_proba(X_test))
    assert not hasattr(TemperatureCalibratedClassifier(), "temperature_")
    with pytest.raises(ValueError, match="smoothing must be one of 'none', 'targets', 'mix'"):
        TemperatureCalibratedClassifier(GaussianNB(), smoothing="label").fit(X, y)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.coo_array, sparse.csc_matrix])
@pytest.mark.parametrize("ensemble", [True, False])
def test_sparse(cancer, container, ensemble):
    X, X_test, y, _ = cancer
    X, X_test = np.greater(X, X.mean(axis=0)), np.greater(X_test, X.mean(axis=0))
    base = LogisticRegression(max_iter=1000)
    dense = CalibratedClassifierCV(base, ensemble=ensemble).fit(X * 1.0, y)
    thin = CalibratedClassifierCV(base, ensemble=ensemble).fit(container(X * 1.0), y)
    assert_allclose(
        thin.predict_proba(container(X_test * 1.0)),
        dense.predict_proba(X_test * 1.0),
        atol=1e-4,  # the base's own solver
    )


def test_frames(cancer):
    frame = load_breast_cancer(as_frame=True)
    X, y = frame.data.set_index(np.arange(569) + 1000), frame.target
    y.index = X.index
    model = CalibratedClassifierCV(GaussianNB()).fit(X, y)
    assert_array_equal(model.feature_names_in_, X.columns)
    plain = CalibratedClassifierCV(GaussianNB()).fit(X.to_numpy(), y.to_numpy())
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X.to_numpy()))


def test_lists_of_dictionaries():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    rows = [{"a": float(rng.normal()), "b": "x" if label else "y"} for label in y]
    base = make_pipeline(DictVectorizer(), LogisticRegression())
    model = CalibratedClassifierCV(base).fit(rows, y)
    assert np.mean(model.predict(rows) == y) == 1


class TwoInputs(Scores):
    """Takes a dictionary of arrays, as networks with several inputs do."""

    def decision_function(self, X):
        return X["image"].mean(axis=(1, 2)) + X["age"]


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_dictionaries_of_arrays(ensemble, frozen):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60)
    X = {"image": rng.normal(size=(60, 4, 4)) + y[:, None, None], "age": rng.normal(size=60)}
    base = FrozenEstimator(TwoInputs().fit(X, y)) if frozen else TwoInputs()
    model = CalibratedClassifierCV(base, ensemble=ensemble).fit(X, y)
    assert model.predict_proba(X).shape == (60, 2)
    with pytest.raises(ValueError, match="inconsistent"):
        CalibratedClassifierCV(base).fit({**X, "age": X["age"][1:]}, y)


@pytest.mark.parametrize("shape", [(60, 4, 4), (60, 4, 4, 3)])
def test_images(shape):
    class Images(Scores):
        def decision_function(self, X):
            assert X.shape[1:] == shape[1:]
            return X.reshape(len(X), -1).sum(axis=1)

    X = np.random.default_rng(0).normal(size=shape)
    y = (X.mean(axis=tuple(range(1, X.ndim))) > 0).astype(int)
    assert CalibratedClassifierCV(Images()).fit(X, y).score(X, y) > 0.9


def test_n_jobs_changes_nothing(cancer):
    X, X_test, y, _ = cancer
    for ensemble in (True, False):
        one = CalibratedClassifierCV(GaussianNB(), ensemble=ensemble).fit(X, y)
        two = CalibratedClassifierCV(GaussianNB(), ensemble=ensemble, n_jobs=2).fit(X, y)
        assert_array_equal(two.predict_proba(X_test), one.predict_proba(X_test))


def test_frozen_uses_all_rows_and_needs_no_folds(cancer):
    X, X_test, y, _ = cancer
    base = GaussianNB().fit(X[:300], y[:300])
    few = np.concatenate([np.flatnonzero(y[300:] == k)[:3] for k in (0, 1)]) + 300
    model = CalibratedClassifierCV(FrozenEstimator(base)).fit(X[few], y[few])
    assert len(model.calibrated_classifiers_) == 1
    proba = np.log(
        np.maximum(base.predict_proba(X[few]), model.calibrated_classifiers_[0].floor)
    )
    expected = PlattScaling().fit(proba, y[few])
    pair = model.calibrated_classifiers_[0]
    assert_allclose(pair.calibrators[0].slope_, expected.slope_)
    assert_array_equal(model.predict_proba(X_test), pair.predict_proba(X_test))


def test_one_floor_for_joined_folds():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 2)) + y[:, None]
    model = CalibratedClassifierCV(GaussianNB(), ensemble=False, cv=KFold(3)).fit(X, y)
    held_out = [
        GaussianNB().fit(X[train], y[train]).predict_proba(X[test])
        for train, test in KFold(3).split(X)
    ]
    assert model.calibrated_classifiers_[0].floor == np.concatenate(held_out).min() / 2


def test_rows_held_out_several_times_count_once():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 1)) + y[:, None]
    cv = RepeatedStratifiedKFold(n_splits=4, n_repeats=3, random_state=0)
    repeated = CalibratedClassifierCV(Scores(), cv=cv, ensemble=False).fit(X, y)
    once = CalibratedClassifierCV(Scores(), cv=4, ensemble=False).fit(X, y)
    assert_allclose(repeated.predict_proba(X), once.predict_proba(X), atol=1e-9)


def test_fit_parameters_are_split_like_X(cancer):
    X, _, y, _ = cancer
    seen = []

    class Recorder(Scores):
        def fit(self, X, y, age=None, epochs=None, names=None):
            assert_array_equal(age, X[:, 0])
            seen.append((epochs, names))
            return super().fit(X, y)

    model = CalibratedClassifierCV(Recorder(), cv=3, ensemble=False)
    model.fit(X[:, :1], y, age=X[:, 0].tolist(), epochs=7, names=["a", "b"])
    assert seen == [(7, ["a", "b"])] * 4


def test_float32_stays_float32(cancer):
    X, X_test, y, _ = cancer

    class Half(Scores):
        def decision_function(self, X):
            return super().decision_function(X).astype(np.float32)

    X, X_test = X[:, :1] - 14, X_test[:, :1] - 14
    for method in ("sigmoid", "isotonic", "temperature"):
        single = CalibratedClassifierCV(Half(), method=method).fit(-X, y)
        double = CalibratedClassifierCV(Scores(), method=method).fit(-X, y)
        assert single.predict_proba(-X_test).dtype == np.float32
        assert_allclose(single.predict_proba(-X_test), double.predict_proba(-X_test), atol=1e-5)
