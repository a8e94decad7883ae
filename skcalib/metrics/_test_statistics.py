"""Statistics of calibration tests, each for many resamples of the outcomes at once.

A statistic is prepared for an :class:`OrderedEvent`, and is then a function of residuals, an
array of shape (n_resamples, n_rows): all of them are functions of outcomes minus probabilities,
which is what a resample changes. Large values speak against calibration.
"""

import numpy as np
from scipy.fft import dct
from scipy.sparse import coo_array
from scipy.special import chdtrc, ndtr

from skcalib.metrics._cumulative_laws import tail_of_maximum, tail_of_range

SMOOTH_GRIDS = (256, 1024)  # cells for few rows, whose error and width are large, and for many
FEW_ROWS = 2000
HALVINGS = 12


def ratio(part, whole):
    """Return the quotient, zero where nothing can vary and nothing did."""
    return part / whole if whole > 0 else np.zeros_like(part)


def spiegelhalter(event, n_bins):
    """Sum of ``(y - p) * (1 - 2 * p)``, in standard errors: the Brier score's excess."""
    factor = 1 - 2 * event.value
    scale = np.sqrt(event.variance @ factor**2)
    return lambda residual: ratio(residual @ factor, scale)


def hosmer_lemeshow(event, n_bins):
    """Sum of ``(O - E)**2 / (E * (1 - E / n))`` over groups of about equal weight."""
    starts = starts_of_groups(event, n_bins)
    count = np.add.reduceat(event.weight, starts)
    expected = np.add.reduceat(event.weight * event.value, starts)
    spread = expected * (1 - expected / count)
    used = spread > 1e-12 * count
    starts_used = np.where(used, spread, np.inf)

    def statistic(residual):
        return (np.add.reduceat(residual, starts, axis=1) ** 2 / starts_used).sum(axis=1)

    return statistic


def starts_of_groups(event, n_bins):
    """Return where groups of about equal weight begin; equal probabilities share one."""
    ends = np.cumsum(event.weight)[event.ends]
    middle = (ends + np.r_[0, ends[:-1]]) / 2 / ends[-1]
    group = np.minimum(n_bins * middle + 1e-9, n_bins - 1).astype(np.intp)
    first = np.r_[0, event.ends[:-1] + 1]
    return first[np.r_[True, group[1:] != group[:-1]]]


def cox(event, n_bins):
    """Score statistic of intercept 0 and slope 1 of the outcome's regression on log-odds."""
    inside = event.variance > 0
    with np.errstate(divide="ignore"):
        odds = np.log(event.value) - np.log1p(-event.value)
    features = np.stack([inside, np.where(inside, odds, 0)], axis=1)
    information = features.T @ (event.variance[:, np.newaxis] * features)
    inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)

    def statistic(residual):
        score = residual @ features
        return np.maximum(np.einsum("bi,ij,bj->b", score, inverse, score), 0)

    return statistic


def cumulative(event, n_bins):
    """Range of the cumulative residuals, zero included, in standard errors of their end."""
    scale = np.sqrt(event.variance.sum())

    def statistic(residual):
        sums = np.cumsum(residual, axis=1)[:, event.ends]
        top, bottom = np.maximum(sums.max(axis=1), 0), np.minimum(sums.min(axis=1), 0)
        return ratio(top - bottom, scale)

    return statistic


def kolmogorov_smirnov(event, n_bins):
    """Largest of the cumulative residuals, in standard errors of their end."""
    scale = np.sqrt(event.variance.sum())
    return lambda residual: ratio(
        np.abs(np.cumsum(residual, axis=1)[:, event.ends]).max(axis=1), scale
    )


def truthful(event, n_bins):
    """Averaged two-bin error: the squares of both sides' sums, the mean over all boundaries."""
    value = event.value[event.ends]
    gaps = np.diff(np.r_[value, 1.0])

    def statistic(residual):
        sums = np.cumsum(residual, axis=1)[:, event.ends] / event.size
        total = sums[:, -1:]
        between = sums**2 + (total - sums) ** 2
        return between @ gaps + total[:, 0] ** 2 * value[0]

    return statistic


