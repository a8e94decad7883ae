"""Logits, one column for each class: the only thing that a calibrator ever sees."""

import numpy as np
from sklearn.utils import check_consistent_length

from skcalib.backends import to_numpy
from skcalib.inputs._blocks import row_blocks, run_in_threads
from skcalib.inputs._device import DeviceRows
from skcalib.inputs._rows import refuse_masked_array
from skcalib.messages import check_fraction, shorten

SMALLEST_FLOOR = float(np.finfo(np.float32).tiny)
LARGEST_LOGIT = 1e30  # differences and products with probabilities stay finite in float32
# What people write for "this cannot be": the lowest numbers of bfloat16, float32, float64.
LOWEST = (-(2 - 2.0**-7) * 2.0**127, *(float(np.finfo(t).min) for t in ("f4", "f8")))
SAFE_SUM = 1e15  # of exponentials: single precision loses nothing to speak of below it
SUM_TOLERANCE = 1e-2  # rows of half-precision softmaxes sum to one only this well
ROUNDING = 1e-6  # how far below zero a probability may fall, as 1 - p does
IF_LOGITS = "if they are logits, the classifier must return them in decision_function"


def logits_from_proba(proba, floor=None):
    """Turn probabilities into logits, the input of every calibrator.

    The logits are ``log(max(p, floor))``. A softmax restores the probabilities, except
    in rows where some were raised to the floor, or that did not sum to one. Use this when
    a model's probabilities are all you have. If the model's own logits or decision values
    are available, use those instead: they are lost in a saturated softmax.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1]; each row sums to one. A single column, or a
        one-dimensional array, is the probability of the positive (second) class.

    floor : float in (0, 1) or None, default=None
        Smaller probabilities, exact zeros above all, are raised to this value. By
        default it is :func:`probability_floor` of `proba` itself. Pass the floor of the
        calibration rows when you convert rows to predict, so that the answer for a row
        does not depend on the rows beside it. For float32 it is at least 1.18e-38.

    Returns
    -------
    logits : ndarray of shape (n_samples, n_classes)
        At least two columns; float32 if `proba` is float32 or smaller, else float64.

    Raises
    ------
    ValueError
        If a value is NaN, infinite or outside [0, 1], if a row does not sum to one
        (within 0.01), if there are no rows, or if `floor` is not a number in (0, 1).

    See Also
    --------
    probability_floor : The default floor.

    Notes
    -----
    A fixed, tiny floor (1e-12, say) turns each exact zero into an extreme logit that
    depends only on that constant, and biases what is fitted to it. Half of the
    smallest positive probability adapts to the data.

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib import logits_from_proba
    >>> proba = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]])
    >>> np.exp(logits_from_proba(proba)).round(2)  # the zero was raised
    array([[0.9 , 0.1 , 0.05],
           [0.2 , 0.5 , 0.3 ]])
    """
    proba = _proba_matrix(proba)
    check_fraction("floor", floor, others=(None,))
    return log_of_floored(proba, floor)


def probability_floor(proba, sample_weight=None):
    """Half of the smallest positive probability: the default floor under a logarithm.

    It is never below the smallest normal number in float32, 1.18e-38, nor above half of
    1 / n_classes, so that the likeliest class of a row stays the likeliest.

    Calibrators see ``log(max(p, floor))``. Learn the floor from the calibration rows,
    keep it, and use it for every later prediction::

        floor = probability_floor(proba_calibration)
        logits = logits_from_proba(proba_calibration, floor)
        ...
        logits_test = logits_from_proba(proba_test, floor)

    :class:`~skcalib.CalibratedClassifierCV` does this by itself.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes), (n_samples, 1) or (n_samples,)
        Probabilities in [0, 1]; each row sums to one.

    sample_weight : array-like of shape (n_samples,), default=None
        Rows of weight zero are left out.

    Returns
    -------
    floor : float
        In [1.18e-38, 0.5 / n_classes].

    Raises
    ------
    ValueError
        If `proba` is not probabilities (see :func:`logits_from_proba`), or if no row
        has a positive weight.

    Examples
    --------
    >>> from skcalib import probability_floor
    >>> probability_floor([[0.98, 0.02], [1.0, 0.0]])
    0.01
    """
    proba = _proba_matrix(proba)
    if sample_weight is not None:
        refuse_masked_array(sample_weight, "sample_weight")
        sample_weight = to_numpy(sample_weight, "sample_weight")
        check_consistent_length(proba, sample_weight)
        proba = proba[np.asarray(sample_weight) > 0]
        if len(proba) == 0:
            raise ValueError("sample_weight has no positive entry: no row to learn from.")
    return floor_of(proba)


