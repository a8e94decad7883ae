"""Dirichlet calibration."""

from functools import partial
from itertools import pairwise

import numpy as np

from skcalib.calibrators._affine import (
    CLOSELY,
    COARSELY,
    ROUGHLY,
    affine_proba,
    fit_affine,
)
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._structured import (
    check_intercept_penalty,
    check_penalty,
    resolve_intercept_penalty,
    warn_of_many_classes,
)
from skcalib.calibrators._tempered import (
    LARGE,
    starting_beta,
    temper_logits,
    tempered_proba,
    warn_if_separated,
)

N_FOLDS = 5
MANY = 2**21  # logits from which one fold may do
SURE = 6  # standard errors of a difference that one fold tells from none
# Share of a loss: more than what coarse and rough fits leave, as the root of what they may.
DOUBT = {COARSELY: 3e-3, ROUGHLY: 3e-4}
TRACE = 1e-3  # of a ridge, divided by the sample size: diagonals have no penalty otherwise


class DirichletCalibration(Calibrator):
    r"""A matrix and intercepts on log-probabilities, the penalty chosen by cross-validation.

    .. math:: p = \mathrm{softmax}(W \log \mathrm{softmax}(L) + b)

    which is the right map if the probabilities within each class follow a Dirichlet
    distribution. W and b minimise the mean log loss plus the penalty of off-diagonal entries
    and intercepts (ODIR) :math:`\lambda (\sum_{k \ne l} W_{kl}^2 + \sum_k b_k^2)`.

    **When to use it.** To compare with the literature; with up to about twenty classes and
    thousands of samples it comes close to :class:`StructuredMatrixScaling`. **When not.**
    :class:`StructuredMatrixScaling` scales its penalties with classes and samples, so that
    no folds are needed: it is ten times as fast and better with many classes. There are
    K (K + 1) parameters: not for more than about 100 classes.

    Parameters
    ----------
    penalty : float or sequence of floats, default=(0.1, 0.01, 0.001, 0.0001, 0.00001)
        :math:`\lambda`, positive. Of several values, the best by five-fold cross-validation
        is taken; they are tried from the largest down for as long as the log loss falls.

    intercept_penalty : float or None, default=None
        The same for the intercepts alone. None is 0 with two classes, and `penalty_` with
        more. At 0 what is said sums to what happens: over the calibration samples, the mean
        probability of each class is its share among them, whatever the base rate that the
        classifier was trained at. With many classes and few samples for each, that costs
        more than it brings.

    Attributes
    ----------
    penalty_ : float
        The :math:`\lambda` that was used.

    coef_ : ndarray of shape (n_classes, n_classes)
        The matrix W; a row for each class that is scored.

    intercept_ : ndarray of shape (n_classes,)
        The intercepts b.

    temperature_ : float
        The temperature of :class:`TemperatureScaling`, at which the fit starts.

    theta_ : ndarray of shape (n_classes, n_classes + 1)
        What is added to the identity, and in the last column the intercepts: `coef_`
        without its rounding, before the temperature.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If `penalty` is not a positive number, or several, or `intercept_penalty` negative
        (raised by `fit`).

    Warns
    -----
    ConvergenceWarning
        If Newton's iteration stops short of the optimum, if the logits rank classes no
        better than chance, or if the fitted map classifies every sample correctly: then
        little keeps probabilities from 0 and 1.

    UserWarning
        If there are more than 300 classes.

    See Also
    --------
    StructuredMatrixScaling : Needs no folds; usually better.
    MatrixScaling : The same map with a penalty of a fixed form.

    Notes
    -----
    Folds are stratified and dealt in the order of the rows, so that the answer is always the
    same; rows that agree, label and all, are in the same fold. A class may be missing in
    some. With two million logits or more, the other folds are asked only where the first
    leaves a doubt which of two penalties is better (a difference in the log loss of its rows
    within six standard errors, or 0.03 %; within 0.3 % fits are made closer before).
    The paper's two penalties are one here. A trace of a ridge, :math:`10^{-3} \lVert T W - I
    \rVert^2 / n` (and as much for b), keeps the diagonal finite on separable data.
    Log-probabilities are cut off at -10,000.

    References
    ----------
    M. Kull, M. Perello-Nieto, M. Kängsepp, T. Silva Filho, H. Song, P. Flach. Beyond
    temperature scaling: Obtaining well-calibrated multiclass probabilities with Dirichlet
    calibration. NeurIPS 2019. arXiv:1910.12656

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import DirichletCalibration
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 1000)
    >>> logits = rng.normal(size=(1000, 3)) + 2 * np.eye(3)[y]
    >>> logits[:, 0] += 1  # a bias towards the first class
    >>> calibrator = DirichletCalibration().fit(logits, y)
    >>> calibrator.predict_proba([[1.0, 0.0, 0.0]]).round(2)
    array([[0.31, 0.36, 0.33]])
    """

    short_name = "dirichlet"

    def __init__(self, *, penalty=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5), intercept_penalty=None):
        self.penalty = penalty
        self.intercept_penalty = intercept_penalty

    def check_params(self):
        """Raise ValueError if `penalty` is not a positive number, or several."""
        if np.ndim(self.penalty) != 1 or len(self.penalty) == 0:
            check_penalty(self.penalty)
        for penalty in np.atleast_1d(self.penalty):
            check_penalty(penalty)
        check_intercept_penalty(self.intercept_penalty)

    def _fit(self, logits, codes, weight):
        n_classes = logits.shape[1]
        warn_of_many_classes(n_classes)
        beta = starting_beta(logits, codes, weight)
        z = temper_logits(logits, 1.0, beta)
        ridge_of = partial(_ridge, n_classes, self.intercept_penalty, beta)
        penalties = sorted(map(float, np.atleast_1d(self.penalty)), reverse=True)
        self.penalty_, start = penalties[0], None
        if len(penalties) > 1:
            held = _HeldOut(ridge_of, z, codes, weight, folds(logits, codes))
            self.penalty_ = _best_penalty(penalties, held)
            start = held.thetas[self.penalty_, 0] if held.is_large else None
        ridge = ridge_of(self.penalty_, weight.sum())
        self.theta_ = fit_affine(z, codes, weight, ridge, start)
        warn_if_separated(z, self.theta_, codes)
        self.temperature_ = 1 / beta
        self.coef_ = beta * (np.eye(n_classes) + self.theta_[:, :-1])
        self.intercept_ = self.theta_[:, -1]

    def _proba(self, logits):
        return tempered_proba(logits, self.theta_, 1.0, 1 / self.temperature_)


