"""Arrays in npz and npy files: never unpickled, never larger than the file says it is."""

import io
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np

from skcalib.messages import quote

PICKLED = (
    "holds Python objects, which would have to be unpickled, and a pickle can run any program; "
    "save labels as text (y.astype(str)) or numbers"
)


@contextmanager
def open_saved_arrays(file, name):
    """Give what reads each array of an npz file, by its name.

    Parameters
    ----------
    file : binary file
        Standard input will do.

    name : str
        What messages call it.

    Yields
    ------
    arrays : dict of str to callable
        Each returns an array, or raises ValueError, also where it holds Python objects.
    """
    if not file.seekable():
        file = io.BytesIO(file.read())
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name} is no npz file: {error}") from error
    with archive:
        yield {
            member.filename.removesuffix(".npy"): _reader(archive, member, name)
            for member in archive.infolist()
        }


def read_saved_array(file, name):
    """Return the array of an npy file; the same parameters and errors."""
    if not file.seekable():
        file = io.BytesIO(file.read())
    start = file.tell()
    size = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    return _read(file, name, size)


def _reader(archive, member, source):
    def read():
        try:
            with archive.open(member) as file:
                where = f"{source}: {quote(member.filename.removesuffix('.npy'))}"
                return _read(file, where, member.file_size)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
            name = quote(member.filename)
            raise ValueError(f"{source}: {name} is damaged: {error}") from None

    return read


def _read(file, where, size):
    """Return an array; its header is compared with the bytes that there are."""
    try:
        start = file.tell()
        shape, dtype = _read_header(file, where)
        if dtype.hasobject:
            raise ValueError(f"{where} {PICKLED}")
        needed, there = dtype.itemsize, size - (file.tell() - start)
        for length in shape:
            needed *= int(length)
        if needed > there:
            raise ValueError(
                f"{where} is cut off: an array of shape {shape} has {needed} bytes, and there "
                f"are {there}"
            )
        file.seek(start)
        return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{where} is no array of NumPy: {error}") from error


def _read_header(file, where):
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}
        shape, _, dtype = read.get(version, np.lib.format.read_array_header_2_0)(file)
    except ValueError as error:
        raise ValueError(f"{where} is no array of NumPy: {error}") from error
    return shape, dtype
