"""ReliabilityDisplay: is "90 %" right in 90 % of the cases?"""

from skcalib.displays._figure import add_legend, axes_for, names_for, panels_for
from skcalib.displays._folds import FromCVResultsMixin
from skcalib.displays._keywords import check_keywords
from skcalib.displays._models import FromEstimatorMixin, models_of
from skcalib.displays._reliability_arrays import CurveSettings, reliability_arrays
from skcalib.displays._reliability_drawing import (
    add_legend_above,
    add_words,
    draw_folds,
    draw_panel,
    entries_of,
    title_of,
)

PANEL = (2.4, 2.6)  # inches


class ReliabilityDisplay(FromCVResultsMixin, FromEstimatorMixin):
    """Observed frequency against predicted probability, with intervals and counts.

    Where the curve is below the diagonal the model is too sure of itself, above it not sure
    enough. The bars below count how often each probability was predicted.

    Make it by :meth:`from_estimator`, :meth:`from_predictions` or :meth:`from_cv_results`;
    all parameters are kept as attributes, and :meth:`plot` draws them again.

    **When to use it.** To see where probabilities are wrong and whether the rows are enough
    to tell. ``kind="binned"`` is what everyone knows; ``"corp"`` chooses its steps itself, but
    shows monotone curves only; ``"smooth"`` has no edges.

    **When not.** To decide between two models: use a proper loss
    (:func:`~skcalib.metrics.bootstrap_difference`). A model that says the base rate for
    every row is a single point on the diagonal, and useless.

    Parameters
    ----------
    curve : named tuple or list of named tuples
        From :func:`~skcalib.metrics.reliability_curve`, :func:`~skcalib.metrics.corp_curve` or
        :func:`~skcalib.metrics.smooth_curve`; in a list, an entry for each model, or for
        each panel and model.

    histogram : named tuple or list of named tuples, default=None
        From :func:`~skcalib.metrics.histogram_curve`; not drawn if None.

    error : tuple or list of tuples, default=None
        Estimate, low and high, for the legend.

    name : str or list of str, default=None
        Of each model.

    panel : list of str, default=None
        Which small panel each curve is drawn in; None for one axes.

    model : list of int, default=None
        Which model each curve belongs to; the number of the curve if None.

    fold_curve : list of named tuples, default=None
        Curves of single folds, drawn thin.

    notion : {"positive", "confidence", "top-label", "class-wise"}, default="positive"
        What the probabilities are of, for the labels of the axes.

    pos_label : object, default=None
        The class that "positive" means.

    band : {"confidence", "consistency"}, default="confidence"
        What ``low`` and ``high`` of the curves are; None draws none.

    error_name : str, default=None
        What the error is, over the legend.

    n_panels_in_all : int, default=None
        Of how many classes the panels are the worst.

    p_value : float or list, default=None
        Of :func:`~skcalib.metrics.calibration_test`, for the legend.

    loss : float or list, default=None
        The log loss of each model, for the legend.

    scale : {"linear", "log-odds"}, default="linear"
        Of both axes, see :meth:`from_predictions`.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on; ``ax_`` is a list for small multiples.

    line_, band_, bars_ : matplotlib artists
        Of each curve; lists if `curve` is a list.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : Two classes, neither intervals nor counts.

    References
    ----------
    Brocker, Smith (2007), "Increasing the Reliability of Reliability Diagrams",
    doi:10.1175/WAF993.1.

    Dimitriadis, Gneiting, Jordan (2021), "Stable reliability diagrams for probabilistic
    classifiers", doi:10.1073/pnas.2016191118.

    Blasiok, Nakkiran (2024), "Smooth ECE: Principled Reliability Diagrams via Kernel
    Smoothing", arXiv:2309.12236.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skcalib.displays import ReliabilityDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> display = ReliabilityDisplay.from_estimator(
    ...     GaussianNB().fit(X, y), X_test, y_test, random_state=0
    ... )
    >>> display.ax_.get_xlabel()
    'Predicted probability of class 1'
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        curve,
        *,
        histogram=None,
        error=None,
        name=None,
        panel=None,
        model=None,
        fold_curve=None,
        notion="positive",
        pos_label=None,
        band="confidence",
        error_name=None,
        n_panels_in_all=None,
        p_value=None,
        loss=None,
        scale="linear",
    ):
        self.curve = curve
        self.histogram = histogram
        self.error = error
        self.name = name
        self.panel = panel
        self.model = model
        self.fold_curve = fold_curve
        self.notion = notion
        self.pos_label = pos_label
        self.band = band
        self.error_name = error_name
        self.n_panels_in_all = n_panels_in_all
        self.p_value = p_value
        self.loss = loss
        self.scale = scale

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        kind="binned",
        notion="auto",
        band="auto",
        n_bins="auto",
        strategy="uniform",
        confidence_level=0.95,
        metric="rms",
        test=None,
        scale="linear",
        n_panels=12,
        pos_label=None,
        labels=None,
        sample_weight=None,
        fold=None,
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

        kind : {"binned", "corp", "smooth"}, default="binned"
            :func:`~skcalib.metrics.reliability_curve`, :func:`~skcalib.metrics.corp_curve` or
            :func:`~skcalib.metrics.smooth_curve` (whose kernel is the smooth error wide, and
            0.04 at least).

        notion : {"auto", "positive", "confidence", "top-label", "class-wise"}, default="auto"
            Whose probability, see :func:`~skcalib.metrics.calibration_error`. "top-label"
            and "class-wise" draw a small panel for each class.

        band : {"auto", "confidence", "consistency"} or None, default="auto"
            "confidence": where the truth may be, around the curve. "consistency": where chance
            would leave the curve if the probabilities were true, around the diagonal.
            "auto" is "consistency" for "corp", else "confidence".

        n_bins : "auto", int, "cube_root" or "sweep", default="auto"
            Number of bins. "auto": the cube root of the number of rows with the rarer
            outcome, since these limit what can be seen; from 4 to 15.

        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or of about equal weight.

        confidence_level : float in (0, 1), default=0.95
            Of bands and errors, each point and each error by itself.

        metric : "rms", callable or None, default="rms"
            The error in the legend, with a bootstrap interval. "rms": the root of the
            debiased squared :func:`~skcalib.metrics.calibration_error` in the same number
            of bins; unlike that of most calibration errors its interval is honest, and holds
            0 where these rows show no error. The log loss beside it tells which model is
            better: an error may rise by chance, or where a model merely says less.

        test : str or None, default=None
            Kind of :func:`~skcalib.metrics.calibration_test` whose p-value is shown, for each
            model and each panel by itself.

        scale : {"linear", "log-odds"}, default="linear"
            Of both axes. "log-odds" for rare classes, best with ``strategy="quantile"``;
            exact 0 and 1 are drawn at the edges, counts are not.

        n_panels : int, default=12
            How many classes are drawn for "top-label" and "class-wise": those to which most
            of the squared error is due.

        pos_label : int, float, bool or str, default=None
            The positive one of two classes; the second of `labels` if None.

        labels : array-like of shape (n_classes,), default=None
            The labels of the columns, in their order; sorted ones of `y_true` if None.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequencies.

        fold : array-like of shape (n_samples,), default=None
            Which fold of a cross-validation each row is of; curves of single folds are
            drawn thin.

        random_state : int, RandomState instance or None, default=None
            Of bootstrap and test, for reproducible intervals.

        ax : matplotlib Axes, default=None
            See :meth:`plot`.

        name : str, default=None
            Of a single model, for the legend.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.

        Raises
        ------
        ValueError
            For unusable predictions or parameters, as metrics do.
        """
        check_keywords(cls.from_predictions, kwargs, "plot")
        names, probas = models_of(y_proba, name)
        settings = CurveSettings(
            kind=kind,
            band=band,
            n_bins=n_bins,
            strategy=strategy,
            confidence_level=confidence_level,
            metric=metric,
            test=test,
            random_state=random_state,
        )
        given = {"labels": labels, "sample_weight": sample_weight, "pos_label": pos_label}
        arrays = reliability_arrays(
            y_true, probas, settings, notion=notion, n_panels=n_panels, fold=fold, **given
        )
        return cls(name=names, scale=scale, **arrays).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A new figure's if None. Curves drawn on the axes of another display get the next
            colour. For small panels: a figure, enough axes in an array, or axes whose place
            in a grid is divided.

        name : str or list of str, default=None
            For the legend, instead of those given before.

        **kwargs : dict
            For the lines.

        Returns
        -------
        display : ReliabilityDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are too few axes or names.
        """
        check_keywords(self.plot, kwargs, "plot")
        entries = entries_of(self)
        names = names_for(name, self.name, max(entry.model for entry in entries) + 1)
        panels = list(dict.fromkeys(entry.panel for entry in entries))
        small = panels != [None]
        if small:
            axes = panels_for(ax, len(panels), PANEL, sharex=True)
        else:
            axes = [axes_for(ax, (5.2, 5.4))]
        artists = []
        for panel, panel_ax in zip(panels, axes, strict=True):
            here = [entry for entry in entries if entry.panel == panel]
            artists += draw_panel(panel_ax, here, names, self, small, kwargs)
            add_words(panel_ax, here, small, self.notion, self.pos_label)
        if self.fold_curve:
            draw_folds(axes[0], self.fold_curve, artists[0][0].get_color())
        self.figure_, self.ax_ = axes[0].figure, axes if small else axes[0]
        found = [list(column) for column in zip(*artists, strict=True)]
        single = not isinstance(self.curve, list)
        self.line_, self.band_, self.bars_ = (c[0] for c in found) if single else found
        if not small:
            add_legend_above(axes[0], self.error_name)
        elif ax is None or hasattr(ax, "suptitle"):
            n_in_all = self.n_panels_in_all or len(panels)
            title = title_of(len(panels), n_in_all, self.notion, self.error_name)
            self.figure_.suptitle(title, fontsize="medium")
            if len(names) > 1:
                handles, words = axes[0].get_legend_handles_labels()
                self.figure_.legend(handles, words, loc="outside lower center", ncols=4)
        elif len(names) > 1:
            add_legend(axes[0], loc="upper left", fontsize="x-small")
        return self
