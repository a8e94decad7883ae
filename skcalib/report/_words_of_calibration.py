"""Words of findings about calibration: too sure, not sure enough, wrong for some."""

from skcalib.report._finding import CAUSE, Interval
from skcalib.report._numbers import (
    list_labels,
    write_count,
    write_interval,
    write_label,
    write_number,
    write_points,
    write_share,
)
from skcalib.report._words import Rows
from skcalib.report._words_of_data import interval_of_true

BITS = {"float16": 8, "bfloat16": 6, "float32": 17, "float64": 37}  # logits that round to 1


def tell_overfitted(finding, context):
    """Tell that it does better on training rows."""
    found, unit = finding.details, finding.details["unit"]
    known = found.get("log_loss_train") is not None
    losses = (
        f" Log loss is {write_number(found['log_loss_train'])} there and "
        f"{write_number(found['log_loss_here'])} here; it is right in "
        f"{write_share(found['accuracy_train'])} there and in "
        f"{write_share(found['accuracy_here'])} here."
        if known
        else ""
    )
    number = (
        f"Log loss here is higher by {write_interval(finding.measure, unit='nats per row')}"
        if unit == "nats"
        else f"Surer there by {write_interval(absolute(finding.measure), write_points)}"
    )
    return {
        "title": "It has learned its training rows by heart",
        "text": f"It is {write_share(found['confidence_train'])} sure of its training rows and "
        f"{write_share(found['confidence_here'])} sure of these.{losses} A model that can "
        "memorise its training rows makes them ever more certain, and new rows with them. "
        "Calibration mends how sure it is; only the next training mends the cause.",
        "number": number,
        "guide": "confidence",
    }


def absolute(interval):
    """Return the interval of a difference the other way round, if it is negative."""
    value, lower, upper = interval
    return interval if value >= 0 else Interval(-value, -upper, -lower)


def tell_saturated(finding, context):
    """Tell that probabilities of exactly 0 and 1 came."""
    found = finding.details
    bits = BITS.get(found.get("precision"))
    lost = (
        f" In {found['precision']} every logit beyond about {bits} becomes exactly 1"
        if bits
        else " Beyond some logit every answer becomes exactly 1"
    )
    how = {
        "given": "Logits were given, so nothing is lost for calibration.",
        "recovered": "The network's true logits were found, so nothing is lost for calibration.",
        "lost": f"The true logits are lost.{lost}, and how large they were cannot be told "
        "afterwards.",
    }[found["logits"]]
    wrong = f"{write_count(found['n_wrong'])} of them wrongly" if found["n_wrong"] else "all rightly"
    text = (
        f"{write_count(found['n_saturated'])} rows ({write_share(finding.measure.value)}) are "
        f"answered with a probability of exactly 1, {wrong}; "
    )
    if found["n_impossible"]:
        text += (
            f"{write_count(found['n_impossible'])} rows belong to a class that was given exactly "
            "0, each of which makes log loss infinite. "
        )
    else:
        text += "no true class was given exactly 0. "
    return {
        "title": "It says exactly 0 and 1, and is wrong"
        if finding.severity == CAUSE
        else "It says exactly 0 and 1",
        "text": text + how,
        "number": "",
        "guide": "networks",
    }


def tell_overconfident(finding, context):
    """Tell that it is too sure."""
    found = finding.details
    return {
        "title": "It is too sure",
        "text": f"It is {write_share(found['confidence'])} sure on average, and right in "
        f"{write_share(found['accuracy'])} of the rows. Its logits are "
        f"{write_number(finding.measure.value, 2)} times as large as they should be.",
        "number": f"Temperature {write_interval(finding.measure, two_decimals)}; 1 is right",
        "guide": "confidence",
    }


def tell_underconfident(finding, context):
    """Tell that it is not sure enough."""
    found = finding.details
    return {
        "title": "It is right more often than it says",
        "text": f"It is {write_share(found['confidence'])} sure on average, and right in "
        f"{write_share(found['accuracy'])} of the rows. Its logits are "
        f"{write_number(finding.measure.value, 2)} times as large as they should be. Averages "
        "(forests, ensembles), label smoothing and strong weight decay do that.",
        "number": f"Temperature {write_interval(finding.measure, two_decimals)}; 1 is right",
        "guide": "confidence",
    }


def two_decimals(value):
    """Return a number with two decimals."""
    return write_number(value, 2)


def tell_base_rate(finding, context):
    """Tell that a class is said more often than it comes."""
    found = finding.details
    worst = next(one for one in found["classes"] if one["label"] == found["worst"])
    often = "more" if finding.measure.value > 0 else "less"
    return {
        "title": f"It expects some classes too often: {write_label(found['worst'])}"
        if finding.measure.value > 0
        else f"It expects some classes too seldom: {write_label(found['worst'])}",
        "text": f"By its probabilities, {write_label(worst['label'])} would be "
        f"{write_share(worst['said'])} of these rows; it is {write_share(worst['true'])}, so it "
        f"is expected {often} often than it comes. This is what resampled or re-weighted "
        "training rows do (SMOTE, undersampling, class_weight), or rows from another source.",
        "number": f"Said minus true: {write_interval(finding.measure, write_points)}",
        "guide": "resampled",
        "rows": rows_of(found["classes"], "label", "said", "true", SAID_AND_TRUE),
    }


