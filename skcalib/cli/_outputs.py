"""Standard output, and files that are written whole or not at all."""

import sys
from contextlib import contextmanager

from skcalib.cli._errors import ClosedPipe

STANDARD = "-"


def check_output(path, force):
    """Raise if a file cannot be written, before any work is done."""
    if path is not None and path != STANDARD:
        from skcalib.deploy import check_writable

        check_writable(path, force)


@contextmanager
def open_output(path, force, *, binary=False):
    """Open a file that is put in its place when it is complete, or standard output."""
    if path is None or path == STANDARD:
        with quiet_pipe():
            yield sys.stdout.buffer if binary else sys.stdout
            sys.stdout.flush()
        return
    from skcalib.deploy import write_beside

    how = {"mode": "wb"} if binary else {"mode": "w", "encoding": "utf-8", "newline": ""}
    with write_beside(path, force) as beside, open(beside, **how) as file:
        yield file


@contextmanager
def quiet_pipe():
    """Turn the error of a closed pipe into an end without words."""
    try:
        yield
    except BrokenPipeError:
        raise ClosedPipe from None


def write_text(text, path=None, force=False):
    """Write a text that ends with a line break to a file or to standard output."""
    with open_output(path, force) as file:
        file.write(text if text.endswith("\n") else text + "\n")
