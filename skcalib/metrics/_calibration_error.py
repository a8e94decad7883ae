"""Calibration errors in bins: mean and root mean square of the distance, and others."""

from skcalib.metrics._binned_error import prepare_binned_error
from skcalib.metrics._device import binned_error_there
from skcalib.metrics._evaluation import adds_up, evaluate, prepared_by


@adds_up
@prepared_by(prepare_binned_error)
def calibration_error(
    y_true,
    y_proba,
    *,
    norm="l1",
    n_bins=15,
    strategy="uniform",
    notion="auto",
    debias=False,
    pos_label=None,
    labels=None,
    sample_weight=None,
    axis=None,
    ignore_index=None,
):
    """Distance between predicted probability and observed frequency, in bins.

    Rows are put into bins b by their probability; n_b is the weight in a bin, p_b its mean
    probability, f_b the frequency with which the event came true. The error is

    - ``norm="l1"``: ``sum_b n_b / n * |f_b - p_b|``, the expected calibration error (ECE);
    - ``norm="l2"``: ``sqrt(sum_b n_b / n * (f_b - p_b)**2)``;
    - ``norm="l2_squared"``: the same without the root;
    - ``norm="max"``: ``max_b |f_b - p_b|``, the maximum calibration error (MCE).

    Use it because it is in the unit of probability and everyone reports it, and together
    with a proper score: predicting the base rate for every row has an error of zero. Do
    not use it to choose among models that differ by little, or on few rows:

    - Noise biases it upward, most so "max". Perfect probabilities in bins of equal weight
      have an l1 error of about ``sqrt(2 * n_bins / (pi * n)) * mean(sqrt(p * (1 - p)))``:
      0.04 for 1,000 rows in 15 bins if p is uniform. Fewer bins and `debias` help.
    - Errors of opposite sign in one bin cancel. More bins show more.
    - It jumps where a probability crosses the edge of a bin.
      :func:`smooth_calibration_error` has neither edges nor a number of bins to choose.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    norm : {"l1", "l2", "l2_squared", "max"}, default="l1"
        See above. The larger the power, the more single bad bins count.

    n_bins : int, "auto", "cube_root" or "sweep", default=15
        Number of bins, from 1 to 2**20; empty ones do not count. "cube_root" makes
        ``ceil(n ** (1/3))``. "auto" does so with the number of rows with the rarer outcome
        (came true, or not), since these limit what can be seen, and makes 4 to 15. "sweep"
        makes as many as there can be such that for no smaller number the frequencies fall
        from one bin to the next (Roelofs et al., who show that this lowers the bias); at
        most 2,048. Where the frequencies of the distinct probabilities never fall, each of
        these is a bin.

    strategy : {"uniform", "quantile"}, default="uniform"
        "uniform" makes bins of equal width: p is in bin ``floor(p * n_bins)``, and p = 1
        in the last. "quantile" makes bins of about equal weight (whose error is spread
        evenly over the rows). Equal probabilities always share a bin; many of them can
        leave others empty.

    notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
        Whose probability is compared with what frequency:

        - "positive", for two classes: that of the positive (second) class. One column, two
          columns and a vector give the same value;
        - "confidence": each row's largest probability, and how often that class (the first
          of several equal ones) is the true one. The other probabilities play no role;
        - "top-label": the same in separate bins for each predicted class, which is what
          "I say cat, 90 %" promises (Gupta, Ramdas). Stricter, noisier;
        - "class-wise": each class against all others in bins of its own, every class
          counting the same (Kull et al.). The many small probabilities of many classes
          make "l1" small: 0.01 may be bad for 100 classes;
        - "auto": "positive" for two classes, "confidence" for more.

    debias : bool, default=False
        Take away what noise adds on average: from "l2" and "l2_squared" the estimated
        variance ``f_b * (1 - f_b) / max(n_b - 1, 1)`` of each frequency (Kumar et al.; bins
        of one row or less count zero), from "l1" the excess that frequencies drawn anew from
        normal distributions around the observed ones would have. "l2_squared" may then be
        negative, and is on average the squared error of these bins: the value for
        intervals and comparisons. "l1" and "l2" are cut at zero.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights. They are frequencies: an integer weight counts as that many
        equal rows, zero as no row, and their sum as the number of rows. So do not
        normalise them: `debias` and "cube_root" go by the number of rows.

    axis : int, default=None
        Where `y_proba` has more than two axes, that of the classes: 1 for (n_samples,
        n_classes, height, width), -1 for (n_samples, n_tokens, n_classes). `y_true` and
        `sample_weight` have the shape of `y_proba` without it. It is read in blocks.

    ignore_index : label, default=None
        Samples with this label do not count (-100 in torch's `cross_entropy`).

    Returns
    -------
    error : float
        In [0, 1], or in [-0.25, 1] for the debiased "l2_squared"; 0 is best.

    Raises
    ------
    ValueError
        If `y_proba` is empty, NaN, outside [0, 1], or has rows that do not sum to one; if
        lengths differ; if labels are missing, do not fit the columns or cannot be sorted;
        if weights are negative, NaN or all zero; if a parameter is unusable.

    See Also
    --------
    expected_calibration_error : With ``norm="l1"``.
    maximum_calibration_error : With ``norm="max"``.
    smooth_calibration_error : Without bins.
    reliability_curve : The bins themselves, with intervals.
    bootstrap_interval : How uncertain the value is.

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", doi:10.1609/aaai.v29i1.9602.

    Kumar, Liang, Ma (2019), "Verified Uncertainty Calibration", arXiv:1909.10155.

    Kull et al. (2019), "Beyond temperature scaling", arXiv:1910.12656.

    Roelofs, Cain, Shlens, Mozer (2022), "Mitigating Bias in Calibration Error Estimation",
    arXiv:2012.08668.

    Gupta, Ramdas (2022), "Top-label calibration and multiclass-to-binary reductions",
    arXiv:2107.08353.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import calibration_error
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < proba  # calibrated perfectly
    >>> round(calibration_error(y_true, proba), 3)  # what noise makes of it
    0.03
    >>> round(calibration_error(y_true, proba, debias=True), 3)
    0.019
    >>> round(calibration_error(y_true, proba**2, norm="l2", debias=True), 3)
    0.182
    """
    return evaluate(
        prepare_binned_error,
        (y_true, y_proba, labels, sample_weight, pos_label),
        there=binned_error_there,
        axis=axis,
        ignore_index=ignore_index,
        norm=norm,
        n_bins=n_bins,
        strategy=strategy,
        notion=notion,
        debias=debias,
    )


