"""A temperature that grows with the distance: usual rows, strangers, and everything between."""

import pickle

import numpy as np
import pytest
from scipy.ndimage import rotate
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.novelty import DistanceAwareTemperatureClassifier, FeatureNovelty


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = X / 16
    X, X_test, y, y_test = train_test_split(X, y, test_size=600, random_state=0, stratify=y)
    X_train, X_cal, y_train, y_cal = train_test_split(X, y, test_size=400, random_state=0)
    network = MLPClassifier((64, 64), random_state=0, max_iter=1000).fit(X_train, y_train)
    return {
        "network": network,
        "train": (X_train, y_train),
        "held_out": (X_cal, y_cal),
        "test": (X_test, y_test),
    }


@pytest.fixture(scope="module")
def fitted(digits):
    X_train, y_train = digits["train"]
    model = DistanceAwareTemperatureClassifier(FrozenEstimator(digits["network"]))
    return model.fit(*digits["held_out"], X_train=X_train, y_train=y_train)


def rotated(X, degrees=90):
    images = rotate(X.reshape(-1, 8, 8), degrees, axes=(1, 2), reshape=False, order=1)
    return images.clip(0, 1).reshape(len(X), -1)


def test_rotated_digits_are_answered_with_doubt_and_usual_ones_as_before(digits, fitted):
    X_test, y_test = digits["test"]
    plain = TemperatureCalibratedClassifier(FrozenEstimator(digits["network"]))
    plain.fit(*digits["held_out"])
    before, after = plain.predict_proba(X_test), fitted.predict_proba(X_test)
    assert log_loss(y_test, after) < log_loss(y_test, before) + 0.002
    for degrees, share in ((30, 0.75), (45, 0.65)):
        strange = rotated(X_test, degrees)
        ours = log_loss(y_test, fitted.predict_proba(strange))
        assert ours < share * log_loss(y_test, plain.predict_proba(strange))


def test_a_row_inside_is_answered_bit_by_bit_as_by_temperature_alone(digits, fitted):
    X_test, _ = digits["test"]
    pair = fitted.calibrated_classifiers_[0]
    inside = pair.distance.score(X_test) >= pair.distance.limit
    assert 0.8 < inside.mean() < 1
    alone = pair.calibrators[0].predict_proba(pair.predict_logits(X_test))
    answered = fitted.predict_proba(X_test)
    assert np.array_equal(answered[inside], alone[inside])
    assert (answered[~inside].max(axis=1) < alone[~inside].max(axis=1)).all()


def test_the_order_of_classes_never_changes(digits, fitted):
    X = np.vstack([digits["test"][0], rotated(digits["test"][0])])
    pair = fitted.calibrated_classifiers_[0]
    logits, proba = pair.predict_logits(X), fitted.predict_proba(X)
    order = np.argsort(logits, axis=1)
    assert (np.diff(np.take_along_axis(proba, order, axis=1), axis=1) >= 0).all()
    assert (fitted.predict(X) == digits["network"].predict(X)).all()


def test_the_formula(digits, fitted):
    X = rotated(digits["test"][0])
    pair = fitted.calibrated_classifiers_[0]
    scores = np.sort(pair.distance.density.score_samples(pair.distance.reader.read(X)))
    held = pair.distance.held_out
    limit, median = np.quantile(held, [0.05, 0.5], method="inverted_cdf")
    scores = pair.distance.score(X)
    e = np.maximum(0, (limit - scores) / (median - limit))
    expected = softmax(pair.predict_logits(X) / pair.temperature / (1 + e)[:, None], axis=1)
    assert np.abs(fitted.predict_proba(X) - expected).max() < 1e-12
    assert np.allclose(fitted.score_samples(X), (scores - median) / (median - limit))


@pytest.mark.parametrize("prior", ["uniform", "classes"])
def test_far_away_the_answer_falls_to_the_prior(prior):
    X, y = load_iris(return_X_y=True)
    X, y = X[:130], y[:130]  # the third class has fewer rows
    model = DistanceAwareTemperatureClassifier(
        LogisticRegression(max_iter=500), prior=prior, cv=3
    ).fit(X, y)
    direction = np.ones(4)
    entropies = []
    for far in (1e1, 1e2, 1e4, 1e8):
        proba = model.predict_proba((X.mean(0) + far * direction)[None])
        entropies.append(-(proba * np.log(np.maximum(proba, 1e-300))).sum())
    if prior == "uniform":
        assert (np.diff(entropies) >= -1e-12).all()
    shares = np.bincount(y) / len(y) if prior == "classes" else np.full(3, 1 / 3)
    assert np.abs(proba[0] - shares).max() < 0.02


