"""Descriptions from strangers: refused with a ValueError, or valid; nothing else."""

import contextlib
import copy
import json
import math
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skcalib import calibrators
from skcalib.deploy import describe, from_description, read_description
from skcalib.deploy._document import checksum_of

Y = np.arange(40) % 3
LOGITS = np.random.default_rng(0).normal(size=(40, 3)) * 2 + 2 * np.eye(3)[Y]
KINDS = [
    "TemperatureScaling",
    "EnsembleTemperatureScaling",
    "VectorScaling",
    "DirichletCalibration",
    "BetaCalibration",
    "QuadraticScaling",
    "IsotonicCalibration",
    "VennAbersCalibration",
    "HierarchicalCalibration",
    "SplineCalibration",
]


def make(kind):
    calibrator = getattr(calibrators, kind)()
    return describe(calibrator.fit(LOGITS, Y))


@pytest.fixture(scope="module")
def described():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these are labels of noise
        return {kind: make(kind) for kind in KINDS}


def sign(document):
    return {**document, "checksum": checksum_of(document)}


def changed(document, **fields):
    return sign({**document, **fields})


WRONG = {
    "not JSON": ("{", "no JSON"),
    "no object": ("[1, 2]", "is a dict"),
    "NaN": ('{"format": NaN}', "NaN"),
    "infinity": ('{"format": -Infinity}', "Infinity"),
    "large": ('{"format": 1e999}', "infinity"),
    "deep": ("[" * 100_000 + "]" * 100_000, "deep|dict"),
    "deep dict": ('{"a":' * 200 + "1" + "}" * 200, "deep"),
    "bytes": (b"\xff\xfe\x00\xd8", "no JSON"),
    "twice": ('{"format": "skcalib", "format": "skcalib"}', "twice"),
    "number": (7, "is a dict"),
    "none": (None, "is a dict"),
    "empty": ({}, "format is not"),
    "function": ({"format": print}, "of type builtin"),
    "key": ({1: 2}, "name is no string"),
    "digits": ('{"a": ' + "9" * 10_000 + "}", "."),
    "whole": ({"a": 10**400}, "too large"),
}


@pytest.mark.parametrize(("text", "match"), WRONG.values(), ids=WRONG)
def test_what_is_no_description(text, match):
    with pytest.raises(ValueError, match=match):
        from_description(text)


def fields_to_change():
    step = {"op": "scale", "factor": 1.0}
    soft = {"op": "softmax"}
    nested = [soft]
    for _ in range(20):
        nested = [{"op": "combine", "weights": [1.0], "branches": [nested]}]
    curve = {"knots": [0.0], "coefficients": [[0.0, 1.0]]}
    lift = {"op": "one_vs_rest", "unchanged": [], "shares": [0.0] * 3}
    wide = {"op": "curves", "curves": [curve] * 2}
    return {
        "version": ({"version": 99}, "reads up to 1"),
        "version text": ({"version": "1"}, "whole number"),
        "classes": ({"classes": ["a", "b"]}, "from 0 to 1|columns"),
        "classes of kinds": ({"classes": ["a", 1, 2.0]}, "one kind"),
        "classes twice": ({"classes": [1, 1, 2]}, "distinct"),
        "a zero character": ({"classes": ["a", "a\0", "b"]}, "zero character"),
        "long labels": ({"classes": ["a" * 10_000_000, "b", "c"]}, "too long"),
        "large labels": ({"classes": [1, 2, 2**80]}, "whole number"),
        "no members": ({"members": []}, "members must be"),
        "no member": ({"members": [3]}, "must have the fields"),
        "no maps": ({"maps": 3}, "maps must be"),
        "unknown": ({"maps": [[{"op": "exec", "code": "1"}]]}, "no operation"),
        "no operation": ({"maps": [["softmax"]]}, "no operation"),
        "unhashable": ({"maps": [[{"op": ["softmax"]}]]}, "no operation"),
        "missing field": ({"maps": [[{"op": "scale"}, soft]]}, "lacks 'factor'"),
        "surplus field": ({"maps": [[{**soft, "x": 1}]]}, "unknown 'x'"),
        "no probabilities": ({"maps": [[step]]}, "must end with probabilities"),
        "order": ({"maps": [[soft, soft]]}, "takes logits, but is given prob"),
        "text": ({"maps": [[{"op": "scale", "factor": "2"}, soft]]}, "must hold numbers"),
        "bool": ({"maps": [[{"op": "scale", "factor": True}, soft]]}, "must hold numbers"),
        "negative": ({"maps": [[{"op": "scale", "factor": -1.0}, soft]]}, "from 0"),
        "nested": ({"maps": [nested]}, "nested more"),
        "lengths": ({"maps": [[{**lift, "operations": [wide]}]]}, "list of 3 curves"),
        "shares": (
            {"maps": [[{**lift, "shares": [2.0] * 3, "operations": []}]]},
            "from 0 to 1",
        ),
        "numbers of maps": (
            {"maps": [[{**lift, "unchanged": [3], "operations": []}]]},
            "0 to 2",
        ),
        "many operations": ({"maps": [[step] * 10_001 + [soft]]}, "10,000 operations"),
        "unused": ({"maps": [[soft], [soft]]}, "used by no member"),
        "after": ({"after": [{"op": "log"}]}, "must end with"),
        "priors": (
            {"after": [{"op": "shift_priors", "ratio": [1.0] * 3, "priors": [1.0] * 3}]},
            "sum to one",
        ),
        "geometric": ({"geometric": "no"}, "true or false"),
        "another field": ({"code": "import os"}, "unknown 'code'"),
    }