@adds_up
@prepared_by(prepare_binned_error)
def expected_calibration_error(
    y_true,
    y_proba,
    *,
    n_bins=15,
    strategy="uniform",
    notion="auto",
    pos_label=None,
    labels=None,
    sample_weight=None,
    axis=None,
    ignore_index=None,
):
    """Mean distance between predicted probability and observed frequency, in bins (ECE).

    This is :func:`calibration_error` with ``norm="l1"``,
    ``sum_b n_b / n * |frequency_b - mean_proba_b|``; see there what it is good for, how
    noise biases it upward on few rows, and for `debias`.

    For two classes the probability is that of the positive (second) class, for more it is
    the confidence: the largest of the row. Some packages bin the confidence of two classes,
    too, which is another value: pass ``notion="confidence"`` for theirs.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    n_bins : int, "auto", "cube_root" or "sweep", default=15
        Number of bins, or the rule to find it. Guo et al. use 15.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal weight.

    notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
        Whose probability is compared with what frequency, see :func:`calibration_error`.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies.

    axis : int, default=None
        Where `y_proba` has more than two axes, that of the classes: 1 for (n_samples,
        n_classes, height, width), -1 for (n_samples, n_tokens, n_classes). `y_true` and
        `sample_weight` have the shape of `y_proba` without it. It is read in blocks.

    ignore_index : label, default=None
        Samples with this label do not count (-100 in torch's `cross_entropy`).

    Returns
    -------
    error : float
        In [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does.

    See Also
    --------
    calibration_error : Other norms, and less bias.
    reliability_curve : The bins themselves, with intervals.

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", doi:10.1609/aaai.v29i1.9602.

    Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks",
    arXiv:1706.04599.

    Examples
    --------
    >>> from skcalib.metrics import expected_calibration_error
    >>> round(expected_calibration_error([0, 1, 1, 0], [0.1, 0.9, 0.7, 0.7]), 3)
    0.15
    >>> round(expected_calibration_error(["b", "c"], [[0, 0.8, 0.2], [0.6, 0.1, 0.3]],
    ...                                  labels=["a", "b", "c"]), 3)
    0.4
    """
    return evaluate(
        prepare_binned_error,
        (y_true, y_proba, labels, sample_weight, pos_label),
        there=binned_error_there,
        axis=axis,
        ignore_index=ignore_index,
        n_bins=n_bins,
        strategy=strategy,
        notion=notion,
    )
