"""What a certificate is asked for, and the rows that it counts."""

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.inputs import check_cost_matrix
from skcalib.messages import is_number, quote


def check_demand(max_error, coverage):
    """Raise InvalidParameterError unless one of the two is given, and is a share."""
    if (max_error is None) == (coverage is None):
        raise InvalidParameterError(
            "Give max_error for a certificate, or max_error=None and coverage, the share "
            f"to decide; got max_error={max_error!r}, coverage={coverage!r}."
        )
    if coverage is not None and not (is_number(coverage) and 0 < coverage <= 1):
        raise InvalidParameterError(f"coverage must be in (0, 1], got {quote(coverage)}.")


def check_risk(risk, classes=None):
    """Return the costs that are limited, None for errors; before classes are known, None."""
    if isinstance(risk, str):
        if risk != "error":
            raise InvalidParameterError(
                f"risk must be 'error' or a matrix of costs, got {quote(risk)}."
            )
        return None
    if classes is None:
        return None
    costs = check_cost_matrix(risk, classes, "risk")
    if costs.min() < 0 or costs.max() > 1:
        raise InvalidParameterError(
            "risk holds costs outside [0, 1]; divide them, and max_error, by the largest."
        )
    return costs


def check_times(weight):
    """Return weights as whole numbers, or say that they are none."""
    times = np.rint(weight)
    if not np.allclose(times, weight, rtol=0, atol=1e-9):
        raise ValueError(
            "sample_weight must hold whole numbers: a certificate counts rows. Leave the "
            "weights out, or repeat rows."
        )
    return times


def split_rows(codes, calibration_size, random_state):
    """Return the rows that train, and those that certify."""
    try:
        return train_test_split(
            np.arange(len(codes)),
            test_size=calibration_size,
            random_state=random_state,
            stratify=codes,
        )
    except ValueError as error:
        raise ValueError(
            f"The rows cannot be split into some that train and some that certify "
            f"(calibration_size={calibration_size}): {error} Give more rows of each "
            "class, or a trained classifier in sklearn.frozen.FrozenEstimator."
        ) from error
