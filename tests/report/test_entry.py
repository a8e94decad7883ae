"""The three entry points: the same rows in any form, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import skcalib
from skcalib.calibrators import PlattScaling, StructuredVectorScaling
from skcalib.report import (
    _evidence,
    _recalibrated,
    confidence_report,
    confidence_report_from_logits,
    confidence_report_from_predictions,
)

RNG = np.random.default_rng(0)
LOGITS = 2 * RNG.normal(size=(150, 3))
CODES = (LOGITS + RNG.gumbel(size=LOGITS.shape)).argmax(axis=1)
PROBA = softmax(1.6 * LOGITS, axis=1)
NAMES = np.array(["a<b>", "b", "c"])
Y = NAMES[CODES]
BINARY = (CODES > 0).astype(int)
POSITIVE = 1 - PROBA[:, 0]
X = LOGITS / 2
MODEL = GaussianNB().fit(X, CODES)


@pytest.fixture(autouse=True)
def with_few_calibrators(monkeypatch):
    monkeypatch.setattr(_recalibrated, "OF_TWO", (PlattScaling,))
    monkeypatch.setattr(_recalibrated, "OF_MANY", (StructuredVectorScaling,))
    full = _recalibrated.recalibrate
    monkeypatch.setattr(_evidence, "recalibrate", lambda *given: full(*given[:-1], False))


def assert_same(report, other, but=()):
    assert [own.code for own in report.findings] == [own.code for own in other.findings]
    for name, interval in report.figures.items():
        if name not in but:
            np.testing.assert_allclose(interval, other.figures[name], rtol=1e-6, atol=1e-9)


def test_it_is_on_the_first_floor():
    assert skcalib.confidence_report is confidence_report
    assert skcalib.confidence_report_from_predictions is confidence_report_from_predictions
    assert skcalib.confidence_report_from_logits is confidence_report_from_logits


def test_a_classifier_and_its_arrays_say_the_same():
    report = confidence_report(MODEL, X, CODES, random_state=0)
    arrays = confidence_report_from_predictions(
        CODES, MODEL.predict_proba(X), labels=MODEL.classes_
    )
    assert_same(report, arrays)
    assert report.context["source"] == "estimator"
    assert report.context["estimator"] == "GaussianNB"
    assert arrays.context["source"] == "predictions"
    again = confidence_report(MODEL, X, CODES, random_state=0)
    assert_same(report, again)


def test_probabilities_and_their_logarithms_say_the_same():
    assert_same(
        confidence_report_from_predictions(Y, PROBA),
        confidence_report_from_logits(Y, np.log(PROBA) + 3),
    )


@pytest.mark.parametrize(
    "form",
    [
        lambda p: {"y_proba": p[:, [2, 0, 1]], "labels": NAMES[[2, 0, 1]]},
        lambda p: {"y_proba": pd.DataFrame(p[:, [2, 0, 1]], columns=NAMES[[2, 0, 1]])},
        lambda p: {"y_proba": p.tolist()},
        lambda p: {"y_proba": p, "y_pred": NAMES[p.argmax(axis=1)]},
    ],
)
def test_columns_in_any_order(form):
    expected = confidence_report_from_predictions(Y, PROBA)
    given = form(PROBA)
    assert_same(confidence_report_from_predictions(Y, given.pop("y_proba"), **given), expected)


@pytest.mark.parametrize(
    "given",
    [
        {"logits": (1.6 * LOGITS)[:, [2, 0, 1]], "labels": NAMES[[2, 0, 1]]},
        {"logits": pd.DataFrame((1.6 * LOGITS)[:, [2, 0, 1]], columns=NAMES[[2, 0, 1]])},
    ],
)
def test_columns_of_logits_in_any_order(given):
    given = dict(given)
    expected = confidence_report_from_logits(Y, 1.6 * LOGITS)
    assert_same(confidence_report_from_logits(Y, given.pop("logits"), **given), expected)


def test_a_single_column_is_of_the_positive_class():
    labels = np.array(["no", "yes"])[BINARY]
    both = confidence_report_from_predictions(labels, np.c_[1 - POSITIVE, POSITIVE])
    assert both.context["pos_label"] == "yes"
    odds = np.log(POSITIVE) - np.log1p(-POSITIVE)
    for report in (
        confidence_report_from_predictions(labels, POSITIVE, pos_label="yes"),
        confidence_report_from_predictions(labels, POSITIVE[:, None], labels=["no", "yes"]),
        confidence_report_from_predictions(BINARY, POSITIVE),
        confidence_report_from_logits(labels, odds, pos_label="yes"),
        confidence_report_from_logits(BINARY, odds[:, None]),
        confidence_report_from_logits(labels, np.c_[-odds / 2, odds / 2]),
    ):
        assert_same(report, both)
    other = confidence_report_from_logits(labels, -odds, pos_label="no")
    assert other.context["pos_label"] == "no"
    assert_same(other, both)
    with pytest.raises(ValueError, match="pos_label"):
        confidence_report_from_predictions(labels, POSITIVE)


def test_weights_are_frequencies():
    times = RNG.integers(0, 3, size=150)
    groups = np.where(X[:, 0] > 0, "u", "v")
    weighted = confidence_report_from_predictions(
        Y, PROBA, sample_weight=times, groups=groups, labels=NAMES
    )
    rows = np.repeat(np.arange(150), times)
    repeated = confidence_report_from_predictions(
        Y[rows], PROBA[rows], groups=groups[rows], labels=NAMES
    )
    assert weighted.context["n_rows"] == (times > 0).sum()
    assert weighted.context["sum_weight"] == times.sum()
    # Of how rows are dealt and drawn nothing is said.
    but = ("n_rows", "gain", "ece")
    for name, interval in weighted.figures.items():
        if name not in but:
            np.testing.assert_allclose(interval, repeated.figures[name], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        weighted.curves["groups"]["count"], repeated.curves["groups"]["count"]
    )


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    used = np.arange(150) % 3 > 0
    rng = np.random.default_rng(1)
    train = {"X_train": rng.normal(size=(200, 3)), "y_train": rng.integers(3, size=200)}
    zero = confidence_report(MODEL, X, CODES, sample_weight=used * 1.0, **train)
    without = confidence_report(MODEL, X[used], CODES[used], **train)
    assert_same(zero, without)


def test_frames_and_pipelines():
    frame = pd.DataFrame(X, columns=["x", "y", "z"])
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, Y)
    y = pd.Series(Y, index=np.arange(150) + 7).astype("category")
    report = confidence_report(
        model, frame, y, groups=y.rename("group"), X_train=frame.iloc[:90]
    )
    assert report.context["classes"] == NAMES.tolist()
    assert report.context["given"] == ["X_train", "groups"]
    assert report.context["n_train"] == 90


def test_one_row_and_one_class_make_a_report():
    assert confidence_report(MODEL, X[:1], CODES[:1], X_train=X).context["n_rows"] == 1
    one = CODES == 1
    report = confidence_report(MODEL, X[one], CODES[one])
    assert np.isnan(report.figures["gain"].value)


def test_a_generator_is_drawn_from_and_none_is_zero():
    assert_same(
        confidence_report(MODEL, X, CODES), confidence_report(MODEL, X, CODES, random_state=0)
    )
    confidence_report(MODEL, X, CODES, random_state=np.random.RandomState(0))


def test_progress_is_shown_when_asked_for(capsys):
    confidence_report(MODEL, X, CODES, verbose=True)
    assert "confidence report" in capsys.readouterr().err
    confidence_report(MODEL, X, CODES)
    assert capsys.readouterr().err == ""


def test_unfitted():
    with pytest.raises(NotFittedError):
        confidence_report(GaussianNB(), X, CODES)


@pytest.mark.parametrize("model", [LinearSVC().fit(X, CODES), LinearRegression().fit(X, CODES)])
def test_without_probabilities(model):
    with pytest.raises(ValueError, match=r"predict_proba.*CalibratedClassifierCV"):
        confidence_report(model, X, CODES)


def test_a_class_is_no_classifier():
    with pytest.raises(ValueError, match="the class GaussianNB"):
        confidence_report(GaussianNB, X, CODES)


def test_a_classifier_that_knows_one_class():
    model = DummyClassifier().fit(X, np.zeros(150))
    with pytest.raises(ValueError, match="one class only"):
        confidence_report(model, X, np.zeros(150))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X": None}, "X is None"),
        ({"y": CODES[:-1]}, "inconsistent"),
        ({"y": None}, "y is None"),
        ({"y": CODES + 0.5}, "fractions"),
        ({"y": Y}, "^y has labels"),
        ({"groups": np.arange(3)}, "inconsistent"),
        ({"groups": X}, "groups must hold one"),
        ({"groups": np.where(CODES > 0, np.nan, 1.0)}, "groups is missing"),
        ({"groups": np.array([None, "a", "b"])[CODES]}, "groups is missing"),
        ({"groups": np.array([1, "a", "b"], dtype=object)[CODES]}, "groups mixes"),
        ({"groups": np.ma.masked_equal(CODES, 1)}, "groups is a masked"),
        ({"sample_weight": -np.ones(150)}, "Negative"),
        ({"sample_weight": np.zeros(150)}, "zero"),
        ({"pos_label": 1}, "two classes"),
        ({"random_state": "x"}, "random_state must be"),
        ({"random_state": -1}, "random_state must be"),
        ({"verbose": 2}, "verbose must be"),
        ({"y_train": CODES}, "without X_train"),
        ({"X_train": X, "y_train": CODES[:-1]}, "X_train has 150 rows"),
        ({"X_train": X, "y_train": CODES + 5}, "y_train has labels"),
        ({"X_train": X[:, :2]}, "features"),
    ],
)
def test_what_is_refused(given, message):
    given = {"X": X, "y": CODES, **given}
    with pytest.raises(ValueError, match=message):
        confidence_report(MODEL, given.pop("X"), given.pop("y"), **given)


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        (np.log(PROBA), "y_proba.*are these logits"),
        (np.where(PROBA > 0.9, np.nan, PROBA), "y_proba.*NaN"),
        (PROBA[:, :2], "y has 3 classes"),
        (PROBA[:-1], "inconsistent"),
        (PROBA[None], "shape"),
        (np.ma.masked_greater(PROBA, 0.9), "masked"),
        (np.full((150, 3), "a"), "y_proba is not numeric"),
        (PROBA + 1j, "complex"),
        (np.empty((0, 3)), "non-empty"),
    ],
)
def test_probabilities_that_are_refused(proba, message):
    with pytest.raises(ValueError, match=message):
        confidence_report_from_predictions(Y, proba)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.where(PROBA > 0.9, np.nan, LOGITS), "logits has NaN"),
        (np.where(PROBA > 0.9, np.inf, LOGITS), "logits has NaN"),
        (LOGITS[None], "logits must be"),
        (np.empty((0, 3)), "logits must be"),
        (LOGITS[:, :2], "y has 3 classes .* logits has 2 columns"),
        (LOGITS + 1j, "logits is complex"),
    ],
)
def test_logits_that_are_refused(logits, message):
    with pytest.raises(ValueError, match=message):
        confidence_report_from_logits(Y, logits)


def test_predicted_labels_that_are_refused():
    with pytest.raises(ValueError, match="y_pred must hold"):
        confidence_report_from_predictions(Y, PROBA, y_pred=Y[:-1])


def test_masked_logits_are_classes_that_cannot_be():
    logits = 1.6 * LOGITS
    masked = np.where((logits < -3) & ~np.eye(3, dtype=bool)[CODES], -np.inf, logits)
    report = confidence_report_from_logits(Y, masked)
    assert np.isfinite(report.figures["log_loss"].value)


def test_the_logits_of_a_saturated_network_are_recovered():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    digits, codes = load_digits(return_X_y=True)
    inputs = (digits[:400] / 16).astype(np.float32)
    weight = LogisticRegression(max_iter=50, C=0.1).fit(inputs[:200], codes[:200])
    layer = torch.nn.Linear(64, 10)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(60 * weight.coef_))
        layer.bias.copy_(torch.tensor(60 * weight.intercept_))
    network = torch.nn.Sequential(layer, torch.nn.Softmax(dim=1))
    report = confidence_report(
        network, inputs[200:], codes[200:400], X_train=inputs[:200], y_train=codes[:200]
    )
    found = {finding.code: finding for finding in report.findings}
    assert report.context["logits"] == "recovered"
    assert found["saturated"].details["logits"] == "recovered"
    logits = 60 * (inputs[200:] @ weight.coef_.T + weight.intercept_)
    arrays = confidence_report_from_logits(codes[200:400], logits)
    np.testing.assert_allclose(
        report.figures["temperature"], arrays.figures["temperature"], rtol=1e-3
    )
    assert found["overfitted"].cure.arguments["kind"] == "network"
