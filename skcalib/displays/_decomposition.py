"""DecompositionDisplay: is a loss due to calibration, or to telling classes apart?"""

import numpy as np

from skcalib.displays._figure import (
    COLORS,
    GREY,
    MARKERS,
    MODEL,
    add_legend,
    axes_for,
    drawn_models,
    listed,
    names_for,
)
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import FromEstimatorMixin, models_of
from skcalib.messages import name_in_legend, name_in_picture
from skcalib.metrics import corp_decomposition

N_LEVELS = 7  # lines of equal loss, about
LEVEL = "level"  # marks these lines and their labels


class DecompositionDisplay(FromEstimatorMixin):
    """Miscalibration against discrimination of several models.

    A point for each model. To the left is better calibrated, upwards tells classes apart
    better; on each grey line the loss is the same, ``loss = miscalibration - discrimination +
    uncertainty``, and smaller to the upper left.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`, with models in a dict; all
    parameters are kept as attributes, and :meth:`plot` draws them again.

    **When to use it.** To see what each of several models would gain by calibration: its
    way to the left edge.

    **When not.** On few rows: noise adds to both parts alike, see
    :func:`~skcalib.metrics.corp_decomposition`. Points have no intervals;
    :func:`~skcalib.metrics.bootstrap_difference` tells if one model is better.

    Parameters
    ----------
    parts : CorpDecomposition or list of them
        From :func:`~skcalib.metrics.corp_decomposition`, for each model, of the same rows.

    name : str or list of str, default=None
        Of each model.

    loss_name : str, default="loss"
        For the labels of the lines.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.

    point_ : matplotlib Line2D
        Of each model, a list if `parts` is a list.

    See Also
    --------
    ReliabilityDisplay : Where the miscalibration is.

    References
    ----------
    Dimitriadis, Gneiting, Jordan, Vogel (2024), "Evaluating Probabilistic Classifiers: The
    Triptych", doi:10.1016/j.ijforecast.2023.09.007.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import DecompositionDisplay
    >>> display = DecompositionDisplay.from_predictions(
    ...     [0, 1, 0, 1, 1],
    ...     {"sure": [0.1, 0.2, 0.6, 0.7, 0.9], "coy": [0.4, 0.5, 0.6, 0.7, 0.7]},
    ... )
    >>> [round(part.miscalibration, 3) for part in display.parts]
    [0.122, 0.09]
    >>> plt.close(display.figure_)
    """

    def __init__(self, parts, *, name=None, loss_name="loss"):
        self.parts = parts
        self.name = name
        self.loss_name = loss_name

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        loss="brier",
        notion="auto",
        pos_label=None,
        labels=None,
        sample_weight=None,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Decompose the losses of several models, and draw.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Class labels.

        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,), or dict
            Probabilities, as metrics take them; in a dict, those of several models by name.

        loss : {"brier", "log_loss"} or callable, default="brier"
            The proper loss. Models with an infinite loss are not drawn.

        notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
            The events, see :func:`~skcalib.metrics.corp_decomposition`.

        pos_label : int, float, bool or str, default=None
            The positive one of two classes; the second of `labels` if None.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; sorted ones of `y_true` if None.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        ax : matplotlib Axes, default=None
            A new figure's if None.

        name : str, default=None
            Of a single model.

        **kwargs : dict
            For the points.

        Returns
        -------
        display : DecompositionDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        names, probas = models_of(y_proba, name)
        keywords = {"loss": loss, "notion": notion, "labels": labels, "pos_label": pos_label}
        parts = [
            corp_decomposition(y_true, proba, sample_weight=sample_weight, **keywords)
            for proba in probas
        ]
        loss_name = loss if isinstance(loss, str) else getattr(loss, "__name__", "loss")
        loss_name = {"brier": "Brier loss", "log_loss": "log loss"}.get(loss_name, loss_name)
        return cls(parts, name=names, loss_name=loss_name).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. Points drawn on the axes of another display get the next
            colour.

        name : str or list of str, default=None
            Of each model, instead of those given before.

        **kwargs : dict
            For the points.

        Returns
        -------
        display : DecompositionDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few names.
        """
        check_keywords(self.plot, kwargs, "plot")
        self.ax_ = ax = axes_for(ax, (5.6, 4.6))
        self.figure_ = ax.figure
        parts = listed(self.parts)
        names = names_for(name, self.name, len(parts))
        first, points = drawn_models(ax), []
        for number, (part, own) in enumerate(zip(parts, names, strict=True), start=first):
            x, y = part.miscalibration, part.discrimination
            x, y = (x, y) if np.isfinite([x, y]).all() else (np.nan, np.nan)
            style = {"marker": MARKERS[number % len(MARKERS)], "ms": 9, "ls": "none"}
            style |= {"color": COLORS[number % len(COLORS)], "gid": MODEL, "zorder": 3}
            words = f"{part.loss:.3f}"
            style["label"] = f"{name_in_legend(own)}: {words}" if own else words
            points.append(ax.plot(x, y, **(style | kwargs))[0])
        self._add_levels(ax, parts[0].uncertainty)
        ax.set_xlabel("Miscalibration: what recalibration would gain (less is better)")
        ax.set_ylabel("Discrimination (more is better)")
        self.point_ = points if isinstance(self.parts, list) else points[0]
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 2}
        add_legend(
            ax, **place, title=f"{name_in_picture(self.loss_name)}, the same along grey lines"
        )
        return self

    def _add_levels(self, ax, uncertainty):
        """Draw lines of equal loss through the region of all points on these axes."""
        for artist in [a for a in (*ax.lines, *ax.texts) if a.get_gid() == LEVEL]:
            artist.remove()  # of the display before
        points = [line.get_xydata()[0] for line in ax.lines if line.get_gid() == MODEL]
        points = np.array([point for point in points if np.isfinite(point).all()])
        if not len(points):
            return
        (_, y_low), (x_high, y_high) = points.min(axis=0), points.max(axis=0)
        reach = max(x_high, y_high - y_low, 0.02 * max(uncertainty, 1e-3))
        left, right = -0.04 * reach, 1.45 * reach
        bottom, top = max(y_low - 0.45 * reach, 0), y_high + 0.3 * reach
        ax.set(xlim=(left, right), ylim=(bottom, top))
        for level in _round_levels(uncertainty + left - top, uncertainty + right - bottom):
            rise = uncertainty - level  # of discrimination over miscalibration
            x = np.array([left, right])
            ax.plot(x, x + rise, color=GREY, lw=0.6, alpha=0.6, zorder=1, gid=LEVEL)
            end = min(right, top - rise)
            if left + 0.1 * reach < end and bottom < end + rise:
                place = {"xytext": (-2, -2), "textcoords": "offset points", "gid": LEVEL}
                place |= {"ha": "right", "va": "top", "fontsize": "x-small", "color": GREY}
                ax.annotate(f"{level:.3g}", (end, end + rise), **place)


def _round_levels(low, high):
    """Return round numbers between two."""
    from matplotlib.ticker import MaxNLocator

    return [level for level in MaxNLocator(N_LEVELS).tick_values(low, high) if level >= 0]
