"""What draws do with the dropout calls of a torch module: note them, and multiply."""

import torch
from torch.nn import functional as F
from torch.utils._pytree import tree_any, tree_map

from skcalib.backends._sampling import CannotDraw, Product, Site
from skcalib.backends._torch_dropout_calls import Calls, is_batched

# What only asks a tensor what it is.
ASKS = {
    *("dim", "size", "numel", "stride", "is_floating_point", "is_contiguous", "__len__"),
    *("shape", "dtype", "device", "ndim", "layout", "is_cuda", "requires_grad", "is_nested"),
    *("is_sparse", "is_quantized", "is_meta", "is_mps", "is_cpu", "is_complex"),
}


class Recorder(Calls):
    """Notes the calls of dropout, which do nothing.

    Parameters
    ----------
    every_site : bool
        Whether calls of rate 0 count.

    where : function
        The name of the module that runs.

    owner : str
        For messages.
    """

    def __init__(self, every_site, where, owner):
        super().__init__()
        self.every_site = every_site
        self.where = where
        self.owner = owner
        self.found = []  # (name, kind, rate, whole channels, shape)

    def drop(self, value, kind, rate, whole_channels):
        """Note the call."""
        if rate >= 1 and not self.every_site:
            raise ValueError(
                f"{self.owner}: {self.where()!r} has the rate {rate} and drops all. Give "
                "rate=0.5, or another number below 1."
            )
        if rate > 0 or self.every_site:
            call = self.where(), kind, float(rate), whole_channels, tuple(value.shape)
            self.found.append(call)
        return value


def compare_runs(few, more, n_few, n_more, owner):
    """Return the sites that two runs of `n_few` and of `n_more` rows have shown.

    The axis of the rows is the one that has grown with them; several rows' values may stand
    in groups on it. Returns pairs of a Site and its axis.
    """
    if [call[:4] for call in few] != [call[:4] for call in more]:
        raise CannotDraw(f"{owner} calls its dropout differently for other rows.")
    sites = []
    for (name, kind, rate, channels, shape), (*_, longer) in zip(few, more, strict=True):
        grown = [
            axis
            for axis, (one, other) in enumerate(zip(shape, longer, strict=True))
            if one * n_more == other * n_few and one != other
        ]
        same = [one == other for one, other in zip(shape, longer, strict=True)]
        if len(grown) > 1 or same.count(False) != len(grown):
            raise CannotDraw(
                f"{owner} drops values of shape {shape} in {name!r} for {n_few} rows, so that "
                "its masks do not belong to one row."
            )
        axis = grown[0] if grown else None
        parts = shape[axis] // n_few if grown else 1
        rest = [size for k, size in enumerate(shape) if k != axis]
        if channels:
            rest = [rest[0], *[1] * (len(rest) - 1)]
        groups = (parts,) if parts > 1 else ()
        sites.append((Site(name, kind, rate, (*groups, *rest), name), axis))
    return sites


