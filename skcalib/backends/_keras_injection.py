"""Where dropout is put into a Keras graph that has none: after which of its calls."""

from keras import activations, layers

_ACTIVATIONS = (layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU)


def calls_to_drop_after(steps, output, inject, name):
    """Return the numbers of the steps after which dropout shall stand.

    Parameters
    ----------
    steps : list of Step
        Of the whole graph, nested models included, in the order of the calls.

    output : int
        Slot of the model's output.

    inject : "hidden", "last" or list of str
        After each hidden activation; before the output layer; after the layers of these names.

    name : str
        Of the model, for messages.
    """
    if not isinstance(inject, str):
        return _find_by_names(steps, inject, name)
    last = _output_layer(steps, output)
    if last is None:
        raise ValueError(
            f"{name} has no layer with weights at its end, so inject={inject!r} has no "
            "effect. Pass a list of names of layers, after which dropout is added."
        )
    found = {
        number for number, step in enumerate(steps[:last]) if _is_activation(step.operation)
    }
    if inject == "last":
        source = steps[last].sources[0][1]
        found = {number for number, step in enumerate(steps) if source in step.targets}
    if not found:
        raise ValueError(
            f"{name} has no hidden layer, so inject={inject!r} has nowhere to add dropout."
        )
    return found


def _find_by_names(steps, names, name):
    known = {getattr(step.operation, "name", None) for step in steps}
    if strange := [x for x in names if x not in known]:
        raise ValueError(
            f"inject names {strange}, but {name} has the layers {sorted(filter(None, known))}."
        )
    return {k for k, step in enumerate(steps) if getattr(step.operation, "name", None) in names}


def _output_layer(steps, output):
    """Return the number of the last step with weights that leads to the output."""
    needed = {output}
    for number in reversed(range(len(steps))):
        step = steps[number]
        if needed.intersection(step.targets):
            if len(getattr(step.operation, "weights", ())) > 0:
                return number
            needed.update(slot for _, slot in step.sources)
    return None


def _is_activation(operation):
    if isinstance(operation, _ACTIVATIONS):
        return getattr(operation, "activation", None) is not activations.softmax
    return getattr(operation, "activation", activations.linear) is not activations.linear
