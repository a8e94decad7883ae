"""The outlier detector on features: exact p-values, and what it finds."""

import pickle

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib.novelty import FeatureNovelty


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 8] / 16, y[y < 8]
    strangers = load_digits().data[load_digits().target >= 8] / 16
    X_train, X, y_train, y = train_test_split(X, y, test_size=1000, random_state=0)
    network = MLPClassifier((64, 64), random_state=0, max_iter=1000).fit(X_train, y_train)
    return network, X[:800], y[:800], X[800:], strangers


def test_digits_of_a_class_that_nobody_taught(digits):
    network, X, y, X_new, strangers = digits
    novelty = FeatureNovelty(network, random_state=0).fit(X, y)
    truth = np.r_[np.zeros(len(X_new)), np.ones(len(strangers))]
    rows = np.vstack([X_new, strangers])
    ours = roc_auc_score(truth, -novelty.score_samples(rows))
    largest = roc_auc_score(truth, -network.predict_proba(rows).max(axis=1))
    nearest = FeatureNovelty(network, density="nearest", on="inputs", random_state=0).fit(X, y)
    raw = roc_auc_score(truth, -nearest.score_samples(rows))
    assert ours > 0.9
    assert raw > max(0.95, largest)  # small images: distances between pixels are better
    assert (novelty.predict(X_new) == 1).mean() > 0.85
    assert (novelty.predict(strangers) == -1).mean() > 0.6


@pytest.mark.slow
def test_pvalues_are_uniform_over_calibration_sets():
    rng = np.random.default_rng(0)
    pvalues = []
    for _ in range(2000):  # one new row for each: rows that share a set depend on each other
        X = rng.normal(size=(24, 2))
        novelty = FeatureNovelty(held_out_share=0.8, random_state=rng.integers(1 << 30))
        pvalues.append(novelty.fit(X).novelty_pvalue(rng.normal(size=(1, 2)))[0])
    n_held_out = 19
    values = np.array(pvalues)
    assert np.allclose((values * (n_held_out + 1)) % 1, 0, atol=1e-9)
    spread = values - rng.random(2000) / (n_held_out + 1)  # discrete made continuous
    assert kstest(spread, "uniform").pvalue > 0.001


def test_pvalues_are_counted(digits):
    network, X, y, X_new, _ = digits
    novelty = FeatureNovelty(network, random_state=0).fit(X, y)
    held_out = novelty.held_out_scores_
    expected = [(1 + (held_out <= s).sum()) / 241 for s in novelty.score_samples(X_new)]
    assert len(held_out) == 240
    assert np.array_equal(novelty.novelty_pvalue(X_new), expected)
    called = novelty.predict(X_new) == -1
    assert np.array_equal(called, novelty.novelty_pvalue(X_new) <= 0.05)


def test_few_held_out_rows_cannot_call_anything_an_outlier():
    X = np.random.default_rng(0).normal(size=(10, 2))
    novelty = FeatureNovelty(random_state=0).fit(X)
    assert novelty.offset_ == -np.inf
    assert (novelty.predict(X + 100) == 1).all()
    assert (novelty.novelty_pvalue(X + 100) == 1 / 4).all()


def test_contamination_is_the_share_of_the_rows_of_fit(digits):
    network, X, y, _, _ = digits
    for share in (0.01, 0.1, 0.5):
        novelty = FeatureNovelty(network, contamination=share, random_state=0).fit(X, y)
        assert abs((novelty.predict(X) == -1).mean() - share) < 0.006


def test_the_nearest_rows_of_fit(digits):
    network, X, y, X_new, _ = digits
    novelty = FeatureNovelty(network, random_state=0).fit(X, y)
    found = novelty.nearest(X_new, n_neighbors=3)
    assert found.rows.shape == found.distances.shape == found.labels.shape == (200, 3)
    assert np.array_equal(found.labels, y[found.rows])
    assert (np.diff(found.distances, axis=1) >= 0).all()
    assert (found.labels[:, 0] == network.predict(X_new)).mean() > 0.9
    itself = novelty.nearest(X[found.rows[:, 0]], n_neighbors=1)
    assert np.array_equal(itself.rows[:, 0], found.rows[:, 0])
    assert "labels" not in FeatureNovelty(network, random_state=0).fit(X).nearest(X_new)


@pytest.mark.parametrize("density", ["nearest", "relative_mahalanobis", IsolationForest()])
def test_scores_copies_and_pickles(density, digits):
    network, X, y, X_new, _ = digits
    novelty = FeatureNovelty(network, density=density, random_state=0)
    again = clone(novelty).set_params(random_state=0)
    assert np.isfinite(again.fit(X, y).score_samples(X_new)).all()
    copied = pickle.loads(pickle.dumps(again))
    assert np.array_equal(copied.score_samples(X_new), again.score_samples(X_new))


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(StandardScaler(), GaussianNB()),
        lambda: RandomForestClassifier(20, random_state=0),
        GaussianNB,
    ],
)
def test_other_classifiers(make, digits):
    _, X, y, X_new, _ = digits
    fitted = make().fit(X[:200], y[:200])
    for estimator in (fitted, FrozenEstimator(fitted)):
        novelty = FeatureNovelty(estimator, random_state=0).fit(X[200:], y[200:])
        assert novelty.novelty_pvalue(X_new).mean() > 0.35
        assert novelty.novelty_pvalue(1 - X_new).mean() < 0.1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"held_out_share": 0}, "held_out_share"),
        ({"held_out_share": 1.0}, "held_out_share"),
        ({"contamination": 0.7}, "contamination"),
        ({"contamination": "none"}, "contamination"),
        ({"density": None}, "density must be one of"),
        ({"on": None}, "on must be"),
    ],
)
def test_unusable_parameters(params, message):
    X, _ = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        FeatureNovelty(**params).fit(X)


def test_unusable_rows(digits):
    network, X, y, _, _ = digits
    with pytest.raises(ValueError, match="X has 800 rows, but y 799 labels"):
        FeatureNovelty(network).fit(X, y[1:])
    with pytest.raises(ValueError, match="n_neighbors"):
        FeatureNovelty(network).fit(X, y).nearest(X, n_neighbors=0)
    broken = X.copy()
    broken[3, 5] = np.inf
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows"):
        FeatureNovelty(GaussianNB().fit(X, y)).fit(X).score_samples(broken)
