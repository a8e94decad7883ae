"""Log-odds of classes against all others, and the way back from log-odds."""

import numpy as np

from skcalib.inputs import row_blocks

UNDERFLOW = 1e-290  # a sum of exponentials below it may have lost digits
OUT = 1000.0  # as a difference of logits, an exponential of zero
ROUNDING = 8 * np.finfo(np.float64).eps


def log_odds(logits):
    """Return the log-odds of each class against all others, class by class, in float64.

    The log-odds of class k are ``L_k - logsumexp(L_j, j != k)``: they do not change when
    a row is shifted. Two classes have one column, that of the second. The shape is
    (n_columns, n_samples), as NumPy is slow at reducing many short rows.
    """
    if logits.shape[1] == 2:
        return (logits[:, 1].astype(np.float64) - logits[:, 0])[None]
    top, _, rest, mass, total, of_top = _statistics(logits)
    # For all but the top class the others hold the top's own exp(0) = 1.
    np.subtract(total, mass, out=mass)
    rest -= np.log(np.maximum(mass, 1.0, out=mass), out=mass)
    rest[top, np.arange(len(top))] = of_top
    return rest


def log_odds_columns(logits):
    """Yield each class that has a column in `log_odds`, and that column.

    The columns are made one by one, so that float32 is not doubled as a whole.
    """
    n_samples, n_classes = logits.shape
    if n_classes == 2:
        yield 1, log_odds(logits)[0]
        return
    top = np.empty(n_samples, dtype=np.int32)
    peak, total, of_top = np.empty((3, n_samples))
    for b in row_blocks(n_samples, n_classes):
        top[b], peak[b], _, _, total[b], of_top[b] = _statistics(logits[b])
    for k in range(n_classes):
        column = logits[:, k] - peak
        others = np.exp(column)
        np.subtract(total, others, out=others)
        column -= np.log(np.maximum(others, 1.0, out=others), out=others)
        is_top = np.flatnonzero(top == k)
        column[is_top] = of_top[is_top]
        yield k, column


def _statistics(logits):
    """Compare the logits of each row with its largest.

    Return which that is, and what; class by class, the differences, and the exponentials of
    all but the largest; the sum of all exponentials; the log-odds of the largest.
    """
    rest = np.array(logits.T, dtype=np.float64, order="C")
    rows = np.arange(len(logits))
    top = logits.argmax(axis=1)
    peak = rest.max(axis=0)
    rest -= peak
    mass = np.exp(rest)
    mass[top, rows] = 0
    others = mass.sum(axis=0)
    far = others < UNDERFLOW
    log_others = np.log(np.where(far, 1.0, others))
    if far.any():
        below = rest[:, far]
        below[top[far], np.arange(below.shape[1])] = -np.inf
        second = np.maximum(below.max(axis=0), -np.finfo(np.float64).max)  # all masked: -inf
        with np.errstate(divide="ignore"):
            log_others[far] = second + np.log(np.exp(below - second).sum(axis=0))
    return top, peak, rest, mass, 1 + others, -log_others


def rounding_of(logits):
    """Return for each row by how much its log-odds may be off by rounding in float64.

    That is so for log-odds that are no larger than what counts in the row. What is so far
    below its largest logit that its exponential is zero, as a class that is ruled out, counts
    for its own log-odds only.
    """
    columns = list(logits.T)
    peak = columns[0].copy()
    for column in columns[1:]:  # NumPy is slow at reducing many short rows
        np.maximum(peak, column, out=peak)
    largest = np.abs(peak).astype(np.float64)
    peak -= logits.dtype.type(OUT)
    for column in columns:
        size = np.abs(column)
        size[column < peak] = 0
        np.maximum(largest, size, out=largest)
    if logits.shape[1] > 2:
        largest += 8  # of the logarithm of a sum, however small the logits
    return ROUNDING * largest


def merge_near_ties(z, precision):
    """Make log-odds equal that differ by rounding only.

    Where scores are tied, a rounding error would otherwise put them in an order, and a
    step function may rise between them. Neighbours merge if their roundings can have parted
    them; a chain of neighbours is cut into pieces as wide as two roundings. No log-odds is
    known better than it is rounded itself, whatever its `precision`.
    """
    precision = np.maximum(precision, ROUNDING * np.abs(z))
    order = np.argsort(z)
    ordered, width = z[order], precision[order]
    gaps = np.diff(ordered)
    apart = gaps > width[1:] + width[:-1]
    if (apart == (gaps > 0)).all():  # all ties are exact
        return z
    begins = np.r_[True, apart]
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
