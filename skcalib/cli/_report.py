"""skcalib report: what is wrong with the probabilities of a file, why, and what mends it."""

import sys

from skcalib.cli._checking import refuse_probabilities, refuse_values_outside
from skcalib.cli._errors import GATE_FAILED, OK, CommandError
from skcalib.cli._limits import broken_limits
from skcalib.cli._names import parse_limits
from skcalib.cli._options import columns_of, source_of
from skcalib.cli._outputs import check_output, open_output, write_text
from skcalib.cli._predictions import read_predictions
from skcalib.cli._progress import wanted
from skcalib.cli._settings import REPORT_NUMBERS
from skcalib.report import confidence_report_from_logits, confidence_report_from_predictions


def run(options):
    """Write a report; return the exit code."""
    limits = parse_limits(options.fail_if, REPORT_NUMBERS)
    for path in (options.html, options.out):
        check_output(path, options.force)
    source = source_of(options.file, options)
    given = read_predictions(source, columns_of(options), show=wanted(options.quiet))
    if given.codes is None:
        raise CommandError(f"{source.name}: labels are needed; say --y NAME")
    report = make_report(given, source, options)
    if options.html is not None:
        write_page(report, options.html, options.force)
    if options.json or options.out is not None or options.html is None:
        write_text(
            report.to_json() if options.json else str(report), options.out, options.force
        )
    lines = broken_limits(limits, numbers_of(report))
    for line in lines:
        print(line, file=sys.stderr)
    return GATE_FAILED if lines else OK


def make_report(given, source, options):
    """Return the confidence report of what a file says."""
    refuse = refuse_probabilities if options.input == "logits" else refuse_values_outside
    refuse(given, source)
    make = {
        "proba": confidence_report_from_predictions,
        "logits": confidence_report_from_logits,
    }
    two = len(given.classes) == 2
    return make[options.input](
        given.classes[given.codes],
        given.scores,
        labels=given.classes,
        pos_label=given.classes.tolist()[given.pos] if two else None,
        groups=given.groups,
        sample_weight=given.weight,
        random_state=options.random_state,
        verbose=wanted(options.quiet),
    )


def write_page(report, path, force):
    """Write the page to a file, complete or not at all, or to standard output."""
    if path == "-":
        from pathlib import Path
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            page = Path(folder, "report.html")
            report.to_html(page)
            with open_output(path, force, binary=True) as file:
                file.write(page.read_bytes())
        return
    from skcalib.deploy import write_beside

    with write_beside(path, force) as beside:
        report.to_html(beside)


def numbers_of(report):
    """Return all numbers that a limit may name; what the report lacks is NaN."""
    found = dict.fromkeys(REPORT_NUMBERS, float("nan"))
    for name, figure in report.figures.items():
        own = {name: figure.value, f"{name}_lower": figure.lower, f"{name}_upper": figure.upper}
        found |= {key: float(value) for key, value in own.items() if key in found}
    return found
