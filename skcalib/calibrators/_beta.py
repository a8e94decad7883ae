"""Beta calibration."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit

from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._bulk import bulk_of
from skcalib.calibrators._logistic import fit_logistic
from skcalib.messages import check_choice

LOG_2 = np.log(2)


class BetaCalibration(BinaryCalibrator):
    r"""Logistic regression on the two logarithms of the probability, monotone.

    .. math:: \operatorname{logit} p' = a \ln p - b \ln (1 - p) + c,
              \qquad a, b \ge 0,
              \qquad c = b \ln (1 - m) - a \ln m

    where p is the uncalibrated probability of the class (the sigmoid of its log-odds
    against all others). It is the exact map if the scores of both classes are
    beta-distributed. Unlike Platt's, it can bend the two tails by different amounts, and
    it contains the identity, a = b = 1 and c = 0. The log loss is minimised under the
    bounds; the result is mixed with the uniform distribution, so that the loss is finite
    for separable data:

    .. math:: p' \leftarrow (1 - \epsilon)\, p' + \epsilon / K,
              \qquad \epsilon = 1 / (n + 1)

    where n is the total weight of the calibration samples and K the number of classes.

    **When to use it.** Two classes and a few hundred calibration samples or more: beside
    :class:`QuadraticScaling` the best of the binary methods with few parameters. **When
    not.** Below a hundred samples :class:`PlattScaling` or :class:`TemperatureScaling`
    have fewer parameters to get wrong; with many classes one-vs-rest maps, each
    normalised afterwards, are rarely the best choice.

    Parameters
    ----------
    variant : {"abm", "am", "ab"}, default="abm"
        Which parameters are free. "am" sets a = b: a slope and an intercept of the
        log-odds, as Platt's, but never negative. "ab" sets m = 1/2, so that c is
        :math:`(a - b) \ln 2`: probability 1/2 stays 1/2.

    smoothing : {"mix", "none"}, default="mix"
        Whether to mix with the uniform distribution as above.

    multiclass : {"ovr", "ovo"}, default="ovr"
        With more than two classes: a map for each class against the rest, or for each pair
        of classes; see :class:`BinaryCalibrator`.

    Attributes
    ----------
    a_, b_ : ndarray of shape (n_maps,)
        The shape parameters, at least 0. Zero both if the classifier ranks the class worse
        than chance: the map is then constant.

    c_ : ndarray of shape (n_maps,)
        The intercepts.

    m_ : ndarray of shape (n_maps,)
        The probabilities that the maps send to 1/2; NaN where there is none.

    maps_ : list of (a, b, c)
        The same, one for two classes (the second class), else one for each class or pair.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If a parameter is unknown (raised by `fit`).

    Warns
    -----
    ConvergenceWarning
        If Newton's iteration stops short of the optimum.

    See Also
    --------
    QuadraticScaling : Bends the log-odds by a parabola.
    PlattScaling : Without the bend, for few samples.

    Notes
    -----
    The authors' package drops a feature whose coefficient comes out negative and fits
    again, after which the other may be negative; here the optimum is found under both
    bounds.

    References
    ----------
    M. Kull, T. Silva Filho, P. Flach. Beyond sigmoids: How to obtain well-calibrated
    probabilities from binary classifiers with beta calibration. Electronic Journal of
    Statistics 11, 2017. doi:10.1214/17-EJS1338SI

    Examples
    --------
    >>> from skcalib.calibrators import BetaCalibration
    >>> decision = [[-3.0], [-1.0], [0.5], [-0.5], [1.0], [3.0]]
    >>> calibrator = BetaCalibration().fit(decision, ["no", "no", "no", "yes", "yes", "yes"])
    >>> calibrator.predict_proba([[2.0]]).round(2)
    array([[0.15, 0.85]])
    >>> calibrator.m_.round(2)
    array([0.5])
    """

    short_name = "beta"

    def __init__(self, *, variant="abm", smoothing="mix", multiclass="ovr"):
        self.variant = variant
        self.smoothing = smoothing
        self.multiclass = multiclass

    def check_params(self):
        """Raise ValueError if a parameter is unknown."""
        super().check_params()
        check_choice("variant", self.variant, ("abm", "am", "ab"))

    @property
    def a_(self):
        """Parameters a, one for each map."""
        return np.array([a for a, _, _ in self._parameters()])

    @property
    def b_(self):
        """Parameters b, one for each map."""
        return np.array([b for _, b, _ in self._parameters()])

    @property
    def c_(self):
        """Intercepts, one for each map."""
        return np.array([c for _, _, c in self._parameters()])

    @property
    def m_(self):
        """The probabilities sent to 1/2, one for each map."""
        return np.array([_midpoint(*abc) for abc in self._parameters()])

    def _parameters(self):
        return [(1.0, 1.0, 0.0) if fitted is None else fitted for fitted in self.maps_]

    def _fit_map(self, z, target, weight):
        target = target.astype(np.float64)
        free = self.variant != "ab"
        if self.variant == "am":
            (slope,), c, _ = fit_logistic([z], target, weight)
            if slope >= 0:
                return slope, slope, c
        else:
            found = _fit_bent(z, target, weight, intercept=free)
            if found is not None:
                return found
        constant = fit_logistic([], target, weight) if free else None
        return 0.0, 0.0, constant.intercept if free else 0.0

    def _apply_map(self, fitted, z):
        a, b, c = fitted
        # The logarithms forget a tiny z, their odd and even parts a large one.
        odd, even = (a + b) / 2, (b - a) / 2
        near = odd * z + even * log_cosh_of_half(z) + (c + 2 * LOG_2 * even)
        far = a * log_expit(z) - b * log_expit(-z) + c
        return np.where(np.abs(z) < 1, near, far)


def _fit_bent(z, target, weight, *, intercept):
    """Return (a, b, c), the best of all faces of the bounds but a = b = 0, or None.

    Where an outlier all but sets a bound itself, the faces may be found more closely.

    The features of the free fit are ln p - ln(1 - p) = z and -ln p - ln(1 - p), which is
    even in z: they are far from parallel, as ln p and ln(1 - p) are not.
    """
    # Features are zero at z = 0, so that without an intercept 1/2 stays 1/2.
    features = [z, log_cosh_of_half(z)]
    (odd, even), c, loss = fit_logistic(features, target, weight, intercept=intercept)
    faces = []
    if odd >= abs(even):
        free = odd - even, odd + even, c - 2 * even * LOG_2
        if not bulk_of(z, target > 0.5).is_left_by(z):
            return free
        faces.append((loss, free))
    for sign in (-1, 1):  # b = 0: ln p; a = 0: -ln(1 - p)
        feature = -sign * (log_expit(-sign * z) + LOG_2)
        (slope,), c, loss = fit_logistic([feature], target, weight, intercept=intercept)
        if slope >= 0:
            c -= sign * slope * LOG_2
            faces.append((loss, (0.0, slope, c) if sign > 0 else (slope, 0.0, c)))
    return min(faces)[1] if faces else None


def log_cosh_of_half(z):
    """Return 2 log cosh(z / 2) = -ln p - ln(1 - p) - 2 ln 2, also where it is tiny."""
    size = np.abs(z)
    near = 2 * np.log1p(2 * np.sinh(np.minimum(size, 1) / 4) ** 2)
    far = size + 2 * np.log1p(np.exp(-size)) - 2 * LOG_2
    return np.where(size < 1, near, far)


def _midpoint(a, b, c):
    """Return the m that solves c = b ln(1 - m) - a ln m, by its logit."""

    def excess(u):
        return a * log_expit(u) - b * log_expit(-u) + c

    reach = 800.0
    if not excess(-reach) < 0 < excess(reach):
        return np.nan
    return expit(brentq(excess, -reach, reach, xtol=1e-14))
