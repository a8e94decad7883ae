"""Affine calibrations in Keras's own layers and operations: a saved model needs nothing else.

What the layers hold are the numbers of the description. All but matrices are applied entry
by entry, which no product of a graphics card rounds.
"""

import numpy as np


def is_affine(operations, n_classes):
    """Tell whether these are operations of temperature and affine maps only."""
    return all(
        value["op"] in _WRITERS and _CONDITIONS.get(value["op"], _always)(value, n_classes)
        for value in operations
    )


def write_layers(operations, x, prefix, dtype):
    """Return what affine operations make of symbolic logits or probabilities.

    Parameters
    ----------
    operations : list of dict
        For which `is_affine` is true.
    x : KerasTensor of shape (None, n_classes)
    prefix : str
        Of the names of layers.
    dtype : {"float32", "float64"}
    """
    for number, value in enumerate(operations):
        about = {"name": f"{prefix}_{number}_{value['op']}", "dtype": dtype}
        x = _WRITERS[value["op"]](value, x, about)
    return x


def split_in_two(x, name, dtype):
    """Return the logits -x/2 and x/2 of the log-odds of the second of two classes."""
    from keras import layers

    halves = [
        layers.Rescaling(factor, name=f"{name}_{which}", dtype=dtype)(x)
        for which, factor in (("first", -0.5), ("second", 0.5))
    ]
    return layers.Concatenate(name=name, dtype=dtype)(halves)


def add_complement(x, name, dtype):
    """Return the probabilities 1 - x and x."""
    from keras import layers

    rest = layers.Rescaling(-1.0, 1.0, name=f"{name}_first", dtype=dtype)(x)
    return layers.Concatenate(name=name, dtype=dtype)([rest, x])


def take_log_sigmoid(x):
    """Return logarithms of sigmoids; their own function is not one of TFLite's."""
    from keras import ops

    return ops.minimum(x, 0.0) - ops.log(1.0 + ops.exp(-ops.absolute(x)))


def take_log_of_floored(x, floor):
    """Return logarithms of probabilities, none below the floor."""
    from keras import ops

    return ops.log(ops.maximum(x, floor))


def rescale(x, factor, offset, about):
    """Return factor * x + offset, by a layer that does not round these to float32."""
    from keras import layers

    if about["dtype"] == "float64":
        factor, offset = np.array(factor, "float64"), np.array(offset, "float64")
    return layers.Rescaling(factor, offset, **about)(x)


def choose_columns(x, numbers):
    """Return columns in another order."""
    from keras import ops

    if list(numbers) == list(range(x.shape[-1])):
        return x
    return ops.take(x, np.array(numbers, "int32"), axis=-1)


def place_columns(x, numbers, width):
    """Return an array of `width` columns, zeros save for the given ones."""
    from keras import ops

    if list(numbers) == list(range(width)):
        return x
    source = np.full(width, len(numbers), "int32")
    source[numbers] = np.arange(len(numbers))
    return choose_columns(ops.concatenate([x, ops.zeros_like(x[:, :1])], axis=-1), source)


def _write_scale(value, x, about):
    return rescale(x, value["factor"], 0.0, about)


def _write_log_softmax(value, x, about):
    from keras import layers

    return layers.Activation("log_softmax", **about)(x)


def _write_clip(value, x, about):
    from keras import ops

    if value["factor"] != 1:
        x = rescale(x, value["factor"], 0.0, about)
    return ops.clip(x, value["lowest"], value["highest"])


def _write_add_columns(value, x, about):
    factors, shifts = (np.array(value[key], about["dtype"]) for key in ("factors", "shifts"))
    return x + (x * factors + shifts)


def _write_add_product(value, x, about):
    from keras import layers

    matrix = np.array(value["matrix"])
    layer = layers.Dense(len(matrix), **about)
    layer.build((None, len(matrix)))
    layer.set_weights([matrix.T, np.array(value["shifts"])])
    return x + layer(x)


def _write_softmax(value, x, about):
    from keras import layers

    return layers.Softmax(**about)(x)


def _write_log(value, x, about):
    from keras import ops

    return ops.log(x)


def _write_log_of_floored(value, x, about):
    return take_log_of_floored(x, value["floor"])


def _write_mix(value, x, about):
    share = value["share"]
    return rescale(x, 1 - share, share / x.shape[-1], about)


def _write_line(value, x, about):
    """Write lines of the log-odds of two classes: the map of Platt scaling."""
    from keras import layers

    x = choose_columns(x, [1]) - choose_columns(x, [0])
    for number, line in enumerate(value["operations"]):
        named = {**about, "name": f"{about['name']}_{number}"}
        x = rescale(x, line["factors"][0], line["shifts"][0], named)
    x = split_in_two(x, f"{about['name']}_logits", about["dtype"])
    return layers.Softmax(**about)(x)


def _always(value, n_classes):
    return True


def _is_line(value, n_classes):
    plain = all(line["op"] == "line" for line in value["operations"])
    return n_classes == 2 and plain and not value["unchanged"] and not any(value["shares"])


_WRITERS = {
    "scale": _write_scale,
    "log_softmax": _write_log_softmax,
    "clip": _write_clip,
    "add_columns": _write_add_columns,
    "add_product": _write_add_product,
    "softmax": _write_softmax,
    "log": _write_log,
    "log_of_floored": _write_log_of_floored,
    "mix": _write_mix,
    "one_vs_rest": _write_line,
    "one_vs_one": _write_line,
}
_CONDITIONS = {
    "one_vs_rest": _is_line,
    "one_vs_one": _is_line,
    "log_softmax": lambda value, n_classes: not value["of_mean"],
}
