"""A description as a document: read from strangers, checked, and signed by its checksum."""

import hashlib
import json
import math
from typing import NamedTuple

import numpy as np

from skcalib.deploy import _curves, _liftings, _operations, _splines  # registers the operations
from skcalib.deploy._fields import number, read_flag, read_whole
from skcalib.deploy._members import Member
from skcalib.deploy._registry import LOGITS, PROBA, Shape, read_operations
from skcalib.messages import quote

VERSION = 1
MOST_CHARACTERS = 2**28
MOST_CLASSES = 2**17
MOST_MEMBERS = 1000
MOST_OPERATIONS = 10_000
MOST_OF_LABELS = 2**24  # characters, if all labels were as long as the longest
DEEPEST = 64
FIELDS = {
    "format",
    "version",
    "skcalib",
    "kind",
    "classes",
    "members",
    "maps",
    "geometric",
    "masks",
    "after",
    "checksum",
}
OF_MEMBER = {"gives", "columns", "wide", "absent", "map"}
MODULES = (_curves, _liftings, _operations, _splines)


class Description(NamedTuple):
    """A description, checked.

    Attributes
    ----------
    classes : ndarray
        The labels.

    members : list of Member
        A calibration for each classifier whose answers are taken.

    geometric : bool
        How the members' probabilities are averaged.

    masks : bool
        Whether a logit may be minus infinity: that of a class that the row cannot be.

    after : tuple of Step
        What follows the mean.

    document : dict
        What it was read from, as plain values.
    """

    classes: np.ndarray
    members: list
    geometric: bool
    masks: bool
    after: tuple
    document: dict


def sign(document):
    """Return a document with its checksum."""
    document = {name: value for name, value in document.items() if name != "checksum"}
    return {**document, "checksum": checksum_of(document)}


