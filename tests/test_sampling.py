"""Laws over every sampling classifier and regressor: whatever is in ``uncertainty.__all__``.

A new one is tried as it is made without parameters; `PARAMETERS` has what is worth runs of
their own.
"""

import inspect
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import shuffle
from support.checks import parametrize_with_checks

from skcalib import displays, uncertainty
from skcalib.uncertainty import summarize_draws

plt.switch_backend("Agg")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The plain network .* is at least as good"),
    # A class whose rows weigh nothing: scikit-learn's naive Bayes takes log(0).
    pytest.mark.filterwarnings(
        "ignore:divide by zero encountered in log:RuntimeWarning:sklearn.naive_bayes"
    ),
]
X, Y = shuffle(*load_iris(return_X_y=True), random_state=0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
HALF, REST = slice(0, 75), slice(75, None)

MLP = MLPClassifier((8,), solver="lbfgs", max_iter=30, random_state=0)
TWO_LAYERS = MLPClassifier((16, 16), solver="lbfgs", max_iter=30, random_state=1)
REGRESSION = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=30, random_state=0)
LINEAR = LogisticRegression(max_iter=200)
FOREST = RandomForestClassifier(10, min_samples_leaf=3, random_state=0)
BAGGED = BaggingClassifier(GaussianNB(), max_features=0.5, random_state=0)
# What is tried besides the class as it is, or in its place if that takes long.
PARAMETERS = {
    "BayesByBackpropClassifier": [
        {
            "hidden_layer_sizes": (),
            "estimator": "shared",
            "kl_weight": 0.01,
            "n_draws": 5,
            "batch_size": 8,  # of one batch weights are repeated rows, but for rounding
            "max_iter": 8,
            "learning_rate_init": 0.05,
        },
    ],
    "BayesByBackpropRegressor": [
        {
            "hidden_layer_sizes": (),
            "estimator": "shared",
            "noise_variance": 0.1,
            "kl_weight": 0.01,
            "n_draws": 5,
            "batch_size": 8,
            "max_iter": 12,
            "learning_rate_init": 0.05,
        },
    ],
    "DeepEnsembleClassifier": [
        {"estimator": GaussianNB(), "n_members": 3, "bootstrap": True},
    ],
    "DeepEnsembleRegressor": [
        {"estimator": LinearRegression(), "n_members": 3, "bootstrap": True},
        {"estimator": REGRESSION, "n_members": 3, "noise_variance": 0.1},
    ],
    "EnsembleMembersClassifier": [
        {"estimator": FOREST},
        {"estimator": ExtraTreesClassifier(10, random_state=0)},
        {"estimator": BAGGED},
    ],
    "LaplaceClassifier": [
        {"estimator": LINEAR, "cv": 2},
        {"estimator": LINEAR, "prior_precision": 1.0, "predictive": "sampled"},
        {"estimator": MLP, "prior_precision": 3.0, "structure": "full", "n_draws": 16},
    ],
    "MCDropoutClassifier": [
        {"estimator": MLP, "n_draws": 20},
        {"estimator": TWO_LAYERS, "n_draws": 20, "rate": 0.3},
        {"estimator": TWO_LAYERS, "n_draws": 40, "tol": 0.03},
        {"estimator": MLP, "n_draws": "exact", "inject": "last"},
        {"estimator": MLP, "n_draws": 20, "centered": True, "rate": 0.3},
        {"estimator": MLP, "n_draws": 10, "rate": "auto", "cv": 2},
        {"estimator": TWO_LAYERS, "inject": "last", "rate": 0.2},
    ],
    "MCDropoutRegressor": [
        {"estimator": REGRESSION, "n_draws": 20},
        {"estimator": REGRESSION, "n_draws": 20, "noise_variance": 0.1},
        {"estimator": REGRESSION, "noise_variance": "auto", "cv": 2, "rate": 0.05},
    ],
}


def samplers():
    """Return an instance of every concrete sampling estimator, and of its variants."""
    found = []
    for name in uncertainty.__all__:
        thing = getattr(uncertainty, name)
        if inspect.isclass(thing) and hasattr(thing, "fit") and not inspect.isabstract(thing):
            for parameters in PARAMETERS.get(name, [{}]):
                if "random_state" in inspect.signature(thing).parameters:
                    parameters = {"random_state": 0, **parameters}
                found.append(thing(**parameters))
    return found


ALL = samplers()
CLASSIFIERS = [sampler for sampler in ALL if is_classifier(sampler)]
REGRESSORS = [sampler for sampler in ALL if is_regressor(sampler)]


def name_of(sampler):
    name = type(sampler).__name__
    return f"{name}-{[s for s in ALL if type(s) is type(sampler)].index(sampler)}"


