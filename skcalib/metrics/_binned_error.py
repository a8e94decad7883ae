"""The arithmetic of calibration errors in bins."""

import numpy as np
from scipy.special import ndtr

from skcalib.messages import check_choice, check_flag
from skcalib.metrics._binning import bin_sums, check_bins
from skcalib.metrics._events import events_of
from skcalib.metrics._validation import warn_of_small_sum

NORMS = ("l1", "l2", "l2_squared", "max")


def prepare_binned_error(predictions, *, norm="l1", n_bins, strategy, notion, debias=False):
    """Return the error as a function of the rows' weights."""
    check_error_parameters(norm, n_bins, strategy, debias)
    if debias or n_bins == "cube_root":
        warn_of_small_sum(predictions.weight)
    events = events_of(predictions, notion)

    def error(weight):
        cells = [bin_sums(event, weight, n_bins, strategy) for event in events]
        return norm_of(np.concatenate(cells, axis=1), norm, debias)

    return error


def check_error_parameters(norm, n_bins, strategy, debias):
    """Raise if a parameter of a binned error is unusable."""
    check_bins(n_bins, strategy)
    check_choice("norm", norm, NORMS)
    check_flag("debias", debias)
    if debias and norm == "max":
        raise ValueError(
            "debias=True is not known for norm='max'; use norm='l1', 'l2' or 'l2_squared'."
        )


def norm_of(sums, norm, debias):
    """Return the error, given sums of weights, of values and of hits in bins."""
    count, expected, observed = sums
    share, frequency = count / count.sum(), observed / count
    gap = (observed - expected) / count
    if norm == "max":
        return np.abs(gap).max()
    if norm == "l1":
        error = share @ np.abs(gap)
        if not debias:
            return error
        return max(0.0, 2 * error - share @ _mean_of_redrawn(gap, frequency, count))
    squared = gap**2
    if debias:
        variance = np.clip(frequency * (1 - frequency), 0, None)
        squared = np.where(count > 1, squared - variance / np.maximum(count - 1, 1), 0)
    error = share @ squared
    return error if norm == "l2_squared" else np.sqrt(max(0.0, error))


def _mean_of_redrawn(gap, frequency, count):
    """Return the mean of ``|gap|`` if it is normal with the variance of the frequency."""
    deviation = np.sqrt(np.clip(frequency * (1 - frequency), 0, None) / count)
    z = np.divide(gap, deviation, out=np.zeros_like(gap), where=deviation > 0)
    spread = deviation * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2)
    return np.where(deviation > 0, spread + gap * (1 - 2 * ndtr(-z)), np.abs(gap))
