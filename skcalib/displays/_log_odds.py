"""Reliability curves on axes of log-odds, where the probabilities of rare classes are apart."""

import numpy as np

from skcalib.displays._figure import drawn_models

SCALES = ("linear", "log-odds")
LEAST = 1e-6  # what is nearer to 0 or 1 is drawn at the edge


def check_same_scale(ax, scale):
    """Raise ValueError if another display has drawn on these axes in the other scale."""
    there = "log-odds" if ax.get_xscale() == "logit" else "linear"
    if drawn_models(ax) and there != scale:
        raise ValueError(
            f"scale is {scale!r}, but what is on these axes was drawn with scale={there!r}; "
            "give the same scale, or other axes."
        )


def fit_log_odds(ax, entries):
    """Return the entries as they can be drawn on these axes, and the limits of both axes.

    Without counts, whose bins of equal width say nothing there.
    """
    values = np.concatenate(
        [
            np.ravel(part)
            for entry in entries
            for part in (entry.curve[0], entry.curve.frequency)
        ]
    )
    values = values[np.isfinite(values)]
    limits = [_lower_limit(values), 1 - _lower_limit(1 - values)]
    if drawn_models(ax):
        limits = [min(limits[0], ax.get_xlim()[0]), max(limits[1], ax.get_xlim()[1])]
    return [
        entry._replace(curve=_clip_curve(entry.curve, *limits), histogram=None)
        for entry in entries
    ], limits


def set_log_odds(ax, limits):
    """Give the axes their scale, the same from left to right and from bottom to top."""
    from matplotlib.ticker import NullFormatter

    for line in ax.lines:
        if line.get_gid() == "diagonal":
            line.set_data(limits, limits)
    ax.set(xscale="logit", yscale="logit", xlim=limits, ylim=limits)
    for axis in (ax.xaxis, ax.yaxis):  # words between powers of ten have no room
        axis.set_minor_formatter(NullFormatter())


def _lower_limit(values):
    """Return half of the smallest value above 0, and no less than LEAST."""
    return max(LEAST, min(0.5, values[values > 0].min(initial=1.0)) / 2)


def _clip_curve(curve, low, high):
    """Return a curve whose exact 0 and 1 are at the edges."""
    first = curve._fields[0]
    names = [first, "frequency", *({"low", "high"} & set(curve._fields))]
    return curve._replace(**{name: np.clip(getattr(curve, name), low, high) for name in names})
