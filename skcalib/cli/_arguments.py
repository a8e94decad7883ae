"""The options of all commands, by argparse: nothing to install, nothing slow to import."""

import argparse
import math
from importlib import import_module

from skcalib.cli._errors import nearest, one_line
from skcalib.cli._names import DIFFERENCES, FIGURES
from skcalib.cli._settings import FORMATS, METHODS, REPORT_FIGURES

GATE = """numbers for --fail-if (name, one of < <= > >=, number; the exit code is then 1):
{names}
"""
CODES = """exit codes: 0 fine, 1 a limit of --fail-if is broken, 2 bad input (one line says
what), 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """One clear line for a wrong option, and no abbreviations."""

    def __init__(self, *args, **keywords):
        super().__init__(
            *args,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **keywords,
        )

    def error(self, message):
        """Say what is wrong in one line; exit code 2."""
        if message.startswith("unrecognized arguments: --"):
            option = message.split(": ")[1].split()[0].split("=")[0]
            known = list(self.known_options())
            message += "" if option in known else nearest(option, known)
        self.exit(2, f"{self.prog}: error: {one_line(message)} (see {self.prog} --help)\n")

    def known_options(self):
        """Return all options of this parser and of its commands."""
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    yield from parser.known_options()


def make_parser():
    """Return the parser of all commands; each sets ``run``, which is imported when called."""
    parser = Parser(
        prog="skcalib",
        description="How sure is this classifier, really? Figures, pages, maps and gates from\n"
        "files of probabilities.",
        epilog="""examples:
  skcalib evaluate predictions.csv
  skcalib fit predictions.csv --method auto --out map.json
  skcalib apply map.json new.csv --out calibrated.csv

skcalib COMMAND --help says more. """
        + CODES,
    )
    version = import_module(__name__.partition(".")[0]).__version__
    parser.add_argument("--version", action="version", version=f"skcalib {version}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for add in (_evaluate, _compare, _report, _fit, _apply, _calibrate):
        add(commands)
    return parser


def _add(commands, name, module, summary, epilog):
    parser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", epilog=epilog
    )

    def run(options):
        return import_module(f"skcalib.cli.{module}").run(options)

    parser.set_defaults(run=run)
    return parser


def _evaluate(commands):
    names = "".join(f"  {name:<15} {text}\n" for name, text in FIGURES.items())
    parser = _add(
        commands,
        "evaluate",
        "_evaluate",
        "figures of a file of predictions, with intervals and tests",
        """examples:
  skcalib evaluate predictions.csv
  skcalib evaluate judged.csv --column p --positive yes --json
  skcalib evaluate predictions.csv --groups site --fail-if 'ece_upper>0.2'
  cat predictions.csv | skcalib evaluate - --fail-if 'accuracy<0.5'

"""
        + GATE.format(names=names)
        + "  all but p-values also as NAME_lower and NAME_upper, the ends of the interval;\n"
        + "  n_rows\n\n"
        + CODES,
    )
    parser.add_argument(
        "file", metavar="FILE", help="csv, parquet, npz or npy; - is standard input"
    )
    _add_columns(parser)
    _add_reading(parser)
    _add_statistics(parser, cluster=True)
    parser.add_argument("--all", action="store_true", help="slow figures for many rows, too")
    _add_output(parser, "write the figures to a file", json=True)
    _add_gate(parser)


def _compare(commands):
    names = "".join(f"  {name:<15} {text}\n" for name, text in DIFFERENCES.items())
    parser = _add(
        commands,
        "compare",
        "_compare",
        "two models on the same rows: paired differences, with intervals",
        """examples:
  skcalib compare before.csv after.csv
  skcalib compare before.csv after.csv --json --fail-if 'log_loss_lower>0'

Differences are the second file minus the first. Row k of both files is about the same case,
or rows are matched by --id.

"""
        + GATE.format(names=names)
        + "  each is the difference; also as NAME_lower, NAME_upper, NAME_pvalue\n\n"
        + CODES,
    )
    parser.add_argument("file", metavar="FILE", help="the first model's predictions")
    parser.add_argument("other", metavar="OTHER", help="the second model's predictions")
    _add_columns(parser, groups=False)
    parser.add_argument("--id", metavar="NAME", help="column by which rows are matched")
    _add_reading(parser)
    _add_statistics(parser, cluster=True)
    _add_output(parser, "write the differences to a file", json=True)
    _add_gate(parser)


def _report(commands):
    names = "".join(f"  {name}\n" for name in REPORT_FIGURES)
    parser = _add(
        commands,
        "report",
        "_report",
        "what is wrong with these probabilities, why, and what mends it: a page",
        """examples:
  skcalib report predictions.csv --html report.html
  skcalib report predictions.csv --groups site --json

"""
        + GATE.format(names=names)
        + "  also as NAME_lower and NAME_upper, the ends of the interval\n\n"
        + CODES,
    )
    parser.add_argument(
        "file", metavar="FILE", help="csv, parquet, npz or npy; - is standard input"
    )
    _add_columns(parser)
    _add_reading(parser)
    parser.add_argument("--html", metavar="PAGE", help="write a page of its own")
    _add_seed(parser)
    _add_output(parser, "write the text or the JSON to a file", json=True)
    _add_gate(parser)


def _fit(commands):
    parser = _add(
        commands,
        "fit",
        "_fit",
        "fit a calibration map to a file of predictions",
        """examples:
  skcalib fit predictions.csv --method auto --out map.json
  skcalib fit judged.csv --column p --positive yes --method sigmoid --out judge.json

