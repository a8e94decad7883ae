"""Running sums whose differences are exact."""

from typing import NamedTuple

import numpy as np

PARTS = 3  # each adds 2**-52 to what is told from the total, less the number of amounts


class ExactSums(NamedTuple):
    """Sums of the first amounts, in parts of which each but the last has no rounding error.

    The difference of two plain sums would lose what lies between them beside an amount of
    much more weight. Amounts that are integers have one part.
    """

    parts: list

    @classmethod
    def of(cls, amounts):
        """Sum up non-negative amounts."""
        parts = []
        while len(parts) < PARTS and (amounts.any() or not parts):
            exponent = np.frexp(np.abs(amounts).sum())[1] - 52
            grain = np.ldexp(np.rint(np.ldexp(amounts, -exponent)), exponent)
            parts.append(np.append(0.0, np.cumsum(grain)))
            amounts = amounts - grain
        return cls(parts)

    def between(self, first, last):
        """Return the sums from the first to before the last."""
        return sum(part[last] - part[first] for part in self.parts)

    def halved_at_cuts(self, first, last, left, right, below):
        """Return the sums of bins; between left and right, if anything, of a cut by half.

        `below` are the numbers of the bins before cuts.
        """
        whole = self.between(first, last)
        half = self.between(left, right) / 2
        whole[below] += half
        whole[below + 1] += half
        return whole
