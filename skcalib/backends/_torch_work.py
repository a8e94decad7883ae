"""What a run of a torch module costs, before its first dropout and behind it."""

import torch
from torch.nn import functional as F
from torch.utils._pytree import tree_flatten

from skcalib.backends._sampling import Cost
from skcalib.backends._torch_draws import ASKS, Player, name_of_call, product_of
from skcalib.backends._torch_dropout_calls import is_batched
from skcalib.backends._torch_recurrent import RECURRENT

CALL = 4 * 10**6  # multiplications in the time that a call takes before it computes
_POOLS = {"max_pool1d", "max_pool2d", "max_pool3d"}
_CONVOLUTIONS = {F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d}
_PRODUCTS = {torch.matmul, torch.bmm, torch.Tensor.matmul, torch.Tensor.__matmul__}


class Counter(Player):
    """Adds up multiplications and values that are written, before and behind dropout."""

    def __init__(self, *args):
        super().__init__(*args)
        self.work = {False: 0, True: 0}  # by whether that is for each draw
        self.written = {False: 0, True: 0}
        self.width = 1
        self.products = []
        self._in_product = False

    def call(self, func, args, kwargs):
        """Call a function, and count it."""
        product = self._product(func, args)
        self._in_product = product is not None
        out = super().call(func, args, kwargs)
        self._in_product = False
        parts = [x for x in tree_flatten(out)[0] if isinstance(x, torch.Tensor)]
        if not parts or name_of_call(func) in ASKS or _is_view(out, args):
            return out
        drawn = any(map(is_batched, parts))
        pools = name_of_call(func) in _POOLS  # which looks at each value several times
        read = [args[0]] * 4 if pools else parts
        self._add(drawn, 0 if product else _count(func, args, parts[0]), read)
        if product:
            self.products.append(product)
        if func in RECURRENT:
            self.written[drawn] += _gates(args)
        return out

    def count_heads(self, query, key, value, embed_dim, n_heads):
        """Count an attention, whose own operations are not seen."""
        shape = query.shape  # of steps, rows and features
        steps, others = shape[0], key.shape[0]
        vectors = query.numel() // shape[-1] + 2 * (key.numel() // key.shape[-1])
        scores = query.numel() // shape[-1] * others
        drawn = any(map(is_batched, (query, key, value)))
        self.work[drawn] += (vectors + steps) * embed_dim**2 + 2 * scores * embed_dim
        self.written[drawn] += 2 * vectors * embed_dim + 3 * scores * n_heads

    def _product(self, func, args):
        """Return the Product that a call is, of values that dropout is put off for."""
        if func is not F.linear or not args or len(self._pending.get(id(args[0]), ())) != 3:
            return None
        return product_of(args[0], args[1])

    def _add(self, drawn, work, parts):
        values = sum(part.numel() for part in parts)
        self.work[drawn] += work
        self.written[drawn] += values
        if drawn:
            self.width = max(self.width, 2 * values)

    def drop(self, value, kind, rate, whole_channels):
        """Apply the next masks, and count what they make, unless that is put off."""
        out = super().drop(value, kind, rate, whole_channels)
        if id(out) not in self._pending and is_batched(out):
            self._add(True, 0, [out])
        return out

    def given(self, value):
        """Return a value, multiplied now if that was put off, and count that."""
        was_put_off = len(self._pending.get(id(value), ())) == 3 and not self._in_product
        out = super().given(value)
        if was_put_off:
            self._add(True, 0, [out])
        return out

    def count_recurrent(self, value, layer):
        """Count a recurrent layer, which holds what its gates say of each step."""
        steps = value.numel() // value.shape[-1]
        drawn, gates = is_batched(value), max(w.shape[0] for w in layer.weights)
        self.work[drawn] += steps * sum(w.numel() for w in layer.weights)
        self.written[drawn] += steps * gates
        self.width = max(self.width, 2 * steps * gates)

    def cost(self, n_rows, outputs, split):
        """Return the Cost of a row."""
        parts = self.work[False], self.work[True], self.written[False], self.written[True]
        before, after, written, written_after = (part // n_rows for part in parts)
        products = [p._replace(places=max(1, p.places // n_rows)) for p in self.products]
        return Cost(
            before=before if split else 0,
            after=after if split else before + after,
            written=written if split else 0,
            written_after=written_after if split else written + written_after,
            width=max(1, self.width // n_rows),
            start=1,
            outputs=outputs,
            products=tuple(products),
            call=CALL,
        )


def _is_view(out, args):
    """Tell whether a call has given the values that it got, in another shape."""
    if not isinstance(out, torch.Tensor) or not args or not isinstance(args[0], torch.Tensor):
        return False
    return out is not args[0] and out._is_view() and out.numel() == args[0].numel()


def _gates(args):
    """Count the values of the gates of a recurrent call, of all its steps."""
    weights = next(part for part in args[2:] if isinstance(part, list | tuple) and part)
    return (
        args[0].numel() // args[0].shape[-1] * sum(w.shape[0] for w in weights if w.dim() > 1)
    )


def _count(func, args, out):
    """Estimate the multiplications of a call."""
    if func is F.linear:
        return args[0].numel() * len(args[1])
    if func in _CONVOLUTIONS:
        return out.numel() * args[1].numel() // max(1, args[1].shape[0])
    if func in _PRODUCTS:
        return out.numel() * args[0].shape[-1]
    if func is F.scaled_dot_product_attention:
        return 2 * args[0].numel() * args[1].shape[-2]
    if func in RECURRENT:
        weights = next(part for part in args[2:] if isinstance(part, list))
        return args[0].numel() // args[0].shape[-1] * sum(w.numel() for w in weights)
    return 0
