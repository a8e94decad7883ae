"""Whatever scikit-learn calls X as arrays that a network takes, cut into batches."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import issparse

from skcalib.backends._foreign import to_numpy

BATCH_ENTRIES = 2**20  # input values in a batch, if the batch size is left to us
FEWEST_ROWS, MOST_ROWS = 32, 2048


class Inputs(tuple):
    """Several inputs in the order of a network's; a plain tuple holds samples."""

    __slots__ = ()


def sort_inputs(X):
    """Return a dict whose keys are the numbers from 0 as Inputs; anything else as it is."""
    if isinstance(X, Mapping) and X and set(X) == set(range(len(X))):
        return Inputs(X[number] for number in range(len(X)))
    return X


def map_arrays(function, X):
    """Apply a function to each input: a dict or Inputs holds several."""
    if isinstance(X, Mapping):
        return {name: function(part) for name, part in X.items()}
    if isinstance(X, Inputs):
        return Inputs(function(part) for part in X)
    return function(X)


def list_for_keras(X):
    """Return several inputs as the list that Keras takes."""
    return list(X) if isinstance(X, Inputs) else X


def list_arrays(X):
    """List the inputs."""
    if isinstance(X, Mapping):
        return list(X.values())
    return list(X) if isinstance(X, Inputs) else [X]


def as_arrays(X):
    """Return dense arrays, object arrays of numbers as numbers."""
    return _dense(X) if issparse(X) else map_arrays(_dense, X)


def check_arrays(X):
    """Return dense arrays that hold equally many samples, one or more, or raise."""
    X = as_arrays(X)
    lengths = {len(part) if part.ndim else 0 for part in list_arrays(X)}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"X must hold one or more samples, got lengths {lengths}.")
    return X


def _dense(part):
    if issparse(part):
        return part.toarray()
    if hasattr(part, "detach") and part.device.type != "meta":
        part = part.detach().cpu()
    part = np.asarray(to_numpy(part))
    if part.dtype.kind == "U":
        return part.astype(object)  # one type for text of any length
    if part.dtype == object:
        numbers = np.asarray(part.tolist())
        return numbers if numbers.dtype.kind in "iufb" else part
    return part.astype(np.float64) if part.dtype == np.longdouble else part


def count_all_rows(X):
    """Count the rows of all inputs, of sparse ones, too."""
    return list_arrays(X)[0].shape[0]


def choose_batch_size(X):
    """Return how many rows make a batch if the batch size is left to us."""
    entries = sum(int(np.prod(part.shape[1:])) for part in list_arrays(X))
    return int(np.clip(BATCH_ENTRIES // max(1, entries), FEWEST_ROWS, MOST_ROWS))


def batches(X, batch_size):
    """Yield batches of equally many rows of all inputs (the last may be shorter)."""
    batch_size = choose_batch_size(X) if batch_size is None else batch_size
    for start in range(0, count_all_rows(X), batch_size):
        yield map_arrays(lambda part, s=start: part[s : s + batch_size], X)


def reshape_logits(values, n_rows, owner):
    """Return one row for each sample, or say what shape came."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        values = values.astype(np.float32)  # bfloat16, which NumPy does not know
    if n_rows == 1 and values.ndim < 2:  # some networks squeeze
        values = values.reshape(1, -1)
    columns = max(values.shape[1:], default=1)
    if values.shape[:1] != (n_rows,) or values.size != n_rows * columns:
        raise ValueError(
            f"{owner} returned an array of shape {values.shape} for {n_rows} samples; it "
            "must return a row for each sample and a column for each class (or target)."
        )
    return values.reshape(n_rows, -1)


def join_batches(answers, owner):
    """Join the answers for all batches; they must have ended in the same operation."""
    endings = {last_activation for _, last_activation in answers}
    if len(endings) > 1:
        raise ValueError(
            f"{owner} ends in one operation for some rows and in another for others "
            f"({', '.join(sorted(map(str, endings)))}), so its logits cannot be told "
            "from its probabilities. Give a network that ends before them."
        )
    return np.concatenate([values for values, _ in answers]), endings.pop()
