"""Tensors of torch, TensorFlow and JAX, and tables of Arrow, as NumPy arrays.

No library is imported for that. Whose an object is, the packages of its class and of its
ancestors tell; a library that is not loaded has none.
"""

from importlib import import_module

import numpy as np
from sklearn import get_config

_TENSORS = {"torch", "tensorflow", "jax", "jaxlib", "keras"}
_TABLES = {"pyarrow"}
_ON_DEVICE = {"torch", "cupy", "array_api_strict"}  # computed with where they are, if asked to


def to_numpy(values, name="X"):
    """Return a tensor, a table, or a list of such as an array; anything else as it is.

    The precision is its own: float32 stays float32. What NumPy does not know (bfloat16)
    becomes float32. Frames of pandas stay, since whoever asks may want their names.

    Parameters
    ----------
    values : object
        Whatever a user gave.

    name : str
        What the user calls it, for messages.

    Raises
    ------
    ValueError
        If it is a tensor on another device than the CPU.
    """
    if isinstance(values, np.ndarray | list | tuple):
        return _stack(values, name)
    packages = _packages(values)
    if packages & _TABLES:
        return _from_table(values)
    if packages & _ON_DEVICE and dispatches():
        values = _move_to_host(values)
    if not (packages & _TENSORS and hasattr(values, "dtype")):
        return values
    if "torch" in packages and hasattr(values, "detach"):
        return _from_torch(values, name)
    return _from_half(np.asarray(values.numpy() if hasattr(values, "numpy") else values))


def dispatches():
    """Tell whether scikit-learn is set to compute with arrays where they are."""
    return bool(get_config().get("array_api_dispatch"))


def device_namespace(values):
    """Return the namespace of an array that is to be computed with where it is, or None.

    That is one of torch, CuPy or array-api-strict while scikit-learn's option
    `array_api_dispatch` is set. Arrays of JAX, which have no float64 by default, are not.
    """
    if not (_packages(values) & _ON_DEVICE and hasattr(values, "dtype") and dispatches()):
        return None
    return namespace_of(values)


def namespace_of(values):
    """Return the namespace of an array by the array API standard, NumPy's included."""
    return import_module("sklearn.externals.array_api_compat").array_namespace(values)


def _move_to_host(values):
    if hasattr(values, "get") and not hasattr(values, "detach"):
        return values.get()  # CuPy
    if hasattr(values, "detach"):
        return values.detach().cpu() if values.device.type != "meta" else values
    return np.asarray(values)


def is_table(values):
    """Tell whether this is a table (or a column) of Arrow."""
    return bool(_packages(values) & _TABLES)


def is_foreign(values):
    """Tell whether `to_numpy` makes an array of it."""
    packages = _packages(values)
    return bool(packages & _TABLES or (packages & _TENSORS and hasattr(values, "dtype")))


def _packages(values):
    return {cls.__module__.split(".")[0] for cls in type(values).__mro__}


def _stack(values, name):
    """Stack lists of tensors; arrays and other lists stay."""
    if isinstance(values, np.ndarray):
        return _from_half(values)
    if len(values) == 0 or not is_foreign(values[0]):
        return values
    parts = [np.asarray(to_numpy(part, name)) for part in values]
    if len({part.shape for part in parts}) > 1:
        return values  # whoever asked says what is wrong
    return np.stack(parts)


def _from_torch(values, name):
    if values.device.type != "cpu":
        lost = " and holds no values" if values.device.type == "meta" else ""
        raise ValueError(
            f"{name} is a torch tensor on the device {str(values.device)!r}{lost}; NumPy works "
            f"on the CPU. Give {name}.cpu(), or {name}.detach().cpu().numpy(); or compute "
            "there, with sklearn.config_context(array_api_dispatch=True)."
        )
    values = values.detach()
    if str(values.layout) != "torch.strided":
        values = values.to_dense()
    if values.dtype.is_floating_point and str(values.dtype) not in (
        *("torch.float16", "torch.float32", "torch.float64"),
    ):
        values = values.float()  # bfloat16, and what is smaller
    return values.numpy(force=True)


def _from_half(values):
    """Return float32 for the types that NumPy knows by another package only."""
    is_float = values.dtype.kind == "V" and "float" in values.dtype.name
    return values.astype(np.float32) if is_float else values


def _from_table(values):
    if hasattr(values, "columns") and hasattr(values, "shape"):
        return _from_columns([_from_column(column) for column in values.columns], values.shape)
    return _from_column(values)


def _from_columns(columns, shape):
    if len(columns) == 1 and columns[0].ndim == 2:
        return columns[0]  # a column of lists
    if not columns:
        return np.empty(shape)
    numeric = all(column.dtype.kind in "biuf" for column in columns)
    dtype = np.result_type(*columns) if numeric else object
    return np.stack([column.astype(dtype, copy=False) for column in columns], axis=1)


def _from_column(column):
    try:
        values = column.to_numpy(zero_copy_only=False)
    except TypeError:  # older columns in chunks take no argument
        values = column.to_numpy()
    lists = values.dtype == object and len(values) and isinstance(values[0], np.ndarray)
    if lists and len({len(row) for row in values}) == 1:
        return np.stack(values)
    return values
