"""Isotonic calibration."""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression
from scipy.special import logit

from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._bulk import Bulk, bulk_of
from skcalib.calibrators._cubics import PiecewiseCubic
from skcalib.calibrators._tied_scores import pool_ties
from skcalib.estimators import short_repr
from skcalib.messages import check_choice


class IsotonicCalibration(BinaryCalibrator):
    r"""The monotone step function that fits the labels best, without exact zeros and ones.

    The log-odds of each class are mapped to probabilities by isotonic regression [1]_ (pool
    adjacent violators; ties averaged first; linear between the steps; constant beyond the
    ends). Since its first and last steps are often exactly 0 and 1, so that one mistake
    costs an infinite log loss, the map is by default mixed with the uniform distribution:

    .. math:: p \leftarrow (1 - \epsilon)\, p + \epsilon / K,
              \qquad \epsilon = 1 / (n + 1)

    where n is the total weight of the calibration samples and K the number of classes.
    With more than two classes this is done to each class's map, before rows are divided by
    their sum.

    **When to use it.** Two classes and thousands of calibration samples: it fits any
    monotone distortion. **When not.** Below about a thousand samples it overfits, and
    it ties scores that were distinct (AUC may fall): use :class:`PlattScaling` or
    :class:`TemperatureScaling`.

    Parameters
    ----------
    curve : {"steps", "centered", "smooth"}, default="steps"
        How the map runs from step to step.

        - "steps": flat from the first to the last score of a step, linear between two steps;
          what scikit-learn does;
        - "centered": linear from step to step, each being reduced to the mean score of its
          rows; steps at 0 and at 1 stay flat, as do both ends [2]_. Distinct scores stay
          distinct between 0 and 1;
        - "smooth": a monotone cubic (PCHIP) through the same points [3]_.

    smoothing : {"mix", "none"}, default="mix"
        "mix" mixes with the uniform distribution as above. "none" is plain isotonic
        regression, with exact zeros and ones, as in scikit-learn.

    multiclass : {"ovr", "ovo"}, default="ovr"
        With more than two classes: a map for each class against the rest, or for each pair
        of classes; see :class:`BinaryCalibrator`.

    Attributes
    ----------
    maps_ : list of MonotoneCurve
        Each with ``knots`` (log-odds) and ``levels`` (probabilities there); one for two
        classes (the second class), else one for each class or pair.

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
    PlattScaling : Two parameters; for few samples.

    References
    ----------
    .. [1] B. Zadrozny, C. Elkan. Transforming Classifier Scores into Accurate Multiclass
       Probability Estimates. KDD 2002. doi:10.1145/775047.775151
    .. [2] A. P. Oron, N. Flournoy. Centered Isotonic Regression: Point and Interval
       Estimation for Dose-Response Studies. Statistics in Biopharmaceutical Research 9,
       2017. doi:10.1080/19466315.2017.1286256
    .. [3] X. Jiang, M. Osl, J. Kim, L. Ohno-Machado. Smooth isotonic regression: a new method
       to calibrate predictive models. AMIA Joint Summits on Translational Science, 2011.
       PMC3248752

    Examples
    --------
    >>> from skcalib.calibrators import IsotonicCalibration
    >>> decision = [[-3.0], [-1.0], [0.5], [-0.5], [1.0], [3.0]]
    >>> y = ["no", "no", "no", "yes", "yes", "yes"]
    >>> IsotonicCalibration().fit(decision, y).predict_proba([[2.0]]).round(2)
    array([[0.07, 0.93]])
    >>> plain = IsotonicCalibration(smoothing="none").fit(decision, y)
    >>> plain.predict_proba([[2.0]])
    array([[0., 1.]])
    """

    short_name = "isotonic"

    def __init__(self, *, curve="steps", smoothing="mix", multiclass="ovr"):
        self.curve = curve
        self.smoothing = smoothing
        self.multiclass = multiclass

    def check_params(self):
        """Raise ValueError if a parameter is unknown."""
        super().check_params()
        check_choice("curve", self.curve, ("steps", "centered", "smooth"))

    def _fit_map(self, z, target, weight):
        scores, hits, weight = pool_ties(z, target, weight)
        fit = isotonic_regression(hits / weight, weights=weight)
        ends = np.flatnonzero(np.append(np.diff(fit.x) != 0, True))
        starts = np.append(0, ends[:-1] + 1)
        levels = fit.x[starts]
        if self.curve == "steps":
            return MonotoneCurve(*_knots(scores[starts], scores[ends], levels), None)
        bulk = bulk_of(z, target)
        masses = np.add.reduceat(weight, starts)
        offsets = np.clip(scores - bulk.centre, -bulk.reach, bulk.reach)
        centres = bulk.centre + np.add.reduceat(weight * offsets, starts) / masses
        centres = np.clip(centres, scores[starts], scores[ends])
        flat = (levels <= 0) | (levels >= 1)
        first, last = (
            np.where(flat, scores[starts], centres),
            np.where(flat, scores[ends], centres),
        )
        first[0], last[-1] = scores[0], scores[-1]
        knots, levels = _knots(first, last, levels)
        if self.curve == "centered" or len(knots) < 2:
            return MonotoneCurve(knots, levels, None)
        return MonotoneCurve(knots, levels, _cubic(bulk.compress(knots), levels), bulk)

    def _apply_map(self, fitted, z):
        # Rounding of z must not lift a zero: rows are divided by their sum.
        return logit(np.clip(np.round(fitted(z), 10), 0, 1))


class MonotoneCurve(NamedTuple):
    """Linear between knots, or a cubic of the knots' range as [0, 1]; constant outside.

    For the cubic, outliers are brought in.
    """

    knots: np.ndarray
    levels: np.ndarray
    cubic: PiecewiseCubic | None
    bulk: Bulk | None = None

    __repr__ = short_repr

    def __call__(self, z):
        if self.cubic is None:
            return np.interp(z, self.knots, self.levels)
        start, end = self.bulk.compress(self.knots[[0, -1]])
        inside = self.bulk.compress(np.clip(z, self.knots[0], self.knots[-1]))
        return self.cubic((inside - start) / (end - start))


def _knots(first, last, levels):
    """Return first and last score of each step, once if they are the same, and the levels."""
    two = last > first
    return np.sort(np.append(first, last[two])), np.repeat(levels, 1 + two)


def _cubic(knots, levels):
    x = (knots - knots[0]) / (knots[-1] - knots[0])
    new = np.append(True, np.diff(x) > 1e-12)  # outliers may leave each other no room
    new[-1] = True
    cubic = PchipInterpolator(x[new], levels[new])
    return PiecewiseCubic(cubic.x, cubic.c)
