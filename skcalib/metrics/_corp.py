"""The CORP decomposition of a proper loss: isotonic regression instead of bins."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression

from skcalib.metrics._evaluation import adds_up, computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._losses import loss_function, mean_loss
from skcalib.metrics._validation import check_predictions


class CorpDecomposition(NamedTuple):
    """What :func:`corp_decomposition` returns: floats.

    ``loss = miscalibration - discrimination + uncertainty``
    """

    loss: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def _compute(predictions, *, loss, notion):
    """Return the parts for predictions that are checked."""
    function = loss_function(loss)
    notion = corp_notion(predictions.classes, notion)
    sums = np.zeros(4)
    for event in events_of(predictions, notion):
        # Top labels share the rows out; class-wise, each class has all rows.
        share = event.weight.sum() / predictions.total
        sums += share * np.array(_parts(function, *event.grouped(event.weight)))
    return CorpDecomposition(*sums.tolist())


def corp_notion(classes, notion):
    """Return the notion, that of "auto" with more than two classes being class-wise."""
    if isinstance(notion, str) and notion == "auto" and len(classes) > 2:
        return "class-wise"
    return notion


@adds_up
@computed_by(_compute)
def corp_decomposition(
    y_true,
    y_proba,
    *,
    loss="brier",
    notion="auto",
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Split a proper loss into miscalibration, discrimination and uncertainty (CORP).

    The best monotone recalibration q of the probabilities p for these very rows is found
    by isotonic regression (pool-adjacent-violators): it is the same for all proper losses.
    With f the base rate and S(.) the mean loss,

    - ``miscalibration = S(p) - S(q)`` (MCB): what a monotone recalibration would gain.
      0 is best;
    - ``discrimination = S(f) - S(q)`` (DSC): what is gained over the base rate once
      calibrated. Larger is better;
    - ``uncertainty = S(f)`` (UNC): the loss of predicting the base rate.

    Then ``loss = miscalibration - discrimination + uncertainty``, and no part is negative.

    Prefer it to :func:`murphy_decomposition`: there are no bins to choose. Since q is
    fitted to the rows it is judged on, noise adds to miscalibration and discrimination
    alike: perfect probabilities that are uniform have a miscalibration of 0.0055 (Brier) for
    1,000 rows, 0.0012 for 10,000. :func:`calibration_loss` recalibrates on other rows than
    it judges.

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
        probabilities, which returns each row's loss. It is asked about two classes: 0 and
        1, whether the event came true.

    notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
        The events whose probabilities are judged, see :func:`calibration_error`. "auto" is
        "positive" for two classes and "class-wise" for more. There the parts of the
        classes, each against all others, are summed: for "brier" the ``loss`` is that of
        :func:`brier_score_loss`; for "log_loss" it is the sum of binary log losses, also
        proper, but not :func:`log_loss`.

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
    parts : CorpDecomposition
        A named tuple of floats, all at least 0: ``loss``, ``miscalibration``,
        ``discrimination``, ``uncertainty``. For "log_loss", the first two are infinite
        where a probability of zero came true.

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `loss` is unusable.

    See Also
    --------
    corp_curve : The recalibration q itself, to draw.
    calibration_loss : Without fitting to the rows that are judged; any calibrator.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), "Stable reliability diagrams for probabilistic
    classifiers", doi:10.1073/pnas.2016191118.

    Examples
    --------
    >>> from skcalib.metrics import corp_decomposition
    >>> parts = corp_decomposition([0, 1, 0, 1, 1], [0.1, 0.2, 0.6, 0.7, 0.9])
    >>> [round(part, 3) for part in parts]
    [0.222, 0.122, 0.14, 0.24]
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(predictions, loss=loss, notion=notion)


def recalibrated(size, hits):
    """Return the frequencies of groups in ascending order of probability, made monotone.

    Groups that were pooled have exactly equal frequencies.
    """
    weight = np.maximum(size / size.max(), np.finfo(np.float64).tiny)
    return np.clip(isotonic_regression(hits / size, weights=weight).x, 0, 1)


def _parts(loss, value, size, hits):
    """Return loss, miscalibration, discrimination and uncertainty of one event."""
    counts = np.stack([size - hits, hits], axis=1)

    def score(proba):
        return mean_loss(loss, np.stack([1 - proba, proba], axis=1), counts)

    base_rate = np.full_like(size, hits.sum() / size.sum())
    best, uncertainty = score(recalibrated(size, hits)), score(base_rate)
    total = score(value)
    return total, max(0.0, total - best), max(0.0, uncertainty - best), uncertainty
