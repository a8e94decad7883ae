"""Draws of a network's dropout, block of rows by block of rows."""

from contextlib import nullcontext

import numpy as np

from skcalib._wrapped_networks import final_estimator
from skcalib.backends import network_backend
from skcalib.backends._arrays import FEWEST_ROWS, each_array, usual_rows
from skcalib.networks import FrozenNetwork
from skcalib.uncertainty._noise import noise_of

MOST_ROWS = 1024  # of batches that are put together
HELD = 2**24  # float32 values of one chunk of draws, and of noise that is kept


ROUNDING = 0.05  # of a probability, on any processor and in half precision


def undisturbed(classifier):
    """Keep the seeds of a trained network, whose layers may be random at prediction, too."""
    last = final_estimator(classifier)
    backend = network_backend(last.model) if isinstance(last, FrozenNetwork) else None
    return backend.seeds_kept(last.model) if hasattr(backend, "seeds_kept") else nullcontext()


def ending_of(network, inputs):
    """Tell what the output of a FrozenNetwork's model is, as a sampler wants to know it."""
    values, head = network._run(inputs)
    if head is None:
        return "logits" if network._output_is_logits(values) else "proba"
    return {"softmax": "proba", "linear": "logits"}.get(head, head)


def passes_of(network, inputs, ending, *, levels, n_draws, seed, shared):
    """Return Passes of a FrozenNetwork, and inputs as its model takes them."""
    backend = network_backend(network.model)
    if not hasattr(backend, "sampler"):
        raise NotImplementedError(
            f"{type(network.model).__name__} is not a Keras model; draws of dropout run on "
            "Keras models so far."
        )
    inputs, sampler = backend.sampler(
        network.model, inputs, every_site=levels != [None], shared=shared, ending=ending
    )
    return Passes(sampler, levels, n_draws, seed, shared), inputs


class Passes:
    """Many draws for each row: the deterministic part of a network once, the rest in chunks.

    Parameters
    ----------
    sampler : Sampler
        Of the network, from its backend.

    levels : list of (float or None)
        Rates that replace those of the network; None leaves them.

    n_draws, seed : int
        How many draws, and what they depend on.

    shared : bool
        Whether all rows share the masks of a draw.
    """

    def __init__(self, sampler, levels, n_draws, seed, shared):
        self.sampler = sampler
        self.levels = levels
        self.n_draws = n_draws
        self.seed = seed
        self.shared = shared
        self._kept = {}

    def refuse_other_answers(self, network, inputs):
        """Raise if without dropout the draws are not what the network predicts."""
        rows = slice(0, len(each_array(inputs)[0]))
        plain = self.sampler.draw(self.sampler.start(inputs), self._noise(0.0, range(1), rows))
        plain = plain[0] if network._order() is None else plain[0][:, network._order()]
        found = [network.predict_proba(inputs) for _ in range(2)]
        if min(np.abs(plain - proba).max() for proba in found) < ROUNDING:
            return
        if np.abs(found[0] - found[1]).max() > 0:
            return  # layers that always drop: nothing to compare with
        raise ValueError(
            f"{type(network.model).__name__} predicts something else than the graph of its "
            "layers says, so dropout cannot be drawn. If its class has a call() of its own, "
            "give a model of keras.Sequential or keras.Model(inputs, outputs) instead."
        )

    def rows_in_batch(self, X):
        """Return how many rows make a batch if the batch size is left to us."""
        return min(usual_rows(X), max(FEWEST_ROWS, HELD // self._draws_of_a_row()))

    def blocks(self, batches):
        """Yield rows (a slice) and their draws (n_levels, n_draws, n_rows, n_outputs).

        Small batches are put together before the draws, which then share their kernels.
        """
        states, start, stop = [], 0, 0
        for batch in batches:
            n_rows = len(each_array(batch)[0])
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
        out = None
        for number, level in enumerate(self.levels):
            for draws in self._chunks(rows.stop - rows.start):
                values = self.sampler.draw(before, self._noise(level, draws, rows))
                if out is None:
                    out = np.empty((len(self.levels), self.n_draws, *values.shape[1:]), "f4")
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
