"""Other base rates, against closed forms and other algorithms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skcalib.decision import PriorShiftClassifier
from skcalib.decision._base_rates import estimate_priors, shrink_priors

MEANS = 1.5 * np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
LABELS = np.array(["ant", "bee", "cat"])


def draw(n_samples, priors, seed, scale=1.0):
    """Draw Gaussians, and the labels that they come from."""
    rng = np.random.default_rng(seed)
    y = rng.choice(len(priors), n_samples, p=priors)
    return MEANS[y] + scale * rng.normal(size=(n_samples, 2)), LABELS[y]


class Bayes(ClassifierMixin, BaseEstimator):
    """The exact probabilities where these are the base rates."""

    def __init__(self, priors):
        self.priors = priors

    def fit(self, X, y):
        self.classes_ = LABELS[: len(self.priors)]
        return self

    def predict_proba(self, X):
        squares = ((X[:, np.newaxis] - MEANS) ** 2).sum(axis=2)
        return softmax(np.log(self.priors) - squares / 2, axis=1)


OLD, NEW = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.2, 0.7])


def exact():
    """Return a frozen classifier and rows whose shares are exactly its base rates."""
    X, y = draw(3000, OLD, 0)
    rows = [np.flatnonzero(y == k)[: int(100 * p)] for k, p in zip(LABELS, OLD, strict=True)]
    rows = np.concatenate(rows)
    return FrozenEstimator(Bayes(OLD).fit(X, y)), X[rows], y[rows]


@pytest.mark.parametrize(
    "params",
    [
        {"priors": NEW},
        {"priors": dict(zip(LABELS.tolist(), NEW.tolist(), strict=True))},
        {"sampling_rate": OLD / NEW},
        {"sampling_rate": 7 * OLD / NEW},  # up to a factor
    ],
)
def test_exact_where_the_shift_is(params):
    frozen, X, y = exact()
    model = PriorShiftClassifier(frozen, **params).fit(X, y)
    X_new, _ = draw(100, NEW, 1)
    assert_allclose(model.predict_proba(X_new), Bayes(NEW).predict_proba(X_new), rtol=1e-9)
    assert_array_equal(
        model.predict(X_new), LABELS[Bayes(NEW).predict_proba(X_new).argmax(axis=1)]
    )


def test_nothing_said_changes_nothing():
    X, y = draw(200, OLD, 0)
    model = PriorShiftClassifier().fit(X, y)
    assert_array_equal(model.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X))


def test_undersampled_training_rows_are_corrected():
    X, y = draw(20_000, OLD, 2)
    kept = (y != "ant") | (np.random.default_rng(0).uniform(size=len(y)) < 0.1)
    rates = {"ant": 0.1, "bee": 1, "cat": 1}
    model = PriorShiftClassifier(sampling_rate=rates).fit(X[kept], y[kept])
    assert_allclose(model.predict_proba(X).mean(axis=0), OLD, atol=0.01)
    assert model.estimator_.predict_proba(X).mean(axis=0)[0] < 0.5


def test_the_estimate_is_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(3)
    for n_classes in (2, 3, 6):
        likelihood = rng.dirichlet(np.ones(n_classes), 200) * n_classes
        weight = rng.integers(0, 4, 200).astype(float)
        start = np.full(n_classes, 1 / n_classes)
        found = estimate_priors(likelihood, weight, start)

        def loss(free, likelihood=likelihood, weight=weight):
            return -weight @ np.log(likelihood @ np.exp(log_softmax(np.append(free, 0))))

        best = minimize(loss, np.zeros(n_classes - 1), method="BFGS", options={"gtol": 1e-9})
        assert_allclose(found, softmax(np.append(best.x, 0)), atol=1e-5)
        repeated = np.repeat(np.arange(200), weight.astype(int))
        again = estimate_priors(likelihood[repeated], np.ones(len(repeated)), start)
        assert_allclose(again, found, atol=1e-8)


def test_rows_ahead_count_as_rows_that_are_sure():
    rng = np.random.default_rng(4)
    likelihood, weight = rng.dirichlet(np.ones(3), 50), np.ones(50)
    start = np.full(3, 1 / 3)
    found = estimate_priors(likelihood, weight, start, 0.5)

    def loss(free):
        priors = np.exp(log_softmax(np.append(free, 0)))
        return -np.log(likelihood @ priors).sum() - 0.5 * np.log(priors).sum()

    best = minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-9})
    assert_allclose(found, softmax(np.append(best.x, 0)), atol=1e-5)


def test_base_rates_lean_on_those_of_the_training_by_james_and_stein():
    rng = np.random.default_rng(5)
    likelihood, weight = rng.dirichlet(np.ones(6), 100), np.ones(100)
    start = np.full(6, 1 / 6)
    best = estimate_priors(likelihood, weight, start)
    gain = 2 * (np.log(likelihood @ best).sum() - np.log(likelihood @ start).sum())
    found = shrink_priors(best, likelihood, weight, best, start)
    assert_allclose(found, start + max(0, 1 - 3 / gain) * (best - start))
    many = 1000 * weight  # the same rows again and again leave no doubt
    assert_allclose(shrink_priors(best, likelihood, many, best, start), best, atol=2e-3)
    three = shrink_priors(best[:3], likelihood[:, :3], weight, best[:3], start[:3])
    assert_array_equal(three, best[:3])  # two free base rates: nothing to gain


@pytest.mark.parametrize("n_classes", [pytest.param(2, marks=pytest.mark.slow), 8])
def test_adapting_without_need_costs_little(n_classes):
    rng = np.random.default_rng(n_classes)
    means = 1.2 * rng.normal(size=(n_classes, 5))
    old = np.full(n_classes, 1 / n_classes)

    def draw_rows(n):
        y = rng.integers(0, n_classes, n)
        return means[y] + rng.normal(size=(n, 5)), y

    def posterior(X):
        return softmax(-((X[:, np.newaxis] - means) ** 2).sum(axis=2) / 2, axis=1)

    test, y = draw_rows(2000)
    before = posterior(test)
    frozen = FrozenEstimator(Fixed().fit(before, y))
    model, worse = PriorShiftClassifier(frozen).fit(before, y), []
    model.training_priors_ = old
    for _ in range(40):
        model.adapt(posterior(draw_rows(1000)[0]))
        assert (model.priors_ > 0).all()
        low, high = model.priors_interval_.T
        assert ((low <= model.priors_) & (model.priors_ <= high)).all()
        after = before * model.priors_
        after /= after.sum(axis=1, keepdims=True)
        rows = np.arange(2000)
        worse.append(np.log(before[rows, y] / after[rows, y]).mean())
    assert np.mean(np.array(worse) > 0.005) <= 0.05


def test_adapting_finds_the_base_rates_and_says_how_well():
    frozen, X, y = exact()
    model = PriorShiftClassifier(frozen).fit(X, y)
    held = 0
    for seed in range(100):
        X_new, _ = draw(400, NEW, 100 + seed)
        assert model.adapt(X_new) is model
        low, high = model.priors_interval_.T
        held += ((low <= NEW) & (high >= NEW)).sum()
        assert (low < model.priors_).all()
        assert (model.priors_ < high).all()
    assert 0.92 <= held / 300 <= 0.98  # 300 intervals at .95


def test_a_class_that_is_gone():
    frozen, X, y = exact()
    model = PriorShiftClassifier(frozen).fit(X, y)
    X_new, _ = draw(500, [0.5, 0.5, 0.0], 4)
    model.adapt(X_new)
    assert model.priors_[2] < 0.02
    low, high = model.priors_interval_[2]
    assert 0 <= low < 0.001
    assert 0 < high < 0.05


@pytest.mark.slow
def test_the_test_of_shift_has_its_level_and_power():
    frozen, _, _ = exact()
    right, wrong = [], []
    for seed in range(80):
        model = PriorShiftClassifier(frozen).fit(*draw(2000, OLD, 1000 + seed))
        right.append(model.adapt(draw(2000, NEW, 2000 + seed)[0]).shift_pvalue_)
        if seed < 20:
            wider = draw(2000, NEW, 3000 + seed, scale=1.8)[0]
            wrong.append(model.adapt(wider).shift_pvalue_)
    assert (np.array(right) < 0.05).sum() <= 9  # of 80 at .05; 10 or more in 1 % of cases
    assert (np.array(right) < 0.5).sum() >= 27  # of 80 at .5; fewer in 0.2 % of cases
    assert (np.array(wrong) < 0.05).mean() > 0.4  # it is a weak test where few rows count much


def test_predict_never_looks_at_other_rows():
    frozen, X, y = exact()
    model = PriorShiftClassifier(frozen).fit(X, y).adapt(draw(300, NEW, 6)[0])
    X_new, _ = draw(50, NEW, 7)
    together = model.predict_proba(X_new)
    alone = np.concatenate([model.predict_proba(row[np.newaxis]) for row in X_new])
    assert_allclose(alone, together, atol=1e-15)


class Fixed(ClassifierMixin, BaseEstimator):
    """Answers with what it is asked."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.asarray(X, dtype=float)


