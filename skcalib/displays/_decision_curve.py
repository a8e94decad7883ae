"""DecisionCurveDisplay: is a model of use to those who act on it?"""

import numpy as np

from skcalib.displays._acting import (
    ActingDisplay,
    compute_curves,
    draw_once,
    set_height,
)
from skcalib.displays._figure import drawn_models
from skcalib.displays._keywords import check_keywords
from skcalib.metrics import net_benefit_curve


class DecisionCurveDisplay(ActingDisplay):
    """Net benefit of acting on a model, against the threshold: a decision curve.

    A model is of use at those thresholds where its curve is above that of acting on all and
    above zero, that of acting on none. Bands are intervals of each threshold by itself; whether
    one model is better than another is told by their paired difference (`reference`), not by
    whether bands overlap.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To see whether a model helps, at the thresholds that somebody may have.

    **When not.** To choose a threshold; that follows from the costs. To judge the
    probabilities themselves, see :class:`ReliabilityDisplay`.

    Parameters
    ----------
    curve : NetBenefitCurve or list of them
        From :func:`~skcalib.metrics.net_benefit_curve`, for each model.

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
    CostDisplay : All ratios of costs, on a scale where they are alike.
    ThresholdDisplay : What a threshold means, in precision and recall.

    References
    ----------
    Vickers, Elkin (2006), "Decision Curve Analysis: A Novel Method for Evaluating Prediction
    Models", Medical Decision Making 26, doi:10.1177/0272989X06295361.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import DecisionCurveDisplay
    >>> display = DecisionCurveDisplay.from_predictions(
    ...     [0, 1, 1, 0] * 9, [0.1, 0.9, 0.4, 0.3] * 9
    ... )
    >>> float(display.curve[0].net_benefit[34])  # at .35: all positive ones, nobody else
    0.5
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
        thresholds=None,
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

        thresholds : array-like of shape (n_thresholds,), default=None
            In [0, 1). None: .01, .02, ..., .99.

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
        display : DecisionCurveDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do; if `reference` is no model.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        given = {"labels": labels, "sample_weight": sample_weight, "pos_label": pos_label}
        given["name"] = name
        how = {"thresholds": thresholds, "notion": notion, "prevalence": prevalence}
        how["confidence_level"] = confidence_level
        parts = compute_curves(
            net_benefit_curve, y_true, y_proba, given, how, reference, n_panels
        )
        return cls(**parts).plot(ax, **kwargs)

    def _arrays(self, curve):
        order = np.argsort(curve.threshold)
        return [part[order] for part in curve[:4]]

    def _draw_around(self, ax, curves, lines):
        """Draw acting on all and on none, or the reference, and name the axes."""
        first = drawn_models(ax) == len(lines)
        x = self._arrays(curves[0])[0]
        ax.set(xlim=(0, max(x.max(), 0.01)), xlabel=f"Threshold: {self._action()} from it on")
        if self.reference is not None:
            draw_once(ax, lambda **s: ax.axhline(0, label=self._than(), **s), "reference")
            ax.set_ylabel(f"Net benefit minus that of {self._than()}")
            ends = np.abs(np.concatenate([[*c.low, *c.high] for c in curves]))
            reach = 1.3 * np.quantile(ends, 0.85)  # the last thresholds would hide the rest
            set_height(ax, -reach, reach, first)
            return
        on_all = curves[0].act_on_all[np.argsort(curves[0].threshold)]
        style = {"ls": (0, (4, 3)), "label": "act on all"}
        draw_once(ax, lambda **s: ax.plot(x, on_all, **s), "all", **style)
        draw_once(ax, lambda **s: ax.axhline(0, label="act on none", **s), "none")
        ax.set_ylabel("Net benefit")
        top = 1.15 * max(*(c.net_benefit.max() for c in curves), on_all.max(), 0)
        set_height(ax, -top / 4, top, first)
