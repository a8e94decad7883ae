"""Classes and groups in which confidence is worse than in the rest."""

import numpy as np
from scipy.special import ndtri

from skcalib.report._bounds import gap_interval, mean_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Cure, Finding, Interval
from skcalib.report._levels import LEVEL
from skcalib.report._recalibrated import recalibrate

SMALL = 0.02  # of confidence minus accuracy


def find_bad_class(evidence):
    """Find predicted classes whose confidence is off, and more so than that of the others."""
    labels = evidence.classes.tolist()
    return _find(evidence, "bad_class", "predicted", labels, evidence.rows_predicted, "label")


def find_bad_group(evidence):
    """Find groups of rows whose confidence is off, and more so than that of the others."""
    if evidence.group_rows is None:
        return None
    names = evidence.group_names.tolist()
    return _find(evidence, "bad_group", "groups", names, evidence.group_rows, "group")


def _find(evidence, code, name, names, slices, key):
    if evidence.is_spoilt or not evidence.levels.rejects(name):
        return None
    off = evidence.levels.parts_off(name)
    with_event = name == "groups" and len(evidence.classes) == 2
    worse = [
        is_off and _is_worse(evidence, rows, len(off), with_event)
        for rows, is_off in zip(slices, off, strict=True)
    ]
    if not any(worse):
        return None
    tested = np.where(worse, evidence.levels.tested[name].parts, np.inf)
    worst = int(tested.argmin())
    rows = [
        {key: own, **describe_part(evidence, r, len(off)), "off": bool(is_worse)}
        for own, r, is_worse in zip(names, slices, worse, strict=True)
    ]
    rest = np.setdiff1d(np.arange(len(evidence.codes)), slices[worst])
    small = all(abs(row[end]) < SMALL for row in rows if row["off"]
                for end in ("lower", "upper"))  # fmt: skip
    details = {
        "classes" if key == "label" else "groups": rows,
        "worst": names[worst],
        "rest": describe_part(evidence, rest, 1)["gap"],
        "others_off": bool((off & ~np.array(worse)).any()),
        "pvalue": evidence.levels.pvalue[name],
        "small": small,
    }
    measure = Interval(*(rows[worst][part] for part in ("gap", "lower", "upper")))
    cure = calibrate(evidence)
    if key == "group":
        cure = _calibrate_group(evidence, names[worst], slices[worst])
    return Finding(code, NOTE if small else CAUSE, measure, details, cure)


def describe_part(evidence, rows, n_parts):
    """Return confidence and accuracy of some rows, with an interval that `n_parts` share."""
    weight = evidence.weight[rows]
    count = float(weight.sum())
    if not count:
        nothing = dict.fromkeys(("confidence", "accuracy", "gap", "lower", "upper"), np.nan)
        return {"n": 0.0, **nothing}
    confidence = float(weight @ evidence.confidence[rows] / count)
    accuracy = float(weight @ evidence.hit[rows] / count)
    part = evidence.confidence[rows], evidence.hit[rows], weight
    gap, low, high = gap_interval(*part, LEVEL / n_parts)
    found = {
        "n": count,
        "confidence": confidence,
        "accuracy": accuracy,
        "gap": gap,
        "lower": low,
        "upper": high,
    }
    if len(evidence.classes) == 2:
        value, hit = evidence.event
        found["said"] = float(weight @ value[rows] / count)
        found["true"] = float(weight @ hit[rows] / count)
    return found


def _is_worse(evidence, rows, n_parts, with_event):
    """Tell whether an error is surely larger than that of the other rows."""
    inside = np.zeros(len(evidence.codes), dtype=bool)
    inside[rows] = True
    if inside.all():
        return False
    events = [(evidence.confidence, evidence.hit), evidence.event]
    for value, hit in events if with_event else events[:1]:
        own, rest = (
            mean_interval((value - hit)[part], evidence.weight[part])
            for part in (inside, ~inside)
        )
        spread = np.hypot(own[2] - own[0], rest[2] - rest[0]) / -ndtri(LEVEL / 2)
        enough = -ndtri(LEVEL / (2 * n_parts)) * spread
        if abs(own[0]) > abs(rest[0]) and abs(own[0] - rest[0]) > enough:
            return True
    return False


def _calibrate_group(evidence, name, rows):
    """Return the calibrator that gains most on the rows of one group, fitted to these alone."""
    part = (evidence.logits[rows], evidence.codes[rows], evidence.weight[rows])
    found = recalibrate(*part, evidence.floor, evidence.seed, False)
    if not found:
        return Cure("calibrate_group", {"group": name, "method": "auto"}, None)
    best = found[0]
    gain = Interval(best.gain, best.lower, best.upper)
    return Cure("calibrate_group", {"group": name, "method": best.method}, gain)
