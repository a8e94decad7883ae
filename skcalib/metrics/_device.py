"""Losses and binned errors of probabilities that stay where they are: sums of their blocks."""

from typing import NamedTuple

import numpy as np

from skcalib.inputs import (
    ROUNDING,
    SUM_TOLERANCE,
    DeviceRows,
    device_namespace,
    entry_of_each,
    extremes,
    find_labels,
    read_rows,
    stays_on_device,
    to_host,
    to_numpy,
    worst_sum,
)
from skcalib.metrics._binned_error import check_error_parameters, norm_of
from skcalib.metrics._binning import bin_sums
from skcalib.metrics._classes import classes_of_columns, positive_class
from skcalib.metrics._events import Event, check_notion
from skcalib.metrics._validation import NO_LOGITS, warn_of_small_sum


class DevicePredictions(NamedTuple):
    """What was predicted and what happened, where it is.

    `rows` know their labels and weights; `positive` is the column of the positive one of two
    classes; `n_classes` that of all.
    """

    rows: DeviceRows
    positive: int

    @property
    def n_classes(self):
        """The number of columns."""
        return self.rows.shape[1]


def read_where_they_are(given, axis, ignore_index):
    """Return DevicePredictions, or None if predictions are to be read as always.

    The second value is what is given then, without the rows that are ignored.
    """
    y_true, y_proba, labels, sample_weight, pos_label = given
    if not stays_on_device(y_proba, axis, ignore_index):
        return None, given
    if device_namespace(y_proba) is None:
        y_proba = np.asarray(to_numpy(y_proba, "y_proba"))
        if y_proba.ndim <= 2:
            return None, _without_ignored(given, y_proba, axis, ignore_index)
    single = y_proba.ndim == 1 or (y_proba.ndim == 2 and y_proba.shape[-1] == 1)
    rows = _check_rows(_as_columns(y_proba) if single else y_proba, axis)
    rows, present, seen = find_labels(rows, y_true, sample_weight, ignore_index, "y_true")
    found = classes_of_columns(seen, labels, None, rows.shape[1])
    positive = positive_class(found, pos_label, single, None)
    if single:
        columns, column = np.where(found.codes == positive, 1, 0), 1
    else:
        columns, column = found.order[found.codes], int(found.order[positive])
    return DevicePredictions(rows.renumbered(present, columns), column), None


def _without_ignored(given, y_proba, axis, ignore_index):
    y_true, _, labels, weight, pos_label = given
    y_proba = y_proba.T if axis in (0, -2) else y_proba
    if ignore_index is not None:
        y_true = np.asarray(to_numpy(y_true, "y_true"))
        if y_true.shape[:1] == y_proba.shape[:1]:
            used = y_true.reshape(-1) != ignore_index
            y_true, y_proba = y_true[used], y_proba[used]
            weight = None if weight is None else np.asarray(to_numpy(weight))[used]
    return y_true, y_proba, labels, weight, pos_label


def _as_columns(y_proba):
    xp = device_namespace(y_proba)
    p = xp.reshape(y_proba.detach() if hasattr(y_proba, "detach") else y_proba, (-1,))
    return xp.stack([1 - p, p], axis=1)


def _check_rows(y_proba, axis):
    rows = read_rows(y_proba, axis, "y_proba")
    single = rows.values.dtype != rows.xp.float64  # half precision is read as single
    rows = rows.astype(np.float32 if single else np.float64)
    low, high = extremes(rows)
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        worst = low if not low >= -ROUNDING else high
        raise ValueError(f"y_proba has {worst:.6g}, outside [0, 1]{NO_LOGITS}.")
    if low < 0 or high > 1:
        rows = rows.mapped(lambda xp, part: xp.clip(part, 0, 1))
    off = worst_sum(rows)
    if not off <= SUM_TOLERANCE:
        raise ValueError(
            f"y_proba has rows whose probabilities do not sum to one, by up to {off:.6g}"
            f"{NO_LOGITS}."
        )
    return rows


def log_loss_there(predictions):
    """Return the mean of minus the logarithm of the true class's probability."""
    rows, total = predictions.rows, 0
    xp = rows.xp
    for part, codes, w in rows.blocks():
        given = xp.astype(entry_of_each(xp, part, codes), rows.wide_type)
        impossible = (given <= 0) & (w > 0)
        losses = -w * xp.log(xp.where(given > 0, given, xp.ones_like(given)))
        total = total + xp.stack([xp.sum(xp.astype(impossible, w.dtype)), xp.sum(losses)])
    impossible, loss = to_host(total)
    return np.inf if impossible else float(loss / rows.total)


