"""Rows of arrays of any library, where they are: blocks of views, of which sums are made.

Whatever is as long as the rows stays on the device; only small arrays come to the host.
"""

from math import prod

import numpy as np

from skcalib.backends import to_numpy

OF_CACHE, OF_DEVICE = 2**19, 2**25  # entries of a block; a graphics card wants large ones
FEW = 2**19  # entries for which double precision costs nothing
LABELS = 2**22  # of a block in which labels are looked through


class DeviceRows:
    """Rows of an array of any number of axes, in its own library and on its device.

    Where functions are written for logits, codes and weights, one of these stands for the
    first two, and a `DeviceWeight` for the third.

    Parameters
    ----------
    xp : module
        The namespace of the array, by the array API standard.

    values : array
        Floating, of the namespace.

    axis : int
        That of the classes.
    """

    def __init__(self, xp, values, axis):
        self.xp, self.values, self.axis = xp, values, axis
        self.device = _device_of(values)
        self.moved = xp.moveaxis(values, axis, -1)
        self.labels = self.weight = self.ignore_index = None
        self.numbering = self.total = None
        self.factor, self.functions, self.masked, self.span = 1.0, (), False, 0.0
        half = values.dtype == getattr(xp, "float16", None)  # its lowest number masks a class
        self.mask_below = -65500.0 if half else -1e30
        self.wide_type = _widest(xp, self.device)
        wide = self.size <= FEW or values.dtype == xp.float64
        self.type = self.wide_type if wide else xp.float32

    @property
    def lead(self):
        """The shape without the axis of the classes."""
        return tuple(self.moved.shape[:-1])

    @property
    def shape(self):
        """The number of rows, and of classes."""
        return len(self), self.moved.shape[-1]

    @property
    def size(self):
        """The number of entries."""
        return len(self) * self.moved.shape[-1]

    @property
    def dtype(self):
        """The precision of the arithmetic, as a type of NumPy."""
        return np.dtype(np.float64 if self.type == self.xp.float64 else np.float32)

    @property
    def is_narrow(self):
        """Whether the device has no double precision."""
        return self.wide_type == self.xp.float32

    def __len__(self):
        """Return the number of rows."""
        return prod(self.lead)

    def _copy(self, **changes):
        other = object.__new__(DeviceRows)
        vars(other).update(vars(self), **changes)
        return other

    def __getitem__(self, sample):
        """Return some of the rows: those of a slice, along the longest axis; views, too."""
        axis = int(np.argmax(self.lead))
        if self.lead[axis] <= (sample.start or 0):
            sample = slice(0, 1)
        index = tuple(sample if i == axis else slice(None) for i in range(len(self.lead)))
        parts = {"moved": self.moved[(*index, slice(None))], "total": None}
        for name in ("labels", "weight"):
            part = getattr(self, name)
            parts[name] = None if part is None else part[index]
        return self._copy(**parts)

    def __truediv__(self, scale):
        """Return the rows divided by a number, when they are looked at."""
        return self._copy(factor=self.factor / float(scale))

    def astype(self, dtype, copy=False):
        """Return the rows in another precision, when they are looked at."""
        double = np.dtype(dtype) == np.float64
        return self._copy(type=self.wide_type if double else self.xp.float32)

    def mapped(self, function):
        """Return the rows as a function of (namespace, block) makes them, when looked at."""
        return self._copy(functions=(*self.functions, function))

    def with_labels(self, labels, weight, ignore_index):
        """Return rows whose labels are numbers of columns, with their weights.

        The sum of weights counts neither the rows of weight zero, nor the ignored.
        """
        other = self._copy(labels=labels, weight=weight, ignore_index=ignore_index)
        other.total = sum(map(float, other._sums_of_weights()))
        return other

    def _sums_of_weights(self):
        if self.masked:  # some rows may be of one class only
            yield from (self.xp.sum(w) for _, _, w in self.blocks())
            return
        for index in cut_rows(self.lead, LABELS):
            _, w = self.labels_and_weights(index)
            yield self.xp.sum(w)

    def with_masks(self):
        """Return rows of which the lowest numbers mask a class."""
        return self._copy(masked=True)

    def with_span(self, span):
        """Return rows whose largest difference between two values is known."""
        return self._copy(span=float(span))

    def may_overflow(self, beta):
        """Tell whether differences times a number may leave the range of single precision."""
        return self.masked or not self.span * abs(self.factor * beta) < 1e37

    def renumbered(self, present, columns):
        """Return rows whose labels `present` have these columns."""
        same = np.array_equal(present, columns)
        return self._copy(numbering=None if same else (self._put(present), self._put(columns)))

    def _put(self, integers):
        return self.xp.asarray(np.asarray(integers), dtype=self.xp.int64, device=self.device)

    def labels_and_weights(self, index):
        """Return columns of the true classes, and weights; the first column where it is 0."""
        xp = self.xp
        labels = xp.reshape(self.labels[index], (-1,))
        if self.weight is None:
            w = xp.ones(labels.shape, dtype=self.wide_type, device=self.device)
        else:
            w = xp.reshape(self.weight[index], (-1,))
        if self.ignore_index is not None:
            w = xp.where(labels == self.ignore_index, xp.zeros_like(w), w)
        codes = xp.astype(labels, xp.int64)
        if self.numbering is not None:
            present, columns = self.numbering
            place = xp.searchsorted(present, codes)
            codes = xp.take(columns, xp.clip(place, 0, columns.shape[0] - 1))
        if self.weight is not None or self.ignore_index is not None:
            codes = xp.where(w > 0, codes, xp.zeros_like(codes))
        return codes, w

    def _rows_of_block(self, limit):
        """Return how many rows have as many entries as the limit, or as suits the device."""
        if limit is None:
            limit = OF_CACHE if is_host(self.device) else OF_DEVICE
        return max(1, limit // self.moved.shape[-1])

    def parts(self, limit=None):
        """Yield index and rows of each block, in the precision of the arithmetic."""
        xp, n_classes = self.xp, self.moved.shape[-1]
        for index in cut_rows(self.lead, self._rows_of_block(limit)):
            part = xp.reshape(self.moved[(*index, slice(None))], (-1, n_classes))
            part = xp.astype(part, self.type, copy=False)
            if self.factor != 1:
                part = part * self.factor
            if self.masked:
                part = xp.where(part < self.mask_below, xp.full_like(part, -xp.inf), part)
            for function in self.functions:
                part = function(xp, part)
            yield index, part

    def column(self, k):
        """Yield a class's column of each block, in the widest precision."""
        xp = self.xp
        for index in cut_rows(self.lead, self._rows_of_block(None)):
            part = xp.astype(xp.reshape(self.moved[(*index, k)], (-1,)), self.type)
            yield xp.astype(part, self.wide_type) * self.factor

    def blocks(self, limit=None):
        """Yield rows, columns of their true classes, and weights in the widest precision."""
        for index, part in self.parts(limit):
            codes, w = self.labels_and_weights(index)
            if self.masked:  # a row that can be of one class only says nothing
                n_open = self.xp.sum(self.xp.astype(part > -self.xp.inf, self.xp.int64), axis=1)
                w = self.xp.where(n_open > 1, w, self.xp.zeros_like(w))
            yield part, codes, w

    def map_rows(self, function):
        """Return an array like the given one, block by block, of (namespace, block)."""
        xp = self.xp
        half = self.values.dtype not in (xp.float32, xp.float64)
        kind = xp.float32 if half else self.values.dtype
        shape = tuple(self.values.shape)
        out = xp.empty(shape, dtype=kind, device=self.device)
        moved = xp.moveaxis(out, self.axis, -1)
        for index, part in self.parts():
            index = (*index, slice(None))
            found = xp.astype(function(xp, part), kind, copy=False)
            moved[index] = xp.reshape(found, tuple(moved[index].shape))
        return out

    def put(self, values):
        """Return a small array of the host on the device, in the precision of the rows."""
        values = np.asarray(values, dtype=self.dtype)
        return self.xp.asarray(values, dtype=self.type, device=self.device)


class DeviceWeight:
    """The weights of rows, divided by a number."""

    def __init__(self, rows, divisor=1.0):
        self.rows, self.divisor = rows, divisor

    def sum(self):
        """Return the sum, a float."""
        return self.rows.total / self.divisor

    def __truediv__(self, number):
        """Return the weights divided by a number."""
        return DeviceWeight(self.rows, self.divisor * number)

    def __getitem__(self, sample):
        """Return the weights of some rows."""
        rows = self.rows[sample]
        if rows.total is None:
            rows = rows.with_labels(rows.labels, rows.weight, rows.ignore_index)
        return DeviceWeight(rows, self.divisor)


def cut_rows(lead, limit):
    """Yield tuples of slices that cut axes into blocks of about as many rows as the limit."""
    inner = prod(lead[1:])
    if inner <= limit or len(lead) == 1:
        step = max(1, limit // max(1, inner))
        rest = (slice(None),) * (len(lead) - 1)
        starts = range(0, lead[0], step)
        yield from ((slice(i, min(i + step, lead[0])), *rest) for i in starts)
        return
    for i in range(lead[0]):
        yield from ((slice(i, i + 1), *rest) for rest in cut_rows(lead[1:], limit))


def entry_of_each(xp, part, codes):
    """Return one entry of each row."""
    n_rows, n_classes = part.shape
    first = xp.arange(n_rows, device=_device_of(part)) * n_classes
    return xp.take(xp.reshape(part, (-1,)), xp.astype(first, xp.int64) + codes)


def to_host(small):
    """Return a small array as float64 of NumPy."""
    small = small.detach().cpu() if hasattr(small, "detach") else small
    return np.asarray(to_numpy(small), dtype=np.float64)


def is_host(device):
    """Tell whether a device is the processor."""
    return "cpu" in str(device).lower()


def _device_of(values):
    from sklearn.externals.array_api_compat import device

    return device(values)


def _widest(xp, device):
    """Return float64, save on Apple's cards, which lack it."""
    return xp.float32 if str(device).startswith("mps") else xp.float64
