"""ConfidenceHistogramDisplay: how sure is it when it is right, and when it is wrong?"""

from collections.abc import Mapping
from typing import NamedTuple

from skcalib.displays._figure import (
    COLORS,
    MODEL,
    add_legend,
    axes_for,
    different_name,
    drawn_models,
    listed,
    name_first_model,
    names_for,
    next_color,
)
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import FromEstimatorMixin, check_models, models_of
from skcalib.messages import name_in_picture
from skcalib.metrics import compute_metric, events_of, histogram_curve, reliability_curve

RIGHT, WRONG = COLORS[5], COLORS[1]
WORDS = ("right", "wrong", "mean confidence", "accuracy")


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
    curve : HistogramCurve or list of them
        From :func:`~skcalib.metrics.histogram_curve`, for each model.

    overall : ReliabilityCurve or list of them, default=None
        From :func:`~skcalib.metrics.reliability_curve` in one bin: mean confidence and
        accuracy. Not drawn if None.

    name : str or list of str, default=None
        Of each model: the title of one, in the legend for several.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    right_, wrong_ : matplotlib BarContainer
        The bars; lists if `curve` is a list.

    confidence_line_, accuracy_line_ : matplotlib Line2D or None
        The lines; lists if `curve` is a list.

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
        pos_label=None,
        labels=None,
        sample_weight=None,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Count the predictions by confidence, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels.

        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,), or dict
            Probabilities, as metrics take them; in a dict, those of several models by name,
            whose bars stand side by side.

        n_bins : int, default=20
            Number of bins between 0 and 1.

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
        check_keywords(cls.from_predictions, kwargs, "bar")
        names, probas = models_of(y_proba, name)
        checked = check_models(y_true, probas, labels, sample_weight, pos_label)
        answers = [events_of(own, "confidence")[0].as_predictions() for own in checked]
        curves = [compute_metric(histogram_curve, own, n_bins=n_bins) for own in answers]
        overall = [compute_metric(reliability_curve, own, n_bins=1) for own in answers]
        if not isinstance(y_proba, Mapping):
            curves, overall, names = curves[0], overall[0], name
        return cls(curves, overall=overall, name=names).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. On the axes of another display, bars are outlines in the
            next colour, and names stand in the legend.

        name : str or list of str, default=None
            Of each model, instead of those given before.

        **kwargs : dict
            For the bars.

        Returns
        -------
        display : ConfidenceHistogramDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few names.
        """
        check_keywords(self.plot, kwargs, "bar")
        curves = listed(self.curve)
        overall = [None] * len(curves) if self.overall is None else listed(self.overall)
        names = names_for(name, self.name, len(curves))
        self.ax_ = ax = axes_for(ax, (5.6, 3.8 + 0.4 * (len(curves) - 1)))
        self.figure_ = ax.figure
        known = drawn_models(ax)
        alone = len(curves) == 1 and not known
        taken = name_first_model(ax, WORDS) if known else set()
        artists = []
        for number, (curve, mean, own) in enumerate(zip(curves, overall, names, strict=True)):
            place = Place(number, len(curves), outline=known > 0)
            if alone:
                styles, prefix = ({"color": RIGHT}, {"color": WRONG}, {"color": "black"}), ""
            else:
                color = next_color(ax)
                styles = ({"color": color}, {"color": color}, {"color": color})
                prefix = f"{different_name(own, taken, known + number)}: "
            artists.append(draw_model(ax, curve, mean, place, styles, prefix, kwargs))
        self._finish(ax, names[0] if alone else None, known)
        found = [list(column) for column in zip(*artists, strict=True)]
        single = not isinstance(self.curve, list)
        found = [column[0] for column in found] if single else found
        self.right_, self.wrong_, self.confidence_line_, self.accuracy_line_ = found
        return self

    def _finish(self, ax, name, known):
        """Set limits and labels of the axes, the title and the legend."""
        lowest = [
            curve.lower[curve.hits + curve.misses > 0].min() for curve in listed(self.curve)
        ]
        left = min(*lowest, 0.5, ax.get_xlim()[0] if known else 0.5)
        ax.set(xlim=(left, 1), xlabel="Confidence", ylabel="Share of wrong  |  right")
        ax.yaxis.set_major_formatter(lambda share, _: f"{100 * abs(share):.0f} %")
        if name:
            ax.set_title(name_in_picture(name), fontsize="medium")
        place = (0.5, 1.08 if name else 1)
        add_legend(ax, loc="lower center", bbox_to_anchor=place, ncols=2)


class Place(NamedTuple):
    """Which part of a bin's width a model's bars have."""

    number: int
    n_models: int
    outline: bool  # around bars that are there: the whole width


def draw_model(ax, curve, overall, place, styles, prefix, given):
    """Draw the bars and the lines of one model; return right, wrong, and both lines."""
    right, wrong, line = styles
    bars = [
        _draw_bars(ax, curve, count, sign, place, style | given, f"{prefix}{what}")
        for count, sign, style, what in (
            (curve.hits, 1, right, "right"),
            (curve.misses, -1, wrong | {"hatch": "////"}, "wrong"),
        )
    ]
    ax.axhline(0, color="black", lw=0.8, gid=MODEL)
    if overall is None:
        return *bars, None, None
    sure, accuracy = overall.mean_proba[0], overall.frequency[0]
    words = (
        f"{prefix}mean confidence {100 * sure:.1f} %",
        f"{prefix}accuracy {100 * accuracy:.1f} %",
    )
    return (
        *bars,
        ax.axvline(sure, **line, lw=1.5, label=words[0]),
        ax.axvline(accuracy, **line, lw=1.5, ls=":", label=words[1]),
    )


def _draw_bars(ax, curve, count, sign, place, style, what):
    """Draw a bar for each bin that is not empty."""
    some = count > 0
    lower, upper = curve.lower[some], curve.upper[some]
    width = upper - lower
    share = sign * count[some] / max(count.sum(), 1)
    own = {"edgecolor": "white", "lw": 0.4, "align": "edge"}
    if place.outline:
        own |= {"facecolor": "none", "edgecolor": style.pop("color"), "lw": 1.2}
    else:
        width = width / place.n_models
        lower = lower + place.number * width
    own["label"] = f"{what}: {count.sum():,.0f} rows"
    return ax.bar(lower, share, width, **(own | style))
