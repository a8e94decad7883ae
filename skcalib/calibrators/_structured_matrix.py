"""Structured matrix scaling."""

import numpy as np

from skcalib.calibrators._affine import fit_affine
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._device_maps import affine_block, mix_logits_block
from skcalib.calibrators._structured import (
    check_intercept_penalty,
    check_penalty,
    matrix_ridge,
    structured_logits,
    structured_proba,
    warn_of_many_classes,
)


class StructuredMatrixScaling(Calibrator):
    r"""Temperature, then a matrix and intercepts, each with a penalty of its own (SMS).

    .. math:: p = \mathrm{softmax}(z + \Delta z + b), \qquad
              z = \log\left((1 - \epsilon)\, \mathrm{softmax}(L / T) + \epsilon / K\right)

    T is that of :class:`TemperatureScaling` and :math:`\epsilon = 1 / (n + 1)`, n being the
    total weight of the calibration samples and K the number of classes. :math:`\Delta` and b
    minimise the mean log loss plus

    .. math:: \lambda \frac{K}{n} \Big(\sum_k b_k^2 + \sum_k \Delta_{kk}^2\Big)
              + \lambda \frac{K (K - 1)}{n} \sum_{k \ne l} \Delta_{kl}^2

    so that few samples, or many classes, give little more than a temperature, and many
    samples all of the matrix. With two classes :math:`b` has no penalty, so that the mean
    probability of each class over the calibration samples is its share among them.

    **When to use it.** With more than two classes, the first choice for probabilities: it
    corrects errors of single classes and of pairs of classes that are confused, and with
    little data it is close to a temperature. **When not.** It may rank the classes of a row
    differently: use :class:`TemperatureScaling` if decisions must stay as they are.
    It has K (K + 1) parameters, and each step of the fit takes n K² multiplications: beyond
    about 300 classes use :class:`StructuredVectorScaling`.

    Parameters
    ----------
    penalty : float, default=1.0
        :math:`\lambda`, positive. The default is the published one and rarely far from the
        best; smaller values, 0.1 or 0.01, suit tens of samples for each parameter.

    intercept_penalty : float or None, default=None
        The same for the intercepts alone. None is 0 with two classes, and `penalty` with
        more. At 0 what is said sums to what happens: over the calibration samples, the mean
        probability of each class is its share among them, whatever the base rate that the
        classifier was trained at. With many classes and few samples for each, that costs
        more than it brings.

    Attributes
    ----------
    temperature_ : float
        The temperature T of the first step.

    uniform_share_ : float
        The share :math:`\epsilon` of the uniform distribution.

    coef_ : ndarray of shape (n_classes, n_classes)
        The matrix :math:`I + \Delta`; a row for each class that is scored.

    intercept_ : ndarray of shape (n_classes,)
        The intercepts b.

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
        If Newton's iteration stops short of the optimum.

    UserWarning
        If there are more than 300 classes.

    See Also
    --------
    StructuredVectorScaling : The same without the off-diagonal entries.
    TemperatureScaling : The first step alone.

    Notes
    -----
    The objective is strictly convex, so the answer does not depend on the way there. Up to
    15 classes, or with few samples, it is found to rounding; else to 1e-12 of the log loss,
    which leaves differences of 1e-6 in probabilities. Separable data need no special care,
    nor do classes without samples: their intercepts only fall as far as the penalty lets
    them.

    References
    ----------
    E. Berta, D. Holzmüller, M. I. Jordan, F. Bach. Structured Matrix Scaling for
    Multi-Class Calibration. AISTATS 2026. arXiv:2511.03685

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import StructuredMatrixScaling
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 1000)
    >>> logits = rng.normal(size=(1000, 3)) + 2 * np.eye(3)[y]
    >>> logits[:, 0] += 1  # a bias towards the first class
    >>> calibrator = StructuredMatrixScaling().fit(logits, y)
    >>> calibrator.predict_proba([[1.0, 0.0, 0.0]]).round(2)
    array([[0.39, 0.31, 0.3 ]])
    """

    short_name = "sms"

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
        z, beta, self.uniform_share_ = structured_logits(logits, codes, weight)
        self.temperature_ = 1 / beta
        ridge = matrix_ridge(n_classes, weight.sum(), self.penalty, self.intercept_penalty)
        self.theta_ = fit_affine(z, codes, weight, ridge)
        self.coef_ = np.eye(n_classes) + self.theta_[:, :-1]
        self.intercept_ = self.theta_[:, -1]

    def _proba(self, logits):
        return structured_proba(logits, 1 / self.temperature_, self.uniform_share_, self.theta_)

    def _block_proba(self, xp, part):
        z = mix_logits_block(xp, part, 1 / self.temperature_, self.uniform_share_)
        return affine_block(xp, z, self.theta_)
