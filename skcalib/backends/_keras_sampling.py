"""Draws of Keras models: what is the same on every library; the libraries compile it.

A module of ``_LIBRARIES`` has ``compile_start``, ``compile_draw``, ``compile_last``, ``join``,
``take``, ``fetch``, ``is_in_loop``, ``has_card`` and ``product_of_masked`` (which gives None
where that does not pay).
"""

import weakref
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from numbers import Real
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from skcalib.backends import _keras_draws, _keras_graph, _keras_last_layer
from skcalib.backends._arrays import (
    check_arrays,
    count_all_rows,
    list_arrays,
    list_for_keras,
    map_arrays,
)
from skcalib.backends._keras_models import (
    compiled,
    inputs_of,
    layers_in,
    name_of,
    refuse_unbuilt,
    seen,
    structure_of,
)
from skcalib.backends._keras_sites import NOTHING_RANDOM
from skcalib.backends._keras_whole import find_sites, has_foreign_code, is_random
from skcalib.backends._keras_whole_draws import build_whole, run_once, try_masks
from skcalib.backends._sampling import INJECTED, CannotDraw, NoSites, Sampler

_LIBRARIES = {
    "tensorflow": "_keras_tensorflow_draws",
    "jax": "_keras_jax_draws",
    "torch": "_keras_torch_draws",
}
_HALF = {"float16", "bfloat16", "int8", "int4", "float8_e4m3fn"}


class Choices(NamedTuple):
    """What make_sampler is asked for."""

    every_site: bool  # counts random layers of rate 0
    shared: bool  # masks are the same for all rows
    ending: str  # what the output is
    inject: object  # where dropout is put in (None: nowhere)
    drop_in_bases: bool | None  # also in nested models that were called with training=False


def convert_inputs(model, X):
    """Return X as the model takes it."""
    refuse_unbuilt(model)
    return inputs_of(model, check_arrays(X))


def make_sampler(model, X, *, every_site, shared, ending, inject, drop_in_bases=None):
    """Return the Sampler for inputs like these, built once for each model.

    `every_site` counts random layers of rate 0, `shared` says that masks are the same for
    all rows, `ending` what the network's output is: "proba", "logits", "sigmoid" or
    "log_softmax" (draws are probabilities), or "target" (draws are the output as it is),
    `inject` where dropout is put in (None: nowhere), `drop_in_bases` whether nested models
    that were called with ``training=False`` are drawn as well.
    """
    choices = Choices(every_site, shared, ending, inject, drop_in_bases)
    rates = (getattr(layer, "rate", None) for layer in layers_in(model))
    rates = (rate for rate in rates if isinstance(rate, Real))
    key = ("draws", *choices, *rates, structure_of(X))
    return compiled(model, key, lambda: _build(model, X, choices))


def check_network(model, X, **choices):
    """Raise if dropout of a network, perhaps not yet trained, cannot be drawn."""
    _find_random(model, map_arrays(lambda part: part[:2], X), Choices(**choices))


def _build(model, X, choices):
    """Split the model if it can be, else run all of it for each draw."""
    library = _library()
    batch = map_arrays(lambda part: part[:2], X)
    plan, found = _find_random(model, batch, choices)
    if plan is not None:
        try:
            split = _build_split(model, batch, plan, choices, library)
        except CannotDraw:
            if choices.inject is not None:
                raise
        else:
            if (
                found is None
                or choices.inject is not None
                or _are_equal(model, batch, split, found, choices)
            ):
                return split
    calls = _choices_of_calls(model, choices)
    found = find_sites(model, batch, **calls) if found is None else found
    sampler = build_whole(
        model,
        batch,
        found,
        library,
        calls,
        partial(_answers, ending=choices.ending),
        _shapes_of_masks(found, choices.shared),
    )
    return sampler._replace(**_describe(model, batch, choices))


def is_random_at_prediction(model, X):
    """Tell whether a model drops, or draws otherwise, at prediction, too."""
    X = convert_inputs(model, X)
    return seen(model, ("random", structure_of(X)), lambda: is_random(model, X))


def _library():
    return import_module(f"skcalib.backends.{_LIBRARIES[keras.config.backend()]}")


def _find_random(model, batch, choices):
    """Return a plan or None, and the calls of dropout that a run shows, or None if none ran."""
    plan, reason = None, None
    try:
        plan = _keras_graph.plan(
            model,
            name_of(model),
            every_site=choices.every_site,
            inject=choices.inject,
            drop_in_bases=bool(choices.drop_in_bases),
        )
    except CannotDraw as error:
        reason = error
        if choices.inject is not None:
            raise
    if plan is not None and not has_foreign_code(model):
        return plan, None
    found = find_sites(model, batch, **_choices_of_calls(model, choices))
    if plan is None and not found:
        raise (
            reason
            if isinstance(reason, NoSites)
            else NoSites(NOTHING_RANDOM.format(name_of(model), ""))
        )
    if plan is not None and not _are_all_sites(plan, found):
        if choices.inject is not None:
            raise CannotDraw(
                f"{name_of(model)} has random layers of its own making, which inject leaves "
                "out. Leave inject=None, which draws them."
            )
        plan = None
    return plan, found


def _are_equal(model, batch, split, sites, choices):
    """Tell whether a split model answers as the whole, for a mask of each of its sites."""
    answer = run_once(
        model,
        batch,
        sites,
        _choices_of_calls(model, choices),
        partial(_answers, ending=choices.ending),
    )
    masks = [try_masks(site) for site in sites]
    found = split.fetch([split.draw(split.start(batch), masks)], count_all_rows(batch))
    return np.allclose(found, answer(masks), rtol=0.01, atol=1e-3)


