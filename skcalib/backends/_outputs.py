"""The output with the classes, in whatever a network answers with."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

WAY_OUT = (
    "Say which one for classes: FrozenNetwork(model, output='its name, or its number'). Or "
    "pass a network that ends at the output with the classes: for torch a module whose forward "
    "returns net(x).logits, for example; for Keras keras.Model(model.inputs, that_output)."
)


def get_only_output(output, owner):
    """Return the only output, or the one called logits, of a network; else raise.

    A dict, a dataclass, a named tuple or another object may hold it.
    """
    while not hasattr(output, "shape"):
        parts = _parts(output)
        if parts is None:
            raise ValueError(
                f"{owner} returned a {type(output).__name__}, which is not an array, and has "
                f"neither an attribute nor a key 'logits'. {WAY_OUT}"
            )
        parts = {name: part for name, part in parts.items() if part is not None}
        if "logits" in parts:
            output = parts["logits"]
        elif len(parts) == 1:
            (output,) = parts.values()
        else:
            names = f" (here: {', '.join(map(str, parts))})" if parts else ""
            raise ValueError(
                f"{owner} has {len(parts)} outputs; a classifier has one, or one that is "
                f"called logits{names}. {WAY_OUT}"
            )
    return output


def choose_of(outputs, which, owner, names=()):
    """Return one of several outputs.

    Parameters
    ----------
    outputs : object
        A dict, a list, a named tuple, a dataclass or another object with attributes.
    which : str or int
        A name (a key, an attribute), or a number from 0.
    owner : str
        The network's name, for messages.
    names : sequence of str
        Of the outputs in a list, if these have any.
    """
    parts = None if hasattr(outputs, "shape") else _parts(outputs)
    if isinstance(which, int) and isinstance(outputs, tuple):
        parts = dict(enumerate(outputs))  # of a named tuple, too
    if parts is None and isinstance(which, str) and hasattr(outputs, which):
        parts = {which: getattr(outputs, which)}
    if parts is None:
        raise ValueError(
            f"{owner} has one output, so that there is nothing to choose. Got "
            f"output={which!r}; leave output=None."
        )
    parts = {name: part for name, part in parts.items() if part is not None}
    if which not in parts and which in names:
        return parts[list(names).index(which)]
    if which not in parts:
        known = [*parts, *(name for name in names if name not in parts)]
        raise ValueError(
            f"{owner} has no output {which!r}. Its outputs are {known}: give one of these as "
            "output=."
        )
    return parts[which]


def _parts(output):
    if isinstance(output, Mapping):
        return dict(output)
    if hasattr(output, "_asdict"):  # a named tuple
        return output._asdict()
    if isinstance(output, list | tuple):
        return dict(enumerate(output))
    if is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in fields(output)}
    return {"logits": output.logits} if hasattr(output, "logits") else None
