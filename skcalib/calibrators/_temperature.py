"""Temperature scaling."""

import warnings
from itertools import chain
from math import comb

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib._blocks import in_threads, row_blocks
from skcalib._logits import exponentials, masked_entries, softmax
from skcalib.calibrators._base import Calibrator, check_choice
from skcalib.calibrators._mixture import SMOOTHINGS, mix, uniform_share

LOG_BETA_BOUND = 10.0
MAX_ITER = 100
STRIDE = 11  # every eleventh row is the sample from which the search on all rows starts
FEW = 300  # rows that need no sample
# What may be left of log beta after a step. That is an estimate; the true error was never
# seen beyond twice of it.
ROUGHLY, CLOSELY, FULLY = 1e-3, 2e-7, 1e-14
CHANCE = "the logits rank classes no better than chance; check that labels and columns match"
SEPARABLE = (
    "every sample is classified correctly, so more confidence always fits better; calibrate on "
    "more samples, or use PlattScaling, whose targets are smoothed"
)
SCALE = "the scale of the logits is extreme; divide them, or scale the classifier's features"


class TemperatureScaling(Calibrator):
    r"""Divide all logits by one number, the temperature.

    .. math:: p = \mathrm{softmax}(L / T)

    with the T > 0 that minimises the log loss. The class that was likeliest stays
    likeliest; only the confidence changes. With ``smoothing="mix"`` the answer is mixed with
    the uniform distribution afterwards,

    .. math:: p \leftarrow (1 - \epsilon)\, p + \epsilon / K,
              \qquad \epsilon = 1 / (n + 1)

    where n is the total weight of the calibration samples and K the number of classes.

    **When to use it.** The first thing to try for neural networks and for many classes:
    one parameter needs few samples, and the accuracy does not change. **When not.** It
    cannot mend what is wrong for one class only, nor a bias towards a class:
    :class:`PlattScaling` has an intercept, :class:`IsotonicCalibration` any monotone
    shape. If all calibration samples are classified correctly, as may happen with a
    hundred of them and an accurate classifier, the best T is 0: the answer is then all or
    nothing, with exact zeros, and one mistake costs an infinite log loss. A warning says
    so; ``smoothing="mix"`` or :class:`PlattScaling` is safe there.

    Parameters
    ----------
    smoothing : {"none", "mix"}, default="none"
        "mix" mixes with the uniform distribution as above, which bounds the loss of a
        mistake. "none" is plain temperature scaling.

    Attributes
    ----------
    temperature_ : float
        The temperature T. Above one, the classifier was overconfident.

    beta_ : float
        Its inverse, ``1 / temperature_``.

    uniform_share_ : float
        The share :math:`\epsilon` of the uniform distribution, 0 without smoothing.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

    Raises
    ------
    ValueError
        If `smoothing` is unknown (raised by `fit`).

    Warns
    -----
    ConvergenceWarning
        If the best temperature lies outside [exp(-10), exp(10)]: all samples are
        classified correctly (the best T is 0), or the logits rank classes no better
        than chance (it is infinite), or their scale is extreme.

    See Also
    --------
    PlattScaling : Adds an intercept; two classes, or one-vs-rest.

    Notes
    -----
    The log loss is convex in 1 / T. Its derivative is brought to zero by a bracketed
    Newton iteration in log(1 / T), to 1e-6 or better. Its higher derivatives, which are the
    cumulants of the logits under their softmax, cost little beside the exponentials, and a
    sample of the rows gives the start, so that the exponential of each entry is taken once
    or twice. Rows are read in blocks, float32 as float32, and summed in double precision;
    logits may lie in a file (:class:`numpy.memmap`) that is larger than the memory. Logits
    that are constant within each row fix no temperature; it is then 1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    E. Berta, D. Holzmüller, M. I. Jordan, F. Bach. Structured Matrix Scaling for
    Multi-Class Calibration. AISTATS 2026. arXiv:2511.03685 (the mixture)

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import TemperatureScaling
    >>> logits = [[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]]
    >>> y = ["cat", "cat", "cat", "dog", "dog"]  # 98 % sure, right in 4 of 5
    >>> calibrator = TemperatureScaling().fit(logits, y)
    >>> calibrator.predict_proba([[4.0, 0.0]]).round(3)
    array([[0.8, 0.2]])
    >>> print(f"{calibrator.temperature_:.3f}")
    2.885
    """

    short_name = "temperature"
    takes_masks = True
    _skips_weight_zero = True

    def __init__(self, *, smoothing="none"):
        self.smoothing = smoothing

    def check_params(self):
        """Raise ValueError if `smoothing` is unknown."""
        check_choice("smoothing", self.smoothing, SMOOTHINGS)

    def _fit(self, logits, codes, weight):
        self.beta_, flaw = best_beta(logits, codes, weight)
        if flaw:
            warnings.warn(flaw, ConvergenceWarning, stacklevel=2)
        self.temperature_ = 1 / self.beta_
        self.uniform_share_ = uniform_share(weight, self.smoothing)

    def _proba(self, logits):
        proba = softmax(logits, self.beta_)
        return mix(proba, self.uniform_share_, logits) if self.uniform_share_ else proba


