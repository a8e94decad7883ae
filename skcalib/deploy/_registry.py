"""Operations by their names: what each takes, what it gives, and which fields it has."""

from collections.abc import Callable
from typing import NamedTuple

from skcalib.messages import quote

MOST_NESTED = 16  # operations inside operations

# What the columns of an array are.
LOGITS = "logits"  # one for each class, any real numbers
PROBA = "probabilities"  # one for each class
ODDS = "odds"  # one for each binary map


class Shape(NamedTuple):
    """What the columns of an array are, and how many."""

    kind: str
    width: int


class Operation(NamedTuple):
    """An operation: what it does, and what its fields must be."""

    run: Callable
    before: str
    after: str
    fields: dict


class Step(NamedTuple):
    """An operation with its fields, checked."""

    run: Callable
    fields: dict


OPERATIONS = {}


def operation(before, after, **fields):
    """Register a function as the operation of its name.

    It is called as ``run(machine, x, **fields)``; each of `fields` reads a field from plain
    values, as ``read(value, where, shape, depth)``, or raises ValueError. The number of
    columns stays as it is.
    """

    def register(function):
        OPERATIONS[function.__name__] = Operation(function, before, after, fields)
        return function

    return register


def read_operations(values, where, shape, depth=0):
    """Check a list of operations; return steps, and the shape of what comes out.

    Parameters
    ----------
    values : list of dict
        From JSON: nothing is taken for granted.

    where : str
        The path to it, for messages.

    shape : Shape
        Of what goes in.

    depth : int
        How many operations this is inside of.
    """
    if depth > MOST_NESTED:
        raise ValueError(f"{where}: operations are nested more than {MOST_NESTED} deep.")
    if not isinstance(values, list):
        raise ValueError(f"{where} must be a list of operations, got {quote(values)}.")
    steps = []
    for number, value in enumerate(values):
        step, shape = _read_step(value, f"{where}[{number}]", shape, depth)
        steps.append(step)
    return tuple(steps), shape


def _read_step(value, where, shape, depth):
    name = value.get("op") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in OPERATIONS:
        raise ValueError(
            f"{where} is no operation that this version of skcalib knows: {quote(value)}."
        )
    found = OPERATIONS[name]
    where = f"{where} ({name})"
    if shape.kind != found.before:
        raise ValueError(f"{where} takes {found.before}, but is given {shape.kind}.")
    missing = [field for field in found.fields if field not in value]
    surplus = [field for field in value if field not in found.fields and field != "op"]
    if missing or surplus:
        wrong = f"lacks {missing[0]!r}" if missing else f"has an unknown {quote(surplus[0])}"
        raise ValueError(f"{where} {wrong}; it has the fields {sorted(found.fields)}.")
    fields = {
        field: read(value[field], f"{where}.{field}", shape, depth)
        for field, read in found.fields.items()
    }
    return Step(found.run, fields), shape._replace(kind=found.after)


class Machine:
    """Runs steps on the arrays of a namespace.

    Parameters
    ----------
    namespace : object
        As :class:`NumpyNamespace`.

    masked : array of conditions or None
        Which logits are those of classes that a row cannot be; None if no row has any.

    scores : array of shape (n_samples, 1) or None
        How usual each row is, where the operations ask for it.
    """

    def __init__(self, namespace, masked=None, scores=None):
        self.namespace = namespace
        self.masked = masked
        self.scores = scores

    def run(self, steps, x):
        """Return what the last of the steps gives."""
        for step in steps:
            x = step.run(self, x, **step.fields)
        return x
