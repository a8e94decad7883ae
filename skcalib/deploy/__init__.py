"""Out of the notebook: a fitted calibration as plain operations, for every runtime."""

from skcalib.deploy import _pairs, _pool, _smooth  # they register what can be described
from skcalib.deploy._calibrators import operations_of
from skcalib.deploy._config import calibrate_files, calibrate_from_config
from skcalib.deploy._describe import describe
from skcalib.deploy._described import DescribedCalibrator, from_description
from skcalib.deploy._files import read_description, write_description
from skcalib.deploy._keras import load_keras, to_keras
from skcalib.deploy._onnx_models import register_onnx_converters
from skcalib.deploy._to_onnx import to_onnx
from skcalib.deploy._torch import to_torch
from skcalib.deploy._trusted import trusted_types
from skcalib.deploy._verify import verify
from skcalib.deploy._writing import check_writable, write_beside

__all__ = [
    "DescribedCalibrator",
    "calibrate_from_config",
    "describe",
    "from_description",
    "load_keras",
    "operations_of",
    "read_description",
    "register_onnx_converters",
    "to_keras",
    "to_onnx",
    "to_torch",
    "trusted_types",
    "verify",
    "write_description",
]
