"""Murphy's decomposition of a proper loss, in groups of rows."""

from typing import NamedTuple

import numpy as np

from skcalib.metrics._binning import bin_numbers, check_bins
from skcalib.metrics._events import events_of
from skcalib.metrics._losses import loss_function, mean_loss, mean_of
from skcalib.metrics._validation import check_predictions


class MurphyDecomposition(NamedTuple):
    """What :func:`murphy_decomposition` returns: floats.

    ``loss = reliability - resolution + uncertainty + within_bin``
    """

    loss: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bin: float


def murphy_decomposition(
    y_true,
    y_proba,
    *,
    loss="brier",
    n_bins=15,
    strategy="uniform",
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Split a proper loss into reliability, resolution and uncertainty, in bins.

    With p_b the mean prediction in bin b, f_b the frequencies of the classes there, f those
    of all rows, and S(q) the mean loss if each row's probabilities are replaced by q:

    - ``reliability = S(p_b) - S(f_b)``: what is lost since bins promise p_b and keep f_b.
      0 is best. For the Brier score ``sum_b n_b / n * (p_b - f_b)**2``, the squared "l2"
      :func:`calibration_error`;
    - ``resolution = S(f) - S(f_b)``: what is gained by telling rows apart. Larger is better;
    - ``uncertainty = S(f)``: the loss of predicting the base rates;
    - ``within_bin = S(p) - S(p_b)``: what the bins do not see, negative where the
      differences of predictions inside of bins are of use. For the Brier score the
      within-bin variance less twice the covariance (Stephenson et al.).

    Then ``loss = reliability - resolution + uncertainty + within_bin``.

    It is the textbook decomposition. Like all figures from bins it depends on them, and
    noise adds to both reliability and resolution: with one row in each bin the resolution
    is all of the uncertainty. :func:`corp_decomposition` has no bins to choose. Prefer it
    for two classes.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    loss : {"brier", "log_loss"} or callable, default="brier"
        The proper loss: :func:`brier_score_loss`, :func:`log_loss`, or a function of
        ``(codes, proba)``, the column of each row's true class and a matrix of
        probabilities, which returns each row's loss.

    n_bins : int, "auto", "cube_root", "sweep" or None, default=15
        Number of bins, or the rule to find it, as in :func:`calibration_error`. With more
        than two classes there are as many for each predicted class, of its probability.
        None puts equal predictions together, nothing else, as Murphy did; then
        ``within_bin`` is zero.

    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of about equal weight.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies.

    Returns
    -------
    parts : MurphyDecomposition
        A named tuple of floats: ``loss``, ``reliability``, ``resolution``,
        ``uncertainty``, all at least 0 for the two named losses, and ``within_bin``. For
        "log_loss", a probability of zero that came true makes ``loss`` infinite, and
        ``reliability`` if all of its bin had it, else ``within_bin``.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `loss` is unusable.

    See Also
    --------
    corp_decomposition : Without bins.

    References
    ----------
    Murphy (1973), "A New Vector Partition of the Probability Score",
    doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2.

    Stephenson, Coelho, Jolliffe (2008), "Two Extra Components in the Brier Score
    Decomposition", doi:10.1175/2007WAF2006116.1.

    Brocker (2009), "Reliability, sufficiency, and the decomposition of proper scores",
    doi:10.1002/qj.456.

    Examples
    --------
    >>> from skcalib.metrics import murphy_decomposition
    >>> parts = murphy_decomposition([0, 0, 1, 1, 1], [0.2, 0.2, 0.2, 0.8, 0.8], n_bins=None)
    >>> [round(part, 3) for part in parts]  # 0.152 = 0.027 - 0.107 + 0.24 + 0 - rounding
    [0.16, 0.027, 0.107, 0.24, 0.0]
    """
    function = loss_function(loss)
    if n_bins is not None:
        check_bins(n_bins, strategy)
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    codes, proba, weight = predictions.codes, predictions.proba, predictions.weight
    group = _groups(predictions, n_bins, strategy)
    counts, mean_proba = _totals(group, codes, proba, weight)
    total = mean_of(function(codes, proba))(weight)
    base_rates = np.broadcast_to(counts.sum(axis=0) / counts.sum(), counts.shape)
    of_mean = mean_loss(function, mean_proba, counts)
    of_frequency = mean_loss(function, counts / counts.sum(axis=1, keepdims=True), counts)
    uncertainty = mean_loss(function, base_rates, counts)
    return MurphyDecomposition(
        float(total),
        max(0.0, of_mean - of_frequency),
        max(0.0, uncertainty - of_frequency),
        uncertainty,
        0.0 if n_bins is None or np.isinf(of_mean) else float(total - of_mean),
    )


def _groups(predictions, n_bins, strategy):
    """Number the group of each row."""
    proba, weight = predictions.proba, predictions.weight
    if n_bins is None:
        return np.unique(proba, axis=0, return_inverse=True)[1].reshape(-1)
    cell, free = np.empty(len(proba), dtype=np.intp), 0
    for event in events_of(predictions, "positive" if proba.shape[1] == 2 else "top-label"):
        rows = slice(None) if event.rows is None else event.rows
        cell[rows] = free + bin_numbers(event, weight, n_bins, strategy)
        free = cell[rows].max() + 1
    return np.unique(cell, return_inverse=True)[1]


def _totals(group, codes, proba, weight):
    """Return each group's weight in each class, and its mean prediction."""
    n_groups, n_classes = group.max() + 1, proba.shape[1]
    cells = np.bincount(group * n_classes + codes, weight, minlength=n_groups * n_classes)
    counts = cells.reshape(n_groups, n_classes)
    sums = [np.bincount(group, weight * column) for column in proba.T]
    return counts, np.stack(sums, axis=1) / counts.sum(axis=1, keepdims=True)
