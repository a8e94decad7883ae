"""What in a Keras graph is random at a draw, and what can be computed once before it.

The private names of Keras that the project uses are all here: ``_functional``,
``_nodes_by_depth``, ``_flatten_layers``, ``_run_through_graph`` and a node's ``arguments``
(and, where models are trained together, ``_compile_loss``).
"""

from collections import Counter
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import keras
from keras import ops, tree

from skcalib.backends._keras_injection import calls_to_drop_after
from skcalib.backends._keras_sites import NOTHING_RANDOM, SITES, fix_shape, make_site
from skcalib.backends._keras_work import count_work, count_written
from skcalib.backends._sampling import INJECTED, INJECTED_RATE, CannotDraw, NoSites, Site

# Its own dropout, or that of the cells and layers inside, not of a layer that we can replace.
_ARGUMENTS = ("dropout", "recurrent_dropout")
_COUNTS = count_work, count_written
LATER = (
    "Sequential and functional models are supported, with Dropout, SpatialDropout, "
    "AlphaDropout and GaussianDropout as layers of their own."
)


class Step(NamedTuple):
    """One call in the graph."""

    operation: Any
    arguments: Any  # with place-holders
    sources: tuple  # (identity of a place-holder, slot of its value)
    targets: tuple  # slots
    shapes: tuple  # of the values in these, without rows
    site: int | None  # its number among the sites
    passes: bool  # a random layer that is off


class Plan(NamedTuple):
    """A graph split into what is computed once for a row and what is for each draw."""

    inputs: tuple  # slots
    output: int
    before: tuple  # steps
    frontier: tuple  # slots that draws start from
    after: tuple  # steps, for each draw
    sites: tuple
    shapes: dict  # of the value in each slot, without rows


def plan(model, name, *, every_site, inject=None, drop_in_bases=False):
    """Split a model, or raise CannotDraw; sites whose rate is 0 count if asked for.

    `inject` puts dropout where there is none, as :func:`calls_to_drop_after` understands it;
    with `drop_in_bases` nested models called with ``training=False`` are drawn as well.
    """
    graph = graph_of(model)
    if graph is None:
        raise CannotDraw(
            f"{name} is not a Sequential or functional model (or has not run yet), so its "
            f"random layers cannot be found. {LATER}"
        )
    if len(graph.outputs) != 1:
        raise CannotDraw(
            f"{name} has {len(graph.outputs)} outputs; draws are of one. Give a network "
            "that ends at the output with the classes (or targets)."
        )
    walk = _Walk(name, every_site, drop_in_bases, everywhere=inject is not None)
    inputs, output = walk.follow_outermost(graph)
    if inject is not None:
        calls = calls_to_drop_after(walk.steps, output, inject, name)
        walk = _Walk(name, every_site, drop_in_bases, everywhere=True, drop_after=calls)
        inputs, output = walk.follow_outermost(graph)
    if output not in walk.random:
        raise NoSites(NOTHING_RANDOM.format(name, _describe_rates_off(walk, every_site)))
    return _split(walk, inputs, output)


def graph_of(model):
    """Return the functional graph that a model's call follows, or None."""
    if not _is_of_keras(type(model).call):
        return None
    if isinstance(model, keras.Sequential):
        model = model._functional
    return model if hasattr(model, "_nodes_by_depth") else None


def run_graph(graph, inputs, call_for):
    """Return the output for these inputs, each operation called by what `call_for` it gives."""
    (output,) = keras.tree.flatten(graph._run_through_graph(inputs, call_for))
    return output


def is_base_off(node):
    """Tell whether a call is one of a nested model with ``training=False``, by its author."""
    return (
        isinstance(node.operation, keras.Model)
        and node.arguments.kwargs.get("training") is False
    )


def find_bases_off(model):
    """Return the identities of the nested models that are only ever called so."""
    off, on = set(), set()
    for layer in [model, *model._flatten_layers(include_self=False)]:
        graph = graph_of(layer) if isinstance(layer, keras.Model) else None
        for level in getattr(graph, "_nodes_by_depth", {}).values():
            for node in level:
                (off if is_base_off(node) else on).add(id(node.operation))
    return off - on


def count_step(step, shapes):
    """Estimate the multiplications for one row of a step, and the values that it writes.

    `shapes` are those of all slots.
    """
    graph = graph_of(step.operation) if isinstance(step.operation, keras.Model) else None
    if graph is not None:
        return _count_graph(graph)
    entering = [shapes[slot] for _, slot in step.sources]
    return tuple(count(step.operation, entering, step.shapes) for count in _COUNTS)


