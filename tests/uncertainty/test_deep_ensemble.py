"""Deep ensembles of scikit-learn's classifiers: seeds, members, weights, failures."""

import pickle
import random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_wine
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import ExtraTreeClassifier

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.uncertainty import DeepEnsembleClassifier, _members

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["barolo", "grignolino", "barbera"])[Y]
TRAIN, TEST = slice(None, None, 2), slice(1, None, 2)
MLP = MLPClassifier((4,), solver="lbfgs", max_iter=15, random_state=0)


def ensemble(estimator=MLP, n_members=3, **parameters):
    return DeepEnsembleClassifier(
        estimator, n_members=n_members, **{"random_state": 0, **parameters}
    )


def test_each_member_is_the_classifier_with_another_seed():
    fitted = ensemble().fit(X[TRAIN], NAMES[TRAIN])
    assert_array_equal(fitted.classes_, np.unique(NAMES))
    seeds = [member.random_state for member in fitted.members_]
    assert len({*seeds}) == 3
    draws = fitted.sample_proba(X[TEST])
    for seed, draw in zip(seeds, draws, strict=True):
        alone = clone(MLP).set_params(random_state=seed).fit(X[TRAIN], NAMES[TRAIN])
        assert_array_equal(draw, alone.predict_proba(X[TEST]))
    assert_allclose(fitted.predict_proba(X[TEST]), draws.mean(axis=0), rtol=1e-12)
    assert MLP.random_state == 0


def test_nested_seeds_are_derived_too():
    inner = make_pipeline(StandardScaler(), BaggingClassifier(SGDClassifier(), 2))
    members = ensemble(inner).fit(X[TRAIN], Y[TRAIN]).members_
    bags = [member[-1] for member in members]
    seeds = [bag.random_state for bag in bags] + [bag.estimator.random_state for bag in bags]
    assert len({*seeds}) == 6
    assert all(isinstance(seed, int) for seed in seeds)


def test_the_ensemble_is_never_worse_than_its_members_are_on_average():
    """Jensen: -log of the mean is at most the mean of -log, for each row and each class."""
    fitted = ensemble(n_members=4, bootstrap=True).fit(X[TRAIN], Y[TRAIN])
    losses = -np.log(fitted.sample_proba(X))
    assert (-np.log(fitted.predict_proba(X)) <= losses.mean(axis=0) + 1e-12).all()
    assert (losses.std(axis=0) > 0).any()


def test_copies_of_one_member_have_no_model_uncertainty():
    member = clone(MLP).fit(X[TRAIN], NAMES[TRAIN])
    result = DeepEnsembleClassifier.from_members([member] * 4).predict_uncertainty(X[TEST])
    assert_allclose(result.epistemic, 0, atol=1e-15)
    assert_array_equal(result.std, 0)
    assert_array_equal(result.mean, member.predict_proba(X[TEST]))


