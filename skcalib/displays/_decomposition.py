"""DecompositionDisplay: is a loss due to calibration, or to telling classes apart?"""

import numpy as np

from skcalib.displays._figure import (
    COLORS,
    GREY,
    MARKERS,
    MODEL,
    axes_for,
    drawn_models,
    listed,
    names_for,
)
from skcalib.displays._models import FromEstimatorMixin, models_of
from skcalib.metrics import corp_decomposition

N_LEVELS = 7  # lines of equal loss


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

    point_, text_ : matplotlib Line2D and Annotation
        Of each model; lists if `parts` is a list.

    See Also
    --------
    ReliabilityDisplay : Where the miscalibration is.

    References
    ----------
    Dimitriadis, Gneiting, Jordan, Vogel (2024), "Evaluating Probabilistic Classifiers: The
    Triptych", doi:10.1016/j.ijforecast.2023.09.007.

    Examples
    --------
    >>> from skcalib.displays import DecompositionDisplay
    >>> display = DecompositionDisplay.from_predictions(
    ...     [0, 1, 0, 1, 1],
    ...     {"sure": [0.1, 0.2, 0.6, 0.7, 0.9], "coy": [0.4, 0.5, 0.6, 0.7, 0.7]},
    ... )
    >>> [round(part.miscalibration, 3) for part in display.parts]
    [0.122, 0.112]
    >>> display.figure_.clear()
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

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns.

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
        names, probas = models_of(y_proba, name)
        keywords = {"loss": loss, "notion": notion, "labels": labels}
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
        self.ax_ = ax = axes_for(ax, (5.6, 4.6))
        self.figure_ = ax.figure
        parts = listed(self.parts)
        names = names_for(name, self.name, len(parts))
        first, points, texts = drawn_models(ax), [], []
        middle = np.median([part.discrimination for part in parts])
        for number, (part, own) in enumerate(zip(parts, names, strict=True), start=first):
            x, y = part.miscalibration, part.discrimination
            x, y = (x, y) if np.isfinite([x, y]).all() else (np.nan, np.nan)
            look = {"marker": MARKERS[number % len(MARKERS)], "ms": 9, "ls": "none"}
            look |= {"color": COLORS[number % len(COLORS)], "gid": MODEL, "zorder": 3}
            points.append(ax.plot(x, y, **(look | kwargs))[0])
            words = f"{own}: {part.loss:.3f}" if own else f"{part.loss:.3f}"
            above = y >= middle  # so that neighbours seldom write upon each other
            place = {"xytext": (-4, 8 if above else -8), "textcoords": "offset points"}
            place["va"] = "bottom" if above else "top"
            texts.append(ax.annotate(words, (x, y), **place, fontsize="small", zorder=4))
        self._add_levels(ax, parts[0].uncertainty)
        ax.set_xlabel("Miscalibration: what recalibration would gain (less is better)")
        ax.set_ylabel("Discrimination (more is better)")
        single = not isinstance(self.parts, list)
        self.point_, self.text_ = (points[0], texts[0]) if single else (points, texts)
        return self

    def _add_levels(self, ax, uncertainty):
        """Draw lines of equal loss through the region of all points on these axes."""
        drawn = np.array([line.get_xydata()[0] for line in ax.lines if line.get_gid() == MODEL])
        for line in [line for line in ax.lines if line.get_gid() == "level"]:
            line.remove()
        for text in [text for text in ax.texts if text.get_gid() == "level"]:
            text.remove()
        drawn = drawn[np.isfinite(drawn).all(axis=1)]
        if not len(drawn):
            return
        (_, y_low), (x_high, y_high) = drawn.min(axis=0), drawn.max(axis=0)
        reach = max(x_high, y_high - y_low, 0.02 * max(uncertainty, 1e-3))
        x_limits = (-0.04 * reach, 1.45 * reach)
        y_limits = (max(y_low - 0.45 * reach, 0), y_high + 0.3 * reach)
        ax.set(xlim=x_limits, ylim=y_limits)
        x = np.array(x_limits)
        losses = uncertainty + x[::-1] - y_limits
        for level in _round_levels(*sorted(losses)):
            y = x + uncertainty - level
            ax.plot(x, y, color=GREY, lw=0.6, alpha=0.6, zorder=1, gid="level")
            at = min(x[1], y_limits[1] - uncertainty + level)  # where the line leaves
            if x[0] + 0.1 * reach < at and y_limits[0] < at + uncertainty - level:
                ax.annotate(
                    f"{level:.3g}",
                    (at, at + uncertainty - level),
                    xytext=(-2, -2),
                    textcoords="offset points",
                    ha="right",
                    va="top",
                    fontsize="x-small",
                    color=GREY,
                    gid="level",
                )
        ax.set_title(f"Lines of equal {self.loss_name}", fontsize="small", color=GREY)


def _round_levels(low, high):
    """Return round numbers between two."""
    from matplotlib.ticker import MaxNLocator

    return [level for level in MaxNLocator(N_LEVELS).tick_values(low, high) if level >= 0]