def _count_graph(graph):
    """Add up the same of a nested model's calls."""
    totals = [0, 0]
    for node in (node for level in graph._nodes_by_depth.values() for node in level):
        inner = graph_of(node.operation) if isinstance(node.operation, keras.Model) else None
        if inner is not None:
            found = _count_graph(inner)
        elif node.is_input:
            continue
        else:
            entering, leaving = (
                [x.shape[1:] for x in part] for part in (node.input_tensors, node.outputs)
            )
            found = [count(node.operation, entering, leaving) for count in _COUNTS]
        totals = [total + one for total, one in zip(totals, found, strict=True)]
    return tuple(totals)


class _Walk:
    """Walks a graph in the order of its calls, into nested models that hold random layers.

    With `everywhere` into all of them; dropout is put after the calls of these numbers.
    """

    def __init__(self, name, every_site, drop_in_bases, everywhere=False, drop_after=()):
        self.name = name
        self.every_site = every_site
        self.drop_in_bases = drop_in_bases
        self.everywhere = everywhere
        self.drop_after = drop_after
        self.n_injected = 0
        self.around = []  # names of the nested models that are followed
        self.steps = []
        self.sites = []
        self.random = set()  # slots
        self.n_slots = 0
        self.shapes = {}

    def new_slots(self, tensors):
        for tensor in tensors:
            self.shapes[self.n_slots] = tuple(tensor.shape[1:])
            self.n_slots += 1
            yield self.n_slots - 1

    def follow_outermost(self, graph):
        """Follow the outermost graph; return the slots of its inputs and of its one output."""
        inputs = tuple(self.new_slots(graph.inputs))
        (output,) = self.follow(graph, inputs)
        return inputs, output

    def follow(self, graph, inputs):
        """Follow a graph whose inputs are in these slots; return the slots of its outputs."""
        slots = {id(x): slot for x, slot in zip(graph.inputs, inputs, strict=True)}
        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for node in graph._nodes_by_depth[depth]:
                if not node.is_input:
                    self._call(node, slots)
        return [slots[id(x)] for x in graph.outputs]

    def _call(self, node, slots):
        given = node.arguments.keras_tensors
        sources = tuple((id(x), slots[id(x)]) for x in given)
        operation = node.operation
        if isinstance(operation, SITES):
            self._site(node, sources, slots)
            return
        is_model = isinstance(operation, keras.Model)
        # Called with training=False by its author. (Keras notes that on all other layers.)
        off = is_base_off(node) and not self.drop_in_bases
        graph = graph_of(operation) if is_model else None
        # What cannot be drawn keeps its rates, those of 0 as well.
        inside = not off and has_random_layer(operation, self.every_site and graph)
        if graph is not None and not off and (inside or self.everywhere):
            entering = self._convert_entering(graph, node, slots)
            self.around.append(operation.name)
            targets = self.follow(graph, entering)
            self.around.pop()
        elif inside:
            raise CannotDraw(
                f"{self.name} has random numbers or dropout inside its "
                f"{type(operation).__name__} {operation.name!r}, which is not supported yet. "
                f"{LATER}"
            )
        else:
            targets = tuple(self.new_slots(node.outputs))
            self._add(operation, node.arguments, sources, targets)
            targets = self._inject(operation, targets)
        slots.update(zip(map(id, node.outputs), targets, strict=True))

    def _convert_entering(self, graph, node, slots):
        """Return the slots of what a nested graph is called on, as it takes it."""
        arguments = node.arguments
        first = arguments.args[0] if arguments.args else arguments.kwargs.get("inputs")
        given = [x for x in tree.flatten(first) if isinstance(x, keras.KerasTensor)]
        if len(given) != len(arguments.keras_tensors) or len(given) != len(graph.inputs):
            raise CannotDraw(
                f"{self.name} calls its {node.operation.name!r} on more than its inputs (a "
                "mask of padded time steps, say), which is not supported yet. Put the dropout "
                f"after it, or leave the mask out. {LATER}"
            )
        entering = [slots[id(x)] for x in given]
        if all(_have_same_shape(x, y) for x, y in zip(given, graph.inputs, strict=True)):
            return entering
        targets = tuple(self.new_slots(graph.inputs))
        sources = tuple(zip(map(id, given), entering, strict=True))
        self._add(partial(_convert_values, graph.inputs), None, sources, targets)
        return targets

    def _inject(self, operation, targets):
        """Put dropout after the call that was added last, if it is one of these."""
        if len(self.steps) - 1 - self.n_injected not in self.drop_after:
            return targets
        self.n_injected += 1
        (source,), (target,) = targets, (self.n_slots,)
        shape = self.shapes[target] = self.shapes[source]
        self.n_slots += 1
        site = Site(f"{INJECTED}{operation.name}", "dropout", INJECTED_RATE, shape)
        site = fix_shape(site, shape, self.name)
        self.steps.append(
            Step(None, None, ((None, source),), (target,), (shape,), len(self.sites), False)
        )
        self.sites.append(site)
        self.random.add(target)
        return (target,)

    def _site(self, node, sources, slots):
        layer = node.operation
        off = not (layer.rate > 0 or self.every_site)
        targets = tuple(self.new_slots(node.outputs))
        number = None
        if not off:
            number = len(self.sites)
            site = make_site(layer, node.outputs[0].shape[1:], self.name)
            if site.rate >= 1 and not self.every_site:
                raise ValueError(
                    f"{self.name}: {layer.name!r} has the rate {site.rate} and drops "
                    "everything. Give rate=0.5, or another number below 1."
                )
            self.sites.append(site._replace(path="/".join([*self.around, layer.name])))
            self.random.update(targets)
        self._add(layer, node.arguments, sources, targets, site=number, passes=off)
        (slots[id(node.outputs[0])],) = self._inject(layer, targets)

    def _add(self, operation, arguments, sources, targets, site=None, passes=False):
        if any(slot in self.random for _, slot in sources):
            self.random.update(targets)
        shapes = tuple(self.shapes[slot] for slot in targets)
        self.steps.append(Step(operation, arguments, sources, targets, shapes, site, passes))


