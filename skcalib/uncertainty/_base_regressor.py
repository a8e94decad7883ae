"""SamplingRegressor: a regressor whose prediction is a distribution."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skcalib.estimators import Result, VersionedMixin
from skcalib.networks import check_answers
from skcalib.sampling import check_interval, quantiles, stack_levels, standard_deviation
from skcalib.uncertainty._normal_mixtures import mixture_quantiles


class SamplingRegressor(VersionedMixin, RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of regressors that predict by draws; write ``fit`` and ``_draws``.

    ``_draws(X)`` returns :class:`~skcalib.uncertainty.Draws`: for one block of rows after
    the other a slice and an array of draws of shape (n_levels, n_draws, n_rows, n_outputs).
    ``_noise()`` gives the variance of an observation around a draw, to be broadcast to
    (n_levels, n_outputs).
    """

    @abstractmethod
    def _draws(self, X):
        """Return Draws for these rows."""

    def _noise(self):
        return 0.0

    def predict(self, X, return_std=False):
        """Mean of the draws.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        return_std : bool, default=False
            Whether to return the standard deviation, too: spread of the draws and noise
            together. NaN for one draw.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Mean of the draws.

        std : ndarray of the same shape
            Only with `return_std`.

        Raises
        ------
        ValueError
            If there are several levels, whose means are no one prediction.
        """
        check_is_fitted(self)
        draws = self._check_X(X)
        if draws.levels is not None:
            raise ValueError(
                f"predict needs one level, got {draws.levels}; give a number. All levels: "
                "predict_uncertainty(X).mean."
            )
        noise = np.ravel(self._noise()) if return_std else None
        means, deviations = [], []
        for _, (block,) in draws.blocks:
            means.append(block.mean(axis=0, dtype=np.float64))
            if return_std:
                deviations.append(_add_noise(standard_deviation(block, means[-1]), noise))
        mean = _one_or_all(np.concatenate(means))
        return (mean, _one_or_all(np.concatenate(deviations))) if return_std else mean

    def sample(self, X, *, blocks=False):
        """Draws of the network's output, without noise.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        blocks : bool, default=False
            Whether to yield the draws block by block of rows instead of all at once, which
            takes memory for n_draws x n_samples x n_outputs numbers.

        Returns
        -------
        draws : ndarray of shape (n_draws, n_samples) or iterator
            With several outputs, or levels: (n_levels, n_draws, n_samples, n_outputs). With
            `blocks`, pairs of a slice of the rows and the draws for these.
        """
        check_is_fitted(self)
        draws = self._check_X(X)
        one = draws.levels is None
        found = (
            (rows, _one_or_all(block[0] if one else block)) for rows, block in draws.blocks
        )
        if blocks:
            return found
        return np.concatenate([block for _, block in found], axis=1 if one else 2)

    def predict_uncertainty(self, X, interval=0.9):
        """Mean, spread and interval of each prediction.

        Parameters
        ----------
        X : array-like of n_samples
            As accepted by the estimator.

        interval : float, default=0.9
            Share of the predictive distribution between ``low`` and ``high``, in (0, 1).

        Returns
        -------
        result : sklearn.utils.Bunch
            Arrays of shape (n_samples,) or (n_samples, n_outputs): ``mean`` of the draws;
            ``epistemic_std``, their standard deviation (ddof 1; NaN for one draw);
            ``standard_error``, the error of the mean for so many draws,
            ``epistemic_std / sqrt(n_draws)``; ``std``, the root of
            ``epistemic_std ** 2 + noise_variance``; ``low`` and ``high``, quantiles of the
            normal distributions around the draws, or of the draws themselves if there is no
            noise. With several levels, each array has a first axis for these, and
            ``levels`` holds them.

        Raises
        ------
        ValueError
            For an interval outside (0, 1); if an answer is NaN or infinite.
        """
        check_is_fitted(self)
        check_interval(interval)
        noise = np.asarray(self._noise())
        draws = self._check_X(X)
        rows, parts = [], []
        for block_rows, values in draws.blocks:
            rows.append(block_rows)
            levels = zip(values, _for_each_level(noise, len(values)), strict=True)
            parts.append(
                [_summary(d, np.broadcast_to(v, d.shape[-1:]), interval) for d, v in levels]
            )
        result = Result()
        for name, found in stack_levels(parts, rows):
            result[name] = _one_or_all(found[0] if draws.levels is None else found)
        if draws.levels is not None:
            result.levels = np.asarray(draws.levels)
        return result

    def _check_X(self, X):
        draws = self._draws(X)
        return draws._replace(blocks=_check_each(draws.blocks))


def _check_each(blocks):
    for rows, draws in blocks:
        check_answers(draws, "A draw")
        yield rows, draws


def _for_each_level(noise, n_levels):
    return [noise] * n_levels if noise.ndim < 2 else noise


def _one_or_all(array):
    """Drop the last axis if there is one output only."""
    return array[..., 0] if array.shape[-1] == 1 else array


def _add_noise(spread, noise):
    return np.sqrt(spread**2 + noise)


def _summary(draws, noise, interval):
    """Return the measures of draws (n_draws, n_rows, n_outputs)."""
    mean = draws.mean(axis=0, dtype=np.float64)
    spread = standard_deviation(draws, mean)
    low, high = np.stack(
        [_ends(draws[..., k], variance, interval) for k, variance in enumerate(noise)], axis=-1
    )
    return Result(
        mean=mean,
        std=_add_noise(spread, noise),
        epistemic_std=spread,
        standard_error=spread / np.sqrt(len(draws)),
        low=low,
        high=high,
    )


def _ends(draws, variance, interval):
    """Return the ends of the interval of one output."""
    shares = (1 - interval) / 2, (1 + interval) / 2
    if variance > 0:
        return tuple(mixture_quantiles(draws, variance, shares))
    return tuple(quantiles(draws, *shares))
