"""skcalib report: the confidence report of a file."""

import json

import numpy as np
import pytest
from support.command_line import refused, run, two_classes

from skcalib import confidence_report_from_predictions


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "predictions.csv"
    two_classes(100).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_the_page_the_text_and_json(csv, tmp_path, capsys):
    page = tmp_path / "report.html"
    code, out, err = run(capsys, "report", csv, "--html", page, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    frame = two_classes(100)
    expected = confidence_report_from_predictions(
        frame["y"], frame[["ham", "spam"]].to_numpy(), random_state=0
    )
    codes = [finding["code"] for finding in found["findings"]]
    assert codes == [finding.code for finding in expected.findings]
    text = page.read_text()
    assert "<html" in text
    assert "--force" in refused(capsys, "report", csv, "--html", page)
    assert page.read_text() == text
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_limits_of_a_report(csv, capsys):
    code, out, err = run(
        capsys, "report", csv, "--fail-if", "ece_upper>0.01", "--fail-if", "auc<0.2"
    )
    assert code == 1
    assert err.startswith("failed: ece_upper = ")
    assert "Confidence report" in out
    assert "did you mean 'ece_upper'" in refused(
        capsys, "report", csv, "--fail-if", "ece_uper>1"
    )


def test_what_it_refuses_before_it_computes(csv, tmp_path, capsys):
    page = tmp_path / "page.html"
    page.write_text("precious")
    assert "--force" in refused(capsys, "report", csv, "--html", page)
    assert page.read_text() == "precious"
    assert "did you mean 'ece_upper'" in refused(
        capsys, "report", csv, "--fail-if", "ece_uper>1"
    )
    assert "look like probabilities" in refused(capsys, "report", csv, "--input", "logits")


@pytest.mark.slow
def test_groups_logits_and_one_column(csv, tmp_path, capsys):
    frame = two_classes(200)
    frame["z"] = np.log(frame["spam"] / (1 - frame["spam"]))
    path = tmp_path / "logits.csv"
    frame[["y", "z", "site"]].to_csv(path, index=False)
    how = ["--column", "z", "--positive", "spam", "--groups", "site"]
    assert run(capsys, "report", path, *how, "--input", "logits")[0] == 0
    assert "--input logits" in refused(capsys, "report", path, *how)
    one = ["--column", "spam", "--groups", "site"]
    assert run(capsys, "report", csv, *one)[0] == 0
