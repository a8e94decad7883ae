"""``ensemble="joined"``: one map from all held-out answers, for the classifiers of splits."""

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC, LinearSVC
from support.calibrators import all_calibrators

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import (
    AutoCalibration,
    PlattScaling,
    TemperatureScaling,
    logits_from_proba,
    probability_floor,
)

PARTLY = "ignore:Some classes have no samples:UserWarning"


def drawn(n_samples=150, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    return rng.normal(size=(n_samples, 4)) + y[:, None] * [1, 0, -1, 0.5], y


@pytest.mark.parametrize("base", [GaussianNB(), LinearSVC(random_state=0)], ids=repr)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_one_map_of_all_answers_for_each_splits_classifier_averaged(base, n_classes):
    """The definition, written out."""
    X, y = drawn(n_classes=n_classes)
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, len(y)).astype(float)
    cv = StratifiedKFold(4)
    model = CalibratedClassifierCV(base, cv=cv, ensemble="joined").fit(X, y, weight)
    name = "predict_proba" if isinstance(base, GaussianNB) else "decision_function"
    members, held = [], None
    for train, test in cv.split(X, y):
        members.append(type(base)(**base.get_params()).fit(X[train], y[train], weight[train]))
        own = getattr(members[-1], name)(X[test])
        held = np.empty((len(y), *own.shape[1:])) if held is None else held
        held[test] = own
    floor = probability_floor(held) if name == "predict_proba" else None

    def logits(values):
        if floor is not None:
            return logits_from_proba(values, floor)
        return values if values.ndim == 2 else values[:, None]

    scaling = PlattScaling().fit(logits(held), y, weight)
    expected = np.mean(
        [scaling.predict_proba(logits(getattr(m, name)(X))) for m in members], axis=0
    )
    assert_allclose(model.predict_proba(X), expected, atol=1e-12)
    first, *others = [pair.calibrators[0] for pair in model.calibrated_classifiers_]
    assert len(others) == 3
    assert all(other is first for other in others)


def test_the_temperature_is_one():
    X, y = drawn()
    joined = TemperatureCalibratedClassifier(GaussianNB(), ensemble="joined").fit(X, y)
    refit = TemperatureCalibratedClassifier(GaussianNB(), ensemble=False).fit(X, y)
    assert isinstance(joined.temperature_, float)
    assert_allclose(joined.temperature_, refit.temperature_)
    assert len(joined.calibrated_classifiers_) == 5
    assert not np.allclose(joined.predict_proba(X), refit.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("method", sorted({c.short_name for c in all_calibrators()}))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_method(method):
    X, y = drawn(90)
    model = CalibratedClassifierCV(GaussianNB(), method=method, cv=3, ensemble="joined")
    proba = model.fit(X, y).predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert (model.predict(X) == y).mean() > 0.5


def test_any_classifier_as_a_method():
    X, y = drawn()
    method = LogisticRegression()
    model = CalibratedClassifierCV(GaussianNB(), method=method, ensemble="joined").fit(X, y)
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("method", ["sigmoid", "temperature", "auto", "svs", "venn-abers"])
@pytest.mark.filterwarnings(PARTLY)
def test_a_split_that_lacks_a_class_is_completed_by_the_others(method):
    X, y = drawn(240)
    fold = np.arange(240) % 4
    fold[y == 2] = 0  # no other split holds class 2 out, and the first trains without it
    fold[np.flatnonzero(y == 2)[:10]] = 1
    fold[np.flatnonzero(y == 2)[10:]] = 1
    model = CalibratedClassifierCV(
        GaussianNB(), method=method, cv=PredefinedSplit(fold), ensemble="joined"
    ).fit(X, y)
    blind = model.calibrated_classifiers_[1]
    assert_array_equal(blind.estimator.classes_, [0, 1])
    alone = blind.predict_proba(X)
    assert_array_equal(alone[:, 2], 0)
    assert_allclose(alone.sum(axis=1), 1)
    answers = np.stack([pair.predict_proba(X) for pair in model.calibrated_classifiers_])
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    answers[1] = proba[:, :2].sum(axis=1, keepdims=True) * alone
    answers[1, :, 2] = proba[:, 2]
    if method != "venn-abers":
        assert_allclose(answers.mean(axis=0), proba, atol=1e-12)
    assert_array_equal(model.classes_, [0, 1, 2])


@pytest.mark.filterwarnings(PARTLY)
@pytest.mark.parametrize("base", [GaussianNB(), LogisticRegression()], ids=repr)
def test_splits_that_train_on_one_class_are_left_out(base):
    X, y = drawn(120, 2)
    order = np.argsort(y, kind="stable")
    zeros, ones = order[: (y == 0).sum()], order[(y == 0).sum() :]
    mixed = np.r_[zeros[:30], ones[:30]]
    rest = np.setdiff1d(order, mixed)
    splits = [(zeros, ones), (mixed, rest), (rest, mixed)]
    model = CalibratedClassifierCV(base, cv=splits, ensemble="joined").fit(X, y)
    two = CalibratedClassifierCV(base, cv=splits[1:], ensemble="joined").fit(X, y)
    assert len(model.calibrated_classifiers_) == 3
    assert_allclose(model.predict_proba(X), two.predict_proba(X), atol=1e-12)


def test_nothing_to_calibrate_with_is_an_error():
    X, _ = drawn(90)
    model = CalibratedClassifierCV(GaussianNB(), cv=KFold(3), ensemble="joined")
    with pytest.raises(ValueError, match="nothing to calibrate with"):
        model.fit(X, np.repeat([0, 1, 2], 30))


def test_repeated_splits_count_a_row_once():
    X, y = drawn()
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    model = TemperatureCalibratedClassifier(GaussianNB(), cv=cv, ensemble="joined").fit(X, y)
    refit = TemperatureCalibratedClassifier(GaussianNB(), cv=cv, ensemble=False).fit(X, y)
    assert_allclose(model.temperature_, refit.temperature_)
    assert len(model.calibrated_classifiers_) == 6


@pytest.mark.parametrize("ensemble", ["joined", "auto"])
def test_a_frozen_classifier_is_one_classifier(ensemble):
    X, y = drawn()
    frozen = FrozenEstimator(GaussianNB().fit(X[:50], y[:50]))
    for method in ("sigmoid", "auto"):
        model = CalibratedClassifierCV(frozen, method=method, ensemble=ensemble)
        once = CalibratedClassifierCV(frozen, method=method, ensemble=False)
        proba = model.fit(X[50:], y[50:]).predict_proba(X)
        assert len(model.calibrated_classifiers_) == 1
        assert_array_equal(proba, once.fit(X[50:], y[50:]).predict_proba(X))


def test_the_automatic_choice_joins_by_default_and_the_others_do_not():
    X, y = drawn(90, 2)
    for method in ("auto", AutoCalibration()):
        model = CalibratedClassifierCV(GaussianNB(), method=method, cv=3).fit(X, y)
        joined = CalibratedClassifierCV(GaussianNB(), method=method, cv=3, ensemble="joined")
        assert_array_equal(model.predict_proba(X), joined.fit(X, y).predict_proba(X))
        assert len({id(p.calibrators[0]) for p in model.calibrated_classifiers_}) == 1
    for method in ("sigmoid", "isotonic", "temperature", TemperatureScaling()):
        model = CalibratedClassifierCV(GaussianNB(), method=method, cv=3).fit(X, y)
        assert len({id(p.calibrators[0]) for p in model.calibrated_classifiers_}) == 3


def test_detectors_take_one_side():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(150, 2)), rng.normal(size=(30, 2)) * 4]
    y = np.repeat(["usual", "odd"], [150, 30])
    base = IsolationForest(n_estimators=20, random_state=0)
    model = CalibratedClassifierCV(base, cv=3, ensemble="joined").fit(X, y)
    proba = model.predict_proba([[0.0, 0.0], [9.0, 9.0]])
    assert proba[0, 1] > 0.7 > 0.3 > proba[1, 1]


