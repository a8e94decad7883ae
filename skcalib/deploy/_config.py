"""One call from a file of settings: a trained Keras model in, a calibrated one out."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skcalib.calibration import CalibratedClassifierCV
from skcalib.deploy._describe import describe
from skcalib.deploy._settings_file import read_settings
from skcalib.deploy._writing import check_writable, write_beside
from skcalib.inputs import open_saved_arrays
from skcalib.messages import check_count, check_flag, quote
from skcalib.report import confidence_report

DEFAULTS = {
    "model": None,
    "data": None,
    "method": "auto",
    "out": None,
    "report": None,
    "map": None,
    "X": "X",
    "y": "y",
    "weight": None,
    "random_state": None,
    "force": False,
}
PATHS = ("model", "data", "out", "report", "map")


class CalibratedFiles(NamedTuple):
    """What :func:`calibrate_from_config` returns: the estimator, and the files by setting."""

    calibrated: object
    files: dict


def calibrate_from_config(path):
    """Calibrate a trained Keras model as a file of settings says.

    The model is loaded in Keras's safe mode, which refuses Python code in it; the arrays are
    read without unpickling. Nothing is written before all is computed, each file is complete
    or is not there, and none is overwritten unless `force` is true.

    Settings, all of them one value each (paths are relative to the file):

    - ``model``: a trained classifier, ``.keras``;
    - ``data``: an ``.npz`` file with rows that it has not seen: arrays ``X`` and ``y``, or by
      other names: settings ``X`` and ``y``; ``weight``: the name of their weights;
    - ``method``: as in :class:`~skcalib.CalibratedClassifierCV`; "auto" by default;
    - ``out``: the calibrated model, ``.keras``, as :func:`to_keras` makes it;
    - ``map``: the map alone as JSON, as :func:`describe` returns it;
    - ``report``: the page of :func:`~skcalib.confidence_report` of the model as it was given;
    - ``random_state``: a whole number, for the report; ``force``: true to overwrite files.

    At least one of ``out``, ``map`` and ``report`` must be there.

    **When to use it.** For jobs without a notebook. **When not.** For data that does not fit
    into memory, models of other frameworks, or training in folds: use Python.

    Parameters
    ----------
    path : str or path-like
        ``.yaml`` or ``.yml`` (needs PyYAML), ``.json`` or ``.toml``.

    Returns
    -------
    done : CalibratedFiles
        A named tuple: ``calibrated``, the fitted :class:`~skcalib.CalibratedClassifierCV`, and
        ``files``, the paths that were written, by setting.

    Raises
    ------
    ValueError
        If a setting is unknown (the nearest name is said), missing or unusable, if a file
        exists, or if an array is not there or holds Python objects.

    OSError
        If a file cannot be read.

    ImportError
        If Keras or, for YAML, PyYAML is missing.

    See Also
    --------
    describe : The map as JSON.

    Examples
    --------
    >>> from skcalib.deploy import calibrate_from_config
    >>> calibrate_from_config("config.yaml")  # doctest: +SKIP
    """
    given = read_settings(path, tuple(DEFAULTS))
    for name in PATHS:
        if given.get(name) is not None:
            given[name] = Path(path).parent / check_text(name, given[name])
    return calibrate_files(given)


def calibrate_files(settings):
    """Do the same by a dict of settings."""
    settings = check_settings({**DEFAULTS, **settings})
    X, y, weight = _read_data(settings)
    model = load_model(settings["model"])
    calibrated = CalibratedClassifierCV(model, method=settings["method"])
    calibrated.fit(X, y, **({} if weight is None else {"sample_weight": weight}))
    writers = {}
    if settings["out"] is not None:
        network = _to_keras(calibrated)
        writers["out"] = network.save
    if settings["map"] is not None:
        text = json.dumps(describe(calibrated), indent=1)
        writers["map"] = lambda where: Path(where).write_text(text + "\n", encoding="utf-8")
    if settings["report"] is not None:
        report = confidence_report(
            model, X, y, sample_weight=weight, random_state=settings["random_state"]
        )
        writers["report"] = report.to_html
    files = {}
    for name, write in writers.items():
        with write_beside(settings[name], settings["force"]) as beside:
            write(beside)
        files[name] = str(settings[name])
    return CalibratedFiles(calibrated, files)


def check_settings(settings):
    """Return settings whose values can be used, or say what is wrong."""
    check_flag("force", settings["force"])
    check_count("random_state", settings["random_state"], 0, others=(None,))
    for name in ("method", "X", "y", "weight"):
        if settings[name] is not None or name != "weight":
            check_text(name, settings[name])
    for name in ("model", "data"):
        if settings[name] is None:
            raise ValueError(f"{name} is missing: the path of the {name}.")
    wanted = [name for name in ("out", "map", "report") if settings[name] is not None]
    if not wanted:
        raise ValueError("Nothing would be written: give out, map or report.")
    _check_files(settings, wanted)
    return settings


def _check_files(settings, wanted):
    """Raise if a file to read is not there, or one to write cannot be."""
    for name in ("model", "out"):
        if settings[name] is not None and Path(settings[name]).suffix != ".keras":
            raise ValueError(
                f"{name} must be a file of Keras 3, .keras, got {quote(str(settings[name]))}."
            )
    for name in ("model", "data"):
        if not Path(settings[name]).is_file():
            raise ValueError(f"{name}: there is no file {quote(str(settings[name]))}.")
    for name in wanted:
        check_writable(settings[name], settings["force"])
    paths = [Path(settings[name]).resolve() for name in PATHS if settings[name] is not None]
    if len(set(paths)) < len(paths):
        raise ValueError("Two of model, data, out, map and report are the same file.")


def check_text(name, value):
    """Return a text that is not empty, or say that this is none."""
    if not isinstance(value, str | Path) or str(value) == "":
        raise ValueError(f"{name} must be a text, got {quote(value)}.")
    return str(value)


def _read_data(settings):
    name = quote(str(settings["data"]))
    with open(settings["data"], "rb") as file, open_saved_arrays(file, name) as arrays:
        found = []
        for key in ("X", "y", "weight"):
            asked = settings[key]
            if asked is not None and asked not in arrays:
                raise ValueError(
                    f"{name} has no array {quote(asked)} ({key}); it has {', '.join(arrays)}."
                )
            found.append(None if asked is None else arrays[asked]())
    lengths = {len(part) if np.ndim(part) else 0 for part in found if part is not None}
    if len(lengths) > 1:
        raise ValueError(f"{name}: the arrays have different numbers of rows: {lengths}.")
    return found


def load_model(path):
    """Load a Keras model; Python code in it is refused."""
    try:
        import keras
    except ImportError as error:
        raise ImportError(
            "loading a model needs Keras: pip install 'skcalib[keras]'"
        ) from error
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError, ImportError) as error:
        text = " ".join(str(error).split())[:400]
        raise ValueError(f"{quote(str(path))} cannot be loaded: {text}") from error


def _to_keras(calibrated):
    from skcalib.deploy._keras import to_keras

    return to_keras(calibrated)
