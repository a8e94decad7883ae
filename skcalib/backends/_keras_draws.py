"""Draws of a Keras model: its deterministic part once, its random part many times in a batch.

The random part runs on values of three kinds: plain, where all draws agree; pending, where
they differ by an affine map only, which the next dense layer takes into its kernel; and
tiled, draw after draw in the batch axis, which every layer understands.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import layers, ops, tree

from skcalib.backends._keras_graph import count_step
from skcalib.backends._keras_work import CALL, entries
from skcalib.backends._sampling import FEWEST_SHARED, CannotDraw, Cost, Product


class Pending(NamedTuple):
    """Rows, to be multiplied by a scale for each draw and shifted."""

    rows: Any  # (n, *features)
    scale: Any  # (n_draws, 1 or n, *masks)
    shift: Any  # the same, or None
    binary: bool  # whether the scale is 0 or one other number


class Tiled(NamedTuple):
    """Rows of all draws, one draw after the other."""

    rows: Any  # (n_draws * n, *features)


def run(plan, inputs):
    """Return the values that draws start from, random layers off."""
    slots = dict(zip(plan.inputs, inputs, strict=True))
    for step in plan.before:
        out = call_step(step, {key: slots[slot] for key, slot in step.sources})
        slots.update(zip(step.targets, tree.flatten(out), strict=True))
    frontier = [slots[slot] for slot in plan.frontier]
    if any(getattr(value, "_keras_mask", None) is not None for value in frontier):
        raise CannotDraw(
            "A mask (of padded time steps) reaches the first random layer, which is not "
            "supported yet. Put the dropout after a layer that pools the time steps."
        )
    return frontier


def run_draws(plan, frontier, masks, *, shared, masked):
    """Return the model's output (n_draws * n, *features) for masks of each site.

    `masked` is ``product_of_masked`` of the library, or None if there is none.
    """
    n_draws, n_rows = ops.shape(masks[0][0])[0], ops.shape(frontier[0])[0]
    slots = dict(zip(plan.frontier, frontier, strict=True))
    for step in plan.after:
        values = {key: slots[slot] for key, slot in step.sources}
        (first, *others) = values.values()
        if step.site is not None:
            binary = plan.sites[step.site].kind != "gaussian"
            out = _random(first, *masks[step.site], binary, n_draws, n_rows)
        elif step.passes:
            out = first
        elif isinstance(first, Pending) and shared and not others and is_dense(step):
            out = _dense(step.operation, first, masked)
        elif isinstance(first, Pending) and shared and _is_flatten(step.operation):
            out = _flatten(first)
        else:
            many = {key: _tile(value, n_draws, n_rows) for key, value in values.items()}
            out = [Tiled(part) for part in tree.flatten(call_step(step, many))]
        out = out if isinstance(out, list) else [out]
        slots.update(zip(step.targets, out, strict=True))
    return _tile(slots[plan.output], n_draws, n_rows)


def cost(plan, *, shared, masked):
    """Estimate what a row and a draw cost, pending values at nothing."""
    after, written, widest, held, pending, products = 0, 0, 1, 0, {}, []
    for step in plan.after:
        first = step.sources[0][1]
        size = entries(step.shapes[0])
        if step.site is not None and first in plan.frontier:
            pending[step.targets[0]] = size, plan.sites[step.site].kind != "gaussian"
            continue
        if first in pending and (step.passes or _is_flatten(step.operation)):
            pending[step.targets[0]] = pending[first]
            continue
        work, values = count_step(step, plan.shapes)
        written += values
        if first in pending and shared and is_dense(step):
            features, units = step.operation.kernel.shape
            masks = masks_at_once(features, units) if masked and pending[first][1] else 1
            products.append(Product(1, features, units, masks))
            widest = max(widest, 2 * size)
            held = max(held, features + 2**masks * units if masks > 1 else 0)
        else:
            entering = sum(pending[slot][0] for _, slot in step.sources if slot in pending)
            widest = max(widest, entering + sum(map(entries, step.shapes)))
            after += work
            written += entering
    last = [size for slot, (size, _) in pending.items() if slot == plan.output]
    counts = [count_step(step, plan.shapes) for step in plan.before]
    return Cost(
        before=sum(work for work, _ in counts),
        after=after,
        written=sum(values for _, values in counts),
        written_after=written + sum(last),
        width=max([widest, *last]),
        start=held + sum(entries(plan.shapes[slot]) for slot in plan.frontier),
        outputs=entries(plan.shapes[plan.output]),
        products=tuple(products),
        call=CALL,
    )


def call_step(step, values):
    if step.arguments is None:
        return step.operation(list(values.values()))
    args, kwargs = step.arguments.fill_in(values)
    if getattr(step.operation, "_call_has_training_arg", False):
        kwargs = {**kwargs, "training": False}
    return step.operation(*args, **kwargs)


def _random(value, scale, shift, binary, n_draws, n_rows):
    if not isinstance(value, Pending | Tiled):
        scale = ops.cast(scale, value.dtype)
        shift = None if shift is None else ops.cast(shift, value.dtype)
        return Pending(value, scale, shift, binary)
    rows = _tile(value, n_draws, n_rows)
    if isinstance(rows.shape[0], int) and rows.shape[0] != n_draws * n_rows:
        raise CannotDraw(
            "Rows are split or joined before a random layer, so that its masks do not belong "
            "to one row. Leave the first axis as it is, and reshape the others only."
        )
    features = ops.shape(rows)[1:]
    out = ops.reshape(rows, (n_draws, -1, *features)) * ops.cast(scale, rows.dtype)
    if shift is not None:
        out = out + ops.cast(shift, rows.dtype)
    return Tiled(ops.reshape(out, (-1, *features)))


def _tile(value, n_draws, n_rows):
    if isinstance(value, Tiled):
        return value.rows
    if isinstance(value, Pending):
        out = value.rows[None] * value.scale
        out = out if value.shift is None else out + value.shift
    else:
        out = ops.broadcast_to(value[None], (n_draws, n_rows, *ops.shape(value)[1:]))
    return ops.reshape(out, (-1, *ops.shape(out)[2:]))


def is_dense(step):
    """Tell whether this is a plain dense layer on one vector for each row."""
    layer = step.operation
    plain = type(layer) is layers.Dense and not getattr(layer, "quantization_mode", None)
    return plain and len(step.shapes[0]) == 1


def _is_flatten(operation):
    return type(operation) is layers.Flatten and operation.data_format == "channels_last"


def masks_at_once(features, units):
    """Return how many masks one product serves, measured to be fast; 1 is an ordinary one."""
    return int(np.log2(features) // 2) - 1 if features >= 512 and units >= 64 else 1


def _dense(layer, pending, masked):
    """Multiply rows of all draws by the kernel, in the way that is cheapest for so many."""
    dtype = layer.compute_dtype
    rows, scale = ops.cast(pending.rows, dtype), ops.cast(pending.scale[:, 0], dtype)
    kernel = ops.cast(layer.kernel, dtype)
    features, units = kernel.shape
    size = masks_at_once(features, units) if masked and pending.binary else 1
    scale = ops.broadcast_to(scale, (ops.shape(scale)[0], features))
    ways = {
        "rows": lambda: _mask_rows(rows, kernel, scale),
        "kernels": lambda: _mask_kernels(rows, kernel, scale),
        "shared": lambda: masked(rows, kernel, scale > 0, size) * ops.max(scale),
    }
    out = _choose_way(Product(1, features, units, size), ops.shape(rows)[0], ways)
    if pending.shift is not None:
        out = out + ops.expand_dims(ops.matmul(ops.cast(pending.shift[:, 0], dtype), kernel), 1)
    if layer.bias is not None:
        out = out + ops.cast(layer.bias, dtype)
    out = ops.reshape(out, (-1, units))
    return Tiled(out if layer.activation is None else layer.activation(out))


def _choose_way(product, n_rows, ways):
    """Call what is cheapest for so many rows, which a graph may not know before it runs."""
    if isinstance(n_rows, int):
        return ways[product.way(n_rows)]()
    limit = FEWEST_SHARED if product.masks > 1 else product.units
    return ops.cond(n_rows < limit, ways["rows"], ways[product.way(limit)])


def _mask_rows(rows, kernel, scale):
    """Multiply the rows by the masks of each draw."""
    n_draws, (features, units) = ops.shape(scale)[0], kernel.shape
    many = ops.reshape(rows[None] * ops.expand_dims(scale, 1), (-1, features))
    return ops.reshape(ops.matmul(many, kernel), (n_draws, -1, units))


def _mask_kernels(rows, kernel, scale):
    """Take the random scale into the kernel: one product for all draws."""
    features, units = kernel.shape
    many = ops.expand_dims(kernel, 1) * ops.expand_dims(ops.transpose(scale), 2)
    out = ops.matmul(rows, ops.reshape(many, (features, -1)))
    return ops.transpose(ops.reshape(out, (ops.shape(rows)[0], -1, units)), (1, 0, 2))


def _flatten(pending):
    features = tuple(pending.rows.shape[1:])
    width = int(np.prod(features))

    def flatten_masks(masks):
        full = ops.broadcast_to(masks, (ops.shape(masks)[0], 1, *features))
        return ops.reshape(full, (-1, 1, width))

    shift = None if pending.shift is None else flatten_masks(pending.shift)
    rows = ops.reshape(pending.rows, (-1, width))
    return Pending(rows, flatten_masks(pending.scale), shift, pending.binary)