def test_one_member_is_the_classifier_itself():
    fitted = ensemble(n_members=1).fit(X[TRAIN], NAMES[TRAIN])
    (member,) = fitted.members_
    assert_allclose(fitted.predict_proba(X), member.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_members_do_not_depend_on_how_they_are_run(backend, bootstrap):
    expected = ensemble(bootstrap=bootstrap).fit(X[TRAIN], NAMES[TRAIN]).sample_proba(X)
    with parallel_config(backend=backend, n_jobs=2):
        fitted = ensemble(bootstrap=bootstrap).fit(X[TRAIN], NAMES[TRAIN])
    assert_array_equal(fitted.sample_proba(X), expected)
    other = ensemble(bootstrap=bootstrap, random_state=1).fit(X[TRAIN], NAMES[TRAIN])
    assert not np.array_equal(other.sample_proba(X), expected)


class Global(ClassifierMixin, BaseEstimator):
    """Draws from the states of the process, as classifiers of users may."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.w_ = np.random.dirichlet([1, 1, 1]) + random.random()  # noqa: NPY002
        return self

    def predict_proba(self, X):
        return np.tile(self.w_ / self.w_.sum(), (len(X), 1))


@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_global_states_are_seeded_and_put_back(backend):
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    expected = ensemble(Global(), 4).fit(X, Y).sample_proba(X[:1])
    assert len(np.unique(expected[:, 0, 0])) == 4
    with parallel_config(backend=backend, n_jobs=3):
        found = ensemble(Global(), 4).fit(X, Y).sample_proba(X[:1])
    assert_array_equal(found, expected)
    assert before == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002


def test_weights_follow_the_rows():
    weight = np.random.default_rng(0).integers(1, 4, len(X)).astype(float)
    nb = GaussianNB()
    fitted = ensemble(nb, bootstrap=True).fit(X, Y, sample_weight=weight)
    repeated = np.repeat(np.arange(len(X)), weight.astype(int))
    other = ensemble(nb, bootstrap=True).fit(X[repeated], Y[repeated])
    assert not np.allclose(fitted.predict_proba(X), other.predict_proba(X))  # other samples
    with sklearn.config_context(enable_metadata_routing=True):
        nb.set_fit_request(sample_weight=True)
        routed = ensemble(nb, bootstrap=True).fit(X, Y, sample_weight=weight)
    assert_array_equal(routed.predict_proba(X), fitted.predict_proba(X))
    ones = ensemble(GaussianNB(), bootstrap=True).fit(X, Y, sample_weight=np.ones(len(X)))
    plain = ensemble(GaussianNB(), bootstrap=True).fit(X, Y)
    assert_array_equal(ones.predict_proba(X), plain.predict_proba(X))


def test_weights_of_a_member_are_those_of_its_rows():
    """Rows whose weight is zero are as good as absent, whichever a member draws."""

    weight = (np.arange(len(X)) % 3 > 0).astype(float)
    shifted = np.where(weight[:, None] > 0, X, 1e3)
    fitted = ensemble(GaussianNB(), bootstrap=True).fit(shifted, Y, sample_weight=weight)
    means = np.stack([member.theta_ for member in fitted.members_])
    assert np.abs(means).max() < 5


def test_a_bootstrap_sample_lacks_no_class():
    few = np.concatenate([np.flatnonzero(Y == 0)[:2], np.flatnonzero(Y > 0)])
    fitted = ensemble(GaussianNB(), 5, bootstrap=True).fit(X[few], NAMES[few])
    for member in fitted.members_:
        assert_array_equal(member.class_count_, np.unique(NAMES[few], return_counts=True)[1])


def test_calibrated_it_keeps_its_draws():
    fitted = TemperatureCalibratedClassifier(ensemble(), cv=3).fit(X, NAMES)
    result = fitted.predict_uncertainty(X)
    assert_allclose(result.mean, fitted.predict_proba(X), atol=1e-6)
    assert fitted.sample_proba(X[:5]).shape == (
        3 if len(fitted.calibrated_classifiers_) == 1 else 9,
        5,
        3,
    )
    assert result.epistemic.max() > 0


class CodesOnly(GaussianNB):
    """Refuses other labels than 0..K-1, and is taken for one of XGBoost's."""

    __module__ = "xgboost.sklearn"

    def fit(self, X, y, sample_weight=None):
        assert set(np.unique(y)) == {*range(len(np.unique(y)))}
        return super().fit(X, y, sample_weight)


def test_members_that_take_numbers_only():
    fitted = ensemble(CodesOnly(), bootstrap=True).fit(X, NAMES)
    assert_array_equal(fitted.classes_, np.unique(NAMES))
    assert fitted.score(X, NAMES) > 0.9
    again = DeepEnsembleClassifier.from_members(fitted.members_)
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    calibrated = TemperatureCalibratedClassifier(ensemble(CodesOnly(), bootstrap=True), cv=2)
    assert calibrated.fit(X, NAMES).predict_uncertainty(X).epistemic.max() > 0


class Unsaid(ClassifierMixin, BaseEstimator):
    """Says neither its classes nor that it is fitted, as NGBoost's classifiers."""

    __module__ = "ngboost.api"
    base_models = ()

    def fit(self, X, y):
        self.base_models = [GaussianNB().fit(X, y)]
        self.Dist = SimpleNamespace(n_params=len(np.unique(y)) - 1)
        return self

    def predict_proba(self, X):
        return self.base_models[0].predict_proba(X)

    def predict(self, X):
        return self.base_models[0].predict(X)


@pytest.mark.parametrize("classes", [None, ["barbera", "barolo", "grignolino"]])
def test_members_that_do_not_say_their_classes(classes):
    members = [Unsaid().fit(X[rows], Y[rows]) for rows in (TRAIN, TEST)]
    given = DeepEnsembleClassifier.from_members(members, classes=classes)
    assert_array_equal(given.classes_, [0, 1, 2] if classes is None else classes)
    draws = given.sample_proba(X)
    for member, draw in zip(members, draws, strict=True):
        assert_array_equal(member.predict_proba(X), draw)
    again = DeepEnsembleClassifier.from_members(given.members_)
    assert_array_equal(again.sample_proba(X), draws)
    labels = given.classes_[Y]
    calibrated = TemperatureCalibratedClassifier(Unsaid(), cv=2).fit(X, labels)
    assert_array_equal(calibrated.classes_, given.classes_)
    assert calibrated.score(X, labels) > 0.9
    with pytest.raises(sklearn.exceptions.NotFittedError, match="Unsaid"):
        DeepEnsembleClassifier.from_members([Unsaid()])
    with pytest.raises(ValueError, match=r"classes=\['a'\] must name the 3 classes"):
        DeepEnsembleClassifier.from_members(members, classes=["a"])


def test_calibrating_trained_members_calibrates_their_mean():
    fitted = ensemble().fit(X[TRAIN], NAMES[TRAIN])
    given = DeepEnsembleClassifier.from_members(fitted.members_)
    assert_array_equal(given.predict_proba(X), fitted.predict_proba(X))
    calibrated = CalibratedClassifierCV(given, method="temperature").fit(X[TEST], NAMES[TEST])
    (pair,) = calibrated.calibrated_classifiers_  # all rows at once: nothing is trained
    (map_,) = pair.calibrators
    expected = map_.predict_proba(np.log(fitted.predict_proba(X)))
    assert_allclose(calibrated.predict_proba(X), expected, atol=1e-9)
    twin = pickle.loads(pickle.dumps(calibrated))
    assert_array_equal(twin.predict_proba(X), calibrated.predict_proba(X))
    assert_array_equal(clone(given).fit(X, NAMES).predict_proba(X), fitted.predict_proba(X))


def test_members_of_many_kinds():
    members = [
        GaussianNB().fit(X[TRAIN], NAMES[TRAIN]),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X[TRAIN], NAMES[TRAIN]),
        RidgeClassifier().fit(X[TRAIN], NAMES[TRAIN]),  # votes
    ]
    mixed = DeepEnsembleClassifier.from_members(members)
    draws = mixed.sample_proba(X[TEST])
    for member, draw in zip(members[:2], draws[:2], strict=True):
        assert_array_equal(draw, member.predict_proba(X[TEST]))
    assert_array_equal(mixed.classes_[draws[2].argmax(axis=1)], members[2].predict(X[TEST]))
    assert set(np.unique(draws[2])) == {0, 1}
    with pytest.raises(ValueError, match="must know the same classes"):
        DeepEnsembleClassifier.from_members([members[0], GaussianNB().fit(X, Y)])
    with pytest.raises(sklearn.exceptions.NotFittedError):
        DeepEnsembleClassifier.from_members([members[0], GaussianNB()])
    with pytest.raises(ValueError, match="at least one"):
        DeepEnsembleClassifier.from_members([])
    with pytest.raises(ValueError, match="got 'member'"):
        DeepEnsembleClassifier.from_members(["member"])


