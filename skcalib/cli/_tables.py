"""Tables in csv and parquet files, block by block: columns by name, never guessed."""

import csv
import io
import itertools
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from skcalib.cli._errors import (
    CommandError,
    list_names,
    nearest,
    one_line,
    quote_name,
    require,
)
from skcalib.cli._settings import FORMATS

ENDINGS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}
ENDINGS |= {".npz": "npz", ".npy": "npy"}
BLOCK_BYTES, MOST_ROWS, FIRST_ROWS = 2**27, 2**18, 10_000
SEPARATORS = {";": "';'", "\t": "'\\t'", "|": "'|'"}
TOO_LONG = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")


class Source(NamedTuple):
    """A file that is read, and how."""

    path: str
    format: str
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    @property
    def name(self):
        """What messages call it."""
        return "standard input" if self.path == "-" else quote_name(self.path)


def find_format(path, given=None):
    """Return the format of a file: what was said, else by the ending of its name."""
    if given is not None:
        return given
    if path == "-":
        return "csv"
    found = ENDINGS.get(Path(path).suffix.lower())
    if found is None:
        raise CommandError(
            f"{quote_name(path)}: which format is it? Its name ends in none of "
            f"{', '.join(ENDINGS)}; say --format {'|'.join(FORMATS)}"
        )
    return found


@contextmanager
def open_bytes(path):
    """Open a file, or standard input, for bytes."""
    if path == "-":
        yield getattr(sys.stdin, "buffer", sys.stdin)
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 (closed below, while errors of its user pass)
    except OSError as error:
        raise CommandError(f"{quote_name(path)}: {error.strerror}") from error
    with file:
        yield file


def check_names(names, source):
    """Raise if a column stands twice, or has no name."""
    if not names:
        raise CommandError(f"{source.name} is empty: it has no header")
    if len(set(names)) < len(names):
        twice = [name for k, name in enumerate(names) if name in names[:k]]
        raise CommandError(f"{source.name} has the column {quote_name(twice[0])} twice")


def check_asked(asked, names, source):
    """Raise if a column that was asked for is not there."""
    for name, option in asked:
        if name not in names:
            raise CommandError(
                f"{source.name} has no column {quote_name(name)} ({option})"
                f"{nearest(name, names)}; it has {list_names(names)}"
                + hint_of_separator(names, source)
            )


def hint_of_separator(names, source):
    """Return a way out if the whole header is one column that holds another separator."""
    if len(names) != 1 or source.format != "csv":
        return ""
    found = [shown for mark, shown in SEPARATORS.items() if mark in names[0]]
    return f". Is it separated by {found[0]}? Say --separator {found[0]}" if found else ""


@contextmanager
def open_table(source, text=(), *, keep_text=False):
    """Give the names of the columns, and frames of some rows each, one after the other.

    The columns in `text` are categories of text, whatever they look like. With `keep_text` all
    cells of csv are text, just as they are.
    """
    with open_bytes(source.path) as file:
        if source.format == "parquet":
            yield _open_parquet(file, source)
        else:
            with _open_text(file, source) as lines:
                yield _open_csv(lines, source, None if keep_text else text)


@contextmanager
def _open_text(file, source):
    encoding = source.encoding.lower().replace("_", "-")
    try:
        lines = io.TextIOWrapper(
            file,
            encoding="utf-8-sig" if encoding in ("utf-8", "utf8") else encoding,
            newline="",
        )
    except LookupError:
        raise CommandError(f"--encoding {quote_name(source.encoding)} is unknown") from None
    try:
        yield lines
    finally:
        if not lines.closed:
            lines.detach()


def _open_csv(lines, source, text):
    pandas = require("pandas", "reading csv")
    try:
        names = next(csv.reader(lines, delimiter=source.separator), [])
    except UnicodeError as error:
        raise CommandError(_bad_encoding(source, error)) from error
    except csv.Error as error:
        raise CommandError(f"{source.name}: the header is no csv ({error})") from error
    check_names(names, source)
    if text is None:
        return names, text_blocks(pandas, lines, source, names)
    return names, _csv_blocks(pandas, lines, source, names, text)