def _ridge(n_classes, intercept_penalty, beta, penalty, n):
    ridge = np.full((n_classes, n_classes + 1), penalty * min(beta, LARGE) ** 2)
    ridge[:, -1] = penalty
    np.fill_diagonal(ridge, 0)
    ridge += TRACE / n
    if intercept_penalty is not None or n_classes == 2:
        of_sum = None if intercept_penalty is None else intercept_penalty * n
        ridge[:, -1] = resolve_intercept_penalty(of_sum, penalty * n, n_classes) / n
    return ridge


class _HeldOut:
    """What maps say of the rows of a fold that they were not fitted to."""

    def __init__(self, ridge_of, z, codes, weight, fold):
        self.ridge_of, self.data, self.fold = ridge_of, (z, codes, weight), fold
        self.n_folds = fold.max() + 1
        self.is_large = z.size >= MANY
        self.thetas = {}  # of each penalty and fold, the last
        self._latest = {}  # of each fold
        self._found = {}

    def losses(self, penalty, number, tolerance):
        """Return the weighted log losses of a fold's rows."""
        found = self._found.get((penalty, number, tolerance))
        if found is not None:
            return found
        inside, out = self.fold != number, self.fold == number
        z, codes, weight = (part[inside] for part in self.data)
        ridge = self.ridge_of(penalty, weight.sum())
        start = self._start(penalty, number)
        theta = fit_affine(z, codes, weight, ridge, start, tolerance=tolerance)
        self.thetas[penalty, number] = self._latest[number] = theta
        z, codes, weight = (part[out] for part in self.data)
        proba = affine_proba(z, theta)[np.arange(len(codes)), codes]
        floored = np.maximum(proba, np.finfo(np.float32).tiny)
        found = self._found[penalty, number, tolerance] = -weight * np.log(floored)
        return found

    def _start(self, penalty, number):
        """Return what is nearest: of many rows, other folds differ less than penalties."""
        if self.is_large:
            for fold in (number, 0):
                if (penalty, fold) in self.thetas:
                    return self.thetas[penalty, fold]
        return self._latest.get(number)

    def fall(self, before, after):
        """Tell whether losses fall from one penalty to another.

        Of many logits one fold is enough if its mean difference is many standard errors, and
        more than fits leave, coarse ones first; or all folds if it is that.
        """
        one, every = range(1), range(self.n_folds)
        stages = (one, SURE, COARSELY), (one, SURE, ROUGHLY), (every, 0, ROUGHLY)
        for numbers, sure, tolerance in stages if self.is_large else ():
            high, low = (self._all(penalty, numbers, tolerance) for penalty in (before, after))
            gains = high - low
            error = gains.std() * np.sqrt(len(gains))
            if abs(gains.sum()) > max(sure * error, DOUBT[tolerance] * high.sum()):
                return bool(gains.sum() > 0)
        high, low = (self._all(penalty, every, CLOSELY).sum() for penalty in (before, after))
        return low < high * (1 - 1e-6)  # less is no reason to fit more closely

    def _all(self, penalty, numbers, tolerance):
        found = [self.losses(penalty, number, tolerance) for number in numbers]
        return np.concatenate(found)


