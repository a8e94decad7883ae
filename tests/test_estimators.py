"""scikit-learn's own checks of all estimators, with every expected failure listed."""

import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from support.calibrators import all_calibrators
from support.checks import parametrize_with_checks

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import (
    AutoCalibration,
    PlattScaling,
    StructuredVectorScaling,
    TemperatureScaling,
)
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty

# Some checks draw separable data, more columns than classes, or so few samples that a fold
# lacks a class; that the estimators say so is what other tests are about.
pytestmark = [
    pytest.mark.filterwarnings("ignore:y has no sample of the classes"),
    pytest.mark.filterwarnings("ignore:The temperature is at its bound"),
    pytest.mark.filterwarnings("ignore:Every sample is classified correctly"),
    pytest.mark.filterwarnings("ignore:Some classes have no samples"),
    pytest.mark.filterwarnings("ignore:The least populated class"),
]

SHUFFLED = "this check shuffles the rows, which then fall into other folds"
COLUMNS = "X must hold a column of logits for each class; this check's X does not"


def failures_of_calibrators(estimator):
    failures = dict.fromkeys(
        [
            "check_classifiers_classes",
            "check_classifiers_train",
            "check_estimators_fit_returns_self",
            "check_estimators_overwrite_params",
            "check_readonly_memmap_input",
        ],
        COLUMNS,
    )
    if isinstance(estimator, AutoCalibration):
        failures["check_sample_weight_equivalence_on_dense_data"] = SHUFFLED
    return failures


# One that changes no decision, one of two classes, one that reads several columns.
QUICK = [TemperatureScaling(), PlattScaling(), StructuredVectorScaling()]


@parametrize_with_checks(QUICK, expected_failed_checks=failures_of_calibrators)
def test_calibrators(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [c for c in all_calibrators() if repr(c) not in map(repr, QUICK)],
    expected_failed_checks=failures_of_calibrators,
)
def test_other_calibrators(estimator, check):
    check(estimator)


CLASSIC = ("sigmoid", "isotonic", "temperature")
OTHERS = sorted({c.short_name for c in all_calibrators()}.difference(CLASSIC))


def with_methods(base, methods):
    return [
        CalibratedClassifierCV(base, method=method, ensemble=ensemble)
        for method in methods
        for ensemble in (True, False)
    ]


def metas(base):
    joined = CalibratedClassifierCV(base, ensemble="joined")
    return [*with_methods(base, CLASSIC), joined, TemperatureCalibratedClassifier(base)]


# A map for each split, one for all, and the held-out answers joined; the rest is slow.
FEW_METAS = [
    CalibratedClassifierCV(LogisticRegression(), ensemble=True),
    CalibratedClassifierCV(LogisticRegression(), method="isotonic", ensemble=False),
    CalibratedClassifierCV(LogisticRegression(), ensemble="joined"),
    TemperatureCalibratedClassifier(LogisticRegression()),
]


@parametrize_with_checks(FEW_METAS)
def test_metas_around_logistic_regression(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [m for m in metas(LogisticRegression()) if repr(m) not in map(repr, FEW_METAS)]
)
def test_other_metas_around_logistic_regression(estimator, check):
    check(estimator)


@parametrize_with_checks(
    [DistanceAwareTemperatureClassifier(LogisticRegression()), FeatureNovelty(random_state=0)]
)
def test_novelty(estimator, check):
    check(estimator)


def failures_of_folds_inside(estimator):
    if estimator.method != "auto" or estimator.ensemble is True:
        return {}  # each split of these checks holds too few rows to change anything
    return dict.fromkeys(
        [
            "check_sample_weight_equivalence_on_dense_data",
            "check_sample_weight_equivalence_on_sparse_data",
        ],
        SHUFFLED,
    )


@pytest.mark.slow
@parametrize_with_checks(
    with_methods(LogisticRegression(), OTHERS),
    expected_failed_checks=failures_of_folds_inside,
)
def test_every_method_around_logistic_regression(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        CalibratedClassifierCV(LogisticRegression(), method=method, ensemble="joined")
        for method in (*CLASSIC, *OTHERS)
    ],
    expected_failed_checks=failures_of_folds_inside,
)
def test_one_map_for_all_folds_around_logistic_regression(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([*metas(GaussianNB()), *metas(DecisionTreeClassifier(random_state=0))])
def test_metas_around_probabilities(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    # At its usual tolerance it stops elsewhere with weights than with repeated rows.
    metas(LinearSVC(random_state=0, tol=1e-8, max_iter=100_000))
)
def test_metas_around_decisions(estimator, check):
    check(estimator)


class TrainThenCalibrate(CalibratedClassifierCV):
    """Train on the check's own data, freeze, calibrate: checks of frozen classifiers.

    A classifier that was frozen before would have been trained on other features.
    """

    def fit(self, X, y, sample_weight=None):
        base = clone(self.estimator).fit(X, y, sample_weight)
        inner = CalibratedClassifierCV(
            FrozenEstimator(base), method=self.method, cv=self.cv, ensemble=self.ensemble
        )
        inner.fit(X, y, sample_weight)
        vars(self).update({k: v for k, v in vars(inner).items() if k.endswith("_")})
        return self


@pytest.mark.slow
@parametrize_with_checks(
    [
        TrainThenCalibrate(LogisticRegression(), method=method, ensemble=ensemble)
        for method in ("sigmoid", "isotonic", "temperature")
        for ensemble in (True, False)
    ]
)
def test_metas_around_frozen_classifiers(estimator, check):
    check(estimator)
