"""The entry point: parse, run, and end with one line and an exit code."""

import os
import sys
import traceback
import warnings

from skcalib.cli._arguments import make_parser
from skcalib.cli._errors import (
    BAD_INPUT,
    BROKEN,
    INTERRUPTED,
    OK,
    PIPE_CLOSED,
    ClosedPipe,
    CommandError,
    one_line,
)


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; those of the process if None.

    Returns
    -------
    code : int
        0 if all went well, 1 if a limit of ``--fail-if`` is broken, 2 for bad input, which is
        said in one line on standard error, 3 for a fault of skcalib's own, 130 if it was
        interrupted, 141 if whoever read its output has gone.
    """
    try:
        options = make_parser().parse_args(argv)
        with warnings.catch_warnings():
            _show_warnings_in_a_line()
            code = options.run(options)
        sys.stdout.flush()
    except SystemExit as end:  # of argparse: --help, --version, a wrong option
        code = _flushed(OK if end.code is None else end.code)
    except BaseException as error:
        code = _end_by(error)
    return code


def _end_by(error):
    """Say in a line why it ended, and return the exit code."""
    if isinstance(error, ClosedPipe | BrokenPipeError):
        _forget_output()
        return PIPE_CLOSED
    if isinstance(error, KeyboardInterrupt):
        return _say("interrupted; nothing was written", INTERRUPTED)
    if isinstance(error, MemoryError):
        return _say("error: there is not enough memory for this file", BAD_INPUT)
    # ValueError comes from the rooms below, OSError from the system.
    if isinstance(error, CommandError | ValueError | OSError):
        return _say(f"error: {one_line(error)}", BAD_INPUT)
    traceback.print_exception(error)
    return _say(f"a fault of skcalib's own: {one_line(error)}; please report it", BROKEN)


def _say(message, code):
    print(f"skcalib: {message}", file=sys.stderr)
    return code


def _flushed(code):
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED
    return code


def _forget_output():
    """Let Python's own flush at exit go nowhere, in place of an error."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _show_warnings_in_a_line():
    """Say each warning once, without the line of code that nobody here has written."""
    said = set()

    def show(message, category, *place, **more):
        text = one_line(message)
        if text not in said:
            said.add(text)
            print(f"skcalib: warning: {text}", file=sys.stderr)

    warnings.simplefilter("always")
    for ignored in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.simplefilter("ignore", ignored)
    warnings.showwarning = show