# Each fit builds a Keras model: by default their own tests are enough.
TRAIN_KERAS = ("BayesByBackpropClassifier", "BayesByBackpropRegressor")


def mark_slow(samplers):
    """Return the same, those that train Keras models marked."""
    marks = [[pytest.mark.slow] if type(s).__name__ in TRAIN_KERAS else [] for s in samplers]
    return [pytest.param(s, marks=m) for s, m in zip(samplers, marks, strict=True)]


every = pytest.mark.parametrize("sampler", mark_slow(ALL), ids=name_of)
classifiers = pytest.mark.parametrize("sampler", mark_slow(CLASSIFIERS), ids=name_of)
regressors = pytest.mark.parametrize("sampler", mark_slow(REGRESSORS), ids=name_of)


def target_of(sampler):
    return NAMES if is_classifier(sampler) else X[:, 0] - X[:, 1] * X[:, 2]


@pytest.fixture(scope="module")
def fitted():
    """Return a function that fits each of them once."""
    known = {}

    def fit(sampler):
        key = id(sampler)
        if key not in known:
            known[key] = clone(sampler).fit(X[HALF], target_of(sampler)[HALF])
        return known[key]

    return fit


def mean_of(sampler, X):
    return sampler.predict_proba(X) if is_classifier(sampler) else sampler.predict(X)


def blocks_of(sampler, X):
    """Return pairs of rows (their numbers) and draws."""
    method = sampler.sample_proba if is_classifier(sampler) else sampler.sample
    return [(np.arange(len(X))[rows], draws) for rows, draws in method(X, blocks=True)]


def test_every_sampling_estimator_is_one_of_the_two_kinds():
    assert len(CLASSIFIERS) + len(REGRESSORS) == len(ALL)
    assert all(isinstance(s, uncertainty.SamplingClassifier) for s in CLASSIFIERS)
    assert {type(s).__name__ for s in ALL} >= set(PARAMETERS)


@every
def test_the_mean_of_the_draws_is_the_prediction(sampler, fitted):
    sampler = fitted(sampler)
    expected, seen = mean_of(sampler, X[REST]), []
    for rows, draws in blocks_of(sampler, X[REST]):
        assert_allclose(draws.mean(axis=0), expected[rows], atol=1e-6)
        seen.extend(rows)
    assert sorted(seen) == list(range(75))
    assert_allclose(sampler.predict_uncertainty(X[REST]).mean, expected, atol=1e-6)


@classifiers
def test_rows_of_draws_and_of_means_are_probabilities(sampler, fitted):
    sampler = fitted(sampler)
    assert_array_equal(sampler.classes_, np.unique(NAMES))
    for proba in (sampler.predict_proba(X), *[draws for _, draws in blocks_of(sampler, X)]):
        assert proba.shape[-1] == 3
        assert proba.min() >= 0
        assert_allclose(proba.sum(axis=-1), 1, atol=1e-6)
    proba = sampler.predict_proba(X)
    assert_array_equal(sampler.predict(X), sampler.classes_[proba.argmax(axis=1)])


@every
def test_the_same_seed_gives_the_same_answer_on_every_call(sampler, fitted):
    again = clone(sampler).fit(X[HALF], target_of(sampler)[HALF])
    sampler = fitted(sampler)
    first = mean_of(sampler, X[REST])
    sampler.predict_uncertainty(X[HALF])  # other calls move no seed
    np.random.default_rng(0).normal(size=3)
    np.random.seed(7)  # noqa: NPY002
    for one in (sampler, again):
        assert_array_equal(mean_of(one, X[REST]), first)
    for mine, other in zip(blocks_of(sampler, X), blocks_of(again, X), strict=True):
        assert_array_equal(mine[0], other[0])
        assert_array_equal(mine[1], other[1])


@every
def test_answers_depend_on_no_batch_and_no_other_row(sampler, fitted):
    sampler = fitted(sampler)
    expected = mean_of(sampler, X)
    order = np.random.default_rng(0).permutation(len(X))
    assert_allclose(mean_of(sampler, X[order]), expected[order], atol=1e-5)
    alone = [mean_of(sampler, X[row : row + 1])[0] for row in (0, 80, 149)]
    assert_allclose(alone, expected[[0, 80, 149]], atol=1e-5)
    if "batch_size" in sampler.get_params():
        small = pickle.loads(pickle.dumps(sampler)).set_params(batch_size=7)
        assert_allclose(mean_of(small, X), expected, atol=1e-5)


