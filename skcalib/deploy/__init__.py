"""Out of the notebook: a fitted calibration as plain operations, for every runtime."""

__all__ = []
