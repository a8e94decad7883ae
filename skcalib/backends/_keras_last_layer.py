"""Whether all that is random in a Keras graph is the input of its last dense layer."""

from keras import layers, ops

from skcalib.backends._keras_draws import call_step, is_dense
from skcalib.backends._sampling import LastLayer

_REORDER = (layers.Flatten, layers.Reshape, layers.Permute)


def find_last_layer(plan, proba, compiled):
    """Return the LastLayer of a plan, or what rules it out.

    Parameters
    ----------
    plan : Plan
    proba : callable
        The network's outputs (n, *features) -> probabilities (n, n_outputs).
    compiled : callable
        Compiles a function of logits (n_points, n, units), whose number of units is its
        second argument, into one that returns an array.
    """
    if wrong := _describe_unusable_masks(plan) or _describe_unusable_steps(plan):
        return wrong
    last = next(number for number, step in enumerate(plan.after) if is_dense(step))
    between, dense, after = (
        plan.after[:last],
        plan.after[last].operation,
        plan.after[last + 1 :],
    )

    def product(frontier):
        rows = _apply_steps(between, frontier[0])
        bias = 0.0 if dense.bias is None else ops.convert_to_numpy(dense.bias)
        rows = ops.convert_to_numpy(ops.cast(rows, "float32"))
        return rows, ops.convert_to_numpy(dense.kernel), bias

    def finish(logits):
        out = ops.reshape(logits, (-1, logits.shape[-1]))
        out = out if dense.activation is None else dense.activation(out)
        out = proba(_apply_steps(after, out))
        return ops.reshape(out, (ops.shape(logits)[0], -1, out.shape[1]))

    shape = tuple(dense.kernel.shape)
    return LastLayer(shape, product, compiled(finish, shape[1]))


def _describe_unusable_masks(plan):
    if len(plan.sites) > 1:
        return f"has {len(plan.sites)} random layers"
    (site,) = plan.sites
    if site.kind == "alpha":
        return f"has an AlphaDropout, {site.name!r}, whose mask does not have mean 1"
    (entering,) = [step.sources[0][1] for step in plan.after if step.site is not None]
    if site.shape != plan.shapes[entering]:
        return f"has a mask in {site.name!r} that several features share"
    return None


def _describe_unusable_steps(plan):
    """Say what the values take that is not dropout, a dense layer, and an activation."""
    if not any(map(is_dense, plan.after)):
        return "has no dense layer after its dropout that takes one vector for each row"
    if len(plan.frontier) > 1:
        return "has a way around its dropout"
    values, dense = plan.frontier, False
    for step in plan.after:
        name = getattr(step.operation, "name", None)
        if tuple(slot for _, slot in step.sources) != values or len(step.targets) != 1:
            return f"has a way around its dropout, to {name!r}"
        values = step.targets
        if is_dense(step) and not dense:
            dense = True
        elif dense and len(getattr(step.operation, "weights", ())) > 0:
            return f"has {name!r} after the dense layer that follows its dropout"
        elif not dense and not _keeps_values(step):
            return f"has {name!r} between its dropout and its last dense layer"
    return None


def _keeps_values(step):
    return step.site is not None or step.passes or type(step.operation) in _REORDER


def _apply_steps(steps, value):
    """Return what these steps make of a value, dropout left out."""
    for step in steps:
        if step.site is None and not step.passes:
            value = call_step(step, {step.sources[0][0]: value})
    return value
