"""Labels as a classifier wants them, in each split; and what stands in for a classifier."""

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier

PARTLY = "ignore:Some classes have no samples:UserWarning"
RNG = np.random.default_rng(0)
Y = np.concatenate([np.arange(200) % 2 * 2, np.arange(200) % 3])  # 0 and 2, then all
X = RNG.normal(size=(400, 3)) + 1.5 * np.eye(3)[Y]
NAMES = np.array(["ant", "bee", "cat"])[Y]


class CodesOnly(ClassifierMixin, BaseEstimator):
    """A classifier that insists on the labels 0..K-1, as XGBoost does."""

    def __init__(self, shift=None, error=ValueError):
        self.shift = shift
        self.error = error

    def fit(self, X, y, sample_weight=None):
        expected = np.arange(len(np.unique(y)))
        if not np.array_equal(np.unique(y), expected):
            raise self.error(f"Invalid classes: expected {expected}, got {np.unique(y)}")
        self.model_ = GaussianNB().fit(X, y, sample_weight)
        self.classes_, self.n_features_in_ = self.model_.classes_, 3
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return self.model_.predict(X)


class Boosted(CodesOnly):
    """One that is known to insist on them, by its package."""

    __module__ = "xgboost.sklearn"


PIPED = make_pipeline(StandardScaler(), Boosted())


@pytest.mark.filterwarnings(PARTLY)
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize(
    "base",
    [
        CodesOnly(),
        CodesOnly(error=IndexError),
        Boosted(),
        PIPED,
    ],
    ids=["insists", "index", "known", "piped"],
)
@pytest.mark.parametrize("cv", [KFold(2), TimeSeriesSplit(4)])
def test_folds_that_lack_a_class(base, cv, ensemble):
    plain = make_pipeline(*base[:-1], GaussianNB()) if hasattr(base, "steps") else GaussianNB()
    model = CalibratedClassifierCV(base, cv=cv, ensemble=ensemble).fit(X, Y)
    right = CalibratedClassifierCV(plain, cv=cv, ensemble=ensemble).fit(X, Y)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_allclose(model.predict_proba(X), right.predict_proba(X), rtol=1e-9)
    assert model.n_features_in_ == 3
    if not isinstance(base, Boosted):  # which is in no package that could be imported
        again = pickle.loads(pickle.dumps(model)) if base is not PIPED else model
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.filterwarnings(PARTLY)
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("labels", [NAMES, Y + 1, Y == 2, NAMES == "cat", Y * 2.0])
def test_labels_of_any_kind_for_who_is_known_to_want_codes(labels, ensemble):
    for cv in (5, KFold(2)):
        model = CalibratedClassifierCV(Boosted(), cv=cv, ensemble=ensemble).fit(X, labels)
        right = CalibratedClassifierCV(GaussianNB(), cv=cv, ensemble=ensemble).fit(X, labels)
        assert_array_equal(model.classes_, right.classes_)
        assert_allclose(model.predict_proba(X), right.predict_proba(X), rtol=1e-9)
        assert set(model.predict(X)) <= set(labels)


def test_frozen_ones_are_left_alone():
    base = FrozenEstimator(Boosted().fit(X, Y))
    model = CalibratedClassifierCV(base).fit(X, Y)
    assert model.calibrated_classifiers_[0].estimator.estimator is base.estimator


@pytest.mark.filterwarnings(PARTLY)
def test_what_fails_for_another_reason_says_its_own():
    class Broken(CodesOnly):
        def fit(self, X, y, sample_weight=None):
            raise ValueError("out of cheese")

    for labels in (Y, NAMES):
        with pytest.raises(ValueError, match="out of cheese"):
            CalibratedClassifierCV(Broken(), cv=KFold(2)).fit(X, labels)
    with pytest.raises(ValueError, match="Invalid classes"):  # labels that it never takes
        CalibratedClassifierCV(CodesOnly(), cv=KFold(2)).fit(X, NAMES)
    # A parameter that names labels would mean others, were these encoded.
    with pytest.raises(ValueError, match="Invalid classes"):
        CalibratedClassifierCV(CodesOnly(shift={1: 2.0}), cv=KFold(2)).fit(X, Y)


def test_labels_of_evaluation_sets_are_not_encoded():
    class Early(Boosted):
        __module__ = "xgboost.sklearn"

        def fit(self, X, y, eval_set=None):
            return super().fit(X, y)

    CalibratedClassifierCV(Early()).fit(X, Y, eval_set=((X[:9], Y[:9]),))
    with pytest.raises(ValueError, match="those in eval_set are not"):
        CalibratedClassifierCV(Early()).fit(X, NAMES, eval_set=((X[:9], NAMES[:9]),))


@pytest.mark.filterwarnings(PARTLY)
@pytest.mark.parametrize("ensemble", [True, False])
def test_xgboost(ensemble):
    xgboost = pytest.importorskip("xgboost", reason="needs XGBoost: pip install xgboost-cpu")
    base = xgboost.XGBClassifier(n_estimators=5, n_jobs=1)
    search = GridSearchCV(base, {"max_depth": [2]}, cv=2)
    for estimator in (base, make_pipeline(StandardScaler(), base), search):
        for cv, labels in ((KFold(2), Y), (TimeSeriesSplit(4), Y), (3, NAMES)):
            model = TemperatureCalibratedClassifier(estimator, cv=cv, ensemble=ensemble)
            model.fit(X, labels)
            assert_array_equal(model.classes_, np.unique(labels))
            assert model.score(X, labels) > 0.7
            assert model.n_features_in_ == 3
    rows = np.arange(300)
    late = np.where(rows < 100, 0, RNG.integers(0, 2, 300))  # the first split has one class
    data = RNG.normal(size=(300, 2)) + 2 * late[:, None]
    model = CalibratedClassifierCV(base, cv=TimeSeriesSplit(4), ensemble=ensemble)
    assert model.fit(data, late).score(data, late) > 0.8
    with pytest.raises(ValueError, match="nothing to calibrate with"):
        CalibratedClassifierCV(base, cv=KFold(3)).fit(X, np.repeat([0, 1, 2], [134, 133, 133]))


def test_groups_need_metadata_routing():
    groups = np.arange(400) % 7
    for base in (
        GaussianNB(),
        make_pipeline(GaussianNB()),
        FrozenEstimator(GaussianNB().fit(X, Y)),
    ):
        with pytest.raises(
            ValueError, match=r"enable_metadata_routing=True.*cv=list\(GroupKFo"
        ):
            CalibratedClassifierCV(base).fit(X, Y, groups=groups)

    class Grouped(GaussianNB):
        def fit(self, X, y, groups=None):
            assert len(groups) == len(y)
            return super().fit(X, y)

    assert CalibratedClassifierCV(Grouped()).fit(X, Y, groups=groups).score(X, Y) > 0.5


@pytest.mark.parametrize("cls", [CalibratedClassifierCV, TemperatureCalibratedClassifier])
def test_verbose_says_how_many_splits_are_done(cls, capsys):
    silent = cls(GaussianNB(), cv=StratifiedKFold(3)).fit(X, Y)
    assert capsys.readouterr().err == ""
    for n_jobs in (None, 2):
        model = clone(silent).set_params(verbose=1, n_jobs=n_jobs)
        with parallel_config(backend="threading"):
            model.fit(X, Y)
        shown = capsys.readouterr().err
        assert "3/3" in shown or "3 of 3 splits" in shown
        assert "calibration" in shown
        assert_array_equal(model.predict_proba(X), silent.predict_proba(X))
