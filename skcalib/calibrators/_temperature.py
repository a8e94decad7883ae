"""Temperature scaling."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skcalib._logits import row_blocks, softmax
from skcalib.calibrators._base import Calibrator

LOG_BETA_BOUND = 10.0
MAX_ITER = 100
CHANCE = "the logits rank classes no better than chance; check that labels and columns match"
SEPARABLE = (
    "every sample is classified correctly, so more confidence always fits better; calibrate on "
    "more samples, or use PlattScaling, whose targets are smoothed"
)
SCALE = "the scale of the logits is extreme; divide them, or scale the classifier's features"
TOLERANCE = 1e-6  # on a Newton step in log beta, which is still taken: its square is left


class TemperatureScaling(Calibrator):
    r"""Divide all logits by one number, the temperature.

    .. math:: p = \mathrm{softmax}(L / T)

    with the T > 0 that minimises the log loss. The class that was likeliest stays
    likeliest; only the confidence changes.

    **When to use it.** The first thing to try for neural networks and for many classes:
    one parameter needs few samples, and the accuracy does not change. **When not.** It
    cannot mend what is wrong for one class only, nor a bias towards a class:
    :class:`PlattScaling` has an intercept, :class:`IsotonicCalibration` any monotone
    shape. If all calibration samples are classified correctly, as may happen with a
    hundred of them and an accurate classifier, the best T is 0: the answer is then all or
    nothing, with exact zeros, and one mistake costs an infinite log loss. A warning says
    so; :class:`PlattScaling` is safe there.

    Attributes
    ----------
    temperature_ : float
        The temperature T. Above one, the classifier was overconfident.

    beta_ : float
        Its inverse, ``1 / temperature_``.

    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns.

    n_features_in_ : int
        Number of columns seen in `fit`.

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
    Newton iteration in log(1 / T), with sums over rows in double precision. Logits that
    are constant within each row fix no temperature; it is then 1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

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

    def _fit(self, logits, codes, weight):
        self.beta_ = np.exp(_best_log_beta(logits, codes, weight / weight.sum()))
        self.temperature_ = 1 / self.beta_

    def _proba(self, logits):
        return softmax(logits, self.beta_)


def _best_log_beta(logits, codes, weight):
    at_zero, at_infinity = _derivative_at_ends(logits, codes, weight)
    if at_zero == at_infinity == 0:
        return 0.0
    if at_zero >= -1e-12 * at_infinity:  # no gain but by rounding
        return _at_bound(-LOG_BETA_BOUND, CHANCE)
    if at_infinity <= 0:
        return _at_bound(LOG_BETA_BOUND, SEPARABLE)
    return _newton(lambda beta: _derivatives(logits, codes, weight, beta))


def _newton(derivatives):
    """Find the root of an increasing function of beta, bracketed in log beta."""
    # The bracket is open: a bound lies inside until it has been tried.
    high = np.nextafter(LOG_BETA_BOUND, np.inf)
    low = -high
    log_beta = 0.0
    for _ in range(MAX_ITER):
        beta = np.exp(log_beta)
        first, second = derivatives(beta)
        if first == 0:
            return log_beta
        if abs(log_beta) == LOG_BETA_BOUND and (first > 0) == (log_beta < 0):
            return _at_bound(log_beta, SCALE)
        low, high = (low, log_beta) if first > 0 else (log_beta, high)
        with np.errstate(over="ignore", divide="ignore"):  # too long a step is cut below
            step = np.divide(first, max(beta * second, 0.0))
        target = np.clip(log_beta - step, -LOG_BETA_BOUND, LOG_BETA_BOUND)
        if abs(step) <= TOLERANCE or high - low <= TOLERANCE**2:
            return target
        log_beta = target if low < target < high else (low + high) / 2
    warnings.warn(
        f"The temperature did not converge in {MAX_ITER} iterations.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return log_beta


def _derivative_at_ends(logits, codes, weight):
    """Return the derivative of the log loss by beta, at zero and in the limit."""
    at_zero = at_infinity = 0.0
    for block in row_blocks(*logits.shape):
        shifted, chosen = _shifted(logits[block], codes[block])
        mean = shifted.mean(axis=1, dtype=np.float64)
        at_zero += weight[block] @ (mean - chosen)
        at_infinity -= weight[block] @ chosen
    return at_zero, at_infinity


def _derivatives(logits, codes, weight, beta):
    """Return the first and second derivative of the mean log loss by beta."""
    first = second = 0.0
    for block in row_blocks(*logits.shape):
        shifted, chosen = _shifted(logits[block], codes[block])
        mass = np.exp(shifted * logits.dtype.type(beta))
        total = mass.sum(axis=1, dtype=np.float64)
        mass *= shifted
        mean = mass.sum(axis=1, dtype=np.float64) / total
        mass *= shifted
        square = mass.sum(axis=1, dtype=np.float64) / total
        first += weight[block] @ (mean - chosen)
        second += weight[block] @ (square - mean**2)
    return first, second


def _shifted(logits, codes):
    """Return logits less the row's largest, and those of the true classes in float64."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted, shifted[np.arange(len(codes)), codes].astype(np.float64)


def _at_bound(log_beta, reason):
    warnings.warn(
        f"The temperature is at its bound, {np.exp(-log_beta):.3g}: {reason}.",
        ConvergenceWarning,
        stacklevel=2,
    )
    return log_beta
