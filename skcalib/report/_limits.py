"""The gate for tests: limits that a report keeps, or an AssertionError in its words."""

from skcalib.messages import is_number, quote
from skcalib.report._codes import CODES
from skcalib.report._finding import CAUSE, NOTE
from skcalib.report._numbers import write_interval
from skcalib.report._story import tell
from skcalib.report._text import show_finding
from skcalib.report._words import FIGURES

SIDE = {"lower": "upper", "higher": "lower"}  # from where it is limited, by what is better


def check_report(report, no, limits):
    """Raise an AssertionError unless the limits are kept and nothing refused was found."""
    refused = check_refused(no)
    known = known_limits(report.figures)
    check_limits(limits, known)
    if not refused and not limits:
        raise ValueError(
            "require() asks for nothing. Give a limit, such as ece_upper=0.05, or no='cause'."
        )
    broken = [
        describe(name, limit, report.figures, known)
        for name, limit in limits.items()
        if not is_kept(name, limit, report.figures, known)
    ]
    found = [one for one in report.findings if {one.code, one.severity} & refused]
    broken += [f"{one.code} was found." for one in found]
    if broken:
        told = found or [one for one in report.findings if one.severity == CAUSE]
        lines = ["The confidence report does not keep what is required:"]
        lines += [f"* {line}" for line in broken]
        for one in told:
            lines += ["", *show_finding(tell(one, report.context))]
        raise AssertionError("\n".join(lines))


def known_limits(figures):
    """Return what may be limited: the figure, which of its numbers, and from which side."""
    found = {}
    for name in figures:
        better = FIGURES[name].better if name in FIGURES else None
        if better:
            found[name] = (name, "value", SIDE[better])
        for side in ("lower", "upper"):
            found[f"{name}_{side}"] = (name, side, side)
    return found


def check_limits(limits, known):
    """Refuse limits that nothing is known by, and limits that are no numbers."""
    for name, limit in limits.items():
        if name not in known:
            raise ValueError(
                f"The report has no limit {name}. It has no= and {', '.join(sorted(known))}."
            )
        if not is_number(limit):
            raise ValueError(f"{name} must be a number, got {quote(limit)}.")


def check_refused(no):
    """Return the findings that ``no`` refuses, as a set of codes and severities."""
    refused = [] if no is None else [no] if isinstance(no, str) else no
    if not isinstance(refused, list | tuple | set | frozenset):
        raise ValueError(f"no must be a string or a list of strings, got {quote(no)}.")
    known = (CAUSE, NOTE, *CODES)
    for word in refused:
        if word not in known:
            raise ValueError(
                f"no: there is no finding {quote(word)}. There are {', '.join(known)}."
            )
    return set(refused)


def is_kept(name, limit, figures, known):
    """Say whether a limit is kept; what is not known keeps none."""
    figure, end, side = known[name]
    value = getattr(figures[figure], end)
    return value <= limit if side == "upper" else value >= limit


def describe(name, limit, figures, known):
    """Return a limit that is not kept, in words."""
    figure, end, side = known[name]
    most = "at most" if side == "upper" else "at least"
    told = write_interval(figures[figure])
    if not is_number(getattr(figures[figure], end)):
        told += ", which is not known" if end == "value" else ", whose interval is not known"
    part = "it" if end == "value" else f"the {end} end of its interval"
    return f"{name}={limit!r}: {figure} is {told}; {part} must be {most} {limit:g}."
