"""ConfidenceHistogramDisplay: how sure is it when it is right, and when it is wrong?"""

from skcalib.displays._events import said
from skcalib.displays._figure import COLORS, add_legend, axes_for
from skcalib.displays._models import FromEstimatorMixin
from skcalib.metrics import histogram_curve, reliability_curve

RIGHT, WRONG = COLORS[5], COLORS[1]


class ConfidenceHistogramDisplay(FromEstimatorMixin):
    """Confidences of right predictions (upwards) against those of wrong ones (downwards).

    Each bar is a share of the right predictions, or of the wrong ones, so that both are
    seen however few are wrong. Two lines compare the mean confidence with the accuracy,
    which are the same for a calibrated model.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To see how sure the model is of what it gets wrong.

    **When not.** To see by how much confidence is off: :class:`ReliabilityDisplay`.

    Parameters
    ----------
    curve : HistogramCurve
        From :func:`~skcalib.metrics.histogram_curve`.

    overall : ReliabilityCurve, default=None
        From :func:`~skcalib.metrics.reliability_curve` in one bin: mean confidence and
        accuracy. Not drawn if None.

    name : str, default=None
        Of the model, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    right_, wrong_ : matplotlib BarContainer
        The bars.

    confidence_line_, accuracy_line_ : matplotlib Line2D or None
        The lines.

    See Also
    --------
    ReliabilityDisplay : The share of right ones, with intervals.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks",
    arXiv:1706.04599.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import ConfidenceHistogramDisplay
    >>> display = ConfidenceHistogramDisplay.from_predictions(
    ...     [0, 1, 1, 0], [0.1, 0.9, 0.4, 0.3]
    ... )
    >>> int(display.curve.misses.sum())
    1
    >>> plt.close(display.figure_)
    """

    def __init__(self, curve, *, overall=None, name=None):
        self.curve = curve
        self.overall = overall
        self.name = name

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        n_bins=20,
        labels=None,
        sample_weight=None,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Count, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels.

        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities, as metrics take them.

        n_bins : int, default=20
            Number of bins between 0 and 1.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of the model, for the title.

        **kwargs : dict
            For the bars.

        Returns
        -------
        display : ConfidenceHistogramDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do.
        """
        _, _, (event,) = said(y_true, y_proba, "confidence", labels, sample_weight)
        curve = event.ask(histogram_curve, n_bins=n_bins)
        overall = event.ask(reliability_curve, n_bins=1)
        return cls(curve, overall=overall, name=name).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of the model, for the title, instead of the one given before.

        **kwargs : dict
            For the bars.

        Returns
        -------
        display : ConfidenceHistogramDisplay
            Itself.
        """
        self.ax_ = ax = axes_for(ax, (5.6, 3.8))
        self.figure_ = ax.figure
        lower, _, hits, misses = self.curve
        self.right_ = self._bars(hits, 1, {"color": RIGHT} | kwargs, "right")
        look = {"color": WRONG, "hatch": "////"} | kwargs
        self.wrong_ = self._bars(misses, -1, look, "wrong")
        self.confidence_line_ = self.accuracy_line_ = None
        if self.overall is not None:
            sure, right = self.overall.mean_proba[0], self.overall.frequency[0]
            line = {"color": "black", "lw": 1.5}
            words = f"mean confidence {100 * sure:.1f} %"
            self.confidence_line_ = ax.axvline(sure, **line, label=words)
            words = f"accuracy {100 * right:.1f} %"
            self.accuracy_line_ = ax.axvline(right, **line, ls=":", label=words)
        ax.axhline(0, color="black", lw=0.8)
        ax.set(xlim=(min(lower[hits + misses > 0].min(), 0.5), 1), xlabel="Confidence")
        ax.set_ylabel("Share of wrong  |  right")
        ax.yaxis.set_major_formatter(lambda share, _: f"{100 * abs(share):.0f} %")
        name = self.name if name is None else name
        if name:
            ax.set_title(name, fontsize="medium")
        add_legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.08 if name else 1), ncols=2)
        return self

    def _bars(self, count, sign, look, what):
        """Draw a bar for each bin that is not empty."""
        some = count > 0
        lower, upper = self.curve.lower[some], self.curve.upper[some]
        share = sign * count[some] / max(count.sum(), 1)
        label = f"{what}: {count.sum():,.0f} rows"
        look = {"edgecolor": "white", "lw": 0.4, "align": "edge", "label": label} | look
        return self.ax_.bar(lower, share, upper - lower, **look)
