"""Strangers of many kinds are found, and rows of the same kind are not called strangers."""

import inspect
import re

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.metrics
from scipy import signal
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import (
    CalibratedClassifierCV,
    MCDropoutClassifier,
    TemperatureCalibratedClassifier,
)
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty
from skcalib.uncertainty import EnsembleMembersClassifier


def auroc(usual, strange):
    truth = np.r_[np.zeros(len(usual)), np.ones(len(strange))]
    return roc_auc_score(truth, -np.r_[usual, strange])


def paragraphs(module):
    """Return the paragraphs of a module's docstrings."""
    found = set()
    for name in module.__all__:
        text = inspect.getdoc(getattr(module, name)) or ""
        parts = re.split(r"\n\s*\n", text)
        found |= {part for part in parts if len(part.split()) >= 12 and ">>>" not in part}
    return sorted(found)


@pytest.fixture(scope="module")
def texts():
    parts = [paragraphs(module) for module in (sklearn.linear_model, sklearn.metrics)]
    X = np.array([text for part in parts for text in part], dtype=object)
    y = np.repeat(["linear_model", "metrics"], [len(part) for part in parts])
    return train_test_split(X, y, train_size=0.5, random_state=0, stratify=y)


FOREIGN = [
    "die",
    "katze",
    "sitzt",
    "auf",
    "dem",
    "warmen",
    "dach",
    "und",
    "schaut",
    "den",
    "kleinen",
    "vögeln",
    "zu",
    "am",
    "abend",
    "kommt",
    "der",
    "regen",
    "dann",
    "laufen",
    "alle",
    "kinder",
    "schnell",
    "nach",
    "hause",
    "zurück",
]


def text_strangers():
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz    ")
    functions = [getattr(signal, name) for name in signal.__all__]
    sources = [inspect.getsource(f)[-600:] for f in functions if inspect.isfunction(f)]
    return {
        "another language": [" ".join(rng.choice(FOREIGN, 25)) for _ in range(60)],
        "typed by a cat": ["".join(rng.choice(letters, 150)) for _ in range(60)],
        "programs": sources[:60],
    }


@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(C=10, max_iter=500),
        MLPClassifier((32,), max_iter=500, tol=1e-2, alpha=1e-2, random_state=0),
        pytest.param(RandomForestClassifier(50, random_state=0), marks=pytest.mark.slow),
    ],
)
def test_texts(classifier, texts):
    X, X_rest, y, y_rest = texts
    X_cal, X_new, y_cal, _ = train_test_split(X_rest, y_rest, random_state=0, test_size=0.5)
    model = make_pipeline(TfidfVectorizer(max_features=600, sublinear_tf=True), classifier)
    frozen = FrozenEstimator(model.fit(X, y))
    aware = DistanceAwareTemperatureClassifier(frozen)
    aware.fit(X_cal, y_cal, X_train=X, y_train=y)
    usual = aware.score_samples(X_new)
    novelty = FeatureNovelty(frozen, on="inputs", random_state=0).fit(X_rest, y_rest)
    for name, strange in text_strangers().items():
        strange = np.array(strange, dtype=object)
        found = auroc(usual, aware.score_samples(strange))
        # Programs about the same things hold many of the same words; and the texts are those
        # of the installed versions.
        assert found > (0.6 if name == "programs" else 0.75), name
        if name != "programs":  # which hold many of the same words
            assert np.median(novelty.novelty_pvalue(strange)) < 0.05, name
    nothing = np.array([" ".join(FOREIGN)], dtype=object)
    for model in (aware, novelty):
        assert model.novelty_pvalue(nothing) < 0.05  # no word of it is known
    assert (aware.novelty_pvalue(X_new) <= 0.05).mean() < 0.08


