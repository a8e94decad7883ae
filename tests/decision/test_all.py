"""Laws over every classifier that acts on probabilities."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from support.checks import parametrize_with_checks

from skcalib import CalibratedClassifierCV, decision
from skcalib.folds import route_fit

# What `__all__` holds, with parameters under which it always decides.
PARAMETERS = {
    "CostSensitiveClassifier": {},
    "PriorShiftClassifier": {},
    "SelectiveClassifier": {"max_error": None, "coverage": 1.0, "random_state": 0},
}
MODELS = [
    pytest.param(getattr(decision, name)(GaussianNB(), **params), id=name)
    for name, params in PARAMETERS.items()
]
every = pytest.mark.parametrize("model", MODELS)
X, Y = load_iris(return_X_y=True)
SPLIT_AT_RANDOM = "rows are split at random into those that train and those that certify"


def test_every_classifier_is_here():
    assert set(PARAMETERS) == set(decision.__all__)


def expected_failures(model):
    if not isinstance(model, decision.SelectiveClassifier):
        return {}
    checks = ("dense", "sparse")
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": SPLIT_AT_RANDOM for kind in checks
    }


@parametrize_with_checks(
    [getattr(decision, name)(LogisticRegression(), **p) for name, p in PARAMETERS.items()],
    expected_failed_checks=expected_failures,
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@every
def test_names_of_labels_do_not_matter(model):
    names = np.array(["c", "a", "b"])
    order = np.argsort(names)
    numbered = clone(model).fit(X, np.argsort(order)[Y])
    named = clone(model).fit(X, names[Y])
    assert_array_equal(named.predict(X), named.classes_[numbered.predict(X)])
    assert_array_equal(named.predict_proba(X), numbered.predict_proba(X))


@every
def test_it_scores_and_comes_back_from_a_pickle(model):
    assert cross_val_score(model, X, Y).mean() > 0.9
    fitted = clone(model).fit(X, Y)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict(X), fitted.predict(X))


@every
def test_weights_reach_the_classifier(model):
    weight = np.where(Y == 0, 3, 1)
    fitted = clone(model).fit(X, Y, sample_weight=weight)
    assert fitted.estimator_.class_prior_[0] == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("cls", [*PARAMETERS, "CalibratedClassifierCV"])
def test_weights_that_a_classifier_cannot_take_are_warned_of_in_one_way(cls):
    owner = getattr(decision, cls, CalibratedClassifierCV)
    model = owner(KNeighborsClassifier(), **PARAMETERS.get(cls, {}))
    words = f"KNeighborsClassifier does not appear to accept sample_weight.* only {cls} itself"
    with pytest.warns(UserWarning, match=words):
        model.fit(X, Y, sample_weight=np.ones(150))
    with pytest.raises(ValueError, match="groups are not passed to the splitter"):
        route_fit(model, model.estimator, None, {"groups": Y})
    with sklearn.config_context(enable_metadata_routing=True):
        base = GaussianNB().set_fit_request(sample_weight=True)
        weighted = clone(model).set_params(estimator=base)
        weighted.set_fit_request(sample_weight=True).fit(X, Y, sample_weight=np.arange(150))


@every
@pytest.mark.parametrize(
    ("y", "match"),
    [
        (np.zeros(150), "one class"),
        (np.linspace(0, 1, 150), "continuous"),
        (np.where(Y == 0, np.nan, Y), "NaN"),
        (None, "requires y"),
        (np.eye(3)[Y], "one-dimensional"),
    ],
)
def test_bad_labels(model, y, match):
    with pytest.raises(ValueError, match=match):
        clone(model).fit(X, y)
