"""Warnings at the line of whoever called this package, wherever inside they come up."""

import sys
import warnings
from contextvars import ContextVar
from typing import NamedTuple

# Who stands between a user's line and us: ourselves, and who calls us back.
PASSED = {
    "skcalib",
    "sklearn",
    "joblib",
    "contextlib",
    "threading",
    "concurrent",
    "multiprocessing",
}
_SEEN = {}  # what was said at lines of other processes, so that it is said once
_LINE = ContextVar("line", default=None)


class Line(NamedTuple):
    """A line of a user's code."""

    filename: str
    number: int
    module: str


def warn(message, category=UserWarning):
    """Warn at the first line outside the package, of scikit-learn and of joblib.

    In a worker it is the line that :func:`call_at_line` was told. A message that is a warning
    already keeps its category.
    """
    line, seen = _LINE.get(), _SEEN
    if line is None:
        line, seen = _look_up()
    warnings.warn_explicit(
        message, category, line.filename, line.number, line.module, registry=seen
    )


def find_users_line():
    """Return the user's line, for work that goes on in a thread or in another process."""
    return _LINE.get() or _look_up()[0]


def call_at_line(line, function, *arguments):
    """Call a function whose warnings are reported at a given line."""
    token = _LINE.set(line)
    try:
        return function(*arguments)
    finally:
        _LINE.reset(token)


def _look_up():
    """Return the user's line, and what Python remembers to have warned of there."""
    outermost = frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").split(".")[0] not in PASSED:
            break
        outermost, frame = frame, frame.f_back
    frame = frame or outermost
    module = frame.f_globals.get("__name__") or "<string>"
    seen = frame.f_globals.setdefault("__warningregistry__", {})
    return Line(frame.f_code.co_filename, frame.f_lineno, module), seen
