"""The search for the temperature of the smallest log loss."""

from enum import Enum
from itertools import chain
from math import comb
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators._device_temperature import derivative_at_ends, sum_derivatives_there
from skcalib.calibrators._smoothed_targets import slope_of_smoothing, slope_on_device
from skcalib.inputs import (
    DeviceRows,
    exponentials,
    find_masked_entries,
    row_blocks,
    run_in_threads,
)
from skcalib.messages import warn

LOG_BETA_BOUND = 10.0
SHARPEST, FLATTEST = 15.0, 60.0  # bounds of log beta about one over a typical, the largest gap
MAX_ITER = 100
STRIDE = 11  # every eleventh row is the sample from which the search on all rows starts
FEW = 300  # rows that need no sample
A_FEW = (
    2**12
)  # rows whose numbers are no large arrays: dask's workers give these back each time
# What may be left of log beta after a step. That is an estimate; the true error was never
# seen beyond twice of it.
ROUGHLY, CLOSELY, FULLY = 1e-3, 2e-7, 1e-14


class Flaw(Enum):
    """What is wrong with a temperature; the value is what users are told."""

    CHANCE = (
        "The temperature is at its bound, {temperature:.3g}: the logits rank classes no better "
        "than chance; check that labels and columns match."
    )
    SEPARABLE = (
        "The temperature is at its bound, {temperature:.3g}: every sample is classified "
        "correctly, so more confidence always fits better. Are these the training rows? "
        "Calibrate on rows that the classifier was not trained on; if these are not, on more "
        "of them, or with smoothing='targets', the default of TemperatureCalibratedClassifier."
    )
    SCALE = (
        "The temperature is at its bound, {temperature:.3g}: the scale of the logits is "
        "extreme; divide them, or scale the classifier's features."
    )
    UNFINISHED = "The temperature did not converge in {most} iterations."
    FLAT = "Any temperature fits equally well."  # not worth a warning


def warn_of_flaw(flaw, beta):
    """Say what is wrong with the inverse of a temperature, if anything is."""
    if flaw not in (None, Flaw.FLAT):
        warn(flaw.value.format(temperature=1 / beta, most=MAX_ITER), ConvergenceWarning)


class Search(NamedTuple):
    """What is added to the derivative of the mean log loss; where log beta may lie."""

    slope: float = 0.0
    low: float = -LOG_BETA_BOUND
    high: float = LOG_BETA_BOUND
    start: float = 0.0

    def at_bound(self, log_beta):
        """Tell whether this is a bound."""
        return log_beta in (self.low, self.high)

    def among(self, weight, rows):
        """Return the search on some of the rows."""
        return self._replace(slope=self.slope * weight[rows].sum() / weight.sum())


def best_beta(logits, codes, weight):
    """Return the inverse of the best temperature, and what is wrong with it, if anything."""
    log_beta, flaw = _best_log_beta(logits, codes, weight / weight.sum(), CLOSELY, Search())
    return np.exp(log_beta), flaw


def typical_gap(logits, codes, weight):
    """Return a typical difference between the logits of a row; 1 if all rows are constant."""
    slope = _slope(logits, codes, weight)
    return min(slope.typical, slope.largest) or 1.0


def _slope(logits, codes, weight):
    """Return what smoothed targets add to the derivative of the mean log loss."""
    if isinstance(logits, DeviceRows):
        return slope_on_device(logits, weight.sum())
    blocks = row_blocks(*logits.shape)
    return slope_of_smoothing(lambda: _select_used(blocks, logits, codes, weight), weight.sum())


def best_smoothed_beta(logits, codes, weight):
    """Return the same for smoothed targets, which have an optimum at any scale."""
    slope, typical, largest = _slope(logits, codes, weight)
    if largest == 0:
        return 1.0, None  # any temperature will do
    search, scale = smoothed_search(slope, typical, largest)
    if scale != 1:
        logits = logits.astype(np.float64) / scale
    log_beta, flaw = _best_log_beta(logits, codes, weight / weight.sum(), CLOSELY, search)
    return np.exp(log_beta) / scale, flaw