@pytest.mark.parametrize(
    ("fields", "match"), fields_to_change().values(), ids=fields_to_change()
)
def test_wrong_fields_are_named(described, fields, match):
    with pytest.raises(ValueError, match=match):
        from_description(changed(described["TemperatureScaling"], **fields))


@pytest.mark.parametrize("name", sorted(make("TemperatureScaling")))
def test_missing_parts(described, name):
    document = dict(described["TemperatureScaling"])
    del document[name]
    with pytest.raises(ValueError):
        from_description(document if name == "checksum" else sign(document))


def test_changes_are_found_by_the_checksum(described, tmp_path):
    document = copy.deepcopy(described["IsotonicCalibration"])
    text = json.dumps(document)
    assert "0.5" not in document["checksum"]
    knots = document["maps"][0][0]["operations"][0]["curves"][1]["knots"]
    knots[0] -= 1e-9
    with pytest.raises(ValueError, match="checksum"):
        from_description(document)
    (tmp_path / "map.json").write_text(text.replace("skcalib", "skcalid", 1))
    with pytest.raises(ValueError):
        read_description(tmp_path / "map.json")
    # Spaces and the order of fields do not count.
    again = json.dumps(json.loads(text), sort_keys=True, indent=2)
    assert from_description(again).predict_proba(LOGITS).shape == (40, 3)


def test_numbers_that_lead_nowhere_are_refused(described):
    steps = [
        {"op": "scale", "factor": 1.7e308},
        {"op": "add_columns", "factors": [-2.0] * 3, "shifts": [0.0] * 3},
        {"op": "softmax"},
    ]
    document = changed(described["TemperatureScaling"], maps=[steps])
    with pytest.raises(ValueError, match="no probabilities"):
        from_description(document).predict_proba(LOGITS * 1e20)


def test_memory_is_that_of_the_text(described):
    """One long curve beside many short ones, and many classes, need no square of memory."""
    n = 4000
    long = {"knots": [float(i) for i in range(n)], "coefficients": [[0.0] * (n + 1)]}
    short = {"knots": [], "coefficients": [[0.0]]}
    lift = {"op": "one_vs_rest", "unchanged": [], "shares": [0.0] * n}
    lift["operations"] = [{"op": "curves", "curves": [long, *[short] * (n - 1)]}]
    member = dict(described["TemperatureScaling"]["members"][0], columns=list(range(n)))
    document = changed(
        described["TemperatureScaling"], classes=list(range(n)), members=[member], maps=[[lift]]
    )
    tracemalloc.start()
    found = from_description(document).predict_proba(np.zeros((2, n)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # a square would be 128 MB
    np.testing.assert_allclose(found, 1 / n)


def paths(value, path=()):
    """Yield the path to every part."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from paths(value[name], (*path, name))
    elif isinstance(value, list):
        for number in range(min(len(value), 6)):
            yield from paths(value[number], (*path, number))


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**30),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -1.0, 1e-320, 1.7e308, -1.7e308, 1e30, 2.0]),
    st.text(max_size=3),
    st.lists(st.floats(-10, 10), max_size=4),
    st.just({}),
    st.just({"op": "softmax"}),
    st.just([{"op": "softmax"}]),
)


def mutate(document, path, junk, how):
    document = copy.deepcopy(document)
    place = document
    for name in path[:-1]:
        place = place[name]
    last = path[-1]
    if how == "delete":
        del place[last]
    elif how == "double" and isinstance(place, list):
        place.insert(last, place[last])
    elif how == "scale" and isinstance(place[last], float):
        place[last] *= 1e3
    else:
        place[last] = junk
    return document


def check_refused_or_valid(document, kind):
    with contextlib.suppress(ValueError):  # NaN has no JSON
        document = sign(document)
    try:
        found = from_description(document)
        proba = found.predict_proba(LOGITS)
    except ValueError:
        return
    assert proba.shape == (40, len(found.classes_))
    assert np.isfinite(proba).all()
    assert proba.min() >= 0
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_mutated_descriptions_are_refused_or_valid(described, data):
    kind = data.draw(st.sampled_from(KINDS))
    document = described[kind]
    path = data.draw(st.sampled_from([p for p in paths(document) if p]))
    how = data.draw(st.sampled_from(["replace", "delete", "double", "scale"]))
    check_refused_or_valid(mutate(document, path, data.draw(JUNK), how), kind)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=2000, deadline=None)
def test_many_mutated_descriptions(described, data):
    kind = data.draw(st.sampled_from(KINDS))
    document = described[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([p for p in paths(document) if p]))
        how = data.draw(st.sampled_from(["replace", "delete", "double", "scale"]))
        document = mutate(document, path, data.draw(JUNK), how)
    check_refused_or_valid(document, kind)


def test_numbers_survive_text(described):
    """Numbers are written so that they are read back to the last digit."""
    for document in described.values():
        assert json.loads(json.dumps(document)) == document
        assert all(math.isfinite(v) for v in numbers(document))


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value
