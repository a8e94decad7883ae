"""SamplingClassifier: a classifier whose prediction is a distribution."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skcalib.estimators import ProbabilisticClassifierMixin, VersionedMixin
from skcalib.inputs import check_finite, check_proba
from skcalib.sampling import check_measures, gather_draws, join_blocks, summarize_blocks

ROUNDING = 1e-6  # of the sum of a row; float32 keeps to it


class SamplingClassifier(
    VersionedMixin, ProbabilisticClassifierMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base class of classifiers that predict by draws.

    Parameters
    ----------
    None of its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, set by a subclass's `fit`.

    Notes
    -----
    ``fit`` sets ``classes_``, and ``_draws(X)`` returns :class:`~skcalib.uncertainty.Draws`:
    for one block of rows after the other a slice and an array of probabilities of shape
    (n_levels, n_draws, n_rows, n_classes). It is called once for a prediction, on a fitted
    instance, and is where parameters are checked. Draws are reduced block by block, so that
    no more than one block of them is ever held.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation. ICML 2016.
    arXiv:1506.02142

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.uncertainty import Draws, SamplingClassifier
    >>> class Coin(SamplingClassifier):
    ...     def fit(self, X, y):
    ...         self.classes_ = np.unique(y)
    ...         return self
    ...     def _draws(self, X):
    ...         p = np.random.default_rng(0).beta(5, 5, (20, 1, 1)).repeat(len(X), axis=1)
    ...         draws = np.concatenate([1 - p, p], axis=2)
    ...         return Draws([(slice(0, len(X)), draws[np.newaxis])])
    >>> coin = Coin().fit([[0], [1]], ["heads", "tails"])
    >>> coin.predict_uncertainty([[0], [1], [2]]).mean.shape
    (3, 2)
    """

    @abstractmethod
    def _draws(self, X):
        """Return Draws for these rows."""

    def predict_proba(self, X):
        """Mean of the draws.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In [0, 1], rows sum to one, columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If there are several levels, whose means are no one prediction.
        """
        draws = self._check_X(X)
        if draws.levels is not None:
            raise ValueError(
                f"predict_proba needs one level, got {draws.levels}; give a number. All "
                "levels: predict_uncertainty(X).mean."
            )
        found = [
            (rows, block[0].mean(axis=0, dtype=np.float64)) for rows, block in draws.blocks
        ]
        proba = join_blocks(*zip(*found, strict=True))
        return proba / proba.sum(axis=1, keepdims=True)

    def sample_proba(self, X, *, blocks=False):
        """Probabilities of each draw.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        blocks : bool, default=False
            Whether to yield the draws block by block of rows instead of all at once, which
            takes memory for n_draws x n_samples x n_classes float32 numbers.

        Returns
        -------
        draws : ndarray of shape (n_draws, n_samples, n_classes) or iterator
            With several levels: (n_levels, n_draws, n_samples, n_classes). With `blocks`,
            pairs of the rows (a slice; or their positions, in any order, if rows have
            different numbers of draws) and the draws for these.

        Raises
        ------
        ValueError
            If rows have different numbers of draws and `blocks` is False.
        """
        return gather_draws(self._check_X(X), blocks)

    def predict_uncertainty(self, X, interval=0.9, measures="all"):
        """Mean and spread of each prediction, and the parts of its uncertainty.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        interval : float, default=0.9
            Share of the draws between ``low`` and ``high``, in (0, 1).

        measures : "all", str or list of str, default="all"
            What to compute; see :func:`~skcalib.uncertainty.summarize_draws`.

        Returns
        -------
        result : sklearn.utils.Bunch
            The arrays of :func:`~skcalib.uncertainty.summarize_draws`, with labels in
            ``likeliest``, and ``classes``, the labels of the columns. With several
            levels, each array has a first axis for these, and ``levels`` holds them. If
            rows have different numbers of draws, ``n_draws`` (n_samples,) holds these.
            :func:`~skcalib.uncertainty.uncertainty_frame` makes it a table.

        Raises
        ------
        ValueError
            For an unknown measure or an interval outside (0, 1).
        """
        chosen = check_measures(measures, interval)
        return summarize_blocks(self._check_X(X), self.classes_, chosen, interval)

    def _check_X(self, X):
        if not hasattr(self, "classes_"):
            check_is_fitted(self, "classes_")
        draws = self._draws(X)
        return draws._replace(blocks=self._check_each(draws.blocks))

    def _check_each(self, blocks):
        for rows, draws in blocks:
            if draws.shape[-1] != len(self.classes_):
                raise ValueError(
                    f"A draw has {draws.shape[-1]} columns, but there are {len(self.classes_)} "
                    "classes. Fit again if the network has changed."
                )
            if not _are_proba(draws):  # then these say what is wrong, and in which row
                check_finite(draws.reshape(-1, draws.shape[-1]), "A draw")
                check_proba(draws[:, 0].reshape(-1, draws.shape[-1]), "A draw")
                check_proba(draws.reshape(-1, draws.shape[-1]), "A draw")
            yield rows, draws


def _are_proba(draws):
    """Tell whether all values are in [0, 1], and rows of the first draw sum to one."""
    off = np.abs(draws[:, 0].sum(axis=-1) - 1).max(initial=0)
    return draws.min(initial=0) >= 0 and draws.max(initial=0) <= 1 and off <= ROUNDING
