"""Pictures as SVG, by hand: small and sharp, in the colours of the text around them."""

import math

from skcalib.messages import shorten
from skcalib.report._labels import write_label
from skcalib.report._markup import join, tag
from skcalib.report._numbers import write_count, write_interval, write_share

SAID, TRUE = "#2585c0", "#D55E00"  # what the model says, and what came true
WIDTH = 320
LEFT, RIGHT, TOP = 44, 22, 10
LONGEST_NAME = 26  # signs of a label beside its numbers


def draw_text(x, y, words, anchor="middle", **style):
    """Return a line of text."""
    return tag("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, **style)


def draw_line(x1, y1, x2, y2, color="currentColor", width=1, **style):
    """Return a line."""
    places = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    return tag("line", **places, stroke=color, stroke_width=width, **style)


def draw_dot(x, y, color, radius=3.5, hollow=False):
    """Return a dot, filled or not, so that two kinds differ in print, too."""
    fill = {"fill": "none", "stroke": color, "stroke_width": 2} if hollow else {"fill": color}
    return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius, **fill)


def picture(height, words, *parts):
    """Return a picture that screen readers are told about."""
    box = f"0 0 {WIDTH} {height:.0f}"
    return tag("svg", tag("title", words), *parts, viewBox=box, role="img")


def draw_frame(bottom, height, ticks, title):
    """Return axes from 0 to 1 below a panel, with ticks and a title."""
    right = WIDTH - RIGHT
    parts = [draw_line(LEFT, bottom, right, bottom, opacity=0.6)]
    for tick in ticks:
        x = LEFT + tick * (right - LEFT)
        parts += [
            draw_line(x, bottom, x, bottom + 4, opacity=0.6),
            draw_line(x, bottom - height, x, bottom, opacity=0.12),
            draw_text(x, bottom + 16, f"{100 * tick:.0f} %"),
        ]
    parts.append(draw_text((LEFT + right) / 2, bottom + 32, title))
    return join(parts)


def draw_reliability(curve, after=None):
    """
    Return what came true against what was said, in bins, with intervals.

    ``curve`` holds what was said, the share that came true, and the limits of its interval,
    each for all bins; ``after`` the same after calibration, drawn as rings.
    """
    side = WIDTH - LEFT - RIGHT
    bottom = TOP + side

    def place(share):
        return bottom - min(max(share, 0), 1) * side

    parts = [draw_frame(bottom, side, (0, 0.25, 0.5, 0.75, 1), "what the model says")]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            draw_text(LEFT - 6, place(tick) + 4, f"{100 * tick:.0f} %", "end"),
            draw_line(LEFT, place(tick), WIDTH - RIGHT, place(tick), opacity=0.12),
        ]
    parts.append(
        draw_line(
            LEFT, bottom, WIDTH - RIGHT, TOP, width=1.5, stroke_dasharray="5 4", opacity=0.6
        )
    )
    for said, true, lower, upper in zip(*curve, strict=True):
        x = LEFT + said * side
        if not math.isnan(lower + upper):
            parts.append(draw_line(x, place(lower), x, place(upper), TRUE, 2))
        parts.append(draw_dot(x, place(true), TRUE))
    for said, true, *_ in zip(*(after or ()), strict=True):
        parts.append(draw_dot(LEFT + said * side, place(true), SAID, hollow=True))
    return picture(bottom + 40, "How often it is right, against how sure it says it is", *parts)


def draw_histogram(counts):
    """Return how many rows were answered how surely: counts in equal bins from 0 to 1."""
    height, total = 90, sum(counts)
    bottom, most = TOP + height, max([*counts, 1])
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    parts = [draw_frame(bottom, height, (0, 0.25, 0.5, 0.75, 1), "how sure it says it is")]
    for k, count in enumerate(counts):
        if count > 0:
            tall = max(1, height * count / most)
            place = {"x": f"{LEFT + k * step + 0.5:.1f}", "y": f"{bottom - tall:.1f}"}
            size = {"width": f"{step - 1:.1f}", "height": f"{tall:.1f}"}
            parts.append(tag("rect", **place, **size, fill=SAID))
    parts.append(draw_text(LEFT - 6, TOP + 8, write_share(most / max(total, 1)), "end"))
    parts.append(draw_text(LEFT - 6, bottom, "0 %", "end"))
    return picture(bottom + 40, f"How sure it is of {write_count(total)} rows", *parts)


def scale_for(rows, others, write):
    """Return the limits of an axis that holds all intervals and the other values."""
    values = [*others]
    for _, interval in rows:
        values += [value for value in interval if math.isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    low, high = low - margin, high + margin
    return (max(low, 0.0), min(high, 1.0)) if write is write_share else (low, high)


def draw_intervals(rows, words, marks=None, reference=None, write=write_share):
    """
    Return a row for each of some labels: its interval, and what was said beside it.

    ``rows`` are pairs of a label and an Interval, ``marks`` one value for each row (rings),
    and ``reference`` is a value for all of them (a short line in each row).
    """
    marks = [None] * len(rows) if marks is None else marks
    others = [value for value in (reference, *marks) if value is not None]
    low, high = scale_for(rows, others, write)
    left, right, step = 14, WIDTH - 14, 32

    def place(value):
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    bottom, parts = TOP + step * len(rows) + 2, []
    for k, ((label, interval), mark) in enumerate(zip(rows, marks, strict=True)):
        y = TOP + step * k + 22
        parts.append(
            draw_text(left - 8, y - 11, shorten(write_label(label), LONGEST_NAME), "start")
        )
        parts.append(
            draw_text(right + 8, y - 11, write_interval(interval, write), "end", opacity=0.8)
        )
        parts.append(draw_line(left, y, right, y, opacity=0.15))
        if reference is not None:
            x = place(reference)
            parts.append(draw_line(x, y - 6, x, y + 6, width=1.5, opacity=0.7))
        if math.isfinite(interval.lower) and math.isfinite(interval.upper):
            parts.append(draw_line(place(interval.lower), y, place(interval.upper), y, TRUE, 3))
        if math.isfinite(interval.value):
            parts.append(draw_dot(place(interval.value), y, TRUE))
        if mark is not None:
            parts.append(draw_dot(place(mark), y, SAID, 4.5, hollow=True))
    parts.append(draw_text(left - 8, bottom + 12, write(low), "start", opacity=0.7))
    parts.append(draw_text(right + 8, bottom + 12, write(high), "end", opacity=0.7))
    return picture(bottom + 18, words, *parts)
