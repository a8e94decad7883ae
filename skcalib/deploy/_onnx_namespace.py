"""Operations as nodes of an ONNX graph."""

import numpy as np

TYPES = {"float32": np.float32, "float64": np.float64}


class OnnxArray:
    """An array of a graph: the name of its value, its shape (rows are None), and its kind."""

    def __init__(self, namespace, name, shape, kind="float"):
        self.namespace = namespace
        self.name = name
        self.shape = shape
        self.kind = kind

    def __add__(self, other):
        return self.namespace.combine("Add", self, other)

    def __radd__(self, other):
        return self.namespace.combine("Add", other, self)

    def __sub__(self, other):
        return self.namespace.combine("Sub", self, other)

    def __rsub__(self, other):
        return self.namespace.combine("Sub", other, self)

    def __mul__(self, other):
        return self.namespace.combine("Mul", self, other)

    def __rmul__(self, other):
        return self.namespace.combine("Mul", other, self)

    def __truediv__(self, other):
        return self.namespace.combine("Div", self, other)

    def __rtruediv__(self, other):
        return self.namespace.combine("Div", other, self)

    def __neg__(self):
        return self.namespace.apply("Neg", self)

    def __lt__(self, other):
        return self.namespace.combine("Less", self, other, "bool")

    def __le__(self, other):
        return self.namespace.combine("LessOrEqual", self, other, "bool")

    def __gt__(self, other):
        return self.namespace.combine("Greater", self, other, "bool")

    def __ge__(self, other):
        return self.namespace.combine("GreaterOrEqual", self, other, "bool")

    def __eq__(self, other):
        return self.namespace.combine("Equal", self, other, "bool")

    __hash__ = None


class OnnxNamespace:
    """The functions of which every operation is made, each adding a node to a graph.

    Parameters
    ----------
    add_node : callable
        Adds a node, ``add_node(op_type, inputs, **attributes)``, and returns the name of its
        output.

    add_constant : callable
        Adds an initial value, a NumPy array, and returns its name.

    dtype : {"float32", "float64"}
        Of the numbers.

    opset : int
        The version of ONNX's operators.
    """

    def __init__(self, add_node, add_constant, dtype, opset):
        self.add_node = add_node
        self.dtype = TYPES[dtype]
        self.opset = opset
        self.eps = float(np.finfo(self.dtype).eps)
        self.tiny = float(np.finfo(self.dtype).tiny)
        self._add_constant = add_constant
        self._constants = {}

    def array(self, name, width):
        """Return a value of the graph that is there already, one row a sample."""
        return OnnxArray(self, name, (None, width))

    def constant(self, values):
        """Return numbers as an initial value."""
        with np.errstate(over="ignore"):
            return self._constant(np.asarray(values, dtype=np.float64).astype(self.dtype))

    def index_constant(self, values):
        """Return whole numbers as an initial value."""
        return self._constant(np.asarray(values, dtype=np.int64), "int")

    def _constant(self, values, kind="float"):
        key = (values.tobytes(), values.shape, values.dtype.str)
        if key not in self._constants:
            self._constants[key] = self._add_constant(values)
        return OnnxArray(self, self._constants[key], values.shape, kind)

    def add_values(self, values):
        """Add an initial value of any type, and return its name."""
        return self._add_constant(values)

    def _array(self, value, like):
        if isinstance(value, OnnxArray):
            return value
        return self.index_constant(value) if like.kind == "int" else self.constant(value)

    def combine(self, op_type, left, right, kind=None):
        """Add a node of two arrays, of which one may be a Python number."""
        like = left if isinstance(left, OnnxArray) else right
        left, right = self._array(left, like), self._array(right, like)
        name = self.add_node(op_type, [left.name, right.name])
        return OnnxArray(self, name, _broadcast(left, right), kind or like.kind)

    def apply(self, op_type, x):
        """Add a node of one array that keeps its shape."""
        return OnnxArray(self, self.add_node(op_type, [x.name]), x.shape, x.kind)

    def exp(self, x):
        """Return exponentials."""
        return self.apply("Exp", x)

    def log(self, x):
        """Return logarithms."""
        return self.apply("Log", x)

    def sqrt(self, x):
        """Return square roots."""
        return self.apply("Sqrt", x)

    def absolute(self, x):
        """Return absolute values."""
        return self.apply("Abs", x)

    def round(self, x):
        """Return the nearest whole numbers."""
        return self.apply("Round", x)

    def maximum(self, a, b):
        """Return the larger."""
        return self.combine("Max", a, b)

    def minimum(self, a, b):
        """Return the smaller."""
        return self.combine("Min", a, b)

    def where(self, condition, a, b):
        """Choose by a condition."""
        name = self.add_node("Where", [condition.name, a.name, b.name])
        return OnnxArray(self, name, _broadcast(condition, a, b), a.kind)

    def sum(self, x):
        """Return the sum of each row."""
        axes = self.index_constant([-1])
        name = self.add_node("ReduceSum", [x.name, axes.name], keepdims=1)
        return OnnxArray(self, name, (*x.shape[:-1], 1))

    def max(self, x):
        """Return the largest of each row."""
        if self.opset >= 18:
            axes = self.index_constant([-1])
            name = self.add_node("ReduceMax", [x.name, axes.name], keepdims=1)
        else:
            name = self.add_node("ReduceMax", [x.name], axes=[-1], keepdims=1)
        return OnnxArray(self, name, (*x.shape[:-1], 1))

    def columns(self, x, numbers):
        """Return some columns."""
        numbers = self.index_constant(numbers)
        name = self.add_node("Gather", [x.name, numbers.name], axis=-1)
        return OnnxArray(self, name, (*x.shape[:-1], *numbers.shape), x.kind)

    def concat(self, arrays):
        """Put arrays side by side."""
        name = self.add_node("Concat", [each.name for each in arrays], axis=-1)
        width = sum(each.shape[-1] for each in arrays)
        return OnnxArray(self, name, (*arrays[0].shape[:-1], width))

    def matmul(self, x, matrix):
        """Return a product with a constant matrix."""
        name = self.add_node("MatMul", [x.name, matrix.name])
        return OnnxArray(self, name, (*x.shape[:-1], matrix.shape[-1]))

    def lookup(self, table, index):
        """Return entries of a constant vector."""
        name = self.add_node("Gather", [table.name, index.name], axis=0)
        return OnnxArray(self, name, index.shape, table.kind)

    def as_index(self, condition):
        """Return 1 where a condition holds, else 0."""
        name = self.add_node("Cast", [condition.name], to=7)  # TensorProto.INT64
        return OnnxArray(self, name, condition.shape, "int")


def _broadcast(*arrays):
    """Return the shape of what arrays are broadcast to; None is the number of rows."""
    n_axes = max(len(each.shape) for each in arrays)
    shapes = [(1,) * (n_axes - len(each.shape)) + tuple(each.shape) for each in arrays]
    return tuple(_longest(lengths) for lengths in zip(*shapes, strict=True))


def _longest(lengths):
    return None if None in lengths else max(lengths)
