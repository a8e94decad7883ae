"""Bins of probability, and what falls into them."""

import numpy as np

from skcalib.messages import check_choice, is_count, quote

STRATEGIES = ("uniform", "quantile")
RULES = ("auto", "cube_root", "sweep")
LARGEST_N_BINS = 2**20  # beyond it bins are no summary, and float32 cannot tell them apart
LARGEST_SWEEP = 2**11  # each number of bins is tried, so many take long
FEWEST_BINS, MOST_BINS = 4, 15  # by the rarer outcome
BLOCK = 2**16  # rows that stay in cache


def check_bins(n_bins, strategy):
    """Raise ValueError if the bins cannot be made."""
    check_choice("strategy", strategy, STRATEGIES)
    if isinstance(n_bins, str) and n_bins in RULES:
        return
    if not is_count(n_bins, -np.inf):
        raise ValueError(f"n_bins must be an integer or one of {RULES}, got {quote(n_bins)}.")
    if not 1 <= n_bins <= LARGEST_N_BINS:
        raise ValueError(f"n_bins must lie between 1 and {LARGEST_N_BINS}, got {n_bins}.")


def number_by_rarer_outcome(event, weight):
    """Return the cube root of the number of rows with the rarer outcome, from 4 to 15."""
    ones = weight.strides == (0,) and len(weight) > 0  # a single number for all rows
    hits = np.count_nonzero(event.hit) * weight[0] if ones else weight[event.hit].sum()
    n_bins = np.ceil(np.cbrt(min(hits, max(weight.sum() - hits, 0))) - 1e-9)
    return int(np.clip(n_bins, FEWEST_BINS, MOST_BINS))


def bin_sums(event, weight, n_bins, strategy):
    """Return for each bin that is not empty the sums of weights, of values and of hits.

    `weight` has an entry for each row of the predictions, zero or positive.
    """
    weight = event.weight_of(weight)
    if not weight.any():  # a class that no row of this resample was predicted to be of
        return np.zeros((3, 0))
    n_bins = _number(n_bins, event, weight)
    if strategy == "uniform" and n_bins != "sweep":
        sums = uniform_sums(event, weight, n_bins)
    else:
        groups = event.grouped(weight)
        value, size, hits = groups
        bins = _bins_of_groups(*groups, n_bins, strategy)
        sums = np.stack([np.bincount(bins, part) for part in (size, size * value, hits)])
    return sums[:, sums[0] > 0]


def bin_numbers(event, weight, n_bins, strategy):
    """Return the number of each row's bin; all weights are positive."""
    weight = event.weight_of(weight)
    n_bins = _number(n_bins, event, weight)
    if strategy == "uniform" and n_bins != "sweep":
        return np.minimum(uniform_bins(event.value, n_bins), n_bins - 1)
    groups = event.grouped(weight)
    return _bins_of_groups(*groups, n_bins, strategy)[np.searchsorted(groups[0], event.value)]


def _number(n_bins, event, weight):
    if n_bins == "auto":
        return number_by_rarer_outcome(event, weight)
    if n_bins != "cube_root":
        return n_bins
    return int(np.clip(np.ceil(np.cbrt(weight.sum()) - 1e-9), 1, LARGEST_N_BINS))


def uniform_bins(value, n_bins):
    """Number the bins of equal width; p = 1 is still in one of its own.

    In the type of the values: 0.7 is in bin 7 of 10 in float32, too, though it is less.
    """
    return (value * value.dtype.type(n_bins)).astype(np.intp)


def uniform_sums(event, weight, n_bins):
    """Sum in bins of equal width, block by block: no array as long as the rows is made."""
    sums = np.zeros((2, n_bins + 1, 2))  # of weights, of values; of misses, of hits
    step = max(BLOCK, n_bins)
    for start in range(0, len(event.value), step):
        block = slice(start, start + step)
        value, w = event.value[block], weight[block]
        target = event.target if np.ndim(event.target) == 0 else event.target[block]
        cell = 2 * uniform_bins(value, n_bins)
        cell += event.codes[block] == target
        for total, part in zip(sums, (w, w * value), strict=True):
            total += np.bincount(cell, part, minlength=total.size).reshape(total.shape)
    sums[:, -2] += sums[:, -1]  # p = 1 is in the last bin
    (_, hits), (count, expected) = sums[0, :-1].T, sums[:, :-1].sum(axis=2)
    return np.stack([count, expected, hits])


def _bins_of_groups(value, size, hits, n_bins, strategy):
    """Number the bins of groups of ties."""
    if n_bins == "sweep":
        return _sweep(value, size, hits, strategy)
    # A middle on the edge of two bins is in the upper one, however sums are rounded.
    return np.minimum(n_bins * _middle(size) + 1e-9, n_bins - 1).astype(np.intp)


def _middle(size):
    """Return for each group of ties at which part of all weight its middle lies."""
    total = np.cumsum(size)
    return (total - size / 2) / total[-1]


def _sweep(value, size, hits, strategy):
    """Number the bins of the most bins up to which frequencies never fall.

    Bins are unions of neighbouring groups of ties. Where the frequencies of the groups
    never fall, those of no unions do, and each group is a bin.
    """
    n_groups = len(value)
    if _rises(hits / size):
        return np.arange(n_groups)
    position = value if strategy == "uniform" else _middle(size) + 1e-9
    sizes, all_hits = (np.r_[0, np.cumsum(part)] for part in (size, hits))
    starts = np.array([0])
    for n_bins in range(2, LARGEST_SWEEP + 1):
        edges = np.searchsorted(position, np.arange(1, n_bins) / n_bins)
        finer = np.unique(np.r_[0, edges[edges < n_groups]])
        ends = np.r_[finer[1:], n_groups]
        if not _rises((all_hits[ends] - all_hits[finer]) / (sizes[ends] - sizes[finer])):
            break
        starts = finer
    return np.searchsorted(starts, np.arange(n_groups), side="right") - 1


def _rises(frequency):
    """Tell whether no frequency is below the one before, rounding aside."""
    return bool((np.diff(frequency) >= -1e-12).all())
