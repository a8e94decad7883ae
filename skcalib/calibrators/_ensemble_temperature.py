"""Ensemble temperature scaling."""

from functools import partial
from itertools import chain, combinations

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._device_maps import TruthInMixture, softmax_block, uniform_block
from skcalib.calibrators._masks import uniform_over_open
from skcalib.calibrators._temperature_search import best_beta, warn_of_flaw
from skcalib.inputs import DeviceRows, row_blocks, softmax
from skcalib.messages import warn

MAX_ITER = 1000
GAP = 1e-10  # of the log loss, at most, before the last step
STEP = 1e-8  # of the weights, at most, in the last step
ROUNDING = 1e-15
GIVEN = np.array([0.0, 1.0, 0.0])  # of equally good weights, the nearest to these are taken
PREFERENCE = 5e-10  # curvature of that, far below all that the log loss can tell
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
    alike: for a bias towards a class use :class:`StructuredVectorScaling` or
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
    this is below 1e-10. Where several mixtures fit equally well, as if all calibration
    samples are saturated, the one with the weights nearest to (0, 1, 0) is used, which
    leaves the input unchanged.

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
    takes_masks = takes_masks_on_device = True

    def _fit(self, logits, codes, weight):
        beta, flaw = best_beta(logits, codes, weight)
        self.temperature_ = 1 / beta
        on_device = isinstance(logits, DeviceRows)
        make = TruthInMixture if on_device else partial(_give_truth, codes=codes)
        of_truth = make(logits, beta=beta)
        self.weights_, gap = mixture_weights(of_truth, weight / weight.sum())
        if gap > GAP:
            text = f"The weights may cost {gap:.1e} of log loss after {MAX_ITER} iterations."
            warn(text, ConvergenceWarning)
        else:
            warn_of_flaw(flaw, beta)

    def _proba(self, logits):
        tempered, given, uniform = self.weights_.astype(logits.dtype)
        proba = softmax(logits, 1 / self.temperature_)
        proba *= tempered
        for block in row_blocks(*logits.shape):
            proba[block] += given * softmax(logits[block])
        proba += uniform_over_open(uniform, logits, logits.dtype)
        return proba

    def _block_proba(self, xp, part):
        tempered, given, uniform = map(float, self.weights_)
        proba = softmax_block(xp, part, 1 / self.temperature_) * tempered
        return proba + softmax_block(xp, part) * given + uniform_block(xp, part) * uniform


def _give_truth(logits, codes, beta):
    """Return what tempered, given and uniform probabilities give to each row's class."""
    of_truth = np.empty((len(codes), 3))
    for block in row_blocks(*logits.shape):
        rows, truth = logits[block].astype(np.float64, copy=False), codes[block]
        each = np.arange(len(truth)), truth
        of_truth[block, 0] = softmax(rows, beta)[each]
        of_truth[block, 1] = softmax(rows)[each]
        uniform = uniform_over_open(1.0, rows, rows.dtype)
        of_truth[block, 2] = np.broadcast_to(uniform, rows.shape)[each]
    return of_truth


def mixture_weights(of_truth, weight):
    """Return the best weights of three components, and how much more may be gained at most.

    Expectation-maximisation always gains, but may crawl; Newton's steps do not. Components
    that say the same of all rows, as all do if these are saturated, leave the optimum open; a
    trace of preference for the given probabilities then decides, not the order of the rows.
    """
    mixture = np.full(3, 1 / 3)
    for _ in range(MAX_ITER):
        excess, curvature = _sum_ratios(of_truth, weight, mixture)
        wanted = excess - PREFERENCE * (mixture - GIVEN)
        gap = wanted.max() - mixture @ wanted
        curvature = curvature + PREFERENCE * np.eye(3)
        candidates = [mixture * (1 + excess), _newton(curvature, wanted, mixture)]
        candidates = [candidate / candidate.sum() for candidate in candidates]
        losses = [_loss(of_truth, weight, candidate) for candidate in candidates]
        best = candidates[int(losses[1] <= losses[0] + ROUNDING)]
        step = np.abs(best - mixture).max()
        mixture = best
        if gap <= GAP and step <= STEP:  # the last step squared the gap
            break
    return mixture, gap


def _sum_ratios(of_truth, weight, mixture):
    if isinstance(of_truth, TruthInMixture):
        return of_truth.sums(mixture)
    ratios = of_truth / np.einsum("ij,j->i", of_truth, mixture)[:, None]
    excess = np.einsum("i,ij->j", weight, ratios - 1)  # with the digits that 1 would hide
    return excess, np.einsum("i,ij,ik->jk", weight, ratios, ratios)


def _newton(curvature, descent, mixture):
    """Minimise the quadratic model of the loss among weights that sum to one, none negative.

    There are seven sets of positive weights to try. It is solved for the change of weights:
    near the optimum it is small, and so is its error.
    """
    best, lowest = mixture, np.inf
    for support in SUPPORTS:
        others = np.setdiff1d(range(3), support)
        part = curvature[np.ix_(support, support)]
        force = descent[support] + curvature[np.ix_(support, others)] @ mixture[others]
        both = np.stack([force, np.ones(len(support))], axis=1)
        of_force, of_ones = np.linalg.solve(part, both).T
        change = -mixture
        missing = mixture[others].sum() - of_force.sum()
        change[support] = of_force + missing / of_ones.sum() * of_ones
        value = change @ curvature @ change / 2 - descent @ change
        if (mixture + change >= 0).all() and value < lowest:
            best, lowest = mixture + change, value
    return best


def _loss(of_truth, weight, mixture):
    far = mixture - GIVEN
    if isinstance(of_truth, TruthInMixture):
        return of_truth.log_loss(mixture) + PREFERENCE / 2 * (far @ far)
    mixed = np.einsum("ij,j->i", of_truth, mixture)
    if mixed.min() <= 0:
        return np.inf
    return -np.einsum("i,i->", weight, np.log(mixed)) + PREFERENCE / 2 * (far @ far)