def test_precomputed_kernels_need_one_classifier():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.raises(ValueError, match="ensemble=False, not 'joined'"):
        CalibratedClassifierCV(SVC(kernel="precomputed"), ensemble="joined").fit(X @ X.T, y)


class NeedsMetadata(ClassifierMixin, BaseEstimator):
    """A classifier that asks for what it is given by name."""

    def fit(self, X, y, sample_weight=None, bonus=None):
        assert len(bonus) == len(X)
        assert len(sample_weight) == len(X)
        self.inner_ = GaussianNB().fit(X, y, sample_weight)
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


def test_metadata_are_routed():
    X, y = drawn()
    groups = np.arange(len(y)) % 7
    with config_context(enable_metadata_routing=True):
        base = NeedsMetadata().set_fit_request(sample_weight=True, bonus=True)
        model = CalibratedClassifierCV(base, cv=GroupKFold(3), ensemble="joined")
        weight = np.linspace(1, 2, len(y))
        model.fit(X, y, sample_weight=weight, groups=groups, bonus=groups)
    splits = list(GroupKFold(3).split(X, y, groups))
    plain = CalibratedClassifierCV(GaussianNB(), cv=splits, ensemble="joined")
    expected = plain.fit(X, y, weight).predict_proba(X)
    assert_array_equal(model.predict_proba(X), expected)


def test_copies_jobs_and_nesting():
    X, y = drawn(90)
    model = CalibratedClassifierCV(GaussianNB(), cv=3, ensemble="joined").fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert len({id(p.calibrators[0]) for p in again.calibrated_classifiers_}) == 1
    with parallel_config(backend="threading"):
        jobs = CalibratedClassifierCV(GaussianNB(), cv=3, ensemble="joined", n_jobs=2)
        assert_array_equal(jobs.fit(X, y).predict_proba(X), model.predict_proba(X))
    outer = cross_val_predict(model, X, y, cv=2, method="predict_proba")
    assert_allclose(outer.sum(axis=1), 1)


@pytest.mark.parametrize("value", ["join", "Joined", 2, None])
def test_other_values_are_refused(value):
    X, y = drawn(30)
    for kind in (CalibratedClassifierCV, TemperatureCalibratedClassifier):
        with pytest.raises(ValueError, match=r"ensemble.*'joined'"):
            kind(GaussianNB(), ensemble=value).fit(X, y)