def best_beta(logits, codes, weight):
    """Return the inverse of the best temperature, and what is wrong with it, if anything."""
    log_beta, flaw = _best_log_beta(logits, codes, weight / weight.sum(), CLOSELY)
    return np.exp(log_beta), flaw


def _best_log_beta(logits, codes, weight, tolerance):
    """Return the best log beta, and what is wrong with it, if anything.

    A sample of the rows, itself started from a sample, leads so close to the optimum that
    one look at all rows is enough, or two. If it was misleading, all that can go wrong is
    looked for, and the search begins anew.
    """

    def derivatives(log_beta):
        return _derivatives(logits, codes, weight, np.exp(log_beta), order=4)

    start = 0.0
    if len(codes) <= FEW:
        tolerance = FULLY  # costs nothing
    else:
        sample = slice(STRIDE // 2, None, STRIDE)
        guess, flaw = _best_log_beta(logits[sample], codes[sample], weight[sample], ROUGHLY)
        if flaw is None:
            start = guess
            for _ in range(2):
                step, left = _step(start, derivatives(start))
                start = np.clip(start + step, -LOG_BETA_BOUND, LOG_BETA_BOUND)
                if left <= tolerance and abs(start) < LOG_BETA_BOUND:
                    return start, None
    at_zero, at_infinity = _derivative_at_ends(logits, codes, weight)
    if at_zero == at_infinity == 0:
        return 0.0, ""  # any temperature will do
    if at_zero >= -1e-12 * at_infinity:  # no gain but by rounding
        return _at_bound(-LOG_BETA_BOUND, CHANCE)
    if at_infinity <= 0:
        return _at_bound(LOG_BETA_BOUND, SEPARABLE)
    return _newton(derivatives, start, tolerance)


def _newton(derivatives, log_beta, tolerance):
    """Find the root of an increasing function of log beta, bracketed."""
    # The bracket is open: a bound lies inside until it has been tried.
    high = np.nextafter(LOG_BETA_BOUND, np.inf)
    low = -high
    for _ in range(MAX_ITER):
        values = derivatives(log_beta)
        if values[0] == 0:
            return log_beta, None
        if abs(log_beta) == LOG_BETA_BOUND and (values[0] > 0) == (log_beta < 0):
            return _at_bound(log_beta, SCALE)
        low, high = (low, log_beta) if values[0] > 0 else (log_beta, high)
        step, left = _step(log_beta, values)
        target = np.clip(log_beta + step, -LOG_BETA_BOUND, LOG_BETA_BOUND)
        if (left <= tolerance and abs(target) < LOG_BETA_BOUND) or high - low <= 1e-12:
            return target, None
        log_beta = target if low < target < high else (low + high) / 2
    return log_beta, f"The temperature did not converge in {MAX_ITER} iterations."


def _at_bound(log_beta, reason):
    return log_beta, f"The temperature is at its bound, {np.exp(-log_beta):.3g}: {reason}."


def _step(log_beta, derivatives):
    """Return a step towards the root in log beta, and about how much it leaves.

    It is Newton's, with the next two terms of the inverse function's series if these are
    small corrections: one evaluation then does the work of two.
    """
    first, second, third, fourth = derivatives * np.exp(log_beta) ** np.arange(1, 5)
    second = max(second, np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        newton = -first / second
        bend = (second + third) / (2 * second)
        twist = 2 * bend**2 - (second + 3 * third + fourth) / (6 * second)
        share = max(abs(bend), abs(twist) ** 0.5) * abs(newton)
        if not share < 0.1:
            return newton, np.inf
    return newton - bend * newton**2 + twist * newton**3, share**3 * abs(newton)


def _derivative_at_ends(logits, codes, weight):
    """Return the derivative of the log loss by beta, at zero and in the limit."""
    at_zero = at_infinity = 0.0
    blocks = row_blocks(*logits.shape)
    for part, truth, w in _used_parts(blocks, logits, codes, weight):
        shifted = part - part.max(axis=1, keepdims=True)
        chosen = shifted[np.arange(len(truth)), truth].astype(np.float64)
        masked = masked_entries(part)
        open_ = True if masked is None else ~masked
        mean = shifted.mean(axis=1, dtype=np.float64, where=open_)
        at_zero += np.einsum("i,i->", w, mean - chosen)
        at_infinity -= np.einsum("i,i->", w, chosen)
    return at_zero, at_infinity


def _derivatives(logits, codes, weight, beta, order=2):
    """Return the first derivatives of the mean log loss by beta, as many as `order`."""
    # Single precision where digits cost time: not where all rows fit into one block.
    blocks = row_blocks(*logits.shape)
    dtype = np.float64 if len(blocks) == 1 else logits.dtype

    def sums(blocks):
        scaled = mass = np.empty((0, 0), dtype)
        for part, truth, w in _used_parts(blocks, logits, codes, weight):
            if len(part) > len(scaled):
                scaled, mass = np.empty((2, *part.shape), dtype)
            rows = slice(len(part))
            cumulants = _cumulants(part, beta, scaled[rows], mass[rows], order)
            cumulants[0] -= scaled[np.arange(len(part)), truth]
            yield [np.einsum("i,i->", w, values) for values in cumulants]

    of_blocks = chain.from_iterable(in_threads(lambda some: list(sums(some)), blocks))
    return np.sum(list(of_blocks), axis=0) / beta ** np.arange(1, order + 1)


def _cumulants(logits, beta, scaled, mass, order):
    """Return the cumulants of each row's logits times beta under their own softmax.

    These are the derivatives of logsumexp(beta * row) by beta, times powers of beta.
    """
    total = exponentials(logits, beta, scaled, mass)
    moments = []
    for _ in range(order - 1):
        with np.errstate(invalid="ignore"):
            mass *= scaled
        sums = np.einsum("ij->i", mass)
        if np.isnan(sums).any():  # classes are masked: 0 times -inf
            masked = np.isnan(mass)
            mass[masked] = scaled[masked] = 0
            sums = np.einsum("ij->i", mass)
        moments.append(sums / total)
    moments.append(np.einsum("ij,ij->i", mass, scaled) / total)
    cumulants = []
    for n, moment in enumerate(moments):
        lower = (comb(n, j) * cumulants[j] * moments[n - 1 - j] for j in range(n))
        cumulants.append(moment - sum(lower))
    return cumulants


def _used_parts(blocks, logits, codes, weight):
    """Yield blocks of the rows of positive weight."""
    for block in blocks:
        part = logits[block], codes[block], weight[block]
        used = part[2] > 0
        yield part if used.all() else [values[used] for values in part]
