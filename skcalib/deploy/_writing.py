"""Files that are written whole or not at all."""

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path

from skcalib.messages import quote


def check_writable(path, force):
    """Raise if a file cannot be written, before any work is done.

    Parameters
    ----------
    path : str or path-like
        The file.

    force : bool
        Whether it may exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(f"There is no directory {quote(str(target.parent))} to write into.")
    if target.is_dir():
        raise ValueError(f"{quote(str(path))} is a directory, not a file to write.")
    if target.is_file() and not force:
        raise ValueError(f"{quote(str(path))} exists; force (--force) overwrites it.")


@contextmanager
def write_beside(path, force):
    """Give the path of a new file beside `path`, which takes its place if all went well.

    Whatever happens meanwhile, `path` is what it was, or complete.
    """
    check_writable(path, force)
    target = Path(path)
    if target.exists() and not target.is_file():  # /dev/null and the like
        yield target
        return
    target = target.resolve()  # where a link points to
    ending = "".join(target.suffixes[-1:])  # some writers choose a format by it
    beside = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(6)}{ending}")
    try:
        yield beside
        _put_in_place(beside, target, force)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _put_in_place(beside, target, force):
    if not force:
        try:
            os.link(beside, target)  # fails where somebody else has written it meanwhile
        except FileExistsError:
            check_writable(target, force)
        except OSError:  # file systems without links
            check_writable(target, force)
        else:
            return
    os.replace(beside, target)
