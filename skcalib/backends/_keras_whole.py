"""Draws of Keras networks that cannot be split: the whole network runs for each draw.

Its calls of dropout are replaced by products with our masks, so that anything that ends in
them can be drawn: recurrent layers, attention, layers and models of the user's own.
"""

import weakref
from contextlib import contextmanager

import numpy as np
from keras import layers, ops

from skcalib.backends._arrays import count_all_rows, list_for_keras, map_arrays
from skcalib.backends._keras_dropout_calls import Calls, intercept
from skcalib.backends._keras_models import layers_in, name_of
from skcalib.backends._keras_work import WorkCounter, cost_of_whole
from skcalib.backends._outputs import get_only_output
from skcalib.backends._sampling import CannotDraw, Site

FEW_RUNS, MANY_RUNS = 6, 30  # of two rows, to see whether anything else is random


class Recorder(Calls):
    """Notes the calls of dropout, which do nothing.

    Parameters
    ----------
    n_rows : int
        Rows that run, at least 2.

    name : str
        Of the network, for messages.
    """

    def __init__(self, n_rows, name, **choices):
        super().__init__(**choices)
        self.n_rows = n_rows
        self.owner = name
        self.sites = []

    def drop(self, value, kind, rate, noise_shape):
        """Note the call."""
        value = ops.convert_to_tensor(value)
        name, path = self.name()
        if not isinstance(rate, int | float | np.number):
            raise CannotDraw(f"{self.owner} computes the rate of the dropout in {name!r}.")
        if rate >= 1 and not self.every_site:
            raise ValueError(
                f"{self.owner}: {name!r} has the rate {rate} and drops everything. Give "
                "rate=0.5, or another number below 1."
            )
        if rate > 0 or self.every_site:
            shape = self._shape(tuple(value.shape), noise_shape, name)
            self.sites.append(Site(name, kind, float(rate), shape, path))
        return value

    def _shape(self, shape, noise_shape, name):
        """Return the shape of the masks of one row; rows may stand in groups."""
        if len(shape) and shape[0] == 1:  # the same for all rows
            return tuple(shape[1:])
        if not shape or not isinstance(shape[0], int) or shape[0] % self.n_rows:
            raise CannotDraw(
                f"{self.owner} drops values of shape {shape} in {name!r} for {self.n_rows} "
                "rows, so that its masks do not belong to one row."
            )
        whole = tuple(shape)
        if noise_shape is not None:
            noise_shape = [None if size is None else int(size) for size in noise_shape]
            if len(noise_shape) != len(shape):
                raise ValueError(
                    f"{self.owner}: noise_shape={tuple(noise_shape)} of {name!r} must have as "
                    f"many entries as what enters it has dimensions, {len(shape)}."
                )
            whole = tuple(
                size if asked is None else asked
                for size, asked in zip(shape, noise_shape, strict=True)
            )
        n_parts = shape[0] // self.n_rows
        parts = () if n_parts == 1 or whole[0] == 1 else (n_parts,)
        return (*parts, *whole[1:])


class Player(Calls):
    """Multiplies by masks in the order of the calls.

    Parameters
    ----------
    sites : tuple of Site
    masks : list of (scale, shift or None)
        For each site, (n_draws, 1 or n_rows, *site.shape).

    n_rows : int or tensor

    in_loop : function
        Whether what runs is repeated in a loop that is compiled.
    """

    def __init__(self, sites, masks, n_rows, in_loop, **choices):
        super().__init__(**choices)
        self.n_rows = n_rows
        self.sites = sites
        self.masks = masks
        self.in_loop = in_loop
        self.n_seen = 0

    def drop(self, value, kind, rate, noise_shape):
        """Apply the next masks."""
        if not (rate > 0 or self.every_site):
            return value
        if self.n_seen == len(self.sites) or self.in_loop():
            raise CannotDraw("The network drops in a loop, or differently in each call.")
        site, (scale, shift) = self.sites[self.n_seen], self.masks[self.n_seen]
        self.n_seen += 1
        if (site.name, site.kind) != (self.name()[0], kind):
            raise CannotDraw("The network calls its dropout in another order in each call.")
        value = ops.convert_to_tensor(value)
        n_draws, features = ops.shape(scale)[0], ops.shape(value)[1:]
        parts = site.shape[:1] if len(site.shape) > len(features) else ()
        if value.shape[0] == 1:  # the same for all rows
            value = ops.broadcast_to(value, (n_draws * self.n_rows, *features))
        out = ops.reshape(value, (n_draws, -1, *parts, *features))
        out = out * ops.cast(scale, value.dtype)
        if shift is not None:
            out = out + ops.cast(shift, value.dtype)
        return ops.reshape(out, (-1, *features))

    def check_all_seen(self):
        """Raise if the network has called its dropout less often than before."""
        if self.n_seen != len(self.sites):
            raise CannotDraw("The network calls its dropout differently in each call.")


def find_sites(model, batch, **choices):
    """Return the calls of dropout in a run of a few rows, and whether anything else is random.

    Raises
    ------
    CannotDraw
        If the network is random, or different in training, in other ways.
    """
    name = name_of(model)
    batch = _at_least_two(batch)
    recorder = Recorder(count_all_rows(batch), name, **choices)
    with _keep_variables(model):
        answer = _answer(model, batch, recorder)
        if has_foreign_code(model):
            _refuse_other_randomness(model, batch, recorder, answer, name, choices)
    return tuple(recorder.sites)


