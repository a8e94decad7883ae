"""Words of findings about calibration: too sure, not sure enough, wrong for some."""

import math

from skcalib.report._finding import CAUSE, Interval
from skcalib.report._labels import list_labels, write_label
from skcalib.report._numbers import (
    two_decimals,
    write_count,
    write_interval,
    write_number,
    write_points,
    write_share,
)
from skcalib.report._words import Rows
from skcalib.report._words_of_data import count_rows

LARGEST = {"float16": 8, "bfloat16": 6, "float32": 17, "float64": 37}  # logits short of 1
SAID_AND_TRUE = "Dots: how often it came, with its interval. Rings: how often it was said."
SURE_AND_RIGHT = "Dots: how often it is right, with its interval. Rings: how sure it is."
RANGES = "Dots: what came true in each range, with its interval. Rings: what was said."
WORD_OF = {"said": "said", "confidence": "sure"}
GAINS = "What each calibrator gains, in nats per row; right of the line, it helps."
NATS = "nats per row"
AS_SURE = 0.0005  # confidence minus accuracy that is told as none


def tell_overfitted(finding, context):
    """Tell that it does better on training rows."""
    found = finding.details
    there, here = (write_share(found[f"confidence_{k}"]) for k in ("train", "here"))
    text = f"It is {there} sure of its training rows, and {here} of these."
    if found.get("log_loss_train") is not None:
        losses = (write_number(found[f"log_loss_{k}"]) for k in ("train", "here"))
        right = (write_share(found[f"accuracy_{k}"]) for k in ("train", "here"))
        text += " It is right in {} there and in {} here;".format(*right)
        text += " its log loss is {} there and {} here.".format(*losses)
    measure = finding.measure
    if found["unit"] == "nats":
        number = f"Log loss here minus there: {write_interval(measure, unit=NATS)}"
    else:
        number = f"Confidence there minus here: {write_interval(measure, write_points)}"
    return {
        "title": "It does much better on its training rows",
        "text": f"{text} A model that can memorise its training rows becomes ever surer of "
        "them, and of new rows with them. Calibration mends how sure it is; only the next "
        "training mends the cause.",
        "number": number,
        "guide": "confidence",
    }


def tell_saturated(finding, context):
    """Tell that probabilities of exactly 0 and 1 came."""
    found = finding.details
    wrong = (
        f"{write_count(found['n_wrong'])} of them wrongly" if found["n_wrong"] else "rightly"
    )
    zeros = "No true class was given exactly 0."
    if found["n_impossible"]:
        zeros = (
            f"{count_rows(found['n_impossible'])} had a true class that was given exactly 0, "
            "which makes log loss infinite."
        )
    largest = LARGEST.get(found.get("precision"))
    size = f"about {largest} in {found['precision']}" if largest else "some size"
    logits = {
        "given": "Logits were given, so that nothing is lost for calibration.",
        "recovered": "The true logits were found, so that nothing is lost for calibration.",
        "lost": f"The true logits are lost: beyond {size} each becomes exactly 1, and how "
        "large it was cannot be told afterwards.",
    }[found["logits"]]
    if found["logits"] == "lost" and not is_of_logits(finding):
        logits = "A share of votes, or of neighbours, is exactly 1 as soon as they agree."
    bad = finding.severity == CAUSE
    return {
        "title": f"It says exactly 0 and 1{', and is wrong' if bad else ''}",
        "text": f"{count_rows(found['n_saturated'])} ({write_share(finding.measure.value)}) "
        f"are answered with exactly 1, {wrong}. {zeros} {logits}",
        "number": "",
        "guide": "networks",
    }


def is_of_logits(finding):
    """Say whether these were logits once; shares of votes were not."""
    return finding.details["of_logits"]


def tell_overconfident(finding, context):
    """Tell that it is too sure."""
    return {"title": "It is too sure", **tell_temperature(finding)}


def tell_underconfident(finding, context):
    """Tell that it is not sure enough."""
    words = tell_temperature(finding)
    words["text"] += (
        " Averages (forests, ensembles), label smoothing and strong weight decay do that."
    )
    return {"title": "It is right more often than it says", **words}


def tell_temperature(finding):
    """Tell how much too large, or too small, the logits are."""
    found = finding.details
    sure, right = write_share(found["confidence"]), write_share(found["accuracy"])
    times = two_decimals(finding.measure.value)
    return {
        "text": f"It is {sure} sure on average, and right in {right} of the rows. Its logits "
        f"are {times} times as large as they should be.",
        "number": f"Temperature: {write_interval(finding.measure, two_decimals)}; 1 is right",
        "guide": "confidence",
    }


def tell_base_rate(finding, context):
    """Tell that a class is said more often than it comes."""
    found, worst = finding.details, find_worst(finding.details, "classes", "label")
    name = write_label(found["worst"])
    often = "too often" if finding.measure.value > 0 else "too seldom"
    return {
        "title": f"It expects {name} {often}",
        "text": f"By its probabilities, {write_share(worst['said'])} of these rows would be "
        f"{name}; {write_share(worst['true'])} are. Training on resampled or re-weighted rows "
        "does that (SMOTE, undersampling, class_weight), and so do rows from another source, "
        "or few training rows.",
        "number": f"Said minus true: {write_interval(finding.measure, write_points)}",
        "guide": "resampled",
        "rows": rows_of(found, "classes", "label", "said", "true", SAID_AND_TRUE),
    }


