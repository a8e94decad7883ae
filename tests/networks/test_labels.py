"""Several labels for each sample: a sigmoid each, calibrated one by one."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers, ops
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags

from skcalib import (
    CalibratedClassifierCV,
    FrozenNetwork,
    MCDropoutClassifier,
    TemperatureCalibratedClassifier,
)
from skcalib.calibrators import PlattScaling, TemperatureScaling
from skcalib.metrics import brier_score_loss, expected_calibration_error, log_loss

CALIB, TEST = slice(0, 1000), slice(1000, None)


def samples():
    """Four labels whose log-odds are linear; some occur together, the last is rare."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 6)).astype(np.float32)
    W = rng.normal(size=(6, 4))
    odds = X @ W - [0, 0, 0, 4]
    return X, (rng.uniform(size=odds.shape) < expit(odds)).astype(int), W


X, Y, W = samples()
ODDS = 3 * (X @ W - [0, 0, 0, 4])  # three times too large
CLASS = Y.argmax(axis=1)


def network(activation="sigmoid", loss="binary_crossentropy"):
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4), layers.Activation(activation)]
    )
    model.set_weights([3 * W, -3 * np.array([0, 0, 0, 4.0])])
    if loss is not None:
        model.compile("adam", loss)
    return model


def by_hand(z):
    """A sigmoid that no one can recognise."""
    return 1 / (1 + ops.exp(-z))


ENDS = {
    "sigmoids": lambda: network(),
    "logits": lambda: network("linear", keras.losses.BinaryCrossentropy(from_logits=True)),
    "sigmoids by hand": lambda: network(by_hand),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.filterwarnings("ignore:The logits of Sequential are not available")
def test_what_a_user_types(end):
    base = FrozenNetwork(ENDS[end](), multilabel=True)
    calibrated = TemperatureCalibratedClassifier(base).fit(X[CALIB], Y[CALIB])
    before, after = base.predict_proba(X[TEST]), calibrated.predict_proba(X[TEST])
    shape_of = MultiOutputClassifier(LogisticRegression()).fit(X, Y)
    assert isinstance(after, list)
    assert np.shape(after) == np.shape(shape_of.predict_proba(X[TEST]))
    for classes, theirs in zip(calibrated.classes_, shape_of.classes_, strict=True):
        assert_array_equal(classes, theirs)
    for k in range(4):
        truth = Y[TEST, k]
        assert_allclose(before[k][:, 1], expit(ODDS[TEST, k]), atol=1e-5)  # not normalised
        assert log_loss(truth, after[k]) < log_loss(truth, before[k]) - 0.02
        assert brier_score_loss(truth, after[k]) < brier_score_loss(truth, before[k])
        error = [expected_calibration_error(truth, p[k][:, 1]) for p in (before, after)]
        assert error[1] < error[0]
        alone = TemperatureScaling().fit(ODDS[CALIB, [k]], Y[CALIB, k])
        found = calibrated.calibrated_classifiers_[0].calibrators[k]
        assert found.temperature_ == pytest.approx(alone.temperature_, rel=2e-3)
        close = 0.02 if end.endswith("hand") else 1e-3  # what is saturated is lost
        assert_allclose(after[k], alone.predict_proba(ODDS[TEST, [k]]), atol=close)
    chosen = calibrated.predict(X[TEST])
    assert_array_equal(chosen, np.stack([p[:, 1] > 0.5 for p in after], axis=1))
    assert calibrated.score(X[TEST], Y[TEST]) == accuracy_score(Y[TEST], chosen)
    for log_proba, p in zip(calibrated.predict_log_proba(X[TEST]), after, strict=True):
        assert_allclose(np.exp(log_proba), p, rtol=1e-5)


def test_the_network_by_itself():
    base = FrozenNetwork(network(), multilabel=True)
    assert_array_equal(base.classes_, 4 * [[0, 1]])
    assert_allclose(base.decision_function(X), ODDS, rtol=1e-4, atol=1e-4)
    assert_array_equal(base.predict(X), ODDS > 0)
    fitted = base.fit(X, Y)
    assert fitted.has_logits_
    assert fitted.score(X, Y) == np.mean(((ODDS > 0) == Y).all(axis=1))
    assert get_tags(base).classifier_tags.multi_label
    assert get_tags(TemperatureCalibratedClassifier(base)).classifier_tags.multi_label
    assert not get_tags(FrozenNetwork(network())).classifier_tags.multi_label
    hidden = FrozenNetwork(network(by_hand), multilabel=True).fit(X, Y)
    with pytest.warns(UserWarning, match="are not available"):
        odds = hidden.decision_function(X)
    seen = np.abs(ODDS) < 8
    assert_allclose(odds[seen], ODDS[seen], atol=0.01)
    one = keras.Sequential([keras.Input((6,)), layers.Dense(1, "sigmoid")])
    one.set_weights([3 * W[:, :1], np.zeros(1)])
    alone = TemperatureCalibratedClassifier(FrozenNetwork(one, multilabel=True)).fit(
        X, Y[:, :1]
    )
    assert np.shape(alone.predict_proba(X)) == (1, 2000, 2)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "venn-abers", "auto", "svs"])
