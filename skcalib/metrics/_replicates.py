"""Replicates of a value, and the intervals read off them."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length

from skcalib.inputs import refuse_masked_array, to_numpy
from skcalib.messages import check_choice, check_count, quote, show_progress, warn
from skcalib.metrics._resampling import Resampler, check_level, generator_of

METHODS = ("BCa", "percentile", "normal")
N_BLOCKS = 200  # of rows left out for the acceleration
FEW_GROUPS = 10
LEAST_SHARE = 0.9  # of the true standard error that small strata leave
INSTEAD = (
    "Do not trust the interval. For a calibration error use "
    "skcalib.metrics.calibration_error_interval; to compare two, norm='l2_squared', "
    "debias=True and method='normal'."
)


class Rows:
    """The rows of positive weight, and which of them belong together."""

    def __init__(self, sample_weight, groups, stratify, y_true):
        for values, name in ((groups, "groups"), (stratify, "stratify")):
            if values is not None:
                refuse_masked_array(values, name)
                check_consistent_length(values, y_true)
        one_for_all = sample_weight is None or np.ndim(sample_weight) == 0
        self.kept = None if one_for_all else np.asarray(to_numpy(sample_weight)) > 0
        self.groups, self.stratify = self.of(groups), self.of(stratify)

    def of(self, values):
        """Return the entries of `values` for these rows."""
        if values is None or self.kept is None:
            return values
        return np.asarray(to_numpy(values))[self.kept]


class ReplicatedValue(NamedTuple):
    """One value: of the data, of resamples, and what BCa needs."""

    estimate: float
    replicates: np.ndarray  # (n_defined,)
    bias: float  # z0 in the literature
    acceleration: float

    @property
    def defined(self):
        """Whether there is a spread to speak of."""
        return len(self.replicates) > 1 and not np.isnan(self.estimate)

    @property
    def one_sided(self):
        """Whether all replicates lie on one side of the estimate."""
        return not self.replicates.min() <= self.estimate <= self.replicates.max()

    @property
    def standard_error(self):
        """The standard deviation of the replicates."""
        finite = np.isfinite(self.replicates).all()
        return np.std(self.replicates, ddof=1) if finite else np.inf


class Replicates(NamedTuple):
    """One value or several, replicated together."""

    method: str
    estimate: np.ndarray  # (n_values,), or () for one value
    replicates: np.ndarray  # (n_resamples,) or (n_resamples, n_values)
    values: list


def replicate(
    weighted, weight, rows, *, method, confidence_level, n_resamples, random_state, verbose
):
    """Return the replicates of a function of weights."""
    check_choice("method", method, METHODS)
    check_level(confidence_level)
    check_count("n_resamples", n_resamples, 2)
    rng = generator_of(random_state)
    resampler = Resampler(weight, rows.groups, rows.stratify)
    estimate = numbers_of(weighted(weight))
    if not warn_of_little_variation(resampler):
        found = np.full((n_resamples, *estimate.shape), np.nan)
        none = [
            ReplicatedValue(value, np.empty(0), 0.0, 0.0) for value in np.atleast_1d(estimate)
        ]
        return Replicates(method, estimate, found, none)
    draws = (resampler.draw(rng) for _ in range(n_resamples))
    progress = show_progress(draws, n_resamples, "bootstrap", "resamples", verbose)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # one for all, below
        found = [numbers_of(weighted(draw)) for draw in progress]
    found = np.array(found)
    undefined = np.isnan(found).any(axis=tuple(range(1, found.ndim)))
    if undefined.any():
        warn(
            f"metric is NaN in {int(undefined.sum())} of {n_resamples} resamples, which are "
            "left out; it is undefined where rows are few or of one class.",
            UserWarning,
        )
    bias = acceleration = np.zeros_like(estimate)
    if method == "BCa" and not (undefined.all() or np.isnan(estimate).any()):
        bias = _bias(estimate, found[~undefined])
        acceleration = _acceleration(weighted, resampler, rng)
    columns = np.atleast_1d(estimate, bias, acceleration)
    columns = list(columns)
    columns.insert(1, found[~undefined].reshape(-1, estimate.size).T)
    return Replicates(
        method,
        estimate,
        found,
        [ReplicatedValue(*parts) for parts in zip(*columns, strict=True)],
    )


def warn_of_little_variation(resampler):
    """Return whether resamples can differ from the data; warn if they cannot, or hardly."""
    n_units, n_strata = resampler.n_units, len(resampler.strata)
    what = "row" if resampler.unit is None else "group"
    if resampler.fixed:
        which = f"There is one {what}" if n_strata == 1 else f"Each stratum is one {what}"
        message = f"{which}, so that no resample differs from the data. The interval is NaN."
    elif what == "group" and n_units < FEW_GROUPS:
        message = (
            f"There are only {n_units} groups (in {n_strata} strata). An interval from so few "
            "is too narrow."
        )
    elif n_strata > 1 and np.sqrt(1 - n_strata / n_units) < LEAST_SHARE:
        less = 100 * (1 - np.sqrt(1 - n_strata / n_units))
        message = (
            f"There are {n_units} {what}s in {n_strata} strata. Within so small ones little "
            f"can vary: the standard error is about {less:.0f} % too small."
        )
    else:
        return True
    warn(message, UserWarning)
    return not resampler.fixed


def interval(found, confidence_level):
    """Return estimate, both limits and standard error: floats, or arrays for many values."""
    tails = ndtri(np.array([(1 - confidence_level) / 2, (1 + confidence_level) / 2]))
    limits = _normal_limits if found.method == "normal" else _quantile_limits
    columns = [
        (*limits(value, tails), value.standard_error) if value.defined else [np.nan] * 3
        for value in found.values
    ]
    low, high, error = np.transpose(columns)
    if found.method != "normal":
        _warn_of_estimates_outside(found, low, high)
    if found.estimate.ndim == 0:
        return float(found.estimate), float(low[0]), float(high[0]), float(error[0])
    return found.estimate, low, high, error


def _warn_of_estimates_outside(found, low, high):
    """Warn if an interval does not hold its estimate, unless `_bias` has said more."""
    for value, bottom, top in zip(found.values, low, high, strict=True):
        slack = 1e-12 * np.abs(value.estimate)  # sums in another order
        outside = value.estimate < bottom - slack or value.estimate > top + slack
        if outside and not (found.method == "BCa" and value.one_sided):
            warn(
                f"The estimate, {value.estimate:.3g}, lies outside of its own interval, "
                f"[{bottom:.3g}, {top:.3g}] ({found.method}): resampling biases this metric by "
                f"about as much as it varies. {INSTEAD}",
                UserWarning,
            )
            return


def p_value_of_zero(found):
    """Return one minus the level of the interval that just touches zero."""
    tail = _normal_tail if found.method == "normal" else _quantile_tail
    least = 1 / (len(found.replicates) + 1)
    values = [
        np.clip(2 * min(tail(value), 1 - tail(value)), least, 1) if value.defined else np.nan
        for value in found.values
    ]
    return float(values[0]) if found.estimate.ndim == 0 else np.array(values)


def _normal_limits(value, tails):
    return value.estimate + tails * value.standard_error


def _normal_tail(value):
    if value.estimate == 0:
        return 0.5
    with np.errstate(divide="ignore"):
        return ndtr(-value.estimate / value.standard_error)


def _quantile_limits(value, tails):
    z = value.bias + tails
    reach = 1 - value.acceleration * z
    shifted = np.where(
        reach > 0, value.bias + z / np.maximum(reach, 1e-12), np.sign(z) * np.inf
    )
    # Values that did occur, since between infinite ones there is none.
    return np.quantile(value.replicates, ndtr(shifted), method="inverted_cdf")


def _quantile_tail(value):
    below = (value.replicates < 0).mean() + (value.replicates == 0).mean() / 2
    least = 0.5 / (len(value.replicates) + 1)
    z = ndtri(np.clip(below, least, 1 - least)) - value.bias
    reach = 1 + value.acceleration * z
    return ndtr(z / reach - value.bias) if reach > 0 else float(z > 0)


def _bias(estimate, replicates):
    """Return where among the replicates the estimate lies, as a normal quantile."""
    # Sums over rows in another order differ by rounding.
    with np.errstate(invalid="ignore"):  # infinite ones
        close = np.abs(replicates - estimate) <= 1e-13 * np.abs(estimate)
    equal = (replicates == estimate) | close
    below = ((replicates < estimate) & ~equal).mean(axis=0) + equal.mean(axis=0) / 2
    least = 0.5 / len(replicates)
    if ((below < least) | (below > 1 - least)).any():
        warn(
            "All replicates lie on one side of the estimate: resampling biases this metric by "
            f"more than its spread, as it does calibration errors near zero. {INSTEAD}",
            UserWarning,
        )
    return ndtri(np.clip(below, least, 1 - least))


def _acceleration(weighted, resampler, rng):
    """Return a sixth of the skewness of what single rows contribute to the value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        left_out = [
            (numbers_of(weighted(weight)), stratum, frequency)
            for weight, stratum, frequency in resampler.leave_out(rng, N_BLOCKS)
            if weight.any()
        ]
    if not left_out:
        return np.zeros_like(numbers_of(weighted(resampler.weight)))
    values, strata, frequencies = (np.array(part) for part in zip(*left_out, strict=True))
    frequencies = frequencies.reshape(-1, *[1] * (values.ndim - 1))
    influence = np.zeros_like(values)
    with np.errstate(invalid="ignore"):
        for stratum in np.unique(strata):
            rows = strata == stratum
            times = frequencies[rows]
            centre = (times * values[rows]).sum(axis=0) / times.sum()
            influence[rows] = centre - values[rows]
        influence[~np.isfinite(influence)] = 0  # undefined without these rows
        spread = (frequencies * influence**2).sum(axis=0) ** 1.5
        skewed = (frequencies * influence**3).sum(axis=0)
    return np.divide(skewed, 6 * spread, out=np.zeros_like(spread), where=spread > 0)


def numbers_of(value):
    """Return what the metric gave as one float or a vector of floats."""
    try:
        values = None if value is None else np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        values = None
    if values is None or values.ndim > 1 or values.size == 0:
        raise ValueError(
            "metric must return numbers, one or an array of shape (n_values,); got "
            f"{quote(value)}."
        )
    return values