def test_strength_zero_is_temperature_scaling(digits):
    X_cal, y_cal = digits["held_out"]
    frozen = FrozenEstimator(digits["network"])
    model = DistanceAwareTemperatureClassifier(frozen, strength=0).fit(X_cal, y_cal)
    plain = TemperatureCalibratedClassifier(frozen).fit(X_cal, y_cal)
    X = rotated(digits["test"][0])
    assert np.allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-12)


def test_a_fitted_strength_is_the_best_on_held_out_rows(digits):
    X_train, y_train = digits["train"]
    X_cal, y_cal = digits["held_out"]
    model = DistanceAwareTemperatureClassifier(
        FrozenEstimator(digits["network"]), strength="held_out"
    ).fit(X_cal, y_cal, X_train=X_train, y_train=y_train)
    pair = model.calibrated_classifiers_[0]
    log_beyond = np.log1p(
        pair.distance.measure_shortfall(pair.distance.score(X_cal), pair.start)
    )
    logits = pair.predict_logits(X_cal)

    def loss(temperature, exponent):
        beta = np.exp(-exponent * log_beyond)[:, None] / temperature
        return -log_softmax(logits * beta, axis=1)[np.arange(len(y_cal)), y_cal].mean()

    best = loss(pair.temperature, pair.exponent)
    assert np.isclose(best, log_loss(y_cal, model.predict_proba(X_cal)))
    for t, a in [(1.05, 0), (0.95, 0), (1, 0.05), (1, -0.05)]:
        if pair.exponent + a >= 0:
            assert loss(pair.temperature * t, pair.exponent + a) >= best - 1e-7


def test_without_training_rows_the_density_is_cross_fitted(digits):
    X_cal, y_cal = digits["held_out"]
    model = DistanceAwareTemperatureClassifier(FrozenEstimator(digits["network"]))
    model.fit(X_cal, y_cal)
    alarms = (model.novelty_pvalue(digits["test"][0]) <= 0.05).mean()
    assert alarms < 0.09
    assert (model.novelty_pvalue(rotated(digits["test"][0])) <= 0.05).mean() > 0.9


@pytest.mark.parametrize(
    "density",
    [
        "gaussian",
        "mahalanobis",
        "relative_mahalanobis",
        "nearest",
        IsolationForest(random_state=0),
        lambda known, codes, features: -np.linalg.norm(features - known.mean(0), axis=1),
    ],
)
@pytest.mark.parametrize("on", ["features", "inputs"])
def test_every_score_finds_negatives(density, on, digits):
    model = DistanceAwareTemperatureClassifier(
        FrozenEstimator(digits["network"]), density=density, on=on
    ).fit(*digits["held_out"], X_train=digits["train"][0], y_train=digits["train"][1])
    proba = model.predict_proba(1 - digits["test"][0])
    assert np.allclose(proba.sum(axis=1), 1)
    if density == "relative_mahalanobis":
        return  # far from all classes alike, it says nothing: for strangers nearby
    usual = model.score_samples(digits["test"][0])
    strange = model.score_samples(1 - digits["test"][0])
    assert np.median(strange) < np.quantile(usual, 0.05)


@pytest.mark.parametrize(
    "base",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(30, random_state=0),
        make_pipeline(StandardScaler(), PCA(10), GaussianNB()),
        CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3),
    ],
)
def test_classifiers_that_are_trained_in_folds(base, digits):
    X, y = digits["train"]
    model = DistanceAwareTemperatureClassifier(base, cv=3).fit(X, y)
    assert len(model.calibrated_classifiers_) == 3
    assert model.score(*digits["test"]) > 0.8
    assert model.novelty_pvalue(digits["test"][0]).mean() > 0.4
    assert model.novelty_pvalue(1 - digits["test"][0]).mean() < 0.2


def test_search_clone_and_pickle(digits):
    X, y = digits["train"]
    search = GridSearchCV(
        DistanceAwareTemperatureClassifier(GaussianNB(), cv=2),
        {"strength": [0, 1, "held_out"], "density": ["gaussian", "nearest"]},
        cv=2,
        scoring="neg_log_loss",
    ).fit(X, y)
    again = clone(search.best_estimator_).fit(X, y)
    copied = pickle.loads(pickle.dumps(again))
    assert np.array_equal(copied.predict_proba(X), search.best_estimator_.predict_proba(X))
    assert np.array_equal(copied.novelty_pvalue(X), again.novelty_pvalue(X))


