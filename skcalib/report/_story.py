"""A report in words, before it is text or a page: told once, for both."""

from typing import NamedTuple

import numpy as np

from skcalib.report import _words_of_calibration as calibration
from skcalib.report import _words_of_data as data
from skcalib.report._finding import CAUSE, Interval
from skcalib.report._labels import list_labels, write_label
from skcalib.report._numbers import write_count, write_interval
from skcalib.report._words import FIGURES, TILES, Rows, Told
from skcalib.report._words_of_cures import FROZEN, find_remedy

TELLERS = {
    "bad_class": calibration.tell_bad_class,
    "bad_group": calibration.tell_bad_group,
    "base_rate": calibration.tell_base_rate,
    "calibrator_helps": calibration.tell_calibrator_helps,
    "few_levels": data.tell_few_levels,
    "level_wrong": calibration.tell_level_wrong,
    "none_needed": calibration.tell_none_needed,
    "overconfident": calibration.tell_overconfident,
    "overfitted": calibration.tell_overfitted,
    "permuted": data.tell_permuted,
    "predict_disagrees": data.tell_predict_disagrees,
    "rounded": data.tell_rounded,
    "saturated": calibration.tell_saturated,
    "sums_off": data.tell_sums_off,
    "too_few_rows": data.tell_too_few_rows,
    "training_rows": data.tell_training_rows,
    "underconfident": calibration.tell_underconfident,
    "unlike_training": data.tell_unlike_training,
    "unrepeatable": data.tell_unrepeatable,
}
SMALL = " With so many rows that is sure, but it is next to nothing."
FOOT = (
    "Intervals are of 95 %; those of classes, groups and ranges hold for all of them at once. "
    "Log loss is in nats per row: the mean of minus the natural logarithm of the probability "
    "that was given to what came true."
)


class Tile(NamedTuple):
    """One of the figures, in words."""

    title: str
    number: str
    interval: str
    words: str


class Story(NamedTuple):
    """A report in words."""

    subject: str
    rows: str
    mood: str
    verdict: str
    figures: list
    told: list
    curves: dict
    groups: Rows | None
    notion: str
    foot: str


def tell_story(report):
    """Return a report in words."""
    context = report.context
    mood, verdict = judge(report.findings, context)
    return Story(
        subject=name_subject(context),
        rows=describe_rows(context),
        mood=mood,
        verdict=verdict,
        figures=[show_figure(k, report.figures[k]) for k in TILES if k in report.figures],
        told=shorten_remedies([tell(finding, context) for finding in report.findings]),
        curves=draw_curves(report.curves),
        groups=show_groups(report),
        notion=name_notion(context),
        foot=FOOT + versions_of(context),
    )


def tell(finding, context):
    """Return one finding in words."""
    words = {"rows": None, **TELLERS[finding.code](finding, context)}
    if finding.details.get("small"):
        words["text"] += SMALL
    remedy = find_remedy(finding, context)
    return Told(code=finding.code, severity=finding.severity, remedy=remedy, **words)


def shorten_remedies(told):
    """Return findings whose remedy was told already with a word that says so."""
    known, shorter = {}, []
    for one in told:
        code = one.remedy.code if one.remedy else ""
        if code and code in known:
            words = f'What mends "{known[code]}" mends this, too.'
            one = one._replace(remedy=one.remedy._replace(again=words))
        elif code:
            known[code] = one.title
        shorter.append(one)
    return shorter


def judge(findings, context):
    """Return how the model looks, in a word for the colour, and in a line."""
    codes = [finding.code for finding in findings]
    causes = [finding for finding in findings if finding.severity == CAUSE]
    if causes:
        first = tell(causes[0], context).title
        if len(causes) == 1:
            return "cause", f"One thing is wrong: {lower_first(first)}."
        return (
            "cause",
            f"{len(causes)} things are wrong; the first to mend: {lower_first(first)}.",
        )
    if "too_few_rows" in codes:
        rows = data.count_rows(context["n_rows"])
        return "unsure", f"Nothing wrong was found, but {rows} are too few to tell."
    return "calm", "What it says is what comes true, as far as these rows can tell."


def lower_first(text):
    """Return a sentence as it goes on behind a colon."""
    return text[0].lower() + text[1:]


def name_subject(context):
    """Return what the report is about."""
    if context.get("estimator"):
        name = context["estimator"]
        return "A trained network" if name in FROZEN else write_label(name)
    return {"predictions": "Given probabilities", "logits": "Given logits"}.get(
        context["source"], "A classifier"
    )


def describe_rows(context):
    """Return how many rows and which classes it is about."""
    classes = context["classes"]
    words = (
        f"{data.count_rows(context['n_rows'])}, {len(classes)} classes ({list_labels(classes)})"
    )
    if context.get("n_train") is not None:
        words += f"; {write_count(context['n_train'])} training rows to compare with"
    return words


def show_figure(name, interval):
    """Return one figure in words."""
    known = FIGURES[name]
    number, bracket, limits = write_interval(interval, known.write).partition(" [")
    return Tile(known.title, number, bracket[1:] + limits, known.words)


def name_notion(context):
    """Return what the reliability curve is about."""
    if context.get("notion") == "positive":
        return f"the probability of {write_label(context['pos_label'])}"
    return "the largest probability"


def draw_curves(curves):
    """Return the curves as columns of numbers to draw, without empty bins."""
    found = {}
    for name in ("reliability", "reliability_after"):
        if name in curves:
            curve = curves[name]
            full = np.asarray(curve["count"]) > 0
            keys = ("mean_proba", "frequency", "low", "high")
            found[name] = [np.asarray(curve[key], dtype=float)[full].tolist() for key in keys]
    if "histogram" in curves:
        found["histogram"] = np.asarray(curves["histogram"]["count"], dtype=float).tolist()
    return found


def show_groups(report):
    """Return how right and how sure it is of each group, unless a finding shows it already."""
    if "groups" not in report.curves or any(f.code == "bad_group" for f in report.findings):
        return None
    groups = report.curves["groups"]
    ends = zip(groups["accuracy"], groups["low"], groups["high"], strict=True)
    intervals = [Interval(*map(float, row)) for row in ends]
    rows = list(zip(groups["group"], intervals, strict=True))
    words = calibration.SURE_AND_RIGHT
    return Rows(f"By group. {words}", rows, [float(sure) for sure in groups["confidence"]])


def versions_of(context):
    """Return what the report was made with."""
    versions = context.get("versions") or {}
    names = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f" Made with {names}." if names else ""
