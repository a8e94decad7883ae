"""Numbers as words: shares, sums and intervals, as short as they can be told."""

import math

SMALLEST = 1e-6  # what is told in plain notation


def write_number(value, digits=3):
    """Return a number in plain notation: "0.213", "1,204"; small ones keep a digit."""
    value = float(value)
    if math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinity"
    size = abs(value)
    if size >= 1e6 or 0 < size < SMALLEST:
        return f"{value:.0e}" if size < 1 else f"{value:.1e}"
    if size >= 10:
        return f"{value:,.0f}" if size >= 100 else f"{value:.1f}"
    while 0 < size < 0.5 * 10.0**-digits:
        digits += 1
    return f"{value:.{digits}f}"


def two_decimals(value):
    """Return a number with two decimals."""
    return write_number(value, 2)


def write_count(value):
    """Return a number of rows: "1,204"; a sum of weights that is no integer keeps a decimal."""
    value = float(value)
    if not math.isfinite(value):
        return write_number(value)
    return f"{value:,.0f}" if value.is_integer() or value >= 100 else f"{value:.1f}"


def write_share(value):
    """Return a share in per cent: "97.1 %"; a share that is not 0 is not told as 0."""
    value = 100 * float(value)
    if not math.isfinite(value):
        return write_number(value)
    if 0 < value < 0.05:
        return "below 0.1 %"
    if 99.95 < value < 100:
        return "above 99.9 %"
    return f"{value:.0f} %" if value in (0, 100) else f"{value:.1f} %"


def write_points(value, sign=True):
    """Return a difference of shares in percentage points: "+3.1 points"."""
    value = 100 * float(value)
    if not math.isfinite(value):
        return write_number(value)
    if not sign:
        return "below 0.1 points" if 0 < value < 0.05 else f"{value:.1f} points"
    text = f"{value:+.1f}"
    return f"{text.lstrip('+-') if float(text) == 0 else text} points"


def write_interval(interval, write=write_number, unit=""):
    """Return "0.21 [0.17, 0.25] nats", or the value alone where no interval is known.

    A unit that ``write`` puts behind a number is told once, behind the value.
    """
    unit = f" {unit}" if unit else ""
    value, *ends = (write(number) for number in interval)
    if math.isnan(interval.lower) or math.isnan(interval.upper):
        return f"{value}{unit}"
    low, high = (end.removesuffix(" %").removesuffix(" points") for end in ends)
    return f"{value} [{low}, {high}]{unit}"
