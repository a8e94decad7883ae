"""The gate for tests: limits that a report keeps, or an AssertionError in its words."""

import math

from skcalib.messages import is_number, quote
from skcalib.report._finding import CAUSE, NOTE

LOWER, HIGHER = "lower", "higher"  # which of two values is better


def limits_of(figures, better):
    """Return what may be limited: its name, the figure, the end of its interval, the sign.

    A figure that is better when it is lower has an upper limit, one that is better when it is
    higher a lower one, and one where neither is better both.
    """
    found = {}
    for name in figures:
        sides = {LOWER: ("upper",), HIGHER: ("lower",)}.get(better.get(name), ("lower", "upper"))
        if len(sides) == 1:
            found[name] = (name, "value", sides[0])
        for side in sides:
            found[f"{name}_{side}"] = (name, side, side)
    return found


def check_limits(limits, known):
    """Refuse limits that nothing is known by, and limits that are no numbers."""
    for name, limit in limits.items():
        if name not in known:
            raise ValueError(
                f"The report has no limit {name!r}. It has: {', '.join(sorted(known))}; and no=."
            )
        if not is_number(limit) or math.isnan(limit):
            raise ValueError(f"{name} must be a number, got {quote(limit)}.")


def check_refused(no, codes):
    """Return the findings that ``no`` refuses, as a set of codes and severities."""
    refused = [] if no is None else [no] if isinstance(no, str) else no
    known = {CAUSE, NOTE, *codes}
    if not isinstance(refused, list | tuple | set | frozenset) or not all(
        isinstance(word, str) for word in refused
    ):
        raise ValueError(f"no must be a string or a list of strings, got {quote(no)}.")
    for word in refused:
        if word not in known:
            raise ValueError(
                f"no={word!r} is no finding. There are: {', '.join(sorted(known))}."
            )
    return set(refused)


def is_kept(value, side, limit):
    """Say whether a limit is kept; what is not known keeps none."""
    return value <= limit if side == "upper" else value >= limit


def broken_limits(figures, limits, known):
    """Yield a figure's name, the end of its interval, the side and the limit, where broken."""
    for name, limit in limits.items():
        figure, end, side = known[name]
        if not is_kept(getattr(figures[figure], end), side, limit):
            yield figure, end, side, limit