def floor_of(proba):
    """Return the floor of a validated matrix of probabilities."""
    smallest = np.min(proba, where=proba > 0, initial=1 / proba.shape[1])
    return max(0.5 * float(smallest), SMALLEST_FLOOR)


def softmax(logits, beta=1.0):
    """Row-wise softmax of ``beta * logits`` on one new array of the same type."""
    if logits.shape[1] == 2:  # half the exponentials, and no short rows to sum
        z = (logits[:, 1] - logits[:, 0]) * logits.dtype.type(beta)
        return np.stack([sigmoid(-z), sigmoid(z)], axis=1)
    out = np.empty(logits.shape, dtype=logits.dtype)

    def fill(blocks):
        for block in blocks:
            total = exponentials(logits[block], beta, out[block], out[block])
            out[block] /= total[:, None].astype(out.dtype)

    run_in_threads(fill, row_blocks(*logits.shape))
    return out


def sigmoid(z):
    """Return the probabilities of log-odds; as precise as scipy's expit, and vectorised."""
    out = np.negative(z)
    with np.errstate(over="ignore"):  # one over infinity is what is meant
        np.exp(out, out=out)
    out += 1
    return np.divide(1, out, out=out)


def exponentials(logits, beta, scaled, mass):
    """Write ``beta * logits`` and its exponentials to two arrays, or one; return row sums.

    A row is shifted by its largest logit only if its sum leaves the range in which neither
    it nor its moments overflow or lose digits. Nearly all rows spare themselves that pass.
    """
    beta = scaled.dtype.type(beta)
    with np.errstate(over="ignore"):
        np.multiply(logits, beta, out=scaled)
        np.exp(scaled, out=mass)
        total = np.einsum("ij->i", mass)
    far = ~((total > 1 / SAFE_SUM) & (total < SAFE_SUM))
    if far.any():
        rows = logits[far].astype(scaled.dtype, copy=False)
        rows = (rows - rows.max(axis=1, keepdims=True)) * beta
        scaled[far] = rows
        mass[far] = np.exp(rows, out=rows)
        total[far] = np.einsum("ij->i", rows)
    return total.astype(np.float64, copy=False)


def looks_like_proba(logits, used=None):
    """Tell whether every row is non-negative and sums to one, or to at most one if single.

    Only rows that are ``used`` count.
    """
    if logits.shape[1] == 1:
        column = logits if used is None else logits[used]
        return column.size > 0 and bool(0 <= column.min() < column.max() <= 1)
    blocks = row_blocks(*logits.shape)
    parts = (logits[b] if used is None else logits[b][used[b]] for b in blocks)
    return logits.size > 0 and all(_is_proba(part) for part in parts)


def _is_proba(part):
    if part.min(initial=0) < 0:
        return False
    off = np.abs(part.sum(axis=1, dtype=np.float64) - 1)
    return bool(off.max(initial=0) <= SUM_TOLERANCE)


def check_finite(values, source):
    """Raise if decision values are NaN, infinite or beyond all reason."""
    blocks = row_blocks(*values.shape) if values.size else []
    if all(run_in_threads(lambda some: all(_within_reason(values[b]) for b in some), blocks)):
        return
    bad = [~(np.abs(values[block]) <= LARGEST_LOGIT).all(axis=1) for block in blocks]
    what = f"NaN, infinite values (inf) or values beyond {LARGEST_LOGIT:g}"
    _raise_for_rows(
        source,
        f"{what} (for the logarithm of zeros see logits_from_proba)",
        np.concatenate(bad),
    )


def _within_reason(values):
    return max(-values.min(), values.max()) <= LARGEST_LOGIT