def _csv_blocks(pandas, lines, source, names, text):
    cells = {"keep_default_na": False, "na_values": [""], "decimal": source.decimal}
    cells["dtype"] = {name: "category" for name in text if name in names}
    how = {"header": None, "names": names, "sep": source.separator, "low_memory": False}
    try:
        with pandas.read_csv(lines, iterator=True, **how, **cells) as reader:
            size, may_be_short = FIRST_ROWS, False
            for start in itertools.count(step=1):
                try:
                    block = reader.get_chunk(size)
                except StopIteration:
                    break
                _check_block(block, pandas, source, names)
                may_be_short |= bool(block[names[-1]].isna().any())
                if start == 0:
                    size = _rows_of_a_block(block)
                yield block
        if may_be_short and source.path != "-":  # pandas fills short rows up
            check_lengths(source, names)
    except pandas.errors.EmptyDataError:
        return
    except UnicodeError as error:
        raise CommandError(_bad_encoding(source, error)) from error
    except pandas.errors.ParserError as error:
        raise CommandError(f"{source.name}: {_explain(error)}") from error


def _check_block(block, pandas, source, names):
    """Raise if the first row is longer than the header; pandas refuses other long ones."""
    if not isinstance(block.index, pandas.RangeIndex):
        raise CommandError(
            f"{source.name}: the first row has more cells than the header, which has "
            f"{len(names)}"
        )


def _rows_of_a_block(block):
    used = int(block.memory_usage(index=False, deep=True).sum()) / max(1, len(block))
    return int(min(MOST_ROWS, max(1, BLOCK_BYTES // max(1, used))))


def check_lengths(source, names):
    """Raise if a row of a file has more or fewer cells than the header."""
    with open_bytes(source.path) as file, _open_text(file, source) as lines:
        for _ in _rows(lines, source, names, header=True):
            pass


def _rows(lines, source, names, header=False):
    """Pass on the rows that are not empty, each a list of texts as long as the header."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        reader = csv.reader(lines, delimiter=source.separator, strict=True)
        rows = (row for row in reader if row)
        if header:
            next(rows)
        for number, row in enumerate(rows, start=1):
            if len(row) != len(names):
                what = "fewer" if len(row) < len(names) else "more"
                raise CommandError(
                    f"{source.name}: row {number} has {what} cells than the header, "
                    f"{len(row)} and not {len(names)}"
                )
            yield row
    except csv.Error as error:
        raise CommandError(f"{source.name}: this is no csv ({error})") from error
    except UnicodeError as error:
        raise CommandError(_bad_encoding(source, error)) from error
    finally:
        csv.field_size_limit(before)


def text_blocks(pandas, lines, source, names):
    """Give frames of texts, just as they are."""
    rows = _rows(lines, source, names)
    start = 0
    while block := list(itertools.islice(rows, FIRST_ROWS)):
        index = range(start, start + len(block))
        yield pandas.DataFrame(block, columns=names, index=index, dtype=object)
        start += len(block)


def _explain(error):
    found = TOO_LONG.search(str(error))
    if found:
        return f"row {found[2]} after the header has {found[3]} cells, not {found[1]}"
    if "EOF inside string" in str(error):
        return f"a quotation mark is opened and never closed ({one_line(error)})"
    return f"this is no csv ({one_line(error)})"


def _bad_encoding(source, error):
    byte = f" (byte 0x{error.object[error.start]:02x})" if hasattr(error, "object") else ""
    return (
        f"{source.name} is not text in {source.encoding}{byte}; say --encoding, for example "
        "latin-1 or utf-16"
    )


def _open_parquet(file, source):
    require("pandas", "reading parquet")
    parquet = require("pyarrow.parquet", "reading parquet")
    from pyarrow import ArrowException

    try:
        if not file.seekable():
            file = io.BytesIO(file.read())
        opened = parquet.ParquetFile(file)
        names = opened.schema_arrow.names
    except (ArrowException, OSError, ValueError) as error:
        raise CommandError(f"{source.name} is no parquet file: {one_line(error)}") from error
    check_names(names, source)

    def blocks():
        rows = max(1, min(MOST_ROWS, BLOCK_BYTES // (8 * len(names))))
        try:
            for batch in opened.iter_batches(batch_size=rows):
                yield batch.to_pandas()
        except (ArrowException, OSError) as error:
            raise CommandError(f"{source.name} is damaged: {one_line(error)}") from error

    return names, blocks()
