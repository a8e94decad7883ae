"""Fits that look at rows in blocks: what is asked of a block, and how answers are joined.

A look is a function of one block, `(logits, y)` or `(logits, y, sample_weight)`; its answers
for two blocks are joined by `merge`. Both can be pickled. So blocks can be read one after the
other, or where they are.
"""

from typing import NamedTuple

import numpy as np

from skcalib.calibrators._block_reading import as_columns, cut_block, iterate, read_block
from skcalib.calibrators._masks import (
    leave_out_certain_rows,
    refuse_masked_truth,
    refuse_rows_of_one_class,
)
from skcalib.calibrators._row_sample import RowSample
from skcalib.inputs import find_masked_entries, looks_like_proba
from skcalib.messages import quote


def look_at_blocks(look, blocks):
    """Return the joined answer of all blocks, read one after the other.

    Parameters
    ----------
    look : Survey or Sums
        What is asked.

    blocks : iterable or callable
        As :meth:`Calibrator.fit_blocks` takes them.

    Returns
    -------
    answer : object
        None if there is no row.

    Raises
    ------
    ValueError
        If a block is unusable; the message begins with its number.
    """
    answer = None
    for number, block in enumerate(iterate(blocks)):
        answer = look.merge(answer, look(block, number))
    return answer


class Look:
    """What is asked of each block."""

    def __call__(self, block, number=None):
        """Return the answer for a block, None if it has no rows.

        Errors name the block by its number, from 0, if that is given.
        """
        answer, first = None, 0
        try:
            for start, part in cut_block(block):
                first = start
                rows = read_block(part)
                answer = self.merge(answer, None if rows is None else self.answer(rows))
        except ValueError as error:
            where = [] if number is None else [f"Block {number} (the first is 0)"]
            where += [f"rows {first} on"] if first else []
            if not where:
                raise
            raise ValueError(f"{', '.join(where)}: {error}") from error
        return answer

    def of_share(self, share):
        """Return the look at a block that has about this share of all rows.

        Its answer is small if the share is, so that blocks' answers are fit to travel.
        """
        return self

    def merge(self, first, second):
        """Return the answer for two blocks, or runs of blocks, one behind the other.

        Neither answer is changed.
        """
        if first is None or second is None:
            return second if first is None else first
        return self.join(first, second)


class Rows(NamedTuple):
    """What a survey knows of all rows."""

    n_columns: int
    names: list | None
    labels: np.ndarray  # sorted
    weight: np.ndarray  # of each label, in all rows
    of_use: np.ndarray  # the same, in rows that can be of two classes or more
    masked: bool
    open: np.ndarray  # (n_columns,), whether some row can be of that class
    low: float
    high: float
    like_proba: bool
    sample: RowSample


class Survey(Look):
    """The first look: which classes there are, and a sample of the rows."""

    def __init__(self, share=1.0):
        self.share = share

    def of_share(self, share):
        return Survey(share)

    def answer(self, rows):
        logits = rows.logits
        low, high = logits.min(), logits.max()
        masked, of_use = None, rows.weight
        if low == -np.inf:
            masked = find_masked_entries(logits)
            low = logits[~masked].min()
            of_use = np.where(masked.sum(axis=1) < logits.shape[1] - 1, rows.weight, 0)
        like_proba = logits.shape[1] == 1 or (low >= 0 and looks_like_proba(logits))
        return Rows(
            logits.shape[1],
            rows.names,
            rows.labels,
            np.bincount(rows.codes, rows.weight),
            np.bincount(rows.codes, of_use),
            masked is not None,
            np.full(logits.shape[1], True) if masked is None else ~masked.all(axis=0),
            float(low),
            float(high),
            like_proba,
            RowSample(self.share).add(logits, rows.labels[rows.codes], rows.weight),
        )

    def join(self, first, second):
        if first.n_columns != second.n_columns:
            raise ValueError(
                f"Blocks have different numbers of columns, {first.n_columns} and "
                f"{second.n_columns}."
            )
        if first.names != second.names:
            raise ValueError(
                f"The columns of blocks have different names, {quote(first.names)} and "
                f"{quote(second.names)}; give all of them the same, or arrays."
            )
        labels, places = _join_labels(first.labels, second.labels)
        return Rows(
            first.n_columns,
            first.names,
            labels,
            np.bincount(places, np.concatenate([first.weight, second.weight])),
            np.bincount(places, np.concatenate([first.of_use, second.of_use])),
            first.masked or second.masked,
            first.open | second.open,
            min(first.low, second.low),
            max(first.high, second.high),
            first.like_proba and second.like_proba,
            first.sample.merge(second.sample, self.share),
        )


