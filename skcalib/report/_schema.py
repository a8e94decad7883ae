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
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else "infinite" if value > 0 else "-infinite"
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)
