"""The largest calibration error of a bin."""

from skcalib.metrics._binned_error import prepare_binned_error
from skcalib.metrics._device import binned_error_there
from skcalib.metrics._evaluation import adds_up, evaluate, prepared_by


@adds_up
@prepared_by(prepare_binned_error, norm="max")
def maximum_calibration_error(
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
    """Largest distance between predicted probability and observed frequency in a bin (MCE).

    This is :func:`calibration_error` with ``norm="max"``, ``max_b |frequency_b -
    mean_proba_b|``. Use it where no region of probability may be wrong. Noise biases it
    more than any other norm: one row alone in its bin can make it 1. Let bins hold
    hundreds of rows (``strategy="quantile"``, few bins), and see
    :func:`reliability_curve` for which bin it is and how sure that is.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    n_bins : int, "auto", "cube_root" or "sweep", default=15
        Number of bins, or the rule to find it.

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
    calibration_error : Other norms.

    References
    ----------
    Naeini, Cooper, Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", doi:10.1609/aaai.v29i1.9602.

    Examples
    --------
    >>> from skcalib.metrics import maximum_calibration_error
    >>> round(maximum_calibration_error([0, 1, 1, 0], [0.1, 0.9, 0.7, 0.7]), 3)
    0.2
    """
    return evaluate(
        prepare_binned_error,
        (y_true, y_proba, labels, sample_weight, pos_label),
        there=binned_error_there,
        axis=axis,
        ignore_index=ignore_index,
        norm="max",
        n_bins=n_bins,
        strategy=strategy,
        notion=notion,
    )