def test_weights_are_repeated_rows(digits):
    X, y = digits["held_out"]
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    frozen = FrozenEstimator(digits["network"])
    train = {"X_train": digits["train"][0], "y_train": digits["train"][1]}
    weighted = DistanceAwareTemperatureClassifier(frozen).fit(X, y, weight, **train)
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    repeated = DistanceAwareTemperatureClassifier(frozen).fit(X[rows], y[rows], **train)
    strange = rotated(digits["test"][0])
    difference = weighted.predict_proba(strange) - repeated.predict_proba(strange)
    assert np.abs(difference).max() < 1e-6


def test_training_rows_pass_through_a_pipeline(digits):
    from sklearn import config_context

    X_train, y_train = digits["train"]
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler()
        network = MLPClassifier((32,), random_state=0, max_iter=1000)
        network.fit(scaler.fit_transform(X_train), y_train)
        model = DistanceAwareTemperatureClassifier(FrozenEstimator(network))
        model.set_fit_request(X_train=True, y_train=True)
        pipeline = make_pipeline(
            FrozenEstimator(scaler), model, transform_input=["X_train"]
        ).fit(*digits["held_out"], X_train=X_train, y_train=y_train)
        direct = DistanceAwareTemperatureClassifier(FrozenEstimator(network)).fit(
            scaler.transform(digits["held_out"][0]),
            digits["held_out"][1],
            X_train=scaler.transform(X_train),
            y_train=y_train,
        )
        X_test = digits["test"][0]
        assert np.allclose(
            pipeline.predict_proba(X_test), direct.predict_proba(scaler.transform(X_test))
        )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"density": "gausian"}, "density must be one of"),
        ({"density": IsolationForest}, "with parentheses"),
        ({"on": "leaves"}, "on must be one of"),
        ({"layer": 3}, "layer must be"),
        ({"strength": -1}, "strength must be"),
        ({"strength": "held-out"}, "strength must be"),
        ({"strength": True}, "strength must be"),
        ({"strength": np.nan}, "strength must be"),
        ({"prior": "class"}, "prior must be"),
    ],
)
def test_unusable_parameters(params, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        DistanceAwareTemperatureClassifier(GaussianNB(), **params).fit(X, y)


def test_unusable_training_rows(digits):
    X, y = digits["held_out"]
    frozen = DistanceAwareTemperatureClassifier(FrozenEstimator(digits["network"]))
    with pytest.raises(ValueError, match="go together"):
        frozen.fit(X, y, X_train=X)
    with pytest.raises(ValueError, match="X_train has 400 rows, but y_train 399"):
        frozen.fit(X, y, X_train=X, y_train=y[1:])
    with pytest.raises(ValueError, match="y_train holds"):
        frozen.fit(X, y, X_train=X, y_train=y + 20)
    with pytest.raises(ValueError, match="trained in folds"):
        DistanceAwareTemperatureClassifier(GaussianNB()).fit(X, y, X_train=X, y_train=y)


@pytest.mark.parametrize("density", ["gaussian", "mahalanobis", "nearest"])
def test_training_rows_that_are_all_the_same_are_warned_of(density, digits):
    X, y = digits["held_out"]
    frozen = FrozenEstimator(digits["network"])
    model = DistanceAwareTemperatureClassifier(frozen, density=density)
    same = np.repeat(X[:1], 50, axis=0)
    with pytest.warns(UserWarning, match="The 50 rows .* all have the same features"):
        model.fit(X, y, X_train=same, y_train=y[:50])
    proba = model.predict_proba(X)
    assert np.isfinite(proba).all()
    assert np.allclose(proba.sum(axis=1), 1)
    hollow = MLPClassifier((4,), max_iter=500, tol=1e-2, random_state=0).fit(X, y)
    hollow.coefs_[0][:] = 0  # whatever comes in, the last layer takes the same
    with pytest.warns(UserWarning, match="on='inputs'"):
        FeatureNovelty(hollow, density=density, random_state=0).fit(X, y)
    FeatureNovelty(hollow, density=density, on="inputs", random_state=0).fit(X, y)
