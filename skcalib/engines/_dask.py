"""dask: a task for each block, and their answers joined two by two, block after block."""

from copy import deepcopy

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcalib.engines._dask_blocks import align_blocks, is_frame, refuse_eager, shares_of_rows
from skcalib.engines._looks import fit_by_looks
from skcalib.metrics import accumulate

AT_ONCE = 4  # answers that a task joins: a power of two, so that all are joined two by two


def fit_dask(calibrator, X, y, sample_weight=None):
    """Fit a calibrator to logits in dask, where they are.

    Every block is looked at where dask has it, and only sums travel. The blocks are computed
    twice, seldom three times, for a temperature; once if there are few rows. If computing
    them is dear and they fit the cluster's memory, call ``X.persist()`` before.

    **When to use it.** Logits that are in dask already, or that are more than one machine
    holds. **When not.** An array in memory or a memmap: ``calibrator.fit``; blocks of
    another kind: ``calibrator.fit_blocks``.

    Parameters
    ----------
    calibrator : Calibrator
        One with ``fit_blocks``, such as :class:`~skcalib.calibrators.TemperatureScaling`. It
        is fitted, and returned.

    X : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_classes) or \
            (n_samples, 1)
        Logits, as ``calibrator.fit`` takes them. Chunks of rows may be of any length,
        unknown or 0; columns that are cut are put together.

    y : dask.array.Array, dask.dataframe.Series or array-like of shape (n_samples,)
        Labels, in as many blocks as X; if all lengths are known they are cut like X. A block
        may lack classes.

    sample_weight : dask.array.Array, dask.dataframe.Series or array-like of shape \
            (n_samples,), default=None
        Non-negative weights.

    Returns
    -------
    calibrator : Calibrator
        The same object, fitted as by ``fit`` on all rows, to 1e-6. It is no longer lazy, and
        knows nothing of dask.

    Raises
    ------
    ValueError
        As `fit` does; messages name the block. If `y` or `sample_weight` cannot be cut like
        X.

    AttributeError
        If the calibrator needs all rows at once.

    See Also
    --------
    predict_proba_dask : Its answers, lazily.
    measure_dask : A metric, in one pass.

    Notes
    -----
    It runs on dask's scheduler: threads, unless a ``distributed.Client`` is at hand or
    ``dask.config`` says otherwise. The order in which sums are joined is that of the blocks,
    whoever computes them when: the answer is the same on each.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.engines import fit_dask
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, size=10_000)
    >>> logits = rng.normal(size=(10_000, 2)) + 2 * np.eye(2)[y]
    >>> from importlib.util import find_spec
    >>> if find_spec("dask"):
    ...     import dask.array as da
    ...
    ...     X = da.from_array(logits, chunks=(1_000, 2))
    ...     fitted = fit_dask(TemperatureScaling(), X, y)
    """
    blocks = align_blocks(X, y, sample_weight)
    shares = shares_of_rows(X, len(blocks))

    def look_at_all(look):
        answers = [
            _make_task(_look_at, look.of_share(share), number, *block)
            for number, (share, block) in enumerate(zip(shares, blocks, strict=True))
        ]
        return _compute_joined(look.merge, answers)

    return fit_by_looks(calibrator, look_at_all)


def predict_proba_dask(calibrator, X):
    """Calibrated probabilities of logits in dask, lazily.

    Parameters
    ----------
    calibrator : Calibrator
        A fitted one; any will do.

    X : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_classes) or \
            (n_samples, 1)
        Logits.

    Returns
    -------
    proba : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_classes)
        Nothing is computed yet. Blocks are those of X. A frame has the labels as names of its
        columns, and the index of X.

    Raises
    ------
    ValueError
        If X is not in dask; when it is computed, as ``predict_proba`` does.

    sklearn.exceptions.NotFittedError
        If the calibrator is not fitted.

    Examples
    --------
    >>> from skcalib.calibrators import TemperatureScaling
    >>> from skcalib.engines import predict_proba_dask
    >>> calibrator = TemperatureScaling().fit([[0.0, 2.0], [1.0, 0.0], [0.5, 0.0]], [1, 0, 1])
    >>> from importlib.util import find_spec
    >>> if find_spec("dask"):
    ...     import dask.array as da
    ...
    ...     proba = predict_proba_dask(calibrator, da.zeros((4, 2), chunks=2))
    ...     first = proba[:2].compute()
    """
    check_is_fitted(calibrator)
    refuse_eager(X, "X")
    if is_frame(X):
        import pandas as pd

        none = np.empty((0, len(calibrator.classes_)))
        meta = pd.DataFrame(none, columns=list(calibrator.classes_))
        return X.map_partitions(_predict_frame, calibrator, meta=meta)
    dtype = np.float32 if X.dtype in (np.float16, np.float32) else np.float64
    X = X.rechunk({1: -1})
    chunks = (X.chunks[0], (len(calibrator.classes_),))
    options = {"dtype": dtype, "chunks": chunks, "meta": np.empty((0, 0), dtype)}
    return X.map_blocks(_predict, calibrator, **options)


