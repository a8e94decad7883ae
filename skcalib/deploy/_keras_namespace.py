"""The functions of operations in Keras, on TensorFlow, JAX and torch."""

import numpy as np


class KerasNamespace:
    """The functions of operations, on tensors of one floating type.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    """

    def __init__(self, dtype):
        from keras import ops

        self.eps, self.tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
        self._dtype = dtype
        self._ops = ops
        for name in ("exp", "log", "sqrt", "absolute", "round", "maximum", "minimum"):
            setattr(self, name, getattr(ops, name))
        self.where = ops.where
        self.matmul = ops.matmul

    def constant(self, values):
        """Return numbers as a tensor."""
        return self._ops.convert_to_tensor(np.asarray(values, self._dtype))

    def index_constant(self, values):
        """Return whole numbers as a tensor."""
        return self._ops.convert_to_tensor(np.asarray(values, "int32"))

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
        return self._ops.take(table, index)

    def as_index(self, condition):
        """Return 1 where a condition holds, else 0."""
        return self._ops.cast(condition, "int32")
