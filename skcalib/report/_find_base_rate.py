"""Classes that are said to be more frequent than they are, or less."""

import numpy as np

from skcalib.report._bounds import gap_interval
from skcalib.report._cures import calibrate
from skcalib.report._finding import CAUSE, NOTE, Finding, Interval
from skcalib.report._levels import LEVEL

SMALL = 0.01  # of a share of rows


def find_base_rate(evidence):
    """Find classes whose mean probability is not how often they are true."""
    if evidence.is_spoilt or not evidence.levels.rejects("base_rate"):
        return None
    off = evidence.levels.parts_off("base_rate")
    rows = tabulate_base_rates(evidence, off)
    if not any(row["off"] for row in rows):
        return None
    parts = evidence.levels.tested["base_rate"].parts
    worst = min(
        (k for k, row in enumerate(rows) if row["off"]),
        key=lambda k: (parts[k if len(parts) > 1 else 0], k != evidence.pos),
    )
    worst = rows[worst]
    small = all(max(-r["lower"], r["upper"]) < SMALL for r in rows if r["off"])
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
    level = LEVEL / len(off)
    said = evidence.weight @ evidence.proba / evidence.total
    count = np.bincount(evidence.codes, evidence.weight, minlength=len(said))
    true = count / evidence.total
    gaps = [
        gap_interval(evidence.proba[:, k], evidence.codes == k, evidence.weight, level)
        for k in range(len(said))
    ]
    off = np.repeat(off, 2) if len(said) == 2 else off
    return [
        {
            "label": label,
            "n": float(count[k]),
            "said": float(said[k]),
            "true": float(true[k]),
            **dict(zip(("gap", "lower", "upper"), gaps[k], strict=True)),
            "off": bool(off[k] and not gaps[k][1] <= 0 <= gaps[k][2]),
        }
        for k, label in enumerate(evidence.classes.tolist())
    ]
