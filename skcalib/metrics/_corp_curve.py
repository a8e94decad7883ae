"""The CORP reliability curve: isotonic regression of outcomes on predicted probabilities."""

from typing import NamedTuple

import numpy as np

from skcalib.estimators import short_repr
from skcalib.messages import check_count
from skcalib.metrics._corp import recalibrated
from skcalib.metrics._evaluation import adds_up, computed_by
from skcalib.metrics._events import events_of
from skcalib.metrics._intervals import check_band
from skcalib.metrics._resampling import Urn, check_level, generator_of
from skcalib.metrics._validation import check_predictions


class CorpCurve(NamedTuple):
    """What :func:`corp_curve` returns: an entry for each corner of the curve."""

    proba: np.ndarray  # (n_corners,), all are float64
    frequency: np.ndarray
    low: np.ndarray
    high: np.ndarray

    __repr__ = short_repr


def _compute(predictions, *, band, confidence_level, n_resamples, random_state):
    """Return the curve of predictions that are checked."""
    check_level(confidence_level)
    check_band(band)
    check_count("n_resamples", n_resamples)
    rng = generator_of(random_state)
    (event,) = events_of(predictions, "auto")
    value, size, hits = event.grouped(predictions.weight)
    urn = Urn(size)
    frequency = recalibrated(size, hits)
    steps = np.flatnonzero(np.r_[True, np.diff(frequency) != 0])
    corners = np.unique(np.r_[steps, steps[1:] - 1, len(value) - 1])
    truth = value if band == "consistency" else frequency
    curves = [_refit(rng, urn, value, truth, value[corners]) for _ in range(n_resamples)]
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(curves, [tail, 1 - tail], axis=0)
    return CorpCurve(value[corners], frequency[corners], low, high)


@adds_up
@computed_by(_compute)
def corp_curve(
    y_true,
    y_proba,
    *,
    band="consistency",
    confidence_level=0.95,
    n_resamples=200,
    random_state=None,
    pos_label=None,
    labels=None,
    sample_weight=None,
):
    """Observed frequency against predicted probability by isotonic regression (CORP).

    The curve rises monotonically and chooses its own steps (pool-adjacent-violators), so
    that there are no bins to choose: Consistent, Optimal, Reproducible. Draw it through the
    points, which are the ends of its steps, linear between them.

    With two classes the probability is that of the positive (second) class, with more it
    is the confidence, and the frequency is the accuracy (as in :func:`reliability_curve`).
    For one class against all others pass ``(y_true == k, y_proba[:, k])``.

    Prefer it to :func:`reliability_curve` if the truth is plausibly monotone. Where the
    model ranks wrongly (high probabilities come true less often than low ones) this curve
    is flat, and only bins show it.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Class labels: integers, strings, booleans, whole floats, categoricals.

    y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1], columns in the order of `labels`, as ``predict_proba``
        returns them, or a frame with a column named for each label; each row sums to one
        (within 0.01). A single column, or a vector, is the probability of `pos_label`.

    band : {"consistency", "confidence"}, default="consistency"
        What ``low`` and ``high`` are. "consistency": where the curve would be if the
        probabilities were true, around the diagonal; leaving it means miscalibration.
        "confidence": where the true curve may be, around this curve. Both from refits to
        resampled rows whose outcomes are drawn from the probabilities, or from the curve.
        They hold for each point by itself. The confidence band has no width, so is too
        narrow, where a step is 0 or 1: outcomes drawn from it never differ.

    confidence_level : float in (0, 1), default=0.95
        Of the band.

    n_resamples : int, default=200
        Number of refits, at least 1.

    random_state : int, RandomState instance or None, default=None
        Seed of the band, for reproducible output. The curve itself is not random.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes; the second of `labels` if None. Needed for a single
        column if labels are text and `labels` is None.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order; the sorted labels of `y_true`, or the names
        of a frame's columns, if None. Needed where `y_true` lacks a class.

    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights, taken for frequencies: their sum is the number of rows.

    Returns
    -------
    curve : CorpCurve
        A named tuple of float64 vectors, from low to high probability: ``proba``, the
        smallest and the largest prediction of each step (once if they are equal);
        ``frequency``, the step's height; ``low`` and ``high``, the band. All in [0, 1].

    Raises
    ------
    ValueError
        As :func:`calibration_error` does, and if `band`, `confidence_level` or
        `n_resamples` is unusable, or the weights sum to less than one row.

    See Also
    --------
    corp_decomposition : The same in numbers.
    reliability_curve : In bins.

    References
    ----------
    Dimitriadis, Gneiting, Jordan (2021), "Stable reliability diagrams for probabilistic
    classifiers", doi:10.1073/pnas.2016191118.

    Examples
    --------
    >>> from skcalib.metrics import corp_curve
    >>> curve = corp_curve([0, 1, 0, 1, 1], [0.1, 0.2, 0.6, 0.7, 0.9], random_state=0)
    >>> curve.proba
    array([0.1, 0.2, 0.6, 0.7, 0.9])
    >>> curve.frequency
    array([0. , 0.5, 0.5, 1. , 1. ])
    """
    predictions = check_predictions(y_true, y_proba, labels, sample_weight, pos_label)
    return _compute(
        predictions,
        band=band,
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        random_state=random_state,
    )


def _refit(rng, urn, value, truth, at):
    """Resample rows and their outcomes; return the height of the new curve at some points."""
    count = urn.draw(rng)
    drawn = count > 0
    count = count[drawn]
    hits = rng.binomial(count, truth[drawn])
    curve = recalibrated(count.astype(np.float64), hits.astype(np.float64))
    return np.interp(at, value[drawn], curve)
