"""The Sampler of Keras networks that run as a whole for each draw."""

import weakref
from functools import partial

import keras
import numpy as np
from keras import ops

from skcalib.backends._arrays import list_arrays, map_arrays
from skcalib.backends._keras_models import runs_eagerly
from skcalib.backends._keras_whole import make_answer, measure_cost
from skcalib.backends._sampling import Sampler


def build_whole(model, batch, sites, library, calls, proba, shapes):
    """Return the Sampler that runs the whole model for each draw, compiled if that works.

    Parameters
    ----------
    model : keras.Model
    batch : arrays
        Two rows.
    sites : tuple of Site
        In the order of the calls.
    library : module
        Compiles.
    calls : dict
        What `Calls` are to know.
    proba : callable
        The network's outputs -> answers.
    shapes : list
        Of the masks of each site.
    """
    answer = make_answer(
        model, sites, partial(_rebuild, batch), library.is_in_loop, proba, **calls
    )
    draw, path = _compile(model, answer, list_arrays(batch), sites, library, shapes)
    return Sampler(
        sites=sites,
        cost=measure_cost(model, batch, sites, **calls),
        start=list_arrays,
        join=lambda states: [np.concatenate(parts) for parts in zip(*states, strict=True)],
        take=lambda state, rows: [part[rows] for part in state],
        draw=draw,
        fetch=library.fetch if path == "whole" else _fetch,
        half=False,
        accelerated=False,
        left_off=(),
        always_on=False,
        path=path,
        last_layer="runs as a whole for each draw, so that its last layer is not known",
    )


def run_once(model, batch, sites, calls, proba):
    """Return a function of masks that runs a model as it is, draw by draw."""
    answer = make_answer(model, sites, partial(_rebuild, batch), lambda: False, proba, **calls)
    return partial(_one_by_one, answer, list_arrays(batch))


def try_masks(site):
    """Return masks of two draws that keep about half of the values."""
    rng = np.random.default_rng(0)
    scale = rng.integers(0, 2, (2, 1, *site.shape)).astype(np.float32) + 0.5
    return (scale, np.zeros_like(scale)) if site.kind == "alpha" else (scale,)


def _compile(model, answer, parts, sites, library, shapes):
    """Return a function of rows and masks, and how it runs: "whole" or "loop"."""
    alive = weakref.ref(model)
    masks = [try_masks(site) for site in sites]
    one_by_one = partial(_one_by_one, answer)
    wanted = one_by_one(parts, masks)
    if runs_eagerly(model):
        return one_by_one, "loop"
    try:
        draw = library.compile_draw(answer, parts, shapes, lambda: alive().variables)
        found = library.fetch([draw(parts, masks)], len(parts[0]))
        right = np.allclose(found, wanted, rtol=0.01, atol=1e-3)
    except Exception:  # code that needs values, or loops: then it runs as it is
        right = False
    return (draw, "whole") if right else (one_by_one, "loop")


def _fetch(draws, n_rows):
    """Return the answers of several draws, which are arrays already, as one array."""
    return np.concatenate(draws)


def _one_by_one(answer, state, masks):
    """Run a model once for each draw, and do not compile it."""
    draws = []
    for number in range(len(masks[0][0])):
        own = [tuple(part[number : number + 1] for part in pair) for pair in masks]
        with keras.StatelessScope():
            out = answer(state, [(*pair, None)[:2] for pair in own])
        draws.append(ops.convert_to_numpy(out))
    return np.concatenate(draws)


def _rebuild(batch, parts):
    """Return arrays in the structure of a batch."""
    left = iter(parts)
    return map_arrays(lambda part: next(left), batch)
