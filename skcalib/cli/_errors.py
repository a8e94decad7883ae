"""What goes wrong, said in one line, and with which exit code the command ends."""

import re
from difflib import get_close_matches

OK, GATE_FAILED, BAD_INPUT, BROKEN, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 130, 141
LONGEST = 300  # characters of a message from elsewhere
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class CommandError(Exception):
    """What a user can mend: the message is shown in one line, the exit code is 2."""


class ClosedPipe(Exception):
    """Whoever read standard output has gone."""


def printable(value):
    """Return a text for a terminal: no line breaks, no control characters."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], str(value))


def quote_name(name, longest=60):
    """Return a name in quotation marks, cut if it is long."""
    text = printable(name)
    return f"'{text if len(text) <= longest else text[: longest - 3] + '...'}'"


def list_names(names, most=8):
    """Return the first of some names in quotation marks."""
    shown = ", ".join(quote_name(name, 40) for name in list(names)[:most])
    return shown + (", ..." if len(names) > most else "")


def nearest(name, known):
    """Return "; did you mean ...?" if a known name is close, else nothing."""
    close = get_close_matches(str(name), [str(other) for other in known], n=1)
    return f"; did you mean {quote_name(close[0])}?" if close else ""


def one_line(text):
    """Return a message in one line, cut if it is long."""
    text = printable(" ".join(str(text).split()))
    return text if len(text) <= LONGEST * 2 else text[: 2 * LONGEST] + "..."


def require(package, reason, extra="cli"):
    """Import a package that is optional, or say what to install."""
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError as error:
        raise CommandError(
            f"{reason} needs {package.split('.')[0]}: pip install 'skcalib[{extra}]'"
        ) from error
