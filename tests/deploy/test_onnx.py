"""Calibrations and whole models in onnxruntime."""

import json
from functools import lru_cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from support.calibrators import all_calibrators

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier
from skcalib.calibrators import AutoCalibration, IsotonicCalibration, TemperatureScaling
from skcalib.decision import PriorShiftClassifier
from skcalib.deploy import describe, register_onnx_converters, to_onnx, verify
from skcalib.novelty import DistanceAwareTemperatureClassifier

REASON = "needs ONNX: pip install 'skcalib[onnx]'"
onnx = pytest.importorskip("onnx", reason=REASON)
onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)
pytest.importorskip("skl2onnx", reason=REASON)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*:DeprecationWarning")

BASES = {
    "linear": LogisticRegression(max_iter=5000),
    "svc": LinearSVC(),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": RandomForestClassifier(20, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
    "perceptron": make_pipeline(
        StandardScaler(), MLPClassifier((10,), max_iter=30, random_state=0)
    ),
}
METHODS = [
    "temperature",
    "ets",
    "vector",
    "matrix",
    "svs",
    "sms",
    "dirichlet",
    "sigmoid",
    "isotonic",
    "beta",
    "quadratic",
    "spline",
    "histogram",
    "bbq",
    "scaling-binning",
    "venn-abers",
    "hierarchical",
    "auto",
]


