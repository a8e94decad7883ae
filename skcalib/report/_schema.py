"""The report as plain values, and the schema that they keep to."""

import math

import numpy as np

VERSION = 1

NUMBER = {
    "description": "a number; null where it is not known, and a word where it is infinite",
    "anyOf": [{"type": ["number", "null"]}, {"enum": ["infinite", "-infinite"]}],
}
INTERVAL = {
    "type": "object",
    "properties": {"value": NUMBER, "lower": NUMBER, "upper": NUMBER},
    "required": ["value", "lower", "upper"],
    "additionalProperties": False,
}
CURE = {
    "type": "object",
    "properties": {
        "action": {"type": "string"},
        "arguments": {"type": "object"},
        "gain": {"anyOf": [INTERVAL, {"type": "null"}]},
        "code": {"type": "string"},
    },
    "required": ["action", "arguments", "gain", "code"],
    "additionalProperties": False,
}
FINDING = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "severity": {"enum": ["cause", "note"]},
        "measure": INTERVAL,
        "details": {"type": "object"},
        "cure": {"anyOf": [CURE, {"type": "null"}]},
        "title": {"type": "string"},
        "words": {"type": "string"},
        "guide": {"type": "string"},
    },
    "required": ["code", "severity", "measure", "details", "cure", "title", "words", "guide"],
    "additionalProperties": False,
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A confidence report of skcalib",
    "type": "object",
    "properties": {
        "schema_version": {"const": VERSION},
        "verdict": {"type": "string"},
        "findings": {"type": "array", "items": FINDING},
        "figures": {"type": "object", "additionalProperties": INTERVAL},
        "curves": {"type": "object"},
        "context": {"type": "object"},
    },
    "required": ["schema_version", "verdict", "findings", "figures", "curves", "context"],
    "additionalProperties": False,
}


def plain(value):
    """Return a value as JSON knows it; labels of other types become their text."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return plain_float(value)
    return value if value is None or isinstance(value, str | bool | int) else str(value)


def plain_float(value):
    """Return a number, None if it is not known, or a word if it is infinite."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else "infinite" if value > 0 else "-infinite"


def as_values(report, story):
    """Return a report and its words as plain values that keep to the schema."""
    findings = [
        {**plain(finding), "cure": cure_values(finding.cure, told.remedy), **words_of(told)}
        for finding, told in zip(report.findings, story.told, strict=True)
    ]
    return {
        "schema_version": VERSION,
        "verdict": story.verdict,
        "findings": findings,
        "figures": plain(report.figures),
        "curves": plain(report.curves),
        "context": plain(report.context),
    }


def words_of(told):
    """Return the words of a finding."""
    return {"title": told.title, "words": told.text, "guide": f"docs/{told.guide}.md"}


def cure_values(cure, remedy):
    """Return a cure with its line of code."""
    return None if cure is None else {**plain(cure), "code": remedy.code}
