"""Ray Data: batches become sums where they are, and the sums are joined here."""

import pickle
from copy import deepcopy
from functools import partial, reduce

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.engines._looks import fit_by_looks
from skcalib.metrics import accumulate

ANSWER = "answer"
UNKNOWN = 0.0  # the share of a batch: how many there are is known when all are done


def fit_ray(calibrator, dataset, *, logits, y, sample_weight=None, batch_size=None):
    """Fit a calibrator to logits in a dataset of Ray, where they are.

    Batches are looked at by Ray's tasks, and only sums come back. The dataset is executed
    twice, seldom three times, for a temperature; once if there are few rows. If that is
    dear, call ``dataset.materialize()`` before.

    Parameters
    ----------
    calibrator : Calibrator
        One with ``fit_blocks``, such as :class:`~skcalib.calibrators.TemperatureScaling`. It
        is fitted, and returned.

    dataset : ray.data.Dataset
        The rows.

    logits : str or list of str
        The column that holds a vector of logits for each row, or a column for each class, in
        sorted order of the labels.

    y : str
        The column of labels.

    sample_weight : str, default=None
        The column of non-negative weights.

    batch_size : int, default=None
        Rows of a batch, as ``map_batches`` takes it; None: as many as a block has.

    Returns
    -------
    calibrator : Calibrator
        The same object, fitted as by ``fit`` on all rows, to 1e-6.

    Raises
    ------
    ValueError
        If the dataset has no such column; as `fit` does.

    AttributeError
        If the calibrator needs all rows at once.

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.engines import fit_ray
    >>> import ray  # doctest: +SKIP
    >>> rows = ray.data.read_parquet("logits.parquet")  # doctest: +SKIP
    >>> calibrator = fit_ray(
    ...     TemperatureScaling(), rows, logits="logits", y="label")  # doctest: +SKIP
    """
    columns = _check_columns(dataset, logits, y, sample_weight)

    def look_at_all(look):
        function = partial(_look_at, look.of_share(UNKNOWN))
        return reduce(look.merge, _map(dataset, function, columns, batch_size), None)

    return fit_by_looks(calibrator, look_at_all)


def measure_ray(
    metric, dataset, *, y_true, y_proba, sample_weight=None, batch_size=None, **params
):
    """Compute a metric of probabilities in a dataset of Ray, in one pass.

    Parameters
    ----------
    metric : callable
        A function of :mod:`skcalib.metrics` that :func:`~skcalib.metrics.accumulate` takes.

    dataset : ray.data.Dataset
        The rows.

    y_true : str
        The column of labels.

    y_proba : str or list of str
        The column that holds a vector of probabilities for each row, or that of the positive
        class of two; or a column for each class.

    sample_weight : str, default=None
        The column of non-negative weights.

    batch_size : int, default=None
        Rows of a batch, as ``map_batches`` takes it; None: as many as a block has.

    **params : dict
        Further parameters of the metric. With ``labels=model.classes_`` a batch may lack
        classes; without, each must hold all of them.

    Returns
    -------
    value : float or named tuple
        What the metric returns for all rows: to 1e-12 for sums in bins.

    Raises
    ------
    ValueError
        If the dataset has no such column; as the metric does.

    Examples
    --------
    >>> from skcalib.engines import measure_ray
    >>> from skcalib.metrics import log_loss
    >>> import ray  # doctest: +SKIP
    >>> rows = ray.data.read_parquet("proba.parquet")  # doctest: +SKIP
    >>> measure_ray(log_loss, rows, y_true="label", y_proba="proba",
    ...             labels=[0, 1])  # doctest: +SKIP
    0.31...
    """
    empty = accumulate(metric, **params)
    columns = _check_columns(dataset, y_proba, y_true, sample_weight)
    for part in _map(dataset, partial(_update, empty), columns, batch_size):
        empty.merge(part)
    return empty.value()


def predict_proba_ray(calibrator, dataset, *, logits, output="proba", batch_size=None):
    """Add calibrated probabilities to a dataset of Ray, lazily.

    Parameters
    ----------
    calibrator : Calibrator
        A fitted one; any will do.

    dataset : ray.data.Dataset
        The rows.

    logits : str or list of str
        As for :func:`fit_ray`.

    output : str, default="proba"
        The column of probabilities that is added: a vector for each row.

    batch_size : int, default=None
        Rows of a batch, as ``map_batches`` takes it; None: as many as a block has.

    Returns
    -------
    dataset : ray.data.Dataset
        Nothing is computed yet.

    Raises
    ------
    ValueError
        If the dataset has no such column.

    sklearn.exceptions.NotFittedError
        If the calibrator is not fitted.

    Examples
    --------
    >>> from skcalib.engines import predict_proba_ray
    >>> import ray  # doctest: +SKIP
    >>> rows = ray.data.read_parquet("new.parquet")  # doctest: +SKIP
    >>> predict_proba_ray(calibrator, rows, logits="logits").write_parquet(
    ...     "proba")  # doctest: +SKIP
    """
    check_is_fitted(calibrator)
    _check_columns(dataset, logits)
    function = partial(_predict, calibrator, logits, output)
    return dataset.map_batches(function, batch_size=batch_size, batch_format="numpy")


def _check_columns(dataset, values, *others):
    """Return names of columns, if the dataset has them."""
    known = dataset.columns()
    listed = [values] if isinstance(values, str) else list(values)
    for name in [*listed, *(other for other in others if other is not None)]:
        if known is not None and name not in known:
            raise ValueError(f"The dataset has no column {name!r}; it has {sorted(known)}.")
    return values, *others


def _map(dataset, function, columns, batch_size):
    """Yield what a function answers to batches of rows, in the order in which they are done."""
    options = {"batch_size": batch_size, "batch_format": "numpy"}
    answers = dataset.map_batches(partial(_answer, function, columns), **options)
    for row in answers.iter_rows():
        answer = pickle.loads(row[ANSWER])
        if isinstance(answer, ValueError):
            raise ValueError(f"In a batch of Ray: {answer}") from answer
        if answer is not None:
            yield answer


def _answer(function, columns, batch):
    """Return the answer as a row: None to no rows, and what is wrong with them if anything is.

    An error that is raised here would come as one of Ray's, its message behind a page of calls.
    """
    try:
        answer = function(*_take(batch, columns)) if _has_rows(batch) else None
    except ValueError as error:
        answer = error
    return {ANSWER: np.array([pickle.dumps(answer)], dtype=object)}


def _has_rows(batch):
    return any(len(column) for column in batch.values())


def _take(batch, columns):
    """Return the matrix or vector of a batch, labels, and weights or None."""
    values, y, sample_weight = columns
    weight = None if sample_weight is None else batch[sample_weight]
    return _values(batch, values), batch[y], weight


def _values(batch, names):
    if not isinstance(names, str):
        return np.column_stack([batch[name] for name in names])
    values = batch[names]
    return np.stack(list(values)) if values.dtype == object and len(values) else values


def _look_at(look, X, y, sample_weight):
    return look((X, y, sample_weight))


def _update(empty, y_proba, y_true, sample_weight):
    return deepcopy(empty).update(y_true, y_proba, sample_weight)


def _predict(calibrator, logits, output, batch):
    if not _has_rows(batch):
        return {**batch, output: np.empty((0, len(calibrator.classes_)))}
    return {**batch, output: calibrator.predict_proba(_values(batch, logits))}
