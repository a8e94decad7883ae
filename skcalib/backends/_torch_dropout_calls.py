"""Calls of dropout in torch modules, as modules or as functions, seen and replaced."""

from contextlib import contextmanager
from threading import get_ident

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from skcalib.backends._sampling import CannotDraw
from skcalib.backends._torch_recurrent import RECURRENT, is_packed, run_layer, split_layers

_ATTENTION = F.scaled_dot_product_attention
_CHANNELS = {F.dropout1d: 3, F.dropout2d: 4, F.dropout3d: 5}
_DROPOUTS = {
    F.dropout: "dropout",
    torch.dropout: "dropout",
    F.alpha_dropout: "alpha",
    torch.alpha_dropout: "alpha",
    F.feature_alpha_dropout: "alpha",
    **dict.fromkeys(_CHANNELS, "dropout"),
}


_FLOORS = {torch.Tensor.floor_, torch.Tensor.floor, torch.floor}
_OF_UNIFORM = {
    *_FLOORS,
    torch.Tensor.add,
    torch.Tensor.__radd__,
    torch.Tensor.__add__,
    torch.add,
}
_DIVIDE = {torch.Tensor.div_, torch.Tensor.div, torch.Tensor.__truediv__, torch.div}
_BY_HAND = {torch.Tensor.bernoulli_, torch.rand, *_OF_UNIFORM, *_DIVIDE}


def is_batched(value):
    """Tell whether a value differs from draw to draw, inside of `torch.func.vmap`."""
    return isinstance(value, torch.Tensor) and torch._C._functorch.is_batchedtensor(value)