def brier_there(predictions, factor):
    """Return the mean of the squared distances, or half of that for two classes."""
    rows, total = predictions.rows, 0
    xp, two = rows.xp, predictions.n_classes == 2
    for part, codes, w in rows.blocks():
        part = xp.astype(part, rows.wide_type)
        given = entry_of_each(xp, part, codes)
        distance = (1 - given) ** 2
        if not two:
            distance = distance + (xp.sum(part * part, axis=1) - given**2)
        total = total + xp.sum(w * distance)
    return factor * float(total) / rows.total


def binned_error_there(predictions, *, norm="l1", n_bins, strategy, notion, debias=False):
    """Return the calibration error in bins."""
    check_error_parameters(norm, n_bins, strategy, debias)
    rows = predictions.rows
    notion = check_notion(notion, predictions.n_classes)
    if debias or n_bins == "cube_root":
        warn_of_small_sum(np.broadcast_to(rows.total / len(rows), len(rows)))
    if strategy == "uniform" and not isinstance(n_bins, str):
        cells = _sums_there(predictions, notion, int(n_bins))
    else:
        cells = _sums_of_copies(predictions, notion, n_bins, strategy)
    return float(norm_of(cells[:, cells[0] > 0], norm, debias))


def _events(predictions, notion):
    """Yield for each block lists of probability, whether it came true, group; and weights."""
    rows = predictions.rows
    xp = rows.xp
    for part, codes, w in rows.blocks():
        if notion == "positive":
            column = predictions.positive
            yield [(part[:, column], codes == column, 0)], w
        elif notion == "class-wise":
            yield [(part[:, k], codes == k, k) for k in range(part.shape[1])], w
        else:
            predicted = xp.argmax(part, axis=1)
            group = predicted if notion == "top-label" else 0
            yield [(xp.max(part, axis=1), codes == predicted, group)], w


def _sums_there(predictions, notion, n_bins):
    """Return sums of weights, of values and of hits in bins of equal width, on the host."""
    xp, wide = predictions.rows.xp, predictions.rows.wide_type
    n_groups = predictions.n_classes if notion in ("top-label", "class-wise") else 1
    n_cells, total = 2 * n_groups * (n_bins + 1), 0  # p = 1 has a bin of its own at first
    for events, w in _events(predictions, notion):
        for value, hit, group in events:
            cell = xp.astype(value * n_bins, xp.int64) + group * (n_bins + 1)
            cell = 2 * cell + xp.astype(hit, xp.int64)
            sums = (w, w * xp.astype(value, wide))
            total = total + xp.stack([_add_up(xp, cell, each, n_cells) for each in sums])
    sums = to_host(total).reshape(2, n_groups, n_bins + 1, 2)
    sums[:, :, -2] += sums[:, :, -1]
    sums = sums[:, :, :-1].reshape(2, -1, 2)
    count, expected = sums.sum(axis=2)
    return np.stack([count, expected, sums[0, :, 1]])


def _add_up(xp, cell, values, n_cells):
    """Return the sum of the values in each cell."""
    if hasattr(xp, "bincount"):
        return xp.bincount(cell, values, minlength=n_cells)
    zero = xp.zeros_like(values)
    return xp.stack([xp.sum(xp.where(cell == k, values, zero)) for k in range(n_cells)])


def _sums_of_copies(predictions, notion, n_bins, strategy):
    """Return the same for bins that need an order: of a copy of each event's probabilities."""
    blocks = list(_events(predictions, notion))
    weight = np.concatenate([np.asarray(to_numpy(w)) for _, w in blocks])
    cells = []
    for number in range(len(blocks[0][0])):
        parts = [events[number] for events, _ in blocks]
        value, hit = (
            np.concatenate([np.asarray(to_numpy(part[i])) for part in parts]) for i in (0, 1)
        )
        group = np.zeros(len(hit), dtype=int)
        if notion == "top-label":
            group = np.concatenate([np.asarray(to_numpy(part[2])) for part in parts])
        for k in np.unique(group[weight > 0]):
            used = (group == k) & (weight > 0)
            event = Event(value[used], hit[used].astype(np.intp), 1, weight[used])
            cells.append(bin_sums(event, event.weight, n_bins, strategy))
    return np.concatenate(cells, axis=1)
