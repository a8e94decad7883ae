"""Whatever scikit-learn calls X as arrays that a network takes, cut into batches."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse

BATCH_ENTRIES = 2**20  # input values in a batch, if the batch size is left to us
FEWEST_ROWS, MOST_ROWS = 32, 2048


def map_arrays(function, X):
    """Apply a function to each input: a dict or a tuple holds several."""
    if isinstance(X, Mapping):
        return {name: function(part) for name, part in X.items()}
    if isinstance(X, tuple):
        return tuple(function(part) for part in X)
    return function(X)


def each_array(X):
    """List the inputs."""
    if isinstance(X, Mapping):
        return list(X.values())
    return list(X) if isinstance(X, tuple) else [X]


def as_arrays(X):
    """Return dense arrays, object arrays of numbers as numbers."""
    if not isinstance(X, Mapping) or hasattr(X, "shape"):
        return X if isinstance(X, tuple) else _dense(X)
    return map_arrays(_dense, X)


def _dense(part):
    if issparse(part):
        return part.toarray()
    if hasattr(part, "detach"):
        part = part.detach().cpu()
    part = np.asarray(part)
    if part.dtype == object:
        try:
            return part.astype(np.float64)
        except (TypeError, ValueError):
            return part  # text, say
    return part


def batches(X, batch_size):
    """Yield batches of equally many rows of all inputs (the last may be shorter)."""
    parts = each_array(X)
    n_rows = len(parts[0])
    if batch_size is None:
        entries = sum(part.size for part in parts) // max(1, n_rows)
        batch_size = int(np.clip(BATCH_ENTRIES // max(1, entries), FEWEST_ROWS, MOST_ROWS))
    for start in range(0, n_rows, batch_size):
        yield map_arrays(lambda part, s=start: part[s : s + batch_size], X)


def rows_of_logits(values, n_rows, owner):
    """Return one row for each sample, or say what shape came."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        values = values.astype(np.float32)  # bfloat16, which NumPy does not know
    columns = max(values.shape[1:], default=1)
    if values.shape[:1] != (n_rows,) or values.size != n_rows * columns:
        raise ValueError(
            f"{owner} answers with an array of shape {values.shape} for {n_rows} samples; a "
            "classifier's answer has a row for each sample and a column for each class."
        )
    return values.reshape(n_rows, -1)


def refuse_several_outputs(output, owner):
    """Raise if a network answers with more than one array."""
    if isinstance(output, Mapping | list | tuple):
        raise ValueError(
            f"{owner} has {len(output)} outputs; a classifier has one. Give a network that "
            "ends at the output with the classes."
        )
    return output