@classifiers
def test_the_parts_of_the_uncertainty_add_up(sampler, fitted):
    sampler = fitted(sampler)
    result = sampler.predict_uncertainty(X, interval=0.8)
    assert_allclose(result.aleatoric + result.epistemic, result.predictive_entropy, atol=1e-12)
    for part in (result.aleatoric, result.epistemic, result.predictive_entropy):
        assert part.shape == (150,)
        assert part.min() >= 0
        assert part.max() <= np.log(3) + 1e-12
    assert (result.low <= result.high).all()
    assert result.epistemic.max() > 0  # draws that never differ are none
    assert_array_equal(result.classes, sampler.classes_)
    top = sampler.classes_[result.mean.argmax(axis=1)]
    assert_array_equal(result.likeliest[:, 0], top)


@classifiers
def test_measures_are_those_of_the_draws(sampler, fitted):
    sampler = fitted(sampler)
    result = sampler.predict_uncertainty(X, interval=0.8)
    for rows, draws in blocks_of(sampler, X):
        expected = summarize_draws(draws, interval=0.8)
        for name in expected.keys() - {"likeliest", "standard_error"}:
            assert_allclose(result[name][rows], expected[name], atol=1e-12, err_msg=name)


@regressors
def test_the_spread_of_a_prediction_is_that_of_draws_and_noise(sampler, fitted):
    sampler = fitted(sampler)
    result = sampler.predict_uncertainty(X)
    (_, draws), *more = blocks_of(sampler, X)
    assert not more
    assert_allclose(result.epistemic_std, draws.std(axis=0, ddof=1), rtol=1e-4, atol=1e-6)
    assert_allclose(result.std**2, result.epistemic_std**2 + sampler.noise_variance_)
    assert_allclose(sampler.predict(X, return_std=True)[1], result.std)
    assert (result.low < result.high).all()


@every
def test_a_pickled_copy_answers_alike_and_a_clone_is_not_fitted(sampler, fitted):
    sampler = fitted(sampler)
    expected = mean_of(sampler, X)
    assert_array_equal(mean_of(pickle.loads(pickle.dumps(sampler)), X), expected)
    twin = clone(sampler)
    assert twin.get_params().keys() == sampler.get_params().keys()
    methods = ["predict", "predict_uncertainty"]
    methods += ["predict_proba", "sample_proba"] if is_classifier(sampler) else ["sample"]
    for method in methods:
        with pytest.raises(NotFittedError):
            getattr(twin, method)(X)


@classifiers
# NoveltyDisplay draws scores, not probabilities.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[]
            if name in ("ReliabilityDisplay", "RiskCoverageDisplay", "UncertaintyDisplay")
            else pytest.mark.slow,
        )
        for name in sorted({*displays.__all__} - {"NoveltyDisplay"})
    ],
)
def test_each_display_takes_it(sampler, name, fitted):
    sampler = fitted(sampler)
    display = getattr(displays, name)
    two = clone(sampler)
    if name == "ThresholdDisplay":  # of two classes
        sampler = two.fit(X[HALF], Y[HALF] == 1)
    wanted = inspect.signature(display.from_predictions).parameters
    more = {"n_samples": 3} if "n_samples" in wanted else {}
    more |= {"cost_fp": 1, "cost_fn": 3} if "cost_fp" in wanted else {}
    made = display.from_estimator(
        sampler, X[REST], Y[REST] == 1 if name == "ThresholdDisplay" else NAMES[REST], **more
    )
    assert made.figure_.axes
    plt.close("all")


@classifiers
def test_a_frozen_estimator_is_not_trained(sampler):
    if not hasattr(getattr(sampler, "estimator", None), "fit"):
        pytest.skip("is around no estimator")
    inner = clone(sampler.estimator).fit(X[HALF], NAMES[HALF])
    before = pickle.dumps(inner)
    around = clone(sampler).set_params(estimator=FrozenEstimator(inner))
    if isinstance(sampler, uncertainty.DeepEnsembleClassifier):  # one is no ensemble
        with pytest.raises(ValueError, match="is trained already"):
            around.fit(X[REST], NAMES[REST])
        around = sampler.from_members([inner])
    around.fit(X[REST], NAMES[REST])
    around.predict_uncertainty(X)
    assert pickle.dumps(inner) == before


# One of each class; the rest is slow, and mostly the same.
CHECKED = list({type(sampler): sampler for sampler in reversed(ALL)}.values())
KERAS = [s for s in CHECKED if type(s).__name__ in TRAIN_KERAS]
WEIGHTS = "weights are not repeated rows where batches and noise are drawn at random"


def failures_of_keras(sampler):
    name = "check_sample_weight_equivalence_on_dense_data"
    return {name: WEIGHTS}


@parametrize_with_checks([s for s in CHECKED if s not in KERAS])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(KERAS, expected_failed_checks=failures_of_keras)
def test_scikit_learn_checks_of_keras_models(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [s for s in ALL if s not in CHECKED and getattr(s, "rate", None) != "auto"]
)
def test_scikit_learn_checks_of_variants(estimator, check):
    check(estimator)