def test_rows_that_are_sure_of_a_class_that_does_not_occur_and_rows_that_say_nothing():
    X, y = np.eye(3)[[0, 1, 2, 0]], LABELS[[0, 1, 2, 0]]
    frozen = FrozenEstimator(Fixed().fit(X, y))
    model = PriorShiftClassifier(frozen, priors=[0.25, 0.75, 0]).fit(X, y)
    rows = [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    found = model.predict_proba(np.array(rows, dtype=float))
    assert_allclose(found[0], [0.25, 0.75, 0])
    assert_allclose(found[1], np.array([0.5, 3, 0]) / 3.5)  # uniform, by 1/2, 3, 0
    assert_allclose(found[2], [1, 0, 0])


def test_a_classifier_that_is_trained_here_has_no_test():
    X, y = draw(400, OLD, 8)
    assert np.isnan(PriorShiftClassifier().fit(X, y).adapt(X).shift_pvalue_)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"priors": [0.5, 0.5]}, "a number for each of the classes"),
        ({"priors": [0.5, 0.3, 0.3]}, "sum to 1.1"),
        ({"priors": [1.5, -0.5, 0]}, "none of them negative"),
        ({"priors": {"ant": 0.5, "bee": 0.5}}, "keys are"),
        ({"priors": "balanced"}, "a dict from label"),
        ({"sampling_rate": 0.1}, "a dict from label"),
        ({"sampling_rate": [1, 1, 0]}, "no row of that class"),
        ({"sampling_rate": [1, 1, 1], "priors": OLD}, "give one of them"),
    ],
)
def test_errors(params, match):
    X, y = draw(100, OLD, 9)
    with pytest.raises(ValueError, match=match):
        PriorShiftClassifier(**params).fit(X, y)


def test_a_class_without_rows():
    frozen, X, y = exact()
    with pytest.raises(ValueError, match="no row of the class 'cat'"):
        PriorShiftClassifier(frozen).fit(X[y != "cat"], y[y != "cat"])
