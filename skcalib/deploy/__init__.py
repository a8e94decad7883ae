"""Out of the notebook: a fitted calibration as plain operations, for every runtime."""

from skcalib.deploy import _pairs, _pool, _smooth  # they register what can be described
from skcalib.deploy._calibrators import operations_of
from skcalib.deploy._config import calibrate_files, calibrate_from_config
from skcalib.deploy._describe import describe
from skcalib.deploy._described import DescribedCalibrator, from_description
from skcalib.deploy._keras import load_keras, to_keras
from skcalib.deploy._torch import to_torch
from skcalib.deploy._writing import check_writable, write_beside

__all__ = [
    "DescribedCalibrator",
    "calibrate_from_config",
    "describe",
    "from_description",
    "load_keras",
    "operations_of",
    "to_keras",
    "to_torch",
]
