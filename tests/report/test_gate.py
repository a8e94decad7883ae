"""Limits for tests: kept, broken, unknown; and plain values that keep to their schema."""

import json
import re

import numpy as np
import pytest
from support.findings import figures, make_report

from skcalib.report import ConfidenceReport, Interval
from skcalib.report._codes import CODES
from skcalib.report._schema import plain

GOOD = make_report(["none_needed"], labels=["no", "yes"])
BAD = make_report(["overconfident", "rounded"], labels=["no", "yes"])


@pytest.mark.parametrize(
    "limits",
    [
        {"log_loss": 0.79, "accuracy": 0.88, "ece": 0.091, "n_rows": 1000},
        {"log_loss_upper": 0.88, "accuracy_lower": 0.86, "ece_upper": 0.11},
        {"temperature_lower": 2, "temperature_upper": 4, "confidence_upper": 0.98},
        {"gain": 0.21, "auc": np.float32(0.97), "ece_upper": np.inf},
        {"no": "cause"},
        {"no": ["cause", "too_few_rows", "overconfident"]},
    ],
)
def test_limits_that_are_kept_say_nothing(limits):
    assert GOOD.require(**limits) is None


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"log_loss": 0.3}, "log_loss is 0.789 [0.700, 0.880]; it must be at most 0.3."),
        ({"accuracy": 0.9}, "accuracy is 0.880 [0.860, 0.900]; it must be at least 0.9."),
        ({"ece_upper": 0.1}, "the upper end of its interval must be at most 0.1."),
        ({"accuracy_lower": 0.87}, "the lower end of its interval must be at least 0.87."),
        ({"smooth_ece_upper": 0.5}, "whose interval is not known"),
        ({"no": "cause"}, "overconfident was found."),
        ({"no": "note"}, "rounded was found."),
        ({"no": ["rounded"]}, "rounded was found."),
    ],
)
def test_limits_that_are_broken_are_told_with_what_was_found(limits, words):
    with pytest.raises(AssertionError, match=re.escape(words)) as caught:
        BAD.require(**limits)
    told = str(caught.value)
    if limits.get("no") in (None, "cause"):
        assert "! It is too sure" in told
        assert 'method="temperature"' in told


def test_all_broken_limits_are_told_at_once():
    with pytest.raises(AssertionError) as caught:
        BAD.require(log_loss=0.3, brier=0.01, accuracy=0.1, no="cause")
    assert str(caught.value).count("\n* ") == 3


def test_a_figure_that_is_not_known_keeps_no_limit():
    report = ConfidenceReport([], figures() | {"gain": Interval(*[float("nan")] * 3)}, {}, {})
    with pytest.raises(AssertionError, match="not known"):
        report.require(gain=1.0)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "asks for nothing"),
        ({"no": []}, "asks for nothing"),
        ({"ece_uper": 0.1}, "no limit ece_uper. It has no= and .*ece_upper"),
        ({"temperature": 1}, "no limit temperature. .*temperature_lower"),
        ({"ece": "0.1"}, "ece must be a number, got '0.1'"),
        ({"ece": np.nan}, "ece must be a number, got nan"),
        ({"ece": True}, "ece must be a number, got True"),
        ({"ece": None}, "ece must be a number"),
        ({"no": "overconfidence"}, "no finding 'overconfidence'. There are .*overconfident"),
        ({"no": 1}, "no must be a string or a list of strings, got 1"),
        ({"no": [["cause"]]}, "no finding"),
    ],
)
def test_what_cannot_be_asked_is_refused(limits, words):
    with pytest.raises(ValueError, match=words):
        GOOD.require(**limits)


# Plain values


KINDS = {"object": dict, "array": list, "string": str, "null": type(None)}
KINDS |= {"number": int | float}


def check(value, schema, path="report"):
    """Hold a value to a schema, as far as ours goes."""
    if "anyOf" in schema:
        assert any(keeps(value, one, path) for one in schema["anyOf"]), f"{path}: {value!r}"
    assert value == schema.get("const", value), path
    assert value in schema.get("enum", [value]), path
    types = schema.get("type", [])
    named = [types] if isinstance(types, str) else types
    assert not named or any(isinstance(value, KINDS[name]) for name in named), path
    assert re.search(schema.get("pattern", ""), str(value)), path
    if isinstance(value, dict):
        check_keys(value, schema, path)
    for k, own in enumerate(value if "items" in schema else ()):
        check(own, schema["items"], f"{path}[{k}]")


def keeps(value, schema, path):
    try:
        check(value, schema, path)
    except AssertionError:
        return False
    return True


def check_keys(value, schema, path):
    assert set(schema.get("required", [])) <= set(value), path
    for key, own in value.items():
        others = schema.get("additionalProperties", {})
        inner = schema.get("properties", {}).get(key, others)
        assert inner is not False, f"{path}: {key}"
        check(own, inner, f"{path}.{key}")


@pytest.mark.parametrize("codes", [None, [], *([code] for code in CODES)])
def test_plain_values_keep_to_the_schema(codes):
    report = make_report(codes)
    found = report.to_dict()
    check(found, report.schema())
    assert json.loads(report.to_json()) == found
    json.dumps(found, allow_nan=False)


def test_plain_values_keep_to_the_schema_by_another_checker():
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema")
    schema = ConfidenceReport.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(make_report().to_dict())


def test_the_schema_refuses_what_is_no_report():
    found = GOOD.to_dict()
    for wrong in (
        {**found, "schema_version": 2},
        {**found, "more": 1},
        {**found, "findings": [{"code": "x"}]},
        {**found, "figures": {"ece": 0.1}},
        {k: v for k, v in found.items() if k != "verdict"},
    ):
        with pytest.raises(AssertionError):
            check(wrong, ConfidenceReport.schema())


def test_the_schema_is_the_callers_own():
    ConfidenceReport.schema()["required"].clear()
    assert ConfidenceReport.schema()["required"]


def test_findings_have_their_words_beside_their_numbers():
    (first, _) = BAD.to_dict()["findings"]
    assert first["title"] == "It is too sure"
    assert first["measure"] == {"value": 3.1, "lower": 2.7, "upper": 3.6}
    assert "CalibratedClassifierCV" in first["cure"]["code"]
    assert first["guide"] == "docs/confidence.md"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.nan, None),
        (np.inf, "infinite"),
        (-np.inf, "-infinite"),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([1, 2]), [1, 2]),
        (np.array(["a", 1], dtype=object), ["a", 1]),
        ({1: (2, np.int64(3))}, {"1": [2, 3]}),
        (b"bytes", "b'bytes'"),
        (Interval(1.0, np.nan, 2.0), {"value": 1.0, "lower": None, "upper": 2.0}),
    ],
)
def test_values_become_plain(value, kept):
    found = plain(value)
    assert found == kept
    assert type(found) is type(kept)
