"""Draws of a classifier that predicts by draws, moved to its calibrated answer."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from skcalib.estimators import columns_of_all
from skcalib.networks import find_final_estimator
from skcalib.sampling import (
    Draws,
    check_measures,
    gather_draws,
    move_draws,
    summarize_blocks,
)


def _predicts_by_draws(classifier):
    return hasattr(classifier._get_estimator(), "sample_proba")


class CalibratedDrawsMixin:
    """`sample_proba` and `predict_uncertainty`, where the estimator has them."""

    @available_if(_predicts_by_draws)
    def sample_proba(self, X, *, blocks=False):
        """Probabilities of each draw, moved so that their mean is `predict_proba`.

        The draws of a row are moved in logit space by one vector,
        ``softmax(log(p_t) + v)``, so that they keep their differences. Only where `estimator`
        has `sample_proba`.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        blocks : bool, default=False
            Whether to yield the draws block by block of rows, as those of the estimator.

        Returns
        -------
        draws : ndarray of shape (n_draws, n_samples, n_classes) or iterator
            With `blocks`, pairs of the rows and the draws for these. Of several pairs of
            classifier and calibrator, the draws of all.

        Raises
        ------
        ValueError
            If the estimator has several levels, or rows with different numbers of draws.
        """
        return gather_draws(self._calibrated_draws(X), blocks)

    @available_if(_predicts_by_draws)
    def predict_uncertainty(self, X, interval=0.9, measures="all"):
        """Calibrated mean of each prediction, its spread, and the parts of its uncertainty.

        These are the measures of `sample_proba`. Only where `estimator` has
        `predict_uncertainty`.

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
            As from the estimator's own `predict_uncertainty`.

        Raises
        ------
        ValueError
            For an unknown measure or an interval outside (0, 1); as `sample_proba` does.
        """
        chosen = check_measures(measures, interval)
        return summarize_blocks(self._calibrated_draws(X), self.classes_, chosen, interval)

    def _calibrated_draws(self, X):
        """Return Draws whose means are the calibrated answers."""
        target = self.predict_proba(X)
        pairs = self.calibrated_classifiers_
        final = find_final_estimator(pairs[0].estimator)
        ragged = getattr(final, "tol", None) is not None
        if ragged and len(pairs) > 1:
            raise ValueError(
                f"Draws of {len(pairs)} members that stop early are of different numbers; "
                "give tol=None, or ensemble=False."
            )
        found = zip(*(_draws_of_pair(pair, X) for pair in pairs), strict=True)
        blocks = (_move_block(parts, target) for parts in found)
        exact = isinstance(getattr(final, "n_draws", None), str)
        return Draws(blocks, ragged=ragged, random=not exact)


def _draws_of_pair(pair, X):
    """Yield rows and their draws, with a column for each class of all pairs."""
    for rows, draws in pair.estimator.sample_proba(X, blocks=True):
        flat = draws.reshape(-1, draws.shape[-1])
        full = columns_of_all(flat, pair.columns, len(pair.classes))
        yield rows, full.reshape(*draws.shape[:-1], -1)


def _move_block(parts, target):
    """Return rows and all their draws (1, n_draws, n_rows, n_classes), moved."""
    rows = parts[0][0]
    draws = np.concatenate([draws for _, draws in parts])
    return rows, move_draws(draws, target[rows])[np.newaxis]