SAID_AND_TRUE = "Share of each class: what came true (dot, with its interval), and what was said (ring)."
SURE_AND_RIGHT = "How often it is right (dot, with its interval), and how sure it is (ring)."


def rows_of(listed, name, said, true, words):
    """Return what came true for each label, those that are most surely off first."""
    ordered = sorted(listed, key=how_far, reverse=True)
    rows = [(one[name], interval_of_true(one, said, true)) for one in ordered]
    return Rows(words, rows, [one[said] for one in ordered])


def how_far(one):
    """Return how far the interval of a gap is from 0."""
    return max(one["lower"], -one["upper"])


def tell_level_wrong(finding, context):
    """Tell that the ranking is good, and the level wrong."""
    found = finding.details
    of = f"of {write_label(context['pos_label'])}" if found["notion"] == "positive" else "of being right"
    rows = [
        (
            f"{write_share(one['from'])} to {write_share(one['to'])}",
            Interval(one["true"], one["lower"], one["upper"]),
        )
        for one in found["bins"]
    ]
    marks = [one["said"] for one in found["bins"]]
    return {
        "title": "It ranks well, but its numbers are off",
        "text": f"It tells rows apart (area under the ROC curve "
        f"{write_number(finding.measure.value)}), but where it says a probability {of}, "
        "another share comes true, and one temperature does not put that right.",
        "number": f"Area under ROC: {write_interval(finding.measure)}",
        "guide": "which_method",
        "rows": Rows("What came true in each range (dot, with its interval), and what was said (ring).", rows, marks),
    }


def tell_bad_class(finding, context):
    """Tell for which predicted class it is wrong how surely."""
    found = finding.details
    worst = next(one for one in found["classes"] if one["label"] == found["worst"])
    more = "too sure" if worst["gap"] > 0 else "not sure enough"
    return {
        "title": f"It is {more} where it says {write_label(found['worst'])}",
        "text": f"Where it says {write_label(worst['label'])} ({write_count(worst['n'])} rows) it is "
        f"{write_share(worst['confidence'])} sure and right in {write_share(worst['accuracy'])}. "
        f"Over all other rows it is surer than right by {write_points(found['rest'])}. Off as "
        f"surely: {list_off(found['classes'], 'label')}.",
        "number": f"Surer than right by {write_interval(finding.measure, write_points)}",
        "guide": "how_sure",
        "rows": rows_of(found["classes"], "label", "confidence", "accuracy", SURE_AND_RIGHT),
    }


def tell_bad_group(finding, context):
    """Tell for which group it is wrong how surely."""
    found = finding.details
    worst = next(one for one in found["groups"] if one["group"] == found["worst"])
    more = "too sure" if worst["gap"] > 0 else "not sure enough"
    text = (
        f"Of the group {write_label(worst['group'])} ({write_count(worst['n'])} rows) it is "
        f"{write_share(worst['confidence'])} sure, and right in {write_share(worst['accuracy'])}. "
        f"Over all other rows it is surer than right by {write_points(found['rest'])}."
    )
    if worst.get("said") is not None:
        text += (
            f" In this group it expects {write_label(context['pos_label'])} in "
            f"{write_share(worst['said'])}; it comes in {write_share(worst['true'])}."
        )
    return {
        "title": f"It is {more} of one group: {write_label(found['worst'])}",
        "text": f"{text} Off as surely: {list_off(found['groups'], 'group')}.",
        "number": f"Surer than right by {write_interval(finding.measure, write_points)}",
        "guide": "how_sure",
        "rows": rows_of(found["groups"], "group", "confidence", "accuracy", SURE_AND_RIGHT),
    }


def list_off(listed, name):
    """Return the labels whose gap is surely not 0."""
    return list_labels([one[name] for one in listed if one["off"]], 6) or "none"


def tell_calibrator_helps(finding, context):
    """Tell what calibration would gain."""
    found = finding.details
    over = found.get("over_single")
    single = ""
    if over is not None and found["method"] == "auto" and found.get("best_single"):
        single = (
            f" The best single method is {write_label(found['best_single'])}; the automatic "
            f"choice is better by {write_interval(Interval(*over), unit='nats')}."
        )
    return {
        "title": "Calibration would help",
        "text": f"Fitted to some of these rows and tried on the others, "
        f"{write_label(found['method'])} lowers log loss.{single}",
        "number": f"Gain: {write_interval(finding.measure, unit='nats per row')}",
        "guide": "auto",
        "rows": rows_of_methods(found),
    }


def rows_of_methods(found):
    """Return the gain of each method."""
    rows = [
        (one["method"], Interval(one["gain"], one["lower"], one["upper"]))
        for one in found["methods"]
    ]
    words = "Gain of each calibrator in nats per row; right of the line, it helps."
    return Rows(words, rows, None, 0.0, write_number)


def tell_none_needed(finding, context):
    """Tell that no calibrator is needed."""
    return {
        "title": "No calibrator is needed",
        "text": "As far as these rows can tell, what it says is what comes true: no calibrator, "
        "fitted to some of them and tried on the others, surely lowers log loss.",
        "number": f"Gain of the best one: {write_interval(finding.measure, unit='nats per row')}",
        "guide": "auto",
    }
