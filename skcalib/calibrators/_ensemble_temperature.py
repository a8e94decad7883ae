"""Ensemble temperature scaling."""

from itertools import chain, combinations

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib._blocks import row_blocks
from skcalib._logits import softmax
from skcalib._warnings import warn
from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._temperature import best_beta

MAX_ITER = 1000
GAP = 1e-10  # of the log loss, at most, before the last step
ROUNDING = 1e-15
SUPPORTS = [
    list(support) for support in chain(*(combinations(range(3), size) for size in (1, 2, 3)))
]


class EnsembleTemperatureScaling(Calibrator):
    r"""A mixture of tempered, given and uniform probabilities (ETS).

    .. math:: p = w_1 \mathrm{softmax}(L / T) + w_2 \mathrm{softmax}(L) + w_3 / K

    T is that of :class:`TemperatureScaling`; the weights, which are not negative and sum to
    one, minimise the log loss given T. The class that was likeliest stays likeliest.

    **When to use it.** Networks with many classes, where a temperature fits most rows but
    some mistakes are far too confident: the mixture can raise the smallest probabilities
    without touching the largest. **When not.** Like a temperature it treats all classes
    alike: a bias towards a class takes :class:`StructuredVectorScaling` or
    :class:`StructuredMatrixScaling`, which usually fit better with a few hundred samples.

    Attributes
    ----------
    temperature_ : float
        The temperature T.

    weights_ : ndarray of shape (3,)
        The weights of the tempered, the given and the uniform probabilities.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Warns
    -----
    ConvergenceWarning
        If the best temperature is at its bound (see :class:`TemperatureScaling`), or if the
        weights do not converge.

    See Also
    --------
    TemperatureScaling : The first component; with ``smoothing="mix"``, a share 1 / (n + 1)
        of the third.

    Notes
    -----
    The paper fits T and the weights to the squared error by general-purpose optimisers; the
    log loss is used here, and the weights found by expectation-maximisation, replaced by
    a step of Newton's method whenever that gains more. The log loss exceeds its minimum by
    at most ``max_j mean(p_j / p) - 1``, the p_j being the components; iteration ends when
    this is below 1e-10.

    References
    ----------
    J. Zhang, B. Kailkhura, T. Y.-J. Han. Mix-n-Match: Ensemble and Compositional Methods
    for Uncertainty Calibration in Deep Learning. ICML 2020. arXiv:2003.07329

    Examples
    --------
    >>> from skcalib.calibrators import EnsembleTemperatureScaling
    >>> logits = [[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]]
    >>> y = ["cat", "cat", "cat", "dog", "dog"]
    >>> calibrator = EnsembleTemperatureScaling().fit(logits, y)
    >>> calibrator.predict_proba([[4.0, 0.0]]).round(3)
    array([[0.8, 0.2]])
    """

    short_name = "ets"

    def _fit(self, logits, codes, weight):
        beta, flaw = best_beta(logits, codes, weight)
        self.temperature_ = 1 / beta
        of_truth = np.full((len(codes), 3), 1 / logits.shape[1])
        for block in row_blocks(*logits.shape):
            rows, truth = logits[block].astype(np.float64, copy=False), codes[block]
            each = np.arange(len(truth)), truth
            of_truth[block, 0] = softmax(rows, beta)[each]
            of_truth[block, 1] = softmax(rows)[each]
        self.weights_, gap = mixture_weights(of_truth, weight / weight.sum())
        if gap > GAP:
            flaw = f"The weights may cost {gap:.1e} of log loss after {MAX_ITER} iterations."
        if flaw:
            warn(flaw, ConvergenceWarning)

    def _proba(self, logits):
        tempered, given, uniform = self.weights_.astype(logits.dtype)
        proba = softmax(logits, 1 / self.temperature_)
        proba *= tempered
        for block in row_blocks(*logits.shape):
            proba[block] += given * softmax(logits[block])
        proba += uniform / logits.shape[1]
        return proba


def mixture_weights(of_truth, weight):
    """Return the best weights of three components, and how much more may be gained at most.

    Expectation-maximisation always gains, but may crawl; Newton's steps do not.
    """
    mixture = np.full(3, 1 / 3)
    for _ in range(MAX_ITER):
        ratios = of_truth / np.einsum("ij,j->i", of_truth, mixture)[:, None]
        gains = np.einsum("i,ij->j", weight, ratios)
        gap = gains.max() - 1
        curvature = np.einsum("i,ij,ik->jk", weight, ratios, ratios)
        candidates = [mixture * gains, _newton(curvature, gains)]
        losses = [_log_loss(of_truth, weight, candidate) for candidate in candidates]
        best = candidates[int(losses[1] <= losses[0] + ROUNDING)]
        mixture = best / best.sum()
        if gap <= GAP:  # before this step, which squared it
            break
    return mixture, gap


def _newton(curvature, gains):
    """Minimise the quadratic model of the loss plus the sum of the weights, none negative.

    At its minimum, the weights sum to one. There are seven sets of positive weights to try.
    """
    linear = 2 * gains - 1
    best, lowest = np.full(3, 1 / 3), np.inf
    for support in SUPPORTS:
        part = curvature[np.ix_(support, support)]
        damped = part + 1e-13 * np.trace(part) * np.eye(len(support))
        solution = np.linalg.solve(damped, linear[support])
        value = -linear[support] @ solution / 2
        if (solution >= 0).all() and value < lowest and solution.sum() > 0:
            best, lowest = np.zeros(3), value
            best[support] = solution
    return best


def _log_loss(of_truth, weight, mixture):
    mixed = np.einsum("ij,j->i", of_truth, mixture / mixture.sum())
    if mixed.min() <= 0:
        return np.inf
    return -np.einsum("i,i->", weight, np.log(mixed))