SHIFTS = {
    "another unit": lambda X: X * np.where(np.arange(X.shape[1]) == 0, 100.0, 1.0),
    "columns in another order": lambda X: X[:, ::-1],
    "one column further": lambda X: np.roll(X, 1, axis=1),
    "a dead sensor": lambda X: np.where(np.arange(X.shape[1]) < 5, 0.0, X),
    "columns drawn from other rows": lambda X: np.random.default_rng(0).permuted(X, axis=0),
}


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_tables_with_shifted_columns(load, shift):
    X, y = load(return_X_y=True)
    X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=0.4, random_state=0)
    X_cal, X_new, y_cal, y_new = train_test_split(X_rest, y_rest, test_size=0.5, random_state=0)
    mlp = MLPClassifier((32,), max_iter=500, tol=1e-3, random_state=0)
    frozen = FrozenEstimator(make_pipeline(StandardScaler(), mlp).fit(X_train, y_train))
    plain = TemperatureCalibratedClassifier(frozen).fit(X_cal, y_cal)
    aware = DistanceAwareTemperatureClassifier(frozen)
    aware.fit(X_cal, y_cal, X_train=X_train, y_train=y_train)
    strange = SHIFTS[shift](X_new)
    found = auroc(aware.score_samples(X_new), aware.score_samples(strange))
    assert found > 0.7
    assert log_loss(y_new, aware.predict_proba(strange)) <= log_loss(
        y_new, plain.predict_proba(strange)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        lambda: RandomForestClassifier(30, random_state=0),
    ],
)
@pytest.mark.parametrize("trained", ["in folds", "before", "before, without its rows"])
def test_rows_of_the_same_kind_are_not_called_strangers(make, trained):
    X, y = load_breast_cancer(return_X_y=True)
    rates = []
    for seed in range(12):
        X_fit, X_new, y_fit, _ = train_test_split(X, y, test_size=0.3, random_state=seed)
        X_train, X_cal, y_train, y_cal = train_test_split(X_fit, y_fit, random_state=seed)
        if trained == "in folds":
            aware = DistanceAwareTemperatureClassifier(make()).fit(X_fit, y_fit)
        else:
            frozen = FrozenEstimator(make().fit(X_train, y_train))
            known = {"X_train": X_train, "y_train": y_train} if trained == "before" else {}
            aware = DistanceAwareTemperatureClassifier(frozen).fit(X_cal, y_cal, **known)
        rates.append((aware.novelty_pvalue(X_new) <= 0.05).mean())
    assert np.mean(rates) < 0.05 + 3 * np.std(rates) / len(rates) ** 0.5


def test_the_mean_rate_of_false_alarms_is_the_level():
    X, y = load_breast_cancer(return_X_y=True)
    network = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:200], y[:200])
    rates = []
    for seed in range(200):
        X_fit, X_new = train_test_split(X[200:], train_size=250, random_state=seed)
        novelty = FeatureNovelty(network, held_out_share=0.4, random_state=seed).fit(X_fit)
        assert len(novelty.held_out_scores_) == 100
        rates.append((novelty.novelty_pvalue(X_new) <= 0.05).mean())
    assert 0.04 <= np.mean(rates) <= 0.055


def compositions():
    mlp = MLPClassifier((32,), max_iter=500, tol=1e-3, random_state=0)
    return {
        "dropout": MCDropoutClassifier(mlp, n_draws=20, random_state=0),
        "members": EnsembleMembersClassifier(RandomForestClassifier(20, random_state=0)),
        "bagging": BaggingClassifier(mlp, 3, random_state=0),
        "voting": VotingClassifier([("mlp", mlp), ("lr", LogisticRegression())], voting="soft"),
        "calibrated": CalibratedClassifierCV(mlp, method="isotonic", cv=3),
        "calibrated once": CalibratedClassifierCV(mlp, method="beta", cv=3, ensemble=False),
    }


@pytest.mark.parametrize("kind", compositions())
def test_ensembles_dropout_and_calibration_inside(kind):
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    X_train, X_rest, y_train, y_rest = train_test_split(X, y, random_state=0, stratify=y)
    frozen = FrozenEstimator(compositions()[kind].fit(X_train, y_train))
    plain = TemperatureCalibratedClassifier(frozen).fit(X_rest, y_rest)
    aware = DistanceAwareTemperatureClassifier(frozen)
    aware.fit(X_rest, y_rest, X_train=X_train, y_train=y_train)
    far = X_rest + 6 * np.sign(np.random.default_rng(0).normal(size=X_rest.shape))
    for rows in (X_rest, far):
        before, after = plain.predict_proba(rows), aware.predict_proba(rows)
        assert np.array_equal(
            np.argsort(before, kind="stable"), np.argsort(after, kind="stable")
        )
    assert np.median(after.max(axis=1)) < np.median(before.max(axis=1)) - 0.05
    inside = aware.score_samples(X_rest) >= -1
    assert np.array_equal(
        aware.predict_proba(X_rest)[inside], plain.predict_proba(X_rest)[inside]
    )
