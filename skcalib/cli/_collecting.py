"""The columns that are needed, gathered from the blocks of a table."""

import numpy as np

from skcalib.cli._errors import CommandError, quote_name

ROUNDING = 1e-6


class Labels:
    """Texts that repeat, as numbers: labels, groups."""

    def __init__(self, name, source):
        self.name, self.source = name, source
        self.place, self.codes, self.n_rows = {}, [], 0

    def add(self, column):
        """Take the next rows, a column of a frame."""
        if column.dtype != "category":
            column = column.astype("category")
        codes = column.cat.codes.to_numpy()
        if codes.min(initial=0) < 0:
            row = self.n_rows + int((codes < 0).argmax()) + 1
            raise CommandError(
                f"{self.source.name}: column {quote_name(self.name)} is empty in row {row}"
            )
        texts = [str(text) for text in column.cat.categories]
        number = np.array([self.place.setdefault(t, len(self.place)) for t in texts], np.int32)
        self.codes.append(number[codes])
        self.n_rows += len(codes)

    @property
    def texts(self):
        """The different texts, by their numbers."""
        return list(self.place)

    def join(self):
        """Return the number of each row's text."""
        return np.concatenate(self.codes) if self.codes else np.empty(0, np.int32)


class Numbers:
    """A column of numbers; what is none is remembered until it turns out to be needed."""

    def __init__(self, name, source, within=None, n_rows=0, decimal=None):
        self.name, self.source, self.within, self.decimal = name, source, within, decimal
        self.parts, self.wrong, self.n_rows = [], None, n_rows

    def add(self, column):
        """Take the next rows, a column of a frame."""
        if self.wrong is None:
            values = self._as_numbers(column)
            if values.dtype.kind in "fiu":
                self._add_numbers(values)
            else:
                self.wrong = self._name_what_is_wrong(column)
        if self.wrong is not None:
            self.parts = []
        self.n_rows += len(column)

    def _as_numbers(self, column):
        """Return the values of a column; text becomes numbers if that was asked for."""
        values = column.to_numpy()
        if values.dtype.kind in "fiub" or self.decimal is None:
            return values
        texts = [str(text).replace(self.decimal, ".", 1) for text in values.tolist()]
        if not all(map(_is_number, texts)):
            return values
        return np.array([float(text) for text in texts])

    def _add_numbers(self, values):
        self.parts.append(values.astype(np.float64, copy=False))
        if self.within is None or values.size == 0:
            low, high = -np.inf, np.inf
        else:
            low, high = self.within
        if values.size and not (low <= values.min() and values.max() <= high):
            bad = ~((values >= low) & (values <= high))
        else:
            bad = np.isnan(values) if values.dtype.kind == "f" else np.zeros(1, bool)
        if bad.any():
            row = int(bad.argmax())
            value = float(values[row])
            what = "is empty" if np.isnan(value) else f"holds {value:g}, outside [0, 1],"
            self.wrong = f"{what} in row {self.n_rows + row + 1}"
            if not np.isnan(value):
                self.wrong += ". Are these logits? Then say --input logits"

    def _name_what_is_wrong(self, column):
        missing = column.isna().to_numpy()
        for row, value in enumerate(column.tolist()):
            text = str(value).strip()
            if missing[row]:
                return f"is empty in row {self.n_rows + row + 1}"
            if isinstance(value, bool) or not _is_number(text):
                comma = _is_number(text.replace(",", ".", 1)) and "," in text
                hint = ". Is it a decimal comma? Then say --decimal ," if comma else ""
                return (
                    f"holds {quote_name(text, 40)} in row {self.n_rows + row + 1}, which is no "
                    f"number{hint}"
                )
        return "holds a mixture of texts and numbers"

    def join(self, out=None):
        """Return all numbers, in `out` if it is given, or say what is wrong with them."""
        if self.wrong is not None:
            raise CommandError(
                f"{self.source.name}: column {quote_name(self.name)} {self.wrong}"
            )
        if out is None:
            return np.concatenate(self.parts) if self.parts else np.empty(0)
        start = 0
        for part in self.parts:
            out[start : start + len(part)] = part
            start += len(part)
        return out


def _is_number(text):
    try:
        value = float(text)
    except ValueError:
        return False
    return value == value and "_" not in text  # not NaN