def problem(n_classes, n_samples=150, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    logits = rng.normal(size=(n_samples, n_classes)) * 2
    logits[np.arange(n_samples), y] += 2
    return logits, y


def digits(n_classes):
    X, y = load_digits(n_class=n_classes, return_X_y=True)
    X = X + np.random.default_rng(0).normal(size=X.shape) * 6
    # Numbers that single precision holds: what trees see is the same.
    return np.round(X * 8) / 8, np.array([f"class {k}" for k in range(10)])[y]


def run(model, X):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = X if isinstance(X, dict) else {session.get_inputs()[0].name: X}
    return session.run(["label", "probabilities"], feeds)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("calibrator", all_calibrators(), ids=str)
def test_every_calibrator_alone(calibrator, n_classes):
    logits, y = problem(n_classes)
    calibrator.fit(logits, y)
    new = np.vstack([logits, problem(n_classes, 50, seed=1)[0], 1e3 * logits[:20]])
    label, proba = run(to_onnx(calibrator), new)
    assert_allclose(proba, calibrator.predict_proba(new), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(label, calibrator.predict(new))
    single = new.astype(np.float32)
    _, proba = run(to_onnx(calibrator, dtype="float32"), single)
    assert proba.dtype == np.float32
    assert_allclose(proba, calibrator.predict_proba(single), rtol=0, atol=1e-6)


SMOOTH = ["temperature", "ets", "vector", "sms", "sigmoid", "beta", "quadratic", "spline"]


@pytest.mark.parametrize("method", [*SMOOTH, "isotonic"])
def test_single_precision_inside(method):
    logits, y = problem(3)
    named = {each.short_name: each for each in all_calibrators()[::-1]}
    calibrator = named[method].fit(logits, y)
    model = to_onnx(calibrator, dtype="float32", compute="float32")
    new = problem(3, 200, seed=1)[0].astype(np.float32)
    types = {i.data_type for i in model.graph.initializer}
    assert onnx.TensorProto.DOUBLE not in types
    atol = 1e-6 if method in SMOOTH else 1e-4
    assert_allclose(run(model, new)[1], calibrator.predict_proba(new), rtol=0, atol=atol)


def test_opset_and_types_are_checked():
    logits, y = problem(3)
    fitted = TemperatureScaling().fit(logits, y)
    old = to_onnx(fitted, opset=15)
    assert [each.version for each in old.opset_import] == [15]
    assert_allclose(run(old, logits)[1], fitted.predict_proba(logits), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="dtype must be one of"):
        to_onnx(fitted, dtype="float16")
    with pytest.raises(ValueError, match="opset must be"):
        to_onnx(fitted, opset=9)
    with pytest.raises(ValueError, match="no description"):
        to_onnx(LinearSVC().fit(logits, y))
    props = {each.key: each.value for each in old.metadata_props}
    assert props["skcalib_checksum"] == describe(fitted)["checksum"]


@pytest.mark.parametrize("labels", [[3, 7, 9], ["a", "b", "c"], [0.0, 1.0, 5.0]], ids=str)
def test_labels(labels):
    logits, y = problem(3)
    fitted = TemperatureScaling().fit(logits, np.array(labels)[y])
    label, _ = run(to_onnx(fitted), logits)
    np.testing.assert_array_equal(label, fitted.predict(logits))


def test_members_and_their_mean_alone():
    X, y = digits(3)
    for method in ("temperature", "venn-abers"):
        model = CalibratedClassifierCV(GaussianNB(), method=method, cv=3, ensemble=True)
        model.fit(X[:300], y[:300])
        answers = [p.estimator.predict_proba(X[300:]) for p in model.calibrated_classifiers_]
        feeds = {f"answer_probabilities_{i}": answer for i, answer in enumerate(answers)}
        label, proba = run(to_onnx(model), feeds)
        assert_allclose(proba, model.predict_proba(X[300:]), rtol=0, atol=1e-12)
        np.testing.assert_array_equal(label, model.predict(X[300:]))


def test_distances_are_an_input():
    X, y = digits(2)
    base = FrozenEstimator(LogisticRegression(max_iter=5000).fit(X[:200], y[:200]))
    model = DistanceAwareTemperatureClassifier(base, on="inputs").fit(X[200:], y[200:])
    new = np.vstack([X[:50], 10 * X[:50]])
    (pair,) = model.calibrated_classifiers_
    values = base.decision_function(new)
    logits = np.column_stack([-values / 2, values / 2])
    feeds = {"logits": logits, "scores": pair.distance.score(new)[:, None]}
    _, proba = run(to_onnx(model), feeds)
    assert_allclose(proba, model.predict_proba(new), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="distances"):
        to_onnx(model, new)


def check_whole_model(base, method, ensemble, n_classes, atol=1e-5):
    X, y = digits(n_classes)
    model = CalibratedClassifierCV(BASES[base], method=method, cv=3, ensemble=ensemble)
    model.fit(X[:400:2], y[:400:2])
    new = X[1:400:2]
    exported = to_onnx(model, new[:20])
    label, proba = run(exported, new)
    assert_allclose(proba, model.predict_proba(new), rtol=0, atol=atol)
    check_labels(label, proba, model, new)
    assert proba.dtype == np.float64


def check_labels(label, proba, model, X):
    """The likeliest label; the model's own, where no two classes are equally likely.

    Votes of trees and steps of maps say of many rows that two classes are.
    """
    chosen = np.searchsorted(model.classes_, label)
    np.testing.assert_array_equal(proba[np.arange(len(X)), chosen], proba.max(axis=1))
    best = np.sort(model.predict_proba(X), axis=1)
    untied = best[:, -1] - best[:, -2] > 1e-7
    assert untied.any()
    np.testing.assert_array_equal(label[untied], model.predict(X)[untied])


@pytest.mark.parametrize("ensemble", [True, False, "joined"])
@pytest.mark.parametrize("base", ["pipeline", "svc"])
def test_whole_models(base, ensemble):
    check_whole_model(base, "isotonic", ensemble, 2, atol=1e-10)
    check_whole_model(base, "temperature", ensemble, 3, atol=1e-10)


@pytest.mark.parametrize("base", ["forest", "boosting", "perceptron"])
def test_trees_and_perceptrons(base):
    check_whole_model(base, "sigmoid", False, 3)


@lru_cache
def trained(base, n_classes):
    X, y = digits(n_classes)
    return FrozenEstimator(clone(BASES[base]).fit(X[:200], y[:200])), X, y


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("method", METHODS)
def test_many_whole_models(method, base, n_classes):
    frozen, X, y = trained(base, n_classes)
    model = CalibratedClassifierCV(frozen, method=method).fit(X[200:350], y[200:350])
    new = X[-200:]
    label, proba = run(to_onnx(model, new[:20]), new)
    # Trees are single precision in ONNX. A row may fall on the other side of a step of
    # Venn-Abers; nowhere else.
    difference = np.abs(proba - model.predict_proba(new)).max(axis=1)
    steps = method == "venn-abers" and base in ("forest", "boosting")
    assert np.mean(difference > 1e-5) <= (0.02 if steps else 0)
    assert difference.max() <= (2e-2 if steps else 1e-5)
    check_labels(label, proba, model, new)


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("ensemble", [True, False, "joined"])
def test_many_ensembles(ensemble, base, n_classes):
    check_whole_model(base, "isotonic", ensemble, n_classes)


def test_single_precision_goes_in_and_comes_out():
    X, y = digits(3)
    X = X.astype(np.float32)
    model = TemperatureCalibratedClassifier(BASES["pipeline"], cv=3).fit(X[:300], y[:300])
    exported = to_onnx(model, X[:20])
    _, proba = run(exported, X[300:])
    assert proba.dtype == np.float32
    assert_allclose(proba, model.predict_proba(X[300:]), rtol=0, atol=1e-5)
    found = verify(
        lambda X: run(exported, X)[1], X[300:], model.predict_proba(X[300:]), atol=1e-5
    )
    assert found.n_rows == len(X) - 300


def test_frozen_and_other_base_rates():
    X, y = digits(3)
    base = FrozenEstimator(BASES["pipeline"].fit(X[:200], y[:200]))
    inner = CalibratedClassifierCV(base, method=AutoCalibration()).fit(X[200:350], y[200:350])
    model = PriorShiftClassifier(FrozenEstimator(inner), priors=[0.7, 0.2, 0.1])
    model.fit(X[200:350], y[200:350])
    for each in (inner, model):
        _, proba = run(to_onnx(each, X[:20]), X[350:])
        assert_allclose(proba, each.predict_proba(X[350:]), rtol=0, atol=1e-10)


def test_inside_a_pipeline_of_ones_own():
    from skl2onnx import to_onnx as convert

    X, y = digits(3)
    inner = CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=3)
    model = make_pipeline(StandardScaler(), inner).fit(X[:300], y[:300])
    register_onnx_converters()
    exported = convert(model, X[:1], options={id(inner): {"zipmap": False}})
    session = onnxruntime.InferenceSession(exported.SerializeToString())
    proba = session.run(None, {"X": X[300:]})[1]
    assert_allclose(proba, model.predict_proba(X[300:]), rtol=0, atol=1e-10)


def test_frames():
    pd = pytest.importorskip("pandas")
    X, y = digits(2)
    X = pd.DataFrame(X[:, 20:28], columns=list("abcdefgh"))
    model = CalibratedClassifierCV(BASES["pipeline"], cv=3).fit(X[:200], y[:200])
    exported = to_onnx(model, X[:10])
    feeds = {name: X[200:][name].to_numpy()[:, None] for name in X}
    _, proba = run(exported, feeds)
    assert_allclose(proba, model.predict_proba(X[200:]), rtol=0, atol=1e-10)


def test_what_skl2onnx_lacks_is_refused():
    X, y = digits(2)
    model = CalibratedClassifierCV(QuadraticDiscriminantAnalysis(reg_param=0.5), cv=3)
    model.fit(X[:300], y[:300])
    with pytest.raises(ValueError, match="no decision values of QuadraticDiscriminant"):
        to_onnx(model, X[:10])


def test_another_answer_is_refused(monkeypatch):
    """As if skl2onnx were wrong about the classifier."""
    X, y = digits(3)
    model = CalibratedClassifierCV(LinearSVC(), method="sigmoid", cv=3, ensemble=False)
    model.fit(X[:300], y[:300])
    to_onnx(model, X[:20])
    model.calibrated_classifiers_[0].estimator.decision_function = lambda X: np.zeros(
        (len(X), 3)
    )
    with pytest.raises(ValueError, match="answers otherwise"):
        to_onnx(model, X[:20])


def test_a_description_is_exported_too():
    logits, y = problem(3)
    fitted = IsotonicCalibration().fit(logits, y)
    model = to_onnx(json.loads(json.dumps(describe(fitted))))
    assert_allclose(run(model, logits)[1], fitted.predict_proba(logits), rtol=0, atol=1e-12)
