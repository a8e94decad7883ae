"""The door for arrays that stay where they are, and for those of more than two axes."""

import numpy as np

from skcalib.backends import device_namespace, namespace_of, to_numpy
from skcalib.inputs._device import LABELS, DeviceRows, cut_rows, to_host
from skcalib.inputs._logits import LARGEST_LOGIT, LOWEST, SUM_TOLERANCE
from skcalib.inputs._rows import refuse_masked_array
from skcalib.inputs._targets import check_labels, check_weight, columns_of_classes
from skcalib.messages import is_count, quote

NOTHING = "No sample counts: each has weight zero, or a label equal to ignore_index."


def stays_on_device(values, axis, ignore_index):
    """Tell whether rows are read where they are: on a device, or of more than two axes."""
    return axis is not None or ignore_index is not None or device_namespace(values) is not None


def read_rows(values, axis, name):
    """Return rows of an array in its own namespace, nothing copied; or say what is wrong.

    Values are not looked at.
    """
    refuse_masked_array(values, name)
    xp = device_namespace(values)
    if xp is None:
        values = np.asarray(to_numpy(values, name))
        xp = namespace_of(np.empty(0))
        values = values.astype(np.float32) if values.dtype.kind == "V" else values
    elif hasattr(values, "detach"):
        values = values.detach()
        if str(values.layout) != "torch.strided":
            values = values.to_dense()
        if values.device.type == "meta":
            raise ValueError(f"{name} is a torch tensor on the device 'meta', without values.")
    _check_shape(tuple(values.shape), axis, name)
    if values.dtype == object or not xp.isdtype(
        values.dtype, ("bool", "real floating", "integral")
    ):
        raise ValueError(f"{name} must hold real numbers, got the type {values.dtype}.")
    if not xp.isdtype(values.dtype, "real floating"):
        values = xp.astype(values, DeviceRows(xp, values[:1], -1).wide_type)
    if values.ndim == 2 and values.shape[-1] == 1 and name == "X":
        half = values / 2  # of a subnormal number rounded; the difference is X all the same
        values = xp.concat([-half, values - half], axis=1)
    return DeviceRows(xp, values, -1 if axis is None else axis)


def _check_shape(shape, axis, name):
    ndim = len(shape)
    if ndim < 2 or (ndim > 2 and axis is None):
        raise ValueError(
            f"{name} has shape {shape}. It must be (n_samples, n_classes), or have more axes "
            "and axis= that of the classes: axis=1 for (n_samples, n_classes, height, width), "
            "axis=-1 for (n_samples, n_tokens, n_classes)."
        )
    if axis is not None and not (is_count(axis, -np.inf) and -ndim <= axis < ndim):
        raise ValueError(
            f"axis must be an integer from {-ndim} to {ndim - 1}, got {quote(axis)}."
        )
    if 0 in shape:
        raise ValueError(f"{name} is empty: it has shape {shape}.")


def check_rows_of_logits(rows, name):
    """Return rows, marked if classes are masked, or say what is wrong with them.

    The second value tells whether all rows look like probabilities.
    """
    xp = rows.xp
    low, high = extremes(rows)
    if rows.mask_below <= low and high <= LARGEST_LOGIT:
        like_proba = low >= 0 and high <= 1 and worst_sum(rows) <= SUM_TOLERANCE
        return rows.with_span(high - low), like_proba
    largest = float(np.finfo(rows.dtype).max)
    lowest = [float(value) for value in LOWEST if -value <= largest]
    bad = nothing = 0
    for _, part in rows.parts():
        masked = part == -xp.inf
        for value in lowest:
            masked = masked | (part == value)
        if rows.mask_below > -LARGEST_LOGIT:
            masked = masked | (part < rows.mask_below)
        within = masked | (xp.abs(part) <= LARGEST_LOGIT)  # NaN is not
        bad += _count(xp, ~xp.all(within, axis=1))
        nothing += _count(xp, xp.all(masked, axis=1))
    of_rows = f"rows of {len(rows)}"
    if bad:
        what = f"NaN, infinite values (inf) or values beyond {LARGEST_LOGIT:g}"
        raise ValueError(f"{name} has {what} in {bad} {of_rows}.")
    if nothing:
        raise ValueError(
            f"{name} has every class masked (-inf or the lowest number) in {nothing} {of_rows}."
        )
    return rows.with_masks(), False


def extremes(rows):
    """Return the smallest and the largest value; NaN if one is."""
    xp = rows.xp
    found = [xp.stack([xp.min(part), xp.max(part)]) for _, part in rows.parts()]
    low, high = to_host(xp.stack(found)).T
    return low.min(), high.max()


def worst_sum(rows):
    """Return how far from one the sum of a row is, at most."""
    xp = rows.xp
    found = [
        xp.max(xp.abs(xp.sum(part, axis=1, dtype=rows.wide_type) - 1))
        for _, part in rows.parts()
    ]
    return float(to_host(xp.stack(found)).max())


def _count(xp, which):
    return int(xp.sum(xp.astype(which, xp.int64)))


