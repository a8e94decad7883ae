"""Predictions to try metrics on, drawn by hypothesis, and bins made slowly and exactly."""

from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import strategies as st

GRID = 16  # probabilities are multiples of 1 / 16: sums are exact, and ties are many
SEEDS = st.integers(0, 2**32 - 1)
STRATEGIES = ["uniform", "quantile"]


@st.composite
def problems(draw, min_classes=2, max_classes=4, max_samples=30, each=0, ties=True):
    """Draw columns of true classes, rows of probabilities, and weights 0, 1, 2, 3.

    Each class has `each` rows of positive weight at least, one row has in any case.
    """
    n_classes = draw(st.integers(min_classes, max_classes))
    least = max(1, each * n_classes)
    n_samples = draw(st.integers(least, max(max_samples, least)))
    rng = np.random.default_rng(draw(SEEDS))
    codes = rng.integers(0, n_classes, n_samples)
    codes[: each * n_classes] = np.arange(n_classes).repeat(each)
    weight = rng.integers(0, 4, n_samples)
    weight[:least] = np.maximum(weight[:least], 1)
    order = rng.permutation(n_samples)
    proba = rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.1, 1, 10]))), n_samples)
    if ties:
        proba = rng.multinomial(GRID, proba) / GRID
    else:
        proba = (proba + 1e-3) / (1 + n_classes * 1e-3)
    return codes[order], proba, weight[order]


def events(codes, proba, weight, notion):
    """Return lists of (probability, whether it came true, weight), one for each event."""
    n_classes = proba.shape[1]
    rows = [
        ([Fraction(p) for p in row], int(code), Fraction(int(w)))
        for row, code, w in zip(proba, codes, weight, strict=True)
        if w > 0
    ]
    if notion == "positive":
        return [[(row[1], code == 1, w) for row, code, w in rows]]
    if notion == "class-wise":
        return [[(row[k], code == k, w) for row, code, w in rows] for k in range(n_classes)]
    tops = [(max(row), row.index(max(row)), code, w) for row, code, w in rows]
    if notion == "confidence":
        return [[(p, k == code, w) for p, k, code, w in tops]]
    by_class = [
        [(p, k == code, w) for p, k, code, w in tops if k == c] for c in range(n_classes)
    ]
    return [event for event in by_class if event]


def numbers(event, n_bins, strategy):
    """Return the number of each row's bin."""
    total = sum(w for _, _, w in event)
    if n_bins == "cube_root":
        n_bins = next(b for b in range(1, 1000) if b**3 >= total)
    if n_bins == "sweep":
        best = [0] * len(event)
        for b in range(1, 2 * int(total) + GRID + 2):  # finer ones change nothing
            bins = numbers(event, b, strategy)
            found = [hits / size for size, _, hits in sums(event, bins)]
            if found != sorted(found):
                break
            best = bins
        return best
    if strategy == "quantile":
        size = {}
        for p, _, w in event:
            size[p] = size.get(p, 0) + w
        position, below = {}, Fraction(0)
        for p in sorted(size):
            position[p] = (below + size[p] / 2) / total
            below += size[p]
    else:
        position = {p: p for p, _, _ in event}
    return [min(floor(n_bins * position[p]), n_bins - 1) for p, _, _ in event]


def sums(event, bins):
    """Return for each bin that is not empty the sums of weights, of values and of hits."""
    cells = {}
    for (p, hit, w), k in zip(event, bins, strict=True):
        size, expected, observed = cells.get(k, (0, 0, 0))
        cells[k] = (size + w, expected + w * p, observed + w * hit)
    return [cells[k] for k in sorted(cells)]
