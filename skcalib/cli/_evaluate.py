"""skcalib evaluate: the figures of a file of predictions, with intervals and tests."""

import sys

import numpy as np

from skcalib.cli._checking import check_given
from skcalib.cli._errors import GATE_FAILED, OK
from skcalib.cli._figures import SLOW, Asked, Figure, compute_figures, losses_of_rows
from skcalib.cli._limits import broken_limits
from skcalib.cli._names import FIGURES, NUMBERS, parse_limits
from skcalib.cli._options import columns_of, source_of
from skcalib.cli._outputs import check_output, write_text
from skcalib.cli._predictions import read_predictions
from skcalib.cli._progress import wanted
from skcalib.cli._text import format_json, format_number, format_table
from skcalib.metrics import by_group, log_loss

LEVEL = 0.05  # of the verdict


def run(options):
    """Evaluate one file; return the exit code."""
    limits = parse_limits(options.fail_if, NUMBERS)
    check_output(options.out, options.force)
    source = source_of(options.file, options)
    given = read_predictions(source, columns_of(options), show=wanted(options.quiet))
    predictions, used = check_given(given, source, options.input)
    cluster = given.cluster if used is None or given.cluster is None else given.cluster[used]
    asked = Asked(options.confidence, options.random_state, cluster)
    slow = {name for limit in limits for name in SLOW if limit.name.startswith(name)}
    figures = compute_figures(predictions, asked, set(SLOW) if options.all else slow)
    groups = None
    if given.groups is not None:
        names = given.groups if used is None else given.groups[used]
        groups = compute_groups(predictions, names, asked)
    answer = describe(source, given, predictions, figures, groups, options)
    text = format_json(answer) if options.json else format_answer(answer, figures, groups)
    write_text(text, options.out, options.force)
    lines = broken_limits(limits, numbers_of(figures, predictions))
    for line in lines:
        print(line, file=sys.stderr)
    return GATE_FAILED if lines else OK


def numbers_of(figures, predictions):
    """Return all numbers that a limit may name; what was not computed is NaN."""
    found = dict.fromkeys(NUMBERS, float("nan"))
    for name, figure in figures.items():
        found |= {
            name: figure.value,
            f"{name}_lower": figure.lower,
            f"{name}_upper": figure.upper,
        }
    found["n_rows"] = float(predictions.weight.sum())
    return {name: found[name] for name in NUMBERS}


def compute_groups(predictions, names, asked):
    """Return figures by group, whose intervals hold for all groups at once."""

    def confidence_gap(y_true, y_proba, *, sample_weight, labels, pos_label=None):
        hit = y_proba.argmax(axis=1) == y_true
        return np.average(y_proba.max(axis=1) - hit, weights=sample_weight)

    how = {
        "labels": np.arange(len(predictions.classes)),
        "sample_weight": predictions.weight,
        "confidence_level": asked.confidence_level,
        "random_state": asked.random_state,
        "greater_is_better": False,
    }
    parts = (predictions.codes, predictions.proba, names)
    found = {
        "log_loss": by_group(log_loss, *parts, **how),
        "confidence_gap": by_group(confidence_gap, *parts, **how),
    }
    groups, counts = found["log_loss"].group, found["log_loss"].count
    rows = losses_of_rows(predictions)["accuracy"]
    return {
        str(name): {
            "n_rows": float(counts[k]),
            "accuracy": float(
                np.average(rows[names == name], weights=predictions.weight[names == name])
            ),
        }
        | {
            key: Figure(*(float(part[k]) for part in (own.estimate, own.low, own.high)))
            for key, own in found.items()
        }
        for k, name in enumerate(groups)
    }


def describe(source, given, predictions, figures, groups, options):
    """Return the answer as a program reads it."""
    classes = given.classes.tolist()
    answer = {
        "file": source.path,
        "n_rows": float(predictions.weight.sum()),
        "classes": classes,
        "positive": classes[given.pos] if len(classes) == 2 else None,
        "input": options.input,
        "confidence_level": options.confidence,
        "figures": {name: _named(figure) for name, figure in figures.items()},
    }
    if groups is not None:
        answer["groups"] = {
            name: {
                key: _named(part) if isinstance(part, Figure) else part
                for key, part in own.items()
            }
            for name, own in groups.items()
        }
    return answer


def _named(figure):
    return figure._asdict()


def format_answer(answer, figures, groups):
    """Return the answer as a person reads it."""
    percent = f"{100 * answer['confidence_level']:g} % interval"
    classes = ", ".join(map(str, answer["classes"][:8]))
    more = ", ..." if len(answer["classes"]) > 8 else ""
    positive = f"; positive: {answer['positive']}" if answer["positive"] is not None else ""
    rows = [["", "value", percent, ""]]
    tests = []
    for name, figure in figures.items():
        if name.endswith("_pvalue"):
            tests.append([name, format_number(figure.value), "", FIGURES[name]])
            continue
        limits = f"{format_number(figure.lower)} to {format_number(figure.upper)}"
        rows.append([name, format_number(figure.value), limits, FIGURES[name]])
    lines = [
        f"{answer['file']}: {answer['n_rows']:,.0f} rows, classes {classes}{more}{positive}",
        "",
        _table(rows + tests),
        "",
        verdict(figures),
    ]
    if groups is not None:
        lines += ["", _format_groups(groups, percent)]
    return "\n".join(lines)


def _table(rows):
    notes = [row[-1] for row in rows]
    table = format_table([row[:-1] for row in rows]).split("\n")
    width = max(map(len, table))
    return "\n".join(
        f"{line.ljust(width)}  {note}".rstrip() for line, note in zip(table, notes, strict=True)
    )


def _format_groups(groups, percent):
    rows = [["group", "rows", "accuracy", "confidence_gap", percent, "log_loss", percent]]
    for name, own in groups.items():
        row = [name, f"{own['n_rows']:,.0f}", format_number(own["accuracy"])]
        for key in ("confidence_gap", "log_loss"):
            value, low, high = own[key]
            row += [format_number(value), f"{format_number(low)} to {format_number(high)}"]
        rows.append(row)
    return format_table(rows) + "\nThe intervals hold for all groups at once."


def verdict(figures):
    """Return what the tests say, in a sentence; with two of them, each counts half."""
    p_values = [own.value for name, own in figures.items() if name.endswith("_pvalue")]
    p_value, gap = min(1.0, len(p_values) * min(p_values)), figures["confidence_gap"]
    if not p_value <= LEVEL:
        return (
            f"No clear sign of miscalibration in these rows (p = {p_value:.2g}); an error of "
            f"up to {figures['ece'].upper:.3f} would be compatible with them."
        )
    how = "off"
    if gap.lower > 0:
        how = "too sure"
    elif gap.upper < 0:
        how = "not sure enough"
    return f"The probabilities are {how} (p = {p_value:.2g}); skcalib fit may mend that."
