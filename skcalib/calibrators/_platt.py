"""Platt scaling."""

import numpy as np

from skcalib.calibrators._binary import BinaryCalibrator
from skcalib.calibrators._bulk import bulk_of
from skcalib.calibrators._device_platt import device_problems, fit_on_device, platt_block
from skcalib.calibrators._lifting import exponent_of, magnify
from skcalib.calibrators._logistic import fit_logistic


class PlattScaling(BinaryCalibrator):
    r"""Logistic regression on the log-odds, with Platt's smoothed targets.

    .. math:: p = \sigma(a z + b)

    where z are the log-odds of the class against all others (for a binary decision
    value f: f itself) and slope a and intercept b minimise the log loss against the
    targets :math:`(N_+ + 1) / (N_+ + 2)` for the class and :math:`1 / (N_- + 2)` for the
    rest, :math:`N_\pm` being the total weights. The smoothing keeps a and b finite on
    separable data. At an outlier on its class's side (some 30 times as far from the centre
    as three quarters of the scores are) the share :math:`1 / (N_\pm + 2)` of the other class
    counts for a score nearer by, as it would otherwise decide the slope alone.

    **When to use it.** Two classes and few calibration samples (a hundred suffice), or a
    classifier that is biased towards a class, where :class:`TemperatureScaling` lacks the
    intercept. **When not.** If the reliability diagram is not S-shaped and there are
    thousands of samples, :class:`IsotonicCalibration` fits better; with many classes
    one-vs-rest maps, each normalised afterwards, are rarely the best choice.

    Parameters
    ----------
    multiclass : {"ovr", "ovo"}, default="ovr"
        With more than two classes: a map for each class against the rest, or for each pair
        of classes; see :class:`BinaryCalibrator`.

    Attributes
    ----------
    slope_ : ndarray of shape (n_maps,)
        The slopes a, one for each map. Negative if the classifier ranks the class worse
        than chance: the map then turns the ranking round. Infinite if it exceeds all
        numbers, as that of subnormal log-odds may.

    intercept_ : ndarray of shape (n_maps,)
        The intercepts b.

    maps_ : list of (slope, intercept)
        The same, one for two classes (the second class), else one for each class or pair.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If `multiclass` is unknown (raised by `fit`).

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

    def __init__(self, *, multiclass="ovr"):
        self.multiclass = multiclass

    @property
    def slope_(self):
        """Slopes, one for each map."""
        slopes = np.array([1.0 if pair is None else pair[0] for pair in self.maps_])
        with np.errstate(over="ignore"):
            return np.ldexp(slopes, self.exponents_)

    @property
    def intercept_(self):
        """Intercepts, one for each map."""
        return np.array([0.0 if pair is None else pair[1] for pair in self.maps_])

    def _computes_there(self):
        return self.multiclass == "ovr" and super()._computes_there()

    def _fit_on_device(self, logits):
        self.maps_, self.uniform_shares_, self.exponents_ = [], [], []
        for problem in device_problems(logits, 1 if logits.shape[1] == 2 else logits.shape[1]):
            fitted, exponent = fit_on_device(problem), 0
            if fitted is None:  # outliers, or numbers near the ends of the range
                z, target, of_rows = problem.on_host()
                exponent = exponent_of(z)
                fitted = self._fit_map(magnify(z, exponent), target, of_rows)
            self.maps_.append(fitted)
            self.exponents_.append(exponent)
            self.uniform_shares_.append(0.0)

    def _fit_map(self, z, target, weight):
        return fit_platt(z, target, weight)

    def _apply_map(self, fitted, z):
        slope, intercept = fitted
        return slope * z + intercept

    def _block_proba(self, xp, part):
        return platt_block(xp, part, self.maps_, self.exponents_)


def fit_platt(z, target, weight):
    """Return slope and intercept for Platt's targets.

    Of each label, the targets give a share to the other class. At an outlier on its class's
    side that share would have all the say, the more the farther it is: so it is brought in,
    the more the farther it is.
    """
    positive, negative = weight[target].sum(), weight[~target].sum()
    smoothed = np.where(target, (positive + 1) / (positive + 2), 1 / (negative + 2))
    bulk = bulk_of(z, target)
    lower, upper = bulk.ends
    far = np.flatnonzero(np.where(target, z > upper, z < lower))
    if len(far):
        of_other = np.where(target, 1 - smoothed, smoothed)[far]
        z = np.append(z, bulk.bring_in(z[far]))
        smoothed[far] = target[far]
        smoothed = np.append(smoothed, ~target[far])
        weight = np.append(weight, weight[far] * of_other)
        weight[far] *= 1 - of_other
    (slope,), intercept, _ = fit_logistic([z], smoothed, weight)
    return slope, intercept
