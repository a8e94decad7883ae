"""Classes that are said to be more frequent than they are, or less."""

import numpy as np

from skcalib.report._bounds import share_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Finding, Interval
from skcalib.report._levels import LEVEL

SMALL = 0.005


def find_base_rate(evidence):
    """Find classes whose mean probability is not how often they are true."""
    if evidence.permuted or not evidence.levels.rejects("base_rate"):
        return None
    off = evidence.levels.parts_off("base_rate")
    rows = tabulate_base_rates(evidence, off)
    worst = rows[int(evidence.levels.tested["base_rate"].parts.argmin())]
    if len(evidence.classes) == 2:
        worst = rows[evidence.pos]
    small = all(abs(r["lower"]) < SMALL > abs(r["upper"]) for r in rows if r["off"])
    details = {
        "classes": rows,
        "worst": worst["label"],
        "pvalue": evidence.levels.pvalue["base_rate"],
        "small": small,
    }
    measure = Interval(worst["gap"], worst["lower"], worst["upper"])
    cure = calibrate(evidence, but=("temperature",))
    return Finding("base_rate", NOTE if small else CAUSE, measure, details, cure)


def tabulate_base_rates(evidence, off):
    """Return what was said of each class, and what was true, with simultaneous intervals."""
    said = evidence.weight @ evidence.proba / evidence.total
    count = np.bincount(evidence.codes, evidence.weight, minlength=len(said))
    true = count / evidence.total
    low, high = share_interval(true, evidence.total, LEVEL / len(off))
    off = np.repeat(off, 2) if len(said) == 2 else off
    return [
        {
            "label": label,
            "n": float(count[k]),
            "said": float(said[k]),
            "true": float(true[k]),
            "gap": float(said[k] - true[k]),
            "lower": float(said[k] - high[k]),
            "upper": float(said[k] - low[k]),
            "off": bool(off[k]),
        }
        for k, label in enumerate(evidence.classes.tolist())
    ]
