"""A sample of rows that come in blocks: every n-th of them, few enough to keep."""

from copy import copy

import numpy as np

MOST_BYTES = 2**23  # of logits; a sample may take twice that before every second row goes
LEAST_BYTES = 2**20  # that a share may take, however small: the other blocks may be empty
SHORT_BYTES = 2**16  # parts that are shorter are put together, so that there are few


class RowSample:
    """Every n-th of the rows seen so far, n being a power of two; at first, all of them.

    Where all are kept, they are in their order and a fit needs no other look at them. Rows
    that are a share of all leave room for the others: of them less is kept.
    """

    def __init__(self, share=1.0):
        self.share = share
        self.stride = 1
        self.n_rows = 0  # seen
        self.parts = []  # of (logits, y, weight)
        self.n_bytes = 0

    def __sizeof__(self):
        """Return the bytes in all, which engines ask for before they move it."""
        return super().__sizeof__() + sum(
            values.nbytes for part in self.parts for values in part
        )

    def add(self, logits, y, weight):
        """Take the rows of a block."""
        self._append((logits, y, weight), 1, len(logits), own=False)
        return self

    def merge(self, other, share=1.0):
        """Return the sample of these rows and of those of `other`, which come next.

        Neither is changed: an engine asks again for what got lost.
        """
        joined = copy(self)
        joined.share, joined.parts = share, list(self.parts)
        while joined.stride < other.stride:
            joined._thin()
        for part in other.parts:
            joined._append(part, other.stride, len(part[0]) * other.stride)
        joined.n_rows = self.n_rows + other.n_rows
        return joined

    @property
    def is_all(self):
        """Whether no row was left out."""
        return self.stride == 1

    def take(self):
        """Return the logits, labels and weights of the sample, and keep nothing."""
        logits, y, weight = zip(*self.parts, strict=True)
        self.parts = []
        return np.concatenate(logits), np.concatenate(y), np.concatenate(weight)

    def _most_bytes(self):
        return max(2 * MOST_BYTES * self.share, min(LEAST_BYTES, 2 * MOST_BYTES))

    def _append(self, part, stride, n_rows, own=True):
        most = self._most_bytes()
        while part[0].nbytes * stride > most * self.stride:
            self._thin()  # before a copy is made
        if self.stride > stride:
            # Where rows are kept goes on from block to block, however short these are.
            places = self.n_rows + np.arange(len(part[0])) * stride
            kept = places % self.stride < stride
            part = tuple(values[kept] for values in part)
        elif not own:
            # Copies, as views would keep the whole block in memory.
            part = tuple(np.array(values) for values in part)
        self.n_rows += n_rows
        if len(part[0]):
            self.n_bytes += part[0].nbytes
            if self.parts and self.parts[-1][0].nbytes + part[0].nbytes <= SHORT_BYTES:
                pairs = zip(self.parts.pop(), part, strict=True)
                part = tuple(np.concatenate(pair) for pair in pairs)
            self.parts.append(part)
        while self.n_bytes > most:
            self._thin()

    def _thin(self):
        self.stride *= 2
        parts, place = [], 0
        for part in self.parts:
            parts.append(tuple(values[place % 2 :: 2].copy() for values in part))
            place += len(part[0])
        self.parts = [part for part in parts if len(part[0])]
        self.n_bytes = sum(part[0].nbytes for part in self.parts)
