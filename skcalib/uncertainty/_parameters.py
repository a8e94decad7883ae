"""Parameters that classifiers and regressors by dropout have in common, checked."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

MASKS = ("shared", "independent")
SITES = ("hidden", "last")


def check_parameters(estimator):
    """Raise InvalidParameterError for values that are out of range."""
    owner = type(estimator).__name__
    spares = hasattr(estimator, "tol")  # draws, as classifiers do
    exact = isinstance(estimator.n_draws, str) and estimator.n_draws == "exact"
    if not (exact and spares):
        _check_count(owner, "n_draws", estimator.n_draws, " or 'exact'" if spares else "")
    if spares:
        _check_tol(owner, estimator.tol, estimator.n_draws)
    if estimator.batch_size is not None:
        _check_count(owner, "batch_size", estimator.batch_size)
    if not (isinstance(estimator.masks, str) and estimator.masks in MASKS):
        raise InvalidParameterError(
            f"The 'masks' parameter of {owner} must be one of {MASKS}. Got "
            f"{estimator.masks!r} instead."
        )
    centered = getattr(estimator, "centered", None)  # of classifiers only, as "auto" is
    if not isinstance(centered, bool | np.bool_ | None):
        raise InvalidParameterError(
            f"The 'centered' parameter of {owner} must be True or False. Got {centered!r}."
        )
    auto = isinstance(estimator.rate, str) and estimator.rate == "auto"
    if not (auto and centered is not None):
        _check_rates(owner, estimator.rate, ", 'auto'" if centered is not None else "")

    inject = estimator.inject
    names = isinstance(inject, list | tuple) and all(isinstance(x, str) for x in inject)
    if not (inject is None or inject in SITES if isinstance(inject, str | None) else names):
        raise InvalidParameterError(
            f"The 'inject' parameter of {owner} must be None, one of {SITES} or a list of "
            f"names of layers. Got {inject!r} instead."
        )


def check_noise(estimator):
    """Raise InvalidParameterError unless `noise_variance` is None, a variance or "auto"."""
    noise = estimator.noise_variance
    if noise is None or (isinstance(noise, str) and noise == "auto"):
        return
    right = isinstance(noise, Real) and not isinstance(noise, bool) and np.isfinite(noise)
    if not (right and noise >= 0):
        raise InvalidParameterError(
            f"The 'noise_variance' parameter of {type(estimator).__name__} must be None, a "
            f"number of at least 0, or 'auto'. Got {noise!r} instead."
        )


def _check_rates(owner, rate, others):
    rates = np.ravel(rate).tolist() if rate is not None and np.ndim(rate) < 2 else []
    right = all(isinstance(r, Real) and not isinstance(r, bool) for r in rates)
    none = not rates and rate is not None
    if none or not right or not all(0 <= r < 1 for r in rates):
        raise InvalidParameterError(
            f"The 'rate' parameter of {owner} must be None{others}, a number in [0, 1) or a "
            f"list of such numbers. Got {rate!r} instead."
        )


def _check_tol(owner, tol, n_draws):
    if tol is None:
        return
    if not isinstance(tol, Real) or isinstance(tol, bool) or not 0 < tol < np.inf:
        raise InvalidParameterError(
            f"The 'tol' parameter of {owner} must be None or a positive number, .01 say, the "
            f"standard error at which a row stops drawing. Got {tol!r} instead."
        )
    if isinstance(n_draws, str):
        raise InvalidParameterError(
            f"The 'tol' parameter of {owner} stops draws, and n_draws={n_draws!r} makes none. "
            f"Give tol=None, or the largest number of draws. Got tol={tol!r}."
        )


def _check_count(owner, name, value, otherwise=""):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise InvalidParameterError(
            f"The '{name}' parameter of {owner} must be a positive int{otherwise}. Got "
            f"{value!r} instead."
        )