def checksum_of(document):
    """Return SHA-256 of all fields but the checksum, as compact JSON with sorted keys."""
    rest = {name: value for name, value in document.items() if name != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def parse_document(source):
    """Return the dict of a JSON text or of a description; nothing is taken for granted."""
    if isinstance(source, bytes | bytearray | str):
        if len(source) > MOST_CHARACTERS:
            raise ValueError(
                f"The description has {len(source):,} characters, and at most "
                f"{MOST_CHARACTERS:,} are read."
            )
        try:
            source = json.loads(
                source, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates
            )
        except RecursionError:
            raise ValueError("The description is no JSON that is wanted: too deep.") from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError(f"The description is no JSON: {error}") from None
    if not isinstance(source, dict):
        raise ValueError(
            "A description is a dict, as describe returns, or its JSON text; got "
            f"{type(source).__name__}."
        )
    _check_plain(source)
    return source


def _refuse_constant(name):
    raise ValueError(f"The description holds {name}; numbers are finite.")


def _refuse_duplicates(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("The description has an object that names a field twice.")
    return found


def _check_plain(document):
    """Raise ValueError unless all are dicts, lists, strings, finite numbers, bools or None."""
    todo, n_operations = [(document, 0)], 0
    while todo:
        value, depth = todo.pop()
        if depth > DEEPEST:
            raise ValueError(f"The description is nested more than {DEEPEST} deep.")
        if type(value) is dict:
            if not all(type(name) is str for name in value):
                raise ValueError("The description has a field whose name is no string.")
            n_operations += "op" in value
            todo += [(each, depth + 1) for each in value.values()]
        elif type(value) is list:
            _check_floats([v for v in value if type(v) is float])
            todo += [(v, depth + 1) for v in value if type(v) is not float]
        else:
            _check_scalar(value)
    if n_operations > MOST_OPERATIONS:
        raise ValueError(f"The description has more than {MOST_OPERATIONS:,} operations.")


def _check_scalar(value):
    if type(value) is float:
        _check_floats([value])
    elif type(value) is int:
        if abs(value) >= 2**1023:
            raise ValueError("The description holds a number that is too large.")
    elif value is not None and type(value) not in (str, bool):
        raise ValueError(
            f"The description holds what JSON does not: a value of type {type(value).__name__}."
        )


def _check_floats(values):
    if not all(map(math.isfinite, values)):
        raise ValueError("The description holds NaN or infinity; numbers are finite.")


def read_document(source):
    """Return a description, checked throughout.

    Parameters
    ----------
    source : dict or str
        What `describe` returned, or JSON text of it.

    Returns
    -------
    description : Description
        Its members can be run by any engine.
    """
    document = parse_document(source)
    _check_head(document)
    classes = _read_classes(document["classes"])
    maps = document["maps"]
    if not isinstance(maps, list):
        raise ValueError(f"maps must be a list, got {quote(maps)}.")
    members = document["members"]
    if not isinstance(members, list) or not 1 <= len(members) <= MOST_MEMBERS:
        raise ValueError(
            f"members must be a list of 1 to {MOST_MEMBERS} members, got {quote(members)}."
        )
    known = {}
    members = [
        _read_member(member, f"members[{i}]", len(classes), maps, known)
        for i, member in enumerate(members)
    ]
    unused = set(range(len(maps))) - {number for number, _ in known}
    if unused:
        raise ValueError(f"maps[{min(unused)}] is used by no member.")
    geometric = read_flag(document["geometric"], "geometric")
    masks = read_flag(document["masks"], "masks")
    after, found = read_operations(document["after"], "after", Shape(PROBA, len(classes)))
    if found.kind != PROBA:
        raise ValueError(f"after must end with {PROBA}, not {found.kind}.")
    return Description(classes, members, geometric, masks, after, document)


def _check_head(document):
    if document.get("format") != "skcalib":
        raise ValueError("This is no description: its format is not 'skcalib'.")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise ValueError(f"version must be a whole number of at least 1, got {quote(version)}.")
    if version > VERSION:
        raise ValueError(
            f"The description has version {quote(version)} of its format, but this skcalib "
            f"reads up to {VERSION}. Install skcalib {quote(document.get('skcalib'))} or newer."
        )
    missing, surplus = FIELDS - set(document), set(document) - FIELDS
    if missing or surplus:
        wrong = (
            f"lacks {min(missing)!r}" if missing else f"has an unknown {quote(min(surplus))}"
        )
        raise ValueError(f"The description {wrong}.")
    for name in ("skcalib", "kind", "checksum"):
        if not isinstance(document[name], str):
            raise ValueError(f"{name} must be a string, got {quote(document[name])}.")
    if checksum_of(document) != document["checksum"]:
        raise ValueError(
            "The checksum is not that of the description: it was changed or cut after it was "
            "written. Describe the fitted calibrator again."
        )


def _read_classes(values):
    kinds = {type(value) for value in values} if isinstance(values, list) else set()
    if len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise ValueError(
            "classes must be a list of strings, or of numbers of one kind, got "
            f"{quote(values)}."
        )
    if not 2 <= len(values) <= MOST_CLASSES:
        raise ValueError(f"classes must have from 2 to {MOST_CLASSES} labels.")
    if len(set(values)) < len(values):
        raise ValueError("classes must be distinct.")
    if kinds == {int}:
        return np.array([read_whole(v, "classes", -(2**63), 2**63 - 1) for v in values])
    if kinds == {str} and max(map(len, values)) * len(values) > MOST_OF_LABELS:
        raise ValueError("classes has labels that are too long.")
    found = np.array(values)
    if found.tolist() != values:  # NumPy drops zeros at the end of strings
        raise ValueError("classes has labels that end with a zero character.")
    return found


def _read_member(member, where, n_classes, maps, known):
    if not isinstance(member, dict) or set(member) != OF_MEMBER:
        raise ValueError(f"{where} must have the fields {sorted(OF_MEMBER)}.")
    if member["gives"] not in (LOGITS, PROBA):
        raise ValueError(f"{where}.gives must be '{LOGITS}' or '{PROBA}'.")
    columns = _read_columns(member["columns"], f"{where}.columns", n_classes)
    wide = member["wide"]
    if wide is not None:
        wide = _read_columns(wide, f"{where}.wide", n_classes)
        if not set(columns) <= set(wide):
            raise ValueError(f"{where}.wide must name all of its columns.")
    absent = number(-1e30, 1e30)(member["absent"], f"{where}.absent")
    place = read_whole(member["map"], f"{where}.map", 0, len(maps) - 1)
    shape = Shape(member["gives"], len(columns if wide is None else wide))
    if (place, shape) not in known:
        steps, found = read_operations(maps[place], f"maps[{place}]", shape)
        if found.kind != PROBA:
            raise ValueError(f"maps[{place}] must end with {PROBA}, not {found.kind}.")
        known[place, shape] = steps
    steps = known[place, shape]
    takes_scores = any(step.run is _operations.temper_by_distance for step in steps)
    gives_proba = member["gives"] == PROBA
    return Member(gives_proba, columns, wide, absent, steps, takes_scores)


def _read_columns(values, where, n_classes):
    if not isinstance(values, list) or not 1 <= len(values) <= n_classes:
        raise ValueError(f"{where} must be a list of classes, got {quote(values)}.")
    found = [read_whole(v, f"{where}[{i}]", 0, n_classes - 1) for i, v in enumerate(values)]
    if len(set(found)) < len(found):
        raise ValueError(f"{where} names a class twice.")
    return found
