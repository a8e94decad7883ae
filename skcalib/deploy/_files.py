"""Descriptions in files."""

import json
from os import PathLike
from pathlib import Path

from skcalib.deploy._describe import describe
from skcalib.deploy._document import MOST_CHARACTERS, parse_document, read_document
from skcalib.messages import quote


def write_description(fitted, path, *, tol=0.0):
    """Write the description of a fitted calibration to a JSON file.

    Parameters
    ----------
    fitted : object
        What :func:`describe` takes, or a description: what it returned.

    path : str or path-like
        Where to write; a file that is there is replaced.

    tol : float, default=0.0
        As in :func:`describe`.

    Returns
    -------
    description : dict
        What was written.

    Raises
    ------
    ValueError
        If `fitted` has no description, or is a wrong one.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import from_description, read_description, write_description
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> with TemporaryDirectory() as folder:
    ...     _ = write_description(fitted, Path(folder) / "calibration.json")
    ...     found = read_description(Path(folder) / "calibration.json")
    >>> from_description(found).predict([[0.0, 3.0]])
    array([1])
    """
    description = fitted if isinstance(fitted, dict) else describe(fitted, tol=tol)
    read_document(description)
    Path(path).write_text(json.dumps(description, separators=(",", ":")), encoding="ascii")
    return description


def read_description(path):
    """Read a description from a JSON file, and check it.

    Parameters
    ----------
    path : str or path-like
        The file. It is data, never run.

    Returns
    -------
    description : dict
        For :func:`from_description`.

    Raises
    ------
    ValueError
        If the file holds no description, or a wrong one: the message names the place.

    Examples
    --------
    >>> import json
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.deploy import describe, read_description
    >>> fitted = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [1, 0, 0])
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "calibration.json"
    ...     _ = path.write_text(json.dumps(describe(fitted)))
    ...     found = read_description(path)
    >>> found["kind"]
    'TemperatureScaling'
    """
    if not isinstance(path, str | PathLike):
        raise ValueError(f"path must be that of a file, got {quote(path)}.")
    path = Path(path)
    if path.stat().st_size > MOST_CHARACTERS:
        raise ValueError(
            f"{path.name} is larger than {MOST_CHARACTERS:,} bytes: no description."
        )
    description = parse_document(path.read_bytes())
    read_document(description)
    return description
