"""The area under the ROC curve, with an interval from sums over rows."""

import numpy as np

from skcalib.report._bounds import mean_interval


def area_interval(score, is_true, weight):
    """Return the area under the ROC curve and its interval (DeLong), NaN for one outcome."""
    true, false = score[is_true], score[~is_true]
    if not len(true) or not len(false):
        return np.nan, np.nan, np.nan
    of_true = _share_below(true, false, weight[~is_true])
    of_false = 1 - _share_below(false, true, weight[is_true])
    first = mean_interval(of_true, weight[is_true])
    second = mean_interval(of_false, weight[~is_true])
    reach = float(np.hypot(first[2] - first[0], second[2] - second[0]))
    return first[0], max(0.0, first[0] - reach), min(1.0, first[0] + reach)


def _share_below(score, others, weight):
    """Return which share of the others is below each score; ties count half."""
    order = np.argsort(others)
    sums = np.r_[0, np.cumsum(weight[order])]
    ends = [np.searchsorted(others[order], score, side=side) for side in ("left", "right")]
    return (sums[ends[0]] + sums[ends[1]]) / (2 * sums[-1])
