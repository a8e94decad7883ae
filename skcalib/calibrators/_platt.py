"""Platt scaling."""

import warnings

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators._base import BinaryCalibrator

MAX_ITER = 200
TOLERANCE = 1e-22  # on Newton's decrement: twice what is left of the mean loss
NOISE = 1e-12  # below this decrement, a loss that stands still is rounding


class PlattScaling(BinaryCalibrator):
    r"""Logistic regression on the log-odds, with Platt's smoothed targets.

    .. math:: p = \sigma(a z + b)

    where z are the log-odds of the class against all others (for a binary decision
    value f: f itself) and slope a and intercept b minimise the log loss against the
    targets :math:`(N_+ + 1) / (N_+ + 2)` for the class and :math:`1 / (N_- + 2)` for the
    rest, :math:`N_\pm` being the total weights. The smoothing keeps a and b finite on
    separable data.

    **When to use it.** Two classes and few calibration samples (a hundred suffice), or a
    classifier that is biased towards a class, where :class:`TemperatureScaling` lacks the
    intercept. **When not.** If the reliability diagram is not S-shaped and there are
    thousands of samples, :class:`IsotonicCalibration` fits better; with many classes
    one-vs-rest maps, each normalised afterwards, are rarely the best choice.

    Attributes
    ----------
    slope_ : ndarray of shape (1,) or (n_classes,)
        The slopes a, one for each map. Negative if the classifier ranks the class worse
        than chance: the map then turns the ranking round.

    intercept_ : ndarray of shape (1,) or (n_classes,)
        The intercepts b.

    maps_ : list of (slope, intercept)
        The same, one pair for two classes (the second class), else one for each class.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Warns
    -----
    ConvergenceWarning
        If Newton's iteration stops short of the optimum.

    See Also
    --------
    TemperatureScaling : One parameter for any number of classes.

    Notes
    -----
    scikit-learn's ``method="sigmoid"`` is this method, save that it works on the
    probabilities themselves where a classifier has no ``decision_function``, on raw
    columns rather than log-odds for more than two classes, and stops short of the optimum:
    by about 1e-6 on ordinary data, by much more on some tiny samples.

    References
    ----------
    J. C. Platt. Probabilistic Outputs for Support Vector Machines and Comparisons to
    Regularized Likelihood Methods. Advances in Large Margin Classifiers, 1999.

    H.-T. Lin, C.-J. Lin, R. C. Weng. A note on Platt's probabilistic outputs for support
    vector machines. Machine Learning 68, 2007. doi:10.1007/s10994-007-5018-6

    Examples
    --------
    >>> from skcalib.calibrators import PlattScaling
    >>> decision = [[-3.0], [-1.0], [0.5], [-0.5], [1.0], [3.0]]
    >>> calibrator = PlattScaling().fit(decision, ["no", "no", "no", "yes", "yes", "yes"])
    >>> calibrator.predict_proba([[2.0]]).round(2)
    array([[0.28, 0.72]])
    """

    short_name = "sigmoid"

    @property
    def slope_(self):
        """Slopes, one for each map."""
        return np.array([slope for slope, _ in self.maps_])

    @property
    def intercept_(self):
        """Intercepts, one for each map."""
        return np.array([intercept for _, intercept in self.maps_])

    def _fit_map(self, z, target, weight):
        positive, negative = weight[target].sum(), weight[~target].sum()
        smoothed = np.where(target, (positive + 1) / (positive + 2), 1 / (negative + 2))
        centre, scale = _standardisation(z)
        start = np.log((positive + 1) / (negative + 1))
        weight = weight / weight.sum()
        slope, intercept = _newton((z - centre) * scale, smoothed, weight, start)
        return slope * scale, intercept - slope * scale * centre

    def _apply_map(self, fitted, z):
        slope, intercept = fitted
        return slope * z + intercept


def _standardisation(z):
    """Return centre and inverse spread by medians, so that an outlier sets neither."""
    centre = np.median(z)
    distance = np.abs(z - centre)
    farthest = distance.max()
    # Constant scores carry no information; what rounding or underflow parts is constant.
    if farthest <= max(1e-12 * abs(centre), 1e-290):
        return centre, 0.0
    return centre, 1 / max(np.median(distance), 1e-10 * farthest)


def _newton(x, target, weight, start):
    """Minimise mean(log(1 + exp(s)) - target * s), s = slope * x + intercept.

    Products go by einsum, as BLAS starts threads for them that cost more than they bring.
    """
    features = np.stack([x, np.ones_like(x)])
    parameters = np.array([0.0, start])
    loss, s = _loss(parameters, features, target, weight)
    for _ in range(MAX_ITER):
        proba = expit(s)
        gradient = np.einsum("ji,i->j", features, weight * (proba - target))
        curvature = weight * proba * expit(-s)
        hessian = np.einsum("ji,ki->jk", features * curvature, features)
        step = _solve(hessian, gradient)
        decrement = gradient @ step
        if decrement <= TOLERANCE:
            return parameters - step
        for halving in range(40):
            trial = parameters - step * 0.5**halving
            new_loss, new_s = _loss(trial, features, target, weight)
            if new_loss <= loss * (1 + 1e-14):  # less is rounding
                break
        if new_loss >= loss and decrement <= NOISE:
            return parameters
        parameters, loss, s = trial, new_loss, new_s
    warnings.warn(
        f"Platt scaling did not converge in {MAX_ITER} iterations; about {decrement / 2:.1e} "
        "of the mean log loss is left.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return parameters


def _solve(hessian, gradient):
    """Solve with both parameters brought to the same scale, and a trace of damping."""
    scale = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    scaled = hessian / np.outer(scale, scale) + 1e-12 * np.eye(2)
    return np.linalg.solve(scaled, gradient / scale) / scale


def _loss(parameters, features, target, weight):
    s = np.einsum("j,ji->i", parameters, features)
    softplus = np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))  # logaddexp(0, s), vectorised
    return np.einsum("i,i->", weight, softplus - target * s), s
