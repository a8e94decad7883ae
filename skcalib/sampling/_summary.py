"""Measures of draws, computed, and put together block by block of rows."""

import numpy as np
from scipy.special import entr
from sklearn.utils._param_validation import InvalidParameterError

from skcalib.estimators import Result
from skcalib.messages import check_fraction

MEASURES = (
    "mean",
    "std",
    "standard_error",
    "interval",
    "predictive_entropy",
    "aleatoric",
    "epistemic",
    "variation_ratio",
    "likeliest",
)


def check_measures(measures, interval):
    """Return the measures as a list."""
    if isinstance(measures, str):
        chosen = list(MEASURES) if measures == "all" else [measures]
    else:
        chosen = list(measures) if np.iterable(measures) else [measures]
    strange = [name for name in chosen if name not in MEASURES]
    if strange:
        raise InvalidParameterError(
            f"measures holds {strange}; it is 'all', or some of {list(MEASURES)}."
        )
    check_interval(interval)
    return chosen


def check_interval(interval):
    """Raise unless this is a share."""
    check_fraction("interval", interval)


def summary(draws, chosen, interval):
    """Return the Bunch of :func:`summarize_draws` for valid arguments."""
    mean = draws.mean(axis=0, dtype=np.float64)
    result = Result()
    if "mean" in chosen:
        result.mean = mean
    if "std" in chosen or "standard_error" in chosen:
        std = standard_deviation(draws, mean)
        if "std" in chosen:
            result.std = std
        if "standard_error" in chosen:
            result.standard_error = std / np.sqrt(len(draws))
    if "interval" in chosen:
        result.low, result.high = quantiles(draws, (1 - interval) / 2, (1 + interval) / 2)
    _add_entropies(result, draws, mean, chosen)
    if "variation_ratio" in chosen:
        result.variation_ratio = share_outvoted(draws)
    if "likeliest" in chosen:
        _add_likeliest(result, draws, mean)
    return result


def _add_entropies(result, draws, mean, chosen):
    total = entr(mean).sum(axis=-1)
    if "predictive_entropy" in chosen:
        result.predictive_entropy = total
    if "aleatoric" in chosen or "epistemic" in chosen:
        # Rounding may put it above the total; the three must add up.
        part = np.minimum(entropy_of_each(draws).mean(axis=0, dtype=np.float64), total)
        if "aleatoric" in chosen:
            result.aleatoric = part
        if "epistemic" in chosen:
            result.epistemic = total - part


def _add_likeliest(result, draws, mean):
    order = np.argsort(-mean, axis=-1, kind="stable")[:, :2]
    rows = np.arange(len(mean))
    first, second = (draws[:, rows, order[:, place]] for place in (0, 1))
    result.likeliest = order
    result.margin = mean[rows, order[:, 0]] - mean[rows, order[:, 1]]
    result.swap = (second > first).mean(axis=0) + 0.5 * (second == first).mean(axis=0)


def entropy_of_each(draws):
    """Return the entropy of each draw and row, in nats."""
    # Several times faster than scipy.special.entr; zeros give 0 here, too.
    logs = np.log(np.maximum(draws, np.finfo(draws.dtype).tiny))
    return 0.0 - np.einsum("tnk,tnk->tn", draws, logs)  # no negative zero


def share_outvoted(draws):
    """Return for each row the share of draws that do not vote for the most popular class."""
    n_draws, n_rows, n_classes = draws.shape
    votes = draws.argmax(axis=-1) + n_classes * np.arange(n_rows)
    counts = np.bincount(votes.ravel(), minlength=n_rows * n_classes)
    return 1 - counts.reshape(n_rows, n_classes).max(axis=1) / n_draws


def standard_deviation(draws, mean):
    """Return it with ddof 1; NaN for one draw."""
    squares = np.zeros_like(mean) if len(draws) > 1 else np.full_like(mean, np.nan)
    for draw in draws:  # no second array of all draws
        squares += (draw - mean) ** 2
    return np.sqrt(squares / max(1, len(draws) - 1))


def quantiles(draws, *shares):
    """Yield what np.quantile(draws, shares, axis=0) returns; one sort of contiguous rows."""
    ordered = np.ascontiguousarray(np.moveaxis(draws, 0, -1))
    ordered.sort(axis=-1)
    last = len(draws) - 1
    for share in shares:
        below = int(share * last)
        low, high = (ordered[..., min(place, last)] for place in (below, below + 1))
        yield low.astype(np.float64) + (share * last - below) * (high - low)


def join_blocks(rows, parts):
    """Join what was found for these rows, as they stand in X."""
    values = np.concatenate(parts)
    if isinstance(rows[0], slice):
        return values
    out = np.empty_like(values)
    out[np.concatenate(rows)] = values
    return out


def stack_levels(parts, rows):
    """Yield each name and its arrays of all levels, from one Bunch for each block and level."""
    levels = list(zip(*parts, strict=True))
    for name in parts[0][0]:
        yield name, np.stack([join_blocks(rows, [p[name] for p in level]) for level in levels])
