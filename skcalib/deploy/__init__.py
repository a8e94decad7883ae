"""Out of the notebook: a fitted calibration as plain operations, for every runtime."""

from skcalib.deploy._config import calibrate_files, calibrate_from_config
from skcalib.deploy._writing import check_writable, write_beside

__all__ = ["calibrate_from_config"]
