"""From the options of a command to what is read, and how."""

from skcalib.cli._errors import CommandError, quote_name
from skcalib.cli._predictions import Columns
from skcalib.cli._tables import Source, find_format


def source_of(path, options):
    """Return the Source of a file."""
    separator = {"tab": "\t", "\\t": "\t"}.get(options.separator, options.separator)
    for option, value in (("separator", separator), ("decimal", options.decimal)):
        if len(value) != 1 or value in '"\r\n':
            raise CommandError(f"--{option} {quote_name(value)} must be one character")
    if separator == options.decimal:
        raise CommandError("--separator and --decimal are the same character")
    return Source(
        path, find_format(path, options.format), separator, options.decimal, options.encoding
    )


def columns_of(options, **changes):
    """Return which columns are read."""
    found = {
        "y": getattr(options, "y", None),
        "scores": tuple(options.column or ()),
        "prefix": options.prefix,
        "positive": getattr(options, "positive", None),
        "groups": getattr(options, "groups", None),
        "cluster": getattr(options, "cluster", None),
        "weight": getattr(options, "weight", None),
        "input": options.input,
    }
    found |= changes
    if found["scores"] and found["prefix"] is not None:
        raise CommandError("--column and --prefix both say which columns are read; give one")
    return Columns(**found)
