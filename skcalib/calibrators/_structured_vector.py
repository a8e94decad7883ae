"""Structured vector scaling."""

import numpy as np

from skcalib.calibrators._affine import fit_affine
from skcalib.calibrators._affine_looks import fit_diagonal_by_looks
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._masks import count_classes
from skcalib.calibrators._mixture import mix_logits, uniform_share
from skcalib.calibrators._structured import (
    check_intercept_penalty,
    check_penalty,
    structured_logits,
    structured_proba,
    vector_ridge,
)
from skcalib.calibrators._temperature_looks import scale_free_beta_by_looks


class StructuredVectorScaling(Calibrator):
    r"""Temperature, then a penalised factor and intercept for each class (SVS).

    .. math:: p = \mathrm{softmax}(v \odot z + b), \qquad
              z = \log\left((1 - \epsilon)\, \mathrm{softmax}(L / T) + \epsilon / K\right)

    T is that of :class:`TemperatureScaling` and :math:`\epsilon = 1 / (n + 1)`, n being the
    total weight of the calibration samples and K the number of classes. v and b minimise the
    mean log loss plus :math:`\lambda \frac{K}{n} (\lVert v - 1 \rVert^2 + \lVert b \rVert^2)`,
    so that few samples, or many classes, give little more than a temperature. With two
    classes b has no penalty, so that the mean probability of each class over the calibration
    samples is its share among them.

    **When to use it.** Hundreds of classes or more, where the matrix of
    :class:`StructuredMatrixScaling` is too large; or few samples for each class. **When
    not.** With up to a hundred classes and a few samples for each,
    :class:`StructuredMatrixScaling` is usually better, and never much worse. It may
    rank the classes of a row differently: use :class:`TemperatureScaling` if decisions must
    stay as they are.

    Parameters
    ----------
    penalty : float, default=1.0
        :math:`\lambda`, positive. The default is the published one.

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

    coef_ : ndarray of shape (n_classes,)
        The factors v.

    intercept_ : ndarray of shape (n_classes,)
        The intercepts b.

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
        If Newton's iteration stops short of the optimum.

    See Also
    --------
    StructuredMatrixScaling : A matrix in place of the factors.
    VectorScaling : Without a penalty to speak of.

    Notes
    -----
    The objective is strictly convex, so the answer does not depend on the way there. Up to
    128 classes, or with few samples, it is found to rounding; else to 1e-12 of the log loss.

    References
    ----------
    E. Berta, D. Holzmüller, M. I. Jordan, F. Bach. Structured Matrix Scaling for
    Multi-Class Calibration. AISTATS 2026. arXiv:2511.03685

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import StructuredVectorScaling
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 1000)
    >>> logits = rng.normal(size=(1000, 3)) + 2 * np.eye(3)[y]
    >>> logits[:, 0] += 1  # a bias towards the first class
    >>> calibrator = StructuredVectorScaling().fit(logits, y)
    >>> calibrator.predict_proba([[1.0, 0.0, 0.0]]).round(2)
    array([[0.33, 0.35, 0.32]])
    """

    short_name = "svs"
    takes_masks = True

    def __init__(self, *, penalty=1.0, intercept_penalty=None):
        self.penalty = penalty
        self.intercept_penalty = intercept_penalty

    def check_params(self):
        """Raise ValueError if a penalty is not a positive number, or 0 for the intercepts."""
        check_penalty(self.penalty)
        check_intercept_penalty(self.intercept_penalty)

    def _fit(self, logits, codes, weight):
        z, beta, self.uniform_share_ = structured_logits(logits, codes, weight)
        n_classes = logits.shape[1]
        n_per_class = weight.sum() * n_classes / count_classes(logits)
        ridge = vector_ridge(n_classes, n_per_class, self.penalty, self.intercept_penalty)
        self._store(beta, fit_affine(z, codes, weight, ridge))

    def _fit_rows(self, rows):
        beta, _ = scale_free_beta_by_looks(rows)
        self.uniform_share_ = uniform_share(np.array([rows.total]))
        n_per_class = rows.total * rows.n_classes / rows.n_open
        ridge = vector_ridge(rows.n_classes, n_per_class, self.penalty, self.intercept_penalty)
        args = beta, self.uniform_share_
        self._store(beta, fit_diagonal_by_looks(rows, mix_logits, args, ridge))

    def _store(self, beta, theta):
        self.temperature_ = 1 / beta
        self.theta_ = theta
        self.coef_ = 1 + theta[0]
        self.intercept_ = theta[1]

    def _proba(self, logits):
        return structured_proba(logits, 1 / self.temperature_, self.uniform_share_, self.theta_)
