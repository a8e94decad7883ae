"""What remains wrong if the least sure rows are left out: the arithmetic."""

import numpy as np
from scipy.special import digamma
from sklearn.exceptions import UndefinedMetricWarning

from skcalib.messages import warn
from skcalib.metrics._events import events_of
from skcalib.metrics._validation import warn_of_small_sum


def prepare_risk(predictions, *, measure):
    """Return the value as a function of the rows' weights."""
    if measure is not error_detection:
        warn_of_small_sum(predictions.weight)
    (event,) = events_of(predictions, "confidence")

    def value(weight):
        _, size, wrong = descending(event, weight)
        return measure(size, wrong)

    return value


def descending(event, weight):
    """Return distinct confidences, the highest first; sums of weights, and of errors."""
    value, size, hits = event.grouped(weight)
    return value[::-1], size[::-1], np.maximum(size - hits, 0)[::-1]


def aurc(size, wrong):
    """Return the mean of risks, expected over all orders of ties.

    Of m rows that are tied behind a others, with e errors behind E others, the i-th row
    has the expected risk ``(E + e * (i - a) / m) / i``. Sums of 1 / i are differences of
    digamma functions, which are defined for weights that are no whole numbers, too.
    """
    kept = np.r_[0, np.cumsum(size)]
    inverse = np.diff(digamma(kept + 1))
    errors_before = np.cumsum(wrong) - wrong
    parts = errors_before * inverse + wrong / size * (size - kept[:-1] * inverse)
    return np.clip(parts.sum() / size.sum(), 0, 1)


def excess_aurc(size, wrong):
    errors, total = wrong.sum(), size.sum()
    parts = np.array([total - errors, errors])
    best = aurc(parts[parts > 0], np.array([0.0, errors])[parts > 0])
    return max(0.0, aurc(size, wrong) - best)


def augrc(size, wrong):
    errors_before = np.cumsum(wrong) - wrong
    total = size.sum()
    return (size / total * errors_before + wrong / total * (size + 1) / 2).sum() / total


def error_detection(size, wrong):
    right = size - wrong
    n_right, n_wrong = right.sum(), wrong.sum()
    if n_right == 0 or n_wrong == 0:
        warn(
            f"The score is undefined, since {'no' if n_wrong == 0 else 'every'} prediction is "
            "wrong: there is nothing to tell apart.",
            UndefinedMetricWarning,
        )
        return np.nan
    surer = np.cumsum(right) - right
    return np.clip(((surer + right / 2) / n_right) @ (wrong / n_wrong), 0, 1)