methods: """
        + ", ".join(METHODS)
        + """

The map is JSON without any code in it, and may be read from strangers. Fit it on rows that the
model was not trained on, and evaluate it on others.

"""
        + CODES,
    )
    parser.add_argument(
        "file", metavar="FILE", help="csv, parquet, npz or npy; - is standard input"
    )
    parser.add_argument("--method", default="auto", metavar="NAME", help="default: auto")
    _add_columns(parser, groups=False)
    _add_reading(parser)
    _add_seed(parser)
    _add_output(parser, "the file of the map; - (default) is standard output", json=False)


def _apply(commands):
    parser = _add(
        commands,
        "apply",
        "_apply",
        "put calibrated probabilities in the place of a file's own",
        """examples:
  skcalib apply map.json new.csv --out calibrated.csv
  cat new.csv | skcalib apply map.json - > piped.csv

All other columns stay as they are, as text. Rows are read and written block by block.

"""
        + CODES,
    )
    parser.add_argument("map", metavar="MAP", help="written by skcalib fit")
    parser.add_argument(
        "file", metavar="FILE", help="csv, parquet, npz or npy; - is standard input"
    )
    _add_scores(parser)
    parser.add_argument("--positive", metavar="LABEL", help="what a single column is of")
    _add_reading(parser)
    _add_output(parser, "the new file; - (default) is standard output", json=False)


def _calibrate(commands):
    parser = _add(
        commands,
        "calibrate",
        "_calibrate",
        "calibrate a trained Keras model, or do what a file of settings says",
        """examples:
  skcalib calibrate model.keras --data calib.npz --method auto --out calibrated.keras
  skcalib calibrate config.yaml

config.yaml (or .json, .toml; paths are relative to it):
  model: model.keras
  data: calib.npz        # arrays X and y, and weight if there is one
  method: temperature
  out: calibrated.keras
  report: report.html

Keras's safe mode stays on: a model that holds Python code (a Lambda layer) is refused.

"""
        + CODES,
    )
    parser.add_argument("model", metavar="MODEL|CONFIG", help=".keras, or .yaml, .json, .toml")
    parser.add_argument("--data", metavar="NPZ", help="arrays X and y that it has not seen")
    parser.add_argument("--method", metavar="NAME", help="default: auto")
    parser.add_argument(
        "--report", metavar="PAGE", help="write the page of the confidence report"
    )
    parser.add_argument("--out", metavar="KERAS", help="the calibrated model, .keras")
    parser.add_argument("--map", metavar="JSON", help="the map alone, for any runtime")
    _add_seed(parser, default=None)
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")


def _add_columns(parser, groups=True):
    group = parser.add_argument_group("columns (npz: arrays; npy: other files)")
    group.add_argument("--y", default="y", metavar="NAME", help="true labels; default: y")
    _add_scores(parser, group)
    group.add_argument("--positive", metavar="LABEL", help="the positive one of two classes")
    group.add_argument("--weight", metavar="NAME", help="how many rows each row stands for")
    if groups:
        group.add_argument("--groups", metavar="NAME", help="figures for each of these, too")


def _add_scores(parser, group=None):
    group = group or parser.add_argument_group("columns (npz: arrays; npy: other files)")
    group.add_argument(
        "--column",
        action="append",
        metavar="NAME",
        help="of probabilities, once for each class; a single one is of --positive; default: "
        "the columns that are named by the labels (npz: the array proba or logits)",
    )
    group.add_argument("--prefix", metavar="TEXT", help="what stands before the labels: p_")
    group.add_argument(
        "--input",
        choices=("proba", "logits"),
        default="proba",
        help="what these columns hold; default: proba",
    )


def _add_reading(parser):
    group = parser.add_argument_group("reading")
    group.add_argument("--format", choices=FORMATS, help="default: by the name")
    group.add_argument("--separator", default=",", metavar="CHAR", help="of csv; tab is '\\t'")
    group.add_argument("--decimal", default=".", metavar="CHAR", help="of csv; default: .")
    group.add_argument("--encoding", default="utf-8", help="of csv; default: utf-8")
    group.add_argument("--quiet", action="store_true", help="no progress on a terminal")


def _add_statistics(parser, cluster):
    group = parser.add_argument_group("statistics")
    group.add_argument(
        "--cluster", metavar="NAME", help="rows that belong together: of a person, a document"
    )
    group.add_argument(
        "--confidence", type=_fraction, default=0.95, metavar="LEVEL", help="default: 0.95"
    )
    _add_seed(parser, group)


def _add_seed(parser, group=None, default=0):
    (group or parser).add_argument(
        "--random-state", type=_seed, default=default, metavar="SEED", help="default: 0"
    )


def _add_output(parser, what, json):
    group = parser.add_argument_group("writing")
    group.add_argument("--out", metavar="PATH", help=what)
    if json:
        group.add_argument("--json", action="store_true", help="for programs")
    group.add_argument("--force", action="store_true", help="overwrite a file that exists")


def _add_gate(parser):
    parser.add_argument(
        "--fail-if",
        action="append",
        metavar="LIMIT",
        help="exit code 1 if this holds: 'ece_upper>0.05'; may be given several times",
    )


def _fraction(text):
    value = float(text) if text.replace(".", "", 1).isdigit() else math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number between 0 and 1")
    return value


def _seed(text):
    if not (text.isdecimal() and text.isascii() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to 2**32 - 1")
    return int(text)
