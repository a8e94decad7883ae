"""Scorers in scikit-learn's own machinery."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skcalib import CalibratedClassifierCV
from skcalib.metrics import (
    aurc_loss,
    bootstrap_interval,
    brier_score_loss,
    calibration_error,
    error_detection_auc_score,
    log_loss,
    make_proba_scorer,
    smooth_calibration_error,
)

CV = StratifiedKFold(3, shuffle=True, random_state=0)


def problem(n_classes):
    """Return features and labels that are strings, in no order."""
    X, codes = make_classification(
        n_samples=150,
        n_features=6,
        n_informative=4,
        n_classes=n_classes,
        flip_y=0.3,
        n_clusters_per_class=1,
        random_state=0,
    )
    return X, np.array(["pear", "fig", "plum"])[codes]


def by_hand(metric, estimator, X, y, splits, weight=None, fit_weight=None):
    """Return the metric in each fold."""
    found = []
    for train, test in splits:
        keywords = {} if fit_weight is None else {"sample_weight": fit_weight[train]}
        model = clone(estimator).fit(X[train], y[train], **keywords)
        found.append(
            metric(
                y[test],
                model.predict_proba(X[test]),
                labels=model.classes_,
                sample_weight=None if weight is None else weight[test],
            )
        )
    return np.array(found)


ESTIMATORS = [
    LogisticRegression(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    CalibratedClassifierCV(LinearSVC(random_state=0), cv=2),
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_cross_validation(estimator, n_classes):
    X, y = problem(n_classes)
    wide = partial(calibration_error, n_bins=4, norm="l2")
    scoring = {
        "log": make_proba_scorer(log_loss),
        "bins": make_proba_scorer(calibration_error, n_bins=4, norm="l2"),
        "rank": make_proba_scorer(error_detection_auc_score),
    }
    found = cross_validate(estimator, X, y, scoring=scoring, cv=CV, error_score="raise")
    for name, sign, metric in (
        ("log", -1, log_loss),
        ("bins", -1, wide),
        ("rank", 1, error_detection_auc_score),
    ):
        expected = sign * by_hand(metric, estimator, X, y, CV.split(X, y))
        np.testing.assert_allclose(found[f"test_{name}"], expected, rtol=1e-9)
        single = cross_val_score(estimator, X, y, scoring=scoring[name], cv=CV)
        np.testing.assert_allclose(single, expected, rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("metric", [log_loss, brier_score_loss, aurc_loss])
def test_agrees_with_make_scorer_of_scikit_learn(metric, n_classes):
    X, y = problem(n_classes)
    model = LogisticRegression().fit(X, y)
    # scikit-learn gives a single column of two: whose is it?
    positive = {"pos_label": model.classes_[1]} if n_classes == 2 else {}
    theirs = make_scorer(
        metric, response_method="predict_proba", greater_is_better=False, **positive
    )
    found = make_proba_scorer(metric)(model, X, y)
    assert type(found) is float
    assert found < 0
    assert found == pytest.approx(theirs(model, X, y), rel=1e-9)
    if metric is log_loss:
        builtin = sklearn.metrics.get_scorer("neg_log_loss")
        assert found == pytest.approx(builtin(model, X, y), rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_searches(n_classes):
    X, y = problem(n_classes)
    depths = [1, 2, 3, None]  # the deepest are sure of themselves, and wrong
    tree = DecisionTreeClassifier(random_state=0, min_samples_leaf=2)
    search = GridSearchCV(
        tree,
        {"max_depth": depths},
        cv=CV,
        scoring=make_proba_scorer(brier_score_loss),
        error_score="raise",
    ).fit(X, y)
    expected = [
        by_hand(
            brier_score_loss, clone(tree).set_params(max_depth=d), X, y, CV.split(X, y)
        ).mean()
        for d in depths
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], -np.array(expected))
    assert search.best_index_ == np.argmin(expected) != np.argmax(expected)
    # The search answers for the classifier, and can be scored itself.
    score = search.score(X, y)
    assert score == pytest.approx(-brier_score_loss(y, search.predict_proba(X)))
    assert make_proba_scorer(brier_score_loss)(search, X, y) == pytest.approx(score)
    several = GridSearchCV(
        tree,
        {"max_depth": depths},
        cv=CV,
        refit="log",
        scoring={
            "log": make_proba_scorer(smooth_calibration_error),
            "rank": make_proba_scorer(error_detection_auc_score),
        },
    ).fit(X, y)
    assert (several.cv_results_["mean_test_log"] < 0).all()
    assert (several.cv_results_["mean_test_rank"] > 0).all()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("metric", [log_loss, calibration_error])
def test_folds_that_lack_a_class(metric, n_classes):
    X, y = problem(n_classes)
    splitters = [
        ShuffleSplit(20, test_size=2, random_state=0),
        PredefinedSplit(np.where(y == "fig", np.arange(150) % 5, -1)),
    ]
    for cv in splitters:
        tests = [set(y[test]) for _, test in cv.split(X, y)]
        assert min(map(len, tests)) < n_classes
        run = partial(cross_val_score, LogisticRegression(), X, y, cv=cv, error_score="raise")
        found = run(scoring=make_proba_scorer(metric))
        expected = by_hand(metric, LogisticRegression(), X, y, cv.split(X, y))
        np.testing.assert_allclose(found, -expected, rtol=1e-9)
        theirs = make_scorer(metric, response_method="predict_proba", greater_is_better=False)
        with pytest.raises(ValueError, match="Pass labels="):
            run(scoring=theirs)


def test_a_fold_of_unseen_labels_is_refused():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="not in labels: 0; labels are 1, 2"):
        cross_val_score(
            LogisticRegression(),
            X,
            y,
            cv=KFold(3),
            error_score="raise",
            scoring=make_proba_scorer(log_loss),
        )


def test_sample_weight_is_routed():
    X, y = problem(3)
    weight = np.random.default_rng(0).uniform(0.1, 5, 150)
    weighed = LogisticRegression().set_params(C=0.01)
    expected = partial(by_hand, log_loss, weighed, X, y, list(CV.split(X, y)))
    with sklearn.config_context(enable_metadata_routing=True):
        for to_fit in (True, False):
            for to_score in (True, False):
                estimator = clone(weighed).set_fit_request(sample_weight=to_fit)
                scorer = make_proba_scorer(log_loss).set_score_request(sample_weight=to_score)
                found = [
                    cross_validate(
                        estimator,
                        X,
                        y,
                        scoring=scoring,
                        cv=CV,
                        error_score="raise",
                        params={"sample_weight": weight} if to_fit or to_score else None,
                    )[key]
                    for scoring, key in (
                        (scorer, "test_score"),
                        ({"a": scorer}, "test_a"),
                        (clone(scorer), "test_score"),
                        (pickle.loads(pickle.dumps(scorer)), "test_score"),
                    )
                ]
                figures = expected(weight if to_score else None, weight if to_fit else None)
                for figure in found:
                    np.testing.assert_allclose(figure, -figures, rtol=1e-9)
        estimator = clone(weighed).set_fit_request(sample_weight=True)
        scorer = make_proba_scorer(log_loss).set_score_request(sample_weight=True)
        search = GridSearchCV(estimator, {"C": [0.01]}, cv=CV, scoring=scorer)
        search.fit(X, y, sample_weight=weight)
        figure = -expected(weight, weight).mean()
        assert search.best_score_ == pytest.approx(figure, rel=1e-9)
    ways = [expected(a, b).mean() for a in (None, weight) for b in (None, weight)]
    assert np.diff(np.sort(ways)).min() > 1e-4  # so that none could be another


def test_weights_can_be_passed_without_routing():
    X, y = problem(2)
    model, weight = LogisticRegression().fit(X, y), np.arange(150)
    scorer = make_proba_scorer(log_loss)
    expected = log_loss(y, model.predict_proba(X), sample_weight=weight)
    assert scorer(model, X, y, sample_weight=weight) == -expected
    assert scorer(model, X, y, weight) == -expected
    assert scorer(model, X, y) == -log_loss(y, model.predict_proba(X))


def test_copies():
    X, y = problem(3)
    model = LogisticRegression().fit(X, y)
    scorer = make_proba_scorer(calibration_error, n_bins=3, notion="class-wise")
    expected = scorer(model, X, y)
    assert expected == -calibration_error(
        y, model.predict_proba(X), n_bins=3, notion="class-wise"
    )
    for other in (
        pickle.loads(pickle.dumps(scorer)),
        copy.copy(scorer),
        copy.deepcopy(scorer),
        clone(scorer),
    ):
        assert other is not scorer
        assert other(model, X, y) == expected
        assert repr(other) == repr(scorer)
    for part in ("calibration_error", "n_bins", "class-wise", "greater_is_better=False"):
        assert part in repr(scorer)


def test_signs():
    X, y = problem(2)
    model = LogisticRegression().fit(X, y)

    def value(y_true, y_proba, *, labels=None, sample_weight=None):
        return 0.25

    def named(name):
        def metric(y_true, y_proba, *, labels=None, sample_weight=None):
            return 0.25

        metric.__name__ = name
        return metric

    for name, sign in (("a_score", 1), ("a_loss", -1), ("an_error", -1)):
        assert make_proba_scorer(named(name))(model, X, y) == 0.25 * sign
        assert make_proba_scorer(named(name), greater_is_better=True)(model, X, y) == 0.25
        assert make_proba_scorer(named(name), greater_is_better=False)(model, X, y) == -0.25
    assert make_proba_scorer(value, greater_is_better=False)(model, X, y) == -0.25
    better = LogisticRegression(C=10).fit(X, y)
    worse = LogisticRegression(C=1e-4).fit(X, y)
    for metric in (log_loss, brier_score_loss):
        scorer = make_proba_scorer(metric)
        assert scorer(better, X, y) > scorer(worse, X, y)


def test_labels_and_other_parameters_may_be_given():
    X, y = problem(2)
    codes = (y == "pear").astype(int)
    model = LogisticRegression().fit(X, codes)
    del model.classes_
    model.predict_proba = lambda X: np.full((len(X), 2), 0.5)
    known = make_proba_scorer(brier_score_loss, labels=[0, 1], scale_by_half=False)
    assert known(model, X[:1], codes[:1]) == -0.5
    with pytest.raises(ValueError, match="Pass labels="):
        make_proba_scorer(brier_score_loss)(model, X[:1], codes[:1])


@pytest.mark.parametrize(
    ("metric", "keywords", "message"),
    [
        (partial(calibration_error, n_bins=3), {}, "does not tell.*greater_is_better"),
        (lambda y_true, y_proba: 0.0, {}, "lambda.*does not tell.*greater_is_better"),
        (bootstrap_interval, {}, "bootstrap_interval does not tell"),
        (log_loss, {"greater_is_better": "yes"}, "greater_is_better"),
        (log_loss, {"greater_is_better": None}, "greater_is_better"),
        ("neg_log_loss", {}, "metric must be a function, got 'neg_log_loss'"),
        (None, {}, "metric must be a function, got None"),
    ],
)
def test_bad_input(metric, keywords, message):
    with pytest.raises(ValueError, match=message):
        make_proba_scorer(metric, **keywords)


@pytest.mark.parametrize("positive", ["fig", "pear"])
def test_scorers_are_about_the_positive_class(positive):
    X, y = problem(2)
    model = LogisticRegression().fit(X, y)
    column = model.predict_proba(X)[:, list(model.classes_).index(positive)]
    scorer = make_proba_scorer(calibration_error, norm="l2", pos_label=positive)
    expected = -calibration_error(y == positive, column, norm="l2")
    assert scorer(model, X, y) == pytest.approx(expected, rel=1e-12)
    assert "pos_label" in repr(scorer)
    theirs = make_scorer(
        calibration_error,
        response_method="predict_proba",
        greater_is_better=False,
        norm="l2",
        pos_label=positive,
    )
    assert theirs(model, X, y) == pytest.approx(expected, rel=1e-12)
    found = cross_val_score(model, X, y, scoring=scorer, cv=CV)
    metric = partial(calibration_error, norm="l2", pos_label=positive)
    np.testing.assert_allclose(found, -by_hand(metric, model, X, y, CV.split(X, y)))
    X, y = problem(3)
    with pytest.raises(ValueError, match="pos_label='fig' is for two classes, but there are 3"):
        make_proba_scorer(log_loss, pos_label="fig")(LogisticRegression().fit(X, y), X, y)