def learn_labels(rows, y, weight, ignore_index):
    """Return rows that know their labels and weights, and the label of each column."""
    rows, present, seen = find_labels(rows, y, weight, ignore_index, "y")
    if weight is not None:  # as the door of all calibrators warns
        check_weight(np.array([rows.total]), np.empty(1))
    every = np.ones(len(seen), dtype=bool)
    columns, own = columns_of_classes(seen, np.arange(len(seen)), every, rows.shape[1])
    return rows.renumbered(present, own), columns


def find_labels(rows, y, weight, ignore_index, name):
    """Return rows that know their labels and weights, and which labels there are.

    Labels are integers on the device of the rows, or whatever labels may be on the host; of
    the shape of the rows without the axis of the classes. There are numbers that stand for
    them on the device, and the labels themselves, as many.
    """
    labels, ignore_index = _labels_on_device(rows, y, ignore_index, name)
    weight = _weights_on_device(rows, weight)
    classes, places = labels if isinstance(labels, tuple) else (None, labels)
    rows = rows.with_labels(places, weight, ignore_index)
    if not rows.total > 0:
        raise ValueError(NOTHING)
    present = _present(rows)
    if places.dtype == getattr(rows.xp, "bool", None) and classes is None:
        return rows, present, present.astype(bool)
    return rows, present, present if classes is None else classes[present]


def _labels_on_device(rows, y, ignore_index, name):
    """Return integer labels where the rows are; or classes and numbers of them."""
    if y is None:
        raise ValueError(f"This estimator requires {name} to be passed, but {name} is None.")
    refuse_masked_array(y, name)
    xp = rows.xp
    if device_namespace(y) is None:
        y = np.asarray(to_numpy(y, name))
    if tuple(y.shape) == (*rows.lead, 1) and len(rows.lead) == 1:
        y = y[:, 0]
    if tuple(y.shape) != rows.lead:
        raise ValueError(
            f"{name} has shape {tuple(y.shape)}, and the rows have shape {rows.lead}: a label "
            "for each row, in the shape of the first array without the axis of the classes."
        )
    if isinstance(y, np.ndarray) and y.dtype.kind not in "biu":
        return _numbered(rows, y, ignore_index)
    if not isinstance(y, np.ndarray) and not namespace_of(y).isdtype(
        y.dtype, ("bool", "integral")
    ):
        raise ValueError(
            f"{name} must hold integers or booleans where it is on a device, got {y.dtype}."
        )
    if ignore_index is not None and not is_count(ignore_index, -np.inf):
        raise ValueError(
            f"ignore_index must be an integer, as the labels are, got {quote(ignore_index)}."
        )
    if isinstance(y, np.ndarray) and y.dtype.kind == "u" and y.dtype.itemsize > 1:
        y = y.astype(np.int64)  # torch knows little of the others
    y = y.detach() if hasattr(y, "detach") else y
    return xp.asarray(y, device=rows.device), ignore_index


def _numbered(rows, y, ignore_index):
    """Return classes and numbers of text and whole floats, -1 for what is ignored."""
    ignored = np.zeros(y.shape, dtype=bool) if ignore_index is None else y == ignore_index
    used = ~ignored
    if not used.any():
        raise ValueError(NOTHING)
    _, classes, codes = check_labels(y[used])
    numbers = np.full(y.shape, -1)
    numbers[used] = codes
    return (classes, rows.xp.asarray(numbers, device=rows.device)), -1


def _weights_on_device(rows, weight):
    if weight is None:
        return None
    refuse_masked_array(weight, "sample_weight")
    xp = rows.xp
    if device_namespace(weight) is None:
        weight = np.asarray(to_numpy(weight, "sample_weight"))
    weight = weight.detach() if hasattr(weight, "detach") else weight
    if tuple(weight.shape) != rows.lead:
        raise ValueError(
            f"sample_weight has shape {tuple(weight.shape)}, expected {rows.lead}: a number "
            "for each row."
        )
    if isinstance(weight, np.ndarray):
        weight = np.asarray(weight, dtype=np.float32 if rows.is_narrow else np.float64)
    weight = xp.astype(xp.asarray(weight, device=rows.device), rows.wide_type)
    low, high = float(xp.min(weight)), float(xp.max(weight))
    if not (low >= 0 and high < np.inf):
        raise ValueError(
            "sample_weight holds NaN, infinite or negative values; weights are non-negative."
        )
    return weight


def _present(rows):
    """Return the labels in rows that count, a small sorted array."""
    xp, found = rows.xp, set()
    for index in cut_rows(rows.lead, LABELS):
        labels = xp.reshape(rows.labels[index], (-1,))
        labels = xp.astype(labels, xp.int64)
        _, w = rows.labels_and_weights(index)
        place = xp.argmax(xp.astype(w > 0, xp.int64))
        some = xp.take(labels, xp.reshape(place, (1,)))
        if float(xp.max(w)) > 0:
            found |= set(map(int, to_host(xp.unique_values(xp.where(w > 0, labels, some)))))
    return np.array(sorted(found))
