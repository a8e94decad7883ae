"""Files that are written whole or not at all, and standard output."""

import os
import secrets
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from skcalib.cli._errors import ClosedPipe, CommandError, quote_name

STANDARD = "-"


def check_output(path, force):
    """Raise if a file cannot be written, before any work is done."""
    if path is None or path == STANDARD:
        return
    target = Path(path)
    if not target.parent.is_dir():
        raise CommandError(f"there is no directory {quote_name(target.parent)} to write into")
    if target.is_dir():
        raise CommandError(f"{quote_name(path)} is a directory, not a file to write")
    if target.is_file() and not force:
        raise CommandError(f"{quote_name(path)} exists; --force overwrites it")


@contextmanager
def temporary_beside(path, force):
    """Give the path of a new file beside `path`, which takes its place if all went well."""
    target = Path(path)
    check_output(path, force)
    if target.exists() and not target.is_file():  # /dev/null and the like
        yield target
        return
    ending = "".join(target.suffixes[-1:])  # some writers choose a format by it
    beside = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(6)}{ending}")
    try:
        yield beside
        _put_in_place(beside, target, force)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _put_in_place(beside, target, force):
    if force:
        os.replace(beside, target)
        return
    try:
        os.link(beside, target)  # fails where somebody else has written it meanwhile
    except FileExistsError:
        raise CommandError(f"{quote_name(target)} exists; --force overwrites it") from None
    except OSError:  # file systems without links
        check_output(target, force)
        os.replace(beside, target)


@contextmanager
def open_output(path, force, *, binary=False):
    """Open a file that is put in its place when it is complete, or standard output."""
    if path is None or path == STANDARD:
        with quiet_pipe():
            yield sys.stdout.buffer if binary else sys.stdout
            sys.stdout.flush()
        return
    how = {"mode": "xb"} if binary else {"mode": "x", "encoding": "utf-8", "newline": ""}
    with temporary_beside(path, force) as beside:
        if beside.exists():
            how["mode"] = how["mode"].replace("x", "w")
        with open(beside, **how) as file:
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
