"""Each finding has words, a page of the guide, and lines of code that run when pasted."""

import ast
import re
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from support.findings import LABELS, context, details, figures, make_report

import skcalib
from skcalib import calibrators, novelty, report
from skcalib.report import ConfidenceReport, Cure, Finding, Interval
from skcalib.report._codes import ACTIONS, CODES
from skcalib.report._guide import TITLES as PAGES
from skcalib.report._labels import list_labels, write_label
from skcalib.report._numbers import (
    write_count,
    write_interval,
    write_number,
    write_points,
    write_share,
)
from skcalib.report._skore_checks import TITLES
from skcalib.report._story import TELLERS, tell
from skcalib.report._words_of_calibration import name_range
from skcalib.report._words_of_cures import GRIDS, METHOD_WORDS, WRITERS, class_of

DOCS = Path(__file__).parents[2] / "docs"
NAN = float("nan")


def make_finding(code, labels=LABELS):
    return Finding(code, *details(labels)[code])


def test_every_code_and_cure_has_words():
    assert set(TELLERS) == set(CODES)
    assert set(WRITERS) == set(ACTIONS)
    assert set(TITLES) == set(CODES) - {"bad_group", "none_needed"}


@pytest.mark.parametrize("code", CODES)
def test_words_are_sentences(code):
    told = tell(make_finding(code, ["no", "yes"]), context(["no", "yes"]))
    assert told.title[0].isupper() or told.title.startswith("predict")
    assert not told.title.endswith(".")
    for text in (told.text, told.remedy.words if told.remedy else "Words."):
        assert text[0].isupper() or text[0].isdigit() or text.startswith("predict")
        assert text.rstrip().endswith((".", ":", "?"))
        assert not re.search(r"\bnan\b|None|\{|  |\.\.|inf\b|[,;:]\.", text)
    assert told.guide in PAGES


@pytest.mark.parametrize("code", CODES)
def test_the_text_of_a_finding_is_in_the_report_with_its_number_and_code(code):
    report = make_report([code], labels=["no", "yes"])
    told = tell(report.findings[0], report.context)
    squeezed = " ".join(str(report).split())
    for part in (told.title, told.text, told.number, told.remedy and told.remedy.gain):
        assert " ".join((part or "").split()) in squeezed
    for line in (told.remedy.code if told.remedy else "").splitlines():
        assert line in str(report)


def test_pages_of_the_guide_are_there_under_their_titles():
    for page, title in PAGES.items():
        heading = (DOCS / f"{page}.md").read_text().splitlines()[0]
        assert heading.startswith(f"# {title}"), page


def test_votes_are_not_told_to_have_had_logits():
    finding = make_finding("saturated")
    assert "true logits are lost" in tell(finding, context()).text
    finding.details["of_logits"] = False
    finding = finding._replace(cure=Cure("calibrate", {"method": "auto"}, None))
    assert "logits" not in tell(finding, context()).text


def test_ranges_of_which_none_is_off_by_itself_are_told_together():
    finding = make_finding("level_wrong")
    finding.details["bins"] = [{**one, "off": False} for one in finding.details["bins"]]
    assert (
        "Over all rows it says 85.0 %, and 62.0 % come true." in tell(finding, context()).text
    )


def test_a_bare_network_is_not_named_by_its_wrapping():
    words = str(make_report(["overconfident"], estimator="FrozenNetwork"))
    assert "FrozenNetwork" not in words
    assert "CalibratedClassifierCV(estimator, " in words


def test_what_is_off_by_next_to_nothing_says_so():
    finding = make_finding("overconfident")
    finding.details["small"] = True
    assert "next to nothing" in tell(finding._replace(severity="note"), context()).text


def test_labels_are_one_short_line_without_signs_that_terminals_obey():
    text = str(make_report(labels=["\x1b[31mred\x1b[0m\r\n\tx", "y" * 1000]))
    assert "\x1b" not in text.replace("\\x1b", "")
    assert "\r" not in text
    assert write_label("a\nb\t c") == "a b c"
    assert write_label("") == "''"
    assert write_label(np.str_("a")) == "a"
    assert len(write_label("y" * 1000)) == 40
    assert list_labels([1, True, "x"], 2) == "1, True and 1 more"


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (write_number, 0.2134, "0.213"),
        (write_number, 0.00012, "0.0001"),
        (write_number, 3e-9, "3e-09"),
        (write_number, -0.0, "-0.000"),
        (write_number, 1234.5, "1,234"),
        (write_number, np.inf, "infinite"),
        (write_count, 1204.0, "1,204"),
        (write_count, 12.5, "12.5"),
        (write_share, 0.971, "97.1 %"),
        (write_share, 0.9999, "above 99.9 %"),
        (write_share, 1e-5, "below 0.1 %"),
        (write_share, 1.0, "100 %"),
        (write_points, 0.031, "+3.1 points"),
        (write_points, -0.031, "-3.1 points"),
        (write_points, 0.0001, "0.0 points"),
    ],
)
def test_numbers_as_words(write, value, text):
    assert write(value) == text


