"""What layers of Keras cost, estimated from shapes of weights and of what goes in."""

import numpy as np
from keras import layers, tree
from keras.activations import linear

from skcalib.backends._keras_dropout_calls import Calls
from skcalib.backends._sampling import Cost

CALL = 2 * 10**7  # multiplications in the time that a compiled call takes before it computes
_POOLS = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
_LOOKS_UP = (layers.Embedding,)
_ATTENTION = (
    layers.MultiHeadAttention,
    layers.GroupQueryAttention,
    layers.Attention,
    layers.AdditiveAttention,
)


def entries(shape):
    """Count the values of a shape; an unknown dimension counts as one."""
    return int(np.prod([size or 1 for size in shape], dtype=np.int64))


def count_work(operation, entering, leaving):
    """Estimate the multiplications for one row of a layer that holds no others to count.

    Parameters
    ----------
    operation : keras.Layer or keras.Operation
    entering, leaving : list of tuple
        Shapes of what goes in and comes out, without rows.
    """
    written = sum(map(entries, leaving))
    weights = [w for w in getattr(operation, "weights", ()) if len(w.shape) > 1]
    if isinstance(operation, layers.RNN):
        steps = entering[0][0] if entering and entering[0] else 1
        pixels = entries(leaving[0][-3:-1]) if len(entering[0]) > 2 else 1
        return written + (steps or 1) * pixels * sum(entries(w.shape) for w in weights)
    if isinstance(operation, layers.Bidirectional):
        return 2 * count_work(operation.forward_layer, entering, leaving)
    if isinstance(operation, _LOOKS_UP) or not leaving or not leaving[0]:
        return written
    found = written + sum(
        entries(w.shape) * _count_positions(operation, w, entering, leaving) for w in weights
    )
    if isinstance(operation, _ATTENTION) and len(entering) > 1:
        found += 2 * entries(entering[0]) * (entering[1][0] or 1)
    return found


def count_written(operation, entering, leaving):
    """Estimate the values that a layer writes for one row: arguments as in `count_work`."""
    if isinstance(operation, layers.Bidirectional):
        return 2 * count_written(operation.forward_layer, entering, leaving)
    written = sum(map(entries, leaving))
    if isinstance(operation, layers.RNN):
        steps = entering[0][0] if entering and entering[0] else 1
        columns = sum(w.shape[-1] for w in operation.weights if len(w.shape) == 2)
        return max(written, (steps or 1) * columns)  # of the gates
    if isinstance(operation, _ATTENTION) and entering and entering[0]:
        heads = getattr(operation, "num_heads", getattr(operation, "num_query_heads", 1))
        steps, others = ((shape[0] or 1) for shape in (entering[0], entering[-1]))
        return written + 3 * entries(entering[0]) + 3 * heads * steps * others
    if isinstance(operation, _POOLS):
        return 4 * sum(map(entries, entering))
    activates = getattr(operation, "activation", None) not in (None, linear)
    return (1 + activates) * written


def _count_positions(operation, weight, entering, leaving):
    """Return at how many places (of an image, of a sequence) a weight is used."""
    if isinstance(operation, (layers.EinsumDense, *_ATTENTION)):
        return (leaving[0][0] or 1) if len(leaving[0]) > 1 else 1
    shape = entering[0] if "Transpose" in type(operation).__name__ else leaving[0]
    channels_first = getattr(operation, "data_format", None) == "channels_first"
    return max(1, entries(shape) // (shape[0 if channels_first else -1] or 1))


class WorkCounter(Calls):
    """Adds up the work of all layers that run; dropout does nothing."""

    def __init__(self, **choices):
        super().__init__(**choices)
        self.work = 0
        self.written = 0
        self.width = 1  # the most values that one layer holds
        self._inside = 0

    def drop(self, value, kind, rate, noise_shape):
        """Leave a value as it is."""
        return value

    def call_layer(self, call, layer, args, kwargs):
        """Call a layer, and count it if it holds no others, or is taken as one."""
        whole = isinstance(layer, (layers.RNN, layers.Bidirectional, *_ATTENTION))
        counts = not self._inside and (whole or not layer._layers)
        self._inside += whole
        try:
            out = super().call_layer(call, layer, args, kwargs)
        finally:
            self._inside -= whole
        if counts:
            entering, leaving = _shapes_of((args, kwargs)), _shapes_of(out)
            self.work += count_work(layer, entering, leaving)
            self.written += count_written(layer, entering, leaving)
            self.width = max(self.width, sum(map(entries, entering + leaving)))
        return out


def _shapes_of(values):
    return [tuple(x.shape[1:]) for x in tree.flatten(values) if len(getattr(x, "shape", ()))]


def cost_of_whole(counter, sites, outputs):
    """Return the Cost of draws that each run a whole network."""
    masks = sum(entries(site.shape) for site in sites)
    return Cost(
        before=0,
        after=counter.work,
        written=0,
        written_after=counter.written + masks,
        width=2 * counter.width + masks,
        start=1,
        outputs=outputs,
        call=CALL,
    )
