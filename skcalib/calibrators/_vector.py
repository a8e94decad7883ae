"""Vector scaling."""

import numpy as np

from skcalib.calibrators._affine import fit_affine
from skcalib.calibrators._affine_looks import all_right_by_looks, fit_diagonal_by_looks
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._structured import (
    check_intercept_penalty,
    check_penalty,
    resolve_intercept_penalty,
)
from skcalib.calibrators._temperature_looks import starting_beta_by_looks
from skcalib.calibrators._tempered import (
    starting_beta,
    temper_logits,
    tempered_proba,
    warn_if_separated,
    warn_of_separation,
)


class VectorScaling(Calibrator):
    r"""A factor and an intercept for each class.

    .. math:: p = \mathrm{softmax}(v \odot \log \mathrm{softmax}(L / T) + b)

    v and b minimise the mean log loss plus a small penalty,
    :math:`\frac{\lambda}{n} (\lVert v - 1 \rVert^2 + \lVert b \rVert^2)`, which keeps them
    finite where classes have no samples or can be separated. T is the temperature of
    :class:`TemperatureScaling`, n the total weight of the calibration samples.

    **When to use it.** Many samples for each class, and a bias towards some classes that a
    temperature cannot correct. **When not.** With fewer than about fifty samples for each
    class :class:`StructuredVectorScaling`, whose penalty grows with the number of classes,
    fits better, and :class:`StructuredMatrixScaling` with a hundred classes or fewer.

    Parameters
    ----------
    penalty : float, default=0.001
        :math:`\lambda`, positive. The default hardly shows with more than a few samples.

    intercept_penalty : float or None, default=None
        The same for the intercepts alone. None is 0 with two classes, and `penalty` with
        more. At 0 what is said sums to what happens: over the calibration samples, the mean
        probability of each class is its share among them, whatever the base rate that the
        classifier was trained at. With many classes and few samples for each, that costs
        more than it brings.

    Attributes
    ----------
    coef_ : ndarray of shape (n_classes,)
        The factors v.

    intercept_ : ndarray of shape (n_classes,)
        The intercepts b.

    temperature_ : float
        The temperature T. (Beyond its bounds in :class:`TemperatureScaling`, if the scale of
        the logits is extreme.)

    theta_ : ndarray of shape (2, n_classes)
        What is added to the factors 1 (first row), and the intercepts: `coef_` without its
        rounding.

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
        If Newton's iteration stops short of the optimum, if the logits rank classes no
        better than chance, or if the fitted map classifies every sample correctly: then
        nothing but the small penalty keeps probabilities from 0 and 1.

    See Also
    --------
    StructuredVectorScaling : With a penalty that grows with the number of classes.
    MatrixScaling : With a matrix in place of the factors.

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
    >>> from skcalib.calibrators import VectorScaling
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 1000)
    >>> logits = rng.normal(size=(1000, 3)) + 2 * np.eye(3)[y]
    >>> logits[:, 0] += 1  # a bias towards the first class
    >>> calibrator = VectorScaling().fit(logits, y)
    >>> calibrator.predict_proba([[1.0, 0.0, 0.0]]).round(2)
    array([[0.3 , 0.37, 0.33]])
    """

    short_name = "vector"
    takes_masks = True

    def __init__(self, *, penalty=1e-3, intercept_penalty=None):
        self.penalty = penalty
        self.intercept_penalty = intercept_penalty

    def check_params(self):
        """Raise ValueError if a penalty is not a positive number, or 0 for the intercepts."""
        check_penalty(self.penalty)
        check_intercept_penalty(self.intercept_penalty)

    def _fit(self, logits, codes, weight):
        beta = starting_beta(logits, codes, weight)
        z = temper_logits(logits, beta)
        ridge = self._ridge(logits.shape[1], weight.sum())
        self._store(beta, fit_affine(z, codes, weight, ridge))
        warn_if_separated(z, self.theta_, codes)

    def _fit_rows(self, rows):
        beta = starting_beta_by_looks(rows)
        tempering = temper_logits, (beta,)
        ridge = self._ridge(rows.n_classes, rows.total)
        self._store(beta, fit_diagonal_by_looks(rows, *tempering, ridge))
        if all_right_by_looks(rows, *tempering, self.theta_):
            warn_of_separation()

    def _ridge(self, n_classes, n):
        ridge = np.full((2, n_classes), self.penalty)
        ridge[1] = resolve_intercept_penalty(self.intercept_penalty, self.penalty, n_classes)
        return ridge / n

    def _store(self, beta, theta):
        self.temperature_ = 1 / beta
        self.theta_ = theta
        self.coef_ = 1 + theta[0]
        self.intercept_ = theta[1]

    def _proba(self, logits):
        return tempered_proba(logits, self.theta_, 1 / self.temperature_)
