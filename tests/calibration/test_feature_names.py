"""Columns of a frame have names: other names, or another order, are said, never ignored."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skcalib import CalibratedClassifierCV, MCDropoutClassifier, TemperatureCalibratedClassifier

FRAME, Y = load_iris(return_X_y=True, as_frame=True)
TURNED = FRAME[FRAME.columns[::-1]]
ORDER = "Feature names must be in the same order as they were in fit"
METAS = [CalibratedClassifierCV, TemperatureCalibratedClassifier]


class ByPosition(ClassifierMixin, BaseEstimator):
    """Like LightGBM's classifier, it takes frames by position and looks at no name."""

    def fit(self, X, y, sample_weight=None):
        self.model_ = GaussianNB().fit(np.asarray(X), y, sample_weight)
        self.classes_ = self.model_.classes_
        self.n_features_in_ = 4
        if isinstance(X, pd.DataFrame) and self.keeps_names:
            self.feature_names_in_ = np.array([n.replace(" ", "_") for n in X.columns])
        return self

    keeps_names = False

    def predict_proba(self, X):
        return self.model_.predict_proba(np.asarray(X))

    def predict(self, X):
        return self.model_.predict(np.asarray(X))


class ByPositionWithNames(ByPosition):
    """As LightGBM, it also keeps the names, with underscores."""

    keeps_names = True


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize(
    "base",
    [
        ByPosition(),
        ByPositionWithNames(),
        make_pipeline("passthrough", FunctionTransformer(np.log1p), ByPosition()),
        VotingClassifier([("a", ByPosition()), ("b", ByPosition())], voting="soft"),
        GaussianNB(),
        make_pipeline(StandardScaler(), ByPosition()),
        GridSearchCV(ByPosition(), {}, cv=2),
    ],
    ids=lambda base: repr(base)[:40],
)
@pytest.mark.parametrize("cls", METAS)
def test_columns_in_another_order_are_refused(cls, base, ensemble):
    model = cls(base, ensemble=ensemble, cv=2).fit(FRAME, Y)
    assert_array_equal(model.feature_names_in_, FRAME.columns)
    assert model.score(FRAME, Y) > 0.9
    for method in (model.predict_proba, model.predict, model.predict_log_proba):
        with pytest.raises(ValueError, match=ORDER):
            method(TURNED)
    with pytest.raises(ValueError, match="yet now missing"):
        model.predict(FRAME.rename(columns={FRAME.columns[0]: "length"}))


def test_as_in_scikit_learn_names_on_one_side_only_bring_a_warning():
    named = CalibratedClassifierCV(ByPosition(), cv=2).fit(FRAME, Y)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but Calib"):
        named.predict(FRAME.to_numpy())
    nameless = CalibratedClassifierCV(ByPosition(), cv=2).fit(FRAME.to_numpy(), Y)
    assert not hasattr(nameless, "feature_names_in_")
    with pytest.warns(UserWarning, match="CalibratedClassifierCV was fitted without"):
        nameless.predict(FRAME)
    assert not hasattr(named.fit(FRAME.to_numpy(), Y), "feature_names_in_")


def test_who_checks_by_itself_is_not_asked_twice():
    model = CalibratedClassifierCV(FrozenEstimator(GaussianNB().fit(FRAME, Y))).fit(FRAME, Y)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.predict(FRAME.to_numpy())
    assert [str(w.message).split(",")[1] for w in record] == [
        " but GaussianNB was fitted with feature names"
    ]


@pytest.mark.parametrize("base", [ByPositionWithNames(), GaussianNB()])
def test_a_frozen_classifier_is_calibrated_on_its_own_columns(base):
    frozen = FrozenEstimator(base.fit(FRAME, Y))
    with pytest.raises(ValueError, match=ORDER):
        CalibratedClassifierCV(frozen).fit(TURNED, Y)
    model = CalibratedClassifierCV(frozen).fit(FRAME, Y)
    with pytest.raises(ValueError, match=ORDER):
        model.predict_proba(TURNED)


def test_a_frozen_classifier_calibrated_on_an_array_keeps_its_order():
    frozen = FrozenEstimator(ByPositionWithNames().fit(FRAME, Y))
    model = CalibratedClassifierCV(frozen).fit(FRAME.to_numpy(), Y)
    assert model.score(FRAME, Y) > 0.9
    with pytest.raises(ValueError, match=ORDER):
        model.predict_proba(TURNED)


def test_what_selects_columns_by_name_may_have_them_in_any_order():
    by_name = ColumnTransformer([("s", StandardScaler(), list(FRAME.columns))])
    select = FunctionTransformer(lambda frame: frame[list(FRAME.columns)])
    inside = make_pipeline(by_name, ByPosition())
    for base in (
        make_pipeline(by_name, LogisticRegression()),
        inside,
        Pipeline([("nothing", None), ("all", inside)]),
        make_pipeline(select, ByPosition()),
        VotingClassifier([("a", inside), ("b", inside)], voting="soft"),
    ):
        model = CalibratedClassifierCV(base, cv=2).fit(FRAME, Y)
        more = TURNED.assign(other=0.0)
        assert_array_equal(model.predict_proba(more), model.predict_proba(FRAME))


def test_draws_are_of_the_columns_that_were_learned():
    perceptron = MLPClassifier((8,), max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge
        model = MCDropoutClassifier(perceptron, inject="hidden", rate=0.2, random_state=0)
        model.fit(FRAME, Y)
    for method in (model.predict_proba, model.predict_uncertainty, model.sample_proba):
        method(FRAME)
        with pytest.raises(ValueError, match=ORDER):
            method(TURNED)
    calibrated = TemperatureCalibratedClassifier(model, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calibrated.fit(FRAME, Y)
    with pytest.raises(ValueError, match=ORDER):
        calibrated.predict_proba(TURNED)


def test_lightgbm():
    lightgbm = pytest.importorskip("lightgbm", reason="needs LightGBM: pip install lightgbm")
    base = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    for estimator in (base, FrozenEstimator(base.fit(FRAME, Y))):
        model = CalibratedClassifierCV(estimator, cv=2).fit(FRAME, Y)
        model.predict_proba(FRAME)
        with pytest.raises(ValueError, match=ORDER):
            model.predict_proba(TURNED)
    with pytest.raises(ValueError, match=ORDER):
        CalibratedClassifierCV(FrozenEstimator(base)).fit(TURNED, Y)
    array = CalibratedClassifierCV(base, cv=2).fit(FRAME.to_numpy(), Y)
    array.predict_proba(FRAME.to_numpy())
    assert not hasattr(array, "feature_names_in_")
