"""Arrays that are not in memory, read block by block: those in a file, those to be computed.

No library is imported, and no value is looked at: what an object is, its attributes tell.
"""

from functools import partial
from itertools import accumulate

import numpy as np

from skcalib.backends import to_numpy
from skcalib.inputs._blocks import group_blocks
from skcalib.inputs._rows import refuse_masked_array
from skcalib.messages import quote


def is_stored(values):
    """Tell whether it is an array in a file: it has chunks and slices, and no arithmetic.

    So are the data sets of h5py and the arrays of zarr; chunks may be None.
    """
    needed = ("shape", "dtype", "chunks", "__getitem__")
    return not hasattr(values, "__add__") and all(hasattr(values, name) for name in needed)


def is_deferred(values):
    """Tell whether it is an array, a frame or a series that dask has yet to compute."""
    kind = type(values)  # a frame may have columns of any name
    deferred = hasattr(kind, "__dask_graph__") and hasattr(kind, "compute")
    return deferred and (_in_blocks(values) or hasattr(kind, "partitions"))


def is_lazy(values):
    """Tell whether it is an array that is not in memory."""
    return is_stored(values) or is_deferred(values)


def whole_array(values, name):
    """Return an array in memory, of whatever may be lazy: labels or weights."""
    if is_deferred(values):
        values = values.compute()
    return np.asarray(to_numpy(values, name))


def read_lazily(X, y, sample_weight=None, names=("X", "y")):
    """Return blocks of rows that can be read again and again, or None if X is in memory.

    Parameters
    ----------
    X : object
        Logits or probabilities.

    y, sample_weight : object
        Labels and weights, in memory or not. Of deferred ones whose lengths are not known
        there must be as many blocks as of X.

    names : tuple of two str
        How the user calls X and y.

    Returns
    -------
    blocks : iterable of tuples (X, y, sample_weight) or None
        An array in a file is one block: whoever reads blocks cuts those that are long.

    Raises
    ------
    ValueError
        If lengths differ, or y cannot be cut like X.
    """
    if is_stored(X):
        return [(X, y, sample_weight)]
    if not is_deferred(X):
        return None
    return DeferredRows(X, {names[1]: y, "sample_weight": sample_weight}, names[0])


class DeferredRows:
    """Blocks of rows that dask computes, in their order, each time one iterates.

    `others` are the labels and the weights by their names.
    """

    def __init__(self, X, others, name):
        self.X, self.name = _whole_rows(X), name
        self.others = {own: _make_sliceable(values, own) for own, values in others.items()}
        self.takers = [self._taker(values, own) for own, values in self.others.items()]
        self._check_lengths(_known_length(self.X))

    def __iter__(self):
        first = 0
        for run, lengths in self._runs():
            X = _compute_blocks(self.X, run)
            rows = slice(first, first + len(X))
            parts = [X, *(take(run, rows) for take in self.takers)]
            bounds = [0, *accumulate(lengths or [len(X)])]
            for own in map(slice, bounds[:-1], bounds[1:]):
                yield tuple(None if part is None else _cut(part, own) for part in parts)
            first = rows.stop
        self._check_lengths(first)

    def _runs(self):
        """Yield runs of blocks that are computed side by side, and the lengths of each."""
        if _known_length(self.X) is None:
            yield from ((slice(k, k + 1), None) for k in range(_count_blocks(self.X)))
            return
        lengths = self.X.chunks[0]
        n_columns = self.X.shape[1] if self.X.ndim > 1 else 1
        yield from ((run, lengths[run]) for run in group_blocks(lengths, n_columns))

    def _taker(self, values, name):
        """Return a function of a run of blocks and their rows that returns their entries."""
        if values is None:
            return _take_nothing
        if not is_deferred(values):
            return partial(_take_rows, values)
        if _known_length(values) is not None:
            return partial(_take_computed_rows, values)
        if _count_blocks(values) != _count_blocks(self.X):
            raise ValueError(
                f"{self.name} has {_count_blocks(self.X)} blocks and {name} has "
                f"{_count_blocks(values)}, and the lengths of some are not known. Make both "
                "from the same collection, or call compute_chunk_sizes() on arrays (of frames: "
                "to_dask_array(lengths=True))."
            )
        return partial(_take_blocks, values)

    def _check_lengths(self, n_rows):
        for name, values in self.others.items():
            own = None if values is None else _known_length(values)
            if n_rows is not None and own is not None and own != n_rows:
                raise ValueError(f"{self.name} has {n_rows} rows, but {name} has {own}.")


def map_rows_lazily(method, X):
    """Return the answers of a method for rows that dask has, not computed yet.

    Parameters
    ----------
    method : callable
        It takes rows, and returns as many: an array of one axis or two.

    X : object
        What a user gave.

    Returns
    -------
    answers : array of dask or None
        In blocks of the same rows, of unknown lengths if X is a frame; None if X is no array
        or frame of dask with rows and columns.
    """
    if not is_deferred(X) or X.ndim != 2:
        return None
    if not _in_blocks(X):
        few = X.dtypes.map(lambda dtype: 0).to_frame().T.astype(X.dtypes)
        none = method(few)[:0]
        return X.map_partitions(_apply, method=method, none=none, meta=none)
    if not X.shape[1] > 0:  # nor unknown
        return None
    none = method(np.zeros((1, X.shape[1]), X.dtype))[:0]  # raises now if anything is wrong
    X = _whole_rows(X)
    shape = {"drop_axis": 1} if none.ndim == 1 else {"chunks": (X.chunks[0], none.shape[1:])}
    options = {"dtype": none.dtype, "meta": none, **shape}
    return X.map_blocks(_apply, method=method, none=none, **options)


def _apply(rows, method, none):
    return method(rows) if len(rows) else none


def _in_blocks(values):
    """Tell arrays from frames."""
    return hasattr(type(values), "numblocks")


def _whole_rows(values):
    """Put columns that are cut together."""
    return values.rechunk({1: -1}) if _in_blocks(values) and values.ndim == 2 else values


def _count_blocks(values):
    return values.numblocks[0] if _in_blocks(values) else values.npartitions


def _compute_blocks(values, run):
    parts = values.blocks if _in_blocks(values) else values.partitions
    return parts[run].compute()


def _known_length(values):
    """Return the number of rows, or None if nobody knows before all are computed."""
    known = not is_deferred(values) or (_in_blocks(values) and not np.isnan(values.shape[0]))
    return values.shape[0] if known else None


def _make_sliceable(values, name):
    """Return labels or weights that can be cut, lazy ones as they are."""
    if values is None or is_stored(values):
        return values
    if is_deferred(values):
        return _whole_rows(values)
    refuse_masked_array(values, name)
    if not hasattr(values, "iloc"):
        values = np.asarray(to_numpy(values, name))
    if values.ndim == 0:
        raise ValueError(f"{name} must have an entry for each row, got {quote(values)}.")
    return values


def _take_nothing(run, rows):
    return None


def _take_rows(values, run, rows):
    return _cut(values, rows)


def _take_computed_rows(values, run, rows):
    return values[rows].compute()


def _take_blocks(values, run, rows):
    return _compute_blocks(values, run)


def _cut(values, rows):
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]
