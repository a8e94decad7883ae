"""Numbers as words: shares, sums and intervals, as short as they can be told."""

import math

import numpy as np

from skcalib.messages import shorten

LONGEST_LABEL = 40  # characters of a label, or of the name of a group


def write_number(value, digits=3):
    """Return a number in plain notation with at most so many decimals: "0.213", "1,204"."""
    value = float(value)
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinity"
    if abs(value) >= 1e6 or 0 < abs(value) < 0.5 * 10.0**-digits:
        return f"{value:.1e}" if abs(value) >= 1e6 else f"{value:.0e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def write_count(value):
    """Return a number of rows: "1,204"."""
    return f"{int(value):,}" if math.isfinite(float(value)) else write_number(value)


def write_share(value):
    """Return a share of 1 in per cent: "97.1 %"; what is below the last digit is not told as 0."""
    value = 100 * float(value)
    if not math.isfinite(value):
        return write_number(value)
    if 0 < value < 0.05:
        return "below 0.1 %"
    if 99.95 < value < 100:
        return "above 99.9 %"
    text = f"{value:.1f}"
    return f"{text.lstrip('-') if float(text) == 0 else text} %"


def write_points(value, sign=True):
    """Return a difference of shares in percentage points: "+3.1 points"."""
    value = 100 * float(value)
    if not math.isfinite(value):
        return write_number(value)
    if not sign and 0 < abs(value) < 0.05:
        return f"{value:.0e} points"
    text = f"{value:+.1f}" if sign else f"{value:.1f}"
    return f"{text.lstrip('+-') if float(text) == 0 else text} points"


def write_interval(interval, write=write_number, unit=""):
    """Return "0.21 [0.17, 0.25] nats", or the value alone where no interval is known."""
    value = write(interval.value)
    unit = f" {unit}" if unit else ""
    if np.isnan([interval.lower, interval.upper]).any():
        return f"{value}{unit}"
    lower, upper = write(interval.lower), write(interval.upper)
    for own in (" %", " points"):  # told once, behind the bracket or the upper limit
        if all(text.endswith(own) for text in (value, lower, upper)):
            lower = lower.removesuffix(own)
            value = value if own == " %" else value.removesuffix(own)
    return f"{value} [{lower}, {upper}]{unit}"


def write_label(label):
    """Return a label, or the name of a group, as one short line of text."""
    if isinstance(label, np.generic):
        label = label.item()
    return shorten(" ".join(str(label).split()) or repr(label), LONGEST_LABEL)


def list_labels(labels, most=4):
    """Return "a", "a and b", "a, b and c", or "a, b, c, d and 8 more"."""
    names = [write_label(label) for label in labels]
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most:,} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
