"""A sample of rows that come in blocks: every n-th of them, few enough to keep."""

import numpy as np

MOST_BYTES = 2**23  # of logits; a sample may take twice that before every second row goes


class RowSample:
    """Every n-th of the rows seen so far, n being a power of two; at first, all of them.

    Where all are kept, they are in their order and a fit needs no other look at them.
    """

    def __init__(self):
        self.stride = 1
        self.n_rows = 0  # seen
        self.parts = []  # of (logits, y, weight)
        self.n_bytes = 0

    def add(self, logits, y, weight):
        """Take the rows of a block."""
        self._append((logits, y, weight), 1, len(logits))
        return self

    def merge(self, other):
        """Take the sample of blocks that come next."""
        while self.stride < other.stride:
            self._thin()
        before = self.n_rows
        for part in other.parts:
            self._append(part, other.stride, len(part[0]) * other.stride)
        self.n_rows = before + other.n_rows
        return self

    @property
    def is_all(self):
        """Whether no row was left out."""
        return self.stride == 1

    def take(self):
        """Return the logits, labels and weights of the sample, and keep nothing."""
        logits, y, weight = zip(*self.parts, strict=True)
        self.parts = []
        return np.concatenate(logits), np.concatenate(y), np.concatenate(weight)

    def _append(self, part, stride, n_rows):
        while part[0].nbytes * stride > 2 * MOST_BYTES * self.stride:
            self._thin()  # before a copy is made
        if self.stride > stride:
            # Where rows are kept goes on from block to block, however short these are.
            places = self.n_rows + np.arange(len(part[0])) * stride
            kept = places % self.stride < stride
            part = tuple(values[kept] for values in part)
        self.n_rows += n_rows
        if len(part[0]):
            # Copies, as views would keep the whole block in memory.
            self.parts.append(tuple(np.array(values) for values in part))
            self.n_bytes += part[0].nbytes
        while self.n_bytes > 2 * MOST_BYTES:
            self._thin()

    def _thin(self):
        self.stride *= 2
        parts, place = [], 0
        for part in self.parts:
            parts.append(tuple(values[place % 2 :: 2].copy() for values in part))
            place += len(part[0])
        self.parts = [part for part in parts if len(part[0])]
        self.n_bytes = sum(part[0].nbytes for part in self.parts)
