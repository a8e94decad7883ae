"""Matrix scaling."""

import numpy as np

from skcalib.calibrators._affine import fit_affine
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._device_maps import affine_block, temper_block
from skcalib.calibrators._structured import (
    check_intercept_penalty,
    check_penalty,
    resolve_intercept_penalty,
    warn_of_many_classes,
)
from skcalib.calibrators._tempered import starting_beta, temper_logits, tempered_proba


class MatrixScaling(Calibrator):
    r"""A matrix and intercepts, with one penalty for all of them.

    .. math:: p = \mathrm{softmax}(W \log \mathrm{softmax}(L / T) + b)

    W and b minimise the mean log loss plus
    :math:`\lambda \frac{K^2}{n} (\lVert W - I \rVert^2 + \lVert b \rVert^2)`, where T is
    the temperature of :class:`TemperatureScaling`, n the total weight of the calibration
    samples and K the number of classes. Without a penalty the method is known to fail for
    many classes (log losses of 14 and more for 100 classes).

    **When to use it.** To compare with the literature; with a handful of classes and
    thousands of samples. **When not.** :class:`StructuredMatrixScaling`, which lets the
    diagonal and the intercepts move more freely than the rest, fits as well or better. There
    are K (K + 1) parameters: with more than about 300 classes use
    :class:`StructuredVectorScaling`.

    Parameters
    ----------
    penalty : float, default=1.0
        :math:`\lambda`, positive. Values near zero give plain matrix scaling.

    intercept_penalty : float or None, default=None
        The same for the intercepts alone. None is 0 with two classes, and `penalty` with
        more. At 0 what is said sums to what happens: over the calibration samples, the mean
        probability of each class is its share among them, whatever the base rate that the
        classifier was trained at. With many classes and few samples for each, that costs
        more than it brings.

    Attributes
    ----------
    coef_ : ndarray of shape (n_classes, n_classes)
        The matrix W; a row for each class that is scored.

    intercept_ : ndarray of shape (n_classes,)
        The intercepts b.

    temperature_ : float
        The temperature T. (Beyond its bounds in :class:`TemperatureScaling`, if the scale of
        the logits is extreme.)

    theta_ : ndarray of shape (n_classes, n_classes + 1)
        What is added to the identity, and in the last column the intercepts: `coef_`
        without its rounding.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If `penalty` is not a positive number, or `intercept_penalty` negative (raised by
        `fit`).

    Warns
    -----
    ConvergenceWarning
        If Newton's iteration stops short of the optimum, or if the logits rank classes no
        better than chance.

    UserWarning
        If there are more than 300 classes.

    See Also
    --------
    StructuredMatrixScaling : With penalties that suit many classes.
    DirichletCalibration : With a penalty chosen by cross-validation.

    Notes
    -----
    The paper multiplies raw logits, which here are only known up to a shift of each row.
    Their logarithmic softmax at the temperature T takes their place, cut off at -10,000: it
    depends neither on shifts nor on the scale, and measures a little better than at T = 1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import MatrixScaling
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 1000)
    >>> logits = rng.normal(size=(1000, 3)) + 2 * np.eye(3)[y]
    >>> logits[:, 0] += 1  # a bias towards the first class
    >>> calibrator = MatrixScaling().fit(logits, y)
    >>> calibrator.predict_proba([[1.0, 0.0, 0.0]]).round(2)
    array([[0.43, 0.29, 0.28]])
    """

    short_name = "matrix"

    def __init__(self, *, penalty=1.0, intercept_penalty=None):
        self.penalty = penalty
        self.intercept_penalty = intercept_penalty

    def check_params(self):
        """Raise ValueError if a penalty is not a positive number, or 0 for the intercepts."""
        check_penalty(self.penalty)
        check_intercept_penalty(self.intercept_penalty)

    def _fit(self, logits, codes, weight):
        n_classes = logits.shape[1]
        warn_of_many_classes(n_classes)
        beta = starting_beta(logits, codes, weight)
        self.temperature_ = 1 / beta
        ridge = np.full((n_classes, n_classes + 1), self.penalty)
        given = self.intercept_penalty, self.penalty
        ridge[:, -1] = resolve_intercept_penalty(*given, n_classes)
        ridge *= n_classes**2 / weight.sum()
        self.theta_ = fit_affine(temper_logits(logits, beta), codes, weight, ridge)
        self.coef_ = np.eye(n_classes) + self.theta_[:, :-1]
        self.intercept_ = self.theta_[:, -1]

    def _proba(self, logits):
        return tempered_proba(logits, self.theta_, 1 / self.temperature_)

    def _block_proba(self, xp, part):
        return affine_block(xp, temper_block(xp, part, 1 / self.temperature_), self.theta_)
