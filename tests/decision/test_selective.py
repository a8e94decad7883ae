"""Abstention with a certificate."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal
from scipy.stats import binom
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib.decision import SelectiveClassifier
from skcalib.decision._certificates import certify, fewest_rows
from skcalib.novelty import DistanceAwareTemperatureClassifier

X, Y = load_digits(return_X_y=True)
FROZEN = FrozenEstimator(GaussianNB(var_smoothing=1e-2).fit(X[:600], Y[:600]))
HELD = slice(600, None)


def test_fewest_rows():
    assert fewest_rows(0.05, 0.95) == 59
    assert fewest_rows(0.01, 0.95) == 299
    for rows, passes in [(58, False), (59, True)]:
        found = certify(
            np.arange(rows, 0, -1), np.zeros(rows), np.ones(rows), 0.05, 0.05, binary=True
        )
        assert (found.coverage == 1) is passes
        assert np.isfinite(found.threshold) is np.bool_(passes)


def test_one_sequence_against_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(200):
        score = rng.integers(0, 40, 300).astype(float)  # with ties
        loss = (rng.uniform(size=300) > 0.9 + 0.1 * score / 40).astype(float)
        best = np.inf
        for value in np.unique(score)[::-1]:
            kept = score >= value
            if kept.sum() < 59:
                continue
            if binom.cdf(loss[kept].sum(), kept.sum(), 0.05) > 0.05:
                break
            best = value
        found = certify(score, loss, np.ones(300), 0.05, 0.05, binary=True)
        assert found.threshold == best
        if np.isfinite(best):
            assert found.risk <= found.bound <= 0.05 + 1e-12
            assert found.coverage == (score >= best).mean()


@pytest.mark.slow
def test_several_sequences_against_brute_force():
    rng, used = np.random.default_rng(3), set()
    for _ in range(60):
        score = rng.permutation(1200)
        loss = (rng.uniform(size=1200) < 0.08 * (1 - score / 1200) * rng.uniform(0, 2)) * 1.0
        order = np.argsort(-score)
        errors = np.cumsum(loss[order])
        # 72 is the fewest rows at half of the level; 288 and 1152 are 4 and 16 times as many.
        parts = {72: 0.5, 288: 0.25, 1152: 0.2, 1200: 0.05}
        best, carried = 0, 0.0
        for rows in range(72, 1201):
            if rows in parts:
                carried += parts[rows]
                source = rows
            if carried and binom.cdf(errors[rows - 1], rows, 0.05) <= 0.05 * carried:
                best = rows
                used.add(source)
            else:
                carried = 0.0
        found = certify(score, loss, np.ones(1200), 0.05, 0.05, binary=True)
        assert found.coverage == best / 1200
    assert used == {72, 288, 1152, 1200}


def violations(n_samples, max_error, n_runs, *, costs=False):
    """Count certificates that do not hold, in draws of rows with known errors."""
    rng = np.random.default_rng(1)
    broken = 0
    for _ in range(n_runs):
        score = rng.uniform(size=n_samples)
        risk = 4 * max_error * (1 - score)
        loss = (rng.uniform(size=n_samples) < risk).astype(float)
        if costs:
            loss *= rng.uniform(size=n_samples)
        found = certify(
            score, loss, np.ones(n_samples), max_error / (1 + costs), 0.05, binary=not costs
        )
        if np.isfinite(found.threshold):  # the mean risk above it
            broken += 2 * max_error * (1 - found.threshold) > max_error
    return broken


@pytest.mark.slow
def test_certificates_hold():
    # 200 runs at .05, and three standard errors of that
    assert violations(400, 0.1, 200) <= 10 + 3 * 3.1
    assert violations(3000, 0.05, 200) <= 10 + 3 * 3.1
    assert violations(1000, 0.1, 200, costs=True) <= 10 + 3 * 3.1


def test_a_frozen_classifier_on_digits():
    model = SelectiveClassifier(FROZEN, max_error=0.1).fit(X[600:1200], Y[600:1200])
    decided = model.predict(X[1200:])
    sure = decided != -1
    assert 0.1 < sure.mean() < 1
    assert (decided != Y[1200:])[sure].mean() < (FROZEN.predict(X) != Y)[1200:].mean()
    assert_array_equal(decided[sure], FROZEN.predict(X[1200:])[sure])
    proba = model.predict_proba(X[600:1200]).max(axis=1)
    assert model.coverage_ == (proba >= model.threshold_).mean()
    assert model.risk_ < model.bound_ <= 0.1


def test_rows_that_certify_do_not_train():
    base = Recorder()
    model = SelectiveClassifier(
        base, max_error=None, coverage=0.5, random_state=0, calibration_size=0.25
    )
    model.fit(np.arange(800.0)[:, np.newaxis], np.arange(800) % 2)
    trained = set(model.estimator_.seen_.ravel().tolist())
    asked = set(model.estimator_.asked_.ravel().tolist())
    assert len(trained) == 600
    assert asked == set(range(800)) - trained


class Recorder(GaussianNB):
    def fit(self, X, y):
        self.seen_ = X
        return super().fit(X, y)

    def predict_proba(self, X):
        self.asked_ = X
        return super().predict_proba(X)


def test_a_fixed_coverage():
    model = SelectiveClassifier(FROZEN, max_error=None, coverage=0.8, rank_by="margin")
    model.fit(X[HELD], Y[HELD])
    assert model.coverage_ == pytest.approx(0.8, abs=0.01)
    assert (model.predict(X[HELD]) != -1).mean() == model.coverage_
    assert np.isnan(model.bound_)


def test_whole_weights_are_repeated_rows():
    weight = np.random.default_rng(0).integers(0, 3, len(Y) - 600)
    rows = np.repeat(np.arange(600, len(Y)), weight)
    weighted = SelectiveClassifier(FROZEN, max_error=0.1).fit(X[HELD], Y[HELD], weight)
    repeated = SelectiveClassifier(FROZEN, max_error=0.1).fit(X[rows], Y[rows])
    assert weighted.threshold_ == repeated.threshold_
    assert weighted.bound_ == pytest.approx(repeated.bound_)
    with pytest.raises(ValueError, match="whole numbers"):
        SelectiveClassifier(FROZEN).fit(X[HELD], Y[HELD], weight + 0.5)


def test_each_class_has_its_certificate():
    model = SelectiveClassifier(FROZEN, max_error=0.3, per_class=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "With .* rows nothing of the predicted")
        model.fit(X[HELD], Y[HELD])
    assert model.threshold_.shape == (10,)
    predicted, score = FROZEN.predict(X[HELD]), FROZEN.predict_proba(X[HELD]).max(axis=1)
    decided = model.predict(X[HELD])
    assert_array_equal(decided != -1, score >= model.threshold_[predicted])
    known = np.isfinite(model.threshold_)
    assert known.any()
    assert (model.bound_[known] <= 0.3).all()


def test_costs():
    costs = np.where(np.eye(10), 0, 0.2)
    costs[:, 8] = np.where(np.arange(10) == 8, 0, 1.0)
    model = SelectiveClassifier(FROZEN, max_error=0.1, risk=costs).fit(X[HELD], Y[HELD])
    predicted = FROZEN.predict(X[HELD])
    kept = FROZEN.predict_proba(X[HELD]).max(axis=1) >= model.threshold_
    assert model.risk_ == pytest.approx(costs[Y[HELD], predicted][kept].mean())
    assert model.risk_ < model.bound_ <= 0.1
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        SelectiveClassifier(FROZEN, risk=5 * costs).fit(X[HELD], Y[HELD])


def test_ranked_by_novelty_or_by_a_function():
    base = DistanceAwareTemperatureClassifier(FROZEN).fit(X[600:1000], Y[600:1000])
    frozen = FrozenEstimator(base)
    for rank_by in ("novelty", lambda model, X: model.score_samples(X)):
        model = SelectiveClassifier(frozen, rank_by=rank_by, max_error=None, coverage=0.9)
        model.fit(X[1000:], Y[1000:])
        assert (model.predict(16 - X[:50]) == -1).all()
    with pytest.raises(ValueError, match="needs an estimator with novelty_pvalue"):
        SelectiveClassifier(FROZEN, rank_by="novelty").fit(X, Y)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_score_that_is_no_number_is_refused(value):
    # A row of infinite score would be decided even if nothing is certified.
    def rank(estimator, X):
        return np.where(np.arange(len(X)) == 3, value, 0.0)

    with pytest.raises(ValueError, match="must return a finite number for each row"):
        SelectiveClassifier(FROZEN, rank_by=rank).fit(X[HELD], Y[HELD])


def test_if_nothing_can_be_certified_nothing_is_decided():
    with pytest.warns(UserWarning, match="With 40 rows nothing.*59 rows, 19 more"):
        model = SelectiveClassifier(FROZEN).fit(X[600:640], Y[600:640])
    assert (model.predict(X) == -1).all()
    assert model.coverage_ == 0
    assert model.threshold_ == np.inf
    assert np.isnan(model.bound_)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"max_error": 0}, "max_error must be a number between 0 and 1"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"max_error": None}, "Give max_error for a certificate"),
        ({"coverage": 0.5}, "Give max_error for a certificate"),
        ({"max_error": None, "coverage": 1.5}, r"coverage must be in \(0, 1\]"),
        ({"rank_by": "entropy"}, "rank_by must be one of"),
        ({"risk": "brier"}, "risk must be 'error' or a matrix"),
        ({"per_class": 1}, "per_class must be True"),
        ({"abstain_label": 3}, "abstain_label=3 is a class"),
    ],
)
def test_errors(params, match):
    with pytest.raises(ValueError, match=match):
        SelectiveClassifier(FROZEN, **params).fit(X[HELD], Y[HELD])


def test_too_few_rows_to_split():
    with pytest.raises(ValueError, match="cannot be split"):
        SelectiveClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 1])


def in_groups(params=None, sizes=(700, 250, 5, 5), **given):
    """Return a fitted model, rows and their groups: labels of groups do not say their size."""
    labels = np.repeat(["zoo", "farm", "lab", "wild"], sizes)
    rng = np.random.default_rng(0)
    labels = rng.permutation(labels)
    rows = X[600 : 600 + len(labels)], Y[600 : 600 + len(labels)]
    model = SelectiveClassifier(FROZEN, **{"max_error": 0.1, **(params or {})})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "With .* rows nothing of the groups")
        model.fit(*rows, groups=labels, **given)
    return model, rows, labels


def test_groups_of_five_rows_get_no_certificate_and_take_none_of_the_error():
    model, (rows, y), labels = in_groups()
    assert model.groups_.tolist() == ["farm", "lab", "wild", "zoo"]
    assert np.isinf(model.threshold_[[1, 2]]).all()
    assert np.isnan(model.bound_[[1, 2]]).all()
    proba = FROZEN.predict_proba(rows)
    wrong = (FROZEN.predict(rows) != y).astype(float)
    for place, group in ((0, "farm"), (3, "zoo")):
        own = labels == group
        alone = certify(
            proba.max(axis=1)[own], wrong[own], np.ones(own.sum()), 0.1, 0.025, binary=True
        )
        assert model.threshold_[place] == alone.threshold
        assert model.bound_[place] == pytest.approx(alone.bound, nan_ok=True)
    decided = model.predict(rows, groups=labels)
    threshold = dict(zip(model.groups_.tolist(), model.threshold_.tolist(), strict=True))
    assert_array_equal(
        decided != -1, proba.max(axis=1) >= [threshold[g] for g in labels.tolist()]
    )
    assert set(decided[np.isin(labels, ["lab", "wild"])]) == {-1}
    assert set(model.predict(rows, groups=np.full(len(rows), "moon"))) == {-1}


def test_each_certificate_by_itself_if_asked():
    together, by_itself = in_groups()[0], in_groups({"simultaneous": False})[0]
    assert (by_itself.coverage_ >= together.coverage_).all()
    assert by_itself.coverage_.sum() > together.coverage_.sum()
    one = in_groups(sizes=(700, 0, 5, 5))[0]  # shares its error with nobody
    same = in_groups({"simultaneous": False}, sizes=(700, 0, 5, 5))[0]
    assert one.threshold_.tolist() == same.threshold_.tolist()


def test_a_warning_names_the_groups_and_the_missing_rows():
    labels = np.repeat(["zoo", "farm", "lab", "wild"], (700, 250, 5, 5))
    model = SelectiveClassifier(FROZEN, max_error=0.1, simultaneous=False)
    with pytest.warns(
        UserWarning,
        match=r"nothing of the groups \['lab', 'wild'\].*29 rows of each, 24 more than",
    ):
        model.fit(X[600:1560], Y[600:1560], groups=labels)
    with pytest.warns(UserWarning, match="42 rows of each, 37 more than the largest of these"):
        SelectiveClassifier(FROZEN, max_error=0.1).fit(
            X[600:1560],
            Y[600:1560],
            groups=np.repeat(["a", "zoo", "lab", "wild"], (480, 470, 5, 5)),
        )


@pytest.mark.parametrize("form", ["name", "number", "function", "frame by number"])
def test_groups_by_a_column(form):
    labels = np.repeat([3, 7], (500, 450))
    rows = np.column_stack([labels, X[600:1550]])
    base = GaussianNB(var_smoothing=1e-2).fit(rows[:300], Y[600:900])
    held, y = rows[300:], Y[900:1550]
    frame = pd.DataFrame(held, columns=[f"p{k}" for k in range(65)])
    given, group_by = {
        "name": (frame, "p0"),
        "number": (held, 0),
        "function": (held, lambda X: X[:, 0]),
        "frame by number": (frame, 0),
    }[form]
    params = {"max_error": 0.3, "group_by": group_by}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        model = SelectiveClassifier(FrozenEstimator(base), **params).fit(given, y)
        expected = SelectiveClassifier(FrozenEstimator(base), max_error=0.3)
        expected.fit(given, y, groups=labels[300:])
        assert model.threshold_.tolist() == expected.threshold_.tolist()
        assert_array_equal(model.predict(given), expected.predict(given, groups=labels[300:]))


def test_groups_are_routed_in_pipelines_and_searches():
    labels = np.arange(len(X)) % 2
    with sklearn.config_context(enable_metadata_routing=True):
        model = SelectiveClassifier(GaussianNB(), max_error=0.3, random_state=0)
        model.set_fit_request(groups=True).set_predict_request(groups=True)
        model.set_score_request(groups=True)
        pipe = make_pipeline(StandardScaler(), model).fit(X, Y, groups=labels)
        assert pipe[-1].groups_.tolist() == [0, 1]
        decided = pipe.predict(X, groups=labels)
        assert_array_equal(decided, pipe[-1].predict(pipe[0].transform(X), groups=labels))
        search = GridSearchCV(model, {"max_error": [0.2, 0.4]}, cv=2)
        search.fit(X, Y, groups=labels)
        assert search.best_params_ == {"max_error": 0.4}  # decides more


def test_a_search_with_text_labels_and_rows_that_are_not_decided():
    names = np.array(["z", "a", "m", "b", "y", "c", "x", "d", "w", "e"])[Y]
    model = SelectiveClassifier(GaussianNB(), max_error=0.15, random_state=0)
    search = GridSearchCV(model, {"rank_by": ["max_proba", "margin"]}, cv=2).fit(X, names)
    decided = search.predict(X)
    assert None in decided.tolist()
    assert search.score(X, names) == np.mean(decided == names)
    weight = np.arange(len(X)) % 3
    expected = np.average(decided == names, weights=weight)
    assert search.best_estimator_.score(X, names, sample_weight=weight) == expected
    with pytest.raises(ValueError, match=r"a label for each of 1797 rows, got shape \(3,\)"):
        search.best_estimator_.score(X, names[:3])


@pytest.mark.parametrize(
    ("params", "groups", "match"),
    [
        ({"group_by": "age"}, None, "group_by='age' is no column of X"),
        ({"group_by": 99}, None, "group_by=99 is no column of X, which has 64"),
        ({"group_by": 0}, Y[HELD], "give one of them"),
        ({"per_class": True}, Y[HELD], "per_class=True and groups each divide"),
        ({}, Y[HELD][:-1], "inconsistent"),
        ({}, np.eye(10)[Y[HELD]], "one label for each row"),
        ({}, np.where(Y[HELD] == 1, np.nan, 0), "NaN, which is no group"),
        ({}, np.array([None, *Y[HELD][1:]], dtype=object), "NaN, which is no group"),
        ({"simultaneous": "yes"}, None, "simultaneous must be True"),
    ],
)
def test_errors_of_groups(params, groups, match):
    with pytest.raises(ValueError, match=match):
        SelectiveClassifier(FROZEN, **params).fit(X[HELD], Y[HELD], groups=groups)


def test_predict_needs_the_groups_of_fit():
    model, (rows, _), labels = in_groups()
    with pytest.raises(ValueError, match="pass groups= to predict, too"):
        model.predict(rows)
    with pytest.raises(ValueError, match="fit was given none"):
        SelectiveClassifier(FROZEN, max_error=0.1).fit(X[HELD], Y[HELD]).predict(rows, labels)


@pytest.mark.slow
def test_certificates_of_all_groups_hold_at_once():
    rng, broken = np.random.default_rng(2), 0
    for _ in range(200):
        score = rng.uniform(size=2000)
        group = rng.integers(0, 5, 2000)
        wrong = rng.uniform(size=2000) < 0.4 * (1 - score)
        frozen = FrozenEstimator(Sure().fit(score[:2, np.newaxis], [0, 1]))
        model = SelectiveClassifier(frozen, max_error=0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(score[:, np.newaxis], wrong.astype(int), groups=group)
        certified = np.isfinite(model.threshold_)
        broken += (0.2 * (1 - model.threshold_[certified]) > 0.1).any()
    assert broken <= 10 + 3 * 3.1


class Sure(ClassifierMixin, BaseEstimator):
    """Says 0, the surer the higher its only feature."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        right = 0.5 + X[:, 0] / 2
        return np.stack([right, 1 - right], axis=1)
