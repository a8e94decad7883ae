"""The functions of operations in Keras, on TensorFlow, JAX and torch."""

import numpy as np


class KerasNamespace:
    """The functions of operations, on tensors of one floating type.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    """

    def __init__(self, dtype):
        from keras import config, ops

        self.eps, self.tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
        self._dtype = dtype
        self._ops = ops
        self._indexes = config.backend() == "torch"
        for name in ("exp", "log", "sqrt", "absolute", "round", "where"):
            setattr(self, name, getattr(ops, name))

    def constant(self, values):
        """Return numbers as a tensor."""
        values, largest = np.asarray(values, np.float64), np.finfo(self._dtype).max
        within = np.where(np.isfinite(values), np.clip(values, -largest, largest), values)
        return self._ops.convert_to_tensor(within.astype(self._dtype))

    def index_constant(self, values):
        """Return whole numbers as a tensor."""
        return self._ops.convert_to_tensor(np.asarray(values, "int32"))

    # On torch, Keras's own functions for these three return float32 for float64.
    def maximum(self, x, y):
        """Return the larger of each two."""
        return self._ops.where(x > y, x, y)

    def minimum(self, x, y):
        """Return the smaller of each two."""
        return self._ops.where(x < y, x, y)

    def matmul(self, x, matrix):
        """Return the product with a constant matrix."""
        return x @ matrix

    def sum(self, x):
        """Return the sum of each row."""
        return self._ops.sum(x, axis=-1, keepdims=True)

    def max(self, x):
        """Return the largest of each row."""
        return self._ops.max(x, axis=-1, keepdims=True)

    def columns(self, x, numbers):
        """Return some columns."""
        return self._ops.concatenate([x[..., k : k + 1] for k in numbers], axis=-1)

    def concat(self, arrays):
        """Put tensors side by side."""
        return self._ops.concatenate(arrays, axis=-1)

    def lookup(self, table, index):
        """Return entries of a vector."""
        # On torch, what take becomes is refused by ONNX Runtime.
        return table[index] if self._indexes else self._ops.take(table, index)

    def as_index(self, condition):
        """Return 1 where a condition holds, else 0."""
        return self._ops.cast(condition, "int32")
