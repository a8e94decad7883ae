"""What scikit-learn 1.9.1's CalibratedClassifierCV gets wrong, and ours must not.

Each function takes the class and asserts what is right. A second test runs it on
scikit-learn's class, so that these tests are known to be able to fail.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.calibration
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import check_estimator
from support.classifiers import Probabilities, Scores, Untagged

import skcalib

DEFECTS = []


def defect(function):
    DEFECTS.append(function)
    return function


def iris(n_classes=3):
    X, y = load_iris(return_X_y=True)
    return X[y < n_classes], y[y < n_classes]


def same_as_encoded(cls, labels):
    X, y = iris(len(labels))
    X = X[:, :1]  # hard enough that the temperature is not at its bound
    base = FrozenEstimator(LogisticRegression().fit(X, np.array(labels)[y]))
    codes = FrozenEstimator(LogisticRegression().fit(X, y))
    expected = cls(codes, method="temperature").fit(X, y)
    model = cls(base, method="temperature").fit(X, np.array(labels)[y])
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-9)


@defect
def right_1_labels_from_one(cls):
    same_as_encoded(cls, [1, 2, 3])


@defect
def right_1_labels_minus_one_and_one(cls):
    same_as_encoded(cls, [-1, 1])


@defect
def right_2_series_without_index_0(cls):
    X, y = iris()
    X = X[:, :1]
    y = pd.Series(y, index=np.arange(len(y)) + 1000)
    model = cls(LogisticRegression(), method="temperature").fit(X, y)
    expected = cls(LogisticRegression(), method="temperature").fit(X, y.to_numpy())
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


@defect
def right_3_training_folds_lack_a_class(cls):
    X, y = iris()
    mixed = np.arange(50, 150).reshape(2, 50).T.ravel()
    order = np.concatenate([mixed, np.arange(50)])  # class 0 comes last
    X, y = X[order, :2], y[order]
    model = cls(LogisticRegression(), method="temperature", cv=KFold(2)).fit(X, y)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert_array_equal(model.calibrated_classifiers_[1].predict_proba(X)[:, 0], 0)


@defect
def right_3_training_folds_lack_a_class_of_two_left(cls):
    # Two classes are left in training: one decision value, and it is that of class 2.
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, 1, 2], 30)
    X = rng.normal(size=(150, 3)) + 3 * np.eye(3)[y]
    all_rows = np.arange(150)
    splits = [(all_rows[30:], all_rows[::3]), (all_rows[all_rows % 3 > 0], all_rows[::3])]
    model = cls(LogisticRegression(), cv=splits).fit(X, y)
    proba = model.calibrated_classifiers_[0].predict_proba(X)
    assert_array_equal(proba[:, 0], 0)
    seen = y > 0
    assert np.mean(proba[seen].argmax(axis=1) == y[seen]) > 0.9


def frozen_and_a_calibration_set_without(cls, method, missing):
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    X = rng.normal(size=(150, 3)) + 1.5 * np.eye(3)[y]
    base = FrozenEstimator(LogisticRegression().fit(X[:75], y[:75]))
    X, y = X[75:], y[75:]
    model = cls(base, method=method).fit(X[y != missing], y[y != missing])
    assert_array_equal(model.classes_, [0, 1, 2])
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)
    assert np.mean(model.predict(X[y != missing]) == y[y != missing]) > 0.7


@defect
def right_3_calibration_set_lacks_a_class_temperature(cls):
    frozen_and_a_calibration_set_without(cls, "temperature", 2)


@defect
def right_3_calibration_set_lacks_a_class_sigmoid(cls):
    frozen_and_a_calibration_set_without(cls, "sigmoid", 0)


@defect
def right_3_calibration_set_lacks_a_class_isotonic(cls):
    frozen_and_a_calibration_set_without(cls, "isotonic", 1)


@defect
def right_4_a_row_means_the_same_alone_and_in_a_batch(cls):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 2)) + np.eye(2)[y]
    X[0] = [0.3, 0.7]  # decision values that happen to look like probabilities
    base = FrozenEstimator(Scores().fit(X, y))
    model = cls(base, method="temperature").fit(X, y)
    assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1], atol=1e-12)


@defect
def right_4_half_precision_probabilities_are_probabilities(cls):
    # Their rows sum to one only to three digits, some batches' more closely than others'.
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 500)
    proba = softmax(3 * rng.normal(size=(500, 10)) + 4 * np.eye(10)[y], axis=1)
    proba = proba.astype(np.float16)
    base = FrozenEstimator(Probabilities().fit(proba, y))
    model = cls(base, method="temperature").fit(proba, y)
    single = np.vstack([model.predict_proba(row[None]) for row in proba])
    assert_allclose(single, model.predict_proba(proba), atol=1e-6)


@defect
def right_5_saturated_probabilities_do_not_bias_the_temperature(cls):
    # Tiny probabilities hold the same information as the logits they come from.
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 500)
    logits = 10 * (rng.normal(size=(500, 3)) + 1.5 * np.eye(3)[y])
    from_logits = cls(Scores(), method="temperature", ensemble=False).fit(logits, y)
    proba = softmax(logits, axis=1)
    from_proba = cls(Probabilities(), method="temperature", ensemble=False).fit(proba, y)
    betas = [
        model.calibrated_classifiers_[0].calibrators[0].beta_
        for model in (from_logits, from_proba)
    ]
    assert_allclose(betas[1], betas[0], rtol=1e-3)


@defect
def right_6_no_classifier_tag_one_calibrator(cls):
    X, y = load_breast_cancer(return_X_y=True)
    X = (X[:, :5] - X[:, :5].mean(axis=0)) / X[:, :5].std(axis=0)
    model = cls(Untagged(), ensemble=False).fit(X, y)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.95


@defect
def right_6_no_classifier_tag_ensemble(cls):
    X, y = load_breast_cancer(return_X_y=True)
    X = (X[:, :5] - X[:, :5].mean(axis=0)) / X[:, :5].std(axis=0)
    model = cls(Untagged(), ensemble=True).fit(X, y)
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.95


@defect
def right_6_a_single_row_that_was_squeezed(cls):
    X, y = iris()
    model = cls(FrozenEstimator(Untagged().fit(X, y))).fit(X, y)
    assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1])


def run_check(name, estimator):
    for result in check_estimator(estimator, on_fail=None, on_skip=None):
        if result["check_name"] == name and result["status"] == "failed":
            raise result["exception"]


@defect
def right_7_empty_data(cls):
    run_check("check_estimators_empty_data_messages", cls(GaussianNB(), method="temperature"))


@defect
def right_7_column_of_labels(cls):
    X, y = make_classification(random_state=0)
    expected = cls(GaussianNB(), ensemble=False).fit(X, y).predict_proba(X)
    with pytest.warns(DataConversionWarning):
        model = cls(GaussianNB(), ensemble=False).fit(X, y[:, None])
    assert_array_equal(model.predict_proba(X), expected)


@defect
def right_8_isotonic_has_a_finite_log_loss(cls):
    X, y = make_classification(n_samples=400, flip_y=0.1, class_sep=2, random_state=0)
    model = cls(GaussianNB(), method="isotonic", ensemble=False).fit(X[:200], y[:200])
    with np.errstate(divide="ignore"):
        log_proba = np.log(model.predict_proba(X[200:]))
    assert np.isfinite(log_proba).all()
    assert log_loss(y[200:], model.predict_proba(X[200:])) < 0.5


@defect
def right_9_frozen_with_weights_does_not_warn(cls):
    X, y = make_classification(random_state=0)
    base = FrozenEstimator(GaussianNB().fit(X, y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weighted = cls(base).fit(X, y, sample_weight=1 + y)
    repeated = cls(base).fit(np.vstack([X, X[y == 1]]), np.append(y, y[y == 1]))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Some classes have no samples:UserWarning")
@pytest.mark.parametrize("check", DEFECTS, ids=lambda check: check.__name__)
def test_ours_is_right(check):
    check(skcalib.CalibratedClassifierCV)


@pytest.mark.skipif(
    sklearn.__version__ != "1.9.1", reason="the defects are those of scikit-learn 1.9.1"
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", DEFECTS, ids=lambda check: check.__name__)
def test_scikit_learns_is_not(check):
    with pytest.raises((AssertionError, Exception)):
        check(sklearn.calibration.CalibratedClassifierCV)
