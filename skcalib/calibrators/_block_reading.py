"""Blocks of rows as calibrators read them: logits, labels and weights, checked."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from skcalib.inputs import (
    check_logits,
    check_some_labels,
    column_names,
    cut_long_array,
    float_array,
    refuse_masked_array,
    to_numpy,
)
from skcalib.messages import quote

SHAPE = "(logits, y) or (logits, y, sample_weight)"


class Block(NamedTuple):
    """The rows of positive weight of one block."""

    logits: np.ndarray  # (n_rows, n_columns), as they came, masked ones -inf
    labels: np.ndarray  # sorted, those that occur
    codes: np.ndarray  # (n_rows,), the place of each row's label among them
    weight: np.ndarray  # (n_rows,), positive
    names: list | None  # of the columns of a frame


def iterate(blocks):
    """Return a fresh iterator over blocks, or say why there is none."""
    if isinstance(blocks, Iterator):
        raise ValueError(
            f"blocks is a {type(blocks).__name__}, which can be read once only, and a fit "
            "looks at the rows two or three times. Pass the function that makes it "
            "(fit_blocks(lambda: read_blocks(path)), not fit_blocks(read_blocks(path))), or a "
            "list; if the rows cannot be made again, write them to a file first."
        )
    found = blocks() if callable(blocks) and not hasattr(blocks, "__iter__") else blocks
    try:
        return iter(found)
    except TypeError:
        raise ValueError(
            f"blocks must be an iterable of {SHAPE}, or a function that returns a fresh "
            f"iterator of them, got {quote(blocks)}."
        ) from None


def cut_block(block):
    """Yield a block, or parts of one that is long; each with the number of its first row."""
    slices = None
    if isinstance(block, tuple | list) and len(block) in (2, 3):
        slices = cut_long_array(block[0])
    if slices is None:
        yield 0, block
        return
    for part in block[1:]:
        refuse_masked_array(part, "y or sample_weight")
    others = [None if part is None else np.asarray(to_numpy(part)) for part in block[1:]]
    lengths = {part.shape[0] for part in (block[0], *others) if np.ndim(part)}
    if len(lengths) > 1:
        raise ValueError(f"logits, y and sample_weight have different lengths, {lengths}.")
    for rows in slices:
        yield rows.start, (block[0][rows], *(p if p is None else p[rows] for p in others))


def read_block(block):
    """Return a Block, or None if there is no row of positive weight."""
    if not isinstance(block, tuple | list) or len(block) not in (2, 3):
        raise ValueError(f"a block is {SHAPE}, got a {type(block).__name__}.")
    X, y, sample_weight = block if len(block) == 3 else (*block, None)
    names = column_names(X)
    logits = float_array(X, "logits")
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ValueError(
            "logits must have a column for each class (or a single one of binary decision "
            f"values), got shape {logits.shape}."
        )
    if len(logits) == 0:
        return None
    logits = check_logits(logits, "logits")
    y, labels, codes = check_some_labels(y)
    check_consistent_length(logits, y)
    refuse_masked_array(sample_weight, "sample_weight")
    sample_weight = to_numpy(sample_weight, "sample_weight")
    if np.shape(sample_weight) == (len(y),) and not np.asarray(sample_weight).any():
        return None
    weight = _check_sample_weight(
        sample_weight, logits, dtype=np.float64, ensure_non_negative=True
    )
    used = weight > 0
    if not used.all():
        logits, codes, weight = logits[used], codes[used], weight[used]
        labels, codes = _only_present(labels, codes)
    return Block(logits, labels, codes, weight, names) if len(codes) else None


def _only_present(labels, codes):
    present, codes = np.unique(codes, return_inverse=True)
    return labels[present], codes


def as_columns(logits):
    """Return logits with a column for each class: a single one is a decision value."""
    if logits.shape[1] > 1:
        return logits
    half = logits / 2  # of a subnormal number rounded; the difference is the value all the same
    return np.hstack([-half, logits - half])