def _best_penalty(penalties, held):
    """Return the first penalty after which the log loss out of fold no longer falls."""
    for before, after in pairwise(penalties):
        if not held.fall(before, after):
            return before
    return penalties[-1]


def folds(logits, codes):
    """Return a fold for each row: stratified, equal rows together, in the order of the rows.

    Neither a shift of rows nor the order of the classes makes a difference.
    """
    first, group = _equal_rows(logits - logits.max(axis=1, keepdims=True), codes)
    truth = codes[first]
    appearance = np.full(logits.shape[1], len(codes))
    np.minimum.at(appearance, truth, first)
    order = np.lexsort([first, appearance[truth]])
    place = np.empty(len(first), dtype=np.intp)
    place[order] = np.arange(len(first))
    return place[group] % min(N_FOLDS, len(first))


def _equal_rows(rows, codes):
    """Return where each distinct row, label and all, comes first, and which one each is.

    Rows are told apart by a sum of their bits, which is checked: to sort whole rows is slow.
    """
    rows = rows + rows.dtype.type(0)  # minus zero is zero
    found = np.unique(_sum_bits(rows, codes), return_index=True, return_inverse=True)
    _, first, group = found
    others = np.flatnonzero(first[group] != np.arange(len(codes)))
    same = first[group[others]]
    if not ((rows[others] == rows[same]).all() and (codes[others] == codes[same]).all()):
        table = np.column_stack([rows, codes])
        _, first, group = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return first, group.ravel()


def _sum_bits(rows, codes):
    """Return the sum of a row's bits as whole numbers, each multiplied by one of its own."""
    bits = rows.view(f"u{rows.dtype.itemsize}")
    factors = np.random.default_rng(0).integers(2**64, size=bits.shape[1] + 1, dtype=np.uint64)
    sums = codes.astype(np.uint64) * factors[-1]
    for column, factor in zip(bits.T, factors, strict=False):
        sums += column.astype(np.uint64) * factor
    return sums
