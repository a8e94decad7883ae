"""The members of an ensemble as draws: the mean is the ensemble's own answer."""

import numpy as np
import pandas as pd
import pytest
import sklearn.calibration
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_wine
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skcalib import CalibratedClassifierCV
from skcalib.uncertainty import EnsembleMembersClassifier, _ensemble_members

X, Y = load_wine(return_X_y=True)
NAMES = np.array(["barolo", "grignolino", "barbera"])[Y]
TRAIN, TEST = slice(None, None, 2), slice(1, None, 2)


@pytest.mark.parametrize(
    "ensemble",
    [
        RandomForestClassifier(15, random_state=0),
        ExtraTreesClassifier(15, bootstrap=True, min_samples_leaf=4, random_state=0),
        BaggingClassifier(DecisionTreeClassifier(max_depth=2), 12, random_state=0),
        BaggingClassifier(RidgeClassifier(), 9, max_features=0.4, random_state=0),
        BaggingClassifier(SVC(), 5, max_samples=6, random_state=3),  # lacks classes
        VotingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())], voting="soft"),
    ],
)
def test_the_mean_is_what_the_ensemble_itself_says(ensemble):
    fitted = EnsembleMembersClassifier(ensemble).fit(X[TRAIN], NAMES[TRAIN])
    assert_array_equal(fitted.classes_, np.unique(NAMES))
    own = fitted.estimator_
    assert own is not ensemble
    assert not hasattr(ensemble, "estimators_")
    proba = fitted.predict_proba(X[TEST])
    assert_allclose(proba, own.predict_proba(X[TEST]), atol=1e-12)
    assert fitted.sample_proba(X[TEST]).shape == (len(own.estimators_), 89, 3)
    assert_array_equal(fitted.predict(X[TEST]), own.predict(X[TEST]))


def test_a_draw_is_a_tree():
    forest = RandomForestClassifier(7, random_state=0).fit(X[TRAIN], NAMES[TRAIN])
    draws = EnsembleMembersClassifier(FrozenEstimator(forest)).fit(X).sample_proba(X[TEST])
    for tree, draw in zip(forest.estimators_, draws, strict=True):
        assert_array_equal(draw, tree.predict_proba(X[TEST]))


def test_a_frozen_forest_in_a_pipeline_and_in_a_search():
    forest = RandomForestClassifier(10, random_state=0)
    pipeline = make_pipeline(StandardScaler(), forest).fit(X[TRAIN], Y[TRAIN])
    expected = pipeline.predict_proba(X[TEST])
    for around in (
        EnsembleMembersClassifier(pipeline),
        EnsembleMembersClassifier(FrozenEstimator(pipeline)),
        EnsembleMembersClassifier(GridSearchCV(pipeline, {}, cv=2)),
    ):
        proba = around.fit(X[TRAIN], Y[TRAIN]).predict_proba(X[TEST])
        assert_allclose(proba, expected, atol=1e-12)


def test_blocks_of_rows_are_joined(monkeypatch):
    forest = RandomForestClassifier(5, random_state=0)
    around = EnsembleMembersClassifier(forest).fit(X, Y)
    whole = around.sample_proba(X)
    monkeypatch.setattr(_ensemble_members, "HELD", 1)
    blocks = list(around.sample_proba(X, blocks=True))
    assert [draws.shape[1] for _, draws in blocks] == [64, 64, 50]
    assert_array_equal(np.concatenate([draws for _, draws in blocks], axis=1), whole)


def test_frames_sparse_matrices_and_missing_values():
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(13)])
    around = EnsembleMembersClassifier(RandomForestClassifier(5, random_state=0)).fit(frame, Y)
    expected = around.predict_proba(frame)
    assert around.feature_names_in_.tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        around.predict_proba(frame[frame.columns[::-1]])
    for kind in (RandomForestClassifier(5, random_state=0), BaggingClassifier(random_state=0)):
        around = EnsembleMembersClassifier(kind).fit(csr_array(X), Y)
        proba = around.predict_proba(csr_array(X))
        assert_allclose(proba, around.estimator_.predict_proba(X), atol=1e-12)
    with_gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    around = EnsembleMembersClassifier(RandomForestClassifier(5, random_state=0))
    proba = around.fit(with_gaps, Y).predict_proba(with_gaps)
    assert_allclose(proba, around.estimator_.predict_proba(with_gaps), atol=1e-12)
    assert_allclose(expected.sum(axis=1), 1)


def test_weights_reach_the_forest():
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    forest = RandomForestClassifier(5, random_state=0)
    expected = RandomForestClassifier(5, random_state=0).fit(X, Y, weight).predict_proba(X)
    around = EnsembleMembersClassifier(forest).fit(X, Y, sample_weight=weight)
    assert_allclose(around.predict_proba(X), expected, atol=1e-12)
    with sklearn.config_context(enable_metadata_routing=True):
        forest.set_fit_request(sample_weight=True)
        around = EnsembleMembersClassifier(forest).fit(X, Y, sample_weight=weight)
        assert_allclose(around.predict_proba(X), expected, atol=1e-12)


