"""How many rows and draws go together: what a block of them holds is bounded."""

from typing import Any, NamedTuple

import numpy as np

from skcalib.backends import FEWEST_ROWS, choose_batch_size

MOST_ROWS = 1024  # of batches that are put together
HELD = 2**24  # float32 values of one chunk of draws, and of masks that are kept
ON_A_CARD = 16  # times as many, as a card wants much work at once
FEW = 8  # rows that many draws go with; fewer would be slow


class Room(NamedTuple):
    """What draws of a network may hold."""

    cost: Any  # of its backend
    path: str  # how draws are made
    masks: int  # values of one draw
    n_draws: int
    n_levels: int
    shared: bool  # whether all rows share the masks of a draw
    times: int  # how many times as much may be held

    @property
    def held(self):
        """Return how many values may be held."""
        return HELD * self.times

    def rows_in_batch(self, X):
        """Return how many rows make a batch if the batch size is left to us."""
        size = choose_batch_size(X)
        size = min(4 * size, 2048) if self.times > 1 else size
        return min(size, max(FEWEST_ROWS, self.held // self._answers_of_a_row()))

    def rows_in_block(self):
        """Return how many rows of small batches are put together, at most."""
        drawn = self.held // self._answers_of_a_row()
        return min(MOST_ROWS * self.times, 4 * self.held // self.cost.start, drawn)

    def _answers_of_a_row(self):
        return self.n_draws * self.n_levels * self.cost.outputs

    def rows_at_once(self, most):
        """Return how many of so many rows go together.

        In vmap what comes before the dropout runs again for each chunk of draws, so that all
        of them should have room.
        """
        while self.path == "vmap" and most > FEW:
            if self.n_draws * self.values_of_draw(most) <= self.held:
                break
            most = max(FEW, most // 2)
        return most

    def draws_at_once(self, n_rows, between=None):
        """Return how many draws of so many rows go together.

        Parameters
        ----------
        n_rows : int
        between : int or None
            Rows that have masks, if these are more.
        """
        return max(1, self.held // self.values_of_draw(n_rows, between))

    def values_of_draw(self, n_rows, between=None):
        """Return how many values one draw of so many rows holds."""
        masks = self.masks * (1 if self.shared else between or n_rows)
        return n_rows * self.cost.width_at(n_rows) + self.cost.kernel_at(n_rows) + masks


def make_room(sampler, n_draws, n_levels, shared):
    """Return the Room of a sampler's draws."""
    masks = sum(int(np.prod(site.shape)) for site in sampler.sites)
    times = ON_A_CARD if sampler.accelerated else 1
    return Room(sampler.cost, sampler.path, masks, n_draws, n_levels, shared, times)
