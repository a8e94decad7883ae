"""Draws of torch modules: many masks at once by `torch.func.vmap`, or a pass for each."""

import weakref
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from skcalib.backends._arrays import check_arrays, list_arrays, map_arrays, sort_inputs
from skcalib.backends._sampling import CannotDraw, Sampler
from skcalib.backends._torch_draws import Player
from skcalib.backends._torch_modules import convert_inputs, name_of, to_tensors
from skcalib.backends._torch_sites import find_sites, is_random, model_output, running
from skcalib.backends._torch_work import Counter

_SAMPLERS = weakref.WeakKeyDictionary()


class Choices(NamedTuple):
    """What make_sampler is asked for."""

    every_site: bool
    shared: bool
    ending: str


def make_sampler(model, X, *, every_site, shared, ending, inject, drop_in_bases=None):
    """Return X as the module takes it, and the Sampler for inputs like these.

    See the Keras module for the arguments.
    """
    if inject is not None:
        raise ValueError(
            f"{name_of(model)}: inject={inject!r} is for Keras models and perceptrons; a torch "
            "module has no list of calls to put dropout between. Train it with "
            "torch.nn.Dropout, or give inject=None."
        )
    X = convert_inputs(model, check_arrays(X))
    choices = Choices(every_site, shared, ending)
    batch = map_arrays(lambda part: part[:2], X)
    shapes = tuple((part.dtype.str, part.shape[1:]) for part in list_arrays(X))
    rates = tuple(getattr(part, "p", None) for part in model.modules())
    key = (*choices, shapes, rates, str(next(model.parameters(), torch.empty(0)).device))
    known = _SAMPLERS.setdefault(model, {})
    if key not in known:
        known.clear()
        known[key] = _build(model, batch, choices)
    return X, known[key]


def check_network(model, X, *, inject=None, every_site=False, shared=True, **choices):
    """Raise if dropout of a module, perhaps not yet trained, cannot be drawn."""
    X = convert_inputs(model, check_arrays(X))
    find_sites(model, map_arrays(lambda part: part[:2], X), every_site)


def _build(model, batch, choices):
    sites, own_code = find_sites(model, batch, choices.every_site)
    alive = weakref.ref(model)  # the cache must not keep the module alive
    own = _Draws(alive, sites, choices, partial(_rebuild, sort_inputs(batch)), own_code)
    masks = [_try_masks(site) for site, _ in sites]
    state = own.start(batch)
    wanted = fetch([own.loop(state, masks)])
    cost, path = own.choose(state, masks, wanted)
    half = any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters())
    return Sampler(
        sites=tuple(site for site, _ in sites),
        cost=cost,
        start=own.start,
        join=lambda states: [torch.cat(parts) for parts in zip(*states, strict=True)],
        take=_take,
        draw=own.vmap if path == "vmap" else own.loop,
        fetch=lambda draws, n_rows: fetch(draws),
        half=half,
        left_off=(),
        accelerated=state[0].device.type != "cpu",
        always_on=is_random(model, batch),
        path=path,
        last_layer="is a torch module, whose last layer is not looked for",
    )


