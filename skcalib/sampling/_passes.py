"""Draws of a network's dropout, block of rows by block of rows."""

import numpy as np

from skcalib.backends import FEWEST_ROWS, choose_batch_size, count_all_rows
from skcalib.sampling._gaussian_logits import N_POINTS, GaussianLogits
from skcalib.sampling._masks import masks_of
from skcalib.sampling._stopping import are_enough, rounds

MOST_ROWS = 1024  # of batches that are put together
HELD = 2**24  # float32 values of one chunk of draws, and of masks that are kept
ON_A_CARD = 16  # times as many, as a card wants much work at once
FEW = 8  # rows that many draws go with; fewer would be slow


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
        self.times = ON_A_CARD if sampler.accelerated else 1
        self.held = HELD * self.times
        self._kept, self._n_kept = {}, 0

    def draw_at_rate(self, X, rate, n_draws=1):
        """Return draws (n_draws, n_samples, n_outputs) of a few rows, all layers at a rate."""
        masks = self._masks(rate, range(n_draws), np.arange(count_all_rows(X)))
        return self.sampler.draw(self.sampler.start(X), masks)

    def rows_in_batch(self, X):
        """Return how many rows make a batch if the batch size is left to us."""
        size = min(4 * choose_batch_size(X), 2048) if self.times > 1 else choose_batch_size(X)
        return min(size, max(FEWEST_ROWS, self.held // self._draws_of_a_row()))

    def blocks(self, batches):
        """Yield rows and their draws (n_levels, n_draws, n_rows, n_outputs).

        Rows are a slice; with `tol` an array of numbers, and draws differ in number. Small
        batches are put together before the draws, which then share their kernels.
        """
        states, start, stop = [], 0, 0
        for batch in batches:
            n_rows = count_all_rows(batch)
            if states and stop + n_rows - start > self._rows_in_block():
                yield from self._block(states, slice(start, stop))
                states, start = [], stop
            states.append(self.sampler.start(batch))
            stop += n_rows
        yield from self._block(states, slice(start, stop))

    def _rows_in_block(self):
        cost = self.sampler.cost
        drawn = self.held // self._draws_of_a_row()
        return min(MOST_ROWS * self.times, 4 * self.held // cost.start, drawn)

    def _draws_of_a_row(self):
        return self.n_draws * len(self.levels) * self.sampler.cost.outputs

    def _block(self, states, rows):
        state = states[0] if len(states) == 1 else self.sampler.join(states)
        size = self._rows_at_once()
        if size >= rows.stop - rows.start:
            yield from self._whole_block(state, rows)
            return
        for start in range(rows.start, rows.stop, size):
            part = slice(start, min(start + size, rows.stop))
            numbers = np.arange(part.start - rows.start, part.stop - rows.start)
            yield from self._whole_block(self.sampler.take(state, numbers), part)

    def _rows_at_once(self):
        """Return how many rows have room for all draws: vmap repeats the rest for a chunk."""
        cost = self.sampler.cost
        if self.sampler.path != "vmap":
            return self.held
        masks = self.n_draws * (cost.kernel + self._values_of_masks())
        room = max(0, self.held - masks)
        return max(FEW, room // (self.n_draws * cost.width))

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
        out = None
        for number, level in enumerate(self.levels):
            for chunk in self._chunks(rows, draws):
                values = self.sampler.draw(state, self._masks(level, chunk, rows))
                if out is None:
                    shape = len(self.levels), len(draws), *values.shape[1:]
                    out = np.empty(shape, values.dtype)
                out[number, chunk.start - draws.start : chunk.stop - draws.start] = values
        return out

    def _chunks(self, rows, draws):
        cost = self.sampler.cost
        masks = self._values_of_masks() * (1 if self.shared else rows[-1] - rows[0] + 1)
        size = max(1, self.held // (len(rows) * cost.width + cost.kernel + masks))
        for start in range(draws.start, draws.stop, size):
            yield range(start, min(start + size, draws.stop))

    def _values_of_masks(self):
        return sum(int(np.prod(site.shape)) for site in self.sampler.sites)

    def _masks(self, level, draws, rows):
        if not self.shared:
            return self._own_masks(level, draws, rows)
        key = level, draws
        if key in self._kept:
            return self._kept[key]
        masks = self._masks_of_rows(level, draws, None)
        values = self._values_of_masks() * len(draws)
        if self._n_kept + values <= self.held:
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