def measure_dask(metric, y_true, y_proba, *, sample_weight=None, **params):
    """Compute a metric of probabilities in dask, in one pass over the blocks.

    Parameters
    ----------
    metric : callable
        A function of :mod:`skcalib.metrics` that :func:`~skcalib.metrics.accumulate` takes.

    y_true : dask.array.Array, dask.dataframe.Series or array-like of shape (n_samples,)
        Labels, in as many blocks as `y_proba`.

    y_proba : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_classes), \
            (n_samples, 1) or (n_samples,)
        Probabilities, as the metric takes them.

    sample_weight : dask.array.Array, dask.dataframe.Series or array-like of shape \
            (n_samples,), default=None
        Non-negative weights.

    **params : dict
        Further parameters of the metric. With ``labels=model.classes_`` a block may lack
        classes; without, each must hold all of them.

    Returns
    -------
    value : float or named tuple
        What the metric returns for all rows: to 1e-12 for sums in bins.

    Raises
    ------
    ValueError
        As the metric does; the message names the block. If a block lacks a class and there
        is no `labels`.

    Examples
    --------
    >>> from skcalib.engines import measure_dask
    >>> from skcalib.metrics import log_loss
    >>> from importlib.util import find_spec
    >>> if find_spec("dask"):
    ...     import dask.array as da
    ...
    ...     y_true, y_proba = da.zeros(4, dtype=int, chunks=2), da.full((4, 2), 0.5, chunks=2)
    ...     value = measure_dask(log_loss, y_true, y_proba, labels=[0, 1])
    """
    empty = accumulate(metric, **params)
    blocks = align_blocks(y_proba, y_true, sample_weight, names=("y_proba", "y_true"))
    parts = [_make_task(_update, empty, number, *b) for number, b in enumerate(blocks)]
    return _compute_joined(_merge, parts).value()


def _make_task(function, *arguments):
    from dask import delayed

    return delayed(function, pure=False)(*arguments)


def _compute_joined(join, answers):
    """Join neighbours until one is left, and compute that."""
    while len(answers) > 1:
        runs = [answers[i : i + AT_ONCE] for i in range(0, len(answers), AT_ONCE)]
        answers = [_make_task(_join, join, *run) if len(run) > 1 else run[0] for run in runs]
    return answers[0].compute()


def _join(join, *answers):
    while len(answers) > 1:
        pairs = [answers[i : i + 2] for i in range(0, len(answers), 2)]
        answers = [join(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return answers[0]


def _look_at(look, number, X, y, sample_weight):
    return look((X, y, sample_weight), number)


def _update(empty, number, y_proba, y_true, sample_weight):
    accumulator = deepcopy(empty)
    try:
        return accumulator.update(y_true, y_proba, sample_weight)
    except ValueError as error:
        raise ValueError(f"In block {number} of dask (the first is 0): {error}") from error


def _merge(first, second):
    return deepcopy(first).merge(second)  # dask may ask for `first` again


def _predict(X, calibrator):
    if len(X) == 0:
        dtype = np.float32 if X.dtype in (np.float16, np.float32) else np.float64
        return np.empty((0, len(calibrator.classes_)), dtype)
    return calibrator.predict_proba(X)


def _predict_frame(X, calibrator):
    import pandas as pd

    proba = calibrator.predict_proba(X) if len(X) else np.empty((0, len(calibrator.classes_)))
    columns = list(calibrator.classes_)
    return pd.DataFrame(np.asarray(proba, dtype=float), columns=columns, index=X.index)
