"""skcalib compare: two models on the same rows, by paired differences."""

import sys
from functools import partial

import numpy as np
from scipy.special import ndtr, ndtri

from skcalib import metrics
from skcalib.cli._checking import check_given
from skcalib.cli._errors import GATE_FAILED, OK, CommandError, list_names, quote_name
from skcalib.cli._figures import FEW_ROWS, MODERATE_ROWS, Asked, losses_of_rows, mean_of
from skcalib.cli._limits import broken_limits
from skcalib.cli._names import DIFFERENCE_NUMBERS, DIFFERENCES, parse_limits
from skcalib.cli._options import columns_of, source_of
from skcalib.cli._outputs import check_output, write_text
from skcalib.cli._predictions import read_predictions
from skcalib.cli._progress import wanted
from skcalib.cli._text import format_json, format_number, format_table
from skcalib.metrics import prepared_by

LEVEL = 0.05  # of the verdict
RESAMPLES = (1000, 200)  # of moderately many rows, and of more


def run(options):
    """Compare two files; return the exit code."""
    limits = parse_limits(options.fail_if, DIFFERENCE_NUMBERS)
    check_output(options.out, options.force)
    if options.file == options.other == "-":
        raise CommandError("only one of the two files can be standard input")
    first, second, cluster, names = _read_both(options)
    asked = Asked(options.confidence, options.random_state, cluster)
    found = compute_differences(first, second, asked)
    answer = {
        "first": names[0],
        "second": names[1],
        "n_rows": float(first.weight.sum()),
        "confidence_level": options.confidence,
        "differences": found,
    }
    text = format_json(answer) if options.json else format_answer(answer)
    write_text(text, options.out, options.force)
    numbers = {
        name + end: difference[key]
        for name, difference in found.items()
        for key, end in (
            ("difference", ""),
            *((k, f"_{k}") for k in ("lower", "upper", "pvalue")),
        )
    }
    lines = broken_limits(limits, numbers)
    for line in lines:
        print(line, file=sys.stderr)
    return GATE_FAILED if lines else OK


def _read_both(options):
    sources = [source_of(path, options) for path in (options.file, options.other)]
    columns, show = columns_of(options, id=options.id), wanted(options.quiet)
    given = [read_predictions(source, columns, show=show) for source in sources]
    if options.id is not None:
        given[1] = _match(*given, sources, options.id)
    _check_same(*given, sources)
    predictions, used = check_given(given[0], sources[0], options.input)
    other, _ = check_given(given[1]._replace(weight=given[0].weight), sources[1], options.input)
    cluster = given[0].cluster
    if used is not None and cluster is not None:
        cluster = cluster[used]
    return predictions, other, cluster, [source.path for source in sources]


def _match(first, second, sources, name):
    """Return the second file with its rows in the order of the first."""
    for given, source in zip((first, second), sources, strict=True):
        different, counts = np.unique(given.id, return_counts=True)
        if len(different) < len(given.id):
            twice = quote_name(different[counts > 1][0])
            raise CommandError(f"{source.name}: --id {quote_name(name)} has {twice} twice")
    order = np.argsort(second.id)
    place = np.searchsorted(second.id[order], first.id)
    place = order[np.minimum(place, len(order) - 1)]
    missing = second.id[place] != first.id
    if missing.any() or len(first.id) != len(second.id):
        which = first.id[missing] if missing.any() else np.setdiff1d(second.id, first.id)
        raise CommandError(
            f"{sources[0].name} and {sources[1].name} have different rows: only one has --id "
            f"{quote_name(which[0])}"
        )
    taken = {
        field: None if part is None else part[place]
        for field, part in second._asdict().items()
        if field not in ("classes", "pos")
    }
    return second._replace(**taken)


def _check_same(first, second, sources):
    names = f"{sources[0].name} and {sources[1].name}"
    if first.classes.tolist() != second.classes.tolist():
        raise CommandError(
            f"{names} are about different classes: {list_names(first.classes.tolist())} and "
            f"{list_names(second.classes.tolist())}"
        )
    if len(first.scores) != len(second.scores):
        raise CommandError(
            f"{names} have {len(first.scores)} and {len(second.scores)} rows; both models must "
            "have predicted the same ones"
        )
    if first.codes is not None and second.codes is not None:
        differ = first.codes != second.codes
        if differ.any():
            row = int(differ.argmax())
            labels = [given.classes[given.codes[row]] for given in (first, second)]
            raise CommandError(
                f"{names} do not hold the same rows: the label of row {row + 1} is "
                f"{quote_name(labels[0])} in one and {quote_name(labels[1])} in the other; "
                "--id NAME matches rows"
            )


