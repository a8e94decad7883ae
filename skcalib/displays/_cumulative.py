"""CumulativeDisplay: do outcomes keep up with the probabilities?"""

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
from skcalib.displays._models import FromEstimatorMixin, check_models, events_for, models_of
from skcalib.displays._tests import describe_p_value, p_value_of
from skcalib.messages import name_in_picture
from skcalib.metrics import (
    compute_metric,
    cumulative_calibration_error,
    cumulative_curve,
)

LINE = 0.06  # height of a line of the legend, as a share of the axes
WORDS = {
    "positive": "Share of rows, by ascending probability of class {}",
    "confidence": "Share of rows, by ascending confidence",
}


class CumulativeDisplay(FromEstimatorMixin):
    """Sums of outcomes minus probabilities along the rows, with the band of chance.

    Rows are in the order of their probabilities. Where the curve goes down, less came true than
    was said (the model is too sure, if it is the confidence); where it goes up, more. A curve
    that leaves the band anywhere is not calibrated, at the level of the band.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To see miscalibration without bins, and whether it could be luck: unlike
    the pointwise bands of a :class:`ReliabilityDisplay`, this one holds for the whole curve.

    **When not.** To read a frequency off: that is the slope here, and a
    :class:`ReliabilityDisplay` shows it directly.

    Parameters
    ----------
    curve : CumulativeCurve or list of them
        From :func:`~skcalib.metrics.cumulative_curve`, for each model.

    error : float or list of float, default=None
        :func:`~skcalib.metrics.cumulative_calibration_error`, for the legend.

    p_value : float or list of float, default=None
        Of :func:`~skcalib.metrics.calibration_test`, for the legend.

    name : str or list of str, default=None
        Of each model.

    notion : {"positive", "confidence"}, default="positive"
        What the probabilities are of, for the labels of the axes.

    pos_label : object, default=None
        The class that "positive" means.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    line_, band_ : matplotlib artists
        Of each curve; lists if `curve` is a list.

    See Also
    --------
    ReliabilityDisplay : Frequencies against probabilities.

    References
    ----------
    Arrieta-Ibarra, Gujral, Tannen, Tygert, Xu (2022), "Metrics of calibration for
    probabilistic predictions", arXiv:2205.09680.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import CumulativeDisplay
    >>> display = CumulativeDisplay.from_predictions(
    ...     [0, 1, 1, 0] * 9, [0.1, 0.9, 0.4, 0.3] * 9, random_state=0
    ... )
    >>> display.line_[0].get_label()
    '0.175, p = 0.013'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        curve,
        *,
        error=None,
        p_value=None,
        name=None,
        notion="positive",
        pos_label=None,
    ):
        self.curve = curve
        self.error = error
        self.p_value = p_value
        self.name = name
        self.notion = notion
        self.pos_label = pos_label

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        notion="auto",
        test="cumulative",
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

        notion : {"auto", "positive", "confidence"}, default="auto"
            Whose probability: "auto" is that of the positive class for two classes, the
            largest of each row for more.

        test : str or None, default="cumulative"
            Kind of :func:`~skcalib.metrics.calibration_test` whose p-value is shown.

        confidence_level : float in (0, 1), default=0.95
            With which true probabilities stay within the band everywhere.

        pos_label : int, float, bool or str, default=None
            The positive one of two classes; the second of `labels` if None.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; sorted ones of `y_true` if None.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        random_state : int, RandomState instance or None, default=None
            Of the test's draws, for a reproducible p-value.

        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of a single model, for the legend.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : CumulativeDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        names, probas = models_of(y_proba, name)
        checked = check_models(y_true, probas, labels, sample_weight, pos_label)
        notion, events = events_for(checked, notion)
        level = {"confidence_level": confidence_level}
        curves = [compute_metric(cumulative_curve, event, **level) for event in events]
        errors = [compute_metric(cumulative_calibration_error, event) for event in events]
        p_values = [p_value_of(event, test, random_state) for event in events]
        return cls(
            curves,
            error=errors,
            p_value=p_values,
            name=names,
            notion=notion,
            pos_label=checked[0].classes.tolist()[checked[0].pos],
        ).plot(ax, **kwargs)

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
        display : CumulativeDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few names.
        """
        check_keywords(self.plot, kwargs, "plot")
        self.ax_ = ax = axes_for(ax, (5.6, 4.2))
        self.figure_ = ax.figure
        curves = listed(self.curve)
        errors = [None] * len(curves) if self.error is None else listed(self.error)
        p_values = [None] * len(curves) if self.p_value is None else listed(self.p_value)
        names = names_for(name, self.name, len(curves))
        first, lines, bands = drawn_models(ax), [], []
        ax.axhline(0, color=GREY, lw=1, ls=(0, (4, 3)), gid="zero", zorder=1)
        parts = zip(curves, names, errors, p_values, strict=True)
        for number, (curve, *words) in enumerate(parts, start=first):
            dash = DASHES[number % len(DASHES)]
            own = {"lw": 1.8, "ls": dash, "label": _label(*words)}
            style = line_style(number, kwargs, **own)
            (line,) = ax.plot(curve.share, curve.difference, **style)
            style = {"color": line.get_color(), "alpha": 0.12, "lw": 0, "zorder": 1}
            bands.append(ax.fill_between(curve.share, curve.low, curve.high, **style))
            lines.append(line)
        x = WORDS[self.notion].format(name_in_picture(self.pos_label))
        ax.set(xlabel=x, ylabel="Outcomes minus probabilities, summed", xlim=(0, 1))
        single = not isinstance(self.curve, list)
        self.line_, self.band_ = (lines[0], bands[0]) if single else (lines, bands)
        _add_legend_above(ax)
        return self


def _add_legend_above(ax):
    """Draw the legend over the curves, where the axes are made higher for it."""
    ax.autoscale(axis="y")
    n_lines = len(ax.get_legend_handles_labels()[1])
    if n_lines:
        low, high = ax.get_ylim()
        ax.set_ylim(low, low + (high - low) / (1 - LINE * (n_lines + 1)))
        add_legend(ax, loc="upper left", title="Range of the curve", borderpad=0.1)


def _label(name, error, p_value):
    """Return an entry of the legend, or None."""
    words = [None if error is None else f"{error:.3f}", describe_p_value(p_value)]
    parts = [label_of(name, None), ", ".join(filter(None, words))]
    return ": ".join(filter(None, parts)) or None
