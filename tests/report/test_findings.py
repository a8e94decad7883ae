"""Each finding, on rows made so that it is true, and on a healthy model, where it is not."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax
from scipy.stats import binom, norm
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from skcalib.calibrators import PlattScaling, StructuredVectorScaling
from skcalib.metrics import calibration_error_interval, log_loss, reliability_curve
from skcalib.report import (
    _evidence,
    _recalibrated,
    confidence_report,
    confidence_report_from_logits,
    confidence_report_from_predictions,
)
from skcalib.report._codes import ACTIONS, CODES
from skcalib.report._find_overfitted import name_restraints
from skcalib.report._training_rows import find_training_rows
from skcalib.report._unusual_rows import find_unusual_rows

BAD_NAME = '<script>alert("b")</script>'


@pytest.fixture(autouse=True)
def with_few_calibrators(request, monkeypatch):
    """All of them take a second or two, and only one test looks at them."""
    if request.node.name != "test_which_calibrator_helps_and_how_much":
        monkeypatch.setattr(_recalibrated, "OF_TWO", (PlattScaling,))
        monkeypatch.setattr(_recalibrated, "OF_MANY", (StructuredVectorScaling,))
        full = _recalibrated.recalibrate
        monkeypatch.setattr(_evidence, "recalibrate", lambda *given: full(*given[:-1], False))


def draw(logits, rng):
    return (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def make_logits(n=600, n_classes=3, scale=2.0, seed=0):
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(n, n_classes))
    return logits, draw(logits, rng), rng


class Table:
    """A fitted classifier: the softmax of twice the features, or what it is told."""

    def __init__(self, n_classes=3, answer=None, predict=None):
        self.classes_ = np.arange(n_classes)
        self.answer = answer or (lambda X: softmax(2 * np.asarray(X), axis=1))
        self.says = predict

    def predict_proba(self, X):
        return self.answer(X)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1) if self.says is None else self.says(X)


def by_code(report):
    found = {finding.code: finding for finding in report.findings}
    assert len(found) == len(report.findings)
    assert set(found) <= set(CODES)
    for finding in report.findings:
        assert finding.severity in ("cause", "note")
        value, low, high = finding.measure
        assert low <= value <= high or np.isnan(low)
        if finding.cure is not None:
            assert finding.cure.action in ACTIONS
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities)  # causes first
    return found


def causes(report):
    return {code for code, finding in by_code(report).items() if finding.severity == "cause"}


def test_a_healthy_model_has_a_calm_report():
    logits, y, rng = make_logits()
    report = confidence_report(
        Table(),
        logits / 2,
        y,
        X_train=rng.normal(size=(500, 3)),
        groups=rng.integers(4, size=600),
    )
    found = by_code(report)
    assert set(found) == {"none_needed"}
    assert found["none_needed"].measure.lower <= 0
    assert report.figures["pvalue"].value > 0.05


def test_overconfident_and_the_gain_of_a_temperature():
    logits, y, _ = make_logits()
    finding = by_code(confidence_report_from_logits(y, 3 * logits))["overconfident"]
    assert finding.measure.lower < 3 < finding.measure.upper
    assert finding.details["confidence"] > finding.details["accuracy"]
    assert finding.details["pvalue"] < 1e-6
    assert finding.cure.arguments == {"method": "temperature"}
    # What the right temperature would gain on these rows, which it was not fitted to.
    gain = log_loss(y, softmax(3 * logits, axis=1)) - log_loss(y, softmax(logits, axis=1))
    assert finding.cure.gain.lower < gain < finding.cure.gain.upper


def test_underconfident():
    logits, y, _ = make_logits()
    finding = by_code(confidence_report_from_logits(y, logits / 3))["underconfident"]
    assert finding.measure.lower < 1 / 3 < finding.measure.upper
    assert not finding.details["all_right"]
    assert "overconfident" not in causes(confidence_report_from_logits(y, logits / 3))
    right = by_code(confidence_report_from_logits(logits.argmax(axis=1), logits))
    assert right["underconfident"].details["all_right"]


def test_what_is_surely_small_is_a_note():
    logits, y, _ = make_logits(n=2000)
    weight = np.full(2000, 1e6)  # two thousand million rows: nothing is exact to that
    report = confidence_report_from_logits(y, logits, sample_weight=weight)
    found = by_code(report)
    temperature = found.get("overconfident") or found.get("underconfident")
    small = abs(np.log(temperature.measure.value)) < np.log(1.1)
    assert (temperature.severity == "note") == small == temperature.details["small"]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_base_rate_of_resampled_training(n_classes):
    logits, y, _ = make_logits(n_classes=n_classes)
    said = logits.copy()
    said[:, 1] += np.log(8)
    report = confidence_report_from_logits(y, said)
    finding = by_code(report)["base_rate"]
    assert report.findings[0] == finding  # before "overconfident", which follows from it
    row = finding.details["classes"][1]
    assert finding.details["worst"] == 1
    assert row["off"]
    assert row["said"] == pytest.approx(softmax(said, axis=1)[:, 1].mean())
    assert row["true"] == pytest.approx((y == 1).mean())
    assert finding.measure == (row["gap"], row["lower"], row["upper"])
    assert 0 < row["lower"] < row["said"] - row["true"] < row["upper"]
    assert finding.cure.arguments["method"] != "temperature"


def test_level_wrong_though_the_ranking_is_good():
    logits, y, _ = make_logits(n_classes=2)
    proba = softmax(logits, axis=1)
    report = confidence_report_from_predictions(y, 0.2 * proba + 0.4)
    finding = by_code(report)["level_wrong"]
    assert finding.measure.lower > 0.8
    for own in (finding.details["overall"], *finding.details["bins"]):
        assert own["lower"] <= own["true"] <= own["upper"]
        assert own["off"] <= (not own["lower"] <= own["said"] <= own["upper"])
    assert any(own["off"] for own in finding.details["bins"])
    assert report.figures["auc"] == finding.measure
    noise = np.random.default_rng(0).permutation(y)  # no ranking at all
    assert "level_wrong" not in by_code(confidence_report_from_predictions(noise, proba))


def test_a_bad_group_is_named_as_it_is_given():
    logits, y, rng = make_logits(n=900)
    groups = rng.choice(["A & Co", BAD_NAME, "c"], size=900)
    bad = groups == BAD_NAME
    y[bad] = rng.integers(3, size=bad.sum())
    report = confidence_report_from_logits(y, logits, groups=groups)
    codes, finding = list(by_code(report)), by_code(report)["bad_group"]
    assert finding.details["worst"] == BAD_NAME
    row = next(own for own in finding.details["groups"] if own["group"] == BAD_NAME)
    proba = softmax(logits, axis=1)[bad]
    assert row["n"] == bad.sum()
    assert row["confidence"] == pytest.approx(proba.max(axis=1).mean())
    assert row["accuracy"] == pytest.approx((proba.argmax(axis=1) == y[bad]).mean())
    assert [own["group"] for own in finding.details["groups"] if own["off"]] == [BAD_NAME]
    assert not finding.details["others_off"]
    assert codes[0] == "bad_group"  # before "overconfident", which follows from it
    assert finding.cure.action == "calibrate_group"
    assert finding.cure.gain.lower > 0


def test_groups_that_are_alike_are_not_named():
    logits, y, rng = make_logits(n=900)
    report = confidence_report_from_logits(y, 3 * logits, groups=rng.integers(3, size=900))
    assert "overconfident" in causes(report)
    assert "bad_group" not in causes(report)


def test_a_bad_class():
    logits, y, rng = make_logits(n=900)
    rows = np.flatnonzero(logits.argmax(axis=1) == 2)
    y[rows] = rng.integers(2, size=len(rows))
    labels = np.array(["a", "b", "<i>c</i>"])
    finding = by_code(confidence_report_from_logits(labels[y], logits, labels=labels))
    finding = finding["bad_class"]
    assert finding.details["worst"] == "<i>c</i>"
    assert finding.measure.lower > 0.3
    assert finding.details["rest"] < finding.measure.lower


@pytest.mark.parametrize("order", [[1, 0], [2, 0, 1], [0, 2, 1, 3]])
def test_permuted_columns_are_put_right_by_the_labels_that_it_says(order):
    logits, y, _ = make_logits(n_classes=len(order))
    report = confidence_report_from_logits(y, logits[:, order])
    finding = by_code(report)["permuted"]
    assert finding.details["order"] == order
    moved = [k for k, column in enumerate(order) if k != column]
    assert finding.details["moved"] == moved
    assert causes(report) == {"permuted"}  # all else follows from it
    mended = confidence_report_from_logits(
        y, logits[:, order], labels=finding.cure.arguments["labels"]
    )
    assert not causes(mended)
    assert mended.figures["accuracy"].value == finding.details["accuracy_reordered"]


def test_permuted_columns_of_labels_in_another_order():
    logits, y, _ = make_logits()
    labels = np.array(["x", "y", "z"])
    given = confidence_report_from_logits(
        labels[y], logits[:, [1, 0, 2]], labels=["x", "z", "y"]
    )
    finding = by_code(given)["permuted"]
    assert finding.details["order"] == ["y", "x", "z"]


def test_a_ranking_that_is_bad_is_not_another_order():
    rng = np.random.default_rng(0)
    said = np.tile([0.9, 0.05, 0.05], (300, 1))  # always the same, and wrong
    report = confidence_report_from_predictions(
        rng.choice([1, 2], size=300), said, labels=range(3)
    )
    assert "permuted" not in by_code(report)
    assert "base_rate" in causes(report)


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_has_learned_nothing_has_no_other_order(seed):
    digits, y = load_digits(return_X_y=True)
    weights = np.random.default_rng(seed).normal(size=(64, 10)) / 20
    report = confidence_report_from_logits(y[:300], digits[:300] @ weights)
    assert "permuted" not in by_code(report)
    assert causes(report)


def test_sums_that_are_not_one_are_a_finding_and_the_rest_is_of_rows_divided_by_them():
    logits, y, _ = make_logits()
    said = 1 / (1 + np.exp(-logits))
    report = confidence_report_from_predictions(y, said)
    finding = by_code(report)["sums_off"]
    sums = said.sum(axis=1)
    assert finding.measure.value == pytest.approx(np.abs(sums - 1).max())
    assert finding.details["n_off"] == (np.abs(sums - 1) > 0.01).sum()
    divided = confidence_report_from_predictions(y, said / sums[:, None])
    assert divided.figures["log_loss"].value == pytest.approx(report.figures["log_loss"].value)
    assert "sums_off" not in by_code(divided)
    frame = pd.DataFrame(said[:, [2, 0, 1]], columns=[2, 0, 1])
    again = confidence_report_from_predictions(y, frame)
    assert again.figures["log_loss"].value == pytest.approx(report.figures["log_loss"].value)


def test_saturated_and_wrong():
    logits, y, _ = make_logits()
    said = softmax((20 * logits).astype(np.float32), axis=1)
    report = confidence_report_from_predictions(y, said)
    finding = by_code(report)["saturated"]
    certain = said.max(axis=1) >= 1
    assert finding.severity == "cause"
    assert finding.details["n_saturated"] == certain.sum()
    assert finding.details["n_wrong"] == (certain & (said.argmax(axis=1) != y)).sum() > 0
    assert finding.details["precision"] == "float32"
    assert (finding.details["logits"], finding.cure.action) == ("lost", "true_logits")
    # With the logits, the temperature is right: nothing is lost.
    finding = by_code(confidence_report_from_logits(y, 20 * logits))
    assert finding["saturated"].cure.action == "calibrate"
    low, high = finding["overconfident"].measure[1:]
    assert low < 20 < high


def test_a_classifier_that_never_had_logits_is_not_asked_for_them():
    logits, y, _ = make_logits()
    said = softmax((20 * logits).astype(np.float32), axis=1)
    model = Table(answer=lambda X: said[np.asarray(X)[:, 0]])
    finding = by_code(confidence_report(model, np.arange(len(y))[:, None], y))["saturated"]
    assert finding.details["of_logits"]
    assert finding.cure.action == "calibrate"


def test_certain_and_right_is_a_note():
    said = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]] * 30)
    y = np.where(said[:, 0] == 0.5, np.arange(90) % 2, said.argmax(axis=1))
    found = by_code(confidence_report_from_predictions(y, said))
    assert found["saturated"].severity == "note"
    assert found["few_levels"].details["n_levels"] == 3
    assert "underconfident" not in found
    sure = np.repeat(np.eye(2), 50, axis=0)
    found = by_code(confidence_report_from_predictions(sure.argmax(axis=1), sure))
    assert set(found) == {"saturated", "few_levels", "none_needed"}


def test_decision_values_are_logits_only_where_their_softmax_says_the_same():
    logits, y, _ = make_logits(n_classes=2)

    class Saturated(Table):
        def decision_function(self, X):
            return self.factor * 20 * (X[:, 1] - X[:, 0])

    said = Saturated(2, answer=lambda X: softmax(20 * X, axis=1))
    said.factor = 1
    assert confidence_report(said, logits, y).context["logits"] == "recovered"
    said.factor = 2
    assert confidence_report(said, logits, y).context["logits"] == "lost"


def test_rounded_and_few_levels():
    logits, y, _ = make_logits()
    said = np.round(softmax(logits, axis=1), 1)
    found = by_code(confidence_report_from_predictions(y, said))
    assert found["rounded"].details == {"decimals": 1}
    assert found["rounded"].severity == "note"
    said = np.where(np.eye(3)[logits.argmax(axis=1)] == 1, 2 / 3, 1 / 6)
    found = by_code(confidence_report_from_predictions(y, said))
    assert found["few_levels"].details["n_levels"] == 3
    assert "rounded" not in found


def test_too_few_rows_and_how_many_would_do():
    logits, y, _ = make_logits(n=40)
    report = confidence_report_from_logits(y, logits)
    assert not causes(report)
    finding = by_code(report)["too_few_rows"]
    half_width = finding.details["half_width"]
    needed = dict(finding.details["rows_needed"])
    assert needed[0.02] == np.ceil(40 * (half_width / 0.02) ** 2)
    logits, y, _ = make_logits(n=needed[0.05])
    enough = confidence_report_from_logits(y, logits).figures["confidence_gap"]
    assert (enough.upper - enough.lower) / 2 == pytest.approx(0.05, rel=0.2)


def test_training_rows_exactly_and_nearly():
    rng = np.random.default_rng(0)
    X_train, X = rng.normal(size=(400, 5)), rng.normal(size=(200, 5))
    assert find_training_rows(X, X_train, 0).pvalue > 0.9
    X[:30] = X_train[100:130]
    X[30:50] = X_train[:20] * (1 + 1e-5)
    found = find_training_rows(X, X_train, 0)
    assert (found.n_equal, found.n_near, found.n_twins) == (30, 20, 0)
    assert found.first_rows[0] == [0, 100]
    assert found.pvalue < 1e-10


@pytest.mark.parametrize(
    "shape",
    [
        pd.DataFrame,
        csr_matrix,
        lambda X: X.astype(np.float32).reshape(len(X), 5, 2, 1),
        lambda X: {"a": X[:, :3], "b": X[:, 3:]},
        lambda X: pd.DataFrame(X).assign(name=[f"<{v:.3f}>" for v in X[:, 0]]),
        lambda X: X.tolist(),
        lambda X: np.where(np.abs(X) > 2, np.nan, X),
    ],
)
def test_training_rows_of_any_kind(shape):
    rng = np.random.default_rng(0)
    X_train, X = rng.normal(size=(300, 10)), rng.normal(size=(100, 10))
    assert find_training_rows(shape(X), shape(X_train), 0).pvalue > 0.9
    X[10:40] = X_train[:30]
    found = find_training_rows(shape(X), shape(X_train), 0)
    assert found.n_equal == 30
    assert found.pvalue < 1e-10


def test_rows_of_few_values_are_equal_by_chance():
    rng = np.random.default_rng(0)
    X_train, X = rng.integers(3, size=(400, 3)), rng.integers(3, size=(200, 3))
    found = find_training_rows(X, X_train, 0)
    assert found.n_equal > 190
    assert found.pvalue > 0.05


def test_a_report_on_the_training_rows_says_so_and_little_else():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    model = DecisionTreeClassifier(random_state=0).fit(X, y)
    report = confidence_report(model, X, y, X_train=X, y_train=y)
    assert causes(report) == {"training_rows"}
    assert by_code(report)["training_rows"].measure.value == 1


def test_unlike_the_training_rows():
    rng = np.random.default_rng(0)
    X_train = rng.normal(size=(400, 4))
    usual = find_unusual_rows(rng.normal(size=(300, 4)), X_train, None, 0)
    assert usual.pvalue > 0.05
    logits, _y, _ = make_logits(n=300)
    X = logits / 2
    X[::2] += 4
    report = confidence_report(Table(), X, draw(2 * X, rng), X_train=X_train[:, :3])
    finding = by_code(report)["unlike_training"]
    assert finding.measure.value > 0.4
    assert causes(report) == {"unlike_training"}


def test_the_pvalue_of_unusual_rows_is_uniform():
    rng = np.random.default_rng(0)
    found = [
        find_unusual_rows(rng.normal(size=(60, 2)), rng.normal(size=(120, 2)), None, k).pvalue
        for k in range(60)
    ]
    share, spread = np.mean(np.array(found) <= 0.1), np.sqrt(0.1 * 0.9 / 60)
    assert share <= 0.1 + norm.ppf(0.999) * spread


def test_overfitted_and_what_restrains_it():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 8))
    y = draw(np.c_[X[:, 0], X[:, 1], np.zeros(700)], rng)
    model = MLPClassifier((60,), solver="lbfgs", max_iter=500, alpha=0, random_state=0)
    model.fit(X[:300], y[:300])
    given = {"X_train": X[:300], "y_train": y[:300]}
    finding = by_code(confidence_report(model, X[300:], y[300:], **given))["overfitted"]
    losses = [log_loss(y[rows], np.maximum(model.predict_proba(X[rows]), 1e-12) /
              np.maximum(model.predict_proba(X[rows]), 1e-12).sum(axis=1, keepdims=True))
              for rows in (slice(300, None), slice(300))]  # fmt: skip
    assert finding.details["unit"] == "nats"
    assert finding.measure.value == pytest.approx(losses[0] - losses[1], rel=1e-6)
    assert finding.measure.lower > 0
    assert finding.details["accuracy_train"] > finding.details["accuracy_here"]
    assert finding.cure.action == "train_again"
    assert finding.cure.arguments["kind"] == "network"
    assert "alpha" in finding.cure.arguments["parameters"]
    without = by_code(confidence_report(model, X[300:], y[300:], X_train=X[:300]))
    assert without["overfitted"].details["unit"] == "share"
    assert without["overfitted"].details["accuracy_train"] is None


@pytest.mark.parametrize(
    ("estimator", "kind", "parameter"),
    [
        (RandomForestClassifier(), "forest", "min_samples_leaf"),
        (DecisionTreeClassifier(), "tree", "ccp_alpha"),
        (GaussianNB(), "linear", "var_smoothing"),
        (Table(), "other", None),
        (None, "other", None),
    ],
)
def test_restraints_are_parameters_that_the_classifier_has(estimator, kind, parameter):
    found = name_restraints(estimator)
    assert found["kind"] == kind
    assert parameter is None or parameter in found["parameters"]


def test_too_sure_everywhere_is_not_overfitted():
    logits, y, rng = make_logits()
    model = Table(answer=lambda X: softmax(6 * X, axis=1))
    X_train = rng.normal(size=(600, 3))
    report = confidence_report(
        model, logits / 2, y, X_train=X_train, y_train=draw(2 * X_train, rng)
    )
    assert "overconfident" in causes(report)
    assert "overfitted" not in by_code(report)


def test_predict_that_says_another_class():
    logits, y, _ = make_logits()
    moved = np.arange(600) % 20 == 0
    said = np.where(moved, logits.argmin(axis=1), logits.argmax(axis=1))
    report = confidence_report(Table(predict=lambda X: said[: len(X)]), logits / 2, y)
    finding = by_code(report)["predict_disagrees"]
    assert causes(report) == {"predict_disagrees"}
    assert finding.measure.value == pytest.approx(0.05)
    example = finding.details["examples"][1]
    assert example["row"] == 20
    assert example["likeliest"] == logits[20].argmax() != example["predicted"]
    arrays = confidence_report_from_predictions(y, softmax(logits, axis=1), y_pred=said)
    assert by_code(arrays)["predict_disagrees"].measure == finding.measure


def test_a_threshold_is_meant():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    model = FixedThresholdClassifier(GaussianNB(), threshold=0.2).fit(X, y)
    finding = by_code(confidence_report(model, X, y))["predict_disagrees"]
    assert finding.severity == "note"
    assert finding.details["by_design"]


@pytest.mark.parametrize("kind", ["random", "batch"])
def test_answers_that_change(kind):
    logits, y, rng = make_logits()

    def answer(X):
        moved = 0.2 * rng.normal(size=X.shape) if kind == "random" else X.mean() * 40
        return softmax(2 * X + moved * np.array([1, 0, 0]), axis=1)

    finding = by_code(confidence_report(Table(answer=answer), logits / 2, y))["unrepeatable"]
    assert finding.details["kind"] == kind == finding.cure.arguments["kind"]
    assert finding.measure.value > 0.001


def test_which_calibrator_helps_and_how_much():
    logits, y, _ = make_logits(n=1000)
    said = 3 * logits
    said[:, 0] += 3
    finding = by_code(confidence_report_from_logits(y, said))["calibrator_helps"]
    methods = finding.details["methods"]
    assert "auto" in {own["method"] for own in methods}
    assert [own["gain"] for own in methods] == sorted(
        (own["gain"] for own in methods), reverse=True
    )
    assert finding.measure.value == methods[0]["gain"]
    assert methods[0]["method"] == finding.details["method"] == finding.cure.arguments["method"]
    assert finding.details["best_single"] != "auto"
    value, low, high = finding.details["over_single"]
    assert low <= value <= high
    gain = log_loss(y, softmax(said, axis=1)) - log_loss(y, softmax(logits, axis=1))
    assert finding.measure.lower < gain


def test_figures_are_those_of_the_metrics():
    logits, y, _ = make_logits()
    proba = softmax(1.5 * logits, axis=1)
    figures = confidence_report_from_predictions(y, proba).figures
    assert figures["log_loss"].value == pytest.approx(log_loss(y, proba))
    expected = calibration_error_interval(y, proba, n_resamples=200, random_state=0)
    np.testing.assert_allclose(figures["ece"], expected)
    assert figures["accuracy"].value == np.mean(proba.argmax(axis=1) == y)
    brier = ((proba - np.eye(3)[y]) ** 2).sum(axis=1).mean() / 2
    assert figures["brier"].value == pytest.approx(brier)
    for value, low, high in figures.values():
        assert np.isnan(low) or low <= value <= high


def test_curves_are_vectors_of_equal_length():
    logits, y, rng = make_logits()
    groups = rng.choice(["a", "b"], size=600)
    proba = softmax(3 * logits, axis=1)
    curves = confidence_report_from_predictions(y, proba, groups=groups).curves
    assert set(curves) == {
        "reliability", "reliability_after", "histogram", "classes", "predicted", "groups",
        "calibrators",
    }  # fmt: skip
    for curve in curves.values():
        assert len({len(vector) for vector in curve.values()}) == 1
    np.testing.assert_allclose(
        curves["reliability"]["frequency"], reliability_curve(y, proba).frequency
    )
    assert curves["histogram"]["count"].sum() == 600
    after = curves["reliability_after"]
    before = curves["reliability"]

    def distance(curve):
        return curve["count"] @ np.abs(curve["mean_proba"] - curve["frequency"])

    assert distance(after) < distance(before) / 2


def test_an_infinite_loss_is_said_to_be_one():
    said = np.array([[1.0, 0.0], [0.25, 0.75]] * 20)
    figures = confidence_report_from_predictions([1, 1] * 20, said, labels=[0, 1]).figures
    assert figures["log_loss"].value == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_healthy_model_is_rarely_accused(n_classes, monkeypatch):
    # Calibrators decide one verdict, and it can only be a cause where calibration is refuted.
    monkeypatch.setattr(_evidence, "recalibrate", lambda *given: [])
    accused = 0
    for seed in range(150):
        logits, y, rng = make_logits(n=120, n_classes=n_classes, scale=3.0, seed=seed)
        report = confidence_report(
            Table(n_classes, answer=lambda X: softmax(3 * X, axis=1)),
            logits / 3,
            y,
            X_train=rng.normal(size=(150, n_classes)),
            groups=rng.integers(3, size=120),
        )
        accused += bool(causes(report)) or report.figures["pvalue"].value <= 0.05
    assert accused <= binom.ppf(0.999, 150, 0.05)
