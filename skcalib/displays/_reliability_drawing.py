"""How a reliability curve and its histogram look on given axes."""

from typing import NamedTuple

import numpy as np

from skcalib.displays._figure import (
    DASHES,
    GREY,
    MARKERS,
    add_legend,
    describe_error,
    drawn_models,
    label_of,
    line_style,
    listed,
)
from skcalib.displays._log_odds import SCALES, check_same_scale, fit_log_odds, set_log_odds
from skcalib.displays._tests import describe_p_value
from skcalib.messages import check_choice, name_in_picture
from skcalib.metrics import ReliabilityCurve

STRIP = (-0.33, -0.13)  # where the histogram is, below the curve in the same axes
BASE = "base of the histogram"  # marks the line that keeps its scale
SCALE_TEXT = {"ha": "center", "va": "bottom", "fontsize": "x-small", "color": GREY}
LINE = 0.075  # height of a line of the legend
UNEVEN = 20  # times the median bar: from here on heights are logarithms
WORDS = {
    "positive": ("Predicted probability of class {}", "Observed frequency of class {}"),
    "confidence": ("Confidence: probability of the predicted class", "Accuracy"),
    "top-label": ("Confidence", "Accuracy"),
    "class-wise": ("Predicted probability", "Frequency"),
}
TITLES = {
    "top-label": "by predicted class",
    "class-wise": "each class against all others",
}


class Scale(NamedTuple):
    """Of the bars on some axes."""

    tallest: float  # how many rows the tallest bar stands for
    log: bool  # whether heights are logarithms


class Entry(NamedTuple):
    """What is drawn of one model in one panel."""

    curve: tuple
    model: int
    histogram: tuple | None
    error: tuple | None
    panel: str | None
    p_value: float | None
    loss: float | None


def entries_of(display):
    """Return what is drawn for each curve of a display."""
    check_choice("scale", display.scale, SCALES)
    n = len(listed(display.curve))
    values = (display.histogram, display.error, display.panel, display.p_value, display.loss)
    others = ([None] * n if value is None else listed(value) for value in values)
    models = range(n) if display.model is None else listed(display.model)
    parts = [listed(display.curve), models, *others]
    return [Entry(*values) for values in zip(*parts, strict=True)]


def draw_panel(ax, entries, names, display, small, given):
    """Draw all models of one panel; return (line, band, bars) of each."""
    check_same_scale(ax, display.scale)
    if display.scale == "log-odds":
        entries, limits = fit_log_odds(ax, entries)
    prepare_axes(ax, small)
    first = drawn_models(ax)
    shown = [entry.histogram for entry in entries if entry.histogram is not None]
    counts = [part.hits + part.misses for part in shown]
    artists = []
    for entry in entries:
        label = _label(entry, names[entry.model], small)
        line, band_artist = draw_curve(
            ax,
            entry.curve,
            number=first + entry.model,
            band=display.band,
            label=label,
            given=given,
        )
        bars, color = None, line.get_color()
        if entry.histogram is not None:
            filled = first + len(entries) == 1
            bars = draw_histogram(
                ax, entry.histogram, counts=counts, color=color, filled=filled
            )
        artists.append((line, band_artist, bars))
    if display.scale == "log-odds":
        set_log_odds(ax, limits)
    return artists


def _label(entry, name, small):
    """Return the line of the legend for a model: its error, its log loss, its p-value."""
    if small:
        return label_of(name, None)
    loss = None if entry.loss is None else f"log loss {entry.loss:.3f}"
    tested = None if entry.p_value is None else describe_p_value(entry.p_value)
    return ", ".join(filter(None, (label_of(name, entry.error), loss, tested))) or None


def add_words(ax, entries, small, notion, pos_label):
    """Name the axes, and the class of a small panel."""
    x, y = (words.format(name_in_picture(pos_label)) for words in WORDS[notion])
    if not small:
        ax.set(xlabel=x, ylabel=y)
        return
    errors = [entry.error for entry in entries if entry.error is not None]
    short = " | ".join(f"{error[0]:.3f}" for error in errors)
    words = describe_error(errors[0]) if len(errors) == 1 else short
    tested = [describe_p_value(entry.p_value) for entry in entries]
    words = ", ".join([words, *tested] if words else tested) if all(tested) else words
    name = name_in_picture(entries[0].panel)
    ax.set_title(f"class {name}\n{words}".strip(), fontsize="small")
    ax.tick_params(labelsize="small")
    place = ax.get_subplotspec()
    if place is None or place.is_last_row():
        ax.set_xlabel(x, fontsize="small")
    if place is None or place.is_first_col():
        ax.set_ylabel(y, fontsize="small")


