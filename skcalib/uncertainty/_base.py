"""SamplingClassifier: a classifier whose prediction is a distribution."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skcalib._logits import check_finite, check_proba
from skcalib._predictions import ProbabilisticClassifierMixin
from skcalib._representations import Result, VersionedMixin
from skcalib.uncertainty._measures import check_measures, summary


class SamplingClassifier(
    VersionedMixin, ProbabilisticClassifierMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base of classifiers that predict by draws; write ``fit`` and ``_blocks``.

    Parameters
    ----------
    None of its own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, set by a subclass's `fit`.

    Notes
    -----
    ``_blocks(X)`` yields, for one block of rows after the other, a slice and an array of
    probabilities of shape (n_levels, n_draws, n_rows, n_classes). ``_levels()`` gives None,
    or the levels (of dropout, say) if answers shall have an axis for them;
    ``_are_random()`` is False for points chosen to stand for a distribution, whose number
    says nothing of their error. ``_are_ragged()`` is True if rows have different numbers of
    draws; then a block holds rows of one number, and an array of their positions takes the
    place of the slice. Draws are reduced block by block, so that no more than one
    block of them is ever held.

    References
    ----------
    Y. Gal, Z. Ghahramani. Dropout as a Bayesian Approximation. ICML 2016.
    arXiv:1506.02142

    Examples
    --------
    >>> import numpy as np
    >>> from skcalib.uncertainty import SamplingClassifier
    >>> class Coin(SamplingClassifier):
    ...     def fit(self, X, y):
    ...         self.classes_ = np.unique(y)
    ...         return self
    ...     def _blocks(self, X):
    ...         p = np.random.default_rng(0).beta(5, 5, (1, 20, len(X), 1))
    ...         yield slice(0, len(X)), np.concatenate([1 - p, p], axis=3)
    >>> coin = Coin().fit([[0], [1]], ["heads", "tails"])
    >>> coin.predict_uncertainty([[0], [1], [2]]).mean.shape
    (3, 2)
    """

    @abstractmethod
    def _blocks(self, X):
        """Yield rows and their draws (n_levels, n_draws, n_rows, n_classes)."""

    def _levels(self):
        return None

    def _are_random(self):
        return True

    def _are_ragged(self):
        return False

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
        check_is_fitted(self)
        if self._levels() is not None:
            raise ValueError(
                f"predict_proba needs one level, got {self._levels()}; give a number. All "
                "levels: predict_uncertainty(X).mean."
            )
        found = [
            (rows, draws[0].mean(axis=0, dtype=np.float64)) for rows, draws in self._checked(X)
        ]
        proba = _in_order(*zip(*found, strict=True))
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
        check_is_fitted(self)
        if self._are_ragged() and not blocks:
            raise ValueError(
                "Rows have different numbers of draws, which make no one array. Give "
                "sample_proba(X, blocks=True), which yields rows and their draws, or tol=None."
            )
        squeezed = self._squeezed()
        found = ((rows, squeezed(draws)) for rows, draws in self._checked(X))
        if blocks:
            return found
        return np.concatenate([draws for _, draws in found], axis=-2)

    def predict_uncertainty(self, X, interval=0.9, measures="all"):
        """Mean, spread, and the parts of the uncertainty of each prediction.

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
        check_is_fitted(self)
        chosen = check_measures(measures, interval)
        rows, counts, parts = [], [], []
        for some, draws in self._checked(X):
            rows.append(some)
            counts.append(np.full(draws.shape[2], draws.shape[1]))
            parts.append([summary(level, chosen, interval) for level in draws])
        squeezed = self._squeezed()
        result = Result(**{name: squeezed(found) for name, found in joined(parts, rows)})
        if self._are_ragged():
            result.n_draws = _in_order(rows, counts)
        if "likeliest" in result:
            result.likeliest = self.classes_[result.likeliest]
        if "standard_error" in result and not self._are_random():
            result.standard_error = np.full_like(result.standard_error, np.nan)
        result.classes = self.classes_
        if self._levels() is not None:
            result.levels = np.asarray(self._levels())
        return result

    def _checked(self, X):
        return self._each_checked(self._blocks(X))  # parameters are read now, not when asked

    def _each_checked(self, blocks):
        for rows, draws in blocks:
            if draws.shape[-1] != len(self.classes_):
                raise ValueError(
                    f"A draw has {draws.shape[-1]} columns, but there are {len(self.classes_)} "
                    "classes. Fit again if the network has changed."
                )
            check_finite(draws.reshape(-1, draws.shape[-1]), "A draw")
            check_proba(draws[:, 0].reshape(-1, draws.shape[-1]), "A draw")
            yield rows, draws

    def _squeezed(self):
        one = self._levels() is None
        return lambda array: array[0] if one else array


def _in_order(rows, parts):
    """Join what was found for these rows, as they stand in X."""
    joined = np.concatenate(parts)
    if isinstance(rows[0], slice):
        return joined
    out = np.empty_like(joined)
    out[np.concatenate(rows)] = joined
    return out


def joined(parts, rows):
    """Yield each name and its arrays of all levels, from one Bunch for each block and level."""
    levels = list(zip(*parts, strict=True))
    for name in parts[0][0]:
        yield name, np.stack([_in_order(rows, [p[name] for p in level]) for level in levels])
