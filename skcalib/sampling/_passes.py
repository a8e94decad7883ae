"""Draws of a network's dropout, block of rows by block of rows."""

import numpy as np

from skcalib.backends import count_all_rows
from skcalib.sampling._gaussian_logits import N_POINTS, GaussianLogits
from skcalib.sampling._masks import masks_of
from skcalib.sampling._room import make_room
from skcalib.sampling._stopping import are_enough, rounds


class Passes:
    """Many draws for each row: the deterministic part of a network once, the rest in chunks.

    Parameters
    ----------
    sampler : Sampler
        Of the network, from its backend.

    levels : list of (float or None)
        Rates that replace those of the network; None leaves them.

    n_draws : int or "exact"
        How many draws; or points of the logits' distribution instead.

    seed : int
        What draws depend on.

    tol : float or None
        Standard error at which a row's draws are enough.

    shared : bool
        Whether all rows share the masks of a draw.

    name : str
        Of the network, for messages.
    """

    def __init__(self, sampler, levels, n_draws, tol, seed, shared, name):
        self.exact = None
        if n_draws == "exact":
            n_draws, self.exact = N_POINTS, GaussianLogits(sampler, levels, seed, name)
        self.sampler = sampler
        self.levels = levels
        self.n_draws = n_draws
        self.tol = tol
        self.seed = seed
        self.shared = shared
        self.room = make_room(sampler, n_draws, len(levels), shared)
        self._kept, self._n_kept = {}, 0

    def draw_at_rate(self, X, rate, n_draws=1):
        """Return draws (n_draws, n_samples, n_outputs) of a few rows, all layers at a rate."""
        masks = self._masks(rate, range(n_draws), np.arange(count_all_rows(X)))
        draws = self.sampler.draw(self.sampler.start(X), masks)
        return self.sampler.fetch([draws], count_all_rows(X))

    def blocks(self, batches):
        """Yield rows and their draws (n_levels, n_draws, n_rows, n_outputs).

        Rows are a slice; with `tol` an array of numbers, and draws differ in number. Small
        batches are put together before the draws, which then share their kernels.
        """
        states, start, stop = [], 0, 0
        for batch in batches:
            n_rows = count_all_rows(batch)
            if states and stop + n_rows - start > self.room.rows_in_block():
                yield from self._block(states, slice(start, stop))
                states, start = [], stop
            states.append(self.sampler.start(batch))
            stop += n_rows
        yield from self._block(states, slice(start, stop))

    def _block(self, states, rows):
        state = states[0] if len(states) == 1 else self.sampler.join(states)
        size = self.room.rows_at_once(rows.stop - rows.start)
        if size >= rows.stop - rows.start:
            yield from self._whole_block(state, rows)
            return
        for start in range(rows.start, rows.stop, size):
            part = slice(start, min(start + size, rows.stop))
            numbers = np.arange(part.start - rows.start, part.stop - rows.start)
            yield from self._whole_block(self.sampler.take(state, numbers), part)

    def _whole_block(self, state, rows):
        if self.exact is not None:
            yield rows, self.exact.draws(state)
        elif self.tol is None:
            numbers = np.arange(rows.start, rows.stop)
            yield rows, self._draws(state, numbers, range(self.n_draws))
        else:
            yield from self._until_enough(state, np.arange(rows.start, rows.stop))

    def _until_enough(self, state, rows):
        """Yield rows (their numbers) and draws, those first that need fewest."""
        before = None
        for draws in rounds(self.n_draws):
            found = self._draws(state, rows, draws)
            found = found if before is None else np.concatenate([before, found], axis=1)
            done = np.full(len(rows), draws.stop == self.n_draws) | are_enough(found, self.tol)
            if done.any():
                yield rows[done], found[:, :, done]
            if done.all():
                return
            rows, before = rows[~done], found[:, :, ~done]
            if done.any():
                state = self.sampler.take(state, np.flatnonzero(~done))

    def _draws(self, state, rows, draws):
        """Return the draws of these numbers (n_levels, n_draws, n_rows, n_outputs)."""
        out, parts, started = None, [], 0
        places = [
            (level, chunk) for level in self.levels for chunk in self._chunks(rows, draws)
        ]
        for number, (level, chunk) in enumerate(places):
            parts.append(self.sampler.draw(state, self._masks(level, chunk, rows)))
            # A card computes while answers wait there; a processor need not hold them twice.
            if self.sampler.accelerated and number + 1 < len(places):
                continue
            values, parts = self.sampler.fetch(parts, len(rows)), []
            if out is None:
                out = np.empty((len(self.levels) * len(draws), *values.shape[1:]), values.dtype)
            out[started : started + len(values)] = values
            started += len(values)
        return out.reshape(len(self.levels), len(draws), *out.shape[1:])

    def _chunks(self, rows, draws):
        size = self.room.draws_at_once(len(rows), rows[-1] - rows[0] + 1)
        for start in range(draws.start, draws.stop, size):
            yield range(start, min(start + size, draws.stop))

    def _masks(self, level, draws, rows):
        if not self.shared:
            return self._own_masks(level, draws, rows)
        key = level, draws
        if key in self._kept:
            return self._kept[key]
        masks = self._masks_of_rows(level, draws, None)
        values = self.room.masks * len(draws)
        if self._n_kept + values <= self.room.held:
            self._n_kept += values
            self._kept[key] = masks
        return masks

    def _own_masks(self, level, draws, rows):
        """Return masks of these rows, which may have others between them."""
        between = range(rows[0], rows[-1] + 1)
        masks = self._masks_of_rows(level, draws, between)
        if len(between) == len(rows):
            return masks
        return [tuple(part[:, rows - rows[0]] for part in parts) for parts in masks]

    def _masks_of_rows(self, level, draws, rows):
        return [
            masks_of(site, place, site.rate if level is None else level, self.seed, draws, rows)
            for place, site in enumerate(self.sampler.sites)
        ]
