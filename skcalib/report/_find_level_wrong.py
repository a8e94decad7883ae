"""A good ranking whose level is wrong."""

import numpy as np

from skcalib.report._bounds import gap_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Finding, Interval
from skcalib.report._levels import LEVEL
from skcalib.report._ranking import area_interval

GOOD = 0.7  # an area under the ROC curve, surely above it
SMALL = 0.02  # of said minus true


def find_level_wrong(evidence):
    """Find probabilities that rank well, but do not come true as often as they say."""
    if evidence.is_spoilt or not evidence.levels.rejects("bins"):
        return None
    value, hit = evidence.event
    area = Interval(*area_interval(value, hit, evidence.weight))
    if len(evidence.classes) > 2:
        area = Interval(*mean_area(evidence))
    if not area.lower >= GOOD:
        return None
    off = evidence.levels.parts_off("bins")
    overall, *bins = tabulate_bins(evidence, off)
    if not any(row["off"] for row in (overall, *bins)):
        return None
    small = all(abs(row["said"] - row[end]) < SMALL for row in (overall, *bins) if row["off"]
                for end in ("lower", "upper"))  # fmt: skip
    details = {
        "overall": overall,
        "bins": bins,
        "notion": "positive" if len(evidence.classes) == 2 else "confidence",
        "pvalue": evidence.levels.pvalue["bins"],
        "small": small,
    }
    severity = NOTE if small else CAUSE
    return Finding("level_wrong", severity, area, details, calibrate(evidence))


def mean_area(evidence):
    """Return the mean over classes of the area of one against the rest, with an interval."""
    found = [
        area_interval(evidence.proba[:, k], evidence.codes == k, evidence.weight)
        for k in range(len(evidence.classes))
    ]
    found = [own for own in found if own[0] == own[0]]
    if not found:
        return (float("nan"),) * 3
    return tuple(float(sum(part) / len(found)) for part in zip(*found, strict=True))


def tabulate_bins(evidence, off):
    """Return confidence and accuracy of all rows, then what was said and true in each bin."""
    value, hit = evidence.event
    table = []
    everything = evidence.confidence, evidence.hit, np.arange(len(value))
    slices = [(value, hit, rows) for rows in evidence.bins]
    for (said_of, is_true, rows), is_off in zip([everything, *slices], off, strict=True):
        weight = evidence.weight[rows]
        count = float(weight.sum())
        true = float(weight @ is_true[rows] / count)
        gap = gap_interval(said_of[rows], is_true[rows], weight, LEVEL / len(off))
        said = true + gap[0]
        table.append(
            {
                "from": float(said_of[rows].min()),
                "to": float(said_of[rows].max()),
                "n": count,
                "said": said,
                "true": true,
                "lower": float(np.clip(said - gap[2], 0, 1)),
                "upper": float(np.clip(said - gap[1], 0, 1)),
                "off": bool(is_off and not gap[1] <= 0 <= gap[2]),
            }
        )
    return table
