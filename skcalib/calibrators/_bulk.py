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
        scores = _leave_out_masks(scores, z[target].min(), z[~target].max())
    n = len(scores)
    centre = (scores[(n - 1) // 2] / 2 + scores[n // 2] / 2) if centred else 0.0
    distance = np.abs(scores - centre)
    distance = distance[distance > max(CONSTANT * abs(centre), UNDERFLOW)]
    if len(distance) == 0:
        return Bulk(centre, 0.0, np.inf)
    place = int(SHARE * (len(distance) - 1))
    spread = np.partition(distance, place)[place]
    return Bulk(centre, spread, (FAR + FAR_OF_FEW / n) * spread)


def _leave_out_masks(scores, lowest_hit, highest_miss):
    """Leave out what one class alone has on its side, far away from all the others.

    There may be more such scores than others, as of an answer that is ruled out in most rows.
    What remains grows from where the classes meet up to wide gaps on both sides.
    """
    first, last = np.searchsorted(scores, sorted([lowest_hit, highest_miss]))
    few = min(FEWEST, len(scores))
    while last - first + 1 < few:
        below = scores[first] - scores[first - 1] if first else np.inf
        above = scores[last + 1] - scores[last] if last + 1 < len(scores) else np.inf
        first, last = (first - 1, last) if below <= above else (first, last + 1)
    mirrored, end, before = -scores[::-1], len(scores) - 1, None
    while (first, last) != before:
        before = first, last
        last = _until_gap(scores, first, last)
        first = end - _until_gap(mirrored, end - last, end - first)
    return scores[first : last + 1]


def _until_gap(scores, first, last):
    """Return the last score before a gap that is wide beside all that lies before it."""
    outer = scores[last:]
    wide = np.diff(outer) > GAP * (outer[:-1] - scores[first])
    return last + int(wide.argmax()) if wide.any() else len(scores) - 1