def smoothed_search(slope, typical, largest):
    """Return where to search for smoothed targets, and what to divide the logits by first."""
    scale = 2.0 ** np.floor(np.log2(typical))
    if not 1e-9 < scale < 1e9 or largest > 1e20 * typical:  # where powers might overflow
        slope, typical, largest = slope / scale, typical / scale, largest / scale
    else:
        scale = 1.0
    low, high = -np.log(largest) - FLATTEST, SHARPEST - np.log(typical)
    return Search(slope, low, high, -np.log(typical)), scale


def guess_log_beta(logits, codes, weight, search):
    """Return a rough guess of the best log beta from a sample of the rows; or None."""
    log_beta, flaw = _best_log_beta(logits, codes, weight / weight.sum(), ROUGHLY, search)
    return log_beta if flaw is None else None


def sum_derivatives(logits, codes, weight, beta):
    """Return the sums over a block of the first four derivatives of the log loss by beta.

    The precision is that of many rows, of which this is a block.
    """
    return _derivatives(logits, codes, weight, beta, order=4, dtype=logits.dtype)


def sum_derivatives_at_ends(logits, codes, weight):
    """Return the sums over a block of the first derivative at beta zero, and in the limit."""
    return _derivative_at_ends(logits, codes, weight)


def _best_log_beta(logits, codes, weight, tolerance, search):
    """Return the best log beta, and what is wrong with it, if anything.

    A sample of the rows, itself started from a sample, leads so close to the optimum that
    one look at all rows is enough, or two. If it was misleading, all that can go wrong is
    looked for, and the search begins anew.
    """

    def derivatives(log_beta):
        found = _derivatives(logits, codes, weight, np.exp(log_beta), order=4)
        found[0] += search.slope
        return found

    guess = None
    if len(codes) <= FEW:
        tolerance = FULLY  # costs nothing
    else:
        sample = slice(STRIDE // 2, None, STRIDE)
        part = logits[sample], codes[sample], weight[sample]
        found, flaw = _best_log_beta(*part, ROUGHLY, search.among(weight, sample))
        guess = found if flaw is None else None
    return find_log_beta(
        derivatives,
        lambda: _derivative_at_ends(logits, codes, weight) + search.slope,
        guess,
        tolerance,
        search,
    )


def find_log_beta(derivatives, at_ends, guess, tolerance, search):
    """Return the best log beta, and what is wrong with it, given a guess of it, or None.

    `derivatives` gives the first four of the mean log loss by beta, for a log beta; `at_ends`
    the first at beta zero and in the limit.
    """
    start = search.start if guess is None else guess
    for _ in range(0 if guess is None else 2):
        step, left = _step(start, derivatives(start))
        start = np.clip(start + step, search.low, search.high)
        if left <= tolerance and not search.at_bound(start):
            return start, None
    at_zero, at_infinity = at_ends()
    if at_zero == at_infinity == 0:
        return 0.0, Flaw.FLAT
    if at_zero >= -1e-12 * at_infinity:  # no gain but by rounding
        return search.low, Flaw.CHANCE
    if at_infinity <= 0:
        return search.high, Flaw.SEPARABLE
    return _newton(derivatives, start, tolerance, search)


def _newton(derivatives, log_beta, tolerance, search):
    """Find the root of an increasing function of log beta, bracketed."""
    # The bracket is open: a bound lies inside until it has been tried.
    low, high = np.nextafter(search.low, -np.inf), np.nextafter(search.high, np.inf)
    for _ in range(MAX_ITER):
        values = derivatives(log_beta)
        if values[0] == 0:
            return log_beta, None
        if log_beta == (search.low if values[0] > 0 else search.high):
            return log_beta, Flaw.SCALE
        low, high = (low, log_beta) if values[0] > 0 else (log_beta, high)
        step, left = _step(log_beta, values)
        target = np.clip(log_beta + step, search.low, search.high)
        if (left <= tolerance and not search.at_bound(target)) or high - low <= 1e-12:
            return target, None
        log_beta = target if low < target < high else (low + high) / 2
    return log_beta, Flaw.UNFINISHED


def _step(log_beta, derivatives):
    """Return a step towards the root in log beta, and about how much it leaves.

    It is Newton's, with the next two terms of the inverse function's series if these are
    small corrections: one evaluation then does the work of two.
    """
    first, second, third, fourth = derivatives * np.exp(log_beta) ** np.arange(1, 5)
    second = max(second, np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        newton = -first / second
        bend = (second + third) / (2 * second)
        twist = 2 * bend**2 - (second + 3 * third + fourth) / (6 * second)
        share = max(abs(bend), abs(twist) ** 0.5) * abs(newton)
        if not share < 0.1:
            return newton, np.inf
    return newton - bend * newton**2 + twist * newton**3, share**3 * abs(newton)


def _derivative_at_ends(logits, codes, weight):
    """Return the derivative of the log loss by beta, at zero and in the limit."""
    if isinstance(logits, DeviceRows):
        return derivative_at_ends(logits) / weight.divisor
    at_zero = at_infinity = 0.0
    blocks = row_blocks(*logits.shape)
    for part, truth, w in _select_used(blocks, logits, codes, weight):
        shifted = part - part.max(axis=1, keepdims=True)
        chosen = shifted[np.arange(len(truth)), truth].astype(np.float64)
        masked = find_masked_entries(part)
        open_ = True if masked is None else ~masked
        mean = shifted.mean(axis=1, dtype=np.float64, where=open_)
        at_zero += np.einsum("i,i->", w, mean - chosen)
        at_infinity -= np.einsum("i,i->", w, chosen)
    return np.array([at_zero, at_infinity])


def _derivatives(logits, codes, weight, beta, order=2, dtype=None):
    """Return the first derivatives of the mean log loss by beta, as many as `order`."""
    if isinstance(logits, DeviceRows):
        return sum_derivatives_there(logits, beta, order) / weight.divisor
    # Single precision where digits cost time: not where all rows fit into one block.
    blocks = row_blocks(*logits.shape)
    if dtype is None:
        dtype = np.float64 if len(blocks) == 1 else logits.dtype

    def sums(blocks):
        scaled = mass = np.empty((0, 0), dtype)
        for part, truth, w in _select_used(blocks, logits, codes, weight):
            if len(part) > len(scaled):
                scaled, mass = np.empty((2, *part.shape), dtype)
            rows = slice(len(part))
            cumulants = _cumulants(part, beta, scaled[rows], mass[rows], order)
            cumulants[0] -= scaled[np.arange(len(part)), truth]
            yield [np.einsum("i,i->", w, values) for values in cumulants]

    of_blocks = chain.from_iterable(run_in_threads(lambda some: list(sums(some)), blocks))
    return np.sum(list(of_blocks), axis=0) / beta ** np.arange(1, order + 1)


def _cumulants(logits, beta, scaled, mass, order):
    """Return the cumulants of each row's logits times beta under their own softmax.

    These are the derivatives of logsumexp(beta * row) by beta, times powers of beta.
    """
    total = exponentials(logits, beta, scaled, mass)
    moments = np.empty((order, len(logits)))
    for moment in moments[:-1]:
        with np.errstate(invalid="ignore"):
            mass *= scaled
        sums = np.einsum("ij->i", mass)
        if np.isnan(sums).any():  # classes are masked: 0 times -inf
            masked = np.isnan(mass)
            mass[masked] = scaled[masked] = 0
            sums = np.einsum("ij->i", mass)
        np.divide(sums, total, out=moment)
    np.divide(np.einsum("ij,ij->i", mass, scaled), total, out=moments[-1])
    for start in range(0, len(logits), A_FEW):
        rows = slice(start, start + A_FEW)
        moments[:, rows] = _cumulants_of(moments[:, rows])
    return moments


def _cumulants_of(moments):
    cumulants = []
    for n, moment in enumerate(moments):
        lower = (comb(n, j) * cumulants[j] * moments[n - 1 - j] for j in range(n))
        cumulants.append(moment - sum(lower))
    return cumulants


def _select_used(blocks, logits, codes, weight):
    """Yield blocks of the rows of positive weight."""
    for block in blocks:
        part = logits[block], codes[block], weight[block]
        used = part[2] > 0
        yield part if used.all() else [values[used] for values in part]