class _Draws:
    """Draws of one module."""

    def __init__(self, alive, sites, choices, structure, own_code):
        self.own_code = own_code
        self.alive = alive
        self.sites = sites
        self.choices = choices
        self.structure = structure

    def start(self, batch):
        """Return the tensors of a batch."""
        return list_arrays(to_tensors(self.alive(), sort_inputs(batch)))

    def loop(self, state, masks):
        """Return draws, with a pass of the module for each."""
        with self._ready() as model:
            masks = _as_tensors(masks, state)
            draws = [
                self._run(model, state, _take_draw(masks, number), folds=False)
                for number in range(len(masks[0][0]))
            ]
            return self._answers(torch.stack(draws))

    def vmap(self, state, masks):
        """Return draws, with what differs between them in one pass."""
        with self._ready() as model:
            masks = _as_tensors(masks, state)
            return self._answers(self._map(lambda own: self._run(model, state, own), masks))

    def choose(self, state, masks, wanted):
        """Return the Cost, and "vmap" if that works, which is no dearer than a loop."""
        seen = []

        def count(own):
            seen.append(Counter(self.sites, own, self.choices.every_site, True))
            return self._run_with(seen[-1], model, state)

        with self._ready() as model:
            own = _as_tensors(masks, state)
            try:
                found = fetch([self._answers(self._map(count, own))])
                right = np.allclose(found, wanted, rtol=0.01, atol=1e-3)
            except Exception:  # code that needs values, or what vmap does not know
                right = False
            if not right:
                one = _take_draw(own, 0)
                seen.append(Counter(self.sites, one, self.choices.every_site, False))
                self._run_with(seen[-1], model, state)
        counter = seen[-1]
        cost = counter.cost(len(state[0]), wanted.shape[-1], right)
        return cost, "vmap" if right else "loop"

    def _map(self, function, masks):
        scales = [scale for scale, _ in masks]
        shifts = [torch.zeros(len(x)) if shift is None else shift for x, shift in masks]
        has_shift = [shift is not None for _, shift in masks]

        def run(scales, shifts):
            pairs = zip(scales, shifts, has_shift, strict=True)
            return function([(scale, shift if has else None) for scale, shift, has in pairs])

        with _no_word_of_slow_calls():
            return torch.func.vmap(run, randomness="same")(scales, shifts)

    def _run(self, model, state, masks, folds=True):
        player = Player(self.sites, masks, self.choices.every_site, folds)
        return self._run_with(player, model, state)

    def _run_with(self, player, model, state):
        with player:
            out = model_output(model, self.structure(state))
        out = player.given(out)
        if player.n_seen != len(self.sites):
            raise CannotDraw("The module calls its dropout differently in each call.")
        return out.reshape(len(state[0]), -1)

    def _answers(self, out):
        return answers(out.float(), self.choices.ending)

    @contextmanager
    def _ready(self):
        model = self.alive()
        with running(model, self.own_code):
            yield model


@contextmanager
def _no_word_of_slow_calls():
    """Keep torch from warning of operations that vmap runs draw by draw."""
    torch._C._functorch._set_vmap_fallback_warning_enabled(False)
    try:
        yield
    finally:
        torch._C._functorch._set_vmap_fallback_warning_enabled(True)


def fetch(draws):
    """Return the answers of several draws as one array, which leaves a card once."""
    return (draws[0] if len(draws) == 1 else torch.cat(draws)).cpu().numpy()


def answers(out, ending):
    """Return probabilities (..., n_outputs), or targets, of a module's output."""
    one = out.shape[-1] == 1
    if ending == "target":
        return out
    if ending == "log_softmax":
        return out.exp()
    if ending == "logits" and not one:
        return out.softmax(-1)
    out = out.sigmoid() if ending == "logits" else out
    if one:
        return torch.cat([1 - out, out], -1)
    if ending == "sigmoid":  # one-vs-rest
        out = out.clamp(min=1e-37)
        return out / out.sum(-1, keepdim=True)
    return out


def _take(state, rows):
    return [part[torch.as_tensor(rows, device=part.device)] for part in state]


def _take_draw(masks, number):
    """Return the masks of one draw."""
    return [(scale[number], None if shift is None else shift[number]) for scale, shift in masks]


def _as_tensors(masks, state):
    """Return pairs of tensors where the rows are; a shift may be None."""

    def tensor(part):
        return torch.as_tensor(part, device=state[0].device)

    return [(*map(tensor, pair), None)[:2] for pair in masks]


def _try_masks(site):
    """Return masks of two draws that keep about half of the values."""
    rng = np.random.default_rng(0)
    scale = rng.integers(0, 2, (2, 1, *site.shape)).astype(np.float32) + 0.5
    return (scale, np.zeros_like(scale)) if site.kind == "alpha" else (scale,)


def _rebuild(batch, parts):
    """Return tensors in the structure of a batch."""
    left = iter(parts)
    return map_arrays(lambda part: next(left), batch)
