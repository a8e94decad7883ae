"""Arrays in npz and npy files: never unpickled, never larger than the file says it is."""

import io
import zipfile
from contextlib import contextmanager

import numpy as np

from skcalib.cli._errors import CommandError, list_names, nearest, one_line, quote_name
from skcalib.cli._tables import open_bytes

PICKLED = (
    "holds Python objects, which would have to be unpickled, and a pickle can run any program; "
    "save labels as text (y.astype(str)) or numbers"
)


@contextmanager
def open_arrays(source):
    """Give a mapping of the names of the arrays of a file to functions that read them."""
    with open_bytes(source.path) as file:
        if not file.seekable():
            file = io.BytesIO(file.read())
        if source.format == "npy":
            yield {"": lambda: _read(file, source, _size_of(file))}
            return
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise CommandError(f"{source.name} is no npz file: {error}") from error
        with archive:
            yield {
                member.filename.removesuffix(".npy"): _reader(archive, member, source)
                for member in archive.infolist()
            }


def _size_of(file):
    here = file.tell()
    size = file.seek(0, io.SEEK_END) - here
    file.seek(here)
    return size


def _reader(archive, member, source):
    def read():
        try:
            with archive.open(member) as file:
                return _read(file, source, member.file_size, member.filename)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            name = quote_name(member.filename)
            raise CommandError(f"{source.name}: {name} is damaged: {one_line(error)}") from None

    return read


def _read(file, source, size, member=""):
    """Return an array; its header is compared with the bytes that there are."""
    where = (
        f"{source.name}: {quote_name(member.removesuffix('.npy'))}" if member else source.name
    )
    try:
        start = file.tell()
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(file)
        else:
            header = np.lib.format.read_array_header_2_0(file)
        shape, _, dtype = header
        if dtype.hasobject:
            raise CommandError(f"{where} {PICKLED}")
        needed, there = dtype.itemsize, size - (file.tell() - start)
        for length in shape:
            needed *= int(length)
        if needed > there:
            raise CommandError(
                f"{where} is cut off: an array of shape {shape} has {needed} bytes, and there "
                f"are {there}"
            )
        file.seek(start)
        return np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise CommandError(f"{where} is no array of NumPy: {one_line(error)}") from error


def take_array(arrays, name, option, source):
    """Read the array of a name, or say which there are."""
    if name not in arrays:
        raise CommandError(
            f"{source.name} has no array {quote_name(name)} ({option})"
            f"{nearest(name, list(arrays))}; it has {list_names(list(arrays))}"
        )
    return arrays[name]()