def kernel(event, n_bins, width=None):
    """Mean of ``exp(-|p - q| / width)`` times both residuals, over all pairs of rows.

    Along sorted rows the kernel is a product of two factors, so that one cumulative sum does
    for all pairs.
    """
    width = width or kernel_width(event.value, event.weight)
    up = np.exp((event.value - event.value[0]) / width)

    def statistic(residual):
        before = np.cumsum(residual * up, axis=1)
        before -= residual * up  # the rows below
        pairs = np.einsum("bi,bi->b", residual / up, before)
        squares = np.einsum("bi,bi->b", residual, residual)
        return np.maximum(squares + 2 * pairs, 0) / event.size**2

    return statistic


NARROWEST = 0.002  # else exponentials of 1 / width overflow


def kernel_width(proba, weight):
    """Return the root mean squared distance of two rows of probabilities, 1 if it is zero."""
    proba = proba.reshape(len(proba), -1)
    mean = weight @ proba / weight.sum()
    variance = sum(weight @ (column - m) ** 2 for column, m in zip(proba.T, mean, strict=True))
    width = np.sqrt(2 * variance / weight.sum())
    return max(float(width), NARROWEST) if width > 1e-9 else 1.0


def smooth(event, n_bins):
    """Smooth calibration error, on a coarser grid than the metric's."""
    grid = SMOOTH_GRIDS[bool(event.size > FEW_ROWS)]
    place = event.value * grid
    cell = np.minimum(place.astype(np.intp), grid - 1)
    upper = place - cell
    rows = np.arange(len(cell))
    share = np.r_[1 - upper, upper] / event.size
    places = (np.r_[rows, rows], np.r_[cell, cell + 1])
    spread = coo_array((share, places), shape=(len(cell), grid + 1)).T.tocsr()
    frequency = np.pi * np.arange(grid + 1)

    def statistic(residual):
        mass = (spread @ residual.T).T
        mass[:, [0, -1]] *= 2  # the transform counts the ends once, all else twice
        spectrum = dct(mass, type=1, axis=1) / 2
        low, high = np.zeros(len(mass)), np.ones(len(mass))
        for _ in range(HALVINGS):
            width = (low + high) / 2
            kernel = np.exp(-((frequency * width[:, np.newaxis]) ** 2) / 2)
            smoothed = np.abs(dct(spectrum * kernel, type=1, axis=1))
            error = smoothed.sum(axis=1) - (smoothed[:, 0] + smoothed[:, -1]) / 2
            larger = error / grid > width
            low, high = np.where(larger, width, low), np.where(larger, high, width)
        return error / grid

    return statistic


STATISTICS = {
    "spiegelhalter": spiegelhalter,
    "hosmer-lemeshow": hosmer_lemeshow,
    "cox": cox,
    "kernel": kernel,
    "cumulative": cumulative,
    "kolmogorov-smirnov": kolmogorov_smirnov,
    "smooth": smooth,
    "truthful": truthful,
}
QUADRATIC = {"hosmer-lemeshow", "cox", "kernel", "truthful"}


def tail_of(kind, statistic, event, n_bins):
    """Return the probability of a larger statistic by its law for many rows, or None."""
    if kind == "spiegelhalter":
        return float(2 * ndtr(-abs(statistic)))
    if kind == "hosmer-lemeshow":
        return float(chdtrc(len(starts_of_groups(event, n_bins)), statistic))
    if kind == "cox":
        constant = event.value[0] == event.value[-1]
        return float(chdtrc(1 if constant else 2, statistic))
    if kind == "cumulative":
        return tail_of_range(statistic)
    if kind == "kolmogorov-smirnov":
        return tail_of_maximum(statistic)
    return None
