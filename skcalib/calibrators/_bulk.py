"""Where most scores lie, whatever a few of them are."""

from typing import NamedTuple

import numpy as np

SHARE = 0.75  # of distinct scores, which are nearer to the centre than the spread
FAR = 30  # spreads beyond which a score is an outlier, if there are many scores
FAR_OF_FEW = 1000  # divided by their number: spreads more, as that of few scores is uncertain
CONSTANT = 1e-12  # of the centre: what rounding alone may part
UNDERFLOW = 1e-290


class Bulk(NamedTuple):
    """Centre and spread of distinct scores; all but outliers are within reach of the centre."""

    centre: float
    spread: float
    reach: float

    @property
    def ends(self):
        """Return how far the bulk goes, at most, below and above."""
        return self.centre - self.reach, self.centre + self.reach

    def compress(self, z):
        """Bring outliers to within twice the reach, in their order; leave the others alone."""
        offset = z - self.centre
        size = np.abs(offset)
        if self.reach == 0 or not (size > self.reach).any():
            return z
        bent = self.reach * (2 - self.reach / np.maximum(size, self.reach))
        return np.where(size > self.reach, self.centre + np.copysign(bent, offset), z)


def bulk_of(z, *, centred=True):
    """Return the bulk of scores.

    Each distinct score counts once, as weights and repeated rows must not matter, nor ties,
    where the scores of a saturated classifier are. Without a spread, all scores are the same.
    """
    scores = np.sort(z)
    scores = scores[np.append(True, scores[1:] != scores[:-1])]
    n = len(scores)
    centre = (scores[(n - 1) // 2] / 2 + scores[n // 2] / 2) if centred else 0.0
    distance = np.abs(scores - centre)
    least = max(CONSTANT * abs(centre), UNDERFLOW)
    distance = distance[distance > least]
    if len(distance) == 0:
        return Bulk(centre, 0.0, np.inf)
    place = int(SHARE * (len(distance) - 1))
    spread = np.partition(distance, place)[place]
    return Bulk(centre, spread, (FAR + FAR_OF_FEW / n) * spread)