def _join_labels(first, second):
    if {first.dtype.kind, second.dtype.kind} & set("OUS") and first.dtype != second.dtype:
        kinds = {type(label) for label in (*first.tolist(), *second.tolist())}
        if len(kinds) > 1:
            raise ValueError(
                "Labels of blocks are of different kinds: "
                f"{', '.join(sorted(kind.__name__ for kind in kinds))}."
            )
    return np.unique(np.concatenate([first, second]), return_inverse=True)


class Sums(Look):
    """A later look: ``function(logits, codes, weight, *args)`` of each block, added up.

    `columns` has the column of each of the sorted `labels`; `order` the given column of each
    class, or is None.
    """

    def __init__(self, function, args, labels, columns, order):
        self.function = function
        self.args = args
        self.labels = labels
        self.columns = columns
        self.order = order

    def answer(self, rows):
        logits = as_columns(rows.logits if self.order is None else rows.logits[:, self.order])
        places = np.searchsorted(self.labels, rows.labels)
        known = np.minimum(places, len(self.labels) - 1)
        if (self.labels[known] != rows.labels).any():
            raise ValueError(
                "y has labels that it did not have at the first look: blocks must hold the "
                "same rows at every look."
            )
        codes = self.columns[places][rows.codes]
        refuse_masked_truth(logits, codes, np.full(len(codes), True))
        part = leave_out_certain_rows(logits, codes, rows.weight)
        return self.function(*part, *self.args) if len(part[0]) else None

    def join(self, first, second):
        if isinstance(first, list):
            return [a + b for a, b in zip(first, second, strict=True)]
        return first + second


class SurveyedRows:
    """Rows in blocks after the first look, fit for the next ones.

    Attributes
    ----------
    logits, codes, weight : ndarray
        A sample of the rows, as `_fit` takes them.

    total : float
        The weight of all rows that are of use.

    n_open : int
        Number of classes that some row can be of.

    largest_gap : float
        No row's logits are farther apart.
    """

    def __init__(self, survey, columns, order, look_at_all):
        self._of_blocks = survey.labels, columns, order
        self._look_at_all = look_at_all
        if (survey.of_use > 0).sum() < 2:
            refuse_rows_of_one_class()
        self.total = survey.of_use.sum()
        self.n_open = int(survey.open.sum()) if survey.n_columns > 1 else 2
        self.largest_gap = max(survey.high - survey.low, abs(survey.high), abs(survey.low))
        logits, y, weight = survey.sample.take()
        self.logits = as_columns(logits if order is None else logits[:, order])
        self.codes = columns[np.searchsorted(survey.labels, y)]
        self.weight = weight
        refuse_masked_truth(self.logits, self.codes, weight > 0)
        if survey.masked:
            self.logits, self.codes, self.weight = leave_out_certain_rows(
                self.logits, self.codes, weight
            )

    @property
    def n_classes(self):
        """Number of columns."""
        return self.logits.shape[1]

    def look(self, function, *args):
        """Return the sum over all blocks of ``function(logits, codes, weight, *args)``.

        The function is one of a module, so that it can be pickled; it returns an array,
        whatever else can be added up, or a list of such.
        """
        return self._look_at_all(Sums(function, args, *self._of_blocks))
