"""Calibration with a prior that was learned from other classifiers' maps."""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._bulk import Bulk, bulk_of
from skcalib.calibrators._cubics import PiecewiseCubic
from skcalib.calibrators._learned_prior import COVARIANCES, MEANS, WEIGHTS
from skcalib.calibrators._lifting import binary_problems
from skcalib.calibrators._posterior import (
    Mixture,
    Posterior,
    apply_maps,
    draw_points,
    find_posterior,
    hold_out,
    mean_log_odds,
    pool_in_bins,
    prepare_prior,
)
from skcalib.calibrators._tied_scores import pool_ties
from skcalib.estimators import short_repr
from skcalib.inputs import sigmoid
from skcalib.messages import check_fraction

PRIOR = prepare_prior(Mixture(WEIGHTS, MEANS, COVARIANCES))
USUAL = 64.0  # log-odds: a classifier that says more is taken to have another unit
N_KNOTS = 257
FARTHEST = 1000.0  # typical slopes times log-odds: where knots end
ROWS = 1000  # for which all maps are applied at the same time


class HierarchicalCalibration(BinaryCalibrator):
    r"""A smooth monotone map, with a prior learned from the maps of other classifiers.

    .. math:: p = \operatorname{E}\, \sigma(s(z)), \qquad
              s(z) = t + c + 2 a \ln \cosh \tfrac t2
              + b \left(2 \tanh \tfrac t2 + a \tanh^2 \tfrac t2\right),
              \qquad t = e^u z

    where z are the log-odds of the class against all others, :math:`a = \tanh e` bends the two
    tails by different amounts, and :math:`b = e^g - 1` makes the map steeper or flatter in the
    middle than in the tails. It is monotone, and the identity is u = c = e = g = 0. The
    expectation is over the posterior of (u, c, e, g) given the calibration samples. The prior
    is a mixture of Gaussians that was fitted to the maps of classifiers on real data sets, plus
    a wide component and a narrow one at the identity.

    **When to use it.** Two classes and 20 to 1,000 calibration samples: what maps usually look
    like is then worth as much as the samples are. It also tells how sure it is, by
    :meth:`predict_interval`, and how much the samples speak for any change at all,
    ``log_bayes_factors_``. **When not.** With thousands of samples and a curve that four
    numbers do not describe, :class:`SplineCalibration` and :class:`VennAbersCalibration` fit
    better; where a formula is wanted, use :class:`QuadraticScaling` or
    :class:`BetaCalibration`. With many classes, one-vs-rest maps, each normalised
    afterwards, are rarely the best choice: :class:`StructuredMatrixScaling`.

    Parameters
    ----------
    multiclass : {"ovr", "ovo"}, default="ovr"
        With more than two classes: a map for each class against the rest, or for each pair
        of classes; see :class:`BinaryCalibrator`.

    Attributes
    ----------
    log_bayes_factors_ : ndarray of shape (n_maps,)
        The log of how much likelier the labels are under the prior than under the
        input as it is, in nats. Below 0 the samples speak for leaving it unchanged.

    maps_ : list of PosteriorMap
        The points that stand for the posterior, with their shares, and the curve of their
        mean; one for two classes (the second class), else one for each class or pair.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If `multiclass` is unknown (raised by `fit`).

    See Also
    --------
    AutoCalibration : Pools this calibrator with others.
    BetaCalibration : Bends the tails, too, by maximum likelihood.

    Notes
    -----
    The posterior is found by importance sampling: 128 fixed points around the mode under each
    component of the prior, weighted as points of a mixture (Owen and Zhou), so that
    nothing is random. Log-odds of a typical size beyond 64 are divided so that it is 64. With
    more than 512 distinct log-odds, they are pooled in bins.

    The prior is symmetric: turning the two classes round turns the probabilities round. It was
    learned from the half of the sets of this library's benchmark that served for
    development, by ``tests/benchmarks/learn_prior.py``. A prior estimated from many similar
    problems is empirical Bayes (Robbins).

    References
    ----------
    H. Robbins. An Empirical Bayes Approach to Statistics. Proceedings of the Third Berkeley
    Symposium on Mathematical Statistics and Probability 1, 1956.
    doi:10.1007/978-1-4612-0919-5_26

    A. Owen, Y. Zhou. Safe and Effective Importance Sampling. Journal of the American
    Statistical Association 95, 2000. doi:10.1080/01621459.2000.10473909

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import HierarchicalCalibration
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 40)
    >>> decision = (rng.normal(size=40) + y - 0.5)[:, None] * 4  # four times too sure
    >>> calibrator = HierarchicalCalibration().fit(decision, y)
    >>> calibrator.predict_proba([[2.0]]).round(2)
    array([[0.22, 0.78]])
    >>> lower, upper = calibrator.predict_interval([[2.0]])
    >>> lower[:, 1].round(1), upper[:, 1].round(1)
    (array([0.6]), array([0.9]))
    """

    short_name = "hierarchical"

    def __init__(self, *, multiclass="ovr"):
        self.multiclass = multiclass

    @property
    def log_bayes_factors_(self):
        """For any change against none, one for each map."""
        return np.array(
            [0.0 if m is None else m.posterior.log_bayes_factor for m in self.maps_]
        )

    def predict_interval(self, X, confidence_level=0.9):
        """Where the probability of each class lies, given what the samples leave open.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_classes) or (n_samples, 1)
            Logits, as in `fit`.

        confidence_level : float, default=0.9
            The posterior probability inside, between 0 and 1; half of the rest lies on
            either side. It is about the map, not about the label of a row, and as good as
            the prior is for this classifier.

        Returns
        -------
        lower : ndarray of shape (n_samples, n_classes)
            The probability of each class against all others: its lower end.

        upper : ndarray of shape (n_samples, n_classes)
            Its upper end. With two classes, ``upper[:, 0]`` is ``1 - lower[:, 1]``.

        Raises
        ------
        ValueError
            If `confidence_level` is not between 0 and 1; if there are more than two classes
            and `multiclass` is "ovo": pairs of classes have intervals, classes have not.
        """
        check_fraction("confidence_level", confidence_level)
        tail = (1 - confidence_level) / 2
        return self._predict_bounds(X, lambda fitted, z: fitted.bounds(z, tail))

    def hold_out(self, logits, codes, weight, shares):
        """Return what the method says of rows that are left out, without fitting it anew.

        Parameters
        ----------
        logits : ndarray of shape (n_samples, 2)

        codes : ndarray of shape (n_samples,)
            The column of each row's label.

        weight : ndarray of shape (n_samples,)

        shares : ndarray of shape (n_folds, n_samples)
            The weight of each row in each fold.

        Returns
        -------
        truth : list of n_folds ndarrays
            For each row of the fold, the probability of its label given the other folds.
        """
        ((z, target, weight),) = binary_problems(logits, codes, weight, "ovr")
        bulk, unit = _unit_of(z, target)
        z = bulk.compress(z) / unit
        points = draw_points(self._prior(), *pool_in_bins(*pool_ties(z, target, weight)))
        return hold_out(points, z, target, weight, shares)

    def _prior(self):
        return PRIOR

    def _fit_map(self, z, target, weight):
        bulk, unit = _unit_of(z, target)
        scores, hits, weight = pool_ties(bulk.compress(z) / unit, target, weight)
        posterior = find_posterior(self._prior(), scores, hits, weight)
        return PosteriorMap(posterior, bulk, unit, *_mean_curve(posterior))

    def _apply_map(self, fitted, z):
        return fitted(z)