def tell_level_wrong(finding, context):
    """Tell that the ranking is good, and the level wrong."""
    found, whole = finding.details, finding.details["overall"]
    what = "that it is right"
    if context["notion"] == "positive":
        what = f"of {write_label(context['pos_label'])}"
    rows = [
        (name_range(one), Interval(one["true"], one["lower"], one["upper"]))
        for one in found["bins"]
    ]
    wrong = [name_range(one) for one in found["bins"] if one["off"]]
    where = f"The wrong ranges: {list_labels(wrong)}."
    if not wrong:
        said, true = write_share(whole["said"]), write_share(whole["true"])
        where = f"Over all rows it says {said}, and {true} come true."
    return {
        "title": "It ranks well, but its numbers are off",
        "text": "It tells rows apart, but where it says one probability "
        f"{what}, another share comes true. {where}",
        "number": f"Area under the ROC curve: {write_interval(finding.measure)}",
        "guide": "which_method",
        "rows": Rows(RANGES, rows, [one["said"] for one in found["bins"]]),
    }


def name_range(one):
    """Return "20 % to 25 %", with as many digits as tell one end from the other."""
    low, high = 100 * one["from"], 100 * one["to"]
    for digits in range(3, 9):
        ends = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if ends[0] != ends[1] and (high == 100 or ends[1] != "100"):
            break
    return f"{ends[0]} % to {ends[1]} %"


def tell_bad_class(finding, context):
    """Tell where it says a class and is wrong how surely."""
    found, worst = finding.details, find_worst(finding.details, "classes", "label")
    name = write_label(found["worst"])
    return {
        "title": f"It is {how_sure(worst)} where it says {name}",
        "text": f"It says {name} in {count_rows(worst['n'])}. "
        f"{compare(worst, found, 'classes', 'label')}",
        "number": f"Confidence minus accuracy: {write_interval(finding.measure, write_points)}",
        "guide": "how_sure",
        "rows": rows_of(found, "classes", "label", "confidence", "accuracy", SURE_AND_RIGHT),
    }


def tell_bad_group(finding, context):
    """Tell for which group it is wrong how surely."""
    found, worst = finding.details, find_worst(finding.details, "groups", "group")
    name = write_label(found["worst"])
    text = f"{count_rows(worst['n'])} are of {name}. {compare(worst, found, 'groups', 'group')}"
    if worst.get("said") is not None and context.get("pos_label") is not None:
        said, true = write_share(worst["said"]), write_share(worst["true"])
        text += f" There it expects {write_label(context['pos_label'])} in {said}; {true} are."
    return {
        "title": f"It is {how_sure(worst)} of one group: {name}",
        "text": text,
        "number": f"Confidence minus accuracy: {write_interval(finding.measure, write_points)}",
        "guide": "how_sure",
        "rows": rows_of(found, "groups", "group", "confidence", "accuracy", SURE_AND_RIGHT),
    }


def find_worst(found, listed, name):
    """Return the entry of the worst label."""
    return next(one for one in found[listed] if one[name] == found["worst"])


def how_sure(one):
    """Return which way it is wrong."""
    return "too sure" if one["gap"] > 0 else "not sure enough"


def compare(worst, found, listed, name):
    """Return how sure and how right it is of the worst, of the others, and who else is off."""
    sure, right = write_share(worst["confidence"]), write_share(worst["accuracy"])
    text = f"There it is {sure} sure, and right in {right}"
    rest = found["rest"]
    if abs(rest) < AS_SURE:
        text += "; in all other rows it is as sure as right"
    elif not math.isnan(rest):
        way = "surer than right" if rest > 0 else "less sure than right"
        text += f"; in all other rows it is {way} by {write_points(abs(rest), sign=False)}"
    off = [one[name] for one in found[listed] if one["off"] and one is not worst]
    return f"{text}.{f' Surely off, too: {list_labels(off)}.' if off else ''}"


def rows_of(found, listed, name, said, true, words):
    """Return what came true for each label, the worst one first, then the surest."""

    def place(one):
        return one[name] != found["worst"], min(-one["lower"], one["upper"])

    ordered = sorted((one for one in found[listed] if not math.isnan(one[true])), key=place)
    rows = []
    for one in ordered:
        ends = one[said] - one["upper"], one[said] - one["lower"]  # of said minus true
        rows.append((one[name], Interval(one[true], max(ends[0], 0.0), min(ends[1], 1.0))))
    return Rows(words, rows, [one[said] for one in ordered], said=WORD_OF[said])


def tell_calibrator_helps(finding, context):
    """Tell what calibration would gain."""
    found = finding.details
    best, single = write_label(found["method"]), ""
    if found["method"] == "auto" and found.get("over_single"):
        gain = write_interval(Interval(*found["over_single"]), unit=NATS)
        name = write_label(found["best_single"])
        single = f" Beside the best single method, {name}, the automatic choice gains {gain}."
    return {
        "title": "Calibration would help",
        "text": f'Fitted to some of these rows and tried on the others, method="{best}" lowers '
        f"log loss.{single}",
        "number": f"Gain: {write_interval(finding.measure, unit=NATS)}",
        "guide": "auto",
        "rows": rows_of_methods(found),
    }


def rows_of_methods(found):
    """Return the gain of each method."""
    rows = [
        (one["method"], Interval(one["gain"], one["lower"], one["upper"]))
        for one in found["methods"]
    ]
    return Rows(GAINS, rows, None, 0.0, write_number)


def tell_none_needed(finding, context):
    """Tell that no calibrator is needed."""
    gain = write_interval(finding.measure, unit=NATS)
    return {
        "title": "No calibrator is needed",
        "text": "No calibrator, fitted to some of these rows and tried on the others, surely "
        "lowers log loss.",
        "number": f"Gain of the best one: {gain}",
        "guide": "auto",
    }