class Player(Calls):
    """Multiplies by the masks of one draw, or of many in `torch.func.vmap`.

    A product is put off until something else than a linear operation asks for it: that one
    takes the masks of all draws into its kernel.

    Parameters
    ----------
    sites : list of (Site, int or None)
        With the axis of the rows.

    masks : list of (scale, shift or None)
        For each site, (1 or n_rows, *site.shape).

    every_site, folds : bool
        Whether calls of rate 0 count; whether products are put off.
    """

    def __init__(self, sites, masks, every_site, folds):
        super().__init__()
        self.sites = sites
        self.masks = masks
        self.every_site = every_site
        self.folds = folds
        self.n_seen = 0
        self._pending = {}  # identity: (stand-in, value, scale); or (stand-in, product)

    def drop(self, value, kind, rate, whole_channels):
        """Apply the next masks."""
        if not (rate > 0 or self.every_site):
            return value
        if self.n_seen == len(self.sites) or self.sites[self.n_seen][0].kind != kind:
            raise CannotDraw("The module calls its dropout differently in each call.")
        (site, axis), (scale, shift) = self.sites[self.n_seen], self.masks[self.n_seen]
        self.n_seen += 1
        value = self.given(value)
        if self.folds and _folds(site, axis, value, shift):
            stand_in = value.view_as(value)
            self._pending[id(stand_in)] = stand_in, value, scale
            return stand_in
        return _multiply(value, site, axis, scale, shift)

    def call(self, func, args, kwargs):
        """Call a function; what was put off is done now, if it cannot be taken in."""
        if not self._pending or name_of_call(func) in ASKS:
            return func(*args, **kwargs)
        if (
            func is F.linear
            and args
            and (found := self._pending.get(id(args[0])))
            and len(found) == 3
        ):
            _, value, scale = found
            if product_of(value, args[1]).way(1) == "kernels":
                bias = args[2] if len(args) > 2 else kwargs.get("bias")
                return _Folded.apply(value, scale, args[1], bias)
        if tree_any(self._waits, (args, kwargs)):
            args, kwargs = tree_map(self.given, (args, kwargs))
        return func(*args, **kwargs)

    def replace(self, value, out):
        """Write over a value; of draws at once, have another stand in its place from now on."""
        if not self.folds:
            super().replace(value, out)
            return
        found = self._pending.get(id(out))
        later = (out,) if found is None else found[1:]
        self._pending[id(value)] = value, *later

    def _waits(self, value):
        return id(value) in self._pending

    def given(self, value):
        """Return a value, multiplied now if that was put off."""
        found = self._pending.get(id(value))
        if found is None:
            return value
        if len(found) == 3:
            stand_in, rows, scale = found
            found = self._pending[id(value)] = stand_in, rows * scale.to(rows.dtype)
        return found[1]


def product_of(value, weight):
    """Return the Product of values, all of whose vectors count as places, and a weight."""
    return Product(value.numel() // value.shape[-1], value.shape[-1], len(weight))


def _folds(site, axis, value, shift):
    """Tell whether one kernel for all rows can take in the masks."""
    return (
        shift is None
        and axis == 0
        and len(site.shape) == value.dim() - 1
        and all(size == 1 for size in site.shape[:-1])
        and not is_batched(value)
    )


def _multiply(value, site, axis, scale, shift):
    """Return a value times the masks of one draw."""
    scale, shift = (None if x is None else x.to(value.dtype) for x in (scale, shift))
    if axis is None:  # the same for all rows
        out = value * scale[0]
        return out if shift is None else out + shift[0]
    grouped = len(site.shape) == value.dim()
    rows = value.movedim(axis, 0)
    many = rows.reshape(-1, site.shape[0], *rows.shape[1:]) if grouped else rows
    many = many * scale
    many = many if shift is None else many + shift
    return many.reshape(rows.shape).movedim(0, axis)


def name_of_call(func):
    """Return the name of a function, or of the attribute that it reads."""
    name = getattr(func, "__name__", "")
    owner = getattr(func, "__self__", None)  # of what reads an attribute
    return getattr(owner, "__name__", name) if name == "__get__" else name


class _Folded(torch.autograd.Function):
    """A linear operation on rows times a scale; of all draws in one product, under vmap."""

    @staticmethod
    def forward(rows, scale, weight, bias):
        return F.linear(rows * scale.to(rows.dtype), weight, bias)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, rows, scale, weight, bias):
        units, features = weight.shape
        scale = scale.movedim(in_dims[1], 0).to(rows.dtype)
        if scale.shape[1] != 1:  # each row has its own
            many = F.linear(
                rows * scale.reshape(len(scale), -1, *scale.shape[2:]), weight, bias
            )
            return many, 0
        kernels = scale.reshape(-1, 1, features) * weight
        out = rows.reshape(-1, features) @ kernels.reshape(-1, features).T
        out = out.reshape(*rows.shape[:-1], -1, units)
        out = out if bias is None else out + bias
        return out, rows.dim() - 1
