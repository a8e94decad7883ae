"""The output with the classes, in whatever a network answers with."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

WAY_OUT = (
    "Pass a network that ends at the output with the classes: for torch a module whose forward "
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