class Failing(GaussianNB):
    """Fails, or is interrupted, in the trainings of these numbers (counted from 0)."""

    def __init__(self, random_state=None, error=None, at=(), log=None):
        super().__init__()
        self.random_state = random_state
        self.error = error
        self.at = at
        self.log = log

    def __sklearn_clone__(self):
        return Failing(self.random_state, self.error, self.at, self.log)

    def fit(self, X, y):
        self.log.append(self.random_state)
        if len(self.log) - 1 in self.at:
            raise self.error
        X = X + np.random.default_rng(self.random_state).normal(size=X.shape)
        return super().fit(X, y)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("full"), ValueError("no")])
def test_what_is_trained_is_not_lost(error):
    expected = ensemble(Failing(log=[]), 5).fit(X, Y).sample_proba(X)
    log = []
    broken = ensemble(Failing(error=error, at=(2,), log=log), 5)
    with pytest.raises(type(error)) as caught:
        broken.fit(X, Y)
    interrupted = isinstance(error, KeyboardInterrupt)
    n_trained = 2 if interrupted else 4
    assert len(broken.members_) == n_trained
    assert broken.sample_proba(X).shape == (n_trained, len(X), 3)
    if not interrupted:
        (note,) = caught.value.__notes__
        assert "members number 2 of 0 to 4" in note
        assert "The 4 trained ones are kept in members_" in note
    calls = len(log)
    broken.set_params(warm_start=True).fit(X, Y)
    assert len(log) - calls == 5 - n_trained
    assert_array_equal(broken.sample_proba(X), expected)


