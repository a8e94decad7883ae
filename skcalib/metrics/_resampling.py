"""Rows drawn with replacement, as counts of how often each was drawn."""

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from skcalib.inputs import to_numpy
from skcalib.messages import check_fraction


def check_level(confidence_level):
    """Raise ValueError unless it is a number between 0 and 1."""
    check_fraction("confidence_level", confidence_level)


def generator_of(random_state):
    """Return a generator of random numbers, faster than the one it is seeded by."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))


def count_of_rows(weight):
    """Return how many rows the weights stand for."""
    total = float(weight.sum())
    if not 0.5 <= total <= 2**62:
        raise ValueError(
            f"sample_weight sums to {total:.3g}. To draw rows, weights are taken for "
            "frequencies and their sum for the number of rows; multiply them accordingly."
        )
    return round(total)


class Urn:
    """Rows to draw from with replacement, as many as there are.

    Parameters
    ----------
    size : ndarray of shape (n_entries,)
        How many rows each entry stands for, zero or positive.
    """

    def __init__(self, size):
        self.n_rows = count_of_rows(size)
        single = self.n_rows == len(size) and (size == 1).all()
        self.shares = None if single else size / size.sum()

    def draw(self, rng):
        """Return how often each entry is drawn."""
        if self.shares is None:
            drawn = rng.integers(self.n_rows, size=self.n_rows)
            return np.bincount(drawn, minlength=self.n_rows)
        return rng.multinomial(self.n_rows, self.shares)


class Resampler:
    """Draws weightings of rows: what a resample with replacement counts of each.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
        Frequencies, zero or positive.

    groups : array-like of shape (n_samples,) or None
        Rows that are drawn together.

    stratify : array-like of shape (n_samples,) or None
        Rows among which the number drawn is fixed.
    """

    def __init__(self, weight, groups, stratify):
        self.weight = weight
        self.unit, mass = None, weight
        if groups is not None:
            self.unit = number_values(groups, weight, "groups")
            mass = (np.bincount(self.unit, weight) > 0).astype(np.float64)
        self.mass = mass
        self.strata = self._strata(stratify)
        self.urns = [Urn(mass[units]) for units in self.strata]

    @property
    def fixed(self):
        """Whether each stratum is a single unit, so that nothing can vary."""
        return all((self.mass[units] > 0).sum() == 1 for units in self.strata)

    @property
    def n_units(self):
        """How many rows or groups there are to draw."""
        return sum(urn.n_rows for urn in self.urns)

    def draw(self, rng):
        """Return the weights of the rows in one resample."""
        counts = np.zeros(len(self.mass))
        for units, urn in zip(self.strata, self.urns, strict=True):
            counts[units] = urn.draw(rng)
        return counts if self.unit is None else self.weight * counts[self.unit]

    def leave_out(self, rng, n_blocks):
        """Yield (weights, stratum, frequency) with a unit or a block of units left out.

        If there are more units than `n_blocks`, they are dealt out into blocks at random.
        """
        for stratum, units in enumerate(self.strata):
            units = np.arange(len(self.mass))[units]
            units = units[self.mass[units] > 0]
            if len(self.mass) <= n_blocks:
                for unit in units:
                    left = np.minimum(1.0, self.mass[unit])  # one of several equal rows
                    yield self._without(unit, left), stratum, self.mass[unit]
            else:
                share = max(2, round(n_blocks * len(units) / len(self.mass)))
                for block in np.array_split(rng.permutation(units), min(share, len(units))):
                    yield self._without(block, self.mass[block]), stratum, 1.0

    def _without(self, units, mass):
        left = self.mass.copy()
        left[units] -= mass
        return left if self.unit is None else self.weight * left[self.unit]

    def _strata(self, stratify):
        if stratify is None:
            return [slice(None)]
        stratum = number_values(stratify, self.weight, "stratify")
        if self.unit is not None:
            of_unit = np.empty(len(self.mass), dtype=np.intp)
            of_unit[self.unit] = stratum
            if (of_unit[self.unit] != stratum).any():
                raise ValueError(
                    "stratify and groups contradict each other: a group has rows in several "
                    "strata, and would be drawn as a whole."
                )
            stratum = of_unit
        strata = [np.flatnonzero(stratum == k) for k in range(stratum.max() + 1)]
        return [units for units in strata if self.mass[units].sum() > 0]


def number_values(values, weight, name):
    """Number the distinct values of a vector."""
    values = np.asarray(to_numpy(values, name))
    if values.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {values.shape}.")
    check_consistent_length(values, weight)
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise ValueError(f"{name} contains NaN; give each row a value.")
    try:
        return np.unique(values, return_inverse=True)[1]
    except TypeError as error:
        raise ValueError(f"{name} must hold values that sort together: {error}.") from error
