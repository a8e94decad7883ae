"""ThresholdDisplay: from which probability on should one act?"""

from collections.abc import Mapping

import numpy as np

from skcalib.displays._figure import (
    COLORS,
    DASHES,
    MODEL,
    add_legend,
    axes_for,
    different_name,
    drawn_models,
    line_style,
    listed,
    name_first_model,
    names_for,
    next_color,
)
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import FromEstimatorMixin, check_models, models_of
from skcalib.messages import is_number, name_in_picture, quote
from skcalib.metrics import compute_metric, threshold_curve

STYLES = (
    ("precision", "precision: acted upon, and true"),
    ("recall", "recall: true, and acted upon"),
    ("share", "share of rows acted upon"),
)
SHORT = ("precision", "recall", "share of rows")  # of several models
COSTS = "costs"  # how the label of the threshold begins, and what marks its line
WORDS = ("precision", "recall", "share", COSTS)


class ThresholdDisplay(FromEstimatorMixin):
    """Precision, recall and the share of rows acted upon, against the threshold.

    With costs, a line shows where the calibrated probability says to act: an action that
    is wrong costs `cost_fp`, one that is missed `cost_fn`, so act where
    ``p * cost_fn >= (1 - p) * cost_fp``, that is from ``cost_fp / (cost_fp + cost_fn)`` on.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To see what a threshold means in practice.

    **When not.** To pick the threshold with the best figure on few rows. Calibrate, and let
    the costs say it.

    Parameters
    ----------
    curve : ThresholdCurve or list of them
        From :func:`~skcalib.metrics.threshold_curve`, for each model.

    cost_fp : float, default=None
        What it costs to act in vain; positive.

    cost_fn : float, default=None
        What it costs to miss; positive. Both costs or none.

    name : str or list of str, default=None
        Of each model: the title of one, in the legend for several.

    pos_label : object, default=None
        The class that is acted upon; None for answers to more than two classes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    line_ : list of matplotlib Line2D
        Precision, recall, share; a list of such lists if `curve` is a list.

    threshold_ : float or None
        Where the costs say to act.

    threshold_line_ : matplotlib Line2D or None
        The line there.

    See Also
    --------
    RiskCoverageDisplay : From an error rate instead of costs.

    References
    ----------
    Elkan (2001), "The Foundations of Cost-Sensitive Learning", IJCAI,
    ISBN 978-1-55860-812-2.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import ThresholdDisplay
    >>> display = ThresholdDisplay.from_predictions(
    ...     [0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3], cost_fp=1, cost_fn=4
    ... )
    >>> display.threshold_
    0.2
    >>> plt.close(display.figure_)
    """

    def __init__(self, curve, *, cost_fp=None, cost_fn=None, name=None, pos_label=None):
        self.curve = curve
        self.cost_fp = cost_fp
        self.cost_fn = cost_fn
        self.name = name
        self.pos_label = pos_label

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        cost_fp=None,
        cost_fn=None,
        pos_label=None,
        labels=None,
        sample_weight=None,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Compute the curves, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels.

        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,), or dict
            Probabilities, as metrics take them; in a dict, those of several models by name.
            With more than two classes to act is to give an answer, if its confidence is at
            least the threshold.

        cost_fp : float, default=None
            What it costs to act in vain, on what is not of `pos_label`.

        cost_fn : float, default=None
            What it costs to miss one of `pos_label`.

        pos_label : int, float, bool or str, default=None
            The positive one of two classes; the second of `labels` if None.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; sorted ones of `y_true` if None.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of a single model, for the title.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : ThresholdDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or costs.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        names, probas = models_of(y_proba, name)
        checked = check_models(y_true, probas, labels, sample_weight, pos_label)
        curves = [compute_metric(threshold_curve, own) for own in checked]
        classes = checked[0].classes.tolist()
        pos_label = classes[checked[0].pos] if len(classes) == 2 else None
        if not isinstance(y_proba, Mapping):
            curves, names = curves[0], name
        costs = {"cost_fp": cost_fp, "cost_fn": cost_fn}
        return cls(curves, **costs, name=names, pos_label=pos_label).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. On the axes of another display, models get the next
            colour, and their names stand in the legend.

        name : str or list of str, default=None
            Of each model, instead of those given before.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : ThresholdDisplay
            Itself.

        Raises
        ------
        ValueError
            If a cost is not positive, or only one is given, or there are too few names.
        """
        check_keywords(self.plot, kwargs, "plot")
        self.threshold_ = self._threshold()
        curves = listed(self.curve)
        names = names_for(name, self.name, len(curves))
        self.ax_ = ax = axes_for(ax, (5.6, 4.2 + 0.3 * (len(curves) - 1)))
        self.figure_ = ax.figure
        self.threshold_line_ = None
        if len(curves) == 1 and not drawn_models(ax):
            lines = [self._draw_alone(ax, curves[0], names[0], kwargs)]
        else:
            lines = self._draw_several(ax, curves, names, kwargs)
        self.line_ = lines if isinstance(self.curve, list) else lines[0]
        label = None if self.pos_label is None else name_in_picture(self.pos_label)
        action = "answer" if label is None else f"act on class {label}"
        ax.set(xlim=(0, 1), ylim=(0, 1.03), xlabel=f"Threshold: {action} from this probability")
        ax.set_ylabel("Share")
        place = (0.5, 1.06 if ax.get_title() else 1)
        add_legend(ax, loc="lower center", bbox_to_anchor=place, ncols=2)
        return self

    def _draw_alone(self, ax, curve, name, given):
        """Draw the only model: each curve has a colour, the name is the title."""
        styles = [
            {"color": COLORS[k], "ls": DASHES[k], "label": label}
            for k, (_, label) in enumerate(STYLES)
        ]
        lines = self._draw_curves(ax, curve, styles, given)
        if self.threshold_ is not None:
            self._draw_threshold(ax, curve, lines, {"color": "black"}, "")
            self._add_shares(ax, curve, lines)
        if name:
            ax.set_title(name_in_picture(name), fontsize="medium")
        return lines

    def _draw_several(self, ax, curves, names, given):
        """Draw models in a colour each, and name them in the legend."""
        known = drawn_models(ax)
        taken = name_first_model(ax, WORDS) if known else set()
        found = []
        for number, (curve, name) in enumerate(zip(curves, names, strict=True)):
            color = next_color(ax)
            name = different_name(name, taken, known // len(STYLES) + number)
            styles = [
                {"color": color, "ls": DASHES[k], "label": f"{name}: {word}"}
                for k, word in enumerate(SHORT)
            ]
            found.append(self._draw_curves(ax, curve, styles, given))
            if self.threshold_ is not None:
                black = len(curves) > 1 and not known
                style = {"color": "black" if black else color}
                self._draw_threshold(ax, curve, found[-1], style, "" if black else f"{name}: ")
        return found

    def _draw_curves(self, ax, curve, styles, given):
        """Draw precision, recall and share."""
        lines = []
        for (part, _), style in zip(STYLES, styles, strict=True):
            x, y = curve.threshold, getattr(curve, part)
            own = {**style, "lw": 1.8, "gid": MODEL, "drawstyle": "steps-post"}
            lines.append(ax.plot(x, y, **line_style(0, given, **own))[0])
        return lines

    def _threshold(self):
        """Return where the costs say to act, or None."""
        costs = (self.cost_fp, self.cost_fn)
        if costs == (None, None):
            return None
        if not all(is_number(cost) and 0 < cost < np.inf for cost in costs):
            raise ValueError(
                "cost_fp and cost_fn must be positive numbers, both of them; got "
                f"{quote(self.cost_fp)} and {quote(self.cost_fn)}."
            )
        return self.cost_fp / (self.cost_fp + self.cost_fn)

    def _draw_threshold(self, ax, curve, lines, style, prefix):
        """Draw the line of the threshold, and points where the curves meet it."""
        words = f"{COSTS} {self.cost_fp:g} : {self.cost_fn:g}, act from {self.threshold_:.3g}"
        there = [line for line in ax.lines if line.get_gid() == COSTS]
        same = [line for line in there if line.get_xdata()[0] == self.threshold_]
        if same:
            self.threshold_line_ = same[0]
        else:
            style |= {"lw": 1.2, "ls": (0, (1, 1)), "label": f"{prefix}{words}", "gid": COSTS}
            self.threshold_line_ = ax.axvline(self.threshold_, **style)
        acted = np.flatnonzero(curve.threshold >= self.threshold_)
        for line, (part, _) in zip(lines, STYLES, strict=True):
            if len(acted):
                y = getattr(curve, part)[acted[-1]]
                ax.plot(self.threshold_, y, "o", color=line.get_color(), mec="white", ms=7)

    def _add_shares(self, ax, curve, lines):
        """Write what acting from the threshold on means."""
        acted = np.flatnonzero(curve.threshold >= self.threshold_)
        if not len(acted):
            return
        right = self.threshold_ < 0.85
        for drawn, (part, _) in zip(lines, STYLES, strict=True):
            y = getattr(curve, part)[acted[-1]]
            ax.annotate(
                f"{100 * y:.0f} %",
                (self.threshold_, y),
                xytext=(6 if right else -6, 5),
                textcoords="offset points",
                ha="left" if right else "right",
                color=drawn.get_color(),
                fontsize="small",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )
