"""Metrics of predictions that come in blocks."""

import copy
import warnings

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib.inputs import (
    column_names,
    columns_by_name,
    count_rows,
    cut_long_array,
    refuse_masked_array,
    take_columns,
    to_numpy,
)
from skcalib.messages import quote, quote_labels
from skcalib.metrics._calibration_error import (
    calibration_error,
    expected_calibration_error,
)
from skcalib.metrics._classes import label_vector
from skcalib.metrics._corp import corp_decomposition
from skcalib.metrics._corp_curve import corp_curve
from skcalib.metrics._evaluation import own_parameters
from skcalib.metrics._losses import brier_score_loss, log_loss
from skcalib.metrics._maximum_error import maximum_calibration_error
from skcalib.metrics._reliability_curve import reliability_curve
from skcalib.metrics._risk_coverage_curve import risk_coverage_curve
from skcalib.metrics._running_sums import CurveInBins, ErrorInBins, LossSums, TablesOfEvents
from skcalib.metrics._selective import (
    augrc_loss,
    aurc_loss,
    error_detection_auc_score,
    excess_aurc_loss,
)
from skcalib.metrics._smooth import smooth_calibration_error
from skcalib.metrics._validation import Predictions, check_predictions

LOSSES = (log_loss, brier_score_loss)
BINNED = (calibration_error, expected_calibration_error, maximum_calibration_error)
OF_CONFIDENCE = (
    augrc_loss,
    aurc_loss,
    error_detection_auc_score,
    excess_aurc_loss,
    risk_coverage_curve,
)
OF_EVENTS = (corp_decomposition, corp_curve, smooth_calibration_error)
KNOWN = (*LOSSES, *BINNED, reliability_curve, *OF_CONFIDENCE, *OF_EVENTS)


class Accumulator:
    """What :func:`accumulate` returns: sums over blocks, and a metric's value of them.

    It can be pickled, and copied by :func:`copy.deepcopy`.
    """

    def __init__(self, metric, labels, pos_label, params):
        self._metric = metric
        self._labels = labels
        self._pos_label = pos_label
        self._params = params
        self._classes = None  # sorted labels, once they are known
        self._n_blocks = 0
        self._sums = _make_sums(metric, params)

    def __repr__(self):
        return f"<{self._metric.__name__} of {self._n_blocks} blocks>"

    def update(self, y_true, y_proba, sample_weight=None):
        """Take a block of rows.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            As the metric takes it; there may be no rows.

        y_proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
            As the metric takes it: arrays, frames, tensors on the CPU, tables of Arrow.

        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        self : Accumulator
            The same object.

        Raises
        ------
        ValueError
            As the metric does; the message names the block by its number, from 0. Nothing of
            that block is kept.
        """
        sums, classes = _make_sums(self._metric, self._params), self._classes
        where = f"Block {self._n_blocks} (the first is 0)"
        try:
            labels, parts = self._cut(y_true, y_proba, sample_weight)
            for first, part in parts:
                if _has_no_rows(*part):
                    continue
                where = where.split(",")[0] + (f", rows {first} on" if first else "")
                predictions = self._check(labels, *part)
                classes = predictions.classes
                sums.add(predictions)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if classes is not None:
            self._sums.merge(sums)
        self._classes = classes
        self._n_blocks += 1
        return self

    def merge(self, other):
        """Take all blocks that another accumulator has taken; that one stays as it is.

        Parameters
        ----------
        other : Accumulator
            Of the same metric, parameters and labels.

        Returns
        -------
        self : Accumulator
            The same object.

        Raises
        ------
        ValueError
            If it is of another metric, other parameters, or other labels.
        """
        if not isinstance(other, Accumulator):
            raise ValueError(f"other must be an accumulator, got {quote(other)}.")
        if (self._metric, self._params) != (other._metric, other._params):
            raise ValueError(f"{self!r} and {other!r} are of other metrics or parameters.")
        if self._classes is None:
            self._classes = other._classes
        elif other._classes is not None and not np.array_equal(self._classes, other._classes):
            raise ValueError(
                f"The labels of the two are different: {quote_labels(self._classes)}, and "
                f"{quote_labels(other._classes)}. {TELL}"
            )
        self._sums.merge(other._sums)
        self._n_blocks += other._n_blocks
        return self

    def value(self):
        """Return the metric of all rows taken so far.

        Returns
        -------
        value : float or named tuple
            What the metric returns.

        Raises
        ------
        ValueError
            If there was no row yet.
        """
        if self._classes is None:
            raise ValueError(
                f"{self!r} has had no row of positive weight: there is no value yet."
            )
        return self._sums.value()

    def _cut(self, y_true, y_proba, sample_weight):
        """Return the labels, if they are known, and parts of a block, each with its first row.

        A long array, which may lie in a file, is read part by part.
        """
        labels = self._classes if self._labels is None else self._labels
        slices = cut_long_array(y_proba)
        if slices is None:
            return labels, [(0, (y_true, y_proba, sample_weight))]
        for values, name in ((y_true, "y_true"), (sample_weight, "sample_weight")):
            refuse_masked_array(values, name)
        y = label_vector(y_true)
        check_consistent_length(y, y_proba, sample_weight)
        weight = sample_weight
        if weight is not None:
            weight = np.asarray(to_numpy(weight, "sample_weight"))
        if labels is None:  # a part may lack a class that the block has
            seen = np.unique(y if weight is None else y[weight > 0])
            labels = seen if len(seen) == y_proba.shape[1] else None
        parts = (
            (rows.start, (y[rows], y_proba[rows], None if weight is None else weight[rows]))
            for rows in slices
        )
        return labels, parts

    def _check(self, labels, y_true, y_proba, sample_weight):
        if self._labels is None and labels is not None:
            columns = columns_by_name(_several_names(y_proba), labels, "y_proba")
            y_proba = y_proba if columns is None else take_columns(y_proba, columns)
        try:
            return check_predictions(y_true, y_proba, labels, sample_weight, self._pos_label)
        except ValueError as error:
            if labels is None and _lacks_classes(y_true, y_proba):
                raise ValueError(f"{error} {TELL}") from error
            raise