def measure_cost(model, batch, sites, **choices):
    """Return the Cost of draws, seen in a run."""
    batch = _at_least_two(batch)
    counter = WorkCounter(**choices)
    with _keep_variables(model):
        answer = _answer(model, batch, counter)
    return cost_of_whole(counter, sites, max(2, int(np.prod(answer.shape[1:]))))


def is_random(model, batch):
    """Tell whether a model drops, or draws otherwise, at prediction, too."""
    if not has_foreign_code(model):
        return False
    batch = _at_least_two(batch)
    recorder = Recorder(count_all_rows(batch), name_of(model))
    with _keep_variables(model):
        with intercept(recorder):
            _call(model, batch, training=False)
        runs = [ops.convert_to_numpy(_call(model, batch, training=False)) for _ in range(3)]
    return bool(recorder.sites) or any(not _are_close(run, runs[0]) for run in runs)


def has_foreign_code(model):
    """Tell whether anything in a model is not Keras's own code."""
    return any(
        isinstance(layer, layers.Lambda) or not _runs_code_of_keras(layer)
        for layer in [model, *layers_in(model)]
    )


def _runs_code_of_keras(layer):
    methods = layer.call, getattr(layer, "_get_noise_shape", layer.call)
    return all(getattr(m, "__module__", "").split(".")[0] == "keras" for m in methods)


def _refuse_other_randomness(model, batch, recorder, answer, name, choices):
    """Raise if two runs differ without dropout, or a run from what the model predicts."""
    plain = [ops.convert_to_numpy(_call(model, batch, training=False)) for _ in range(2)]
    always = not np.array_equal(*plain)
    for _ in range(MANY_RUNS if recorder.drew else FEW_RUNS):
        calls = Recorder(recorder.n_rows, name, **choices)
        again = _answer(model, batch, calls)
        if not _are_close(again, answer) or calls.sites != recorder.sites:
            raise CannotDraw(
                f"{name} draws random numbers that are no dropout"
                f"{', also at prediction' if always else ''} (noise or stochastic depth of its "
                "own making, say), which are not known here. Use keras.layers.Dropout or "
                "keras.random.dropout (with a noise_shape to drop whole rows)."
            )
    if not always and not _are_close(answer, plain[0]):
        raise CannotDraw(
            f"{name} computes something else in training than at prediction, apart from its "
            "dropout, so that draws would not be of the network that predicts."
        )


def _are_close(one, other):
    if one.shape != other.shape:
        return False
    largest = np.abs(other[np.isfinite(other)]).max(initial=0)
    return np.allclose(one, other, rtol=1e-3, atol=1e-4 * largest, equal_nan=True)


def _at_least_two(batch):
    """Return two rows or more: a first axis of 1 may be anything."""
    if count_all_rows(batch) > 1:
        return batch
    return map_arrays(lambda part: np.repeat(part, 2, axis=0), batch)


def _answer(model, batch, calls):
    """Run a model without compiling it, in training, but for what `calls` keeps off."""
    with intercept(calls):
        return ops.convert_to_numpy(_call(model, batch, training=True))


def _call(model, batch, training):
    out = model(list_for_keras(batch), training=training)
    return get_only_output(out, name_of(model))


@contextmanager
def _keep_variables(model):
    """Put back what a run in training has changed, seeds above all."""
    moving = model.non_trainable_variables  # statistics and seeds; no pass changes the others
    before = [np.array(ops.convert_to_numpy(variable)) for variable in moving]
    try:
        yield
    finally:
        for variable, value in zip(moving, before, strict=True):
            if not np.array_equal(ops.convert_to_numpy(variable), value, equal_nan=True):
                variable.assign(value)
        forget_masks(model)


def forget_masks(model):
    """Drop the masks that cells of recurrent layers keep when a run ends early."""
    for layer in layers_in(model):
        if hasattr(layer, "reset_dropout_mask"):
            layer.reset_dropout_mask()
            layer.reset_recurrent_dropout_mask()


def make_answer(model, sites, structure, in_loop, proba, **choices):
    """Return a function (inputs, masks) -> answers (n_draws, n_rows, n_outputs).

    `inputs` is a list of tensors, `structure` rebuilds from it what the model takes. It runs
    in a scope that keeps variables.
    """
    alive = weakref.ref(model)  # what is compiled must not keep the model alive

    def answer(inputs, masks):
        n_draws, n_rows = ops.shape(masks[0][0])[0], ops.shape(inputs[0])[0]
        many = [_tile(part, n_draws, n_rows) for part in inputs]
        calls = Player(sites, masks, n_rows, in_loop, **choices)
        model = alive()
        try:
            with intercept(calls):
                out = _call(model, structure(many), training=True)
        finally:
            forget_masks(model)
        calls.check_all_seen()
        out = proba(out)
        return ops.reshape(out, (n_draws, -1, out.shape[1]))

    return answer


def _tile(part, n_draws, n_rows):
    part = ops.convert_to_tensor(part)
    many = ops.broadcast_to(part[None], (n_draws, n_rows, *ops.shape(part)[1:]))
    return ops.reshape(many, (-1, *ops.shape(part)[1:]))