def test_intervals_as_words():
    assert (
        write_interval(Interval(0.21, 0.17, 0.25), unit="nats") == "0.210 [0.170, 0.250] nats"
    )
    assert write_interval(Interval(0.5, 0.4, 0.6), write_share) == "50.0 % [40.0, 60.0]"
    assert write_interval(Interval(0.5, NAN, NAN), write_share) == "50.0 %"


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.2, 0.25), "20 % to 25 %"),
        ((0.9991, 0.99978), "99.91 % to 99.98 %"),
        ((0.99999, 1.0), "99.999 % to 100 %"),
        ((0.0, 0.00041), "0 % to 0.041 %"),
        ((0.5, 0.5), "50 % to 50 %"),
    ],
)
def test_ranges_have_digits_enough_to_tell_their_ends(ends, words):
    assert name_range({"from": ends[0], "to": ends[1]}) == words


# Lines of code


@pytest.mark.parametrize("source", ["estimator", "predictions", "logits"])
@pytest.mark.parametrize("code", CODES)
def test_lines_of_code_are_code(code, source):
    told = tell(make_finding(code), context(source=source))
    if told.remedy:
        ast.parse(told.remedy.code)


IRIS = load_iris(return_X_y=True)
NAMES = np.array(["setosa", 'it\'s "x"', "virginica"])


@pytest.fixture(scope="module")
def names():
    X, y = IRIS[0], NAMES[IRIS[1]]
    X_train, X, y_train, y = train_test_split(X, y, train_size=60, stratify=y, random_state=0)
    estimator = LogisticRegression(max_iter=1000).fit(X_train, y_train)
    found = {"X": X, "y": y, "X_train": X_train, "y_train": y_train, "estimator": estimator}
    found |= {"groups": y.copy(), "np": np, "train_test_split": train_test_split}
    found |= {"FrozenEstimator": FrozenEstimator, "GridSearchCV": GridSearchCV}
    found |= {"cross_val_predict": cross_val_predict, "X_all": IRIS[0], "y_all": IRIS[1]}
    for module in (skcalib, calibrators, novelty):
        found |= {k: getattr(module, k) for k in module.__all__ if not k.startswith("_")}
    proba = estimator.predict_proba(X)
    return found | {"y_proba": proba, "logits": np.log(proba), "model": estimator}


def paste(cure, names, source="estimator", estimator="LogisticRegression", given=()):
    """Run the lines of code of a cure; return the names that they leave."""
    finding = Finding("overconfident", "cause", *details()["overconfident"][1:3], cure)
    asked = context(source=source, estimator=estimator, given=list(given))
    code = tell(finding, asked).remedy.code
    names = {k: deepcopy(v) if k in ("estimator", "model") else v for k, v in names.items()}
    exec(compile(code, "cure", "exec"), names)
    return names


@pytest.mark.parametrize("source", ["estimator", "predictions", "logits"])
def test_calibration_runs_as_written(names, source):
    after = paste(Cure("calibrate", {"method": "sigmoid"}, None), names, source)
    if source == "estimator":
        assert after["calibrated"].predict_proba(after["X"]).shape == (90, 3)
    else:
        assert after["calibrator"].classes_.tolist() == sorted(NAMES)


@pytest.mark.parametrize("source", ["estimator", "predictions", "logits"])
def test_calibration_of_a_group_runs_as_written(names, source):
    names = names | {"groups": np.repeat([NAMES[1], "other"], 45)}
    arguments = {"group": np.str_(NAMES[1]), "method": "temperature"}
    after = paste(Cure("calibrate_group", arguments, None), names, source)
    assert after["mine"].sum() == 45


