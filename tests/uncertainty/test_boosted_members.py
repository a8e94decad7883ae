"""XGBoost's and NGBoost's own classifiers and regressors as members of ensembles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import NotFittedError

from skcalib import DeepEnsembleClassifier, TemperatureCalibratedClassifier
from skcalib.uncertainty import DeepEnsembleRegressor

X, Y = load_wine(return_X_y=True)
NAMES = np.array(["barolo", "grignolino", "barbera"])[Y]
TRAIN, HELD, TEST = slice(0, None, 3), slice(1, None, 3), slice(2, None, 3)


def boosted(library):
    """Return a small classifier of a library, and the labels to train it with."""
    if library == "xgboost":
        xgboost = pytest.importorskip("xgboost", reason="needs XGBoost: pip install xgboost")
        return xgboost.XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1), NAMES
    ngboost = pytest.importorskip("ngboost", reason="needs NGBoost: pip install ngboost")
    categorical = ngboost.distns.k_categorical(3)
    return ngboost.NGBClassifier(Dist=categorical, n_estimators=5, verbose=False), Y


def regressor():
    ngboost = pytest.importorskip("ngboost", reason="needs NGBoost: pip install ngboost")
    return ngboost.NGBRegressor(n_estimators=10, verbose=False)


@pytest.mark.parametrize("library", ["xgboost", "ngboost"])
def test_members_on_other_rows(library):
    estimator, labels = boosted(library)
    ensemble = DeepEnsembleClassifier(estimator, n_members=3, bootstrap=True, random_state=0)
    ensemble.fit(X[TRAIN], labels[TRAIN])
    assert_array_equal(ensemble.classes_, np.unique(labels))
    draws = ensemble.sample_proba(X[TEST])
    for member, draw in zip(ensemble.members_, draws, strict=True):
        assert_allclose(member.predict_proba(X[TEST]), draw, atol=1e-7)
    assert np.abs(draws[0] - draws[1]).max() > 0.01
    assert_allclose(ensemble.predict_proba(X[TEST]), draws.mean(axis=0), atol=1e-7)
    assert ensemble.score(X[TEST], labels[TEST]) > 0.8
    again = clone(ensemble).fit(X[TRAIN], labels[TRAIN])
    assert_allclose(again.sample_proba(X[TEST]), draws, atol=1e-7)


@pytest.mark.parametrize("library", ["xgboost", "ngboost"])
def test_trained_ones_calibrated_as_one(library):
    estimator, _ = boosted(library)
    members = [clone(estimator).fit(X[rows], Y[rows]) for rows in (TRAIN, TEST)]
    given = DeepEnsembleClassifier.from_members(members)
    mean = np.mean([member.predict_proba(X[HELD]) for member in members], axis=0)
    assert_allclose(given.predict_proba(X[HELD]), mean, atol=1e-7)
    calibrated = TemperatureCalibratedClassifier(given).fit(X[HELD], Y[HELD])
    result = calibrated.predict_uncertainty(X[HELD])
    assert_allclose(result.mean, calibrated.predict_proba(X[HELD]), atol=1e-6)
    assert result.epistemic.max() > 0


@pytest.mark.parametrize("labels", [Y, NAMES], ids=["numbers", "names"])
def test_ngboost_says_its_classes(labels):
    """Its classifiers have no classes_, and nothing that says that they are fitted."""
    estimator, _ = boosted("ngboost")
    ensemble = DeepEnsembleClassifier(estimator, n_members=2, bootstrap=True, random_state=0)
    ensemble.fit(X[TRAIN], labels[TRAIN])
    given = DeepEnsembleClassifier.from_members(ensemble.members_)
    assert_array_equal(given.classes_, np.unique(labels))
    assert_array_equal(given.sample_proba(X[TEST]), ensemble.sample_proba(X[TEST]))
    bare = clone(estimator).fit(X[TRAIN], Y[TRAIN])
    named = DeepEnsembleClassifier.from_members([bare], classes=["a", "b", "c"])
    assert_array_equal(named.predict(X[TEST]), np.array(["a", "b", "c"])[bare.predict(X[TEST])])
    calibrated = TemperatureCalibratedClassifier(clone(estimator), cv=2)
    calibrated.fit(X[TRAIN], labels[TRAIN])
    assert_array_equal(calibrated.classes_, np.unique(labels))
    assert calibrated.score(X[TEST], labels[TEST]) > 0.8


def test_misuse():
    estimator, _ = boosted("ngboost")
    with pytest.raises(NotFittedError, match="NGBClassifier instance is not fitted"):
        DeepEnsembleClassifier.from_members([estimator])
    bare = estimator.fit(X[TRAIN], Y[TRAIN])
    with pytest.raises(ValueError, match=r"classes=\['a', 'b'\] must name the 3 classes"):
        DeepEnsembleClassifier.from_members([bare], classes=["a", "b"])
    with pytest.raises(NotFittedError, match="NGBRegressor"):
        DeepEnsembleClassifier.from_members([regressor().fit(X[TRAIN], X[TRAIN, 0])])


def test_one_that_fails_loses_no_other():
    estimator, _ = boosted("xgboost")
    ensemble = DeepEnsembleClassifier(estimator, n_members=3, bootstrap=True, random_state=0)
    whole = clone(ensemble).fit(X[TRAIN], NAMES[TRAIN]).sample_proba(X[TEST])

    class OnceFailing(type(estimator)):
        left = [1]

        def fit(self, *rows, **more):
            if len(self.left) == 1 and self.left.append(0) is None:
                raise MemoryError("full")
            return super().fit(*rows, **more)

    failing = OnceFailing(n_estimators=5, max_depth=2, n_jobs=1)
    broken = clone(ensemble).set_params(estimator=failing)
    with pytest.raises(MemoryError, match="full") as caught:
        broken.fit(X[TRAIN], NAMES[TRAIN])
    (note,) = caught.value.__notes__
    assert "members number 0 of 0 to 2" in note
    assert "The 2 trained ones are kept in members_" in note
    assert_allclose(broken.sample_proba(X[TEST]), whole[1:], atol=1e-7)
    broken.set_params(warm_start=True).fit(X[TRAIN], NAMES[TRAIN])
    assert_allclose(broken.sample_proba(X[TEST]), whole, atol=1e-7)


def test_regressors_that_say_their_distribution():
    A, b = load_diabetes(return_X_y=True)
    A, b = A[:150], b[:150]
    ensemble = DeepEnsembleRegressor(regressor(), n_members=2, bootstrap=True, random_state=0)
    result = ensemble.fit(A, b).predict_uncertainty(A)
    said = [member.pred_dist(A) for member in ensemble.members_]
    means, scales = (np.array([one.params[key] for one in said]) for key in ("loc", "scale"))
    assert_allclose(result.mean, means.mean(axis=0), rtol=1e-9)
    assert_allclose(result.noise_std**2, (scales**2).mean(axis=0), rtol=1e-9)
    assert np.ptp(means, axis=0).max() > 1