class Calls(TorchFunctionMode):
    """What a module does about dropout while it runs.

    A subclass has ``drop(value, kind, rate, whole_channels)``, which returns what becomes of a
    value, and may look at all other calls in ``call(func, args, kwargs)``.
    """

    def __init__(self):
        super().__init__()
        self._uniform = {}  # identity of numbers: (numbers, what was added to uniform ones)
        self._kept = {}  # identity of a mask: (mask, share that is kept, mask / share)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _DROPOUTS:
            return self._dropout(func, *args, **kwargs)
        if func is _ATTENTION:
            return self._attention(*args, **kwargs)
        if func is F.multi_head_attention_forward:
            self.count_heads(*args[:5])
            with self._inside():
                return func(*args, **kwargs)
        if func in RECURRENT:
            return self._recurrent(func, args, kwargs)
        if func in _BY_HAND:
            return self._drop_by_hand(func, args, kwargs)
        return self.call(func, args, kwargs)

    def call(self, func, args, kwargs):
        """Call anything else."""
        return func(*args, **kwargs)

    def given(self, value):
        """Return a value that may be used now."""
        return value

    def replace(self, value, out):
        """Write over a value, as operations in place do."""
        value.copy_(out)

    def count_recurrent(self, value, layer):
        """Take note of a recurrent layer that runs."""

    def count_heads(self, query, key, value, embed_dim, n_heads):
        """Take note of an attention that runs."""

    def _dropout(self, func, input, p=0.5, training=None, inplace=False, **kwargs):
        training = kwargs.get("train", training)
        if training is None:  # alpha dropout is off by default, the others are on
            training = func not in (F.alpha_dropout, F.feature_alpha_dropout)
        if not training:
            return input
        channels = func in _CHANNELS or func is F.feature_alpha_dropout
        if input.dim() < _CHANNELS.get(func, 2) - (func is F.dropout2d):
            raise CannotDraw("Dropout of whole channels is called on one sample, not on rows.")
        out = self.drop(input, _DROPOUTS[func], p, channels)
        if inplace and out is not input:
            self.replace(input, out)
        return out

    def _drop_by_hand(self, func, args, kwargs):
        """Call what code of stochastic depth of its own is made of."""
        if func is torch.Tensor.bernoulli_:
            return self._keep_some(*args, **kwargs)
        if func in _DIVIDE and len(args) == 2 and self._is_kept(*args):
            return self._divide(func, args[0])
        if func is torch.rand or (self._uniform and func in _OF_UNIFORM):
            return self._follow_uniform(func, args, kwargs)
        return self.call(func, args, kwargs)

    def _keep_some(self, mask, p=0.5, **kwargs):
        """Fill a mask with ones at random; stochastic depth then divides it by p."""
        if not isinstance(p, float | int):
            return self.call(torch.Tensor.bernoulli_, (mask, p), kwargs)
        kept = self.drop(torch.ones_like(self.given(mask)), "dropout", 1 - p, False)
        self.replace(mask, self.given(kept) * p)
        self._kept[id(mask)] = mask, p, kept
        return mask

    def _follow_uniform(self, func, args, kwargs):
        """Take the integer part of p + uniform numbers for what it is: a mask."""
        if func is torch.rand:
            out = self.call(func, args, kwargs)
            self._uniform[id(out)] = out, None
            return out
        found = self._uniform.get(id(args[0]))
        if found is None:
            return self.call(func, args, kwargs)
        numbers, added = found
        if func in _FLOORS:
            if added is None:
                return self.call(func, args, kwargs)
            kept = self.drop(torch.ones_like(numbers), "dropout", 1 - added, False)
            kept = self.given(kept) * added
            if func is not torch.Tensor.floor_:
                return kept
            self.replace(numbers, kept)
            return numbers
        out = self.call(func, args, kwargs)
        share = args[1] if len(args) == 2 else None
        if added is None and isinstance(share, float) and 0 < share < 1:
            self._uniform[id(out)] = out, share
        return out

    def _is_kept(self, mask, share):
        found = self._kept.get(id(mask))
        return found is not None and not isinstance(share, torch.Tensor) and found[1] == share

    def _divide(self, func, mask):
        """Divide a mask by the share that is kept: exactly, as a card would not."""
        kept = self.given(self._kept.pop(id(mask))[2])
        if func is not torch.Tensor.div_:
            return kept
        self.replace(mask, kept)
        return mask

    def _attention(
        self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **kwargs
    ):
        if not dropout_p:
            args = (query, key, value, attn_mask, dropout_p, is_causal)
            return self.call(_ATTENTION, args, kwargs)
        query, key, value, attn_mask = map(self.given, (query, key, value, attn_mask))
        if kwargs.get("enable_gqa"):
            times = query.size(-3) // key.size(-3)
            key, value = (part.repeat_interleave(times, -3) for part in (key, value))
        scale = kwargs.get("scale") or query.size(-1) ** -0.5
        scores = query @ key.transpose(-2, -1) * scale
        if is_causal:
            ones = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device)
            attn_mask = ones.tril()
        if attn_mask is not None:
            if attn_mask.dtype == torch.bool:
                scores = scores.masked_fill(~attn_mask, -torch.inf)
            else:
                scores = scores + attn_mask
        kept = self.drop(torch.softmax(scores, -1), "dropout", dropout_p, False)
        return self.given(kept) @ value

    def _recurrent(self, func, args, kwargs):
        """Run layers one by one, as dropout between them has no call of its own."""
        if is_packed(args):
            if args[6] and args[7]:
                raise CannotDraw(
                    f"{func.__name__} drops between its layers for packed sequences, which is "
                    "not supported. Give padded ones."
                )
            return self.call(func, args, kwargs)
        value, layers, dropout, batch_first = split_layers(func, args, kwargs)
        value = self.given(value)
        if not (dropout or is_batched(value)):
            return self.call(func, args, kwargs)
        states = []
        for number, layer in enumerate(layers):
            if number and dropout:
                rows_first = value if batch_first else value.transpose(0, 1)
                dropped = self.given(self.drop(rows_first, "dropout", dropout, False))
                value = dropped if batch_first else dropped.transpose(0, 1)
            self.count_recurrent(value, layer)
            value, *state = run_layer(func, value, layer)
            states.append(state)
        return value, *[torch.cat(parts) for parts in zip(*states, strict=True)]

    @contextmanager
    def _inside(self):
        """See the calls that a function of torch makes itself."""
        names = "dropout", "scaled_dot_product_attention"
        originals = [getattr(F, name) for name in names]
        try:
            for name, original in zip(names, originals, strict=True):
                setattr(F, name, self._make_inner(original))
            yield
        finally:
            for name, original in zip(names, originals, strict=True):
                setattr(F, name, original)

    def _make_inner(self, original):
        thread = get_ident()

        def inner(*args, **kwargs):
            if get_ident() != thread:
                return original(*args, **kwargs)
            return self.__torch_function__(original, (), args, kwargs)

        return inner
