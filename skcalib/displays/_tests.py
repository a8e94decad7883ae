"""The p-value of a calibration test in a legend."""

from skcalib.metrics import calibration_test, compute_metric

N_DRAWS = 999


def p_value_of(event, kind, random_state):
    """Return the p-value of a test of predictions of two classes, or None if none is asked."""
    if kind is None:
        return None
    how = {"kind": kind, "n_resamples": N_DRAWS, "random_state": random_state}
    return compute_metric(calibration_test, event, **how).p_value


def describe_p_value(p_value):
    """Return "p = 0.031", or None."""
    if p_value is None:
        return None
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
