"""A good ranking whose level is wrong."""

from skcalib.report._bounds import share_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Finding, Interval
from skcalib.report._levels import LEVEL
from skcalib.report._ranking import area_interval

GOOD = 0.7  # an area under the ROC curve, surely above it
SMALL = 0.01


def find_level_wrong(evidence):
    """Find probabilities that rank well, but do not come true as often as they say."""
    if evidence.permuted or not evidence.levels.rejects("bins"):
        return None
    value, hit = evidence.event
    area = Interval(*area_interval(value, hit, evidence.weight))
    if len(evidence.classes) > 2:
        area = Interval(*mean_area(evidence))
    if not area.lower >= GOOD:
        return None
    bins = tabulate_bins(evidence, evidence.levels.parts_off("bins"))
    small = all(abs(row["said"] - row[end]) < SMALL for row in bins if row["off"]
                for end in ("lower", "upper"))  # fmt: skip
    details = {
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
    """Return what was said and what was true in each bin, with simultaneous intervals."""
    value, hit = evidence.event
    table = []
    for rows, is_off in zip(evidence.bins, off, strict=True):
        weight = evidence.weight[rows]
        count = float(weight.sum())
        true = float(weight @ hit[rows] / count)
        low, high = share_interval(true, count, LEVEL / len(off))
        table.append(
            {
                "from": float(value[rows].min()),
                "to": float(value[rows].max()),
                "n": count,
                "said": float(weight @ value[rows] / count),
                "true": true,
                "lower": float(low),
                "upper": float(high),
                "off": bool(is_off),
            }
        )
    return table