def compute_differences(first, second, asked):
    """Return the differences, second minus first, by name: values, limits and p-values."""
    before, after = losses_of_rows(first), losses_of_rows(second)
    found = {}
    for name in DIFFERENCES:
        if name == "ece_squared":
            square = partial(metrics.calibration_error, norm="l2_squared", debias=True)
            found[name] = _bootstrap(square, first, second, asked, "normal")
            continue
        with np.errstate(invalid="ignore"):  # both infinite
            values = after[name] - before[name]
        if not np.isfinite(values).all():
            with np.errstate(invalid="ignore"):
                value = np.subtract(after[name].mean(), before[name].mean())
            found[name] = _as_dict(float(value), *[np.nan] * 3)
        elif np.ptp(values) > 0 and 1 < len(values) <= FEW_ROWS:
            metric = partial(_mean_over_rows(name))
            found[name] = _bootstrap(metric, first, second, asked, "BCa")
        else:
            found[name] = _normally(mean_of(values, first.weight, asked), asked)
    return found


def _mean_over_rows(name):
    def prepare(predictions):
        values = losses_of_rows(predictions)[name]
        return lambda weight: weight @ values / weight.sum()

    @prepared_by(prepare)
    def mean(y_true, y_proba):
        raise NotImplementedError("It is always prepared.")

    return mean


def _bootstrap(metric, first, second, asked, method):
    many = len(first.weight) > MODERATE_ROWS
    found = metrics.bootstrap_difference(
        metric,
        first.codes,
        second.proba,
        first.proba,
        method=method,
        labels=np.arange(len(first.classes)),
        pos_label=first.pos if len(first.classes) == 2 else None,
        sample_weight=first.weight,
        groups=asked.cluster,
        n_resamples=RESAMPLES[many],
        confidence_level=asked.confidence_level,
        random_state=asked.random_state,
    )
    return _as_dict(found.difference, found.low, found.high, found.p_value)


def _normally(figure, asked):
    """Return a difference of means with its two-sided p-value by the normal law."""
    reach = figure.upper - figure.value
    if figure.value == 0 or np.isnan(reach):
        return _as_dict(*figure, 1.0 if figure.value == 0 else np.nan)
    error = reach / ndtri((1 + asked.confidence_level) / 2)
    return _as_dict(*figure, float(2 * ndtr(-abs(figure.value) / error)) if error > 0 else 0.0)


def _as_dict(*parts):
    return dict(zip(("difference", "lower", "upper", "pvalue"), map(float, parts), strict=True))


def format_answer(answer):
    """Return the answer as a person reads it."""
    percent = f"{100 * answer['confidence_level']:g} % interval"
    rows = [["second minus first", "difference", percent, "p-value"]]
    for name, found in answer["differences"].items():
        rows.append(
            [
                name,
                _signed(found["difference"]),
                f"{_signed(found['lower'])} to {_signed(found['upper'])}",
                format_number(found["pvalue"]),
            ]
        )
    head = (
        f"first:  {answer['first']}\nsecond: {answer['second']}\n{answer['n_rows']:,.0f} rows"
    )
    return f"{head}\n\n{format_table(rows)}\n\n{verdict(answer['differences'])}"


def _signed(value):
    text = format_number(value)
    return f"+{text}" if value > 0 else text


def verdict(found):
    """Return what the proper loss says, in a sentence."""
    loss = found["log_loss"]
    if np.isfinite(loss["lower"]) and loss["pvalue"] <= LEVEL:
        better = "second" if loss["difference"] < 0 else "first"
        return (
            f"The {better} has the better probabilities (log loss, p = {loss['pvalue']:.2g})."
        )
    if np.isnan(loss["lower"]):
        return "The log losses are not comparable: a model called impossible what happened."
    return "These rows do not tell which has the better probabilities (log loss)."