TELL = (
    "The first block tells the labels if labels= does not: it must hold every class. Pass "
    "accumulate(..., labels=model.classes_), and any block may lack some."
)


def keeps_few_numbers(metric, params):
    """Tell whether a few numbers are kept of all rows, not a table of the probabilities."""
    if metric in BINNED or metric is reliability_curve:
        return params["strategy"] == "uniform" and not isinstance(params["n_bins"], str)
    return metric in LOSSES


def _make_sums(metric, params):
    if metric in LOSSES:
        return LossSums(metric, params)
    if keeps_few_numbers(metric, params):
        if metric is reliability_curve:
            return CurveInBins(params)
        return ErrorInBins({"norm": "l1", **metric.prepare_for_weights.keywords, **params})
    if metric in OF_CONFIDENCE:
        return TablesOfEvents(metric, params, "confidence")
    return TablesOfEvents(metric, params, params.get("notion", "auto"))


def _several_names(y_proba):
    names = column_names(y_proba)
    return None if names is None or len(names) == 1 else names


def _has_no_rows(y_true, y_proba, sample_weight):
    """Tell whether there is nothing in a block that counts: no rows, or weights of zero."""
    try:
        n_rows = count_rows(y_proba)  # zarr's arrays have no len()
        if count_rows(y_true) == n_rows == 0:
            return True
    except (IndexError, TypeError):  # no arrays: said by whoever reads them
        return False
    if sample_weight is None:
        return False
    weight = np.asarray(to_numpy(sample_weight, "sample_weight"))
    return weight.shape == (n_rows,) and not weight.astype(bool).any()


def _lacks_classes(y_true, y_proba):
    try:
        n_columns = max(2, *np.shape(to_numpy(y_proba))[1:], 2)
        return len(np.unique(label_vector(y_true))) < n_columns
    except (TypeError, ValueError):
        return False


def accumulate(metric, *, labels=None, pos_label=None, **params):
    """Evaluate a metric on rows that come in blocks.

    The value is that of the metric on all rows at once (to 1e-12), whatever the blocks are;
    only sums are kept, so that the rows may be more than the memory holds, come from a
    stream, or lie on other machines: accumulators merge.

    Parameters
    ----------
    metric : function
        One of this module:

        - :func:`log_loss`, :func:`brier_score_loss`: two numbers are kept;
        - :func:`calibration_error`, :func:`expected_calibration_error`,
          :func:`maximum_calibration_error` and :func:`reliability_curve`: three numbers for
          each bin of equal width (and each class, where the notion is about classes);
        - these with ``strategy="quantile"`` or a rule for `n_bins`, and
          :func:`smooth_calibration_error`, :func:`corp_decomposition`, :func:`corp_curve`,
          :func:`risk_coverage_curve`, :func:`aurc_loss`, :func:`excess_aurc_loss`,
          :func:`augrc_loss`, :func:`error_detection_auc_score`: a table with a line of 32
          bytes for each distinct probability (and each class), twice that while it grows.
          Probabilities of single precision have at most 8 million values between 1/2 and 1.

    labels : array-like of shape (n_classes,), default=None
        The labels of the columns, in their order. If None, the first block with rows tells
        them, and must hold every class. Needed where any block may come first.

    pos_label : int, float, bool or str, default=None
        The positive one of two classes, as for the metric.

    **params : dict
        The metric's other parameters (``n_bins=10``), but `sample_weight`, which goes to
        ``update``.

    Returns
    -------
    accumulator : Accumulator
        Its ``update(y_true, y_proba, sample_weight=None)`` takes a block, ``merge(other)``
        what another has taken, ``value()`` returns the metric of all that was taken, also
        between updates. It can be pickled.

    Raises
    ------
    ValueError
        If `metric` is another function, or a parameter is unusable.

    TypeError
        If the metric has no such parameter.

    See Also
    --------
    by_group : A metric for each group of rows that are all at hand.

    Notes
    -----
    Sums are not exact: the value depends on the order and the sizes of blocks in the last
    digits, by some 1e-16.

    Given an array of h5py, zarr or dask, these metrics accumulate its blocks by themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.metrics import accumulate, expected_calibration_error
    >>> y = np.array([0, 1, 1, 0, 1])
    >>> proba = np.array([0.1, 0.9, 0.7, 0.7, 0.8])
    >>> accumulator = accumulate(expected_calibration_error, labels=[0, 1])
    >>> for rows in (slice(0, 2), slice(2, 5)):
    ...     accumulator = accumulator.update(y[rows], proba[rows])
    >>> round(accumulator.value(), 3), round(expected_calibration_error(y, proba), 3)
    (0.16, 0.16)
    """
    if metric not in KNOWN:
        names = ", ".join(known.__name__ for known in KNOWN)
        raise ValueError(
            f"metric must be one of the functions {names} of skcalib.metrics, got "
            f"{quote(metric)}: others need all rows at once."
        )
    if "sample_weight" in params:
        raise ValueError("sample_weight is that of a block; pass it to update().")
    # Two rows of two classes tell whether the parameters are usable.
    codes, proba = np.array([0, 1]), np.array([0.25, 0.75])
    few = Predictions(codes, proba, np.ones(2), codes, pos=1)
    params = own_parameters(metric, few, params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric.compute(few, **copy.deepcopy(params))  # draws nothing from random_state
    return Accumulator(metric, labels, pos_label, params)
