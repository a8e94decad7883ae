"""Temperature scaling."""

import numpy as np

from skcalib.calibrators._base import Calibrator
from skcalib.calibrators._mixture import mix, uniform_share
from skcalib.calibrators._temperature_looks import best_beta_by_looks
from skcalib.calibrators._temperature_search import best_beta, best_smoothed_beta, warn_of_flaw
from skcalib.inputs import row_blocks, softmax
from skcalib.messages import check_choice


class TemperatureScaling(Calibrator):
    r"""Divide all logits by one number, the temperature.

    .. math:: p = \mathrm{softmax}(L / T)

    with the T > 0 that minimises the log loss. The class that was likeliest stays
    likeliest; only the confidence changes. With ``smoothing="targets"`` the log loss is that
    of targets that give a tenth of one sample, of all n together, to the other classes:

    .. math:: t = (1 - e)\, \mathrm{onehot}(y) + e / K,
              \qquad e = 0.1 / (n + 1)

    where n is the total weight of the calibration samples and K the number of classes. With
    ``smoothing="mix"`` the answer is mixed with the uniform distribution afterwards,

    .. math:: p \leftarrow (1 - \epsilon)\, p + \epsilon / K,
              \qquad \epsilon = 1 / (n + 1)

    **When to use it.** The first thing to try for neural networks and for many classes:
    one parameter needs few samples, and the accuracy does not change. **When not.** It
    cannot correct an error in one class only, nor a bias towards a class:
    :class:`PlattScaling` has an intercept, :class:`IsotonicCalibration` any monotone
    shape. If all calibration samples are classified correctly, as may happen with a
    hundred of them and an accurate classifier, the T of the largest likelihood is 0: the
    probabilities are then exactly 0 and 1, and one mistake costs an infinite log
    loss. A warning says so; ``smoothing="targets"`` is meant for this case.

    Parameters
    ----------
    smoothing : {"none", "targets", "mix"}, default="none"
        "none" is plain maximum likelihood, as in the paper and in scikit-learn. "targets"
        smooths the targets as above: T is never 0, whatever the samples; with a thousand
        samples and some mistakes among them, T hardly changes (by less than 1 %). It is the
        default of :class:`~skcalib.TemperatureCalibratedClassifier`. "mix" keeps the T of
        maximum likelihood and mixes the answer, which bounds the loss of a mistake.

    Attributes
    ----------
    temperature_ : float
        The temperature T. Above one, the classifier was overconfident.

    beta_ : float
        Its inverse, ``1 / temperature_``.

    uniform_share_ : float
        The share :math:`\epsilon` of the uniform distribution, 0 unless `smoothing` is
        "mix".

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
        classified correctly (the best T is 0; are they the training samples?), or the
        logits rank classes no better than chance (it is infinite), or their scale is
        extreme. With ``smoothing="targets"`` only the second can happen.

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

    Smoothed targets add a straight line in 1 / T to the log loss. Its slope is made of the
    distances of logits to the largest of their row; distances of more than 30 times the
    typical one, as of masked classes or in an outlier, count as 30. So neither the size of a
    mask nor an outlier on its class's side sets the temperature.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural
    Networks. ICML 2017. arXiv:1706.04599

    E. Berta, D. Holzmüller, M. I. Jordan, F. Bach. Structured Matrix Scaling for
    Multi-Class Calibration. AISTATS 2026. arXiv:2511.03685 (the mixture)

    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. Rethinking the Inception
    Architecture for Computer Vision. CVPR 2016. arXiv:1512.00567 (smoothed targets, there of
    a fixed share)

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

    With as many samples, all of them right, maximum likelihood is all or nothing:

    >>> smoothed = TemperatureScaling(smoothing="targets").fit(logits, y[:3] + ["cat", "dog"])
    >>> smoothed.predict_proba([[4.0, 0.0]]).round(3)
    array([[0.992, 0.008]])
    """

    short_name = "temperature"
    takes_masks = True
    _skips_weight_zero = True

    def __init__(self, *, smoothing="none"):
        self.smoothing = smoothing

    def check_params(self):
        """Raise ValueError if `smoothing` is unknown."""
        check_choice("smoothing", self.smoothing, ("none", "targets", "mix"))

    def _fit(self, logits, codes, weight):
        best = best_smoothed_beta if self.smoothing == "targets" else best_beta
        self._store(*best(logits, codes, weight), weight.sum())

    def _fit_rows(self, rows):
        found = best_beta_by_looks(rows, smoothed=self.smoothing == "targets")
        self._store(*found, rows.total)

    def _store(self, beta, flaw, n):
        warn_of_flaw(flaw, beta)
        self.beta_ = beta
        self.temperature_ = 1 / beta
        self.uniform_share_ = uniform_share(np.array([n]), self.smoothing)

    def _proba(self, logits):
        proba = softmax_at(logits, self.beta_)
        return mix(proba, self.uniform_share_, logits) if self.uniform_share_ else proba


def softmax_at(logits, beta):
    """Return the softmax, also where beta is no number of single precision."""
    if 1e-30 < beta < 1e30:
        return softmax(logits, beta)
    out = np.empty_like(logits)
    for block in row_blocks(*logits.shape):
        out[block] = softmax(logits[block].astype(np.float64), beta)
    return out