@pytest.mark.parametrize("source", ["estimator", "predictions", "logits"])
@pytest.mark.parametrize("of_group", [False, True])
def test_weights_and_labels_are_in_the_lines_of_calibration(names, source, of_group):
    names = names | {"sample_weight": np.arange(90.0), "groups": np.arange(90) % 2}
    given = ["sample_weight"]
    if source != "estimator":  # columns in an order of one's own
        labels = ["virginica", NAMES[1], "setosa"]
        order = [sorted(NAMES).index(label) for label in labels]
        names |= {"labels": labels, "y_proba": names["y_proba"][:, order]}
        names |= {"logits": names["logits"][:, order]}
        given.append("labels")
    cure = Cure("calibrate", {"method": "temperature"}, None)
    rows = np.arange(90)
    if of_group:
        cure = Cure("calibrate_group", {"group": 1, "method": "temperature"}, None)
        rows = rows[1::2]
    after = paste(cure, names, source, given=given)
    if source == "estimator":
        found = after["calibrated"].calibrated_classifiers_[0].calibrators[0].temperature_
    else:
        found = after["calibrator"].temperature_
    logits = np.log(names["estimator"].predict_proba(names["X"][rows]))
    weight = names["sample_weight"][rows]
    expected = calibrators.TemperatureScaling().fit(
        logits, names["y"][rows], sample_weight=weight
    )
    if source == "estimator":
        assert found == pytest.approx(expected.temperature_, rel=0.02)
    else:
        assert found == pytest.approx(expected.temperature_)


def test_every_method_that_is_tried_has_a_class():
    for name in calibrators.__all__:
        method = getattr(getattr(calibrators, name), "short_name", None)
        if method:
            assert class_of(method) == name
    assert all(class_of(method) for method in METHOD_WORDS)


def test_columns_are_reordered_as_written(names):
    order = ["virginica", NAMES[1], "setosa"]  # what each column is of
    shuffled = names["y_proba"][:, [sorted(NAMES).index(label) for label in order]]
    after = paste(Cure("reorder", {"labels": order}, None), names | {"y_proba": shuffled})
    np.testing.assert_array_equal(after["y_proba"], names["y_proba"])


def test_many_columns_are_reordered_from_the_report(names):
    order = [f"label {k}" for k in np.random.default_rng(0).permutation(30)]
    cure = Cure("reorder", {"labels": order}, None)
    found = ConfidenceReport([make_finding("permuted")._replace(cure=cure)], {}, {}, context())
    proba = np.tile(np.arange(30.0), (2, 1))
    after = paste(cure, names | {"report": found, "y_proba": proba})
    assert [order[int(k)] for k in after["y_proba"][0]] == sorted(order)


def test_what_restrains_a_classifier_runs_as_written(names):
    cure = Cure("train_again", {"kind": "tree", "parameters": ["max_leaf_nodes"]}, None)
    tree = DecisionTreeClassifier(random_state=0)
    paste(cure, names | {"model": tree})
    paste(cure, names | {"model": make_pipeline(StandardScaler(), tree)}, estimator="Pipeline")


def test_grids_are_values_that_can_be_tried():
    for name, grid in GRIDS.items():
        assert isinstance(ast.literal_eval(grid), list), name


@pytest.mark.parametrize(
    "cure",
    [
        Cure("fix_sums", {}, None),
        Cure("predict_from_proba", {}, None),
        Cure("use_other_rows", {}, None),
        pytest.param(Cure("more_rows", {"n_rows": 1000}, None), marks=pytest.mark.slow),
        Cure("distance_aware", {}, None),
    ],
    ids=lambda cure: cure.action,
)
def test_other_cures_run_as_written(names, cure):
    after = paste(cure, names)
    if cure.action == "fix_sums":
        np.testing.assert_allclose(after["y_proba"].sum(axis=1), 1)
    if cure.action == "predict_from_proba":
        np.testing.assert_array_equal(after["decided"], names["estimator"].predict(names["X"]))
    if cure.action == "more_rows":
        assert isinstance(after["report"], report.ConfidenceReport)


def test_digits_are_kept_as_written(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paste(Cure("keep_digits", {}, None), names)
    np.testing.assert_array_equal(np.load("y_proba.npy"), names["y_proba"])


# The verdict


def test_the_verdict_counts_causes_and_names_the_first():
    assert "One thing is wrong: it is too sure." in str(make_report(["overconfident"]))
    two = str(make_report(["overconfident", "unrepeatable"]))
    assert "2 things are wrong; the first to mend: it is too sure." in two
    assert figures()["accuracy"].value == 0.88


def test_the_same_line_of_code_is_shown_once():
    text = str(make_report(["overconfident", "base_rate"]))
    assert text.count("calibrated =") == 1
    assert 'What mends "It is too sure" mends this, too.' in " ".join(text.split())
