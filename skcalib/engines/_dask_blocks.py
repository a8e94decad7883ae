"""Blocks of rows from dask's arrays and frames: logits or probabilities, labels and weights."""

from itertools import pairwise

import numpy as np


def is_frame(values):
    """Tell whether it is a frame or a series of dask."""
    return (
        hasattr(values, "to_delayed")
        and hasattr(values, "npartitions")
        and not hasattr(values, "chunks")
    )


def refuse_eager(values, name):
    """Raise if values are not in dask."""
    if not _is_lazy(values):
        raise ValueError(
            f"{name} must be a dask.array.Array or a dask.dataframe.DataFrame, got a "
            f"{type(values).__name__}. What is in memory needs no engine: call the method or "
            "the metric itself."
        )


def align_blocks(X, y, sample_weight=None, names=("X", "y")):
    """Return for each block its rows of X, of y and of the weights, not computed.

    Parameters
    ----------
    X : dask.array.Array or dask.dataframe.DataFrame
        Tells the blocks.

    y, sample_weight : dask collection, array-like or None
        Cut as X if they can be.

    names : tuple of two str
        How the user calls X and y.

    Returns
    -------
    blocks : list of tuples (X, y, sample_weight)
        What is not None in them can be computed by dask.
    """
    refuse_eager(X, names[0])
    if not is_frame(X):
        X = X.rechunk({1: -1}) if X.ndim == 2 else X
    parts = _cut(X)
    others = [
        [None] * len(parts) if values is None else _cut_like(X, len(parts), values, *pair)
        for values, *pair in ((y, *names[::-1]), (sample_weight, "sample_weight", names[0]))
    ]
    return list(zip(parts, *others, strict=True))


def shares_of_rows(X, n_blocks):
    """Return the share of all rows that each block has; equal ones if that is not known."""
    lengths = _lengths(X) or ()
    total = sum(lengths)
    return [length / total for length in lengths] if total else [1 / n_blocks] * n_blocks


def _is_lazy(values):
    return hasattr(values, "__dask_graph__") and hasattr(values, "to_delayed")


def _cut(values):
    """Return the blocks of rows. Graphs stay as they are, so that what is shared is shared."""
    parts = values.to_delayed(optimize_graph=False)
    return list(parts) if is_frame(values) else list(parts.ravel())


def _lengths(values):
    """Return the lengths of the blocks, or None if one is unknown."""
    if is_frame(values) or np.isnan(values.chunks[0]).any():
        return None
    return values.chunks[0]


def _cut_like(X, n_blocks, values, name, leader):
    lengths = _lengths(X)
    if not _is_lazy(values):
        if lengths is None:
            raise ValueError(
                f"{name} is a {type(values).__name__}, which cannot be cut like {leader}: the "
                f"lengths of its blocks are not known. Take {name} from dask, too, or call "
                f"{leader}.compute_chunk_sizes() (of a frame: to_dask_array(lengths=True))."
            )
        values = _as_vector(values)
        _check_length(sum(lengths), len(values), name, leader)
        return _hand_over(values, lengths)
    if not is_frame(values):
        values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
        own = _lengths(values)
        if lengths is not None and own is not None and own != lengths:
            _check_length(sum(lengths), sum(own), name, leader)
            values = values.rechunk({0: lengths})
    elif getattr(values, "ndim", 1) == 2:
        raise ValueError(f"{name} must be a column, such as frame['label'], got a frame.")
    parts = _cut(values)
    if len(parts) != n_blocks:
        raise ValueError(
            f"{leader} has {n_blocks} blocks and {name} has {len(parts)}, and the lengths of "
            "some are not known. Make both from the same collection, or call "
            "compute_chunk_sizes() on arrays (of frames: to_dask_array(lengths=True))."
        )
    return parts


def _hand_over(values, lengths):
    """Give dask the parts of an array, each where it will be wanted; not again at each look."""
    from dask import delayed, persist

    bounds = pairwise(np.cumsum([0, *lengths]))
    return list(persist(*(delayed(values[first:last]) for first, last in bounds)))


def _as_vector(values):
    values = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    return values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values


def _check_length(expected, found, name, leader):
    if expected != found:
        raise ValueError(f"{leader} has {expected} rows, but {name} has {found}.")
