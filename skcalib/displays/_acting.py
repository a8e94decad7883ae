"""What displays of gains and costs do alike: a curve with a band for each model."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping

import numpy as np

from skcalib.displays._figure import (
    DASHES,
    GREY,
    add_legend,
    axes_for,
    drawn_models,
    label_of,
    line_style,
    listed,
    names_for,
    panels_for,
)
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import FromEstimatorMixin, check_models, models_of
from skcalib.messages import is_count, name_in_legend, name_in_picture, quote
from skcalib.metrics import compute_metric, name_prevalence, resolve_notion

ALONE, SMALL = (5.6, 4.2), (3.4, 2.7)  # inches
SHORTEST = 0.01  # of an axis of gains or costs


class ActingDisplay(FromEstimatorMixin, metaclass=ABCMeta):
    """Base class: curves of models with their bands, in one picture or one for each class."""

    @abstractmethod
    def _arrays(self, curve):
        """Return x, y, low, high of a curve."""

    @abstractmethod
    def _draw_around(self, ax, curves, lines):
        """Draw what curves are compared with, and name the axes."""

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. Curves drawn on the axes of another display get the next
            colour. For a picture of each class: a figure, enough axes in an array, or axes
            whose place in a grid is divided.

        name : str or list of str, default=None
            For the legend, instead of those given before.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : object
            Itself.

        Raises
        ------
        ValueError
            If there are too few axes or names.
        """
        check_keywords(self.plot, kwargs, "plot")
        curves = listed(self.curve)
        names = names_for(name, self.name, len(curves))
        if self.panel is None:
            axes = [axes_for(ax, ALONE)]
            panels = [curves]
        else:
            axes = panels_for(ax, len(self.panel), SMALL, sharex=True)
            panels = [[_row(curve, k) for curve in curves] for k in range(len(axes))]
        lines, bands = [], []
        for place, (panel_ax, own) in enumerate(zip(axes, panels, strict=True)):
            found = self._draw_models(panel_ax, own, names, kwargs)
            self._draw_around(panel_ax, own, found[0])
            lines += found[0]
            bands += found[1]
            if self.panel is not None:
                label = name_in_picture(self.panel[place])
                panel_ax.set_title(f"class {label}", fontsize="small")
        single = not isinstance(self.curve, list) and self.panel is None
        self.line_, self.band_ = (lines[0], bands[0]) if single else (lines, bands)
        self.figure_, self.ax_ = axes[0].figure, axes[0] if self.panel is None else axes
        self._add_legend(axes, ax)
        return self

    def _draw_models(self, ax, curves, names, given):
        """Draw a line and a band for each model; return both."""
        first, lines, bands = drawn_models(ax), [], []
        for number, (curve, name) in enumerate(zip(curves, names, strict=True), start=first):
            x, y, low, high = self._arrays(curve)
            own = {"lw": 1.8, "ls": DASHES[number % len(DASHES)], "label": label_of(name, None)}
            (line,) = ax.plot(x, y, **line_style(number, given, **own))
            style = {"color": line.get_color(), "alpha": 0.15, "lw": 0, "zorder": 1}
            bands.append(ax.fill_between(x, low, high, **style))
            lines.append(line)
        return lines, bands

    def _add_legend(self, axes, given):
        if self.panel is None:
            add_legend(axes[0], loc="best")
        elif given is None or hasattr(given, "suptitle"):
            handles, words = axes[0].get_legend_handles_labels()
            self.figure_.legend(handles, words, loc="outside lower center", ncols=4)
        else:
            add_legend(axes[0], loc="best", fontsize="x-small")

    def _action(self):
        """Return what it is to act."""
        if self.pos_label is not None and self.panel is None:
            return f"act on class {name_in_picture(self.pos_label)}"
        return "answer" if self.panel is None else "act"

    def _than(self):
        """Return how the reference is named."""
        return name_in_legend(self.reference)


def compute_curves(metric, y_true, y_proba, given, how, reference, n_panels):
    """Return what a display is made of, from one metric of curves.

    Parameters
    ----------
    metric : callable
        Of :mod:`skcalib.metrics`.

    y_true, y_proba : array-like
        As given to the display.

    given : dict
        ``name``, ``labels``, ``sample_weight``, ``pos_label``.

    how : dict
        The parameters of the metric.

    reference : str or None
        The model that others are compared with.

    n_panels : int
        How many classes are drawn at most.

    Returns
    -------
    parts : dict
        The parameters of the display.
    """
    name = given.pop("name")
    names, probas = models_of(y_proba, name)
    checked = dict(zip(names, check_models(y_true, probas, **given), strict=True))
    first = next(iter(checked.values()))
    one = not isinstance(y_proba, Mapping)
    base = _take_reference(checked, reference, one)
    how["prevalence"] = name_prevalence(how["prevalence"], given["labels"])
    curves = [compute_metric(metric, own, reference=base, **how) for own in checked.values()]
    notion, panel, classes = resolve_notion(first, how["notion"]), None, first.classes.tolist()
    if notion == "class-wise":
        if not is_count(n_panels):
            raise ValueError(f"n_panels must be a positive integer, got {quote(n_panels)}.")
        mass = np.bincount(first.codes, first.weight, minlength=len(classes))
        rows = np.sort(np.argsort(-mass, kind="stable")[:n_panels])
        panel = [str(classes[k]) for k in rows]
        curves = [_row(curve, rows) for curve in curves]
    return {
        "curve": curves,
        "reference": reference,
        "name": list(checked),
        "panel": panel,
        "pos_label": classes[first.pos] if notion == "positive" else None,
    }


def _take_reference(checked, reference, one):
    """Take the model that others are compared with out of them, or return None."""
    if reference is None:
        return None
    if one or reference not in checked or len(checked) < 2:
        raise ValueError(
            f"reference={quote(reference)} must be the name of one of several models, the keys "
            "of y_proba."
        )
    return checked.pop(reference)


def _row(curve, rows):
    """Return the curve of one class, or those of some."""
    return curve._replace(
        **{name: part[rows] for name, part in curve._asdict().items() if part.ndim == 2}
    )


def draw_once(ax, draw, gid, **style):
    """Draw what all models are compared with, unless another display has."""
    if not any(line.get_gid() == gid for line in ax.lines):
        draw(color=GREY, lw=1, gid=gid, zorder=1.5, **style)


def set_height(ax, low, high, first):
    """Show from low to high, and what another display has shown."""
    if not first:
        before = ax.get_ylim()
        low, high = min(low, before[0]), max(high, before[1])
    ax.set_ylim(low, max(high, low + SHORTEST))
