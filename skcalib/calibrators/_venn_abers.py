"""Venn-Abers calibration."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import logit

from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._bulk import bulk_of
from skcalib.calibrators._tied_scores import pool_ties
from skcalib.estimators import short_repr
from skcalib.messages import check_choice, is_number

TIE = 1e-9  # relative distance at which a new score is a known one, parted by rounding
COARSEST = 0.1  # thinning


class VennAbersCalibration(BinaryCalibrator):
    r"""Inductive Venn-Abers predictor: an interval of two isotonic fits for each new row.

    To a new score z the method gives two probabilities of the class: :math:`p_0` is the
    isotonic regression of the calibration rows and (z, 0) at z, and :math:`p_1` that of
    the calibration rows and (z, 1). One of them is perfectly calibrated, whatever the
    distribution, if the rows are exchangeable; their distance tells how little the
    calibration rows say about this score. Both are found exactly, from two step functions
    that `fit` prepares; the prediction needs a number, by default the minimax one for the
    log loss:

    .. math:: p = \frac{p_1}{1 - p_0 + p_1}

    It is never 0 or 1. With more than two classes this is done for each class against the
    rest, before rows are divided by their sum.

    **When to use it.** Two classes and thousands of calibration samples where
    :class:`IsotonicCalibration` would do: its probabilities are never certain, and come
    with the interval of :meth:`predict_interval`. **When not.** With fewer than some
    hundred samples the interval is wide and the number regresses to 1/2; with a hundred
    classes the normalised probabilities are underconfident (:class:`TemperatureScaling`).

    Parameters
    ----------
    point : {"log_loss", "brier", "base_rate"}, default="log_loss"
        Which number of the interval is given. "log_loss" is the minimax one as above,
        "brier" that for the Brier loss, :math:`p_1 + p_0^2 / 2 - p_1^2 / 2`. Both draw towards
        1/2, which with rare cases says too many of them. "base_rate" is :math:`p_0 + s (p_1 -
        p_0)` with the one s for which the mean over the calibration samples is the share of
        the class among them.

    multiclass : {"ovr", "ovo"}, default="ovr"
        With more than two classes: a map for each class against the rest, or for each pair
        of classes; see :class:`BinaryCalibrator`.

    thinning : float, default=0.0
        Between 0 and 0.1. Steps of less than this become one: the interval is at most so much
        wider at either end, and never narrower; each step function has at most 1 / `thinning`
        levels and one more. 0 keeps every step, of which there may be tens of thousands for
        each class (see Notes).

    Attributes
    ----------
    maps_ : list of VennAbersSteps
        The two step functions; one for two classes (the second class), else one for each
        class or pair.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If a parameter is unknown (raised by `fit`).

    See Also
    --------
    IsotonicCalibration : One isotonic fit.

    Notes
    -----
    The new row has weight one; weights of calibration rows are frequencies. New scores that
    differ from a calibration score by less than one part in 1e9 are taken for equal to it.

    Where hardly any row is of the class, :math:`p_1` is one in the number of rows above, and
    so has a step at nearly each score: 100,000 rows of 100 classes made some 9,000 steps a
    class, no two within 1e-8 of each other. To save or send such a calibrator set `thinning`.

    On 48 pairs of a data set of 3 to 26 classes and a classifier, pairs of classes had the
    lower test log loss in 25 % only: with few rows for each, their intervals are wide.

    In a cross-validated ensemble, ``CalibratedClassifierCV(estimator, method="venn-abers")``,
    the folds are combined into a cross Venn-Abers predictor (CVAP),

    .. math:: p = \frac{\operatorname{GM}(p_1)}{\operatorname{GM}(1 - p_0) +
              \operatorname{GM}(p_1)}

    with GM the geometric mean over folds: the normalised geometric mean of the folds'
    probabilities, and so it is done for many classes, too. Where a fold lacks a class, it is
    the plain mean.

    References
    ----------
    V. Vovk, I. Petej, V. Fedorova. Large-scale probabilistic predictors with and without
    guarantees of validity. NeurIPS 2015. arXiv:1511.00213

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import VennAbersCalibration
    >>> decision = [[-3.0], [-1.0], [0.5], [-0.5], [1.0], [3.0]]
    >>> y = ["no", "no", "no", "yes", "yes", "yes"]
    >>> calibrator = VennAbersCalibration().fit(decision, y)
    >>> calibrator.predict_proba([[2.0]]).round(2)
    array([[0.33, 0.67]])
    >>> p0, p1 = calibrator.predict_interval([[2.0]])
    >>> p0[:, 1], p1[:, 1]  # of "yes"
    (array([0.5]), array([1.]))
    """

    short_name = "venn-abers"
    pools_by_geometric_mean = True  # in an ensemble: a cross Venn-Abers predictor

    def __init__(self, *, point="log_loss", multiclass="ovr", thinning=0.0):
        self.point = point
        self.multiclass = multiclass
        self.thinning = thinning

    def check_params(self):
        """Raise ValueError if a parameter is unknown."""
        super().check_params()
        check_choice("point", self.point, ("log_loss", "brier", "base_rate"))
        if not (is_number(self.thinning) and 0 <= self.thinning <= COARSEST):
            raise ValueError(
                f"thinning must be a number from 0 (no thinning) to {COARSEST}, got "
                f"{self.thinning!r}."
            )

    def predict_interval(self, X):
        """The two probabilities (p0, p1) of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes) or (n_samples, 1)
            Logits, as in `fit`.

        Returns
        -------
        p0 : ndarray of shape (n_samples, n_classes)
            The probability of each class against all others if the row's label is another:
            the lower one. Rows need not sum to one.

        p1 : ndarray of shape (n_samples, n_classes)
            The same if the row's label is that class: the upper one. With two classes,
            ``p1[:, 0]`` is ``1 - p0[:, 1]``.

        Raises
        ------
        ValueError
            If there are more than two classes and `multiclass` is "ovo": pairs of classes
            have intervals, classes have not.
        """
        return self._predict_bounds(X, lambda steps, z: steps.interval(z))

    def _fit_map(self, z, target, weight):
        bulk = bulk_of(z, target)
        scores, hits, weight = pool_ties(z, target, weight)
        steps = fit_steps(scores, hits, weight, abs(bulk.centre) + bulk.reach)
        if self.thinning:
            steps = steps.thin(self.thinning)
        return steps._replace(share=_share_of_base_rate(*steps.interval(scores), hits, weight))

    def _apply_map(self, fitted, z):
        p0, p1 = fitted.interval(z)
        if self.point == "log_loss":
            return np.log(p1) - np.log1p(-p0)
        if self.point == "base_rate":
            return logit(p0 + fitted.share * (p1 - p0))
        return logit(p1 + (p0**2 - p1**2) / 2)


class VennAbersSteps(NamedTuple):
    """Step functions p0, which rises at its knots, and p1, which rises right after them.

    And the share of the way from p0 to p1 at which sums over calibration rows agree.
    """

    lower_knots: np.ndarray
    lower_levels: np.ndarray
    upper_knots: np.ndarray
    upper_levels: np.ndarray
    share: float = 0.5

    __repr__ = short_repr

    def interval(self, z):
        """Return p0 and p1 of scores."""
        lower = self.lower_levels[np.searchsorted(self.lower_knots, z, side="right")]
        upper = self.upper_levels[np.searchsorted(self.upper_knots, z, side="left")]
        return lower, upper

    def thin(self, width):
        """Return fewer steps: p0 lower, p1 higher, by no more than a width."""
        first = np.append(True, np.diff(np.floor(self.lower_levels / width)) > 0)
        last = np.append(np.diff(np.floor((1 - self.upper_levels) / width)) < 0, True)
        return self._replace(
            lower_knots=self.lower_knots[first[1:]],
            lower_levels=self.lower_levels[first],
            upper_knots=self.upper_knots[last[:-1]],
            upper_levels=self.upper_levels[last],
        )


def fit_steps(scores, hits, weight, largest):
    """Prepare both step functions from distinct scores, hits and weights at each.

    Typical scores are not taken for larger than `largest`, whatever outliers there are.
    p0 is p1 seen from the other side: scores and labels reversed.
    """
    size = np.abs(scores)
    reach = TIE * np.maximum(size, min(np.median(size), largest))
    gaps = np.diff(scores) / 2
    upper = _levels_if_hit(hits, weight)
    lower = 1 - _levels_if_hit((weight - hits)[::-1], weight[::-1])[::-1]
    rise = np.flatnonzero(np.diff(upper, append=1.0) > 0)
    upper_knots = scores + np.minimum(reach, np.append(gaps, np.inf))
    start = np.flatnonzero(np.diff(lower, prepend=0.0) > 0)
    lower_knots = scores - np.minimum(reach, np.append(np.inf, gaps))
    return VennAbersSteps(
        lower_knots[start],
        np.append(0.0, lower[start]),
        upper_knots[rise],
        np.append(upper[rise], 1.0),
    )


def _share_of_base_rate(p0, p1, hits, weight):
    """Return the s for which p0 + s (p1 - p0) sums to the hits, which lie in between.

    At neither end, where a class without rows, or with all, would be said to be impossible.
    """
    lowest, width = weight @ p0, weight @ (p1 - p0)
    end = 1 / (weight.sum() + 2)
    return float(np.clip((hits.sum() - lowest) / width, end, 1 - end))


def _levels_if_hit(hits, weight):
    """Return the isotonic fit at each score when a hit of weight one joins it.

    In the plane of cumulated weights and hits, the fit is the slope of the lower convex hull.
    A hit at score i moves all later points by (1, 1). The fit at i is the largest, over the
    points a before i, of the smallest slope from a, moved back by (1, 1), to the points from i
    on. Only the corners of the unmoved hull that end i's block, or come later, can be such
    smallest ones; and an a within the block matters only if it lies below the line that
    the block's own first corner gives.
    """
    total = np.append(0.0, np.cumsum(weight))
    count = np.append(0.0, np.cumsum(hits))
    blocks = isotonic_regression(hits / weight, weights=weight).blocks
    corner_x, corner_y = total[blocks], count[blocks]
    # Not by differences of corners, in which light rows beside heavy ones are lost.
    sums = np.add.reduceat(np.stack([hits, weight]), blocks[:-1], axis=1)
    slope = sums[0] / sums[1]
    first = np.arange(len(slope))
    level = _tangents(corner_x[:-1], corner_y[:-1], first, corner_x, corner_y, slope)
    block = np.repeat(first, np.diff(blocks))  # of each point but the last
    start = blocks[block]
    above = count[:-1] - count[start] - level[block] * (total[:-1] - total[start])
    found = level[block]
    below = np.flatnonzero(above < 0)
    found[below] = np.maximum(
        found[below],
        _tangents(total[below], count[below], block[below], corner_x, corner_y, slope),
    )
    lowest = 1 / (total[-1] + 1)  # one hit among all rows
    return np.clip(np.maximum.accumulate(found), lowest, 1)


def _tangents(x, y, block, corner_x, corner_y, slope):
    """Return the smallest slope from (x - 1, y - 1) to the corners after a block's first.

    Slopes to a convex chain fall, then rise: they rise from the corner where the chain
    itself rises more steeply. Found by bisection.
    """
    low = block + 1
    high = np.full(len(block), len(slope))
    while (low < high).any():
        middle = (low + high) // 2
        reached = (corner_y[middle] - y + 1) / (corner_x[middle] - x + 1)
        steeper = slope[np.minimum(middle, len(slope) - 1)] >= reached
        open_ = low < high
        high = np.where(open_ & steeper, middle, high)
        low = np.where(open_ & ~steeper, middle + 1, low)
    return (corner_y[low] - y + 1) / (corner_x[low] - x + 1)
