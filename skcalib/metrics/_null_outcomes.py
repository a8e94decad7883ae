"""What residuals would be by chance, if the probabilities were true: draws for a test.

Each source yields blocks of resamples: a function of the number of an event that returns the
residuals of its rows, an array of shape (n_in_block, n_rows). Events of one source that are
asked for the same block share the drawn outcomes, so that they are as dependent as in the data.
"""

from dataclasses import replace

import numpy as np

BLOCK = 2**20  # entries of residuals that are held at a time
MOST_ROWS = 50_000_000  # that weights may stand for where outcomes are drawn for each
N_CELLS = 2**12  # a cumulative sum of so many steps is Brownian motion to a thousandth


def repeat_rows(predictions, return_rows=False):
    """Return predictions with a row for each unit of weight, and which rows these were.

    A weight of 2.3 makes two rows that count 1, and one that counts 0.3: each comes true or
    not by itself.
    """
    weight = predictions.weight
    if (weight == 1).all():
        return (predictions, np.arange(len(weight))) if return_rows else predictions
    whole = np.floor(weight + 1e-9)
    rest = np.where(weight - whole > 1e-9, weight - whole, 0)
    if whole.sum() > MOST_ROWS:
        raise ValueError(
            f"sample_weight sums to {weight.sum():.3g}, and an outcome would be drawn for each "
            f"of so many rows, {MOST_ROWS:,} at most. Use null='asymptotic', or divide the "
            "weights if they are no frequencies."
        )
    rows = np.r_[np.repeat(np.arange(len(weight)), whole.astype(np.intp)), np.flatnonzero(rest)]
    counts = np.r_[np.ones(int(whole.sum())), rest[rest > 0]]
    order = np.argsort(rows, kind="stable")
    repeated = replace(predictions.take(rows[order]), weight=counts[order])
    return (repeated, rows[order]) if return_rows else repeated


def sizes_of_blocks(n_resamples, n_entries):
    """Return how many resamples to draw at a time."""
    step = max(1, BLOCK // max(1, n_entries))
    return [min(step, n_resamples - start) for start in range(0, n_resamples, step)]


def draw_separately(events, rng, n_resamples):
    """Yield outcomes of events that have no row in common."""
    for size in sizes_of_blocks(n_resamples, max(len(event.value) for event in events)):

        def residuals(number, size=size):
            event = events[number]
            hit = rng.random((size, len(event.value))) < event.value
            return event.weight * (hit - event.value)

        yield residuals


def draw_classes(events, proba, rng, n_resamples):
    """Yield outcomes of one event for each class: one class of each row comes true."""
    cumulated = cumulative_classes(proba)
    for size in sizes_of_blocks(n_resamples, len(proba)):
        codes = draw_codes(cumulated, rng, size)

        def residuals(number, codes=codes):
            event = events[number]
            return event.weight * ((codes[:, event.rows] == number) - event.value)

        yield residuals


def cumulative_classes(proba):
    """Return the cumulative probabilities of all rows in one ascending vector.

    Row i lies between i and i + 1, so that one search finds the classes of all rows.
    """
    total = np.cumsum(proba, axis=1, dtype=np.float64)
    total /= total[:, -1:]
    total[:, -1] = 1
    return (total + np.arange(len(total))[:, np.newaxis]).ravel(), total.shape[1]


def draw_codes(cumulated, rng, size):
    """Return classes of all rows, an array of shape (size, n_rows)."""
    flat, n_classes = cumulated
    rows = np.arange(len(flat) // n_classes)
    drawn = rng.random((size, len(rows)))
    if n_classes <= 16:
        table = (flat.reshape(-1, n_classes) - rows[:, np.newaxis]).T
        codes = np.zeros(drawn.shape, dtype=np.intp)
        for limit in table[:-1]:
            codes += drawn >= limit
        return codes
    found = np.searchsorted(flat, drawn + rows, side="right")
    return np.minimum(found - rows * n_classes, n_classes - 1)


def flip_groups(events, groups, rng, n_resamples):
    """Yield the residuals that were observed, those of a group with one random sign.

    If probabilities are true for each row, groups are independent and their residuals have mean
    zero, whatever the dependence inside: a sign changes neither.
    """
    n_groups = groups.max() + 1
    for size in sizes_of_blocks(n_resamples, max(len(event.value) for event in events)):
        sign = 2.0 * rng.integers(0, 2, (size, n_groups)) - 1

        def residuals(number, sign=sign):
            event = events[number]
            return event.residual * sign[:, groups[event.rows]]

        yield residuals


def draw_normally(events, rng, n_resamples):
    """Yield normal residuals in cells of neighbouring rows, as many true outcomes would sum to.

    Events are independent here. Where they are not, the largest of several statistics is
    smaller: sets where a statistic is small are convex and symmetric, and dependence makes them
    meet more often (the Gaussian correlation inequality).
    """
    for size in sizes_of_blocks(n_resamples, max(len(event.value) for event in events)):

        def residuals(number, size=size):
            event = events[number]
            return np.sqrt(event.variance) * rng.standard_normal((size, len(event.value)))

        yield residuals