@pytest.mark.parametrize("ensemble", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_any_method_is_that_of_each_label(method, ensemble):
    base = FrozenNetwork(network(), multilabel=True)
    calibrated = CalibratedClassifierCV(base, method=method, ensemble=ensemble, cv=3)
    weight = np.random.default_rng(0).integers(0, 3, 1000)
    calibrated.fit(X[CALIB], Y[CALIB], sample_weight=weight)
    assert len(calibrated.calibrated_classifiers_) == (3 if ensemble else 1)
    assert len(calibrated.calibrated_classifiers_[0].calibrators) == 4
    proba = calibrated.predict_proba(X[TEST])
    rows = np.repeat(np.arange(1000), weight)
    for k, p in enumerate(proba):
        assert_allclose(p.sum(axis=1), 1, atol=1e-6)
        assert log_loss(Y[TEST, k], p) < log_loss(Y[TEST, k], expit(ODDS[TEST, k]))
        if not ensemble:
            repeated = CalibratedClassifierCV(base, method=method).fit(X[rows], Y[rows])
            assert_allclose(p, repeated.predict_proba(X[TEST])[k], atol=1e-4)
            break


def test_kinds_of_y():
    base = FrozenNetwork(network(), multilabel=True)
    expected = TemperatureCalibratedClassifier(base).fit(X[CALIB], Y[CALIB])
    expected = expected.predict_proba(X[TEST])
    few = Y[CALIB]
    kinds = [few.astype(bool), few.astype(float), few.tolist(), pd.DataFrame(few)]
    for y in (*kinds, csr_array(few), few.astype(object), ops.convert_to_tensor(few)):
        found = TemperatureCalibratedClassifier(base).fit(X[CALIB], y).predict_proba(X[TEST])
        assert_array_equal(found, expected)


BAD = {
    "one label each": (CLASS, r"shape \(2000,\), but with multilabel=True .* multilabel=False"),
    "words": (np.array(["a", "b"])[Y], "other values than 0 and 1"),
    "other numbers": (2 * Y, "other values than 0 and 1"),
    "missing": (np.where(Y == 1, 1, np.nan), "other values than 0 and 1"),
    "too few columns": (Y[:, :3], "y has 3 columns, but the network has 4 outputs"),
    "three dimensions": (Y[..., None], r"shape \(2000, 4, 1\)"),
    "rows": (Y[:100], "inconsistent numbers"),
    "nothing to learn": (0 * Y, "nothing to learn"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_y(kind):
    y, message = BAD[kind]
    base = FrozenNetwork(network(), multilabel=True)
    with pytest.raises(ValueError, match=message):
        TemperatureCalibratedClassifier(base).fit(X, y)
    with pytest.raises(ValueError, match=message):
        CalibratedClassifierCV(FrozenEstimator(base), ensemble=True).fit(X, y)
    if kind != "nothing to learn":
        with pytest.raises(ValueError, match=message):
            base.fit(X, y)


def test_without_the_parameter_several_sigmoids_are_an_error():
    for model in (network(), network("linear", keras.losses.BinaryCrossentropy(True))):
        for ask in (
            lambda model: FrozenNetwork(model).fit(X, CLASS),
            lambda model: FrozenNetwork(model).predict_proba(X),
            lambda model: FrozenNetwork(model).decision_function(X),
            lambda model: TemperatureCalibratedClassifier(model).fit(X, CLASS),
            lambda model: CalibratedClassifierCV(model).fit(X, np.eye(4)[CLASS]),
            lambda model: MCDropoutClassifier(model, inject="hidden").fit(X, CLASS),
        ):
            with pytest.raises(ValueError, match=r"4 sigmoids.*multilabel=True.*=False"):
                ask(model)
    for activation in ("sigmoid", "softmax"):
        with pytest.raises(ValueError, match=r"not one-hot.*FrozenNetwork\(model, multilabel"):
            TemperatureCalibratedClassifier(network(activation)).fit(X, Y)


def test_one_against_the_rest_is_said():
    for model in (network(), network("linear", keras.losses.BinaryCrossentropy(True))):
        base = FrozenNetwork(model, multilabel=False)
        p = expit(ODDS)
        assert_allclose(base.predict_proba(X), p / p.sum(axis=1, keepdims=True), atol=1e-5)
        calibrated = TemperatureCalibratedClassifier(base).fit(X, CLASS)
        assert calibrated.predict_proba(X).shape == (2000, 4)


def test_parameters_that_contradict():
    with pytest.raises(ValueError, match=r"'multilabel' parameter .* got 'yes'"):
        FrozenNetwork(network(), multilabel="yes").predict(X)
    with pytest.raises(ValueError, match=r"'classes' parameter .* no meaning"):
        FrozenNetwork(network(), multilabel=True, classes=list("abcd")).predict(X)
    with pytest.raises(ValueError, match=r"multilabel=True, but the network ends in a softmax"):
        FrozenNetwork(network("softmax"), multilabel=True).fit(X, Y)
    base = FrozenNetwork(network(), multilabel=True)
    with pytest.raises(ValueError, match="MCDropoutClassifier has several labels"):
        MCDropoutClassifier(base, inject="hidden").fit(X, Y)
    loose = make_pipeline(StandardScaler(), base)
    with pytest.raises(ValueError, match=r"FrozenEstimator\(pipeline\)"):
        CalibratedClassifierCV(loose).fit(X, Y)
    alone = CalibratedClassifierCV(base).fit(X, Y)
    whole = CalibratedClassifierCV(make_pipeline(FunctionTransformer(), base)).fit(X, Y)
    assert np.array_equal(whole.predict_proba(X), alone.predict_proba(X))


def test_metrics_are_of_one_label():
    base = FrozenNetwork(network(), multilabel=True)
    with pytest.raises(ValueError, match=r"call it for each, with y_true\[:, k\]"):
        log_loss(Y[:, 0], base.predict_proba(X))
    with pytest.raises(ValueError, match=r"several labels, call the metric for each"):
        log_loss(Y, base.predict_proba(X)[0])


def test_a_label_that_no_sample_has_stays_as_it_is():
    few = Y[:200].copy()
    few[:, 3] = 0
    base = FrozenNetwork(network(), multilabel=True)
    with pytest.warns(UserWarning, match=r"columns \[3\] of y are the same in all samples"):
        calibrated = TemperatureCalibratedClassifier(base).fit(X[:200], few)
    assert calibrated.calibrated_classifiers_[0].calibrators[3] is None
    assert_array_equal(calibrated.predict_proba(X)[3], base.predict_proba(X)[3])


def test_at_home_in_scikit_learn():
    base = FrozenNetwork(network(loss=None), multilabel=True)
    calibrated = CalibratedClassifierCV(base, method=PlattScaling())
    expected = calibrated.fit(X[CALIB], Y[CALIB]).predict_proba(X[TEST])
    again = pickle.loads(pickle.dumps(calibrated))
    assert_allclose(again.predict_proba(X[TEST]), expected, atol=1e-6)
    assert_array_equal(
        clone(calibrated).fit(X[CALIB], Y[CALIB]).predict_proba(X[TEST]), expected
    )
    assert np.isfinite(cross_val_score(calibrated, X, Y, cv=3)).all()
    pipe = FrozenEstimator(make_pipeline(FunctionTransformer(lambda X: X / 1), base).fit(X, Y))
    piped = CalibratedClassifierCV(pipe, method=PlattScaling()).fit(X[CALIB], Y[CALIB])
    assert_array_equal(piped.predict_proba(X[TEST]), expected)
    calibrated.set_params(estimator=FrozenNetwork(network(), multilabel=False))
    assert calibrated.fit(X, CLASS).predict_proba(X).shape == (2000, 4)
