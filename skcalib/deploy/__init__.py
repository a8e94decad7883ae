"""Out of the notebook: a fitted calibration as plain operations, for every runtime."""

from skcalib.deploy._calibrators import operations_of
from skcalib.deploy._describe import describe
from skcalib.deploy._described import DescribedCalibrator, from_description

__all__ = ["DescribedCalibrator", "describe", "from_description", "operations_of"]
