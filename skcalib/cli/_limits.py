"""Limits such as ``ece_upper>0.05``: parsed, never evaluated."""

import math
import operator
import re
from typing import NamedTuple

from skcalib.cli._errors import CommandError, nearest, quote_name

COMPARISONS = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
PATTERN = re.compile(
    r"\s*([a-z][a-z0-9_]*)\s*(<=|>=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*",
    re.ASCII,
)


class Limit(NamedTuple):
    """The command fails if the named number compares so with the bound."""

    name: str
    comparison: str
    bound: float

    def __str__(self):
        return f"{self.name}{self.comparison}{self.bound:g}"


def parse_limit(text, names):
    """Return a Limit, or say what is wrong with its text."""
    found = PATTERN.fullmatch(text)
    if not found or not math.isfinite(float(found[3])):
        raise CommandError(
            f"--fail-if {quote_name(text)} is no limit: write a name, one of < <= > >=, and a "
            "number, as in --fail-if 'ece_upper>0.05'"
        )
    name, comparison, bound = found.groups()
    if name not in names:
        raise CommandError(
            f"--fail-if {quote_name(text)}: there is no number {quote_name(name)}"
            f"{nearest(name, names) or '; --help lists the names'}"
        )
    return Limit(name, comparison, float(bound))


def broken_limits(limits, numbers):
    """Return a line for each limit that is broken; a number that is unknown breaks any."""
    lines = []
    for limit in limits:
        number = numbers[limit.name]
        if math.isnan(number):
            lines.append(f"failed: {limit.name} could not be computed ({limit})")
        elif COMPARISONS[limit.comparison](number, limit.bound):
            lines.append(
                f"failed: {limit.name} = {number:.6g} {limit.comparison} {limit.bound:g}"
            )
    return lines
