"""The findings as checks of skore, and the recipe for mlflow."""

import ast
import html
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from support.findings import make_report

from skcalib.report import skore_checks
from skcalib.report._skore_checks import Reports, SkoreCheck

NAMES = np.array([f"<b>{k}</b>" for k in range(3)])
X, Y = make_classification(1200, 6, n_informative=3, n_classes=3, class_sep=0.6, random_state=0)
X = np.hstack([X, X[:, :4] + 0.01])  # naive Bayes counts what it sees twice
ROWS = train_test_split(X, NAMES[Y], train_size=600, random_state=0)


class Report:
    """As much of a report of skore as is asked for."""

    ml_task = "multiclass-classification"
    X_train = y_train = None

    def __init__(self, estimator=None, **given):
        self.estimator_, self.X_test, self.y_test = estimator, ROWS[1], ROWS[3]
        vars(self).update(given)


def test_nothing_of_theirs_is_imported():
    for path in Path(inspect.getfile(skore_checks)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [
                alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name")
            ]
            names.append(getattr(node, "module", None) or "")
            assert not {name.split(".")[0] for name in names} & {"skore", "skrub", "mlflow"}


def test_one_confidence_report_is_computed_for_all_checks():
    asked = []

    def compute(estimator, X, y, **given):
        asked.append(given)
        return make_report(["overconfident", "rounded"], labels=["no", "yes"])

    reports = Reports(compute, {"random_state": 0})
    first, second = Report(GaussianNB(), X_train=ROWS[0], y_train=ROWS[2]), Report(GaussianNB())
    checks = [SkoreCheck(code, reports) for code in ("overconfident", "rounded", "base_rate")]
    words = [check.check_function(report) for report in (first, second) for check in checks]
    assert len(asked) == 2
    assert set(asked[0]) == {"X_train", "y_train", "random_state"}
    assert set(asked[1]) == {"random_state"}
    assert "Temperature: 3.10" in words[0]
    assert (
        'CalibratedClassifierCV(FrozenEstimator(estimator), method="temperature")' in words[0]
    )
    assert words[2] is words[5] is None
    assert [check.severity for check in checks] == ["issue", "tip", "issue"]


def test_a_note_of_what_may_be_a_cause_is_a_tip():
    note = make_report(["predict_disagrees"])
    check = SkoreCheck("predict_disagrees", Reports(lambda *a, **k: note, {}))
    assert check.severity == "issue"
    assert check.check_function(Report(GaussianNB()))
    assert check.severity == "tip"


@pytest.mark.parametrize(("n_found", "told"), [(1, False), (2, False), (3, True)])
def test_a_finding_of_a_cross_validation_comes_in_most_splits(n_found, told):
    found = iter([["overconfident"]] * n_found + [[]] * (4 - n_found))
    reports = Reports(lambda *a, **k: make_report(next(found)), {})
    whole = Report(reports_=[Report(GaussianNB()) for _ in range(4)])
    words = SkoreCheck("overconfident", reports).check_function(whole)
    assert bool(words) is told
    assert not told or words.startswith("In 3 of 4 splits. ")


def test_options_are_checked_when_the_list_is_made():
    with pytest.raises(ValueError, match="random_state"):
        skore_checks(random_state="x")


skore_is_needed = pytest.mark.filterwarnings("default")  # theirs


@skore_is_needed
@pytest.mark.slow
def test_skore_tells_the_findings_among_its_own():
    skore = pytest.importorskip("skore", reason="needs skore: pip install skore")
    X_train, X_test, y_train, y_test = ROWS
    checks = skore_checks(random_state=0)
    assert all(isinstance(check, skore.Check) for check in checks)
    data = {"X_train": X_train, "X_test": X_test, "y_train": y_train, "y_test": y_test}
    report = skore.EstimatorReport(GaussianNB(), **data)
    report.checks.add(checks)
    summary = report.checks.summarize(ignore=["SKC_CALIBRATOR_HELPS"])
    found = summary.frame().set_index("code")
    assert found.section["SKC_OVERCONFIDENT"] == "issue"
    assert found.section["SKC_CALIBRATOR_HELPS"] == "ignored"
    assert found.section["SKC_PERMUTED"] == "passed"
    assert "Temperature" in found.explanation["SKC_OVERCONFIDENT"]
    # Labels are in the words, and text in skore's page, too.
    label = re.search("<b>.</b>", " ".join(found.explanation.dropna()))[0]
    assert label not in summary._repr_html_()
    assert html.escape(label) in summary._repr_html_()
    fast = report.checks.summarize(fast_mode=True).frame().set_index("code")
    assert fast.section["SKC_OVERCONFIDENT"] == "issue"  # known by now


@skore_is_needed
@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "y", "words"),
    [
        (Ridge(), X[:, 2], "The task is regression"),
        (LinearSVC(), None, "no predict_proba"),
    ],
    ids=["regression", "no probabilities"],
)
def test_what_has_no_probabilities_is_not_applicable(estimator, y, words):
    skore = pytest.importorskip("skore", reason="needs skore: pip install skore")
    y = NAMES[Y] if y is None else y
    names = ("X_train", "X_test", "y_train", "y_test")
    data = dict(zip(names, train_test_split(X, y, random_state=0), strict=True))
    report = skore.EstimatorReport(estimator, **data)
    report.checks.add(skore_checks())
    found = report.checks.summarize().frame(section="not_applicable").set_index("code")
    assert words in found.explanation["SKC_OVERCONFIDENT"]


@skore_is_needed
@pytest.mark.slow
def test_skore_tells_the_findings_of_a_cross_validation():
    skore = pytest.importorskip("skore", reason="needs skore: pip install skore")
    report = skore.CrossValidationReport(GaussianNB(), X, Y, splitter=2)
    report.checks.add(skore_checks())
    found = report.checks.summarize().frame().set_index("code")
    assert found.explanation["SKC_OVERCONFIDENT"].startswith("In 2 of 2 splits. ")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # theirs
def test_mlflow_keeps_the_page_and_the_figures(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow: pip install mlflow-skinny")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    report = make_report()
    with mlflow.start_run() as run:
        report.to_html("confidence_report.html")
        mlflow.log_artifact("confidence_report.html")
        mlflow.log_dict(report.to_dict(), "confidence_report.json")
        mlflow.log_metrics({name: figure.value for name, figure in report.figures.items()})
    folder = next((tmp_path / "runs").rglob("artifacts"))
    assert (folder / "confidence_report.html").read_text(encoding="utf-8") == report.to_html()
    assert json.loads((folder / "confidence_report.json").read_text()) == report.to_dict()
    kept = mlflow.get_run(run.info.run_id).data.metrics
    assert kept["log_loss"] == report.figures["log_loss"].value
