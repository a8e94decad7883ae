"""CostDisplay: what does acting on a model cost, whatever the costs are?"""

import numpy as np

from skcalib.displays._acting import (
    ActingDisplay,
    compute_curves,
    draw_once,
    set_height,
)
from skcalib.displays._figure import drawn_models
from skcalib.displays._keywords import check_keywords
from skcalib.metrics import cost_curve


class CostDisplay(ActingDisplay):
    """Cost of acting on a model, for every base rate and ratio of costs.

    Lower is better. The curve takes the threshold from the costs, as one does with calibrated
    probabilities; the thin line below it takes the best one, found on these rows: what is
    between them is due to miscalibration. The grey lines are acting on none and on all.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To compare models where costs or base rates are not settled, or to see
    what a calibration would save.

    **When not.** If one threshold is given; then :class:`ThresholdDisplay` says more.

    Parameters
    ----------
    curve : CostCurve or list of them
        From :func:`~skcalib.metrics.cost_curve`, for each model.

    reference : str, default=None
        The model that the others are compared with, if curves are differences.

    name : str or list of str, default=None
        Of each model.

    panel : list of str, default=None
        The class of each small picture, if curves have a row for each.

    pos_label : object, default=None
        The class that is acted upon; None for answers to more than two classes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on; a list of axes for "class-wise".

    line_ : matplotlib Line2D
        Of each model, a list if `curve` is a list; class after class for "class-wise".

    band_ : matplotlib FillBetweenPolyCollection
        The same.

    See Also
    --------
    DecisionCurveDisplay : Gains, against the threshold.

    References
    ----------
    Drummond, Holte (2006), "Cost Curves: An Improved Method for Visualizing Classifier
    Performance", Machine Learning 65, doi:10.1007/s10994-006-8199-5.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import CostDisplay
    >>> display = CostDisplay.from_predictions([0, 1, 1, 0] * 9, [0.1, 0.9, 0.4, 0.3] * 9)
    >>> display.curve[0].cost[50], display.curve[0].envelope[50]  # at 1/2
    (np.float64(0.25), np.float64(0.0))
    >>> plt.close(display.figure_)
    """

    def __init__(self, curve, *, reference=None, name=None, panel=None, pos_label=None):
        self.curve = curve
        self.reference = reference
        self.name = name
        self.panel = panel
        self.pos_label = pos_label

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        probability_cost=None,
        notion="auto",
        prevalence=None,
        reference=None,
        confidence_level=0.95,
        n_panels=12,
        pos_label=None,
        labels=None,
        sample_weight=None,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Compute the curves of one model or of several, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels.

        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,), or dict
            Probabilities, as metrics take them; in a dict, those of several models by name.

        probability_cost : array-like of shape (n_points,), default=None
            Operating conditions in [0, 1]. None: 0, .01, ..., 1.

        notion : {"auto", "positive", "confidence", "class-wise"}, default="auto"
            What to act is, see :func:`~skcalib.metrics.net_benefit_curve`. "class-wise" draws a
            small picture for each class against all others.

        prevalence : float, dict or array-like of shape (n_classes,), default=None
            Base rates of the population that is acted on, if other than in these rows.

        reference : str, default=None
            One of several models: the others are drawn as paired differences from it.

        confidence_level : float in (0, 1), default=0.95
            Of the bands, at each point by itself.

        n_panels : int, default=12
            How many classes are drawn for "class-wise": the most frequent ones.

        pos_label : int, float, bool or str, default=None
            The positive one of two classes; the second of `labels` if None.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; sorted ones of `y_true` if None.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        ax : matplotlib Axes, default=None
            See :meth:`plot`.

        name : str, default=None
            Of a single model, for the legend.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : CostDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do; if `reference` is no model.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        given = {"labels": labels, "sample_weight": sample_weight, "pos_label": pos_label}
        given["name"] = name
        how = {"probability_cost": probability_cost, "notion": notion}
        how |= {"prevalence": prevalence, "confidence_level": confidence_level}
        parts = compute_curves(cost_curve, y_true, y_proba, given, how, reference, n_panels)
        return cls(**parts).plot(ax, **kwargs)

    def _arrays(self, curve):
        order = np.argsort(curve.probability_cost)
        parts = (curve.probability_cost, curve.cost, curve.low, curve.high)
        return [part[order] for part in parts]

    def _draw_around(self, ax, curves, lines):
        """Draw the best thresholds, acting on all and on none, and name the axes."""
        first = drawn_models(ax) == len(lines)
        x = "Probability cost: 0 only acting in vain counts, 1 only misses"
        short = "Probability cost" if self.panel is not None else x
        ax.set(xlim=(0, 1), xlabel=short, ylabel="Cost, over that of all wrong")
        highest = max(curve.high.max() for curve in curves)
        if self.reference is not None:
            draw_once(ax, lambda **s: ax.axhline(0, label=self._than(), **s), "reference")
            ax.set_ylabel(f"Cost minus that of {self._than()}")
            set_height(ax, 1.2 * min(c.low.min() for c in curves), 1.2 * highest, first)
            return
        for curve, line in zip(curves, lines, strict=True):
            order = np.argsort(curve.probability_cost)
            style = {"color": line.get_color(), "lw": 0.8, "zorder": 1.8}
            ax.plot(curve.probability_cost[order], curve.envelope[order], **style)
        style = {"ls": (0, (4, 3)), "label": "act on none or on all"}
        draw_once(ax, lambda **s: ax.plot([0, 0.5, 1], [0, 0.5, 0], **s), "trivial", **style)
        set_height(ax, 0, min(1.1 * max(highest, 0.1), 1), first)
