"""Fields of operations, read from plain values: whatever else they are is an error."""

from typing import NamedTuple

import numpy as np

from skcalib.deploy._registry import LOGITS, PROBA, Shape, read_operations
from skcalib.messages import quote

SUM_TOLERANCE = 1e-9


def read_flag(value, where, shape=None, depth=0):
    """Return a bool."""
    if not isinstance(value, bool):
        raise ValueError(f"{where} must be true or false, got {quote(value)}.")
    return value


def read_whole(value, where, lowest, highest):
    """Return an int from `lowest` to `highest`."""
    right = isinstance(value, int) and not isinstance(value, bool)
    if not right or not lowest <= value <= highest:
        raise ValueError(
            f"{where} must be a whole number from {lowest} to {highest}, got {quote(value)}."
        )
    return value


def number(lowest=-np.inf, highest=np.inf, *, positive=False):
    """Return a reader of a finite number."""

    def read(value, where, shape=None, depth=0):
        (found,) = read_numbers([value], where)
        if not lowest <= found <= highest or (positive and found <= 0):
            wanted = "positive" if positive else f"from {lowest:g} to {highest:g}"
            raise ValueError(f"{where} must be {wanted}, got {quote(value)}.")
        return float(found)

    return read


def read_numbers(values, where, length=None):
    """Return a list of finite numbers as an array."""
    if not isinstance(values, list):
        raise ValueError(f"{where} must be a list of numbers, got {quote(values)}.")
    if length is not None and len(values) != length:
        raise ValueError(f"{where} must have {length} numbers, not {len(values)}.")
    wrong = [v for v in values if type(v) not in (int, float)]
    if wrong:
        raise ValueError(f"{where} must hold numbers, got {quote(wrong[0])}.")
    try:
        found = np.array(values, dtype=np.float64)
    except OverflowError:
        found = np.array([np.inf])
    if not np.isfinite(found).all():
        raise ValueError(f"{where} must hold finite numbers.")
    return found


def vector(lowest=-np.inf, highest=np.inf):
    """Return a reader of a number for each column."""

    def read(values, where, shape, depth=0):
        found = read_numbers(values, where, shape.width)
        if len(found) and not (found.min() >= lowest and found.max() <= highest):
            raise ValueError(f"{where} must be numbers from {lowest:g} to {highest:g}.")
        return found

    return read


def read_priors(values, where, shape, depth=0):
    """Return a probability for each column."""
    found = vector(0.0, 1.0)(values, where, shape)
    if abs(found.sum() - 1) > SUM_TOLERANCE:
        raise ValueError(f"{where} must sum to one.")
    return found


def read_matrix(values, where, shape, depth=0):
    """Return a square matrix: a row of numbers for each column."""
    if not isinstance(values, list) or len(values) != shape.width:
        raise ValueError(f"{where} must be a list of {shape.width} rows, got {quote(values)}.")
    rows = [read_numbers(row, f"{where}[{i}]", shape.width) for i, row in enumerate(values)]
    return np.array(rows).reshape(shape.width, shape.width)


def program(after):
    """Return a reader of operations that take what the operation itself takes."""

    def read(values, where, shape, depth):
        steps, found = read_operations(values, where, shape, depth + 1)
        if found != shape._replace(kind=after):
            raise ValueError(f"{where} must end with {after}, not {found.kind}.")
        return steps

    return read


def read_branches(values, where, shape, depth):
    """Return several programs from logits to probabilities, at least one."""
    if not isinstance(values, list) or not values:
        raise ValueError(f"{where} must be a list of lists of operations.")
    read = program(PROBA)
    return [read(each, f"{where}[{i}]", shape, depth) for i, each in enumerate(values)]


def read_shares(values, where, shape=None, depth=0):
    """Return numbers that are not negative, and not all zero."""
    found = read_numbers(values, where)
    if not (found >= 0).all() or not 0 < found.sum() < np.inf:
        raise ValueError(f"{where} must be numbers of at least 0, not all 0.")
    return found


class Pieces(NamedTuple):
    """Piecewise polynomials, one for each column, in tables without gaps.

    Column m has ``counts[m]`` knots, which begin at ``starts[m]`` in `knots`, and one piece
    more, which begin at ``starts[m] + m`` in `anchors` and in each of `coefficients`. Behind
    the last knots there are enough for a search to read beyond its own.
    """

    counts: np.ndarray
    starts: np.ndarray
    knots: np.ndarray
    anchors: np.ndarray
    coefficients: list


def read_pieces(values, where, shape, depth=0):
    """Return piecewise polynomials: for each column a dict of knots and coefficients."""
    if not isinstance(values, list) or len(values) != shape.width:
        raise ValueError(f"{where} must be a list of {shape.width} curves.")
    return build_pieces([_read_curve(curve, f"{where}[{i}]") for i, curve in enumerate(values)])


def build_pieces(curves):
    """Put curves, each its knots and a list of coefficients, into tables."""
    counts = np.array([len(knots) for knots, _ in curves], dtype=np.int64)
    beyond = np.full(2 * int(counts.max(initial=0)) + 1, np.finfo(np.float64).max)
    anchors = [np.append(k[:1], k) if len(k) else np.zeros(1) for k, _ in curves]
    coefficients = []
    for power in range(max(len(each) for _, each in curves)):
        parts = [c[power] if power < len(c) else np.zeros(len(k) + 1) for k, c in curves]
        coefficients.append(np.concatenate(parts))
    starts = np.cumsum(counts) - counts
    knots = np.concatenate([*(k for k, _ in curves), beyond])
    return Pieces(counts, starts, knots, np.concatenate(anchors), coefficients)


def _read_curve(curve, where):
    if not isinstance(curve, dict) or set(curve) != {"knots", "coefficients"}:
        raise ValueError(f"{where} must have knots and coefficients, got {quote(curve)}.")
    knots = read_numbers(curve["knots"], f"{where}.knots")
    if (knots[1:] < knots[:-1]).any():
        raise ValueError(f"{where}.knots must be sorted.")
    of_powers = curve["coefficients"]
    if not isinstance(of_powers, list) or not 1 <= len(of_powers) <= 4:
        raise ValueError(f"{where}.coefficients must be one to four lists.")
    return knots, [
        read_numbers(each, f"{where}.coefficients[{power}]", len(knots) + 1)
        for power, each in enumerate(of_powers)
    ]


def shape_of_logits(n_classes):
    """Return the shape of logits."""
    return Shape(LOGITS, n_classes)
