"""Log-odds of classes against all others, and the way back from log-odds."""

import numpy as np

from skcalib._logits import row_blocks

UNDERFLOW = 1e-290  # a sum of exponentials below it may have lost digits


def sigmoid(z):
    """Return the probabilities of log-odds; as precise as scipy's expit, and vectorised."""
    out = np.negative(z)
    with np.errstate(over="ignore"):  # one over infinity is what is meant
        np.exp(out, out=out)
    out += 1
    return np.divide(1, out, out=out)


def log_odds(logits):
    """Return the log-odds of each class against all others, in float64.

    The log-odds of class k are ``L_k - logsumexp(L_j, j != k)``: they do not change when
    a row is shifted. Two classes have one column, that of the second.
    """
    if logits.shape[1] == 2:
        return logits[:, 1:].astype(np.float64) - logits[:, :1]
    rest = logits.astype(np.float64)
    top, _, mass, total, of_top = _row_statistics(rest)
    # For all but the top class the rest holds the top's own exp(0) = 1.
    np.subtract(total[:, None], mass, out=mass)
    rest -= np.log(np.maximum(mass, 1.0, out=mass), out=mass)
    rest[np.arange(len(rest)), top] = of_top
    return rest


def log_odds_columns(logits):
    """Yield each class that has a column in `log_odds`, and that column.

    The columns are made one by one, so that float32 is not doubled as a whole.
    """
    n_samples, n_classes = logits.shape
    if n_classes == 2:
        yield 1, log_odds(logits)[:, 0]
        return
    top = np.empty(n_samples, dtype=np.intp)
    peak, total, of_top = np.empty((3, n_samples))
    for b in row_blocks(n_samples, n_classes):
        statistics = _row_statistics(logits[b].astype(np.float64))
        top[b], peak[b], _, total[b], of_top[b] = statistics
    for k in range(n_classes):
        column = logits[:, k] - peak
        remaining = np.maximum(total - np.exp(column), 1.0)
        yield k, np.where(top == k, of_top, column - np.log(remaining))


def _row_statistics(rest):
    """Shift rows by their largest logit, in place.

    Return which that was and what, the exponentials of the others, the sum of all
    exponentials, and the log-odds of the largest.
    """
    rows = np.arange(len(rest))
    top = rest.argmax(axis=1)
    peak = rest[rows, top]
    rest -= peak[:, None]
    mass = np.exp(rest)
    mass[rows, top] = 0
    others = mass.sum(axis=1)
    far = others < UNDERFLOW
    log_others = np.log(np.where(far, 1.0, others))
    if far.any():
        below = rest[far]
        below[np.arange(len(below)), top[far]] = -np.inf
        second = below.max(axis=1)
        log_others[far] = second + np.log(np.exp(below - second[:, None]).sum(axis=1))
    return top, peak, mass, 1 + others, -log_others


def rounding_of(logits):
    """Return for each row by how much its log-odds may be off by rounding in float64."""
    largest = np.maximum(logits.max(axis=1), -logits.min(axis=1)).astype(np.float64)
    if logits.shape[1] > 2:
        largest += 8  # of the logarithm of a sum, however small the logits
    return 8 * np.finfo(np.float64).eps * largest


def merge_near_ties(z, precision):
    """Make log-odds equal that differ by rounding only.

    Where scores are tied, a rounding error would otherwise put them in an order, and a
    step function may rise between them. Neighbours merge if their roundings can have parted
    them; a chain of neighbours is cut into pieces as wide as two roundings.
    """
    order = np.argsort(z, kind="stable")
    ordered, width = z[order], precision[order]
    begins = np.r_[True, np.diff(ordered) > width[1:] + width[:-1]]
    starts = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1
    offset = ordered - ordered[starts][group]
    reach = 2 * np.maximum.reduceat(width, starts)[group]
    piece = np.floor(np.divide(offset, reach, out=np.zeros_like(z), where=offset > 0))
    new = begins | np.r_[True, np.diff(piece) != 0]
    first = np.maximum.accumulate(np.where(new, np.arange(len(z)), 0))
    merged = np.empty_like(z)
    merged[order] = ordered[first]
    return merged