def check_logits(values, source):
    """Return logits, a column for each class, the masked ones -inf; or raise.

    Masked, that is, a class that this row cannot be, are -inf and the lowest numbers of the
    floating types: all of them beyond what a logit can be.
    """
    blocks = row_blocks(*values.shape) if values.size else []
    if all(run_in_threads(lambda some: all(_within_reason(values[b]) for b in some), blocks)):
        return values
    if values.shape[1] == 1 or not any(_find_masks(values[block]).any() for block in blocks):
        check_finite(values, source)  # which raises
    out, nothing, zero = values, np.empty(len(values), dtype=bool), values.dtype.type(0)
    for block in blocks:
        rows = values[block]
        masked = _find_masks(rows)
        if not _within_reason(np.where(masked, zero, rows)):
            check_finite(np.where(_find_masks(values), zero, values), source)
        nothing[block] = masked.all(axis=1)
        if (rows[masked] > -np.inf).any():
            out = values.copy() if out is values else out
            out[block][masked] = -np.inf
    if nothing.any():
        _raise_for_rows(source, "every class masked (-inf or the lowest number)", nothing)
    return out


def _find_masks(values):
    """Return which are -inf, or the lowest number of a floating type."""
    largest = float(np.finfo(values.dtype).max)
    masked = np.isneginf(values)
    for low in LOWEST:
        if -low <= largest:
            masked |= values == values.dtype.type(low)
    return masked


def find_masked_entries(logits):
    """Return which entries of checked logits are masked, or None if there are none.

    None for rows that stay on a device, which see to their masks block by block.
    """
    if isinstance(logits, DeviceRows):
        return None
    if logits.size == 0 or logits.min() > -np.inf:
        return None
    return np.isneginf(logits)


def check_proba(proba, source, *, allow_zero_rows=False, way_out=IF_LOGITS):
    """Raise unless values lie in [0, 1] and rows sum to one (within half precision).

    Some classifiers answer with a row of zeros where they know nothing.
    """
    if proba.size == 0:
        return
    if not (proba.min() >= -ROUNDING and proba.max() <= 1 + SUM_TOLERANCE):
        if not np.isfinite(proba).all():
            _raise_for_rows(source, "NaN or infinite values", ~np.isfinite(proba).all(axis=1))
        outside = (proba < -ROUNDING) | (proba > 1 + SUM_TOLERANCE)
        _raise_for_rows(source, f"values outside [0, 1] ({way_out})", outside.any(axis=1))
    off = find_wrong_sums(proba, but_zero=allow_zero_rows)
    if off.any():
        _raise_for_rows(source, f"probabilities that do not sum to one ({way_out})", off)


def find_wrong_sums(proba, *, but_zero=True):
    """Tell which rows do not sum to one; nor to zero, unless that is off, too."""
    total = proba.sum(axis=1, dtype=np.float64)
    return (np.abs(total - 1) > SUM_TOLERANCE) & ~((total == 0) & but_zero)


def log_of_floored(proba, floor):
    """Return the logarithm of validated probabilities, none below the floor."""
    floor = floor_of(proba) if floor is None else max(floor, np.finfo(proba.dtype).tiny)
    out = np.maximum(proba, proba.dtype.type(floor))
    return np.log(out, out=out)


def _proba_matrix(proba):
    """Validate public probabilities; one column becomes two."""
    proba = float_array(proba, "proba")
    if proba.ndim == 1:
        proba = proba[:, None]
    if proba.ndim != 2 or proba.size == 0:
        raise ValueError(
            "proba must be a non-empty array of shape (n_samples, n_classes), got shape "
            f"{proba.shape}."
        )
    if proba.shape[1] == 1:
        proba = np.hstack([1 - proba, proba])
    check_proba(proba, "proba")
    return proba


def float_array(values, source):
    """Return an array of float32 or float64; half precision goes up, not to float64."""
    refuse_masked_array(values, source)
    values = np.asarray(to_numpy(values, source))
    if values.dtype in (np.float32, np.float64):
        return values
    if values.dtype == np.float16:  # its lowest number masks a class
        single = values.astype(np.float32)
        single[values == np.finfo(np.float16).min] = -np.inf
        return single
    if values.dtype.kind == "c":
        raise ValueError(f"{source} is complex; probabilities and logits are real.")
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source} is not numeric: {shorten(str(error))}") from error


def _raise_for_rows(source, what, bad_rows):
    raise ValueError(
        f"{source} has {what} in {int(bad_rows.sum())} of {len(bad_rows)} rows (the first is "
        f"row {int(bad_rows.argmax())})."
    )
