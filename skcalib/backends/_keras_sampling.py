"""Draws of Keras models: what is the same on every library; the libraries compile it.

A module of ``_LIBRARIES`` has ``compile_start``, ``compile_draw``, ``compile_last``, ``join``,
``take`` and ``product_of_masked`` (which gives None where that does not pay).
"""

import weakref
from collections.abc import Mapping
from importlib import import_module

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
    name_of,
    refuse_unbuilt,
    structure_of,
)
from skcalib.backends._sampling import Sampler

_LIBRARIES = {"tensorflow": "_keras_tensorflow_draws"}


def convert_inputs(model, X):
    """Return X as the model takes it."""
    refuse_unbuilt(model)
    return inputs_of(model, check_arrays(X))


def make_sampler(model, X, *, every_site, shared, ending, inject):
    """Return the Sampler for inputs like these, built once for each model.

    `every_site` counts random layers of rate 0, `shared` says that masks are the same for
    all rows, `ending` what the network's output is: "proba", "logits", "sigmoid" or
    "log_softmax" (draws are probabilities), or "target" (draws are the output as it is),
    `inject` where dropout is put in (None: nowhere).
    """
    library = keras.config.backend()
    if library not in _LIBRARIES:
        raise NotImplementedError(
            f"Draws of Keras models run on TensorFlow so far, and Keras runs on {library}. "
            "Start Python with KERAS_BACKEND=tensorflow."
        )
    choices = every_site, shared, ending, inject
    sites = [
        layer for layer in model._flatten_layers() if isinstance(layer, _keras_graph.SITES)
    ]
    key = ("draws", *choices, *(layer.rate for layer in sites), structure_of(X))
    return compiled(model, key, lambda: _build(model, X, *choices))


def _build(model, X, every_site, shared, ending, inject):
    library = import_module(f"skcalib.backends.{_LIBRARIES[keras.config.backend()]}")
    masked = library.product_of_masked()
    name = name_of(model)
    plan = _keras_graph.plan(model, name, every_site=every_site, inject=inject)
    alive = weakref.ref(model)  # the cache must not keep the model alive
    batch = map_arrays(lambda part: part[:1], X)

    def before(inputs):
        inputs = _keras_graph.graph_of(alive())._standardize_inputs(inputs)
        return _keras_draws.run(plan, inputs)

    def after(frontier, masks):
        n_draws = ops.shape(masks[0][0])[0]
        out = _keras_draws.run_draws(plan, frontier, masks, shared=shared, masked=masked)
        out = proba(out)
        return ops.reshape(out, (n_draws, -1, out.shape[1]))

    def proba(out):
        return _answers(out, ending)

    _refuse_other_shapes(_keras_graph.graph_of(model).inputs, batch, name)
    # With values, shapes are known: what layers say of them for any rows is checked here.
    after(
        _rows_alone(before(list_for_keras(batch)), name),
        [_neutral(site) for site in plan.sites],
    )
    start, found = library.compile_start(before, batch, name)
    draw = library.compile_draw(after, found, _shapes_of_masks(plan.sites, shared))
    return Sampler(
        sites=plan.sites,
        cost=_keras_draws.cost(plan, shared=shared, masked=masked),
        start=lambda batch: _one_for_each_row(
            start(list_for_keras(batch)), count_all_rows(batch)
        ),
        join=library.join,
        take=library.take,
        draw=lambda state, masks: ops.convert_to_numpy(draw(state, masks)),
        last_layer=_keras_last_layer.find_last_layer(plan, proba, library.compile_last),
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
        raise ValueError(
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
