"""Fits whose rows an engine reads."""


def fit_by_looks(calibrator, look_at_all):
    """Fit, or say why not.

    Parameters
    ----------
    calibrator : Calibrator
        Any.

    look_at_all : callable
        As ``calibrator.fit_by_looks`` takes it.
    """
    if not hasattr(calibrator, "fit_blocks"):
        raise AttributeError(
            f"{type(calibrator).__name__} cannot be fitted to blocks, as it needs all rows at "
            "once. TemperatureScaling, VectorScaling and the binary methods, such as "
            "PlattScaling and IsotonicCalibration, can; or fit to a sample of rows in memory."
        )
    return calibrator.fit_by_looks(look_at_all)