def add_legend_above(ax, title):
    """Draw the legend over the curves, where the axes are made higher for it."""
    n_lines = len(ax.get_legend_handles_labels()[1])
    if n_lines and ax.get_yscale() == "logit":
        add_legend(ax, loc="upper left", title=title)
    elif n_lines:
        ax.set_ylim(top=1.05 + LINE * (n_lines + (title is not None)))
        add_legend(ax, loc="upper left", title=title, borderpad=0.1)


def title_of(n_shown, n_in_all, notion, error_name):
    """Return which classes the panels show, and what the numbers over them are."""
    which = f"All {n_shown}" if n_shown == n_in_all else f"The {n_shown} worst of {n_in_all}"
    title = f"{which} classes, {TITLES[notion]}"
    return title if error_name is None else f"{title}\n{error_name}"


def prepare_axes(ax, small):
    """Draw the diagonal, and make room for a histogram below."""
    if not any(line.get_gid() == "diagonal" for line in ax.lines):
        ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (4, 3)), gid="diagonal", zorder=1)
    if _kept_scale(ax) is not None:
        return  # another display has done it
    if ax.get_xscale() == "logit":
        return
    ticks = np.arange(3) / 2 if small else np.arange(6) / 5
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.03), yticks=ticks)


def draw_curve(ax, curve, *, number, band, label, given):
    """Draw a curve with its band; return the line, and the band or None."""
    binned = isinstance(curve, ReliabilityCurve)
    own = (
        {"marker": MARKERS[number % len(MARKERS)], "ms": 5, "lw": 1, "ls": "-"}
        if binned
        else {}
    )
    dash = DASHES[number % len(DASHES)]
    style = {"lw": 1.8, "ls": dash, "zorder": 3, "label": label} | own
    x, y = curve[0], curve.frequency
    (line,) = ax.plot(x, y, **line_style(number, given, **style))
    if band is None:
        return line, None
    color = line.get_color()
    if not binned:
        style = {"color": color, "alpha": 0.18, "lw": 0, "zorder": 2}
        return line, ax.fill_between(x, curve.low, curve.high, **style)
    style = {"color": color, "alpha": 0.4, "lw": 2, "zorder": 2}
    if band == "consistency":
        style |= {"alpha": 0.25, "lw": 7}
    return line, ax.vlines(x, curve.low, curve.high, **style)


def draw_folds(ax, curves, color):
    """Draw the curves of single folds, thin."""
    style = {"color": color, "alpha": 0.4, "lw": 0.8, "zorder": 2}
    return [ax.plot(curve[0], curve.frequency, **style)[0] for curve in curves]


def draw_histogram(ax, histogram, *, counts, color, filled):
    """Draw the counts below the curve; an empty bin has no bar."""
    count = histogram.hits + histogram.misses
    tallest, log = _kept_scale(ax) or _add_scale(ax, counts)
    bottom, top = STRIP
    height = (top - bottom) * np.minimum(_height(count, log) / _height(tallest, log), 1.15)
    some = count > 0
    left, right = histogram.lower[some], histogram.upper[some]
    style = {"color": color, "alpha": 0.55, "lw": 0} if filled else _outline(color)
    return ax.bar(left, height[some], right - left, bottom, align="edge", zorder=2, **style)


def _outline(color):
    return {"facecolor": "none", "edgecolor": color, "lw": 0.9}


def _height(count, log):
    return np.log1p(count) if log else count


def _kept_scale(ax):
    """Return the scale of the histogram that was drawn first on these axes, or None."""
    scales = [line.histogram_scale for line in ax.lines if line.get_gid() == BASE]
    return scales[0] if scales else None


def _add_scale(ax, counts):
    """Draw the line under the bars and the ticks; return the scale, which the line keeps.

    What is drawn first on these axes decides for what comes later.
    """
    filled = np.concatenate([count[count > 0] for count in counts])
    tallest = float(filled.max())
    scale = Scale(tallest, bool(tallest > UNEVEN * np.median(filled)))
    bottom, top = STRIP
    style = {"color": GREY, "lw": 0.6, "zorder": 1}
    ax.axhline(bottom, gid=BASE, **style).histogram_scale = scale  # goes where the line goes
    ax.axhline(0, gid="base", **style)
    ax.set_ylim(bottom - 0.01, 1.03)
    ticks = [bottom, top, *ax.get_yticks()]
    most = f"{tallest:,.0f}" if tallest >= 10 else f"{tallest:.3g}"
    words = ["0", most, *(f"{tick:.1f}" for tick in ticks[2:])]
    ax.set_yticks(ticks, words)
    ax.text(0.5, top, "rows, log scale" if scale.log else "rows", **SCALE_TEXT)
    return scale