def _choices_of_calls(model, choices):
    off = set() if choices.drop_in_bases else _keras_graph.find_bases_off(model)
    return {"every_site": choices.every_site, "off": off}


def _are_all_sites(plan, found):
    """Tell whether a plan has the dropout that a run has shown, and no other."""

    def describe(sites):
        return [(site.kind, site.rate, site.shape) for site in sites]

    own = [site for site in plan.sites if not site.name.startswith(INJECTED)]
    return describe(own) == describe(found)


def _describe(model, batch, choices):
    """Return what a Sampler says of its network."""
    return {
        "accelerated": _library().has_card(),
        "half": _is_half(model),
        "left_off": _left_off(model, choices),
        "always_on": is_random(model, batch),
    }


def _left_off(model, choices):
    """Return the names of nested models with dropout that stays off by their author's will."""
    if choices.drop_in_bases is not None:
        return ()
    off = _keras_graph.find_bases_off(model)
    bases = [layer for layer in layers_in(model) if id(layer) in off]
    return tuple(base.name for base in bases if _keras_graph.has_random_layer(base, False))


def _is_half(model):
    return any(
        getattr(layer, "compute_dtype", None) in _HALF
        or getattr(layer, "quantization_mode", None)
        for layer in [model, *layers_in(model)]
    )


def _build_split(model, batch, plan, choices, library):
    """Return the Sampler of a plan: its deterministic part once, the rest for each draw."""
    masked = library.product_of_masked()
    alive = weakref.ref(model)  # the cache must not keep the model alive
    batch = map_arrays(lambda part: part[:1], batch)

    def before(inputs):
        inputs = _keras_graph.graph_of(alive())._standardize_inputs(inputs)
        return _keras_draws.run(plan, inputs)

    def after(frontier, masks):
        n_draws = ops.shape(masks[0][0])[0]
        out = _keras_draws.run_draws(
            plan, frontier, masks, shared=choices.shared, masked=masked
        )
        out = proba(out)
        return ops.reshape(out, (n_draws, -1, out.shape[1]))

    def proba(out):
        return _answers(out, choices.ending)

    def variables():
        return alive().variables

    name = name_of(model)
    _refuse_other_shapes(_keras_graph.graph_of(model).inputs, batch, name)
    # With values, shapes are known: what layers say of them for any rows is checked here.
    one = _rows_alone(before(list_for_keras(batch)), name)
    after(one, [_neutral(site) for site in plan.sites])
    start, found = library.compile_start(before, batch, name, variables)
    shapes = _shapes_of_masks(plan.sites, choices.shared)
    draw = library.compile_draw(after, found, shapes, variables)
    return Sampler(
        sites=plan.sites,
        cost=_keras_draws.cost(plan, shared=choices.shared, masked=masked),
        start=lambda rows: _one_for_each_row(start(list_for_keras(rows)), count_all_rows(rows)),
        join=library.join,
        take=library.take,
        draw=draw,
        fetch=library.fetch,
        path="split",
        **_describe(model, batch, choices),
        last_layer=_keras_last_layer.find_last_layer(
            plan, proba, lambda finish, units: library.compile_last(finish, units, variables)
        ),
    )


def _shapes_of_masks(sites, shared):
    """Return for each random layer the shapes of its masks: a scale, and perhaps a shift."""
    rows = 1 if shared else None
    return [((None, rows, *site.shape),) * (1 + _shifts(site)) for site in sites]


def _neutral(site):
    """Return the masks of two draws that change nothing."""
    scale = np.ones((2, 1, *site.shape), np.float32)
    return scale, np.zeros_like(scale) if _shifts(site) else None


def _answers(out, ending):
    out = ops.cast(out, "float32")
    out = ops.reshape(out, (-1, int(np.prod(out.shape[1:]))))
    return out if ending == "target" else _probabilities(out, ending)


def _refuse_other_shapes(inputs, batch, name):
    parts = (
        batch
        if isinstance(batch, Mapping)
        else dict(zip([tensor.name for tensor in inputs], list_arrays(batch), strict=True))
    )
    for tensor in inputs:
        wanted, found = tensor.shape[1:], parts[tensor.name].shape[1:]
        pairs = zip(wanted, found, strict=False)  # a last dimension of 1 comes and goes
        if any(size not in (None, given) for size, given in pairs):
            raise ValueError(
                f"X has rows of shape {found}. {name} takes {wanted} as {tensor.name!r}."
            )


def _rows_alone(state, name):
    """Return what one row became, or raise if that is several rows."""
    if any(len(value.shape) == 0 or value.shape[0] != 1 for value in state):
        raise CannotDraw(
            f"{name} turns one row into several (or none) before its dropout, so that its "
            "masks do not belong to one row. Leave the first axis as it is, and reshape the "
            "others only."
        )
    return state


def _one_for_each_row(state, n_rows):
    """Repeat what is the same for all rows, so that batches can be joined."""
    return [
        value
        if value.shape[0] == n_rows
        else ops.broadcast_to(value, (n_rows, *value.shape[1:]))
        for value in state
    ]


def _shifts(site):
    return site.kind == "alpha"


def _probabilities(out, ending):
    """Return a column for each class that is in [0, 1]; two columns for one output."""
    one = out.shape[1] == 1
    if ending == "log_softmax":
        return ops.exp(out)
    if ending == "logits" and not one:
        return ops.softmax(out)
    out = ops.sigmoid(out) if ending == "logits" else out
    if one:
        return ops.concatenate([1 - out, out], axis=1)
    if ending == "sigmoid":  # one-vs-rest
        out = ops.maximum(out, 1e-37)
        return out / ops.sum(out, axis=1, keepdims=True)
    return out
