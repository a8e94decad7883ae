"""skcalib apply: a map's probabilities in the place of a file's own, block by block."""

import csv
import io

import numpy as np

from skcalib.cli._arrays import open_arrays, take_array
from skcalib.cli._checking import answers_of
from skcalib.cli._collecting import ROUNDING, Numbers
from skcalib.cli._errors import OK, CommandError, one_line, quote_name, require
from skcalib.cli._options import columns_of, source_of
from skcalib.cli._outputs import check_output, open_output
from skcalib.cli._predictions import Given, place_classes, spell
from skcalib.cli._progress import show_rows, wanted
from skcalib.cli._tables import check_asked, open_bytes, open_table
from skcalib.deploy import from_description

LARGEST_MAP = 2**28


def run(options):
    """Apply a map to a file; return the exit code."""
    check_output(options.out, options.force)
    if options.map == options.file == "-":
        raise CommandError("only one of map and file can be standard input")
    fitted = read_map(options.map)
    kind = "logits" if fitted.gives_[0] == "logits" else "proba"
    if kind != options.input:
        raise CommandError(
            f"{quote_name(options.map)} is a map of {kind}; say --input {kind}, if this is "
            "what the file holds"
        )
    source = source_of(options.file, options)
    columns = columns_of(options, y=None)
    apply = apply_to_arrays if source.format in ("npz", "npy") else apply_to_table
    apply(fitted, source, columns, options)
    return OK


def read_map(path):
    """Return the calibrator that a file describes; there is no code in it."""
    with open_bytes(path) as file:
        data = file.read(LARGEST_MAP + 1)
    if len(data) > LARGEST_MAP:
        raise CommandError(f"{quote_name(path)} is too large for a map")
    try:
        fitted = from_description(json_text(data))
    except ValueError as error:
        raise CommandError(f"{quote_name(path)} is no map: {one_line(error)}") from error
    if fitted.n_members_ != 1:
        raise CommandError(
            f"{quote_name(path)} is a map of {fitted.n_members_} models' answers"
        )
    return fitted


def json_text(data):
    """Return text, which must be in utf-8."""
    return data.decode("utf-8-sig") if isinstance(data, bytes) else data


def _calibrate(fitted, scores, placed, source, kind):
    """Return calibrated probabilities in the form of the scores."""
    given = Given(placed.classes, None, scores, placed.pos, None, None, None, None)
    proba = fitted.predict_proba(answers_of(given, source, kind))
    return proba[:, placed.pos] if scores.ndim == 1 else proba


def _place(fitted, columns, names, source):
    """Return which columns are replaced; their classes are those of the map."""
    labels = [str(label) for label in fitted.classes_.tolist()]
    placed = place_classes(columns, names, labels, source)
    found = [spell(str(label)) for label in placed.classes.tolist()]
    if found != [spell(label) for label in labels]:
        raise CommandError(
            f"{source.name} has columns of the classes {', '.join(found)}; the map is of "
            f"{', '.join(labels)}"
        )
    return placed


def apply_to_table(fitted, source, columns, options):
    """Read, replace and write a table."""
    with open_table(source, keep_text=True) as (names, blocks):
        check_asked([(name, "--column") for name in columns.scores], names, source)
        candidates = list(columns.scores) or names
        if columns.prefix is not None:
            candidates = [name for name in names if name.startswith(columns.prefix)]
        placed = _place(fitted, columns, candidates, source)
        blocks = show_rows(blocks, wanted(options.quiet))
        write = _write_parquet if source.format == "parquet" else _write_csv
        replaced = _replace(fitted, source, columns, placed, blocks)
        with open_output(options.out, options.force, binary=True) as file:
            write(file, names, replaced, source)


def _replace(fitted, source, columns, placed, blocks):
    within = (-ROUNDING, 1 + ROUNDING) if columns.input == "proba" else None
    start = 0
    for block in blocks:
        parts = []
        for name in placed.names:
            numbers = Numbers(name, source, within, start, decimal=source.decimal)
            numbers.add(block[name])
            parts.append(numbers.join())
        start += len(block)
        scores = parts[0] if len(parts) == 1 else np.stack(parts, axis=1)
        proba = _calibrate(fitted, scores, placed, source, columns.input)
        proba = proba.reshape(len(proba), -1)
        yield block.assign(**{name: proba[:, k] for k, name in enumerate(placed.names)})


def _write_csv(file, names, blocks, source):
    lines = io.TextIOWrapper(file, encoding=source.encoding, newline="", write_through=True)
    try:
        header = csv.writer(lines, delimiter=source.separator, lineterminator="\n")
        for number, block in enumerate(blocks):
            if number == 0:  # nothing is written of a file that is broken at once
                header.writerow(names)
            block.to_csv(
                lines,
                header=False,
                index=False,
                sep=source.separator,
                decimal=source.decimal,
                lineterminator="\n",
            )
        lines.flush()
    finally:
        lines.detach()


def _write_parquet(file, names, blocks, source):
    arrow = require("pyarrow", "writing parquet")
    parquet = require("pyarrow.parquet", "writing parquet")
    writer = None
    for block in blocks:
        table = arrow.Table.from_pandas(block, preserve_index=False)
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table.cast(writer.schema))
    if writer is None:
        raise CommandError(f"{source.name} has no row")
    writer.close()


def apply_to_arrays(fitted, source, columns, options):
    """Read, replace and write arrays."""
    with open_arrays(source) as arrays:
        if source.format == "npy":
            found = {"": arrays[""]()}
        else:
            found = {name: take_array(arrays, name, "file", source) for name in arrays}
    name = "" if source.format == "npy" else (*columns.scores, columns.input)[0]
    scores = take_array(
        {key: lambda k=key: found[k] for key in found}, name, "--column", source
    )
    labels = [str(label) for label in fitted.classes_.tolist()]
    shape_of_columns = scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores
    vector = shape_of_columns.ndim == 1
    own = columns._replace(scores=("scores",) if vector else tuple(labels))
    placed = _place(fitted, own, labels, source)
    if not vector and (scores.ndim != 2 or scores.shape[1] != len(labels)):
        raise CommandError(
            f"{source.name}: an array of shape {scores.shape}, but the map is of {len(labels)} "
            "classes"
        )
    if scores.dtype.kind not in "fiu":
        raise CommandError(f"{source.name}: the array of scores is {scores.dtype}, not numbers")
    values = shape_of_columns.astype(np.float64)
    found[name] = _calibrate(fitted, values, placed, source, columns.input)
    if source.format == "npz" and "logits" in found and name == "logits":
        found["proba"] = found.pop("logits")
    with open_output(options.out, options.force, binary=True) as file:
        if not file.seekable():
            file = _Whole(file)
        np.savez(file, **found) if source.format == "npz" else np.save(file, found[""])
        if isinstance(file, _Whole):
            file.pass_on()


class _Whole(io.BytesIO):
    """What is written to a pipe at once, since archives seek."""

    def __init__(self, target):
        super().__init__()
        self.target = target

    def pass_on(self):
        """Write all of it."""
        self.target.write(self.getvalue())
