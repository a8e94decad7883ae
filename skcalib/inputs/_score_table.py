"""Tables of distinct scores, with the weight of what came true and what did not at each."""

from typing import NamedTuple

import numpy as np

DIGITS = 52  # binary digits of a score in double precision behind the first
FIRST_CUT = 20  # as many are left when a table is first too long
FEWEST_DIGITS = 6


class ScoreTable:
    """A table of scores that grows by blocks of rows, and joins others.

    It holds one line for each distinct score, 32 bytes. If there are more than `limit` of
    them, scores keep fewer binary digits, so that those that agree in them share a line: the
    relative error is then at most ``2 ** -(digits + 1)``. Digits are cut off, never rounded,
    so that the order in which blocks come decides nothing.
    """

    def __init__(self, limit=None):
        self.limit = limit
        self.digits = DIGITS
        self._parts = []

    def __sizeof__(self):
        """Return the bytes in all, which engines ask for before they move it."""
        return super().__sizeof__() + sum(
            column.nbytes for part in self._parts for column in part
        )

    @property
    def is_cut(self):
        """Whether digits were cut off."""
        return self.digits < DIGITS

    def add(self, scores, hit, weight, blur=None):
        """Take rows: scores, whether each came true, its weight, its rounding error."""
        columns = [np.asarray(scores, np.float64), weight * hit, weight * ~hit]
        columns.append(np.zeros(len(scores)) if blur is None else blur)
        return self._append(_pool(_Lines(*columns), self.digits))

    def __add__(self, other):
        """Join with another table; neither can tell what came from where."""
        joined = ScoreTable(self.limit)
        joined.digits = min(self.digits, other.digits)
        joined._parts = self._parts_with(joined.digits)
        for part in other._parts_with(joined.digits):
            joined._append(part)
        return joined

    def _parts_with(self, digits):
        if digits == self.digits:
            return list(self._parts)
        return [_pool(part, digits) for part in self._parts]

    def lines(self):
        """Return distinct scores, ascending, and the columns that go with them.

        Only then it is known how many digits are kept.
        """
        if not self._parts:
            return _Lines(*np.zeros((4, 0)))
        while len(self._parts) > 1:
            self._join_last()
        self._cut_digits()
        lines = self._parts[0]
        if not self.is_cut:
            return lines
        half = np.int64(1) << np.int64(DIGITS - self.digits - 1)
        middles = (lines.scores.view(np.int64) | half).view(np.float64)
        return lines._replace(scores=np.where(lines.scores == 0, 0, middles))

    def _append(self, lines):
        """Take lines; parts at least halve from one to the next, so that lines move seldom."""
        self._parts.append(lines)
        while len(self._parts) > 1 and len(self._parts[-2].scores) < 2 * len(
            self._parts[-1].scores
        ):
            self._join_last()
        self._cut_digits()
        return self

    def _cut_digits(self):
        """Cut off digits while the longest part is too long."""
        while self.limit is not None and len(self._parts[0].scores) > self.limit:
            if self.digits == FEWEST_DIGITS:
                return
            self.digits = min(FIRST_CUT, self.digits - 1)
            self._parts = [_pool(part, self.digits) for part in self._parts]

    def _join_last(self):
        last = self._parts.pop()
        pairs = zip(self._parts.pop(), last, strict=True)
        lines = _Lines(*(np.concatenate(pair) for pair in pairs))
        self._parts.append(_pool(lines, self.digits))


class _Lines(NamedTuple):
    """The columns of a table."""

    scores: np.ndarray
    hits: np.ndarray
    misses: np.ndarray
    blur: np.ndarray  # the largest rounding error of the score


def _pool(lines, digits):
    """Return lines in ascending order, one for each score."""
    scores = lines.scores + 0.0  # -0 is 0
    if digits < DIGITS:
        mask = np.int64(-1) << np.int64(DIGITS - digits)
        scores = (scores.view(np.int64) & mask).view(np.float64) + 0.0
    order = np.argsort(scores, kind="stable")  # of runs that are sorted already, mostly
    scores = scores[order]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))[: len(scores)]
    if len(scores) == 0:
        return lines
    hits, misses = (np.add.reduceat(part[order], starts) for part in lines[1:3])
    return _Lines(scores[starts], hits, misses, np.maximum.reduceat(lines.blur[order], starts))