def test_what_always_fails_is_given_up():
    log = []
    broken = ensemble(Failing(error=ValueError("no"), at=range(9), log=log), 9)
    with pytest.raises(ValueError, match="no") as caught:
        broken.fit(X, Y)
    assert len(log) == 2
    assert "No member is trained" in caught.value.__notes__[0]
    with pytest.raises(sklearn.exceptions.NotFittedError):
        broken.predict_proba(X)


class Diverging(Failing):
    def __sklearn_clone__(self):
        return Diverging(self.random_state, self.error, self.at, self.log)

    def fit(self, X, y):
        self.log.append(0)
        GaussianNB.fit(self, X, y)
        if len(self.log) - 1 in self.at:
            self.theta_[:] = np.nan
        return self


def test_a_member_that_diverged_is_a_failure():
    with pytest.raises(ValueError, match="its training diverged"):
        ensemble(Diverging(at=(1,), log=[]), bootstrap=True).fit(X, Y)


def test_warm_start_adds_the_members_that_there_would_have_been():
    at_once = ensemble(n_members=4).fit(X, Y)
    grown = ensemble(n_members=2, warm_start=True).fit(X, Y)
    first = grown.members_[0]
    grown.set_params(n_members=4).fit(X, Y)
    assert grown.members_[0] is first
    assert_array_equal(grown.sample_proba(X), at_once.sample_proba(X))
    with pytest.warns(UserWarning, match="nothing was done"):
        grown.fit(X, Y)
    with pytest.raises(ValueError, match="n_members=3 must be at least 4"):
        grown.set_params(n_members=3).fit(X, Y)
    with pytest.raises(ValueError, match="keeps members that know the classes"):
        grown.set_params(n_members=5).fit(X, NAMES)
    assert len(grown.set_params(warm_start=False, n_members=2).fit(X, NAMES).members_) == 2


def test_members_that_cannot_differ_are_warned_of():
    with pytest.warns(UserWarning, match="nothing in the training of LogisticRegression"):
        ensemble(LogisticRegression()).fit(X, Y)
    fitted = ensemble(LogisticRegression(), bootstrap=True).fit(X, Y)
    assert fitted.predict_uncertainty(X).epistemic.max() > 0
    ensemble(ExtraTreeClassifier()).fit(X, Y)  # sure of all rows that it knows: no warning


def test_frames_sparse_matrices_lists_and_blocks(monkeypatch):
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(13)])
    fitted = ensemble(GaussianNB(), bootstrap=True).fit(frame, Y)
    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    assert fitted.n_features_in_ == 13
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict_proba(frame[frame.columns[::-1]])
    whole = fitted.sample_proba(frame)
    monkeypatch.setattr(_members, "HELD", 1)
    blocks = list(fitted.sample_proba(frame, blocks=True))
    assert [draws.shape[1] for _, draws in blocks] == [64, 64, 50]
    assert_array_equal(np.concatenate([draws for _, draws in blocks], axis=1), whole)
    for kind in (coo_array, list):
        again = ensemble(MLP, bootstrap=True).fit(kind(X.tolist()), Y.tolist())
        assert_allclose(
            again.predict_proba(kind(X.tolist())),
            ensemble(MLP, bootstrap=True).fit(X, Y).predict_proba(X),
            atol=1e-9,
        )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_members": 0}, "'n_members' parameter .* at least 1, got 0"),
        ({"n_members": 2.0}, "'n_members' parameter .* got 2.0"),
        ({"train": "together"}, "'train' parameter .* must be one of 'auto', 'stacked'"),
        ({"bootstrap": 1}, "'bootstrap' parameter .* True or False, got 1"),
        ({"warm_start": "yes"}, "'warm_start' parameter .* got 'yes'"),
        ({"estimator": GaussianNB}, "must be a classifier .an instance."),
        ({"estimator": 3}, "must be a classifier .an instance."),
        ({"estimator": MLPRegressor()}, "must be a classifier .an instance."),
        ({"estimator": "model.keras"}, "load_model"),
    ],
)
def test_misuse(parameters, message):
    with pytest.raises(ValueError, match=message):
        DeepEnsembleClassifier(**parameters).fit(X, Y)


def test_other_misuse():
    with pytest.raises(ValueError, match="one class only"):
        ensemble().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="yields batches"):
        ensemble().fit(iter(X), Y)
