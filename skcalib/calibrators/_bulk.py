"""Where most scores lie, whatever a few of them are."""

from typing import NamedTuple

import numpy as np

SHARE = 0.75  # of distinct scores, which are nearer to the centre than the spread
FAR = 30  # spreads beyond which a score is an outlier, if there are many scores
FAR_OF_FEW = 1000  # divided by their number: spreads more, as that of few scores is uncertain
INMOST = 0.1  # of the reach: where the farthest outliers are brought in to
GAP = 30  # times what lies on its other side: what one class alone has beyond is masked
FEWEST = 5  # distinct scores on that other side
CONSTANT = 1e-12  # of the centre: what rounding alone may part
UNDERFLOW = 1e-290


class Bulk(NamedTuple):
    """Centre and spread of distinct scores; all but outliers are within reach of the centre."""

    centre: float
    spread: float
    reach: float

    @property
    def ends(self):
        """How far the bulk goes, at most, below and above."""
        return self.centre - self.reach, self.centre + self.reach

    def is_left_by(self, z):
        """Tell whether there are outliers."""
        return bool((np.abs(z - self.centre) > self.reach).any())

    def bring_in(self, outliers):
        """Return scores inside the bulk, the farther in the farther out the outliers are."""
        offset = outliers - self.centre
        size = self.reach * np.maximum(self.reach / np.abs(offset), INMOST)
        return self.centre + np.copysign(size, offset)

    def compress(self, z):
        """Bring outliers to within twice the reach, in their order; leave the others alone."""
        if not self.is_left_by(z):
            return z
        offset = z - self.centre
        size = np.abs(offset)
        bent = self.reach * (2 - self.reach / np.maximum(size, self.reach))
        return np.where(size > self.reach, self.centre + np.copysign(bent, offset), z)


def bulk_of(z, target, *, centred=True):
    """Return the bulk of scores, of which `target` tells those of the class in question.

    Each distinct score counts once, as weights and repeated rows must not matter, nor ties,
    where the scores of a saturated classifier are. Without a spread, all scores are the same.
    """
    scores = np.sort(z)
    scores = scores[np.append(True, scores[1:] != scores[:-1])]
    if target.any() and not target.all():
        scores = _without_masks(scores, z[target].min(), z[~target].max())
    n = len(scores)
    centre = (scores[(n - 1) // 2] / 2 + scores[n // 2] / 2) if centred else 0.0
    distance = np.abs(scores - centre)
    distance = distance[distance > max(CONSTANT * abs(centre), UNDERFLOW)]
    if len(distance) == 0:
        return Bulk(centre, 0.0, np.inf)
    place = int(SHARE * (len(distance) - 1))
    spread = np.partition(distance, place)[place]
    return Bulk(centre, spread, (FAR + FAR_OF_FEW / n) * spread)


def _without_masks(scores, lowest_hit, highest_miss):
    """Leave out what one class alone has on its side, far away from all the others.

    There may be more such scores than others, as of an answer that is ruled out in most rows.
    """
    for _ in range(2):  # after one end is gone, the other may be found far away
        scores = _without_lower_mask(scores, lowest_hit)
        scores = -_without_lower_mask(-scores[::-1], -highest_miss)[::-1]
    return scores


def _without_lower_mask(scores, lowest_other):
    below = min(np.searchsorted(scores, lowest_other), len(scores) - FEWEST)
    if below <= 0:
        return scores
    right = scores[1 : below + 1]
    far = np.flatnonzero(right - scores[:below] > GAP * (scores[-1] - right))
    return scores[far[-1] + 1 :] if len(far) else scores
