"""ThresholdDisplay: from which probability on should one act?"""

import numpy as np

from skcalib._messages import quote
from skcalib._parameters import is_number
from skcalib.displays._events import said
from skcalib.displays._figure import COLORS, DASHES, add_legend, axes_for
from skcalib.displays._models import FromEstimatorMixin
from skcalib.metrics import threshold_curve

LOOKS = (
    ("precision", "precision: acted upon, and true"),
    ("recall", "recall: true, and acted upon"),
    ("share", "share of rows acted upon"),
)


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
    curve : ThresholdCurve
        From :func:`~skcalib.metrics.threshold_curve`.

    cost_fp : float, default=None
        What it costs to act in vain; positive.

    cost_fn : float, default=None
        What it costs to miss; positive. Both costs or none.

    name : str, default=None
        Of the model, for the title.

    pos_label : object, default=None
        The class that is acted upon; None for answers to more than two classes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    line_ : list of matplotlib Line2D
        Precision, recall, share.

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

        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities, as metrics take them. With more than two classes to act is to give
            an answer, if its confidence is at least the threshold.

        cost_fp : float, default=None
            What it costs to act in vain.

        cost_fn : float, default=None
            What it costs to miss.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of the model, for the title.

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
        notion, pos_label, (event,) = said(y_true, y_proba, "auto", labels, sample_weight)
        curve = event.ask(threshold_curve)
        pos_label = pos_label if notion == "positive" else None
        costs = {"cost_fp": cost_fp, "cost_fn": cost_fn}
        return cls(curve, **costs, name=name, pos_label=pos_label).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of the model, for the title, instead of the one given before.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : ThresholdDisplay
            Itself.

        Raises
        ------
        ValueError
            If a cost is not positive, or only one is given.
        """
        self.threshold_ = self._threshold()
        self.ax_ = ax = axes_for(ax, (5.6, 4.2))
        self.figure_ = ax.figure
        self.line_ = []
        for number, (part, label) in enumerate(LOOKS):
            look = {"color": COLORS[number], "ls": DASHES[number], "lw": 1.8, "label": label}
            x, y = self.curve.threshold, getattr(self.curve, part)
            (line,) = ax.plot(x, y, drawstyle="steps-post", **(look | kwargs))
            self.line_.append(line)
        self.threshold_line_ = None
        if self.threshold_ is not None:
            self._draw_threshold(ax)
        action = "answer" if self.pos_label is None else f"act on class {self.pos_label}"
        ax.set(xlim=(0, 1), ylim=(0, 1.03), xlabel=f"Threshold: {action} from this probability")
        ax.set_ylabel("Share")
        name = self.name if name is None else name
        if name:
            ax.set_title(name, fontsize="medium")
        add_legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.06 if name else 1), ncols=2)
        return self

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

    def _draw_threshold(self, ax):
        """Draw the line of the threshold, and what acting from there on means."""
        acted = np.flatnonzero(self.curve.threshold >= self.threshold_)
        words = f"costs {self.cost_fp:g} : {self.cost_fn:g}, act from {self.threshold_:.3g}"
        line = {"color": "black", "lw": 1.2, "ls": (0, (1, 1)), "label": words}
        self.threshold_line_ = ax.axvline(self.threshold_, **line)
        if not len(acted):
            return
        for drawn, (part, _) in zip(self.line_, LOOKS, strict=True):
            y = getattr(self.curve, part)[acted[-1]]
            ax.plot(self.threshold_, y, "o", color=drawn.get_color(), mec="white", ms=7)
            right = self.threshold_ < 0.85
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
