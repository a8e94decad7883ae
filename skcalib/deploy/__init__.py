"""Out of the notebook: a fitted calibration as plain operations, for every runtime."""

from skcalib.deploy import _pairs, _pool, _smooth  # they register what can be described
from skcalib.deploy._calibrators import operations_of
from skcalib.deploy._describe import describe
from skcalib.deploy._described import DescribedCalibrator, from_description
from skcalib.deploy._files import read_description, write_description
from skcalib.deploy._keras import load_keras, to_keras
from skcalib.deploy._torch import to_torch
from skcalib.deploy._verify import verify

__all__ = [
    "DescribedCalibrator",
    "describe",
    "from_description",
    "load_keras",
    "operations_of",
    "read_description",
    "to_keras",
    "to_torch",
    "verify",
    "write_description",
]
