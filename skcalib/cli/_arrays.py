"""Arrays in npz and npy files, by name."""

from contextlib import contextmanager

from skcalib.cli._errors import CommandError, list_names, nearest, quote_name
from skcalib.cli._tables import open_bytes
from skcalib.inputs import open_saved_arrays, read_saved_array


@contextmanager
def open_arrays(source):
    """Give a mapping of the names of the arrays of a file to functions that read them.

    An npy file holds one array, and labels and the like are in files of their own, by their
    paths.
    """
    if source.format == "npy":
        yield _Files(source)
        return
    with open_bytes(source.path) as file, open_saved_arrays(file, source.name) as arrays:
        yield arrays


class _Files(dict):
    """Arrays by the paths of their files; the first one has no name."""

    def __init__(self, source):
        super().__init__({"": lambda: read_file(source.path, source.name)})

    def __contains__(self, path):
        return path == "" or str(path).lower().endswith(".npy")

    def __getitem__(self, path):
        return super().__getitem__("") if path == "" else lambda: read_file(path)


def read_file(path, name=None):
    """Return the array of an npy file."""
    with open_bytes(path) as file:
        return read_saved_array(file, name or quote_name(path))


def take_array(arrays, name, option, source):
    """Read the array of a name, or say which there are."""
    if isinstance(arrays, _Files) and name not in arrays:
        raise CommandError(
            f"{source.name} holds one array; give the file of the others: {option} PATH.npy"
        )
    if name not in arrays:
        raise CommandError(
            f"{source.name} has no array {quote_name(name)} ({option})"
            f"{nearest(name, list(arrays))}; it has {list_names(list(arrays))}"
        )
    return arrays[name]()
