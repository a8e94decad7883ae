"""The search for the temperature where rows come in blocks: the same, by sums of blocks."""

import numpy as np

from skcalib.calibrators._smoothed_targets import (
    LEAST,
    WIDEST,
    slope_of_smoothing,
    slope_of_spread,
    sum_spread,
)
from skcalib.calibrators._temperature_search import (
    CLOSELY,
    Flaw,
    Search,
    find_log_beta,
    guess_log_beta,
    smoothed_search,
    sum_derivatives,
    sum_derivatives_at_ends,
    typical_gap,
    warn_of_flaw,
)
from skcalib.calibrators._tempered import AT_BOUND, needs_scale
from skcalib.inputs import row_blocks


def best_beta_by_looks(rows, *, smoothed=False, scale=1.0):
    """Return the inverse of the best temperature, and what is wrong with it, if anything.

    Logits are divided by `scale` first. With `smoothed`, targets are smoothed, and that scale
    is found.
    """
    if not smoothed:
        return _find(rows, Search(), _Derivatives(rows, scale))
    # A sample tells the typical gap, which matters beside outliers only.
    slope = slope_of_smoothing(
        lambda: [(rows.logits, rows.codes, rows.weight)], rows.weight.sum()
    )
    largest = max(rows.largest_gap, slope.largest)
    if largest == 0:
        return 1.0, None
    typical = max(slope.typical, largest / WIDEST, LEAST)
    # The slope of as many rows as there are in all.
    value = slope.value * (rows.weight.sum() + 1) / (rows.total + 1)
    search, scale = smoothed_search(value, typical, largest)
    return _find(rows, search, _Derivatives(rows, scale, typical))


def scale_free_beta_by_looks(rows):
    """Return the inverse of the best temperature, whatever the scale, and what is wrong."""
    beta, flaw = best_beta_by_looks(rows)
    if flaw not in AT_BOUND:
        return beta, flaw
    typical = typical_gap(rows.logits, rows.codes, rows.weight)
    if needs_scale(flaw, typical):
        beta, flaw = best_beta_by_looks(rows, scale=2.0 ** np.floor(np.log2(typical)))
    return beta, flaw


def starting_beta_by_looks(rows):
    """Return the inverse of the temperature from which penalties measure."""
    beta, flaw = scale_free_beta_by_looks(rows)
    if flaw is Flaw.SEPARABLE:
        beta, flaw = best_beta_by_looks(rows, smoothed=True)
    if flaw is Flaw.CHANCE:
        warn_of_flaw(flaw, beta)
    return beta


def _find(rows, search, derivatives):
    scale = derivatives.scale
    sample = _divide(rows.logits, scale), rows.codes, rows.weight
    guess = guess_log_beta(*sample, search)
    log_beta, flaw = find_log_beta(derivatives, derivatives.at_ends, guess, CLOSELY, search)
    return (1.0 if flaw is Flaw.FLAT else np.exp(log_beta) / scale), flaw


class _Derivatives:
    """Derivatives of the mean log loss over all rows, each from one look at them.

    If a typical gap is given, targets are smoothed; the first look tells their slope, too.
    """

    def __init__(self, rows, scale, typical=None):
        self.rows, self.scale, self.typical = rows, scale, typical
        self.slope = 0.0 if typical is None else None

    def __call__(self, log_beta):
        found = self._look(sum_derivatives, np.exp(log_beta))
        found[0] += self.slope
        return found

    def at_ends(self):
        return self._look(sum_derivatives_at_ends) + self.slope

    def _look(self, function, *args):
        typical = self.typical if self.slope is None else None
        sums, spread = self.rows.look(sum_scaled, function, self.scale, typical, *args)
        if self.slope is None:
            mean = spread / self.rows.total / self.scale
            self.slope = slope_of_spread(mean, self.rows.total)
        return sums / self.rows.total


def sum_scaled(logits, codes, weight, function, scale, typical, *args):
    """Return sums of a block whose logits are divided, and how far targets are spread."""
    sums = function(_divide(logits, scale), codes, weight, *args)
    if typical is None:
        return [sums, 0.0]
    blocks = row_blocks(*logits.shape)
    parts = [sum_spread(logits[b], codes[b], weight[b], typical) for b in blocks]
    return [sums, float(np.sum(parts))]


def _divide(logits, scale):
    """Return logits over a power of two, in double precision unless that is one."""
    return logits if scale == 1 else logits.astype(np.float64) / scale