def has_random_layer(operation, every_site):
    """Tell whether this is, or holds, what drops or draws in training."""
    if not isinstance(operation, keras.Layer):
        return False
    for layer in operation._flatten_layers():
        if isinstance(layer, SITES) and (layer.rate > 0 or every_site):
            return True
        rates = (getattr(layer, argument, 0) for argument in _ARGUMENTS)
        if any(isinstance(rate, Real) and rate > 0 for rate in rates):
            return True
        if (
            layer._seed_generators
            and not isinstance(layer, SITES)
            and not _is_of_keras(type(layer))
        ):
            return True  # of its own, and random in ways that only its code knows
    return False


def _is_of_keras(thing):
    return thing.__module__.split(".")[0] == "keras"


def _convert_values(inputs, values):
    """Cast values, and add or drop a last dimension of 1, as a model does with its inputs."""
    out = []
    for wanted, value in zip(inputs, values, strict=True):
        value = ops.cast(value, wanted.dtype)
        surplus = len(value.shape) - len(wanted.shape)
        if surplus:
            value = ops.squeeze(value, -1) if surplus > 0 else ops.expand_dims(value, -1)
        out.append(value)
    return out


def _have_same_shape(one, other):
    return one.dtype == other.dtype and len(one.shape) == len(other.shape)


def _describe_rates_off(walk, every_site):
    hidden = Counter(type(step.operation).__name__ for step in walk.steps if step.passes)
    if not hidden or every_site:
        return ""
    return f" that is on ({', '.join(f'{n} x {kind}' for kind, n in hidden.items())} are off)"


def _split(walk, inputs, output):
    after, needed = [], {output}
    for step in reversed(walk.steps):
        if walk.random & needed.intersection(step.targets):
            after.append(step)
            needed.update(slot for _, slot in step.sources)
    frontier = tuple(sorted(needed - walk.random))
    before, needed = [], set(frontier)
    for step in reversed(walk.steps):
        if not walk.random.intersection(step.targets) and needed.intersection(step.targets):
            before.append(step)
            needed.update(slot for _, slot in step.sources)
    used = sorted({step.site for step in after} - {None})
    renumbered = {old: new for new, old in enumerate(used)}
    after = [step._replace(site=renumbered.get(step.site)) for step in after[::-1]]
    sites = tuple(walk.sites[number] for number in used)
    return Plan(inputs, output, tuple(before[::-1]), frontier, tuple(after), sites, walk.shapes)
