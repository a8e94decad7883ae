"""UncertaintyDisplay: which rows is the model of two minds about?"""

import numpy as np

from skcalib.displays._ambiguous_rows import (
    choose_rows,
    draws_to_show,
    order_of_rows,
    own_draws,
    summary_of_shown,
)
from skcalib.displays._figure import COLORS, axes_for, panels_for
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import draws_and_labels, proba_and_classes, refuse_labels
from skcalib.displays._pictures import (
    draw_distribution,
    draw_image,
    draw_probabilities,
    images_in,
    words_of,
)
from skcalib.inputs import count_rows, refuse_masked_array, to_numpy
from skcalib.messages import name_in_picture

IMAGE, PLOT = (1.5, 2.1), (2.6, 2.1)  # inches of a panel
NEEDED = ["mean", "interval", "likeliest"]
DRAWN_BY = ("imshow", "hist", "bar")
OWN = ("interval", "ax", "name")  # besides those of from_estimator


class UncertaintyDisplay:
    """The two likeliest classes of one row, or of the most ambiguous ones.

    For one row: how the probabilities of its two likeliest classes are distributed over the
    draws. For many: a sheet of those whose two likeliest classes are closest, or of the most
    unusual, as images ("8 at 51 %, 6 at 44 %") or as distributions.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To show people what the model cannot tell apart, and to find rows
    that are mislabelled, unreadable, or worth a label.

    **When not.** As an interval of the true probability: it is the spread of the draws, see
    :func:`~skcalib.uncertainty.summarize_draws`.

    Parameters
    ----------
    draws : ndarray of shape (n_draws, n_shown, 2)
        Probabilities of the two likeliest classes in each draw; NaN behind the last draw of a
        row that has fewer than others.

    summary : sklearn.utils.Bunch
        From :func:`~skcalib.uncertainty.summarize_draws`, of the rows that are shown.

    likeliest : ndarray of shape (n_shown, 2)
        Labels of the two classes.

    rows : ndarray of shape (n_shown,)
        Which rows these are.

    images : ndarray of shape (n_shown, height, width[, channels]), default=None
        Drawn instead of distributions.

    y_true : ndarray of shape (n_shown,), default=None
        Their labels, if known.

    single : bool, default=False
        Whether one row is shown on one axes.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on; ``ax_`` is a list for a sheet.

    artist_ : list
        The images, or the pairs of histograms (of bars for a single draw).

    See Also
    --------
    skcalib.uncertainty.uncertainty_frame : The same as a table.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation. ICML 2016.
    arXiv:1506.02142

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcalib.displays import UncertaintyDisplay
    >>> draws = [[[0.9, 0.1]], [[0.8, 0.2]], [[0.7, 0.3]], [[0.4, 0.6]]]
    >>> display = UncertaintyDisplay.from_predictions(None, draws, sample=0)
    >>> display.ax_.get_title()
    '0 at 70 %, 1 at 30 %'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, draws, *, summary, likeliest, rows, images=None, y_true=None, single=False
    ):
        self.draws = draws
        self.summary = summary
        self.likeliest = likeliest
        self.rows = rows
        self.images = images
        self.y_true = y_true
        self.single = single

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        sample=None,
        n_samples=12,
        order="margin",
        images="auto",
        **params,
    ):
        """Predict with a fitted classifier, and draw.

        Parameters
        ----------
        estimator : SamplingClassifier or classifier
            Fitted. If it has no `sample_proba`, its probabilities are a single draw.

        X : array-like of n_samples
            Rows, as the classifier takes them.

        y : array-like of shape (n_samples,), default=None
            Their labels, if known.

        sample : int, default=None
            The row to show; None for a sheet.

        n_samples : int, default=12
            How many rows the sheet shows.

        order : "margin", "novelty" or array-like of shape (n_samples,), default="margin"
            Which rows the sheet shows: those whose two likeliest classes are closest; the most
            unusual by the estimator's `score_samples`; or those of the smallest numbers, scores
            of :class:`~skcalib.novelty.FeatureNovelty`, say.

        images : "auto", array of shape (n_samples, height, width[, channels]) or None
            "auto", the default: X, if it has such a shape, else none.

        **params : dict
            Those of :meth:`from_predictions`, but for `labels`, and further ones for the
            artists.

        Returns
        -------
        display : UncertaintyDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the estimator draws at several levels, or has no probabilities; if `order` is
            unusable.
        """
        refuse_labels(params)
        refuse_masked_array(y, "y")
        given = {name: value for name, value in params.items() if name not in OWN}
        check_keywords(cls.from_predictions, given, *DRAWN_BY)
        order = order_of_rows(order, count_rows(X), estimator, X)
        if hasattr(estimator, "sample_proba"):
            rows, draws = draws_to_show(estimator, X, sample, n_samples, order)
            labels = estimator.classes_
        else:
            proba, labels = proba_and_classes(estimator, X, y)
            draws = np.asarray(proba)[np.newaxis]
            rows = choose_rows(draws, order, sample, n_samples)
            draws = draws[:, rows]
        pictures = images_in(X, rows) if isinstance(images, str) else images_in(images, rows)
        y_true = None if y is None else np.asarray(to_numpy(y, "y"))[rows]
        given = {"images": pictures, "labels": labels, "rows": rows}
        return cls._made(y_true, draws, single=sample is not None, **given, **params)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        draws,
        *,
        sample=None,
        n_samples=12,
        order="margin",
        images=None,
        interval=0.9,
        labels=None,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Choose rows, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or None
            Labels, if known.

        draws : array-like of shape (n_draws, n_samples, n_classes) or (n_samples, n_classes)
            Probabilities; a matrix is a single draw.

        sample : int, default=None
            The row to show; None for a sheet.

        n_samples : int, default=12
            How many rows the sheet shows.

        order : "margin" or array-like of shape (n_samples,), default="margin"
            Which rows the sheet shows: those with the smallest difference between the mean
            probabilities of their two likeliest classes, or those of the smallest numbers.

        images : array-like of shape (n_samples, height, width[, channels]), default=None
            Drawn in the sheet instead of distributions.

        interval : float, default=0.9
            Share of the draws in the intervals of distributions.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; their numbers if None.

        ax : matplotlib Axes, default=None
            See :meth:`plot`.

        name : str, default=None
            For the title of the figure.

        **kwargs : dict
            For the images, or the histograms.

        Returns
        -------
        display : UncertaintyDisplay
            Drawn.

        Raises
        ------
        ValueError
            If draws are no probabilities, a row does not exist, or `order` is unusable.
        """
        check_keywords(cls.from_predictions, kwargs, *DRAWN_BY)
        draws, labels = draws_and_labels(y_true, draws, labels)
        rows = choose_rows(draws, order_of_rows(order, draws.shape[1]), sample, n_samples)
        return cls._made(
            None if y_true is None else np.asarray(to_numpy(y_true, "y_true"))[rows],
            draws[:, rows],
            single=sample is not None,
            images=images_in(images, rows),
            labels=labels,
            rows=rows,
            interval=interval,
            ax=ax,
            name=name,
            **kwargs,
        )

    @classmethod
    def _made(
        cls,
        y_true,
        draws,
        *,
        single,
        images,
        labels,
        rows,
        interval=0.9,
        ax=None,
        name=None,
        **kwargs,
    ):
        """Return the display of these rows, drawn."""
        summary = summary_of_shown(draws, interval=interval, measures=NEEDED)
        columns = summary.likeliest
        labels = np.asarray(labels)
        two = np.take_along_axis(draws, columns[np.newaxis], axis=2)
        given = {"images": images, "y_true": y_true, "rows": rows, "single": single}
        display = cls(two, summary=summary, likeliest=labels[columns], **given)
        return display.plot(ax, name=name, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the row, or the sheet.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. For a sheet: a figure, enough axes in an array, or axes
            whose place in a grid is divided.

        name : str, default=None
            For the title of the figure; of given axes, none is set.

        **kwargs : dict
            For the images, or the histograms.

        Returns
        -------
        display : UncertaintyDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few axes.
        """
        check_keywords(self.plot, kwargs, *DRAWN_BY)
        pictures = self.images is not None and not self.single
        if self.single:
            axes = [axes_for(ax, (5.6, 3.6))]
        else:
            axes = panels_for(ax, len(self.rows), IMAGE if pictures else PLOT)
        self.artist_ = []
        for i, panel in enumerate(axes):
            words = words_of(self.likeliest[i], self.summary, i)
            if pictures:
                self.artist_.append(draw_image(panel, self.images[i], words, kwargs))
            else:
                self.artist_.append(self._draw_classes(panel, i, kwargs))
                size = "medium" if self.single else "small"
                panel.set_title(", ".join(words), fontsize=size)
            self._add_truth(panel, i, pictures)
        self.figure_, self.ax_ = axes[0].figure, axes[0] if self.single else axes
        if name and (ax is None or hasattr(ax, "suptitle")):
            self.figure_.suptitle(name_in_picture(name), fontsize="medium")
        return self

    def _draw_classes(self, ax, i, given):
        """Draw the two likeliest classes of a row: a distribution, or two bars."""
        draws, labels = own_draws(self.draws, i)[:, 0], self.likeliest[i]
        if len(draws) == 1:
            return draw_probabilities(ax, draws[0], labels, given)
        return draw_distribution(ax, draws, labels, self.summary, i, given)

    def _add_truth(self, ax, i, pictures):
        """Write the row's number and its label under the panel."""
        words = f"row {self.rows[i]}"
        color = "black"
        if self.y_true is not None:
            words += f": is {name_in_picture(self.y_true[i])}"
            color = "black" if self.y_true[i] == self.likeliest[i, 0] else COLORS[1]
        size = "medium" if self.single else "small"
        words = words if pictures else f"Probability ({words})"
        ax.set_xlabel(words, fontsize=size, color=color)