def test_calibrated_it_is_calibrated_as_the_ensemble_is():
    forest = RandomForestClassifier(20, min_samples_leaf=3, random_state=0)
    around = EnsembleMembersClassifier(forest)
    for method in ("isotonic", "sigmoid"):
        plain = CalibratedClassifierCV(forest, method=method, cv=3).fit(X, Y)
        ours = CalibratedClassifierCV(around, method=method, cv=3).fit(X, Y)
        assert_allclose(ours.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    frozen = EnsembleMembersClassifier(FrozenEstimator(forest.fit(X[TRAIN], Y[TRAIN])))
    once = CalibratedClassifierCV(frozen).fit(X[TEST], Y[TEST])
    assert len(once.calibrated_classifiers_) == 1  # all rows at once: it is trained


def test_where_trees_disagree_there_is_no_more_to_learn_from_noise():
    """Fully grown trees are sure each; trees with rows in their leaves tell noise apart."""
    digits, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(labels)) < 0.3, rng.integers(0, 10, len(labels)), labels)
    parts = {}
    for leaf in (1, 10):
        forest = RandomForestClassifier(
            20, bootstrap=False, min_samples_leaf=leaf, random_state=0
        )
        around = EnsembleMembersClassifier(forest).fit(digits[:900], noisy[:900])
        parts[leaf] = around.predict_uncertainty(digits[900:])
    assert parts[1].aleatoric.max() == 0
    assert parts[1].epistemic.mean() > 1
    assert parts[10].aleatoric.mean() > parts[10].epistemic.mean()


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        GradientBoostingClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        FrozenEstimator(LogisticRegression()),
    ],
)
def test_what_has_no_members_is_refused_before_it_is_trained(estimator):
    def fit(*args, **kwargs):
        raise AssertionError("trained")

    last = getattr(estimator, "steps", [(None, estimator)])[-1][1]
    last.fit = fit
    with pytest.raises(ValueError, match="must be one of RandomForestClassifier"):
        EnsembleMembersClassifier(estimator).fit(X, Y)


def test_other_misuse():
    search = GridSearchCV(GaussianNB(), {}, cv=2)
    with pytest.raises(ValueError, match="must be one of"):
        EnsembleMembersClassifier(search).fit(X[:, :3], Y)
    with pytest.raises(ValueError, match="2 targets"):
        EnsembleMembersClassifier(RandomForestClassifier(3)).fit(X, np.stack([Y, Y], axis=1))
    with pytest.raises(ValueError, match="yields batches"):
        EnsembleMembersClassifier().fit(iter(X), Y)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        EnsembleMembersClassifier(FrozenEstimator(RandomForestClassifier())).fit(X, Y)


def test_a_hard_vote_is_the_share_of_votes():
    members = [
        ("nb", GaussianNB()),
        ("tree", DecisionTreeClassifier(max_depth=1)),
        ("off", "drop"),
    ]
    voting = VotingClassifier(members).fit(X[TRAIN], NAMES[TRAIN])
    draws = EnsembleMembersClassifier(FrozenEstimator(voting)).fit(X).sample_proba(X[TEST])
    assert draws.shape == (2, 89, 3)
    for member, draw in zip(voting.estimators_, draws, strict=True):
        assert_array_equal(draw.argmax(axis=1), member.predict(X[TEST]))
        assert set(np.unique(draw)) == {0, 1}


@pytest.mark.parametrize("ours", [True, False])
def test_folds_of_a_calibration(ours):
    kind = CalibratedClassifierCV if ours else sklearn.calibration.CalibratedClassifierCV
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(13)])
    around = EnsembleMembersClassifier(
        kind(GaussianNB(), method="sigmoid", cv=4, ensemble=True)
    )
    around.fit(frame[TRAIN], NAMES[TRAIN])
    own = around.estimator_.predict_proba(frame[TEST])
    assert_allclose(around.predict_proba(frame[TEST]), own, atol=1e-9)
    assert around.sample_proba(frame[TEST]).shape == (4, 89, 3)
    assert around.predict_uncertainty(frame[TEST]).epistemic.max() > 0
    with pytest.raises(ValueError, match="feature names"):
        around.predict_proba(frame[frame.columns[::-1]])


@pytest.mark.parametrize(
    ("ensemble", "message"),
    [
        (
            VotingClassifier([("a", GaussianNB()), ("b", GaussianNB())], weights=[1, 2]),
            "weights",
        ),
        (CalibratedClassifierCV(GaussianNB(), cv=3, ensemble=False), "one member only"),
        (CalibratedClassifierCV(GaussianNB(), method="venn-abers", cv=3), "geometric mean"),
    ],
)
def test_means_of_other_kinds_are_refused(ensemble, message):
    with pytest.raises(ValueError, match=message):
        EnsembleMembersClassifier(ensemble).fit(X, Y)