class PosteriorMap(NamedTuple):
    """Maps of log-odds in some unit, and the cubic of their mean by an arsinh of log-odds."""

    posterior: Posterior
    bulk: Bulk
    unit: float
    curve: PiecewiseCubic
    slope: float

    __repr__ = short_repr

    def __call__(self, z):
        z = self.bulk.compress(z) / self.unit
        place = np.arcsinh(self.slope * z)
        inside = np.abs(place) <= self.curve.x[-1]
        out = np.empty(len(z))
        out[inside] = self.curve(place[inside])
        for rows in _some_rows(np.flatnonzero(~inside)):
            out[rows] = mean_log_odds(self.posterior, z[rows])
        return out

    def bounds(self, z, tail):
        """Return the quantiles `tail` and 1 - `tail` of the probability at scores."""
        z = self.bulk.compress(z) / self.unit
        lower, upper = np.empty((2, len(z)))
        for rows in _some_rows(np.arange(len(z))):
            s = apply_maps(self.posterior.theta, z[rows])
            order = np.argsort(s, axis=0)
            until = np.cumsum(self.posterior.shares[order], axis=0)
            place = [np.minimum((until < q).sum(axis=0), len(s) - 1) for q in (tail, 1 - tail)]
            column = np.arange(len(rows))
            lower[rows], upper[rows] = (sigmoid(s[order[p, column], column]) for p in place)
        return lower, upper


def _unit_of(z, target):
    """Return the bulk of log-odds, and by what they are divided."""
    bulk = bulk_of(z, target)
    return bulk, max(1.0, (abs(bulk.centre) + bulk.spread) / USUAL)


def _mean_curve(posterior):
    """Return the mean's log-odds as a cubic of arsinh(slope z), and that slope."""
    slope = float(np.exp(np.einsum("p,p->", posterior.shares, posterior.theta[:, 0])))
    knots = np.linspace(-np.arcsinh(FARTHEST), np.arcsinh(FARTHEST), N_KNOTS)
    cubic = CubicSpline(knots, mean_log_odds(posterior, np.sinh(knots) / slope))
    return PiecewiseCubic(cubic.x, cubic.c), slope


def _some_rows(rows):
    """Cut the numbers of rows into pieces."""
    return [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
