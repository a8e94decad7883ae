"""Every calibrator and meta-estimator, through JSON and back."""

import json
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from support.calibrators import all_calibrators

from skcalib import CalibratedClassifierCV, TemperatureCalibratedClassifier, calibrators
from skcalib.calibrators import (
    AutoCalibration,
    BayesianBinning,
    HierarchicalCalibration,
    HistogramBinning,
    IsotonicCalibration,
    PlattScaling,
    TemperatureScaling,
    VennAbersCalibration,
)
from skcalib.decision import PriorShiftClassifier
from skcalib.deploy import (
    DescribedCalibrator,
    describe,
    from_description,
    operations_of,
    read_description,
    verify,
    write_description,
)
from skcalib.novelty import DistanceAwareTemperatureClassifier

pytestmark = [
    pytest.mark.filterwarnings("ignore:Some classes have no samples"),
    pytest.mark.filterwarnings("ignore:The temperature is at its bound"),
]

MORE = [
    AutoCalibration(caution=0.0, keep_argmax=True),
    AutoCalibration(caution=1e300, lift_zeros=True),
    HierarchicalCalibration(multiclass="ovo"),
    PlattScaling(multiclass="ovo"),
    VennAbersCalibration(point="base_rate"),
    IsotonicCalibration(curve="centered", multiclass="ovo"),
]


def some_slow(cases, is_slow):
    """Mark cases (a calibrator or method, and a number of classes) that run on request."""
    slow = pytest.mark.slow
    return [
        pytest.param(*case, marks=slow if is_slow(*case) else (), id="-".join(map(str, case)))
        for case in cases
    ]


def is_expensive(calibrator, n_classes):
    automatic = isinstance(calibrator, AutoCalibration)
    return (automatic and n_classes == 2) or calibrator in MORE


