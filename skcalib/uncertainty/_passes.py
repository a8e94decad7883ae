"""Draws of a network's dropout, block of rows by block of rows."""

import numpy as np

from skcalib.backends._arrays import FEWEST_ROWS, count_all_rows, usual_rows
from skcalib.uncertainty._exact import N_POINTS, GaussianLogits
from skcalib.uncertainty._noise import noise_of

MOST_ROWS = 1024  # of batches that are put together
HELD = 2**24  # float32 values of one chunk of draws, and of noise that is kept


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

    shared : bool
        Whether all rows share the masks of a draw.

    name : str
        Of the network, for messages.
    """

    def __init__(self, sampler, levels, n_draws, seed, shared, name):
        self.exact = None
        if n_draws == "exact":
            n_draws, self.exact = N_POINTS, GaussianLogits(sampler, levels, seed, name)
        self.sampler = sampler
        self.levels = levels
        self.n_draws = n_draws
        self.seed = seed
        self.shared = shared
        self._kept = {}

    def plain(self, X):
        """Return the draw of a network none of whose layers drops anything."""
        noise = self._noise(0.0, range(1), slice(0, count_all_rows(X)))
        return self.sampler.draw(self.sampler.start(X), noise)[0]

    def rows_in_batch(self, X):
        """Return how many rows make a batch if the batch size is left to us."""
        return min(usual_rows(X), max(FEWEST_ROWS, HELD // self._draws_of_a_row()))

    def blocks(self, batches):
        """Yield rows (a slice) and their draws (n_levels, n_draws, n_rows, n_outputs).

        Small batches are put together before the draws, which then share their kernels.
        """
        states, start, stop = [], 0, 0
        for batch in batches:
            n_rows = count_all_rows(batch)
            if states and stop + n_rows - start > self._rows_in_block():
                yield self._block(states, slice(start, stop))
                states, start = [], stop
            states.append(self.sampler.start(batch))
            stop += n_rows
        yield self._block(states, slice(start, stop))

    def _rows_in_block(self):
        cost = self.sampler.cost
        return min(MOST_ROWS, 4 * HELD // cost.start, HELD // self._draws_of_a_row())

    def _draws_of_a_row(self):
        return self.n_draws * len(self.levels) * self.sampler.cost.outputs

    def _block(self, states, rows):
        before = states[0] if len(states) == 1 else self.sampler.join(states)
        if self.exact is not None:
            return rows, self.exact.draws(before)
        out = None
        for number, level in enumerate(self.levels):
            for draws in self._chunks(rows.stop - rows.start):
                values = self.sampler.draw(before, self._noise(level, draws, rows))
                if out is None:
                    shape = len(self.levels), self.n_draws, *values.shape[1:]
                    out = np.empty(shape, values.dtype)
                out[number, draws.start : draws.stop] = values
        return rows, out

    def _chunks(self, n_rows):
        cost = self.sampler.cost
        noise = self._values_of_noise() * (1 if self.shared else n_rows)
        size = max(1, HELD // (n_rows * cost.width + cost.kernel + noise))
        for start in range(0, self.n_draws, size):
            yield range(start, min(start + size, self.n_draws))

    def _values_of_noise(self):
        return sum(int(np.prod(site.shape)) for site in self.sampler.sites)

    def _noise(self, level, draws, rows):
        key = level, draws
        if key in self._kept:
            return self._kept[key]
        own = None if self.shared else range(rows.start, rows.stop)
        noise = [
            noise_of(site, place, site.rate if level is None else level, self.seed, draws, own)
            for place, site in enumerate(self.sampler.sites)
        ]
        values = self._values_of_noise() * self.n_draws * len(self.levels)
        if self.shared and values <= HELD:
            self._kept[key] = noise
        return noise
