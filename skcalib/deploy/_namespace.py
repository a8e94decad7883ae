"""What the interpreter asks of an engine, and how NumPy answers."""

import numpy as np


class NumpyNamespace:
    """The functions of which every operation is made; here those of NumPy in float64.

    An engine (a framework, or a builder of graphs) is an object with the same attributes:

    - ``eps`` and ``tiny``: the distance from 1 to the next number of its floating type, and
      its smallest normal number;
    - ``constant(values)``: a float array, from a NumPy array or a number;
    - ``index_constant(values)``: an array of integers;
    - ``exp, log, sqrt, absolute, round`` of one float array (round: halves to even);
    - ``maximum, minimum`` of two float arrays, ``where`` of a condition and two;
    - ``sum, max``: over the last axis, which is kept with length one;
    - ``columns(x, numbers)``: columns of the last axis, by a list of integers;
    - ``concat(arrays)``: side by side, along the last axis;
    - ``matmul(x, matrix)``: of (n, k) with a constant (k, m);
    - ``lookup(table, index)``: entries of a constant vector, for an array of integers;
    - ``as_index(condition)``: 1 where it holds, else 0; integers that ``lookup`` takes.

    Arrays have two axes, rows first, or are constants, which broadcast to them. They know
    ``+ - * /`` with each other and with Python numbers (on the left, too), unary ``-``, and
    ``< <= > >= ==`` with each other and with Python numbers, which give conditions. The
    functions are given arrays only, never Python numbers. Logarithms of zero are minus
    infinity and do not raise; 0 / 0 may occur where ``where`` leaves the result out.
    """

    eps = float(np.finfo(np.float64).eps)
    tiny = float(np.finfo(np.float64).tiny)

    def constant(self, values):
        """Return numbers as an array."""
        return np.asarray(values, dtype=np.float64)

    def index_constant(self, values):
        """Return whole numbers as an array."""
        return np.asarray(values, dtype=np.int64)

    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    sqrt = staticmethod(np.sqrt)
    absolute = staticmethod(np.abs)
    round = staticmethod(np.rint)
    maximum = staticmethod(np.maximum)
    minimum = staticmethod(np.minimum)
    where = staticmethod(np.where)
    matmul = staticmethod(np.matmul)

    def sum(self, x):
        """Return the sum of each row."""
        # NumPy is slow at reducing many short rows; and column by column is how the
        # calibrators add, so that not even the last digit differs.
        return np.ascontiguousarray(x.T).sum(axis=0)[:, np.newaxis]

    def max(self, x):
        """Return the largest of each row."""
        return x.max(axis=-1, keepdims=True)

    def columns(self, x, numbers):
        """Return some columns."""
        return x[..., numbers]

    def concat(self, arrays):
        """Put arrays side by side."""
        return np.concatenate(arrays, axis=-1)

    def lookup(self, table, index):
        """Return entries of a vector."""
        return table[index]

    def as_index(self, condition):
        """Return 1 where a condition holds, else 0."""
        return condition.astype(np.int64)
