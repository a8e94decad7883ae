"""Affine calibrations in Keras's own layers, so that a saved model needs nothing else."""

import numpy as np



def write_layers(operations, logits, prefix):
    """Return what operations make of symbolic logits, in Keras's own layers.

    None if they hold another operation than those of temperature and affine maps.

    Parameters
    ----------
    operations : list of dict
        From logits to probabilities.
    logits : KerasTensor of shape (None, n_classes)
    prefix : str
        Of the names of layers.
    """
    plan = [_WRITERS.get(value["op"], _refuse)(value, logits.shape[-1]) for value in operations]
    if any(write is None for write in plan):
        return None
    for number, write in enumerate(plan):
        name = f"{prefix}_{number}_{operations[number]['op']}"
        logits = write(logits, name)
    return logits


def is_affine(operations, n_classes):
    """Tell whether `write_layers` writes all of these operations."""
    return all(_WRITERS.get(v["op"], _refuse)(v, n_classes) is not None for v in operations)


def split_in_two(x, name):
    """Return the logits -x/2 and x/2 of the log-odds of the second of two classes."""
    from keras import layers

    halves = [layers.Rescaling(f, name=f"{name}_{s}")(x) for s, f in (("no", -0.5), ("yes", 0.5))]
    return layers.Concatenate(name=name)(halves)


def choose_columns(x, numbers):
    """Return columns in another order."""
    from keras import ops

    return ops.take(x, np.array(numbers, "int32"), axis=-1)


def place_columns(x, numbers, width):
    """Return an array of `width` columns, zeros save for the given ones."""
    from keras import ops

    if list(numbers) == list(range(width)):
        return x
    source = np.full(width, len(numbers), "int32")
    source[numbers] = np.arange(len(numbers))
    return choose_columns(ops.concatenate([x, ops.zeros_like(x[:, :1])], axis=-1), source)


def dense(kernel, bias, name):
    """Return a dense layer of known weights."""
    from keras import layers

    layer = layers.Dense(kernel.shape[1], use_bias=bias is not None, name=name)
    layer.build((None, kernel.shape[0]))
    layer.set_weights([kernel] if bias is None else [kernel, bias])
    return layer


def _refuse(value, width):
    return None


def _write_scale(value, width):
    def write(x, name):
        from keras import layers

        return layers.Rescaling(value["factor"], name=name)(x)

    return write


def _write_log_softmax(value, width):
    def write(x, name):
        from keras import layers

        return layers.Activation("log_softmax", name=name)(x)

    return None if value["of_mean"] else write


def _write_clip(value, width):
    def write(x, name):
        from keras import layers, ops

        if value["factor"] != 1:
            x = layers.Rescaling(value["factor"], name=name)(x)
        return ops.clip(x, value["lowest"], value["highest"])

    return write


def _write_affine(value, width):
    # Not a layer with weights: its product would be rounded on graphics cards.
    factors, shifts = (np.array(value[key], "float32") for key in ("factors", "shifts"))
    return lambda x, name: x * factors + shifts


def _write_mix_columns(value, width):
    kernel, bias = np.array(value["matrix"]).T, np.array(value["shifts"])
    return lambda x, name: dense(kernel, bias, name)(x)


def _write_softmax(value, width):
    def write(x, name):
        from keras import layers

        return layers.Softmax(name=name)(x)

    return write


def _write_log(value, width):
    def write(x, name):
        from keras import ops

        return ops.log(x)

    return write


def _write_log_of_floored(value, width):
    def write(x, name):
        from keras import ops

        return ops.log(ops.maximum(x, value["floor"]))

    return write


def _write_mix(value, width):
    share = value["share"]

    def write(x, name):
        from keras import layers

        return layers.Rescaling(1 - share, share / width, name=name)(x)

    return write


def _write_one_vs_rest(value, width):
    """Write lines of the log-odds of two classes: the map of Platt scaling."""
    lines = [step for step in value["operations"] if step["op"] == "line"]
    plain = len(lines) == len(value["operations"]) and not value["unchanged"]
    if width != 2 or not plain or any(value["shares"]):
        return None
    slope, intercept = 1.0, 0.0
    for line in lines:
        slope = slope * line["factors"][0]
        intercept = intercept * line["factors"][0] + line["shifts"][0]

    def write(x, name):
        from keras import layers

        odds = choose_columns(x, [1]) - choose_columns(x, [0])
        odds = layers.Rescaling(slope, intercept, name=name)(odds)
        return layers.Softmax(name=f"{name}_softmax")(split_in_two(odds, f"{name}_logits"))

    return write


_WRITERS = {
    "scale": _write_scale,
    "log_softmax": _write_log_softmax,
    "clip": _write_clip,
    "affine": _write_affine,
    "mix_columns": _write_mix_columns,
    "softmax": _write_softmax,
    "log": _write_log,
    "log_of_floored": _write_log_of_floored,
    "mix": _write_mix,
    "one_vs_rest": _write_one_vs_rest,
    "one_vs_one": _write_one_vs_rest,
}
