"""NoveltyDisplay: are these rows like those that the classifier knows?"""

import numpy as np

from skcalib.displays._figure import COLORS, GREY, add_legend, axes_for, panels_for
from skcalib.displays._pictures import draw_image, images_in
from skcalib.inputs import take_rows

N_BARS = 40
LINEAR = 2.0  # up to so many spreads the axis is linear


class NoveltyDisplay:
    """How far new rows lie from usual ones, or the most unusual rows beside the nearest ones.

    As a histogram: the distances of held-out rows and of new ones, in units in which the
    median of held-out rows is 0 and 5 % of them lie beyond 1; logarithmic beyond 2. As a
    sheet of images: the strangest new rows, each beside the known row that it resembles
    most.

    Make it by :meth:`from_estimator` or :meth:`from_scores`; all parameters are kept as
    attributes, and :meth:`plot` draws them again.

    **When to use it.** To see whether data have moved before believing any answer, and to
    look at what a classifier was never taught. **When not.** To judge probabilities: a
    usual row can be ambiguous, and a strange one easy.

    Parameters
    ----------
    held_out : ndarray of shape (n_held_out,)
        Distances of held-out rows, in spreads.

    distances : ndarray of shape (n_samples,)
        Distances of the new rows, in the same unit.

    threshold : float
        The distance from which on a row is called unusual.

    rows : ndarray of shape (n_shown,), default=None
        The numbers of the strangest rows, for a sheet.

    images : pair of ndarrays of shape (n_shown, height, width[, channels]), default=None
        The images of these rows and of the known rows nearest to them.

    pvalues : ndarray of shape (n_shown,), default=None
        Their p-values.

    labels : ndarray of shape (n_shown,), default=None
        The labels of the nearest rows.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on; ``ax_`` is a list for a sheet.

    artist_ : list
        The bars, or the images.

    See Also
    --------
    skcalib.novelty.FeatureNovelty : The detector.

    References
    ----------
    J. Mukhoti, A. Kirsch, J. van Amersfoort, P. Torr, Y. Gal. Deep Deterministic
    Uncertainty: A New Simple Baseline. CVPR 2023. arXiv:2102.11582

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from skcalib.displays import NoveltyDisplay
    >>> from skcalib.novelty import FeatureNovelty
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> novelty = FeatureNovelty(random_state=0).fit(X[:400])
    >>> display = NoveltyDisplay.from_estimator(novelty, X[400:] + 4)
    >>> bool((display.distances > display.threshold).mean() > 0.9)
    True
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        held_out,
        distances,
        threshold,
        *,
        rows=None,
        images=None,
        pvalues=None,
        labels=None,
    ):
        self.held_out = held_out
        self.distances = distances
        self.threshold = threshold
        self.rows = rows
        self.images = images
        self.pvalues = pvalues
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        n_samples=None,
        X_known=None,
        images="auto",
        images_known="auto",
        ax=None,
        name=None,
        **kwargs,
    ):
        """Score rows by a fitted estimator, and draw.

        Parameters
        ----------
        estimator : FeatureNovelty or DistanceAwareTemperatureClassifier
            Fitted.

        X : array-like of n_samples
            The new rows, as the estimator takes them.

        n_samples : int, default=None
            How many of the strangest rows a sheet shows; None for a histogram. Needs
            :class:`~skcalib.novelty.FeatureNovelty`.

        X_known : array-like, default=None
            For a sheet: the rows that the estimator was fitted to.

        images, images_known : "auto" or arrays of shape (n, height, width[, channels])
            For a sheet: the images of X and of X_known; by default these themselves.

        ax : matplotlib Axes, default=None
            See :meth:`plot`.

        name : str, default=None
            What the new rows are called.

        **kwargs : dict
            For the bars or images.

        Returns
        -------
        display : NoveltyDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the estimator has no held-out scores, or a sheet has no images.
        """
        if not hasattr(estimator, "held_out_scores_"):
            raise ValueError(
                f"{type(estimator).__name__} has no held_out_scores_: give a fitted "
                "FeatureNovelty or DistanceAwareTemperatureClassifier."
            )
        scores = estimator.score_samples(X)
        display = cls(
            *_in_spreads(estimator.held_out_scores_, scores, estimator.offset_),
            **_sheet(estimator, X, scores, n_samples, X_known, images, images_known),
        )
        return display.plot(ax, name=name, **kwargs)

    @classmethod
    def from_scores(cls, held_out, scores, *, threshold=None, ax=None, name=None, **kwargs):
        """Draw scores from any source.

        Parameters
        ----------
        held_out : array-like of shape (n_held_out,)
            Scores of usual rows that the score was not learned from; higher for more usual
            rows.

        scores : array-like of shape (n_samples,)
            Scores of the new rows.

        threshold : float, default=None
            The score below which a row is called unusual; by default, 5 % of the held-out
            rows are.

        ax : matplotlib Axes, default=None
            See :meth:`plot`.

        name : str, default=None
            What the new rows are called.

        **kwargs : dict
            For the bars.

        Returns
        -------
        display : NoveltyDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there are no scores, or some are NaN.
        """
        held_out = np.asarray(held_out, dtype=float)
        scores = np.asarray(scores, dtype=float)
        for what, values in (("held_out", held_out), ("scores", scores)):
            if values.ndim != 1 or len(values) == 0 or np.isnan(values).any():
                raise ValueError(f"{what} must be a vector of numbers without NaN.")
        return cls(*_in_spreads(held_out, scores, threshold)).plot(ax, name=name, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the histogram, or the sheet.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. For a sheet: a figure, or enough axes in an array.

        name : str, default=None
            What the new rows are called.

        **kwargs : dict
            For the bars or images.

        Returns
        -------
        display : NoveltyDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few axes.
        """
        if self.rows is None:
            self.ax_ = axes_for(ax, (5.6, 3.4))
            self.artist_ = self._draw_histogram(self.ax_, name or "new rows", kwargs)
            self.figure_ = self.ax_.figure
            return self
        self.ax_ = panels_for(ax, 2 * len(self.rows), (1.5, 2.1))
        self.figure_ = self.ax_[0].figure
        self.artist_ = []
        for i, row in enumerate(self.rows):
            words = [f"row {row}", f"p = {self.pvalues[i]:.2g}"]
            beside = ["nearest", "" if self.labels is None else f"a {self.labels[i]}"]
            for panel, image, text in zip(
                self.ax_[2 * i : 2 * i + 2], self.images, (words, beside), strict=True
            ):
                self.artist_.append(draw_image(panel, image[i], text, kwargs))
        return self

    def _draw_histogram(self, ax, name, given):
        """Draw shares of rows at each distance."""
        reach = max(2 * LINEAR, self.distances.max(), self.held_out.max())
        lowest = min(self.distances.min(), self.held_out.min(), -1.0)
        positive = np.geomspace(LINEAR, reach * 1.001, N_BARS // 2)[1:]
        edges = np.r_[np.linspace(lowest, LINEAR, N_BARS // 2), positive]
        artists = []
        for values, color, label in (
            (self.held_out, GREY, "held-out rows"),
            (self.distances, COLORS[1], name),
        ):
            weights = np.full(len(values), 1 / len(values))
            style = {"color": color, "alpha": 0.6, "label": label, "weights": weights}
            artists.append(ax.hist(values, edges, **(style | given))[2])
        ax.axvline(self.threshold, color="black", ls="--", lw=1, label="unusual from here on")
        ax.set_xscale("symlog", linthresh=LINEAR, subs=[2, 5])
        if edges[-1] < 100:  # over more decades the labels would touch
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter("{x:g}")
        ax.set_xlim(lowest - 0.5, 1.2 * edges[-1])  # margins of a linear axis would fill it
        ax.set(xlabel="Distance from usual rows (in their spread)", ylabel="Share of rows")
        add_legend(ax)
        return artists


def _in_spreads(held_out, scores, threshold):
    """Return distances of held-out rows, of new rows, and that of the threshold."""
    median, limit = np.quantile(held_out, [0.5, 0.05], method="inverted_cdf")
    spread = max(median - limit, np.finfo(float).tiny)
    threshold = limit if threshold is None else threshold
    largest = np.finfo(float).max ** 0.5
    distances = [np.minimum((median - s) / spread, largest) for s in (held_out, scores)]
    return *distances, float((median - threshold) / spread)


def _sheet(estimator, X, scores, n_samples, X_known, images, images_known):
    """Return what a sheet of the strangest rows needs, nothing for a histogram."""
    if n_samples is None:
        return {}
    images = X if isinstance(images, str) else images
    images_known = X_known if isinstance(images_known, str) else images_known
    rows = np.argsort(scores, kind="stable")[:n_samples]
    found = estimator.nearest(take_rows(X, rows), n_neighbors=1)
    pictures = images_in(images, rows), images_in(images_known, found.rows[:, 0])
    if any(part is None for part in pictures):
        raise ValueError(
            "A sheet needs images of shape (n, height, width[, channels]): of the new rows, "
            "as X or images, and of the rows of fit, as X_known or images_known."
        )
    labels = found.labels[:, 0] if "labels" in found else None
    pvalues = estimator.novelty_pvalue(take_rows(X, rows))
    return {"rows": rows, "images": pictures, "pvalues": pvalues, "labels": labels}