def problem(n_classes, n_samples=150, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    logits = rng.normal(size=(n_samples, n_classes)) * 2
    logits[np.arange(n_samples), y] += 2
    return logits, y


def check_as_fitted(fitted, logits, rtol_single=1e-6):
    described = from_description(json.dumps(describe(fitted)))
    np.testing.assert_array_equal(described.classes_, fitted.classes_)
    expected = fitted.predict_proba(logits)
    assert_allclose(described.predict_proba(logits), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(described.predict(logits), fitted.predict(logits))
    single = logits.astype(np.float32)
    found = described.predict_proba(single)
    assert found.dtype == np.float32
    assert_allclose(found, fitted.predict_proba(single), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("calibrator", "n_classes"),
    some_slow(product([*all_calibrators(), *MORE], [2, 4]), is_expensive),
)
def test_every_calibrator_answers_as_its_description(calibrator, n_classes):
    logits, y = problem(n_classes)
    new, _ = problem(n_classes, 60, seed=1)
    calibrator.fit(logits, y)
    check_as_fitted(calibrator, np.vstack([logits[:40], new, 50 * new, 1e25 * new, 0 * new]))


@pytest.mark.parametrize(
    ("calibrator", "n_classes"),
    some_slow(
        product([c for c in [*all_calibrators(), *MORE] if c.takes_masks], [2, 4]),
        lambda c, n_classes: is_expensive(c, n_classes) or n_classes == 2,
    ),
)
def test_masked_classes_are_left_out(calibrator, n_classes):
    logits, y = problem(n_classes)
    open_ = y[::3] != 0
    logits[::3][open_, 0] = -np.inf
    calibrator.fit(logits, y)
    new, _ = problem(n_classes, 60, seed=1)
    new[::2, -1] = -np.inf
    check_as_fitted(calibrator, new)


def test_masks_are_refused_where_the_calibrator_refuses_them():
    logits, y = problem(3)
    for name in ("StructuredMatrixScaling", "PlattScaling", "AutoCalibration"):
        calibrator = getattr(calibrators, name)().fit(logits, y)
        new = logits[:2].copy()
        new[0, 0] = -np.inf
        try:
            calibrator.predict_proba(new)
        except ValueError:
            with pytest.raises(ValueError, match="cannot leave them out"):
                from_description(describe(calibrator)).predict_proba(new)


def check_logits_of_any_size(calibrator, n_classes, exponent, seed):
    logits, y = problem(n_classes, 25, seed=seed)
    y[:n_classes] = np.arange(n_classes)
    logits = np.round(logits * 4) * 10.0**exponent
    calibrator.fit(logits, y)
    described = from_description(describe(calibrator))
    new = np.vstack([logits, logits[:, ::-1], logits / 3])
    expected = calibrator.predict_proba(new)
    assert_allclose(described.predict_proba(new), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("exponent", [-250, -6, 25])
def test_small_and_large_logits_that_meet_steps_exactly(exponent):
    for name in (
        "PlattScaling",
        "IsotonicCalibration",
        "HistogramBinning",
        "DirichletCalibration",
    ):
        check_logits_of_any_size(getattr(calibrators, name)(), 3, exponent, 0)


@pytest.mark.slow
@given(
    st.sampled_from([c for c in all_calibrators() if not isinstance(c, AutoCalibration)]),
    st.sampled_from([2, 3, 4, 11]),
    st.integers(-250, 25),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=100, deadline=None)
def test_logits_of_any_size(calibrator, n_classes, exponent, seed):
    check_logits_of_any_size(calibrator, n_classes, exponent, seed)


def answers_of(model, X):
    """Return what each classifier answers, as a user would ask it."""
    members = [pair.estimator for pair in model.calibrated_classifiers_]
    answers = [
        m.decision_function(X) if hasattr(m, "decision_function") else m.predict_proba(X)
        for m in members
    ]
    return answers if len(answers) > 1 else answers[0]


def check_pairs(model, X, atol=1e-12):
    described = from_description(json.dumps(describe(model)))
    found = described.predict_proba(answers_of(model, X))
    assert_allclose(found, model.predict_proba(X), rtol=0, atol=atol)
    return described


@pytest.mark.parametrize("ensemble", [True, False, "joined"])
@pytest.mark.parametrize("base", [LinearSVC(), GaussianNB()], ids=["svc", "nb"])
@pytest.mark.parametrize(
    ("method", "n_classes"),
    some_slow(
        product(["temperature", "isotonic", "venn-abers", "auto", "ets"], [2, 3]),
        lambda method, n_classes: method in ("auto", "ets") or n_classes == 2,
    ),
)
def test_every_ensemble(ensemble, method, base, n_classes):
    X, y = load_digits(n_class=n_classes, return_X_y=True)
    names = np.array(["zero", "one", "two"])[y]
    noise = np.random.default_rng(0).normal(size=X.shape)
    X = X + 12 * noise
    model = CalibratedClassifierCV(base, method=method, ensemble=ensemble, cv=3)
    model.fit(X[:250], names[:250])
    described = check_pairs(model, X[250:350])
    single = described.n_members_ == 1
    assert single == (ensemble is False)
    assert described.gives_[0] == ("logits" if hasattr(base, "C") else "probabilities")


@pytest.mark.parametrize("ensemble", [True, "joined"])
@pytest.mark.parametrize("method", ["temperature", "venn-abers"])
@pytest.mark.parametrize("base", [LogisticRegression(max_iter=5000), GaussianNB()], ids=str)
@pytest.mark.parametrize("two", [pytest.param(False, marks=pytest.mark.slow), True])
def test_folds_that_lack_classes(ensemble, method, base, two):
    X, y = load_digits(n_class=4, return_X_y=True)
    X, y = X[:200] + np.random.default_rng(0).normal(size=(200, 64)), y[:200]
    fold = np.arange(200) % 3
    fold[y == 3] = 1  # the classifier of this split has not seen it
    if two:
        fold[y == 2] = 2
    model = CalibratedClassifierCV(
        base, method=method, ensemble=ensemble, cv=PredefinedSplit(fold)
    )
    check_pairs(model.fit(X, y), X[:50], atol=1e-11 if method == "venn-abers" else 1e-12)


def test_gated_auto_leaves_probabilities_as_they_are():
    X, y = load_digits(return_X_y=True)
    base = FrozenEstimator(RandomForestClassifier(50, random_state=0).fit(X[:600], y[:600]))
    method = AutoCalibration(caution=1e300, lift_zeros=True)
    model = CalibratedClassifierCV(base, method=method).fit(X[600:900], y[600:900])
    assert model.calibrated_classifiers_[0].calibrators[0].gated_
    check_pairs(model, X[900:])


def test_temperature_classifier_and_other_base_rates():
    X, y = load_digits(n_class=3, return_X_y=True)
    inner = TemperatureCalibratedClassifier(GaussianNB()).fit(X[:300], y[:300])
    check_pairs(inner, X[300:])
    shifted = PriorShiftClassifier(FrozenEstimator(inner), priors=[0.7, 0.2, 0.1])
    shifted.fit(X[:300], y[:300])
    described = from_description(describe(shifted))
    found = described.predict_proba(answers_of(inner, X[300:]))
    assert_allclose(found, shifted.predict_proba(X[300:]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("strength", [1.0, 0.0, "held_out"])
def test_a_temperature_that_grows_with_distance(strength):
    X, y = load_digits(n_class=3, return_X_y=True)
    model = DistanceAwareTemperatureClassifier(
        LogisticRegression(max_iter=5000), on="inputs", strength=strength, prior="classes", cv=2
    ).fit(X[:300] / 16, y[:300])
    new = np.vstack([X[300:400], 5 * X[300:350], 1e6 * X[300:310]]) / 16
    described = from_description(json.dumps(describe(model)))
    scores = [pair.distance.score(new) for pair in model.calibrated_classifiers_]
    found = described.predict_proba(answers_of(model, new), scores)
    assert_allclose(found, model.predict_proba(new), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="needs scores"):
        described.predict_proba(answers_of(model, new))


def test_single_columns_are_those_of_the_second_class():
    logits, y = problem(2)
    fitted = PlattScaling().fit(logits, y)
    values = logits[:, 1] - logits[:, 0]
    described = from_description(describe(fitted))
    for given_ in (values, values[:, None], values[:, None].tolist()):
        assert_allclose(described.predict_proba(given_), fitted.predict_proba(logits))


@pytest.mark.parametrize(
    "labels", [["b", "a"], [-1, 7], [0.0, 2.0], [True, False]], ids=lambda v: str(v[0])
)
def test_labels_are_kept(labels):
    logits, y = problem(2)
    fitted = TemperatureScaling().fit(logits, np.array(labels)[y])
    check_as_fitted(fitted, logits)
    found = from_description(json.dumps(describe(fitted))).classes_
    assert found.dtype.kind == np.asarray(fitted.classes_).dtype.kind


def test_files(tmp_path):
    logits, y = problem(3)
    fitted = IsotonicCalibration().fit(logits, y)
    written = write_description(fitted, tmp_path / "map.json")
    assert read_description(str(tmp_path / "map.json")) == written == describe(fitted)
    text = (tmp_path / "map.json").read_text()
    (tmp_path / "map.json").write_text(text[:-20])
    with pytest.raises(ValueError, match="no JSON"):
        read_description(tmp_path / "map.json")


def test_read_in_a_process_of_its_own(tmp_path):
    logits, y = problem(3)
    fitted = VennAbersCalibration().fit(logits, y)
    write_description(fitted, tmp_path / "map.json")
    np.savez(tmp_path / "rows.npz", X=logits, expected=fitted.predict_proba(logits))
    code = (
        "import sys, numpy as np\n"
        "from skcalib.deploy import read_description, verify\n"
        "rows = np.load(sys.argv[2])\n"
        "print(verify(read_description(sys.argv[1]), rows['X'], rows['expected']).n_rows)\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "map.json", tmp_path / "rows.npz"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "150"


def test_verify():
    logits, y = problem(3)
    fitted = PlattScaling().fit(logits, y)
    expected = fitted.predict_proba(logits)
    description = describe(fitted)
    assert verify(description, logits, expected).largest_difference < 1e-14
    assert verify(fitted.predict_proba, logits, expected) == (0.0, 0, 0, len(y))
    assert verify(DescribedCalibrator(description), logits, expected).n_rows == len(y)
    wrong = expected.copy()
    wrong[7, 2] += 1e-9
    with pytest.raises(ValueError, match=r"by up to 1e-09 \(row 7, column 2"):
        verify(description, logits, wrong)
    found = verify(description, logits, wrong, atol=1e-8)
    assert_allclose(found.largest_difference, 1e-9, rtol=1e-3)
    assert found.row == 7
    verify(description, logits, wrong, rtol=1e-3)
    verify(description, logits.astype(np.float32), expected)
    wrong[3, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        verify(description, logits, wrong)
    with pytest.raises(ValueError, match="by up to inf"):
        verify(lambda X: wrong, logits, expected)
    with pytest.raises(ValueError, match="shape"):
        verify(description, logits, expected[:-1])
    with pytest.raises(ValueError, match="atol must"):
        verify(description, logits, expected, atol=-1)
    with pytest.raises(ValueError, match="description must be"):
        verify(3, logits, expected)


@pytest.mark.parametrize(
    ("fitted", "tol", "share"),
    [
        (VennAbersCalibration(), 1e-3, 0.5),
        (IsotonicCalibration(), 0.02, 0.8),
        (IsotonicCalibration(curve="centered"), 0.02, 0.8),
        (BayesianBinning(), 1e-3, 0.6),
        (HistogramBinning(n_bins=400), 0.02, 0.8),
    ],
    ids=str,
)
def test_thinning_moves_probabilities_by_no_more(fitted, tol, share):
    logits, y = problem(2, 2000)
    fitted.fit(logits, y)
    whole, thinned = describe(fitted), describe(fitted, tol=tol)
    found = from_description(thinned).predict_proba(logits)
    assert_allclose(found, fitted.predict_proba(logits), rtol=0, atol=1.0001 * tol)
    assert len(json.dumps(thinned)) < share * len(json.dumps(whole))


@pytest.mark.parametrize("tol", [-1, 0.5, "a", np.nan])
def test_tolerances_that_are_none(tol):
    with pytest.raises(ValueError, match="tol must"):
        describe(TemperatureScaling(), tol=tol)


def test_what_has_no_description():
    with pytest.raises(ValueError, match="LogisticRegression has no description"):
        describe(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    with pytest.raises(ValueError, match="fitted"):
        describe(TemperatureScaling())
    model = CalibratedClassifierCV(method=LogisticRegression(), cv=2)
    X, y = load_digits(n_class=2, return_X_y=True)
    with pytest.raises(ValueError, match="LogisticRegression has no description"):
        describe(model.fit(X, y))


def test_a_calibrator_of_ones_own():
    class Halved(TemperatureScaling):
        pass

    @operations_of.register
    def _(halved: Halved, tol=0.0):
        return [{"op": "scale", "factor": halved.beta_}, {"op": "softmax"}]

    logits, y = problem(3)
    check_as_fitted(Halved().fit(logits, y), logits)
