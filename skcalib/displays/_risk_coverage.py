"""RiskCoverageDisplay: how many answers may be given at 5 % errors?"""

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
)
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import FromEstimatorMixin, check_models, interval_of, models_of
from skcalib.messages import is_number, quote
from skcalib.metrics import augrc_loss, compute_metric, risk_coverage_curve


class RiskCoverageDisplay(FromEstimatorMixin):
    """Error rate among the most confident rows, for every share of rows kept.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To choose how many answers to leave to a human: from the error rate
    that is allowed (`risk`) read how many rows can be kept, and from which confidence on; or
    from the share of rows that must be answered (`coverage`), how many errors that means.

    **When not.** To judge the probabilities themselves: only their order matters here.

    Parameters
    ----------
    curve : RiskCoverageCurve or list of them
        From :func:`~skcalib.metrics.risk_coverage_curve`, for each model.

    loss : tuple or list of tuples, default=None
        Estimate, low and high of :func:`~skcalib.metrics.augrc_loss`, for the legend.

    name : str or list of str, default=None
        Of each model.

    risk : float, default=None
        Error rate that is allowed, in [0, 1]: a line is drawn there, and a point where each
        curve keeps most rows.

    coverage : float, default=None
        Share of rows that must be answered, in (0, 1], instead of `risk`: a line is drawn
        there, and a point where each curve answers so many, and hardly more.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    line_, point_ : matplotlib Line2D
        Of each model, lists if `curve` is a list; points are None where none is allowed.

    See Also
    --------
    ThresholdDisplay : Costs instead of error rates.

    References
    ----------
    Geifman, El-Yaniv (2017), "Selective Classification for Deep Neural Networks",
    arXiv:1705.08500.

    Traub et al. (2024), "Overcoming Common Flaws in the Evaluation of Selective
    Classification Systems", arXiv:2407.01032.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import RiskCoverageDisplay
    >>> display = RiskCoverageDisplay.from_predictions(
    ...     [0, 1, 1, 0] * 9, [0.1, 0.9, 0.4, 0.3] * 9, risk=0.1, random_state=0
    ... )
    >>> display.point_[0].get_label()
    'keeps 75.0 %, confidence from 0.700'
    >>> plt.close(display.figure_)
    """

    def __init__(self, curve, *, loss=None, name=None, risk=None, coverage=None):
        self.curve = curve
        self.loss = loss
        self.name = name
        self.risk = risk
        self.coverage = coverage

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        risk=None,
        coverage=None,
        confidence_level=0.95,
        pos_label=None,
        labels=None,
        sample_weight=None,
        random_state=None,
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

        risk : float, default=None
            Error rate that is allowed: how many rows can be kept?

        coverage : float, default=None
            Share of rows that must be answered: how many of the answers are wrong? Rows of
            equal confidence are answered together. Not with `risk`.

        confidence_level : float in (0, 1), default=0.95
            Of the bootstrap intervals of the area (AUGRC).

        pos_label : int, float, bool or str, default=None
            The positive one of two classes; the second of `labels` if None.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; sorted ones of `y_true` if None.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        random_state : int, RandomState instance or None, default=None
            Of the bootstrap, for reproducible intervals.

        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of a single model, for the legend.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : RiskCoverageDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        _check_demand(risk, coverage)
        names, probas = models_of(y_proba, name)
        checked = check_models(y_true, probas, labels, sample_weight, pos_label)
        drawn = {"confidence_level": confidence_level, "random_state": random_state}
        curves = [compute_metric(risk_coverage_curve, own) for own in checked]
        found = [interval_of(augrc_loss, own, **drawn) for own in checked]
        losses = [part and (part[0], max(part[1], 0.0), part[2]) for part in found]
        demand = {"risk": risk, "coverage": coverage}
        return cls(curves, loss=losses, name=names, **demand).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. Curves drawn on the axes of another display get the next
            colour.

        name : str or list of str, default=None
            For the legend, instead of those given before.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : RiskCoverageDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few names, or both a risk and a coverage.
        """
        check_keywords(self.plot, kwargs, "plot")
        _check_demand(self.risk, self.coverage)
        self.ax_ = ax = axes_for(ax, (5.6, 4.2))
        self.figure_ = ax.figure
        curves = listed(self.curve)
        losses = [None] * len(curves) if self.loss is None else listed(self.loss)
        names = names_for(name, self.name, len(curves))
        first, lines, points = drawn_models(ax), [], []
        if self.risk is not None:
            ax.axhline(self.risk, color=GREY, lw=1, ls=(0, (4, 3)), gid="risk")
        if self.coverage is not None:
            ax.axvline(self.coverage, color=GREY, lw=1, ls=(0, (4, 3)), gid="coverage")
        for number, curve in enumerate(curves):
            label = label_of(names[number], losses[number], "AUGRC ")
            own = {"lw": 1.8, "ls": DASHES[(first + number) % len(DASHES)], "label": label}
            style = line_style(first + number, kwargs, **own, drawstyle="steps-pre")
            (line,) = ax.plot(curve.coverage, curve.risk, **style)
            lines.append(line)
            points.append(self._point(curve, line.get_color()))
        ax.set(xlabel="Coverage: share of rows that are answered", ylabel="Error rate of these")
        ax.set_xlim(0, 1.02)
        ax.set_ylim(bottom=0)
        single = not isinstance(self.curve, list)
        self.line_, self.point_ = (lines[0], points[0]) if single else (lines, points)
        add_legend(ax, loc="upper left")
        return self

    def _point(self, curve, color):
        """Mark where most rows are kept at the risk allowed, or as many as are wanted."""
        if self.coverage is not None:
            place = int((curve.coverage < self.coverage * (1 - 1e-12)).sum())
        elif self.risk is not None and (curve.risk <= self.risk).any():
            place = (curve.risk <= self.risk).nonzero()[0][-1]
        else:
            return None
        coverage, risk, threshold = (part[place] for part in curve)
        words = f"keeps {100 * coverage:.1f} %, confidence from {threshold:.3f}"
        if self.coverage is not None:
            words += f": {100 * risk:.1f} % errors"
        style = {"color": color, "marker": "o", "ms": 7, "ls": "none", "mec": "white"}
        return self.ax_.plot(coverage, risk, **style, label=words)[0]


def _check_demand(risk, coverage):
    """Raise ValueError unless one of them at most is given, and is a share."""
    if risk is not None and coverage is not None:
        raise ValueError(
            f"risk={quote(risk)} and coverage={quote(coverage)} were both given; which of the "
            "two follows from the other is what the curve shows. Give one."
        )
    for name, value in (("risk", risk), ("coverage", coverage)):
        if value is not None and not (is_number(value) and 0 <= value <= 1):
            raise ValueError(f"{name} must be a number between 0 and 1, got {quote(value)}.")
